"""The checks can fail: each planted fault, from bugs found in admired libraries, shows far above tolerance.

A fault is planted in the house; the check that must see it is the very function that the other tests use.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cases import TOLERANCE, Array, Case, random_case
from checks import alone_error, chunks_error, gradient_error, parity_error, truncated_error
from elman import Network, bptt, inputs
from elman.cells import CELLS, Cell, States
from elman.engines import Memory, Tape, Weights, reference

Plant = Callable[[pytest.MonkeyPatch], None]
ELMAN = ("elman", "tanh")
GOLDEN = json.loads((Path(__file__).parent / "goldens" / "torch_rnn.json").read_text())["cases"][0]
RAGGED = (0, 3, 5, 1)  # the order that puts the longest first is a cycle of three, not its own inverse


Backward = tuple[Weights, Tape, States, Weights]  # weights, tape, dstates, gradient


def plant_in_backward(change: Callable[[Weights, Tape, States, Weights], Backward]) -> Plant:
    right = reference.backward

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        def backward(cell: Cell, w: Weights, tape: Tape, dstates: States, dw: Weights, **given: Any) -> None:
            right(cell, *change(w, tape, dstates, dw), **given)

        monkeypatch.setattr(reference, "backward", backward)

    return plant


def first_step_skipped(w: Weights, tape: Tape, dstates: States, gradient: Weights) -> Backward:
    states = tuple(s[1:] for s in tape.states)
    later = replace(tape, x=tape.x[1:], gates=tape.gates[1:], states=states, kept=tape.kept[1:])
    return w, later, tuple(d[1:] for d in dstates), gradient


def transposed_backward(w: Weights, tape: Tape, dstates: States, gradient: Weights) -> Backward:
    return replace(w, W=w.W.T), tape, dstates, gradient


def transposed_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    forward = reference.forward

    def turned(w: Weights) -> Weights:
        return replace(w, W=w.W.T)

    plant_in_backward(lambda w, tape, dstates, gradient: (turned(w), tape, dstates, turned(gradient)))(
        monkeypatch
    )
    monkeypatch.setattr(
        reference, "forward", lambda cell, w, *given, **more: forward(cell, turned(w), *given, **more)
    )


def added_to_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    right = reference.backward

    def backward(cell: Cell, w: Weights, tape: Tape, dstates: States, dw: Weights, **given: Any) -> None:
        right(cell, w, tape, dstates, dw, **given)
        dw.W[:] += w.W

    monkeypatch.setattr(reference, "backward", backward)


def plant_in_weight_gradients(change: Callable[[Tape], Tape]) -> Plant:
    right = reference._weight_gradients

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reference, "_weight_gradients", lambda tape, *given: right(change(tape), *given))

    return plant


def after_instead_of_before(tape: Tape) -> Tape:
    return replace(tape, states=tuple(np.concatenate([s[1:], s[-1:]]) for s in tape.states))


def start_forgotten(tape: Tape) -> Tape:
    return replace(tape, states=tuple(np.concatenate([np.zeros_like(s[:1]), s[1:]]) for s in tape.states))


def final_gradient_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Network.backward
    monkeypatch.setattr(Network, "backward", lambda self, dy, tapes, dstate=None: right(self, dy, tapes))


def plant_in_the_cell(change: Callable[[Cell], Cell]) -> Plant:
    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(CELLS, ELMAN, change(CELLS[ELMAN]))

    return plant


def derivative_through_the_state_before(cell: Cell) -> Cell:
    """The line of the step copied with the wrong state: f' through h0 instead of h1."""

    def backward(dafter: States, before: States, after: States, *given: Any) -> None:
        cell.backward(dafter, before, before, *given)

    return replace(cell, backward=backward)


def derivative_slightly_off(cell: Cell) -> Cell:
    def backward(dafter: States, before: States, after: States, kept: Array, da: Array, *given: Any) -> None:
        cell.backward(dafter, before, after, kept, da, *given)
        da *= 1.001

    return replace(cell, backward=backward)


def another_nonlinearity_both_ways(cell: Cell) -> Cell:
    relu = CELLS["elman", "relu"]
    return replace(cell, forward=relu.forward, backward=relu.backward)


def same_symbol_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    def sum_by_symbol(symbols: Array, rows: Array, count: int, memory: Memory) -> Array:
        sums = np.zeros((count, rows.shape[1]), rows.dtype)
        sums[symbols] = rows  # the last wins
        return sums

    monkeypatch.setattr(reference, "_sum_by_symbol", sum_by_symbol)


def order_not_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "restore", lambda arrays, order: arrays)


def order_restored_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "restore", inputs.reorder)  # right only if the order is its own inverse


def state_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Network._read_state
    monkeypatch.setattr(Network, "_read_state", lambda self, state, batch: right(self, None, batch))


def gradient_not_cut_at_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bptt, "truncated", bptt.checkpointed)


@dataclass(frozen=True)
class Mutant:
    """A fault, the check that must see it, and the case that shows it."""

    plant: Plant
    check: Callable[[Case], float]
    case: Callable[[], Case]
    tolerance: float


def seen_by_gradients(plant: Plant, *, dense: bool = True) -> Mutant:
    return Mutant(plant, gradient_error, lambda: random_case(dense=dense), TOLERANCE.gradient)


def seen_by_parity(plant: Plant) -> Mutant:
    return Mutant(plant, lambda _: parity_error(GOLDEN), random_case, TOLERANCE.parity["float64"])


def seen_by_a_law(plant: Plant, law: Callable[[Case], float]) -> Mutant:
    return Mutant(plant, law, lambda: random_case(B=4, O=6, lengths=RAGGED), TOLERANCE.law["float64"])


MUTANTS = {
    # the nine of old
    "first step skipped": seen_by_gradients(plant_in_backward(first_step_skipped)),
    "gradient added to the weights": seen_by_gradients(added_to_the_weights),
    "h after instead of before in dW": seen_by_gradients(plant_in_weight_gradients(after_instead_of_before)),
    "initial state forgotten in dW": seen_by_gradients(plant_in_weight_gradients(start_forgotten)),
    "last state's gradient ignored": seen_by_gradients(final_gradient_ignored),
    "a line copied with the wrong state": seen_by_gradients(
        plant_in_the_cell(derivative_through_the_state_before)
    ),
    "W transposed in both directions": seen_by_parity(transposed_both_ways),
    "rows not put back in order": seen_by_a_law(order_not_restored, alone_error),
    "a derivative 0.1 % off": seen_by_gradients(plant_in_the_cell(derivative_slightly_off)),
    # and their cousins
    "another nonlinearity in both directions": seen_by_parity(
        plant_in_the_cell(another_nonlinearity_both_ways)
    ),
    "W transposed in backward": seen_by_gradients(plant_in_backward(transposed_backward)),
    "gradient of a symbol overwritten": seen_by_gradients(same_symbol_overwritten, dense=False),
    "rows put back by the order itself": seen_by_a_law(order_restored_by_itself, alone_error),
    "state not handed on": seen_by_a_law(state_not_handed_on, lambda case: chunks_error(case, [2])),
    "gradient not cut at windows": Mutant(
        gradient_not_cut_at_windows, lambda case: truncated_error(case, 2), random_case, TOLERANCE.gradient
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_a_planted_fault_is_seen(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mutant.check(mutant.case()) < mutant.tolerance
    mutant.plant(monkeypatch)
    assert mutant.check(mutant.case()) > 100 * mutant.tolerance


@pytest.mark.parametrize(
    "plant",
    [transposed_both_ways, plant_in_the_cell(another_nonlinearity_both_ways)],
    ids=["W transposed", "another nonlinearity"],
)
def test_gradients_cannot_see_a_wrong_forward(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason for parity: wrong in both directions is still a derivative."""
    plant(monkeypatch)
    assert gradient_error(random_case()) < TOLERANCE.gradient


def test_a_zero_start_cannot_see_a_forgotten_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason for random starts."""
    plant_in_weight_gradients(start_forgotten)(monkeypatch)
    case = random_case()
    assert gradient_error(replace(case, state=case.network.init_state(3))) < TOLERANCE.gradient


def test_a_zero_end_cannot_see_an_ignored_final_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason for random gradients of the final state."""
    final_gradient_ignored(monkeypatch)
    case = random_case()
    assert gradient_error(replace(case, dstate=case.network.init_state(3))) < TOLERANCE.gradient


def test_an_order_that_is_its_own_inverse_cannot_see_a_wrong_way_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The reason for RAGGED."""
    order_restored_by_itself(monkeypatch)
    swapped = random_case(B=4, O=6, lengths=(2, 5, 1, 0))
    assert alone_error(swapped) < TOLERANCE.law["float64"]
