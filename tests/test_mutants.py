"""The checks can fail: each planted fault, from bugs found in admired libraries, shows far above tolerance.

A fault is planted in the house; the check that must see it is the very function that the other tests use.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import cell_mutants as c
import mutants as m
from cases import TOLERANCE, Case, random_case
from cell_mutants import ELMAN, GRU, LSTM, Key
from checks import (
    alone_error,
    checkpoints_error,
    chunks_error,
    first_rows_error,
    gradient_error,
    parity_error,
    pieces_error,
    truncated_error,
)
from elman.engines import choice
from elman.noise import Noise
from mutants import Plant
from plain import plain_error

GOLDENS = json.loads((Path(__file__).parent / "goldens" / "torch_rnn.json").read_text())["cases"]
RAGGED = (0, 3, 5, 1)  # the order that puts the longest first is a cycle of three, not its own inverse
ROWS: dict[str, Any] = {"B": 4, "O": 6, "H": 5, "lengths": RAGGED}
NOISE = Noise(seed=3, step=5)


@pytest.fixture(autouse=True)
def without_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most faults are of the reference engine."""
    monkeypatch.setattr(choice, "native", lambda: None)


@dataclass(frozen=True)
class Mutant:
    """A fault, the check that must see it, and the case that shows it."""

    plant: Plant
    check: Callable[[Case], float]
    case: Callable[[], Case]
    tolerance: float


def seen_by_gradients(plant: Plant, cell: Key = ELMAN, **given: Any) -> Mutant:
    def check(case: Case) -> float:
        return gradient_error(case, along=3)

    return Mutant(plant, check, lambda: random_case(cell, **{"H": 5} | given), TOLERANCE.gradient)


def seen_by_parity(plant: Plant, key: Key = ELMAN, *, both: bool = False) -> Mutant:
    def fits(sizes: dict[str, Any]) -> bool:
        return ((sizes["cell"], sizes["activation"]), sizes["bidirectional"]) == (key, both)

    golden = next(golden for golden in GOLDENS if fits(golden["sizes"]))
    return Mutant(plant, lambda _: parity_error(golden), random_case, 1)


def seen_by_a_law(plant: Plant, law: Callable[[Case], float], **given: Any) -> Mutant:
    return Mutant(plant, law, lambda: random_case(**ROWS | given), TOLERANCE.law["float64"])


def seen_by_papers(plant: Plant, **given: Any) -> Mutant:
    return Mutant(plant, plain_error, lambda: random_case(**{"H": 5} | given), TOLERANCE.equations)


def chunks(case: Case) -> float:
    return chunks_error(case, [2])


def first_rows(case: Case) -> float:
    return first_rows_error(case, 2)


def truncated(case: Case) -> float:
    return truncated_error(case, 2, along=3)


BOTH_WAYS: dict[str, Any] = {"bidirectional": True}
TIED: dict[str, Any] = {"dense": False, "tied": True, "I": 4, "embedding_size": 5}
MUTANTS = {
    # the nine of old
    "first step skipped": seen_by_gradients(m.first_step_skipped),
    "gradient added to the weights": seen_by_gradients(m.added_to_the_weights),
    "h after instead of before in dW": seen_by_gradients(m.after_instead_of_before),
    "initial state forgotten in dW": seen_by_gradients(m.start_forgotten),
    "last state's gradient ignored": seen_by_gradients(m.final_gradient_ignored),
    "one gate's line copied, GRU": seen_by_gradients(c.copied_line[GRU], GRU),
    "one gate's line copied, LSTM": seen_by_gradients(c.copied_line[LSTM], LSTM),
    "i and o swapped in both directions": seen_by_parity(c.gates_swapped[LSTM], LSTM),
    "reversal that does not reverse": seen_by_parity(m.does_not_reverse, both=True),
    "a derivative 0.1 % off": seen_by_gradients(c.slightly_off[ELMAN]),
    "a derivative 0.1 % off, GRU": seen_by_gradients(c.slightly_off[GRU], GRU),
    "a derivative 0.1 % off, LSTM": seen_by_gradients(c.slightly_off[LSTM], LSTM),
    # cells and weights
    "a line copied with the wrong state": seen_by_gradients(c.wrong_state_in_the_line),
    "another nonlinearity in both directions": seen_by_parity(c.another_nonlinearity),
    "r and z swapped in both directions": seen_by_parity(c.gates_swapped[GRU], GRU),
    "W transposed in both directions": seen_by_parity(m.transposed_both_ways),
    "W transposed in backward": seen_by_gradients(m.transposed_backward),
    "recurrent bias forgotten": seen_by_gradients(m.recurrent_bias_forgotten, GRU),
    "last memory's gradient ignored": seen_by_gradients(m.final_memory_ignored, LSTM),
    "gradient of a symbol overwritten": seen_by_gradients(m.same_symbol_overwritten, dense=False),
    "gradient of an embedded symbol overwritten": seen_by_gradients(
        m.same_symbol_overwritten, dense=False, embedding_size=3
    ),
    "gradient of a tied embedding overwritten": seen_by_gradients(m.embedding_overwritten, **TIED),
    # options
    "zoneout's gradient forgotten": seen_by_gradients(m.zoneout_forgotten, LSTM, zoneout=0.3),
    "zoneout's gradient forgotten, drawn": seen_by_gradients(m.zoneout_forgotten, zoneout=0.3, noise=NOISE),
    "recurrent mask not applied backward": seen_by_gradients(
        m.mask_not_applied_backward, recurrent_dropout=0.4, noise=NOISE
    ),
    "mask between layers not applied backward": seen_by_gradients(
        m.layer_masks_forgotten, layers=2, dropout=0.4, noise=NOISE
    ),
    "mean term of layer normalization dropped": seen_by_gradients(m.mean_term_dropped, layer_norm=True),
    "zoneout turned round in both directions": seen_by_papers(
        m.zoneout_turned_round, zoneout=0.3, noise=NOISE
    ),
    "another ε in both directions": seen_by_papers(m.another_epsilon, layer_norm=True),
    "initial state not learned": seen_by_gradients(
        m.own_start_not_learned, own_start=True, learn_initial_state=True
    ),
    "initial state not learned where rows begin again": seen_by_gradients(
        m.restart_not_learned, reset=0.4, learn_initial_state=True
    ),
    "gradient leaks to the state before a reset": seen_by_gradients(m.restart_leaks, LSTM, reset=0.4),
    # rows and time
    "rows not put back in order": seen_by_a_law(m.order_not_restored, alone_error),
    "rows put back by the order itself": seen_by_a_law(m.order_restored_by_itself, alone_error),
    "reversal that ignores lengths": seen_by_a_law(m.reversed_whole, alone_error, **BOTH_WAYS),
    "a reset ignored": seen_by_a_law(m.restart_ignored, pieces_error, reset=0.4),
    "a reset not reversed": seen_by_a_law(m.reset_not_reversed, pieces_error, reset=0.4, **BOTH_WAYS),
    "mask of a sequence on the wrong row": seen_by_a_law(
        m.sequence_mask_unordered, first_rows, recurrent_dropout=0.4, noise=NOISE
    ),
    "mask of a step on the wrong row": seen_by_a_law(
        m.step_mask_unordered, first_rows, output_dropout=0.4, noise=NOISE
    ),
    "zoneout on the wrong row": seen_by_a_law(m.held_unordered, first_rows, zoneout=0.4, noise=NOISE),
    "state not handed on": seen_by_a_law(m.state_not_handed_on, chunks),
    "every window draws the same noise": seen_by_a_law(
        m.noise_stands_still, checkpoints_error, zoneout=0.4, noise=NOISE
    ),
    "gradient not cut at windows": Mutant(
        m.gradient_not_cut_at_windows, truncated, random_case, TOLERANCE.gradient
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_a_planted_fault_is_seen(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mutant.check(mutant.case()) < mutant.tolerance
    mutant.plant(monkeypatch)
    assert mutant.check(mutant.case()) > 100 * mutant.tolerance


@pytest.mark.parametrize(
    ("plant", "cell"),
    [
        (m.transposed_both_ways, ELMAN),
        (c.another_nonlinearity, ELMAN),
        (c.gates_swapped[LSTM], LSTM),
        (c.gates_swapped[GRU], GRU),
        (m.does_not_reverse, ELMAN),
        (m.zoneout_turned_round, LSTM),
        (m.another_epsilon, GRU),
    ],
    ids=["W transposed", "another nonlinearity", "i and o", "r and z", "not reversed", "zoneout", "ε"],
)
def test_gradients_cannot_see_a_wrong_forward(
    plant: Plant, cell: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason for parity and papers: wrong in both directions is still a derivative."""
    plant(monkeypatch)
    case = random_case(cell, H=5, bidirectional=True, layer_norm=True, zoneout=0.3)
    assert gradient_error(case, along=3) < TOLERANCE.gradient


def test_a_zero_start_cannot_see_a_forgotten_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason for random starts."""
    m.start_forgotten(monkeypatch)
    case = random_case()
    assert gradient_error(replace(case, state=case.network.init_state(3))) < TOLERANCE.gradient


def test_a_zero_end_cannot_see_an_ignored_final_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason for random gradients of the final state."""
    m.final_gradient_ignored(monkeypatch)
    case = random_case()
    assert gradient_error(replace(case, dstate=case.network.init_state(3))) < TOLERANCE.gradient


def test_an_order_that_is_its_own_inverse_cannot_see_a_wrong_way_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The reason for RAGGED."""
    m.order_restored_by_itself(monkeypatch)
    swapped = random_case(B=4, O=6, lengths=(2, 5, 1, 0))
    assert alone_error(swapped) < TOLERANCE.law["float64"]


def test_rows_in_order_cannot_see_a_mask_on_the_wrong_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason for unequal lengths in the laws of noise."""
    m.step_mask_unordered(monkeypatch)
    case = random_case(**ROWS | {"lengths": (5, 3, 1, 0)}, output_dropout=0.4, noise=NOISE)
    assert first_rows(case) < TOLERANCE.law["float64"]
