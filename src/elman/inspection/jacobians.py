"""How the state after a step depends on the one before: J_t = ∂state_t / ∂state_{t-1}, all layers together.

    made_t = cell(U x_t + b, W h_{t-1} (+ d), state_{t-1})        a = U x + b,  u = W h (+ d)
    J = ∂made/∂u · W  (columns of h)  +  ∂made/∂state_{t-1}       both factors come from `Cell.backward`
    zoneout z:     z I + (1 − z) J        layer above: ∂made/∂a · U · J of the layer below

A cell is pointwise: one call of its `backward` with ones gives the slopes of all units at once, and a call
over "T H" those of all steps, since every state_{t-1} is known. Layer normalization mixes the units of a row;
its own `backward` takes the slopes through it. Numbers are float64, around the states that the network's own
engine has computed.
Source: Werbos 1990, doi:10.1109/5.58337.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from elman.cells import Cell
from elman.engines import Tape, normalization
from elman.engines.tape import Normal
from elman.errors import NumericError, ShapeError
from elman.inputs import Parts, Reads, is_batched, read_parts
from elman.network import Network
from elman.numerics import Array
from elman.spec import Spec
from elman.states import State, each
from elman.streaming import Stream

WINDOW = 4096  # steps that a stream reads at once
NOTHING = np.zeros(0)  # where a layer has no gains


def read_sequence(spec: Spec, x: Any) -> Parts:
    """Return (symbols "T", features "T I") of one sequence, checked.

    Raises: ShapeError for a batch axis, no step at all, or what the network does not read.
    """
    if is_batched(x, axes=2):
        raise ShapeError("x has a batch axis; expected one sequence: 'T' symbols, 'T I' or a pair of both")
    embedded = spec.embedding_size is not None
    parts = read_parts(x, "T", Reads(spec.input_size, spec.feature_size, embedded, spec.dtype))
    if not steps_of(parts):
        raise ShapeError("x has no step; expected one at least")
    return parts


def steps_of(parts: Parts) -> int:
    """Return T."""
    return next(len(one) for one in parts if one is not None)


def part(parts: Parts, chosen: Any) -> Parts:
    """Return these steps: a slice, an array of numbers, or None for one axis more before that of time."""
    symbols, features = (None if one is None else one[chosen] for one in parts)
    return symbols, features


def whole(parts: Parts) -> Any:
    """Return parts as `Network.run` takes them."""
    symbols, features = parts
    return features if symbols is None else symbols if features is None else (symbols, features)


def read_on(stream: Stream, parts: Parts, start: int, stop: int) -> None:
    """Let a stream read these steps, in windows: a stream copies what it reads."""
    for first in range(start, stop, WINDOW):
        stream.read(whole(part(parts, slice(first, min(first + WINDOW, stop)))))


def exact(network: Network) -> Network:
    """Return the network in float64, on the engine that says what is right."""
    spec, flat = replace(network.spec, dtype="float64"), network.parameters.flat.astype(np.float64)
    return Network.from_spec(spec, flat, engine="reference")


def states_along(network: Network, parts: Parts, state: State | None) -> tuple[State, State]:
    """Run one sequence: return (the states before each step, "T H" each; the state after the last).

    Raises: NumericError when a state is not finite.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is noticed below
        run, _ = network.start(whole(parts), state, None, None, keep=False)
    tapes = run.passage.tapes
    before = tuple(tuple(slots[:-1, 0].copy() for slots in tape.states) for tape in tapes)
    after = each(network.machine.finish(run), lambda s: s[0])
    network.machine.release(run)
    if not all(np.isfinite(s).all() for state in (before, after) for place in state for s in place):
        raise NumericError("a state is not finite: the weights hold, or lead to, NaN or infinity")
    return before, after


@dataclass(frozen=True)
class Slopes:
    """How the states of one layer after each of T steps depend on what reached their own unit.

    Shapes: a, u: "K T G·H", ∂after_k/∂a and ∂after_k/∂u; direct: "K L T H", ∂after_k/∂before_l. K and L
            count the states of the cell. `normal` and the gains in `weights` are those of the layer, if any.
    """

    a: Array
    u: Array
    direct: Array
    normal: Normal | None
    weights: dict[str, Array]

    @property
    def sizes(self) -> tuple[int, int]:
        """How many states the cell has, and how many units the layer."""
        return len(self.direct), self.direct.shape[-1]

    def through(self, matrix: str, t: int) -> Array:
        """Return ∂after / ∂(what U or W reads) at step t, "K·H R"."""
        states, hidden = self.sizes
        read = self.weights[matrix]
        slopes = (self.a if matrix == "U" else self.u)[:, t].reshape(states, -1, hidden)
        if self.normal is None:
            blocks = read.reshape(-1, hidden, read.shape[1])
            scaled: Array = np.einsum("kgh,ghr->khr", slopes, blocks).reshape(states * hidden, -1)
            return scaled
        apart, units = np.zeros((states, hidden, slopes.shape[1], hidden)), np.arange(hidden)
        apart[:, units, :, units] = slopes.transpose(2, 0, 1)
        rows = apart.reshape(states * hidden, -1)
        kept = (self.normal.x, self.normal.x_scale), (self.normal.h, self.normal.h_scale)
        hat, scale = kept[matrix == "W"]
        normalization.backward(rows, self.weights[f"g{matrix}"], hat[0, t], scale[0, t], out=rows)
        product: Array = rows @ read
        return product


def linearize(network: Network, parts: Parts, before: State) -> list[Slopes]:
    """Return the slopes of every layer around a run.

    Shapes: parts: "T" symbols, "T I"; before: the states before each step, "T H" each. All numbers of the
            network must be float64 (`exact`).
    """
    # Time is the batch: every step is a sequence of one.
    run, _ = network.start(whole(part(parts, None)), before, None, None)
    cell, views = network.machine.layers.cell, network.parameters.views
    return [
        _slopes(cell, tape, {name: views.get(f"{place}.{name}", NOTHING) for name in ("U", "W", "gU", "gW")})
        for place, tape in zip(network.spec.places(), run.passage.tapes, strict=True)
    ]


def _slopes(cell: Cell, tape: Tape, weights: dict[str, Array]) -> Slopes:
    before, after = (tuple(slots[k] for slots in tape.states) for k in (0, 1))
    a, u, direct = [], [], []
    for k in range(len(after)):
        dafter = tuple(np.full_like(s, float(k == i)) for i, s in enumerate(after))
        made, dmade, straight = after, dafter, tuple(map(np.zeros_like, before))
        if tape.course.zoneout:
            made, dmade, straight = tape.course.unhold(0, before, after, dafter)
        da = tape.gates[0].copy()  # backward overwrites what the next state wants again
        du = np.empty_like(da) if cell.recurrent_bias else da
        cell.backward(dmade, before, made, tape.kept[0], da, du, straight)  # adds to what goes straight
        a.append(da)
        u.append(du)
        direct.append(straight)
    return Slopes(np.stack(a), np.stack(u), np.array(direct), tape.normal, weights)


def jacobian(layers: list[Slopes], t: int) -> Array:
    """Return ∂state after / ∂state before step t, "S S": layer by layer, the states of each side by side."""
    size = sum(math.prod(slopes.sizes) for slopes in layers)
    J, start, below = np.zeros((size, size)), 0, slice(0, 0)
    for slopes in layers:
        states, hidden = slopes.sizes
        stop, units = start + states * hidden, np.arange(hidden)
        J[start:stop, start : start + hidden] = slopes.through("W", t)
        for k, row in enumerate(slopes.direct):
            for i, entries in enumerate(row):
                J[start + k * hidden + units, start + i * hidden + units] += entries[t]
        if start:
            J[start:stop, :start] = slopes.through("U", t) @ J[below, :start]
        start, below = stop, slice(start, start + hidden)
    return J
