"""Forecaster: series go on, in their own units, with what is known ahead, and with how sure it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elman.estimators import Forecaster
from elman.forecasting import forecast
from estimator_cases import SMALL, wave

GOOD: dict[str, Any] = {"hidden_size": 12, "epochs": 30, "learning_rate": 0.02}
FEW = GOOD | {"hidden_size": 3, "epochs": 15}  # so that noise is not learned by heart
KINDS = [
    ("recursive", "last"),
    ("recursive", "every"),
    ("direct", "last"),
    ("direct", "every"),
    ("direct", "mean"),
]


def weeks(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """A series that nothing tells but what is known ahead: free days, when it halves."""
    free = (np.random.default_rng(5).random(rows) < 0.3).astype(float)
    return 1000 - 500 * free, free[:, None]


@pytest.mark.parametrize(("strategy", "readout"), KINDS)
def test_a_wave_goes_on(strategy, readout):
    series = wave(220)
    model = Forecaster(window=16, horizon=5, strategy=strategy, readout=readout, **GOOD).fit(series[:200])
    said = model.predict()
    assert said.shape == (5,)
    assert np.abs(said - series[200:205]).max() < 4
    assert model.score(series) > 0.95
    assert model.predict(2) == pytest.approx(said[:2], abs=1e-3)
    elsewhere = model.predict(past=series[50:70])
    assert np.abs(elsewhere - series[70:75]).max() < 4
    assert model.predict(past=series[54:70]) == pytest.approx(elsewhere)  # a window is read


@pytest.mark.parametrize("strategy", ["recursive", "direct"])
def test_what_is_known_ahead_is_read_ahead(strategy):
    series, free = weeks(300)
    model = Forecaster(window=4, horizon=3, strategy=strategy, **GOOD).fit(series[:280], exogenous=free[:280])
    said = model.predict(exogenous=free[280:283])
    assert np.abs(said - series[280:283]).max() < 100
    assert model.score(series[250:], exogenous=free[250:]) > 0.95
    other = 1 - free[280:283]
    assert np.abs(model.predict(exogenous=other) - (1000 - 500 * other[:, 0])).max() < 150
    past, known = series[100:110], free[100:113]
    assert np.abs(model.predict(past=past, exogenous=known) - series[110:113]).max() < 100
    blind = Forecaster(window=4, horizon=3, strategy=strategy, **GOOD).fit(series[:280])
    assert blind.score(series[250:]) < 0.3


@pytest.mark.parametrize(("strategy", "readout"), KINDS)
def test_several_series_and_the_score(strategy, readout):
    both = np.stack([wave(60), 5 * wave(60)[::-1]], axis=1)
    known = np.random.default_rng(0).normal(size=(60, 2))
    options: dict[str, Any] = {"window": 8, "horizon": 3, "strategy": strategy, "readout": readout}
    model = Forecaster(**options, **SMALL).fit(both[:50], exogenous=known[:50])
    assert model.predict(exogenous=known[50:53]).shape == (3, 2)
    pairs = [
        (model.predict(past=both[k : k + 8], exogenous=known[k : k + 11]), both[k + 8 : k + 11])
        for k in range(60 - 10)
    ]
    said, truth = (np.concatenate(part) for part in zip(*pairs, strict=True))
    missed = ((said - truth) ** 2).sum(axis=0) / ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    assert model.score(both, exogenous=known) == pytest.approx(1 - missed.mean(), abs=1e-4)


def test_a_recursive_forecast_is_fed_back():
    model = Forecaster(window=8, **SMALL).fit(wave())
    scaler = model.target_scaler_
    past = scaler.transform(wave()[-8:, None])
    expected = scaler.inverse(forecast(model.network_, past, 20))[:, 0]
    assert model.predict(20) == pytest.approx(expected, rel=1e-5)


# --------------------------------------------------------------------------------------------------- sure


@pytest.mark.parametrize(
    ("head", "strategy"), [("gaussian", "direct"), ("quantile", "direct"), ("gaussian", "recursive")]
)
def test_quantiles_hold_their_share(head, strategy):
    noise = np.random.default_rng(0).normal(1000, 50, 400)
    quantiles = (0.1, 0.5, 0.9)
    model = Forecaster(window=4, horizon=2, head=head, strategy=strategy, quantiles=quantiles, **FEW)
    found = model.fit(noise).predict_quantiles()
    assert found.shape == (3, 2)
    assert found[:, 1] == pytest.approx(np.quantile(noise, quantiles), abs=30)
    assert np.abs(model.predict() - found[1]).max() < 10
    known = 3 if head == "quantile" else 2  # a Gaussian has all of them, the others were learned
    assert len(model.set_params(quantiles=(0.1, 0.9)).predict_quantiles()) == known


def test_uncertainty_adds_up_where_forecasts_are_fed_back():
    walk = np.cumsum(np.random.default_rng(0).normal(size=600))
    model = Forecaster(window=10, head="gaussian", **GOOD).fit(walk)
    low, _, high = model.predict_quantiles(20)
    assert (high - low)[-5:].mean() > 1.8 * (high - low)[0]
    assert (model.predict_quantiles(20) == model.predict_quantiles(20)).all()


def test_quantiles_of_several_series():
    both = np.stack([wave(60), 1000 + 5 * wave(60)], axis=1)
    for head, strategy in (("gaussian", "direct"), ("quantile", "direct"), ("gaussian", "recursive")):
        model = Forecaster(window=8, horizon=2, head=head, strategy=strategy, **SMALL).fit(both)
        found = model.predict_quantiles()
        assert found.shape == (3, 2, 2)
        assert (found[:, :, 1] > 900).all()
        assert (found[:, :, 0] < 200).all()
        if head == "gaussian":
            assert (np.diff(found, axis=0) > 0).all()
