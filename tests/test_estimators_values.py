"""Regressor: numbers in the units of the user, how sure they are, and one for each step."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from elman.errors import DataError, OptionError, ShapeError
from elman.estimators import SequenceRegressor
from estimator_cases import LENGTHS, SMALL, X

Y = np.array([row[-1, 0] for row in X])


def means(count: int, noise: float = 0.0, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    """Sequences whose mean, in thousands, is the target."""
    random = np.random.default_rng(seed)
    rows = [random.normal(random.normal(7, 3), 1, (n, 1)) for n in random.integers(2, 9, count)]
    y = np.array([1000 * row.mean() for row in rows])
    return rows, y + noise * random.normal(size=count)


@pytest.mark.parametrize("head", ["squared", "absolute", "huber", "gaussian"])
def test_numbers_are_learned_in_their_own_units(head):
    rows, y = means(200)
    model = SequenceRegressor(cell="gru", hidden_size=12, epochs=25, learning_rate=0.02, head=head).fit(
        rows, y
    )
    others, truth = means(100, seed=1)
    assert model.score(others, truth) > 0.9
    assert np.abs(model.predict(others) - truth).mean() < 800


def test_the_score_is_the_share_of_the_variance():
    model = SequenceRegressor(**SMALL).fit(X, Y)
    missed = Y - model.predict(X)
    assert model.score(X, Y) == pytest.approx(1 - (missed**2).sum() / ((Y - Y.mean()) ** 2).sum())


def test_several_numbers_keep_their_columns():
    both = np.stack([Y, -3 * Y], axis=1)
    model = SequenceRegressor(**(SMALL | {"epochs": 60})).fit(X, both)
    said = model.predict(X)
    assert said.shape == (12, 2)
    assert np.corrcoef(said.T)[0, 1] < -0.9
    assert np.abs(said.mean(axis=0) - both.mean(axis=0)).max() < 20
    assert SequenceRegressor(**SMALL).fit(X, both[:, :1]).predict(X).shape == (12, 1)


def test_a_gaussian_knows_its_standard_deviation():
    rows, y = means(400, noise=2000)
    options = {"hidden_size": 8, "epochs": 20, "learning_rate": 0.02}
    model = SequenceRegressor(head="gaussian", **options).fit(rows, y)
    expected, deviations = model.predict(rows, return_std=True)
    assert (expected == model.predict(rows)).all()
    assert deviations.mean() == pytest.approx(2000, rel=0.2)
    with pytest.raises(OptionError, match="return_std needs the head 'gaussian'; this one is 'squared'"):
        SequenceRegressor(**SMALL).fit(X, Y).predict(X, return_std=True)


def test_quantiles_hold_their_share():
    rows, y = means(400, noise=2000)
    options: dict[str, Any] = {"hidden_size": 8, "epochs": 30, "learning_rate": 0.02}
    model = SequenceRegressor(head="quantile", quantiles=(0.1, 0.4, 0.8), **options).fit(rows, y)
    low, middle, high = model.predict_quantiles(rows)
    assert (middle == model.predict(rows)).all()
    assert [np.mean(y < one) for one in (low, middle, high)] == pytest.approx([0.1, 0.4, 0.8], abs=0.07)
    with pytest.raises(OptionError, match="there are quantiles for the head 'quantile'"):
        SequenceRegressor(**SMALL).fit(X, Y).predict_quantiles(X)


def test_quantiles_of_several_numbers():
    both = np.stack([Y, 1000 + Y], axis=1)
    model = SequenceRegressor(head="quantile", quantiles=(0.2, 0.9), **SMALL).fit(X, both)
    low, high = model.predict_quantiles(X)
    assert low.shape == high.shape == (12, 2)
    assert ((high - low)[:, 0] != 0).all()
    assert (low[:, 1] - low[:, 0]).mean() == pytest.approx(1000, abs=30)


# -------------------------------------------------------------------------------------------- at every step


def test_a_number_for_each_step():
    random = np.random.default_rng(0)
    rows = [random.normal(size=(n, 1)) for n in random.integers(2, 9, 100)]
    y = [50 + 10 * np.cumsum(row) for row in rows]
    model = SequenceRegressor(readout="every", hidden_size=12, epochs=30, learning_rate=0.02).fit(rows, y)
    assert [one.shape for one in model.predict(rows)] == [one.shape for one in y]
    assert model.score(rows, y) > 0.95
    together = np.concatenate(rows), np.concatenate(y)
    lengths = [len(row) for row in rows]
    assert model.score(*together, lengths=lengths) == pytest.approx(model.score(rows, y))
    again = SequenceRegressor(readout="every", hidden_size=12, epochs=30, learning_rate=0.02)
    again.fit(*together, lengths=lengths)
    assert (again.network_.parameters.flat == model.network_.parameters.flat).all()


def test_several_numbers_for_each_step():
    y = [np.stack([row[:, 0], row[:, 1] * 2], axis=1) for row in X]
    model = SequenceRegressor(readout="every", head="gaussian", **SMALL).fit(X, y)
    expected, deviations = model.predict(X, return_std=True)
    assert [one.shape for one in expected] == [one.shape for one in deviations] == [(n, 2) for n in LENGTHS]
    assert all((one > 0).all() for one in deviations)
    assert np.isfinite(model.score(X, y))


# ------------------------------------------------------------------------------------------------ bad input


def test_unscaled_targets_are_warned_of_with_the_remedy():
    with pytest.warns(
        UserWarning, match=r"target 'y' has mean .*; scale the targets \(scale=True does\)"
    ) as told:
        SequenceRegressor(scale=False, **SMALL).fit(X, 1000 * Y)
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SequenceRegressor(scale=False, **SMALL).fit(X, (Y - Y.mean()) / Y.std())
        SequenceRegressor(**SMALL).fit(X, 1000 * Y)


def test_targets_of_another_shape_are_no_more_of_the_same():
    model = SequenceRegressor(**SMALL).fit(X, Y)
    for y in (Y[:, None], np.stack([Y, Y], axis=1)):
        with pytest.raises(ShapeError, match=r"in fit they had \(\)"):
            model.partial_fit(X, y)
    assert model.partial_fit(X, Y).predict(X).shape == (12,)


EVERY, EACH = [row[:, 0] for row in X], {"readout": "every"}

REFUSED: dict[str, tuple[Any, dict[str, Any], type[ValueError], str]] = {
    "too few": (Y[:-1], {}, DataError, "X has 12 sequences, y has 11"),
    "NaN": (np.where(np.arange(12) == 5, np.nan, Y), {}, DataError, "target 5 of y, column 0 is nan"),
    "infinity": (np.stack([Y, Y + np.inf], axis=1), {}, DataError, "target 0 of y, column 1 is inf"),
    "constant": (np.ones(12), {}, DataError, "column 'y' is constant"),
    "constant column": (np.stack([Y, Y * 0], axis=1), {}, DataError, "column 'target 1' is constant"),
    "constant, unscaled": (np.ones(12), {"scale": False}, DataError, "column 'y' is constant"),
    "text": (["a"] * 12, {}, ShapeError, "y is <U1 .12,.; expected numbers"),
    "three axes": (np.ones((12, 2, 2)), {}, ShapeError, "y is float64 .12, 2, 2."),
    "none": (None, {}, DataError, "SequenceRegressor requires y to be passed"),
    "one a sequence": (Y, EACH, ShapeError, "sequence 0 of y is float64"),
    "a step too few": ([EVERY[0][1:], *EVERY[1:]], EACH, DataError, "sequence 0 has 4 steps in X and 3"),
    "sequences too few": (EVERY[1:], EACH, DataError, "X has 12 sequences, y has 11"),
    "widths": ([EVERY[0][:, None], *EVERY[1:]], EACH, ShapeError, "sequence 1 of y has"),
    "NaN in a step": ([EVERY[0] * np.nan, *EVERY[1:]], EACH, DataError, "sequence 0 of y, step 0"),
    "no head": (Y, {"head": "hinge"}, OptionError, "no head 'hinge'"),
    "quantiles of no head": (Y, {"quantiles": (0.5,)}, OptionError, "only 'quantile' reads them"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_targets_that_cannot_be_learned_are_refused(name):
    y, options, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        SequenceRegressor(**SMALL, **options).fit(X, y)
