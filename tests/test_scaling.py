"""The standard score: unit size from training rows, and exactly back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.scaling import Scaler, far_from_unit_size, fit_scaler
from elman.errors import DataError, OptionError


def test_columns_get_mean_0_and_deviation_1():
    x = np.random.default_rng(3).normal([5.0, -2.0, 1e6], [0.1, 3.0, 2e4], (400, 3))
    scaler = fit_scaler(x, ["a", "b", "c"])
    z = scaler.transform(x)
    assert np.allclose(z.mean(axis=0), 0, atol=1e-9)
    assert np.allclose(z.std(axis=0), 1, atol=1e-12)
    assert np.allclose(scaler.inverse(z), x, rtol=1e-12)
    assert np.allclose(scaler.mean, x.mean(axis=0))
    assert {type(number) for number in (*scaler.mean, *scaler.scale)} == {float}  # what JSON holds


def test_blocks_of_columns_lie_side_by_side():
    scaler = Scaler((1.0, 10.0), (2.0, 5.0))
    z = np.array([[[0.0, 0, 1, 1, -1, 2]]])  # 3 blocks of 2 columns, in two more axes
    assert scaler.inverse(z).tolist() == [[[1, 10, 3, 15, -1, 20]]]
    assert scaler.inverse_spread(z).tolist() == [[[0, 0, 2, 5, -2, 10]]]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.floats(-100, 100))
def test_there_and_back(mean, scale, z):
    scaler = Scaler((mean,), (scale,))
    there = scaler.inverse([z])
    assert math.isclose(scaler.transform(there)[0], z, abs_tol=1e-12 * (1 + abs(mean) / scale))


def test_a_constant_column_is_named():
    x = [[1.0, 0.1, 5.0], [2.0, 0.1, 5.0], [2.0, 0.1, 5.0]]
    with pytest.raises(DataError, match=r"column 'b' is constant \(0\.1 in all 3 rows .*leave it out"):
        fit_scaler(x, ["a", "b", "c"])


def test_no_rows_have_no_scale():
    with pytest.raises(DataError, match="no rows to learn the scale of a, b from"):
        fit_scaler(np.zeros((0, 2)), ["a", "b"])


@pytest.mark.parametrize("x", [[[1e200], [-1e200]], [[1.7e308], [1.6e308]], [[1e-200], [2e-200]]])
def test_numbers_that_no_scale_brings_near_1_are_named(x):
    with pytest.raises(DataError, match="column 'a' cannot be scaled"):
        fit_scaler(x, ["a"])


@pytest.mark.parametrize(
    ("mean", "scale"),
    [((0.0,), (0.0,)), ((0.0,), (-1.0,)), ((0.0,), ()), ((math.nan,), (1.0,)), ((0.0,), (math.inf,))],
)
def test_what_is_no_scaler(mean, scale):
    with pytest.raises(OptionError):
        Scaler(mean, scale)


@pytest.mark.parametrize(
    ("mean", "deviation", "far"),
    [
        *[(0, 1, False), (9, 1, False), (0, 0.011, False), (0, 99, False)],
        *[(-11, 1, True), (0, 0.009, True), (0, 101, True), (5, 0, True), (1e308, 1e308, True)],
    ],
)
def test_targets_far_from_unit_size_are_told(mean, deviation, far):
    with np.errstate(over="ignore"):
        targets = np.array([[0.0, mean - deviation], [1.0, mean + deviation]])
    message = far_from_unit_size(targets, ["near", "rides"])
    assert (message is not None) == far
    assert message is None or ("'rides'" in message and "scale the targets" in message)
