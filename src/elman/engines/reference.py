"""The reference engine: NumPy, the definition of right, and the only loops over time in Python.

    forward    a_t = U x_t + b          all steps in one product; a symbol looks up its column of U
               u_t = W h_{t-1} (+ d)    one product per step
    backward   dh_{t-1} += Wᵀ du_t
    beside     dU = Σ da_t x_tᵀ   dW = Σ du_t h_{t-1}ᵀ   db = Σ da_t   dd = Σ du_t   in parts of the steps
    after      dx_t = Uᵀ da_t

Letters: T steps, B sequences, I inputs, H hidden, G gates.  State arrays have T+1 slots: slot 0 is the start.
With layer normalization a = norm(U x) + b and u = norm(W h) (+ d). `Course` says what else happens.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from elman.cells import Cell, States
from elman.numerics import Array

from . import normalization, overlap
from .course import PLAIN, Course
from .gather import is_symbols, look_up
from .gather import sum_by_symbol as sum_flat
from .memory import Memory
from .products import (
    cross_entropy,
    judge,
    name,
    outputs,
    outputs_backward,
    running,
    square_sum,
    stream,
    sum_by_symbol,
    update,
    whole,
)
from .tape import Flow, Normal, Tape, Weights

__all__ = [
    "backward",
    "cross_entropy",
    "forward",
    "judge",
    "name",
    "outputs",
    "outputs_backward",
    "running",
    "square_sum",
    "step",
    "stream",
    "sum_by_symbol",
    "update",
    "whole",
]


def forward(
    cell: Cell,
    w: Weights,
    x: Array,
    state: States,
    *,
    memory: Memory,
    course: Course = PLAIN,
    keep: bool = True,
) -> Tape:
    """Run one layer over all steps; here all is kept for a way back, whether there will be one or not.

    Shapes: x: "T B" symbols or "T B I"; state: "B H" each.
    """
    steps, batch, hidden = *x.shape[:2], w.W.shape[1]
    a = memory.take((steps, batch, len(w.b)))
    states = tuple(memory.take((steps + 1, batch, hidden)) for _ in state)
    normal = None if w.gU is None else Normal(*map(np.zeros_like, (a, a[..., :1], a, a[..., :1])))
    tape = Tape(x, course, a, states, memory.take((steps, batch, cell.kept * hidden)), normal)
    _project(w, tape)
    for slots, start in zip(states, state, strict=True):
        slots[0] = start
    Wt = np.ascontiguousarray(w.W.T)  # BLAS reads small matrices twice as fast this way round
    u = np.empty((batch, len(w.b)), a.dtype)
    for t, (a_t, u_t, before, after, kept) in enumerate(_steps(tape, u)):
        if (restarted := course.restarted(t, before)) is not None:
            before = tape.restarts[t] = restarted
        np.dot(course.read(before[0]), Wt, out=u_t)
        if normal is not None and w.gW is not None:
            normalization.forward(u_t, w.gW, normal.h[t, : len(u_t)], normal.h_scale[t, : len(u_t)])
        if w.d is not None:
            u_t += w.d
        cell.forward(a_t, u_t, before, after, kept)
        if course.zoneout:
            course.hold(t, before, after)
        if course.live is not None:
            for slots in states:
                slots[t + 1, course.live[t] :] = slots[t, course.live[t] :]
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
) -> States:
    """Run one layer backward; write `gradient`, and ∂loss/∂x into dx ("T B I") if one is given.

    Shapes: dstates: "T+1 B H" each: on entry slot t holds what reaches the state at t from outside (the
            output at t; in the last slot also the final state), on return slot 0 is the gradient of the
            initial state. The tape's gates are overwritten: a tape serves once.
    Returns the gradient of `course.anew`, "B H" each; nothing when no row began again.
    """
    da = tape.gates
    apart = cell.recurrent_bias or tape.normal is not None  # else one gradient serves a, u and W h
    du = memory.take(da.shape) if apart else da
    dr = memory.take(da.shape) if tape.normal is not None else du
    steps, batch, hidden = tape.outputs.shape
    parts = overlap.parts(steps, batch, hidden, da.shape[-1] // hidden)
    danew = tuple(np.zeros_like(new) for new in tape.course.anew)
    flow = Flow(dstates, danew, da, du, dr, _read(tape), parts)
    with overlap.beside(partial(_add_part, tape, flow, gradient), worth=len(parts) > 1) as add:
        _through_time(cell, w, tape, flow, add)
        _weight_gradients(w, tape, flow, gradient, memory)
        if dx is not None:
            np.matmul(_flat(da), w.U, out=_flat(dx))
    memory.give(*(du, dr)[: apart + (dr is not du)])
    return flow.danew


def _through_time(cell: Cell, w: Weights, tape: Tape, flow: Flow, add: overlap.Work) -> None:
    """Take the gradient back from step to step and add each part; rows that have ended become zero."""
    course, scratch = tape.course, np.empty_like(flow.dstates[0][0])
    *later, first = flow.parts
    ready = {part.start: part for part in later}
    befores, afters = _slots(flow.dstates, course.live)
    rows = (_rows(array, course.live) for array in (flow.du, flow.dr))
    steps = list(zip(_steps(tape, scratch), afters, befores, *rows, strict=True))
    for t in reversed(range(len(steps))):
        (da, dh, before, after, kept), dafter, dbefore, du, dr = steps[t]
        restarted, into = tape.restarts.get(t), dbefore
        if restarted is not None:
            before, into = restarted, tuple(map(np.zeros_like, dbefore))
        if course.zoneout:
            after, dafter, straight = course.unhold(t, before, after, dafter)
            for target, part in zip(into, straight, strict=True):
                target += part
        cell.backward(dafter, before, after, kept, da, du if cell.recurrent_bias else da, into)
        if tape.normal is not None and w.gW is not None:
            if not cell.recurrent_bias:
                du[:] = da
            hat, scale = (array[t, : len(du)] for array in (tape.normal.h, tape.normal.h_scale))
            normalization.backward(du, w.gW, hat, scale, out=dr)
        np.dot(dr, w.W, out=dh)
        np.add(into[0], course.read(dh), out=into[0])
        if restarted is not None and course.reset is not None:
            _share_out(course.reset[t], into, dbefore, flow.danew)
        if course.live is not None:
            flow.end(t, course.live[t])
        if t in ready:
            add(ready[t])
    add(first)


def step(cell: Cell, w: Weights, x: Array, state: States, course: Course = PLAIN) -> States:
    """Run one layer for one step, keeping nothing: x "B" symbols or "B I", state "B H" each."""
    a = look_up(w.U.T, x) if is_symbols(x) else x @ w.U.T
    u = state[0] @ w.W.T
    if w.gU is not None and w.gW is not None:
        a, u = normalization.apply(a, w.gU), normalization.apply(u, w.gW)
    a += w.b
    if w.d is not None:
        u += w.d
    after = tuple(np.empty_like(s) for s in state)
    cell.forward(a, u, state, after, np.empty((*u.shape[:-1], cell.kept * state[0].shape[-1]), u.dtype))
    if course.zoneout:
        course.hold(0, state, after)
    return after


def _project(w: Weights, tape: Tape) -> None:
    """Write a = U x + b of every step at once, U x normalized where there is a gain."""
    a, x = tape.gates, tape.x
    if is_symbols(x) and w.gU is None:
        look_up(w.U.T + w.b, x, out=a)
        return
    if is_symbols(x):
        look_up(np.ascontiguousarray(w.U.T), x, out=a)
    else:
        np.matmul(_flat(x), w.U.T, out=_flat(a))
    if tape.normal is not None and w.gU is not None:
        normalization.forward(a, w.gU, tape.normal.x, tape.normal.x_scale)
    a += w.b


def _steps(tape: Tape, scratch: Array) -> Iterable[tuple[Array, Array, States, States, Array]]:
    """Return (gates, scratch, states before, after, kept) of every step, rows that have ended left out."""
    live = tape.course.live
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


def _share_out(reset: Array, into: States, dbefore: States, danew: States) -> None:
    """Give each row's gradient to the state it came from: the one before, or the one it began again with."""
    rows = reset[: len(into[0]), None]
    for part, before, new in zip(into, dbefore, danew, strict=True):
        before += np.where(rows, 0, part)
        new[: len(part)] += np.where(rows, part, 0)


def _add_part(tape: Tape, flow: Flow, gradient: Weights, part: slice) -> None:
    """Add these steps to the gradients that are sums over steps; the last ones come first, and write."""
    add = partial(_add_product, part == flow.parts[0])
    du = _flat(flow.du[part])
    add(_flat(flow.dr[part]).T, _flat(flow.read[part]), gradient.W)
    if gradient.d is not None:
        add(_ones(du), du, gradient.d)
    if tape.normal is None and not is_symbols(tape.x):
        da = _flat(flow.da[part])
        add(da.T, _flat(tape.x[part]), gradient.U)
        add(_ones(da), da, gradient.b)


def _add_product(first: bool, left: Array, right: Array, out: Array) -> None:
    if first:
        np.matmul(left, right, out=out)
    else:
        out += left @ right


def _weight_gradients(w: Weights, tape: Tape, flow: Flow, gradient: Weights, memory: Memory) -> None:
    """Write those that want all steps at once; with layer normalization da becomes the gradient of U x."""
    da, du = _flat(flow.da), _flat(flow.du)
    if tape.normal is not None and w.gU is not None and gradient.gU is not None and gradient.gW is not None:
        np.einsum("nf,nf->f", du, _flat(tape.normal.h), out=gradient.gW)
        np.einsum("nf,nf->f", da, _flat(tape.normal.x), out=gradient.gU)
        np.matmul(_ones(da), da, out=gradient.b)
        normalization.backward(flow.da, w.gU, tape.normal.x, tape.normal.x_scale, out=flow.da)
        if not is_symbols(tape.x):
            np.matmul(da.T, _flat(tape.x), out=gradient.U)
    if is_symbols(tape.x):
        columns = sum_flat(tape.x.reshape(-1), da, gradient.U.shape[1], memory)
        gradient.U[:] = columns.T
        if tape.normal is None:
            columns.sum(axis=0, out=gradient.b)


def _read(tape: Tape) -> Array:
    """Return what W read at every step, "T B H"."""
    h = tape.states[0][:-1]
    if tape.restarts:
        h = h.copy()
        for t, before in tape.restarts.items():
            h[t, : len(before[0])] = before[0]
    return h if tape.course.mask is None else h * tape.course.mask


def _ones(rows: Array) -> Array:
    return np.ones(len(rows), rows.dtype)  # a product with them adds rows faster than sum(axis=0)
