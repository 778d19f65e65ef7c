"""The compiled engine is the plain loops of scalar.c, to the last bit, on every instruction set with FMA.

What it promises about the order of its sums is said there; a fault planted there is seen here.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from cases import Array
from elman.cells import CELLS, find
from elman.engines import Course, Memory, Weights
from elman.engines.native import Native
from native_cases import FUSED, MODULE, unequal, using
from scalar import FAULTS, Scalar, scalar_library

pytestmark = pytest.mark.skipif(not FUSED, reason="this CPU has no instruction set with FMA")
NAMES = {name: ("-".join(name)) for name in CELLS}
DTYPES = ("float32", "float64")
WIDTHS = (1, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 70)  # below, at and above vectors and panels
BATCHES = (1, 2, 3, 7, 8, 9, 17)
Given = dict[str, Any]


@pytest.fixture(scope="module", params=DTYPES)
def scalar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Scalar:
    return scalar_library(request, tmp_path_factory, MODULE)


def draw_layer(cell: str, dtype: str, seed: int, **sizes: int) -> Given:
    """A layer, its input and its course, all of it random; numbers are of the size that training meets."""
    generator = np.random.default_rng([seed, *cell.encode()])
    T, B = int(generator.integers(1, 7)), int(generator.choice(BATCHES))
    I, H = int(generator.integers(1, 20)), int(generator.choice(WIDTHS))
    T, B, I, H = (sizes.get(name, size) for name, size in zip("TBIH", (T, B, I, H), strict=True))
    kind = find(*cell.split("-"))
    F, states = len(kind.gates) * H, len(kind.states)

    def normal(*shape: int) -> Array:
        return generator.standard_normal(shape).astype(dtype)

    def maybe(array: Array) -> Array | None:
        return array if generator.random() < 0.4 else None

    norm = generator.random() < 0.3
    symbols, mask = maybe(generator.integers(0, I, (T, B))), maybe(normal(B, H))
    reset, held = (
        maybe(generator.random((T, B)) < 0.3),
        maybe((generator.random((2, T, B, H)) < 0.3).astype(dtype)),
    )
    live = maybe(np.sort(generator.integers(0, B + 1, T))[::-1].copy())
    return {
        "cell": list(NAMES.values()).index(cell),
        "T": T,
        "B": B,
        "I": I,
        "H": H,
        "U": normal(F, I) / np.sqrt(I, dtype=dtype),
        "W": normal(F, H) / np.sqrt(H, dtype=dtype),
        "b": normal(F),
        "d": normal(F) if kind.recurrent_bias else None,
        "gU": normal(F) if norm else None,
        "gW": normal(F) if norm else None,
        "x": normal(T, B, I) if symbols is None else None,
        "symbols": symbols,
        "live": live,
        "reset": reset,
        "anew": tuple(normal(B, H) for _ in range(states)),
        "mask": mask,
        "held": (None, None) if held is None else tuple(held[:states]),
        "zoneout": 0.0 if seed % 3 else 0.25,
        "states": tuple(normal(T + 1, B, H) for _ in range(states)),
        "dstates": tuple(normal(T + 1, B, H) for _ in range(states)),
    }


def of_scalar(scalar: Scalar, layer: Given) -> dict[str, Array]:
    """What the plain loops make of a layer, by name."""
    T, B, F, dtype = layer["T"], layer["B"], len(layer["b"]), layer["b"].dtype
    layer = layer | {name: tuple(a.copy() for a in layer[name]) for name in ("states", "dstates")}
    layer |= {name: np.zeros((T, B, F), dtype) for name in ("gates", "hat_x", "hat_h", "du", "dr", "da_x")}
    layer |= {name: np.zeros((T, B), dtype) for name in ("scale_x", "scale_h")}
    layer["kept"] = np.zeros((T, B, layer["H"]), dtype)
    layer["danew"] = tuple(np.zeros_like(a) for a in layer["anew"])
    layer["dx"] = None if layer["x"] is None else np.zeros_like(layer["x"])
    scalar.forward(layer)
    gates = layer["gates"].copy()
    if layer["d"] is None:
        layer["du"] = layer["gates"]
    if layer["gU"] is None:
        layer["dr"], layer["da_x"] = layer["du"], layer["gates"]
    return answers(layer, gates, scalar.backward(layer))


def of_engine(layer: Given, threads: int) -> dict[str, Array]:
    """What the compiled engine makes of it."""
    dtype, cell = layer["b"].dtype, find(*list(NAMES)[layer["cell"]])
    engine, memory = Native(getattr(MODULE, dtype.name), threads), Memory(dtype.name)
    w = Weights(*(layer[name] for name in ("U", "W", "b", "d", "gU", "gW")))
    held = layer["zoneout"] if layer["held"][0] is None else layer["held"]
    course = Course(
        layer["live"],
        layer["reset"],
        layer["anew"] if layer["reset"] is not None else (),
        layer["mask"],
        held,
    )
    x = layer["symbols"] if layer["x"] is None else layer["x"]
    tape = engine.forward(cell, w, x, tuple(s[0] for s in layer["states"]), memory=memory, course=course)
    gates, dstates = tape.gates.copy(), tuple(d.copy() for d in layer["dstates"])
    into = {
        name: None if layer[name] is None else np.empty_like(layer[name])
        for name in ("U", "W", "b", "d", "gU", "gW")
    }
    dx = None if layer["x"] is None else np.empty_like(layer["x"])
    danew = engine.backward(cell, w, tape, dstates, Weights(**into), memory=memory, dx=dx)
    none = tuple(np.zeros_like(a) for a in layer["anew"])
    made = {"states": tape.states, "dstates": dstates, "danew": danew or none, "dx": dx}
    return answers(layer | made, gates, into)


def answers(layer: Given, gates: Array, gradient: dict[str, Array | None]) -> dict[str, Array]:
    live = np.full(layer["T"], layer["B"]) if layer["live"] is None else layer["live"]
    running = np.arange(layer["B"]) < live[:, None]
    several = {f"{name}.{s}": a for name in ("states", "dstates", "danew") for s, a in enumerate(layer[name])}
    all_of_it = {"gates": gates[running], "dx": layer["dx"]} | several | gradient
    return {name: a for name, a in all_of_it.items() if a is not None}


CORNERS = [(name, threads) for name, threads in product(FUSED, (1, 2, 4))]


@pytest.mark.parametrize("cell", NAMES.values())
def test_a_layer_forward_and_back(scalar: Scalar, cell: str, seed: int) -> None:
    for number in range(seed, seed + 36):
        layer = draw_layer(cell, scalar.dtype.name, number)
        expected = of_scalar(scalar, layer)
        for name, threads in CORNERS[number % 2 :: 2]:
            with using(name):
                assert unequal(of_engine(layer, threads), expected) == [], (number, name, threads)


LARGE = {
    "for many threads": {"T": 4, "B": 19, "I": 40, "H": 100},
    "many steps": {"T": 280, "B": 9, "I": 3, "H": 5},
    "many rows": {"T": 2, "B": 2100, "I": 2, "H": 3},
}


@pytest.mark.parametrize("cell", NAMES.values())
@pytest.mark.parametrize("size", LARGE)
def test_a_large_layer(scalar: Scalar, cell: str, size: str) -> None:
    """Work for more threads than one, and more steps or rows than are added up at once."""
    for number, (name, threads) in enumerate(product(FUSED, (2, 3, 8))):
        layer = draw_layer(cell, scalar.dtype.name, number, **LARGE[size])
        with using(name):
            assert unequal(of_engine(layer, threads), of_scalar(scalar, layer)) == [], (name, threads)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_loops_is_seen(scalar: Scalar, fault: str) -> None:
    """One number that differs is enough; which arrays differ says that it is the right fault."""
    layer = draw_layer("gru-tanh", scalar.dtype.name, 5, T=3, B=9, I=7, H=17)
    with scalar.fault(fault):
        wrong = unequal(of_scalar(scalar, layer), of_engine(layer, 1))
    sums = fault in ("four shards", "left to right")
    assert ("gates" in wrong) != sums
    assert {"W", "b", "d"} <= set(wrong)
