"""Two heads: y = h Vᵀ + c; softmax and cross-entropy, finite for every finite logit."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cases import TOLERANCE, Array, frozen
from checks import distance
from elman import gradcheck, heads, log_softmax, softmax

ULP = {"float64": 2.3e-16, "float32": 1.2e-7}
dtypes = pytest.mark.parametrize("dtype", ULP)


def exact_nats(row: Array, target: int) -> float:
    """log Σ exp(y) − y_k with 60 digits."""
    with localcontext() as context:
        context.prec = 60
        y = [Decimal(float(value)) for value in row]
        shifted = [value - max(y) for value in y]
        return float(sum(value.exp() for value in shifted).ln() - shifted[target])


def random_logits(dtype: str, *shape: int, scale: float = 5.0) -> Array:
    return (scale * np.random.default_rng(0).standard_normal(shape)).astype(dtype)


def random_targets(size: int, *shape: int) -> Array:
    return np.random.default_rng(1).integers(0, size, shape)


def random_weights(count: int) -> Array:
    """Every third is 0."""
    return np.random.default_rng(2).uniform(0.5, 2, count) * (np.arange(count) % 3 != 1)


# Right


@dtypes
@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 1e4])
def test_nats_are_log_sum_exp_minus_the_target(dtype: str, scale: float) -> None:
    y, targets = random_logits(dtype, 40, 7, scale=scale), random_targets(7, 40)
    expected = [exact_nats(row, k) for row, k in zip(y, targets, strict=True)]
    came = heads.softmax.nats(y, targets)
    assert came.dtype == np.float64
    assert distance(came, np.array(expected)) < 10 * ULP[dtype]  # measured 1 unit


@dtypes
def test_log_softmax_is_minus_the_nats(dtype: str) -> None:
    y, targets = random_logits(dtype, 3, 4, 6), random_targets(6, 3, 4)
    chosen = np.take_along_axis(log_softmax(y), targets[..., None], axis=-1)[..., 0]
    assert distance(-chosen, heads.softmax.nats(y, targets)) < 10 * ULP[dtype]


@dtypes
def test_loss_is_the_weighted_sum_of_nats(dtype: str) -> None:
    y, targets, weights = random_logits(dtype, 20, 6), random_targets(6, 20), random_weights(20)
    nats = heads.softmax.nats(y, targets)
    assert heads.softmax.loss(y.copy(), targets, None, 20.0) == pytest.approx(nats.mean(), rel=1e-15)
    weighted = heads.softmax.loss(y.copy(), targets, weights, 7.5)
    assert weighted == pytest.approx((weights * nats).sum() / 7.5, rel=1e-15)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("size", [1, 2, 6])
def test_dy_is_the_derivative_of_the_loss(weighted: bool, size: int) -> None:
    y, targets = random_logits("float64", 20, size, scale=2), random_targets(size, 20)
    weights = random_weights(20) if weighted else None
    dy = y.copy()
    heads.softmax.loss(dy, targets, weights, 7.5)
    error = gradcheck(lambda y: heads.softmax.loss(y.copy(), targets, weights, 7.5), y, dy)
    assert error < TOLERANCE.gradient


def test_a_wrong_target_would_be_seen() -> None:
    y, targets = random_logits("float64", 20, 6, scale=2), random_targets(6, 20)
    dy, other = y.copy(), np.roll(targets, 1)
    heads.softmax.loss(dy, targets, None, 20.0)
    error = gradcheck(lambda y: heads.softmax.loss(y.copy(), other, None, 20.0), y, dy)
    assert error > 1000 * TOLERANCE.gradient


def test_nats_of_any_number_of_axes_leave_the_logits_alone() -> None:
    y, targets = frozen(random_logits("float32", 5, 4, 6)), random_targets(6, 5, 4)
    rows = heads.softmax.nats(y.reshape(20, 6), targets.reshape(20))
    assert heads.softmax.nats(y, targets).tolist() == rows.reshape(5, 4).tolist()


# Finite


@dtypes
@pytest.mark.parametrize(
    "row",
    [[1e30, -1e30], [-1e30, -1e30, -1e30], [1e30, 1e30], [1e30], [0.0], [-1e30], [1e-30, 0, 1e30], [0.0] * 9],
    ids=str,
)
def test_extreme_logits_give_finite_numbers(dtype: str, row: list[float]) -> None:
    for target in range(len(row)):
        y, targets = np.array([row], dtype), np.array([target])
        expected, dy = exact_nats(y[0], target), y.copy()
        loss = heads.softmax.loss(dy, targets, None, 1.0)
        assert loss == pytest.approx(expected, rel=4 * ULP[dtype])
        assert heads.softmax.nats(y, targets)[0] == loss
        assert np.isfinite(dy).all()
        assert np.isfinite(log_softmax(y)).all()
        assert softmax(y).sum() == pytest.approx(1, abs=len(row) * ULP[dtype])


@dtypes
def test_a_million_symbols(dtype: str) -> None:
    y, targets = random_logits(dtype, 1, 10**6), np.array([7])
    right, dy = np.float64(y[0]), y.copy()
    expected = np.log(np.exp(right - right.max()).sum()) + right.max() - right[7]
    assert heads.softmax.loss(dy, targets, None, 1.0) == pytest.approx(expected, rel=100 * ULP[dtype])
    dy[0, 7] += 1
    assert dy.sum(dtype=np.float64) == pytest.approx(1, abs=10**6 * ULP[dtype])
    assert softmax(y).sum(dtype=np.float64) == pytest.approx(1, abs=10**6 * ULP[dtype])
    equal = heads.softmax.loss(np.full((1, 10**6), 3e7, dtype), targets, None, 1.0)
    assert equal == pytest.approx(math.log(10**6), rel=10 * ULP[dtype])


def finite_logits(dtype: str) -> st.SearchStrategy[Array]:
    width = 32 if dtype == "float32" else 64
    bound = float(np.float32(1e30))
    shapes = arrays.array_shapes(min_dims=2, max_dims=2, max_side=6)
    return arrays.arrays(dtype, shapes, elements=st.floats(-bound, bound, width=width))


@dtypes
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_finite_logits_give_finite_numbers(dtype: str, data: st.DataObject) -> None:
    y = data.draw(finite_logits(dtype))
    targets = np.arange(len(y)) % y.shape[1]
    o = softmax(y)
    each, dy = heads.softmax.nats(y, targets), y.copy()
    loss = heads.softmax.loss(dy, targets, None, float(len(y)))
    assert (np.abs(o.sum(axis=-1) - 1) <= y.shape[1] * ULP[dtype]).all()
    assert ((o >= 0) & (o <= 1)).all()
    assert (each >= 0).all()
    assert np.isfinite([loss, *each]).all()
    assert np.isfinite(dy).all()
    assert np.isfinite(log_softmax(y)).all()


# softmax


@pytest.mark.parametrize("shape", [(5,), (1,), (2, 5), (3, 2, 5), (1, 3, 2, 5)], ids=str)
def test_softmax_works_along_the_last_axis_of_any_array(shape: tuple[int, ...]) -> None:
    z = random_logits("float64", *shape)
    o = softmax(z)
    assert o.shape == shape
    for place in np.ndindex(shape[:-1]):
        e = [math.exp(value) for value in z[place]]
        assert distance(o[place], np.array(e) / sum(e)) < TOLERANCE.equations


def test_softmax_does_not_move_with_its_logits() -> None:
    z = random_logits("float64", 4, 6)
    assert distance(softmax(z + 700), softmax(z)) < 1e-12  # measured 2e-14: z + 700 is rounded


def test_softmax_reads_lists_and_integers_and_writes_to_nothing() -> None:
    z = frozen(np.array([1, 2, 3]))
    assert softmax(z).tolist() == softmax([1.0, 2.0, 3.0]).tolist()
    assert softmax(np.float32([1, 2])).dtype == np.float32
    softmax(frozen(np.array([0.5, 0.5])))


# The affine head


def test_affine_is_a_product_and_a_bias() -> None:
    h, V, c = (np.random.default_rng(2).standard_normal(shape) for shape in ((6, 3), (4, 3), (4,)))
    y = heads.affine.forward(h, V, c)
    by_hand = [[c[o] + sum(V[o, i] * row[i] for i in range(3)) for o in range(4)] for row in h]
    assert distance(y, np.array(by_hand)) < TOLERANCE.equations
    assert distance(heads.affine.forward(h[0], V, c), y[0]) < TOLERANCE.equations


def test_affine_backward_is_the_derivative() -> None:
    shapes = ((6, 3), (4, 3), (4,), (6, 4))
    h, V, c, dy = (np.random.default_rng(3).standard_normal(shape) for shape in shapes)
    dV, dc, dh = np.full((4, 3), np.nan), np.full(4, np.nan), np.full((6, 3), np.nan)
    heads.affine.backward(dy, h, V, dV, dc, dh)
    for moved, gradient in ((V, dV), (c, dc), (h, dh)):
        error = gradcheck(lambda _: float((heads.affine.forward(h, V, c) * dy).sum()), moved, gradient)
        assert error < TOLERANCE.gradient
