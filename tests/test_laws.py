"""The bookkeeping of time and batch: laws that hold whatever the equations are.

To rounding, not to the bit: one product over T·B rows rounds differently for another T or B.
Directions, resets and options have laws of their own, in their own files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cases import (
    TOLERANCE,
    Case,
    each,
    every_case,
    every_ragged_case,
    frozen,
    law,
    named,
    pack,
    read,
    rows,
    steps,
)
from checks import alone_error, chunks_error, distance, first_rows_error, worst
from elman import bptt
from elman.states import State
from matrix import ONE_WAY, Row, case_of, every_row

LAW = TOLERANCE.law["float64"]


@every_case
@pytest.mark.parametrize("cuts", [(1,), (2, 3), (1, 2, 3, 4, 5), (0, 4, 4)], ids=str)
def test_chunks_are_the_whole(case: Case, cuts: Sequence[int]) -> None:
    assert chunks_error(case, cuts) < law(case)


@every_row(stack=ONE_WAY, readout=["every"])
@pytest.mark.parametrize("cuts", [(1,), (2, 3)], ids=str)
def test_chunks_are_the_whole_whatever_the_options(row: Row, cuts: Sequence[int]) -> None:
    """Noise goes on where the chunk before stopped."""
    assert chunks_error(case_of(row), cuts) < LAW


def stepped(case: Case, b: int | None = None) -> tuple[list[Any], State]:
    """The outputs of single steps, and the state after them; of row b alone, without a batch axis."""
    outputs, state = [], case.state
    if b is not None and state is not None:
        state = each(state, lambda s: s[b])
    for t in range(len(case.x[0] if isinstance(case.x, tuple) else case.x)):
        y, state = case.network.step(read(case.x, lambda a, t=t: a[t] if b is None else a[t, b]), state)
        outputs.append(y)
    assert state is not None
    return outputs, state


@every_case
@pytest.mark.parametrize("b", [None, 1], ids=["batch", "no batch axis"])
def test_steps_are_a_run(case: Case, b: int | None) -> None:
    case = replace(case, lengths=None)
    outputs, state = stepped(case, b)
    whole, finish = (case if b is None else rows(case, b)).run()
    came, expected = {"y": np.array(outputs), **named("s", state)}, {"y": whole, **named("s", finish)}
    assert worst(came, expected) < law(case)


@every_row(stack=ONE_WAY, readout=["every", "last"], noise=["quiet"], rows=["whole"])
@pytest.mark.parametrize("b", [None, 1], ids=["batch", "no batch axis"])
def test_steps_are_a_run_whatever_the_options(row: Row, b: int | None) -> None:
    """Where the last output is the only one, each step gives the one so far."""
    case = case_of(row)
    outputs, state = stepped(case, b)
    whole, finish = (case if b is None else rows(case, b)).run()
    came = {"y": np.array(outputs) if case.every else outputs[-1], **named("s", state)}
    assert worst(came, {"y": whole, **named("s", finish)}) < LAW


@every_case
@pytest.mark.parametrize("batched", [True, False], ids=["batch of one", "no batch axis"])
def test_alone_is_as_in_a_batch(case: Case, batched: bool) -> None:
    """Also: y is zero past a row's end, and the state is the one at its true end."""
    assert alone_error(case, batched=batched) < law(case)


@every_row(noise=["quiet"])
@pytest.mark.parametrize("batched", [True, False], ids=["batch of one", "no batch axis"])
def test_alone_is_as_in_a_batch_whatever_the_options(row: Row, batched: bool) -> None:
    assert alone_error(case_of(row), batched=batched) < LAW


@every_row(noise=["noisy"])
def test_a_row_has_its_own_noise(row: Row) -> None:
    """Whatever rows come after it, and in which order they lie inside."""
    assert first_rows_error(case_of(row), 2) < LAW


@every_row(noise=["quiet"])
def test_the_order_of_the_batch_is_irrelevant(row: Row) -> None:
    case, order = case_of(row), np.array([2, 0, 1])
    expected = case.answers()
    expected = {name: a if name == "gradient" else a[..., order, :] for name, a in expected.items()}
    assert worst(rows(case, order).answers(), expected) < LAW


@every_case
def test_the_order_of_a_larger_batch_is_irrelevant(case: Case) -> None:
    order = np.array([3, 0, 4, 2, 1])
    expected = case.answers()
    expected = {name: a if name == "gradient" else a[..., order, :] for name, a in expected.items()}
    assert worst(rows(case, order).answers(), expected) < law(case)


@every_row(noise=["quiet"], rows=["whole", "ragged"])
def test_a_list_is_a_padded_batch(row: Row) -> None:
    case = case_of(row)
    lengths = np.full(3, 4) if case.lengths is None else case.lengths
    listed = [read(case.x, lambda a, b=b, n=n: a[:n, b]) for b, n in enumerate(lengths)]
    outputs, state = case.network.run(listed, case.state)
    padded, finish = case.run()
    assert distance(pack(state), pack(finish)) < LAW
    for b, n in enumerate(lengths):
        assert distance(outputs[b], padded[:n, b] if case.every else padded[b]) < LAW


@every_row(noise=["quiet"])
def test_run_is_forward_to_the_bit(row: Row) -> None:
    case = case_of(row)
    y, state = case.network.run(case.x, case.state, case.lengths, case.reset)
    expected, finish = case.run()
    assert y.tobytes() == expected.tobytes()
    assert pack(state).tobytes() == pack(finish).tobytes()


@every_ragged_case
def test_lengths_of_all_steps_are_no_lengths(case: Case) -> None:
    whole = replace(case, lengths=None)
    full = replace(case, lengths=np.full(5, 6))
    assert worst(full.answers(), whole.answers()) < law(case)


@every_ragged_case
@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint64], ids=lambda kind: kind.__name__)
def test_lengths_of_any_integer_type(case: Case, kind: type) -> None:
    narrow = replace(case, lengths=case.lengths.astype(kind))
    assert worst(narrow.answers(), case.answers()) == 0
    loss, gradient, _ = bptt.truncated(case.network, case.batch, case.state, window=2)
    came = bptt.truncated(narrow.network, narrow.batch, narrow.state, window=2)
    assert (came[0], came[1].tobytes()) == (loss, gradient.tobytes())


@every_case
def test_one_hot_input_is_symbols(case: Case) -> None:
    symbols = replace(case, x=case.x if case.x.ndim == 2 else frozen(np.argmax(case.x, axis=-1)))
    dense = replace(symbols, x=np.eye(3)[symbols.x])
    assert worst(dense.answers(), symbols.answers()) < law(case)


@every_case
def test_no_steps_leave_the_state(case: Case) -> None:
    y, state = replace(case, x=case.x[:0], lengths=None).run()
    assert y.shape == (0, 5, 4)
    assert pack(state).tobytes() == pack(case.state).tobytes()
    none = steps(case, 0, 0, case.state).answers()
    assert not none["gradient"].any()
    assert none["dstart.1.0"].tobytes() == case.dstate[1][0].tobytes()


@every_row(weights=["weights"])
def test_a_weight_of_zero_is_a_target_that_is_not_there(row: Row) -> None:
    """What it weighs nothing may be anything; and only the proportions of weights count."""
    case = case_of(row)
    options = {"noise": case.noise}
    targets = case.targets.copy()
    targets[case.weights == 0] = np.nan if targets.dtype.kind == "f" else 1
    loss, gradient, _ = bptt.full(case.network, case.batch, case.state, **options)
    other = bptt.full(case.network, replace(case, targets=targets).batch, case.state, **options)
    assert (loss, gradient.tobytes()) == (other[0], other[1].tobytes())
    twice = replace(case, weights=2 * case.weights)
    other = bptt.full(case.network, twice.batch, case.state, **options)
    assert distance(other[1], gradient) < LAW
