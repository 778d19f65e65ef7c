"""Rows that begin anew in the middle of a batch, and states that are reset: as if run in pieces."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cases import TOLERANCE, Case, each, named, pack, random_case, row, steps
from checks import pieces_error, worst
from elman import ShapeError
from elman.cells import CELLS
from matrix import Row, case_of, every_row

LAW = TOLERANCE.law["float64"]

cells = pytest.mark.parametrize("cell", CELLS, ids="-".join)
learned = pytest.mark.parametrize("learned", [False, True], ids=["zero", "learned"])


def resetting(cell: tuple[str, str] = ("elman", "tanh"), **given: Any) -> Case:
    return random_case(cell, **{"T": 6, "B": 4, "O": 3, "H": 5, "layers": 2, "reset": 0.4} | given)


@every_row(readout=["every"], rows=["reset", "ragged, reset"], noise=["quiet"])
def test_a_row_that_begins_again_is_its_pieces(row: Row) -> None:
    """Outputs, last states and the gradient, in both directions: each reads a piece by itself."""
    assert pieces_error(case_of(row)) < LAW


@cells
@learned
def test_a_reset_is_reset_state_between_two_runs(cell: tuple[str, str], learned: bool) -> None:
    case = resetting(cell, learn_initial_state=learned)
    where = np.zeros((6, 4), bool)
    where[2, [0, 3]] = True
    first, middle = steps(replace(case, reset=None), 0, 2, case.state).run()
    middle = case.network.reset_state(middle, [0, 3])
    second, finish = steps(replace(case, reset=None), 2, 6, middle).run()
    whole, state = replace(case, reset=where).run()
    came = {"y": np.concatenate([first, second]), **named("s", finish)}
    assert worst(came, {"y": whole, **named("s", state)}) < LAW


@cells
@learned
def test_a_reset_before_the_first_step_is_no_state(cell: tuple[str, str], learned: bool) -> None:
    case = resetting(cell, learn_initial_state=learned)
    where = np.zeros((6, 4), bool)
    where[0] = True
    came, expected = replace(case, reset=where).answers(), replace(case, reset=None, state=None).answers()
    starts = [name for name in came if name.startswith("dstart")]
    assert not any(came.pop(name).any() for name in starts)  # the state that was given is not used
    assert all(expected.pop(name).any() for name in starts)
    assert worst(came, expected) == 0


@cells
def test_no_reset_is_none(cell: tuple[str, str]) -> None:
    case = resetting(cell)
    came, expected = (
        replace(case, reset=np.zeros((6, 4), bool)).answers(),
        replace(case, reset=None).answers(),
    )
    assert worst(came, expected) == 0


@cells
@pytest.mark.parametrize("both", [False, True], ids=["one way", "both ways"])
def test_a_reset_past_the_end_is_not_read(cell: tuple[str, str], both: bool) -> None:
    case = resetting(cell, lengths=(2, 6, 0, 5), bidirectional=both)
    ended = np.arange(6)[:, None] >= case.lengths
    real = case.reset & ~ended
    came, expected = (replace(case, reset=reset).answers() for reset in (real | ended, real))
    assert real.any()
    assert worst(came, expected) == 0


@cells
def test_one_sequence_needs_no_batch_axis(cell: tuple[str, str]) -> None:
    case = resetting(cell)
    single, batch = row(case, 1).answers(), row(case, 1, batched=True).answers()
    assert single["y"].shape == (6, 3)
    flat = {name: a if name == "gradient" else a.squeeze(-2) for name, a in batch.items()}
    assert worst(single, flat) < LAW


@every_row(rows=["reset", "ragged, reset"])
def test_a_reset_of_one_row_leaves_the_others(row: Row) -> None:
    """As they were, to the bit."""
    case = case_of(row)
    one, none = replace(case, reset=case.reset & (np.arange(3) == 0)), replace(case, reset=None)
    (y, state), (right, finish) = one.run(), none.run()
    assert np.array_equal(y[..., 1:, :], right[..., 1:, :])
    assert np.array_equal(pack(each(state, lambda s: s[1:])), pack(each(finish, lambda s: s[1:])))


# reset_state


@cells
@learned
@pytest.mark.parametrize(
    "which", [[0, 2], np.array([True, False, True]), (0, 2), np.array([2, 0], np.uint8)], ids=str
)
def test_reset_state_gives_these_rows_their_start(cell: tuple[str, str], learned: bool, which: Any) -> None:
    case = random_case(cell, layers=2, learn_initial_state=learned)
    before, start = pack(case.state).tobytes(), case.network.init_state(3)
    after = case.network.reset_state(case.state, which)
    for came, old, new in zip(
        *(named("s", state).values() for state in (after, case.state, start)), strict=True
    ):
        assert np.array_equal(came[[0, 2]], new[[0, 2]])
        assert np.array_equal(came[1], old[1])
    assert pack(case.state).tobytes() == before  # a state is a value


def test_reset_state_of_no_rows_changes_nothing() -> None:
    case = random_case()
    assert np.array_equal(pack(case.network.reset_state(case.state, [])), pack(case.state))


@pytest.mark.parametrize("which", [[3], [-4], [0.5], ["a"], [True], 3], ids=str)
def test_rows_that_are_not_there_cannot_be_reset(which: Any) -> None:
    case = random_case()
    with pytest.raises(ShapeError, match=r"rows are .*; expected"):
        case.network.reset_state(case.state, which)
