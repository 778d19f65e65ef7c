"""Networks once more, from the papers: a row at a time, a step at a time, nothing shared but the noise.

Slow and without a backward run. What a forward run means is compared with this; see test_options.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cases import Array, Case
from checks import distance

EPSILON = 1e-5
NAMES = ("U", "W", "b", "d", "gU", "gW", "h0", "s0")


def sigma(p: Array) -> Array:
    return 1 / (1 + np.exp(-p))


def elman(a: Array, u: Array, h0: Array, *, activation: str) -> tuple[Array, ...]:
    return (np.tanh(a + u) if activation == "tanh" else np.where(a + u > 0, a + u, 0),)


def gru(a: Array, u: Array, h0: Array) -> tuple[Array, ...]:
    (a_r, a_z, a_n), (u_r, u_z, u_n) = np.split(a, 3), np.split(u, 3)
    r, z = sigma(a_r + u_r), sigma(a_z + u_z)
    return ((1 - z) * np.tanh(a_n + r * u_n) + z * h0,)


def lstm(a: Array, u: Array, h0: Array, s0: Array) -> tuple[Array, ...]:
    i, f, g, o = np.split(a + u, 4)
    s1 = sigma(f) * s0 + sigma(i) * np.tanh(g)
    return sigma(o) * np.tanh(s1), s1


def normal(row: Array, gain: Array | None) -> Array:
    return row if gain is None else gain * (row - row.mean()) / np.sqrt(row.var() + EPSILON)


class Plain:
    """One case, asked a row at a time."""

    def __init__(self, case: Case) -> None:
        self.case, self.spec, self.p = case, case.network.spec, case.network.parameters.views
        self.states = {"lstm": "hs"}.get(self.spec.cell, "h")
        self.rows = len(case.dstate[0][0])

    def mask(self, place: int, kind: str, rate: float, shape: tuple[int, ...]) -> Array:
        """A mask for all rows of the case, one for all steps or one for each (shape "T B F")."""
        if self.case.noise is None or not rate:
            return np.ones(shape[-2:] if kind in ("input", "recurrent") else shape)
        if kind in ("input", "recurrent"):
            return self.case.noise.per_sequence(place, kind, shape[-2:], rate, "float64")
        return self.case.noise.per_step(place, kind, shape, rate, "float64")

    def answer(self, b: int) -> tuple[Array, list[tuple[Array, ...]]]:
        """y and the final states of row b; y only up to the row's end."""
        case, spec = self.case, self.spec
        T = len(case.x[0] if isinstance(case.x, tuple) else case.x)
        end = T if case.lengths is None else int(case.lengths[b])
        resets = np.zeros(T, bool) if case.reset is None else case.reset[:, b]
        h, finish = self.entered(b)[:end], []
        for k in range(spec.num_layers):
            kind, rate = ("input", spec.input_dropout) if k == 0 else ("between", spec.dropout)
            mask = self.mask(k, kind, rate, (T, self.rows, h.shape[-1]))
            h = h * (mask[b] if k == 0 else mask[:end, b])
            both = []
            for way in range(spec.directions):
                # Backward, a sequence that begins at step t ends there: its memory is gone before step t − 1.
                anew = np.append(False, resets[1:end][::-1])[:end] if way else resets[:end]
                outputs, last = self.read(k * spec.directions + way, b, h[:: 1 - 2 * way], anew)
                both.append(outputs[:: 1 - 2 * way])
                finish.append(last)
            h = np.concatenate(both, axis=-1)
        last = np.concatenate([states[0] for states in finish[-spec.directions :]])
        return self.outputs(self.read_out(h, last), b, T), finish

    def entered(self, b: int) -> Array:
        """What the first layer reads, "T F"."""
        x, E = self.case.x, self.p.get("embedding.E", np.eye(self.spec.input_size))
        symbols, features = x if isinstance(x, tuple) else (x, None) if x.ndim == 2 else (None, x)
        parts = [] if symbols is None else [np.array([E[k] for k in symbols[:, b]])]
        return np.concatenate(parts if features is None else [*parts, features[:, b]], axis=-1)

    def read(self, place: int, b: int, x: Array, anew: Array) -> tuple[Array, tuple[Array, ...]]:
        """Read x "T F" in one direction of one layer: the outputs, and the last states."""
        case, spec, rate = self.case, self.spec, self.spec.zoneout
        own = {name: self.p.get(f"{spec.places()[place]}.{name}") for name in NAMES}
        H = own["W"].shape[1]
        begin = tuple(np.zeros(H) if (s := own[f"{name}0"]) is None else s for name in self.states)
        states = begin if case.state is None else tuple(s[b] for s in case.state[place])
        shape = (len(x), self.rows, H)
        mask = self.mask(place, "recurrent", spec.recurrent_dropout, shape)[b]
        keep = [np.full(shape, rate) for _ in self.states]
        if case.noise is not None and rate:
            keep = [case.noise.keep(place, f"zoneout {s}", shape, rate, "float64") for s in self.states]
        cell: Any = {"gru": gru, "lstm": lstm}.get(spec.cell, elman)
        options = {"activation": spec.activation} if cell is elman else {}
        outputs = []
        for t in range(len(x)):
            states = begin if anew[t] else states
            a = normal(own["U"] @ x[t], own["gU"]) + own["b"]
            u = normal(own["W"] @ (states[0] * mask), own["gW"]) + (0 if own["d"] is None else own["d"])
            new = cell(a, u, *states, **options)
            held = [z[t, b] for z in keep]
            states = tuple(z * s0 + (1 - z) * s1 for z, s0, s1 in zip(held, states, new, strict=True))
            outputs.append(states[0])
        return np.array(outputs).reshape(-1, H), states

    def read_out(self, h: Array, last: Array) -> Array:
        mean, largest = (h.mean(axis=0), h.max(axis=0)) if len(h) else (np.zeros_like(last),) * 2
        one = {"last": last, "mean": mean, "max": largest, "flatten": h.ravel()}
        one["concat"] = np.concatenate([last, mean, largest])
        return h if self.spec.readout == "every" else one[self.spec.readout]

    def outputs(self, r: Array, b: int, steps: int) -> Array:
        """y = V r + c of each step, or once."""
        every, V = self.spec.readout == "every", self.p.get("head.V", self.p.get("embedding.E"))
        shape = (steps if every else 1, self.rows, V.shape[1])
        mask = self.mask(0, "output", self.spec.output_dropout, shape)[:, b]
        r = r * (mask[: len(r)] if every else mask[0])
        return r @ V.T + self.p["head.c"]


def plain_error(case: Case) -> float:
    """A forward run against the same network written plainly."""
    (y, state), plain, errors = case.run(), Plain(case), []
    for b in range(plain.rows):
        right, finish = plain.answer(b)
        came = y[: len(right), b] if case.every else y[b]
        errors.append(distance(came, right))
        errors += [
            distance(s[b], right)
            for place, states in zip(state, finish, strict=True)
            for s, right in zip(place, states, strict=True)
        ]
    return max(errors)
