"""R16: whatever finite logits come, the loss is finite and right, and probabilities sum to 1.

The softmax alone is tried in test_heads.py; here both engines say their logits through a whole network.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from elman import Network, bptt, evaluate
from elman.data import Batch
from elman.engines import reference
from streaming_cases import ENGINES, every_engine

ULP = {"float32": 2.0**-23, "float64": 2.0**-52}
LARGEST = float(np.float32(1e30))
dtypes = pytest.mark.parametrize("dtype", ULP)
Array = np.ndarray


class Found(NamedTuple):
    """The worst of the rows: how far the nats are off, in ulps of them, and the sum of probabilities."""

    nats: float
    total: float


def speaker(logits: Array, engine: str) -> Network:
    """A network that answers symbol k with row k of the logits, exactly: one unit is 1, the others are 0."""
    rows, size = logits.shape
    sizes = {"input_size": rows, "hidden_size": rows, "output_size": size}
    network = Network(**sizes, dtype=logits.dtype.name, engine=engine)
    network.parameters.flat[:] = 0
    network.parameters["layers.0.U"][:] = 50 * np.eye(rows)  # tanh(50) is 1
    network.parameters["head.V"][:] = logits.T
    return network


def exact(row: Array, target: int) -> float:
    """The nats of a row, summed without rounding."""
    shifted = row.astype(np.float64) - float(row.max())
    return math.log(math.fsum(np.exp(shifted).tolist())) - float(shifted[target])


def check(logits: Array, targets: Array, engine: str) -> Found:
    """See that loss, gradient, nats and probabilities of each row are finite and right."""
    network, ulp, worst = speaker(logits, engine), ULP[logits.dtype.name], Found(0, 0)
    for row, target in enumerate(targets.tolist()):
        batch = Batch(np.array([[row]]), np.array([[target]]))
        loss, gradient, _ = bptt.full(network, batch)
        told = evaluate(network, [batch])
        shown = network.stream().step(row)
        assert np.isfinite([loss, told.nats]).all()
        assert np.isfinite(gradient).all()
        assert ((shown >= 0) & (shown <= 1)).all()
        right = exact(logits[row], target)
        off = max(abs(nats - right) for nats in (loss, told.nats)) / (ulp * max(right, 1))
        total = abs(math.fsum(shown.tolist()) - 1) / ulp
        assert total <= len(shown)
        worst = Found(max(worst.nats, off), max(worst.total, total))
    return worst


ROWS = {
    "far apart": [1e30, -1e30, 0, 1],
    "all equal, huge": [1e30] * 4,
    "all equal, low": [-1e30] * 4,
    "all equal, nothing": [0.0] * 4,
    "equal but for one": [1e30, 1e30, -1e30, 1e30],
    "tiny": [1e-30, -1e-30, 0, 1e-45],
    "at the edge of exp": [0, -87.4, -103.9, -745.2],
}


@every_engine
@dtypes
def test_extreme_rows(dtype, engine):
    logits = np.array(list(ROWS.values()), dtype)
    for target in range(logits.shape[1]):
        assert check(logits, np.full(len(logits), target), engine).nats <= 8  # measured 1
    one = check(np.array([[LARGEST], [0], [-LARGEST]], dtype), np.zeros(3, int), engine)
    assert one == (0, 0)  # one symbol is no question


@every_engine
@dtypes
def test_a_million_symbols(dtype, engine, kept):
    logits = np.random.default_rng(0).normal(0, 5, (3, 10**6)).astype(dtype)
    logits[1] = 3e7
    logits[2, ::2] = LARGEST
    found = check(logits, np.array([7, 10**6 - 1, 2]), engine)
    assert found.nats <= 100  # measured 20, compiled, in float32
    kept("R16", f"a million symbols, {engine}, {dtype}: Σ p off by {found.total:.0f} ulp")


@dtypes
def test_any_finite_logits(dtype, full, kept):
    width, worst, tried = int(dtype[5:]), Found(0, 0), 0
    shapes = arrays.array_shapes(min_dims=2, max_dims=2, max_side=7)
    numbers = st.floats(-LARGEST, LARGEST, width=width)
    floats = st.one_of(numbers, st.sampled_from([0.0, LARGEST, -LARGEST, 1.0]))
    drawn = arrays.arrays(dtype, shapes, elements=floats)

    @settings(max_examples=3000 if full else 60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(logits=drawn, chosen=st.integers(0, 6))
    def search(logits, chosen):
        nonlocal worst, tried
        targets = (np.arange(len(logits)) + chosen) % logits.shape[1]
        for engine in ENGINES:
            found = check(logits, targets, engine)
            assert found.nats <= 8  # measured 1
            worst, tried = Found(*map(max, zip(worst, found, strict=True))), tried + 1

    search()
    kept("R16", f"{tried} drawn sets of logits to ±1e30, {dtype}: finite, nats off by {worst.nats:.1f} ulp")


@pytest.mark.parametrize("fault", ["no maximum", "logarithm of the probability"])
def test_a_fault_would_be_found(fault, monkeypatch):
    """Teeth: on the reference engine, whose formulas can be replaced."""

    def judge(rows, V, c, targets):
        with np.errstate(all="ignore"):
            y = rows @ V.T + c
            y -= 0 if fault == "no maximum" else y.max(axis=1, keepdims=True)
            p = np.exp(y) / np.exp(y).sum(axis=1, keepdims=True)
            nats = -np.log(p[np.arange(len(y)), targets])
        return nats, y.argmax(axis=1)

    monkeypatch.setattr(reference, "judge", judge)
    with pytest.raises((AssertionError, ArithmeticError)):
        assert check(np.array(list(ROWS.values())), np.ones(len(ROWS), int), "reference").nats <= 8
