"""The compiled engine: the loops of native/, for every cell; the reference engine says what they compute.

Bits do not depend on threads, on the rows of a batch or on how time is cut: each sum is one chain of fused
multiply-adds in a fixed order. Arrays lie as in the reference engine; gates of a tape stay "T B G·H".
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.cells import Cell, States
from elman.numerics import Array

from .course import PLAIN, Course
from .gather import is_symbols
from .memory import Memory
from .tape import Normal, Tape, Weights

CELLS = {("elman", "tanh"): 0, ("elman", "relu"): 1, ("gru", "tanh"): 2, ("lstm", "tanh"): 3}
RULES = {"sgd": 0, "rmsprop": 1, "adagrad": 2, "adam": 3}
STORAGES = {"": 0, "bfloat16": 1, "int8": 2}  # of a stream's matrices; "": those of the network
HEADS = {"softmax": 1, "sigmoid": 2, "gaussian": 3}  # what users see of y; 0: y itself


@dataclass(frozen=True)
class Native:
    """The functions of one element type, run on so many threads."""

    module: Any
    threads: int
    name: str = "native"

    def running(self, batch: int, hidden_size: int, gates: int) -> AbstractContextManager[None]:
        """Return what surrounds a run."""
        return nullcontext()

    def forward(
        self,
        cell: Cell,
        w: Weights,
        x: Array,
        state: States,
        *,
        memory: Memory,
        course: Course = PLAIN,
        keep: bool = True,
    ) -> Tape:
        """Run one layer over all steps, as `reference.forward`; keep=False: not for a way back."""
        steps, batch, hidden = *x.shape[:2], w.W.shape[1]
        gates = memory.take((steps, batch, len(w.b) * keep))
        states = tuple(memory.take((steps + 1, batch, hidden)) for _ in state)
        for slots, start in zip(states, state, strict=True):
            slots[0] = start
        normal = None
        if w.gU is not None and keep:
            hats = np.empty((2, *gates.shape), gates.dtype)
            scales = np.empty((2, steps, batch, 1), gates.dtype)
            normal = Normal(hats[0], scales[0], hats[1], scales[1])
        kept = memory.take((steps, batch, cell.kept * hidden * keep))
        tape = Tape(np.require(x, None, ["C", "A"]), course, gates, states, kept, normal)
        self.module.forward(*_layer(cell, w, tape, keep), self.threads)
        return tape

    def backward(
        self,
        cell: Cell,
        w: Weights,
        tape: Tape,
        dstates: States,
        gradient: Weights,
        *,
        memory: Memory,
        dx: Array | None = None,
    ) -> States:
        """Run one layer backward, as `reference.backward`."""
        da, normal = tape.gates, tape.normal is not None
        danew = tuple(np.zeros_like(new) for new in tape.course.anew)
        taken = [memory.take(da.shape) for wanted in (cell.recurrent_bias, normal, normal) if wanted]
        du = taken[0] if cell.recurrent_bias else None
        dr, da_x = taken[-2:] if normal else (None, None)
        flow = (*_two(dstates), *_two(danew), du, dr, da_x, dx)
        g = gradient
        into = (g.U, g.W, g.b, g.d, g.gU, g.gW)
        self.module.backward(*_layer(cell, w, tape), flow, into, self.threads)
        memory.give(*taken)
        return danew

    def step(self, cell: Cell, w: Weights, x: Array, state: States, course: Course = PLAIN) -> States:
        """Run one layer for one step, keeping nothing: x "B" symbols or "B I", state "B H" each."""
        shape = state[0].shape
        x = x.reshape(1, -1) if is_symbols(x) else x.reshape(1, -1, w.U.shape[1])
        states = tuple(np.stack([s, s]).reshape(2, -1, shape[-1]) for s in state)
        nothing = np.empty(0, w.b.dtype)
        tape = Tape(np.require(x, None, ["C", "A"]), course, nothing, states, nothing, None)
        self.module.forward(*_layer(cell, w, tape, keep=False), self.threads)
        return tuple(slots[1].reshape(shape) for slots in states)

    def stream(
        self,
        cell: Cell,
        flat: Array,
        *,
        head: str,
        sizes: tuple[int, ...],
        layers: tuple[tuple[Array | None, ...], ...],
        outlet: tuple[Array | None, ...],
        zoneout: float,
        storage: str,
        many: bool,
    ) -> Any:
        """Return rows of states that stay in compiled code, as `elman.stepping` describes them: one, or many.

        sizes: symbols or features, the embedding, features beside symbols, outputs; layers: U, W, b, d, gU,
        gW, h0, s0 of each; outlet: V, c, E; all parts of `flat`. With a storage, U, W, V and E are pairs
        instead: narrow values, and the scales of their rows or None.
        """
        codes = (CELLS[cell.name, cell.activation], HEADS.get(head, 0))
        how = (zoneout, STORAGES[storage], self.threads, many)
        return self.module.Stream(flat, (*codes, *sizes), layers, outlet, *how)

    def whole(
        self,
        cell: Cell,
        flat: Array,
        *,
        sizes: tuple[int, int],
        layers: tuple[tuple[Array | None, ...], ...],
        outlet: tuple[Array, Array],
    ) -> Any:
        """Return what differentiates a plain network in one call, as native/whole.hpp says."""
        code = CELLS[cell.name, cell.activation]
        return self.module.Whole(flat, (code, *sizes), layers, outlet, self.threads)

    def cross_entropy(
        self,
        rows: Array,
        V: Array,
        c: Array,
        targets: Array,
        weights: Array | None,
        *,
        total: float,
        share: float,
        into: tuple[Array, Array, Array],
    ) -> float:
        """Return the loss Σ w ℓ / total of y = rows Vᵀ + c; add dV and dc, write drows, `share` times each.

        Shapes: rows, drows: "T B R"; targets, weights: "N"; into: dV, dc, drows. Logits live for a block of
                rows.
        """
        arrays = (_whole(rows), V, c, _whole(targets), _whole(weights), *into)
        sizes = (*rows.shape, len(c))
        loss: float = self.module.softmax(sizes, arrays, total, share, self.threads)
        return loss

    def judge(self, rows: Array, V: Array, c: Array, targets: Array) -> tuple[Array, Array]:
        """Return −log softmax(rows Vᵀ + c)[target] in nats, and the most probable symbol: "N" each."""
        nats, guesses = np.empty(len(rows)), np.empty(len(rows), np.int64)
        arrays = (_whole(rows), V, c, _whole(targets), nats, guesses)
        self.module.judge((*rows.shape, len(c)), arrays, self.threads)
        return nats, guesses

    def outputs(self, rows: Array, V: Array, c: Array) -> Array:
        """Return y = rows Vᵀ + c, "… R" → "… O"."""
        y = np.empty((*rows.shape[:-1], len(c)), c.dtype)
        count = rows.size // max(rows.shape[-1], 1)
        arrays = (np.require(rows, None, ["C", "A"]), V, c, y)
        self.module.outputs((count, rows.shape[-1], len(c)), arrays, self.threads)
        return y

    def outputs_backward(
        self, dy: Array, rows: Array, V: Array, *, dV: Array, dc: Array, drows: Array
    ) -> None:
        """Add to dV and dc; write drows. Shapes: dy: "T B O"; rows, drows: "T B R"."""
        sizes = (*rows.shape, len(dc))
        arrays = (np.require(dy, None, ["C", "A"]), np.require(rows, None, ["C", "A"]), V, dV, dc, drows)
        self.module.inputs(sizes, arrays, self.threads)

    def sum_by_symbol(self, symbols: Array, rows: Array, count: int, memory: Memory) -> Array:
        """Return Σ rows of each symbol, "T B" and "T B F" → "count F"."""
        out = np.empty((count, rows.shape[-1]), rows.dtype)
        sizes = (*rows.shape, count)
        arrays = (np.require(symbols, None, ["C", "A"]), np.require(rows, None, ["C", "A"]), out)
        self.module.sum_by_symbol(sizes, *arrays, self.threads)
        return out

    def square_sum(self, gradient: Array) -> float:
        """Return Σ g², in float64."""
        total: float = self.module.squares(gradient, gradient.size)
        return total

    def update(
        self,
        compiled: tuple[str, float, float, float],
        x: Array,
        g: Array,
        memory: Array,
        *,
        t: int,
        rate: float,
        weight_decay: float,
    ) -> bool:
        """Take a step of an optimizer, as `Optimizer.update` does.

        Return False, and change nothing, when a number that comes out is not finite.
        """
        rule, *numbers = compiled
        corrected = (0.0, 0.0)
        if rule == "adam":
            beta1, beta2, _ = numbers
            corrected = (rate / (1 - beta1**t), (1 - beta2**t) ** -0.5)
        constants = (rate, weight_decay, *numbers, *corrected)
        taken: bool = self.module.update(RULES[rule], constants, x, g, memory, x.size, self.threads)
        return taken


def _two(arrays: States) -> tuple[Array | None, Array | None]:
    """Return one array for each state that a cell may have."""
    padded = (*arrays, None, None)
    return padded[0], padded[1]


def _layer(cell: Cell, w: Weights, tape: Tape, keep: bool = True) -> tuple[Any, ...]:
    """Return what the module wants to know of a layer and its run."""
    x, course, normal = tape.x, tape.course, tape.normal
    steps, batch, hidden = tape.outputs.shape
    sizes = (steps, batch, w.U.shape[1], hidden)
    weights = (w.U, w.W, w.b, w.d, w.gU, w.gW)
    share, held = (course.zoneout, ()) if isinstance(course.zoneout, float) else (0.0, course.zoneout)
    around = (
        _whole(course.live, np.int64),
        _whole(course.reset, np.bool_),
        *_two(tuple(np.require(new, None, ["C", "A"]) for new in course.anew)),
        _whole(course.mask),
        share,
        *_two(tuple(np.require(kept, None, ["C", "A"]) for kept in held)),
    )
    read = (None, x) if is_symbols(x) else (x, None)
    hats = (None,) * 4 if normal is None else (normal.x, normal.x_scale, normal.h, normal.h_scale)
    for_backward = (tape.gates, tape.kept, *hats) if keep else (None,) * 6
    arrays = (*read, *_two(tape.states), *for_backward)
    return CELLS[cell.name, cell.activation], sizes, weights, around, arrays


def _whole(array: Array | None, dtype: Any = None) -> Array | None:
    return None if array is None else np.require(array, dtype, ["C", "A"])
