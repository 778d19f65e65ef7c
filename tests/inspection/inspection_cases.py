"""Networks to look into, and the equations of every cell written out once more, one step at a time."""

from __future__ import annotations

import numpy as np
import pytest

from cases import Answers, Array, Case
from elman import Network
from elman.cells import CELLS
from engine_cases import HERE

EPSILON = 1e-5  # of layer normalization

every_cell = pytest.mark.parametrize("cell", list(CELLS), ids="-".join)
every_engine = pytest.mark.parametrize("engine", HERE)


def sigma(p: Array) -> Array:
    return 1 / (1 + np.exp(-p))


def normalized(v: Array, gain: Array | None) -> Array:
    away = v - v.mean()
    return v if gain is None else gain * away / np.sqrt(np.mean(away**2) + EPSILON)


def one_step(network: Network, a: Array, u: Array, before: dict[str, Array]) -> tuple[Answers, Answers]:
    """The states after a step, and the gates, from a = U x + b and u = W h (+ d)."""
    match network.spec.cell, network.spec.activation:
        case "elman", "tanh":
            return {"h": np.tanh(a + u)}, {}
        case "elman", "relu":
            return {"h": np.maximum(a + u, 0)}, {}
        case "gru", _:
            (ar, az, an), (ur, uz, un) = np.split(a, 3), np.split(u, 3)
            r, z = sigma(ar + ur), sigma(az + uz)
            n = np.tanh(an + r * un)
            return {"h": (1 - z) * n + z * before["h"]}, {"r": r, "z": z, "n": n}
        case _:
            i, f, g, o = np.split(a + u, 4)
            i, f, g, o = sigma(i), sigma(f), np.tanh(g), sigma(o)
            s = f * before["s"] + i * g
            return {"h": o * np.tanh(s), "s": s}, {"i": i, "f": f, "g": g, "o": o}


def entered(case: Case) -> Array:
    """What the first layer reads, "T I"."""
    x, views = case.x, case.network.parameters.views
    symbols, features = x if isinstance(x, tuple) else (x, None)
    if symbols.dtype.kind == "f":
        return symbols
    E = views.get("embedding.E", np.eye(case.network.spec.input_size))
    return E[symbols] if features is None else np.concatenate([E[symbols], features], axis=1)


def replayed(case: Case) -> Answers:
    """Every state and gate of one sequence, "T H" each, by name."""
    network, below, seen = case.network, entered(case), dict[str, list[Array]]()
    own = network.init_state()
    for k, place in enumerate(network.spec.places()):
        w = {
            name.rsplit(".", 1)[1]: v
            for name, v in network.parameters.views.items()
            if name.startswith(place)
        }
        anew = dict(zip(network.machine.layers.cell.states, own[k], strict=True))
        start = own if case.state is None else case.state
        before = dict(zip(anew, start[k], strict=True))
        for t, x in enumerate(below):
            if case.reset is not None and case.reset[t]:
                before = anew
            a = normalized(w["U"] @ x, w.get("gU")) + w["b"]
            u = normalized(w["W"] @ before["h"], w.get("gW")) + w.get("d", 0)
            after, gates = one_step(network, a, u, before)
            kept = network.spec.zoneout
            before = {name: kept * before[name] + (1 - kept) * after[name] for name in after}
            for name, value in (before | gates).items():
                seen.setdefault(f"{place}.{name}", []).append(value)
        below = np.array(seen[f"{place}.h"])
    return {name: np.array(values) for name, values in seen.items()}
