"""The reference engine: NumPy, the definition of right, and the only loops over time in Python.

    forward    a_t = U x_t + b          all steps in one product; a symbol looks up its column of U
               u_t = W h_{t-1}          one product per step
    backward   dh_{t-1} += Wᵀ du_t
    after      dU = Σ da_t x_tᵀ   dW = Σ du_t h_{t-1}ᵀ   db = Σ da_t   dx_t = Uᵀ da_t    one product each

Letters: T steps, B sequences, I inputs, H hidden, G gates.  State arrays have T+1 slots: slot 0 is the start.
`live`: "T", how many sequences still run at step t; they lie longest first, so rows live[t].. have ended:
their state stays, their gates and gradients are zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from elman.cells import Cell, States
from elman.numerics import Array

from .memory import Memory


@dataclass(frozen=True)
class Weights:
    """One layer's weights, or their gradients: U "G·H I", W "G·H H", b "G·H"."""

    U: Array
    W: Array
    b: Array


@dataclass(frozen=True)
class Tape:
    """What one layer's forward run keeps for its backward run."""

    x: Array  # "T B" symbols or "T B I"
    live: Array | None
    gates: Array  # "T B G·H": a, then reused for da
    states: States  # each "T+1 B H"
    kept: Array  # "T B K·H"

    @property
    def outputs(self) -> Array:
        """The hidden states h_1 .. h_T, "T B H"."""
        return self.states[0][1:]

    @property
    def last(self) -> States:
        """The states after the last step, "B H" each, as values of their own."""
        return tuple(s[-1].copy() for s in self.states)

    @property
    def arrays(self) -> tuple[Array, ...]:
        """What the tape took from memory, in this order."""
        return (self.gates, *self.states, self.kept)

    @property
    def nbytes(self) -> int:
        """Memory held, the caller's x not counted."""
        return sum(array.nbytes for array in self.arrays)


def is_symbols(x: Array) -> bool:
    """Tell symbols (integers) from dense input (floats)."""
    return x.dtype.kind in "iu"


def forward(
    cell: Cell, w: Weights, x: Array, state: States, *, memory: Memory, live: Array | None = None
) -> Tape:
    """Run one layer over all steps.

    Shapes: x: "T B" symbols or "T B I"; state: "B H" each; live: "T".
    """
    steps, batch, hidden = *x.shape[:2], w.W.shape[1]
    a = memory.take((steps, batch, len(w.b)))
    states = tuple(memory.take((steps + 1, batch, hidden)) for _ in state)
    tape = Tape(x, live, a, states, memory.take((steps, batch, cell.kept * hidden)))
    _project(w, x, a)
    for slots, start in zip(states, state, strict=True):
        slots[0] = start
    Wt = np.ascontiguousarray(w.W.T)  # BLAS reads small matrices twice as fast this way round
    u = np.empty((batch, len(w.b)), a.dtype)
    for t, (a_t, u_t, before, after, kept) in enumerate(_steps(tape, u)):
        np.dot(before[0], Wt, out=u_t)
        cell.forward(a_t, u_t, before, after, kept)
        if live is not None:
            for slots in states:
                slots[t + 1, live[t] :] = slots[t, live[t] :]
    return tape


def backward(
    cell: Cell,
    w: Weights,
    tape: Tape,
    dstates: States,
    gradient: Weights,
    *,
    memory: Memory,
    dx: Array | None = None,
) -> None:
    """Run one layer backward; write `gradient`, and ∂loss/∂x into dx ("T B I") if one is given.

    Shapes: dstates: "T+1 B H" each: on entry slot t holds what reaches the state at t from outside (the
            output at t; in the last slot also the final state), on return slot 0 is the gradient of the
            initial state. The tape's gates are overwritten: a tape serves once.
    """
    da, live = tape.gates, tape.live
    du = np.empty_like(da) if cell.recurrent_bias else da
    flow = np.empty_like(dstates[0][0])
    dbefores, dafters = _slots(dstates, live)
    steps = list(zip(_steps(tape, flow), dafters, dbefores, _rows(du, live), strict=True))
    for t in reversed(range(len(steps))):
        (da_t, flow_t, before, after, kept), dafter, dbefore, du_t = steps[t]
        cell.backward(dafter, before, after, kept, da_t, du_t, dbefore)
        np.dot(du_t, w.W, out=flow_t)
        np.add(dbefore[0], flow_t, out=dbefore[0])
        if live is not None:
            da[t, live[t] :] = du[t, live[t] :] = 0
            for slots in dstates:
                slots[t, live[t] :] += slots[t + 1, live[t] :]
    _weight_gradients(tape, da, du, gradient, memory)
    if dx is not None:
        np.matmul(_flat(da), w.U, out=_flat(dx))


def step(cell: Cell, w: Weights, x: Array, state: States) -> States:
    """Run one layer for one step, keeping nothing: x "B" symbols or "B I", state "B H" each."""
    a = w.U.T[x] + w.b if is_symbols(x) else x @ w.U.T + w.b
    u = state[0] @ w.W.T
    after = tuple(np.empty_like(s) for s in state)
    cell.forward(a, u, state, after, np.empty((*u.shape[:-1], cell.kept * u.shape[-1]), u.dtype))
    return after


def _project(w: Weights, x: Array, a: Array) -> None:
    """Write U x + b of every step at once."""
    if is_symbols(x):
        columns = w.U.T + w.b
        np.take(columns, x, axis=0, out=a, mode="clip")  # x was checked; "clip" skips a second check
    else:
        np.matmul(_flat(x), w.U.T, out=_flat(a))
        a += w.b


def _steps(tape: Tape, scratch: Array) -> Iterable[tuple[Array, Array, States, States, Array]]:
    """Return (gates, scratch, states before, after, kept) of every step, rows that have ended left out."""
    live = tape.live
    scratches = [scratch] * len(tape.gates) if live is None else [scratch[:n] for n in live]
    befores, afters = _slots(tape.states, live)
    return zip(_rows(tape.gates, live), scratches, befores, afters, _rows(tape.kept, live), strict=True)


def _slots(states: States, live: Array | None) -> tuple[list[States], list[States]]:
    """Cut "T+1 B H" each into the states before and after every step."""
    if live is None:
        slots = list(zip(*states, strict=True))
        return slots[:-1], slots[1:]
    return (
        list(zip(*(_rows(s[:-1], live) for s in states), strict=True)),
        list(zip(*(_rows(s[1:], live) for s in states), strict=True)),
    )


def _rows(array: Array, live: Array | None) -> list[Array]:
    """Cut "T B …" into a view per step once, not in the hot loop."""
    if live is None:
        return list(array)
    return [row[:n] for row, n in zip(array, live, strict=True)]


def _flat(array: Array) -> Array:
    return array.reshape(-1, array.shape[-1])


def _weight_gradients(tape: Tape, da: Array, du: Array, gradient: Weights, memory: Memory) -> None:
    np.matmul(_flat(du).T, _flat(tape.states[0][:-1]), out=gradient.W)
    if is_symbols(tape.x):
        columns = _sum_by_symbol(tape.x.reshape(-1), _flat(da), gradient.U.shape[1], memory)
        gradient.U[:] = columns.T
        columns.sum(axis=0, out=gradient.b)
    else:
        np.matmul(_flat(da).T, _flat(tape.x), out=gradient.U)
        np.matmul(np.ones(da.size // da.shape[-1], da.dtype), _flat(da), out=gradient.b)


def _sum_by_symbol(symbols: Array, rows: Array, count: int, memory: Memory) -> Array:
    """Return Σ rows of each symbol, "count G·H": rows that lie together are added by a product with ones."""
    sums = np.zeros((count, rows.shape[1]), rows.dtype)
    order = np.argsort(symbols.astype(np.min_scalar_type(count)), kind="stable")  # by radix when it is small
    ordered = np.take(rows, order, axis=0, out=memory.take(rows.shape), mode="clip")
    counts, ones = np.bincount(symbols, minlength=count), np.ones(len(rows), rows.dtype)
    present = np.flatnonzero(counts)
    stops = np.cumsum(counts[present]).tolist()
    for symbol, start, stop in zip(present.tolist(), [0, *stops], stops, strict=False):
        np.dot(ones[start:stop], ordered[start:stop], out=sums[symbol])
    memory.give(ordered)
    return sums
