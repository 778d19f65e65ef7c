"""Faults to plant in engine, layers and network; who must see each: test_mutants.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cases import Array
from elman import Network, bptt
from elman.cells import Cell, States
from elman.circumstances import Circumstances
from elman.engines import Tape, Weights, gather, normalization, reference
from elman.engines.course import Course
from elman.layers import Layers
from elman.machine import Machine
from elman.noise import Noise
from elman.states import State

Plant = Callable[[pytest.MonkeyPatch], None]


def instead(owner: object, name: str, make: Callable[[Any], Any]) -> Plant:
    """Plant what `make` makes of the right function in its place."""
    return lambda monkeypatch: monkeypatch.setattr(owner, name, make(getattr(owner, name)))


# The engine

Backward = tuple[Weights, Tape, States, Weights]  # weights, tape, dstates, gradient


def in_backward(change: Callable[[Weights, Tape, States, Weights], Backward]) -> Plant:
    def make(right: Any) -> Any:
        def backward(cell: Cell, w: Weights, tape: Tape, dstates: States, dw: Weights, **given: Any) -> Any:
            return right(cell, *change(w, tape, dstates, dw), **given)

        return backward

    return instead(reference, "backward", make)


def _without_first_step(w: Weights, tape: Tape, dstates: States, gradient: Weights) -> Backward:
    states = tuple(s[1:] for s in tape.states)
    later = replace(tape, x=tape.x[1:], gates=tape.gates[1:], states=states, kept=tape.kept[1:])
    return w, later, tuple(d[1:] for d in dstates), gradient


def _turned(w: Weights) -> Weights:
    return replace(w, W=w.W.T)


first_step_skipped = in_backward(_without_first_step)
transposed_backward = in_backward(lambda w, tape, dstates, dw: (_turned(w), tape, dstates, dw))


def transposed_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    in_backward(lambda w, tape, dstates, dw: (_turned(w), tape, dstates, _turned(dw)))(monkeypatch)
    instead(reference, "forward", lambda right: lambda cell, w, *a, **k: right(cell, _turned(w), *a, **k))(
        monkeypatch
    )


def after_weight_gradients(change: Callable[[Weights, Weights], None]) -> Plant:
    def make(right: Any) -> Any:
        def weight_gradients(w: Weights, tape: Tape, flow: Any, gradient: Weights, memory: Any) -> None:
            right(w, tape, flow, gradient, memory)
            change(w, gradient)

        return weight_gradients

    return instead(reference, "_weight_gradients", make)


def _add_weights(w: Weights, gradient: Weights) -> None:
    gradient.W[:] += w.W


def _forget_d(w: Weights, gradient: Weights) -> None:
    if gradient.d is not None:
        gradient.d[:] = 0


added_to_the_weights = after_weight_gradients(_add_weights)
recurrent_bias_forgotten = after_weight_gradients(_forget_d)


def with_states(change: Callable[[Array], Array]) -> Plant:
    """The weight gradients see other states."""

    def make(right: Any) -> Any:
        def read(tape: Tape) -> Array:
            return right(replace(tape, states=tuple(change(s) for s in tape.states)))

        return read

    return instead(reference, "_read", make)


after_instead_of_before = with_states(lambda s: np.concatenate([s[1:], s[-1:]]))
start_forgotten = with_states(lambda s: np.concatenate([np.zeros_like(s[:1]), s[1:]]))


def mask_not_applied_backward(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(right: Any) -> Any:
        def through_time(*given: Any) -> None:
            with pytest.MonkeyPatch.context() as inner:
                inner.setattr(Course, "read", lambda self, h: h)
                right(*given)

        return through_time

    instead(reference, "_through_time", make)(monkeypatch)


def _leak(reset: Array, into: States, dbefore: States, danew: States) -> None:
    for part, before in zip(into, dbefore, strict=True):
        before += part


def _lose(reset: Array, into: States, dbefore: States, danew: States) -> None:
    for part, before in zip(into, dbefore, strict=True):
        before += np.where(reset[: len(part), None], 0, part)


restart_leaks = instead(reference, "_share_out", lambda right: _leak)
restart_not_learned = instead(reference, "_share_out", lambda right: _lose)
restart_ignored = instead(Course, "restarted", lambda right: lambda self, t, before: None)


def _zoneout_forgotten(right: Any) -> Any:
    def unhold(*given: Any) -> Any:
        made, dmade, straight = right(*given)
        return made, dmade, tuple(map(np.zeros_like, straight))

    return unhold


zoneout_forgotten = instead(Course, "unhold", _zoneout_forgotten)


def _without_mean(drows: Array, gain: Array, hat: Array, scale: Array, out: Array) -> None:
    np.multiply(drows, gain, out=out)
    out -= hat * (out * hat).mean(axis=-1, keepdims=True)
    out *= scale


another_epsilon = instead(normalization, "EPSILON", lambda right: 2 * right)
zoneout_turned_round = instead(Course, "held", lambda right: lambda self, *at: 1 - right(self, *at))
mean_term_dropped = instead(normalization, "backward", lambda right: _without_mean)


def _overwritten(symbols: Array, rows: Array, count: int, memory: Any) -> Array:
    sums = np.zeros((count, rows.shape[1]), rows.dtype)
    sums[symbols] = rows  # the last wins
    return sums


def same_symbol_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    for room, name in ((reference, "sum_flat"), (gather, "sum_by_symbol")):
        monkeypatch.setattr(room, name, _overwritten)


# Layers, rows and time


def _reversed_whole(self: Circumstances, array: Array) -> Array:
    return array[::-1]


def _unordered(right: Any) -> Any:
    return lambda self, *given: right(replace(self, order=None), *given)


def _embedding_overwritten(right: Any) -> Any:
    def gradient(self: Layers, parts: Any, dx: Array, dE: Array) -> None:
        dE[:] = 0
        right(self, parts, dx, dE)

    return gradient


def _without(name: str) -> Callable[[Any], Any]:
    """The passage goes back without these masks."""

    def of(right: Any) -> Any:
        def backward(self: Layers, passage: Any, *given: Any) -> Any:
            return right(self, replace(passage, **{name: [None] * len(passage.masks)}), *given)

        return backward

    return of


def _state_ignored(right: Any) -> Any:
    return lambda self, state, batch: self.init_state(batch)


def _only_h(state: State) -> State:
    return tuple((h, *map(np.zeros_like, rest)) for h, *rest in state)


def _memory_ignored(right: Any) -> Any:
    def backward(self: Network, dy: Array, tapes: Any, dstate: State | None = None) -> Any:
        return right(self, dy, tapes, dstate and _only_h(dstate))

    return backward


does_not_reverse = instead(Circumstances, "turned", lambda right: lambda self, array: array)
reversed_whole = instead(Circumstances, "turned", lambda right: _reversed_whole)
reset_not_reversed = instead(Circumstances, "turned_reset", lambda right: lambda self: self.reset)
order_not_restored = instead(Circumstances, "restored", lambda right: lambda self, array, axis=0: array)
order_restored_by_itself = instead(
    Circumstances, "restored", lambda right: lambda self, array, axis=0: self.ordered(array, axis)
)
sequence_mask_unordered = instead(Circumstances, "sequence_mask", _unordered)
step_mask_unordered = instead(Circumstances, "step_mask", _unordered)
held_unordered = instead(Circumstances, "held", _unordered)
embedding_overwritten = instead(Layers, "_embedding_gradient", _embedding_overwritten)
layer_masks_forgotten = instead(Layers, "backward", _without("masks"))
own_start_not_learned = instead(Machine, "_learn", lambda right: lambda self, dstarts, gradient: None)
noise_stands_still = instead(Noise, "later", lambda right: lambda self, steps: self)
state_not_handed_on = instead(Network, "_read_state", _state_ignored)
final_gradient_ignored = instead(
    Network, "backward", lambda right: lambda self, dy, tapes, dstate=None: right(self, dy, tapes)
)
final_memory_ignored = instead(Network, "backward", _memory_ignored)


def gradient_not_cut_at_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bptt, "truncated", bptt.checkpointed)
