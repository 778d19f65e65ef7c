"""Principal directions against eigenvectors of the covariance, and data whose directions are known."""

from __future__ import annotations

import numpy as np
import pytest

from elman.errors import NumericError, OptionError, ShapeError
from elman.inspection import geometry
from elman.inspection.geometry import principal_directions

ROUNDING = 1e-11  # 6e-13 measured


def data(steps: int = 40, width: int = 6, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    mixed = generator.standard_normal((steps, width)) * np.arange(1, width + 1)
    return mixed @ generator.standard_normal((width, width)) + generator.standard_normal(width)


@pytest.mark.parametrize("steps", [40, 4])  # more states than numbers, and fewer
def test_directions_are_the_eigenvectors_of_the_covariance(steps):
    states = data(steps)
    found = principal_directions(states)
    values, vectors = np.linalg.eigh(np.cov(states, rowvar=False))
    most = min(steps - 1, 6)
    assert found.directions.shape == (most, 6)
    assert np.allclose(found.variances, values[::-1][:most], rtol=ROUNDING, atol=0)
    assert np.allclose(found.shares, values[::-1][:most] / values.sum(), rtol=ROUNDING, atol=0)
    cosines = np.abs(np.einsum("kh,hk->k", found.directions, vectors[:, ::-1][:, :most]))
    assert np.allclose(cosines, 1, rtol=0, atol=ROUNDING)
    assert np.allclose(found.directions @ found.directions.T, np.eye(most), rtol=0, atol=ROUNDING)


def test_what_moves_in_a_plane_has_two_directions():
    plane, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((7, 2)))
    along = np.random.default_rng(2).standard_normal((50, 2)) * [3, 1]
    found = principal_directions(along @ plane.T + 5)
    assert np.allclose(found.variances[2:], 0, rtol=0, atol=ROUNDING)
    assert np.isclose(found.shares[:2].sum(), 1, rtol=0, atol=ROUNDING)
    projector = found.directions[:2].T @ found.directions[:2]
    assert np.allclose(projector, plane @ plane.T, rtol=0, atol=ROUNDING)


def test_the_largest_entry_of_a_direction_is_above_zero_whatever_the_data():
    for seed in range(20):
        states = data(seed=seed)
        found, turned = principal_directions(states), principal_directions(-states)
        largest = np.abs(found.directions).argmax(axis=1)
        assert (found.directions[np.arange(6), largest] > 0).all()
        assert np.allclose(turned.directions, found.directions, rtol=0, atol=ROUNDING)


def test_the_path_is_where_the_states_are():
    states = data()
    found = principal_directions(states)
    path = found.path(states)
    assert np.allclose(path.mean(axis=0), 0, rtol=0, atol=ROUNDING)
    assert np.allclose(np.cov(path, rowvar=False), np.diag(found.variances), rtol=0, atol=ROUNDING)
    assert np.allclose(found.mean + path @ found.directions, states, rtol=0, atol=ROUNDING)
    assert np.allclose(found.path(states[3]), path[3], rtol=0, atol=ROUNDING)


def test_a_count_keeps_the_first():
    states = data().astype(np.float32)
    found, two = principal_directions(states), principal_directions(states, 2)
    assert (two.directions == found.directions[:2]).all()
    assert (two.variances == found.variances[:2]).all()
    assert (two.shares == found.shares[:2]).all()
    assert two.path(states).shape == (40, 2)
    assert two.directions.dtype == np.float64


def test_what_does_not_move_has_no_share():
    found = principal_directions(np.ones((5, 3)))
    assert found.variances.tolist() == found.shares.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("states", "count", "error", "says"),
    [
        (np.zeros(3), None, ShapeError, "1 axis"),
        (np.zeros((1, 3)), None, ShapeError, "two states"),
        (np.zeros((3, 0)), None, ShapeError, "two states"),
        (np.zeros((5, 3)), 4, OptionError, "3 directions at most"),
        (np.zeros((3, 5)), 3, OptionError, "2 directions at most"),
        (np.zeros((3, 5)), 0, OptionError, "count is 0"),
        (np.full((3, 5), np.inf), None, NumericError, "not finite"),
    ],
)
def test_refusals(states, count, error, says):
    with pytest.raises(error, match=says):
        principal_directions(states, count)


def test_a_path_of_another_width_is_refused():
    with pytest.raises(ShapeError, match="states of 6 numbers"):
        principal_directions(data()).path(np.zeros((4, 5)))


def test_the_check_against_the_covariance_can_fail(monkeypatch):
    """Without the mean taken off first, directions are those of the raw second moments."""
    real = np.linalg.svd
    monkeypatch.setattr(geometry.np.linalg, "svd", lambda rows, **how: real(rows + 1, **how))
    with pytest.raises(AssertionError):
        test_directions_are_the_eigenvectors_of_the_covariance(40)
