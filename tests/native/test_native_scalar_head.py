"""The head of the compiled engine is the plain loops of scalar_sums.c, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cases import Array
from elman.engines import Memory
from elman.engines.native import Native
from native_cases import FUSED, MODULE, unequal, using
from scalar import Scalar, scalar_library

pytestmark = pytest.mark.skipif(not FUSED, reason="this CPU has no instruction set with FMA")
SHARDS = 8


@pytest.fixture(scope="module", params=("float32", "float64"))
def scalar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Scalar:
    return scalar_library(request, tmp_path_factory, MODULE)


def draw_head(dtype: str, seed: int, **sizes: int) -> dict[str, Any]:
    generator = np.random.default_rng([seed, 7])
    T, B, R, O = (int(generator.integers(1, most)) for most in (7, 20, 70, 90))
    T, B, R, O = (sizes.get(name, size) for name, size in zip("TBRO", (T, B, R, O), strict=True))

    def normal(*shape: int) -> Array:
        return generator.standard_normal(shape).astype(dtype)

    weights = np.maximum(generator.uniform(-1, 2, T * B), 0) if seed % 2 else None
    targets = generator.integers(0, O, T * B)
    return {
        "rows": normal(T, B, R),
        "V": normal(O, R),
        "c": normal(O),
        "dV": normal(O, R),
        "dc": normal(O),
        "dy": normal(T, B, O),
        "targets": targets,
        "weights": weights,
    }


def tree_sum(nats: Array) -> float:
    """Σ "T B": shard by shard, by steps and in them by rows, then along the tree."""
    B = nats.shape[1]
    shards = [0.0] * SHARDS
    for s in range(SHARDS):
        for value in nats[:, B * s // SHARDS : B * (s + 1) // SHARDS].ravel():
            shards[s] += float(value)
    while len(shards) > 1:
        shards = [a + b for a, b in zip(shards[::2], shards[1::2], strict=True)]
    return shards[0]


def backward(scalar: Scalar, head: dict[str, Any], dy: Array) -> dict[str, Array]:
    dV, dc = head["dV"].copy(), head["dc"].copy()
    scalar.outer(dy, head["rows"], into=dV)
    scalar.outer(dy, into=dc)
    return {"dV": dV, "dc": dc, "drows": scalar.affine(dy, head["V"], None, turned=False)}


def cross_entropy(scalar: Scalar, head: dict[str, Any], *, total: float, share: float) -> dict[str, Array]:
    y = scalar.affine(head["rows"], head["V"], head["c"], turned=True)
    nats = np.zeros(y.shape[:2])
    weights = np.ones(nats.size) if head["weights"] is None else head["weights"]
    for at, (k, weight) in enumerate(zip(head["targets"], weights, strict=True)):
        t, r = divmod(at, nats.shape[1])
        if not weight:
            y[t, r] = 0
            continue
        nats[t, r] = weight * scalar.softmax(y[t, r], k, weight * share / total)
    return backward(scalar, head, y) | {"loss": np.array(tree_sum(nats) / total)}


def test_outputs_and_what_goes_back(scalar: Scalar, seed: int) -> None:
    for number in range(seed, seed + 30):
        head = draw_head(scalar.dtype.name, number)
        expected = backward(scalar, head, head["dy"])
        expected["y"] = scalar.affine(head["rows"], head["V"], head["c"], turned=True)
        for name in FUSED:
            with using(name):
                engine = Native(getattr(MODULE, scalar.dtype.name), 1 + number % 3)
                came = {
                    "dV": head["dV"].copy(),
                    "dc": head["dc"].copy(),
                    "drows": np.empty_like(head["rows"]),
                }
                engine.outputs_backward(head["dy"], head["rows"], head["V"], **came)
                came["y"] = engine.outputs(head["rows"], head["V"], head["c"])
            assert unequal(came, expected) == [], (number, name)


def native_cross_entropy(head: dict[str, Any], threads: int, **given: float) -> dict[str, Array]:
    engine = Native(getattr(MODULE, head["V"].dtype.name), threads)
    came = {"dV": head["dV"].copy(), "dc": head["dc"].copy(), "drows": np.empty_like(head["rows"])}
    arrays = (head[name] for name in ("rows", "V", "c", "targets", "weights"))
    return came | {"loss": np.array(engine.cross_entropy(*arrays, **given, into=tuple(came.values())))}


def test_softmax_and_cross_entropy(scalar: Scalar, seed: int) -> None:
    for number in range(seed, seed + 30):
        head = draw_head(scalar.dtype.name, number)
        expected = cross_entropy(scalar, head, total=3.7, share=0.3)
        for name in FUSED:
            with using(name):
                came = native_cross_entropy(head, 1 + number % 3, total=3.7, share=0.3)
            assert unequal(came, expected) == [], (number, name)


def test_a_fault_in_the_head_is_seen(scalar: Scalar) -> None:
    head = draw_head(scalar.dtype.name, 1, T=3, B=17, R=33, O=20)
    came = native_cross_entropy(head, 1, total=3.7, share=0.3)
    seen = {"reversed": {"dV", "drows"}, "four shards": {"dV"}, "left to right": {"dV"}}
    for fault, names in seen.items():
        with scalar.fault(fault):
            assert names <= set(unequal(cross_entropy(scalar, head, total=3.7, share=0.3), came)), fault


def test_judgements(scalar: Scalar, seed: int) -> None:
    """Nats and the most probable symbol of rows, without a way back."""
    for number in range(seed, seed + 20):
        head = draw_head(scalar.dtype.name, number, T=1)
        y = scalar.affine(head["rows"], head["V"], head["c"], turned=True)[0]
        guesses = y.argmax(axis=1)
        nats = np.array([scalar.softmax(row, k, 1.0) for row, k in zip(y, head["targets"], strict=True)])
        for name in FUSED:
            with using(name):
                engine = Native(getattr(MODULE, scalar.dtype.name), 2)
                came = engine.judge(head["rows"][0], head["V"], head["c"], head["targets"])
            assert came[0].tobytes() == nats.tobytes(), (number, name)
            assert came[1].tolist() == guesses.tolist(), (number, name)


def test_sums_by_symbol(scalar: Scalar, seed: int) -> None:
    dtype = scalar.dtype.name
    for number in range(seed, seed + 20):
        generator = np.random.default_rng([number, 8])
        T, B, F, I = (int(generator.integers(1, most)) for most in (7, 20, 70, 9))
        symbols, rows = generator.integers(0, I, (T, B)), generator.standard_normal((T, B, F)).astype(dtype)
        expected = scalar.by_symbol(symbols, rows, I)
        for name in FUSED:
            with using(name):
                came = Native(getattr(MODULE, dtype), 2).sum_by_symbol(symbols, rows, I, Memory(dtype))
            assert came.tobytes() == expected.tobytes(), (number, name)
