"""What every head keeps: its formula, its gradient, weights, blocks of rows; nothing comes of idle rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest

from cases import TOLERANCE, Array, frozen
from checks import distance
from elman import gradcheck, heads
from elman.heads import HEADS, Head

QUANTILES = (0.1, 0.5, 0.8)
CASES = {name: heads.find(name, QUANTILES if name == "quantile" else ()) for name in HEADS}
every_head = pytest.mark.parametrize("head", CASES.values(), ids=CASES)
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])

# One row, in the words of the textbook.

Naive = Callable[[Array, Array], float]


def cross_entropy(y: Array, k: Array) -> float:
    return -math.log(math.exp(y[k]) / sum(math.exp(value) for value in y))


def binary_cross_entropies(y: Array, t: Array) -> float:
    p = [1 / (1 + math.exp(-value)) for value in y]
    return -sum(math.log(q) * label + math.log(1 - q) * (1 - label) for q, label in zip(p, t, strict=True))


def huber(y: Array, t: Array) -> float:
    size = [abs(a - b) for a, b in zip(y, t, strict=True)]
    return sum(e * e / 2 if e <= 1 else e - 0.5 for e in size) / len(size)


def normal(y: Array, t: Array) -> float:
    each = [
        -math.log(NormalDist(m, math.exp(8 * math.asinh(s / 8)) ** 0.5).pdf(value))
        for m, s, value in zip(y[: len(t)], y[len(t) :], t, strict=True)
    ]
    return sum(each) / len(each)


def pinball(y: Array, t: Array) -> float:
    total = 0.0
    for k, q in enumerate(QUANTILES):
        for d, value in enumerate(t):
            e = value - y[k * len(t) + d]
            total += q * e if e > 0 else -(1 - q) * e
    return total / len(y)


NAIVE: dict[str, Naive] = {
    "softmax": cross_entropy,
    "sigmoid": binary_cross_entropies,
    "squared": lambda y, t: sum((a - b) ** 2 for a, b in zip(y, t, strict=True)) / len(t),
    "absolute": lambda y, t: sum(abs(a - b) for a, b in zip(y, t, strict=True)) / len(t),
    "huber": huber,
    "gaussian": normal,
    "quantile": pinball,
}


def random_case(head: Head, N: int = 14, O: int = 3, dtype: str = "float64") -> tuple[Array, Array, Array]:
    """y, targets, and weights of which some are 0 and no others are equal; no size is that of another."""
    generator = np.random.default_rng(0)
    y = 2 * generator.standard_normal((N, O * head.width)).astype(dtype)
    targets = 2 * generator.standard_normal((N, O)).astype(dtype)
    if head.symbols:
        targets = generator.integers(0, O, N)
    elif head.name == "sigmoid":
        targets = np.where(targets > 2, 0.3, targets > 0).astype(dtype)
    weights = generator.uniform(0.5, 2, N) * (np.arange(N) % 4 != 1)
    return y, frozen(targets), frozen(weights)


def garbage(targets: Array, idle: Array) -> Array:
    """The targets with those of idle rows spoilt: NaN, or symbols that are none."""
    spoilt = targets.copy()
    spoilt[idle] = -99 if targets.ndim == 1 else np.nan
    return spoilt


@every_head
@dtypes
def test_each_is_the_formula_of_the_textbook(head: Head, dtype: str) -> None:
    y, targets, _ = random_case(head, dtype=dtype)
    came = head.each(frozen(y), targets)
    expected = [NAIVE[head.name](*row) for row in zip(y.astype(np.float64), targets, strict=True)]
    assert came.dtype == np.float64
    assert distance(came, np.array(expected)) < (1e-13 if dtype == "float64" else 1e-6)


@every_head
@pytest.mark.parametrize("size", [1, 3])
def test_loss_is_the_weighted_sum_and_its_gradient_is_left_in_y(head: Head, size: int) -> None:
    y, targets, weights = random_case(head, O=size)
    spoilt, dy = garbage(targets, weights == 0), y.copy()
    loss = head.loss(dy, spoilt, weights, 7.5)
    assert loss == pytest.approx((weights * head.each(y, targets)).sum() / 7.5, rel=1e-14)
    assert gradcheck(lambda y: head.loss(y.copy(), spoilt, weights, 7.5), y, dy) < TOLERANCE.gradient


@every_head
def test_a_gradient_slightly_off_would_be_seen(head: Head) -> None:
    y, targets, weights = random_case(head)
    dy = y.copy()
    head.loss(dy, targets, weights, 7.5)
    error = gradcheck(lambda y: head.loss(y.copy(), targets, weights, 7.5), y, 1.001 * dy)
    assert error > 100 * TOLERANCE.gradient


@every_head
@dtypes
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_a_row_of_weight_0_counts_for_nothing_whatever_it_holds(head: Head, dtype: str, value: float) -> None:
    y, targets, weights = random_case(head, dtype=dtype)
    clean, spoilt, idle = y.copy(), y.copy(), weights == 0
    spoilt[idle] = value
    expected = head.loss(clean, targets, weights, 7.5)
    assert head.loss(spoilt, garbage(targets, idle), weights, 7.5) == expected
    assert spoilt.tolist() == clean.tolist()
    assert (clean[idle] == 0).all()
    assert (clean[~idle] != 0).any()


@pytest.mark.parametrize("head", [head for head in CASES.values() if not head.symbols], ids=lambda h: h.name)
def test_a_missing_target_is_missing_from_each_and_spoils_no_other(head: Head) -> None:
    y, targets, weights = random_case(head)
    missing = weights == 0
    came = head.each(y, garbage(targets, missing))
    assert np.isnan(came[missing]).all()
    assert came[~missing].tolist() == head.each(y, targets)[~missing].tolist()


@every_head
@dtypes
def test_weights_of_one_are_no_weights_to_the_bit(head: Head, dtype: str) -> None:
    y, targets, _ = random_case(head, dtype=dtype)
    plain, weighted = y.copy(), y.copy()
    assert head.loss(plain, targets, None, 7.5) == head.loss(weighted, targets, np.ones(len(y)), 7.5)
    assert plain.tobytes() == weighted.tobytes()


@every_head
@dtypes
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("cut", [0, 1, 6, 13])
def test_blocks_of_rows_add_up_to_the_whole(head: Head, dtype: str, weighted: bool, cut: int) -> None:
    y, targets, weights = random_case(head, dtype=dtype)
    whole, total = y.copy(), float(weights.sum())
    expected = head.loss(whole, targets, weights if weighted else None, total)
    parts = (slice(0, cut), slice(cut, len(y)))
    losses = [head.loss(y[part], targets[part], weights[part] if weighted else None, total) for part in parts]
    assert sum(losses) == pytest.approx(expected, rel=1e-14 if dtype == "float64" else 1e-7)
    if (
        head.name == "softmax"
    ):  # its sums are a product of BLAS, which rounds the last rows of a block otherwise
        assert distance(y, whole) < {"float64": 1e-15, "float32": 5e-7}[dtype]
    else:
        assert y.tobytes() == whole.tobytes()


@every_head
def test_the_gradient_of_a_block_is_written_into_the_whole(head: Head) -> None:
    y, targets, weights = random_case(head)
    before, block = y.copy(), y[2:9]
    head.loss(block, targets[2:9], weights[2:9], 7.5)
    assert (y[2:9] != before[2:9]).all()
    assert y[9:].tolist() == before[9:].tolist()


@every_head
def test_float32_is_float64_but_for_rounding(head: Head) -> None:
    y, targets, weights = random_case(head, dtype="float32")
    precise, wide = y.astype(np.float64), targets if head.symbols else targets.astype(np.float64)
    expected = head.loss(precise, wide, weights, 7.5)
    assert head.loss(y, targets, weights, 7.5) == pytest.approx(expected, rel=1e-6)
    assert y.dtype == np.float32
    assert distance(y, precise) < 1e-6  # measured 1e-7


@every_head
@dtypes
def test_extreme_outputs_give_finite_numbers(head: Head, dtype: str) -> None:
    row = np.array([-1e4, 0, 1e4], dtype)
    y = np.stack(np.meshgrid(*[row] * head.width, [0.0, 1e4], indexing="ij"), -1)[..., :-1]
    y = np.ascontiguousarray(y.reshape(-1, head.width), dtype)
    for target in (0, 1) if head.name == "sigmoid" else (0,) if head.symbols else (-1e4, 0, 1e4):
        targets = np.zeros(len(y), int) if head.symbols else np.full((len(y), 1), target, dtype)
        dy = y.copy()
        assert np.isfinite(head.each(y, targets)).all()
        assert np.isfinite(head.loss(dy, targets, None, 1.0))
        assert np.isfinite(dy).all()
        assert np.isfinite(head.outputs(y)).all()


@every_head
@pytest.mark.parametrize("weights", [None, np.zeros(14)], ids=["no rows", "no weight"])
def test_where_nothing_counts_there_is_no_loss(head: Head, weights: Array | None) -> None:
    y, targets, _ = random_case(head)
    kept = len(y) if weights is not None else 0
    assert head.loss(y[:kept], targets[:kept], weights, 0.0) == 0
    assert not y[:kept].any()
