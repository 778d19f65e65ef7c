"""Forecaster: what is held out, what follows, and what is refused."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from elman.errors import DataError, OptionError, ShapeError
from elman.estimators import Forecaster
from estimator_cases import SMALL, wave


def test_the_end_is_held_out_and_has_no_say_in_the_scales():
    series = np.concatenate([wave(80), wave(20) + 1e6])
    model = Forecaster(window=8, patience=2, validation_fraction=0.2, **SMALL).fit(series)
    assert model.target_scaler_.mean[0] == pytest.approx(wave(80).mean())
    assert len(model.validation_losses_) == model.n_iter_
    assert min(model.validation_losses_) > 1e6  # far from what was seen
    assert model.past_[:, 0] == pytest.approx(series[-8:])


@pytest.mark.parametrize(("readout", "held"), [("last", 20), ("every", 12)])
def test_held_out_rows_are_forecast_from_those_before_them(readout, held, monkeypatch):
    cut: list[Any] = []
    own = Forecaster._windows
    monkeypatch.setattr(Forecaster, "_windows", lambda *given: cut.append(own(*given)) or cut[-1])
    Forecaster(window=8, readout=readout, patience=2, validation_fraction=0.2, **SMALL).fit(wave(100))
    assert [len(windows) for windows in cut] == [72, held]


def test_rows_that_follow_are_learned_with_the_window_before_them():
    model = Forecaster(window=8, **(SMALL | {"batch_size": 5})).fit(wave(60))
    steps, scaler = model.training_.step, model.target_scaler_
    model.partial_fit(wave(70)[60:])
    assert model.training_.step == steps + 2  # ten windows, one for each new row
    assert model.target_scaler_ is scaler
    assert model.past_[:, 0] == pytest.approx(wave(70)[62:])
    assert model.n_iter_ == 4


def test_an_unscaled_series_is_warned_of_with_the_remedy():
    with pytest.warns(UserWarning, match=r"'column 0 of X' has mean .* \(scale=True does\)") as told:
        Forecaster(window=8, scale=False, **SMALL).fit(1000 * wave())
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        unit = (wave() - 100) / 15
        model = Forecaster(window=8, scale=False, **SMALL).fit(unit, exogenous=wave()[:, None])
    assert (model.target_scaler_, model.exogenous_scaler_) == (None, None)
    assert np.abs(model.predict(exogenous=wave()[:1, None])).max() < 5


def with_one(value: float) -> Any:
    series = np.stack([wave(), wave() ** 2], axis=1)
    series[7, 1] = value
    return series


SERIES: dict[str, tuple[Any, Any, type[ValueError], str]] = {
    "NaN": (with_one(np.nan), None, DataError, "row 7, column 1 of X is nan"),
    "infinity": (with_one(np.inf), None, DataError, "row 7, column 1 of X is inf"),
    "constant": (np.ones(60), None, DataError, "'column 0 of X' is constant"),
    "constant known": (wave(), np.ones((60, 1)), DataError, "'column 0 of exogenous' is constant"),
    "NaN known": (wave(), with_one(np.nan), DataError, "row 7, column 1 of exogenous is nan"),
    "short": (wave(8), None, DataError, "need 9 rows; there are 8"),
    "unequal": (wave(), wave(59), DataError, "X has 60 rows, exogenous has 59"),
    "text": (["a"] * 60, None, ShapeError, "X is <U1"),
    "cube": (np.ones((60, 2, 2)), None, ShapeError, "X is float64 .60, 2, 2."),
    "empty": (np.ones(0), None, ShapeError, "X is float64 .0,."),
}


@pytest.mark.parametrize("name", SERIES)
def test_a_series_that_cannot_be_learned_is_refused(name):
    series, exogenous, error, message = SERIES[name]
    with pytest.raises(error, match=message):
        Forecaster(window=8, **SMALL).fit(series, exogenous=exogenous)


OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "strategy": ({"strategy": "iterated"}, "no strategy 'iterated'; there are recursive, direct"),
    "window": ({"window": 0}, "window is 0"),
    "horizon": ({"horizon": 2.5}, "horizon is 2.5"),
    "head": ({"head": "softmax"}, "the head 'softmax' forecasts no values"),
    "fed back": ({"head": "quantile"}, "quantiles cannot be fed back"),
    "no steps": ({"readout": "mean"}, "readout 'mean' has no single steps"),
    "flatten": ({"strategy": "direct", "readout": "flatten"}, "there are last, every, mean, max, concat"),
    "quantiles": (
        {"strategy": "direct", "head": "quantile", "quantiles": (0.9, 0.1)},
        "numbers .* that rise",
    ),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_choices_that_do_not_go_together_are_refused(name):
    options, message = OPTIONS[name]
    with pytest.raises(OptionError, match=message):
        Forecaster(**({"window": 8} | options), **SMALL).fit(wave())


KNOWN = np.sin(np.arange(70))[:, None]
ASKED: dict[str, tuple[dict[str, Any], type[ValueError], str]] = {
    "nothing known": ({"horizon": 2}, DataError, r"exogenous is None; expected \(2, 1\)"),
    "too little known": ({"horizon": 3, "exogenous": KNOWN[:2]}, DataError, r"expected \(3, 1\)"),
    "other columns": ({"horizon": 2, "exogenous": np.ones((2, 2))}, DataError, r"expected \(2, 1\)"),
    "short past": ({"past": wave(7), "exogenous": KNOWN[:8]}, DataError, "past has 7 rows; a window of 8"),
    "known of the past": ({"past": wave(9), "exogenous": KNOWN[:9]}, DataError, "9 rows and 1 rows to"),
    "wide past": ({"past": with_one(1.0), "exogenous": KNOWN[:61]}, ShapeError, r"have \(2, 1\) columns"),
    "no rows": ({"horizon": 0, "exogenous": KNOWN[:0]}, OptionError, "horizon is 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", ASKED)
def test_questions_that_cannot_be_answered_are_refused(name):
    asked, error, message = ASKED[name]
    model = Forecaster(window=8, **SMALL).fit(wave(), exogenous=KNOWN[:60])
    with pytest.raises(error, match=message):
        model.predict(**asked)


def test_what_a_model_does_not_know_is_refused():
    model = Forecaster(window=8, horizon=3, strategy="direct", **SMALL).fit(wave())
    with pytest.raises(OptionError, match="horizon is 4; a 'direct' forecaster of 3 rows has no more"):
        model.predict(4)
    with pytest.raises(OptionError, match="the head 'squared' knows no quantiles"):
        model.predict_quantiles()
    with pytest.raises(ShapeError, match="3 columns; in fit they had 1"):
        model.partial_fit(with_one(1.0), exogenous=KNOWN[:60])
    with pytest.raises(ShapeError, match=r"have \(1, 1\) columns; in fit they had \(1, 0\)"):
        model.score(wave(), exogenous=KNOWN[:60])
