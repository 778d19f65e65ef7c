"""scikit-learn's own checks, and what it builds of estimators: cross-validation, searches, pipelines."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from elman.estimators import (
    Forecaster,
    LanguageModel,
    SequenceClassifier,
    SequenceRegressor,
    SequenceTagger,
)
from estimator_cases import SMALL, TEXTS, X, marks, wave

NOT_RUN = {"check_array_api_input": "arrays are NumPy's: scikit-learn skips it unless SCIPY_ARRAY_API is set"}


@pytest.mark.parametrize(
    "estimator",
    [
        SequenceClassifier(cell="elman", hidden_size=8, epochs=20, learning_rate=0.02),
        SequenceRegressor(cell="elman", hidden_size=16, epochs=20, learning_rate=0.03),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_a_two_dimensional_estimator_passes_the_checks_of_scikit_learn(estimator):
    results = check_estimator(estimator, on_skip=None, on_fail=None)
    other = {one["check_name"]: one["exception"] for one in results if one["status"] != "passed"}
    assert other.keys() <= NOT_RUN.keys(), other
    assert Counter(one["status"] for one in results)["passed"] >= 52


@pytest.mark.parametrize(
    ("estimator", "y"),
    [
        (SequenceClassifier(**SMALL), marks(X)),
        (SequenceTagger(**SMALL), [(row[:, 0] > 50).tolist() for row in X]),
        (SequenceRegressor(**SMALL), [float(row[-1, 0]) for row in X]),
        (SequenceRegressor(readout="every", **SMALL), [row[:, 0] for row in X]),
    ],
    ids=["classifier", "tagger", "regressor", "every step"],
)
def test_lists_of_unequal_sequences_are_cross_validated(estimator, y):
    scores = cross_val_score(estimator, X, y, cv=3, error_score="raise")
    assert scores.shape == (3,)
    assert np.isfinite(scores).all()
    assert len(set(scores)) > 1 or isinstance(estimator, SequenceClassifier)


def test_texts_and_series_are_cross_validated():
    assert (cross_val_score(LanguageModel(**SMALL), TEXTS, cv=2, error_score="raise") < 0).all()
    forecaster = Forecaster(window=4, **SMALL)
    scores = cross_val_score(forecaster, wave(80), cv=TimeSeriesSplit(3), error_score="raise")
    assert (scores < 1).all()


def test_a_grid_is_searched():
    search = GridSearchCV(SequenceClassifier(**SMALL), {"epochs": [1, 15]}, cv=2, error_score="raise")
    search.fit(X * 3, marks(X) * 3)
    assert search.best_params_ == {"epochs": 15}
    assert search.best_estimator_.n_iter_ == 15
    assert search.predict(X[:2]).shape == (2,)


def test_a_search_finds_the_same_in_one_process_and_in_two():
    grid = {"hidden_size": [3, 6], "class_weight": [None, "balanced"]}
    tables = [
        GridSearchCV(SequenceClassifier(**SMALL), grid, cv=2, n_jobs=jobs, error_score="raise")
        .fit(X * 2, marks(X) * 2)
        .cv_results_["mean_test_score"]
        for jobs in (1, 2)
    ]
    assert (tables[0] == tables[1]).all()


def test_a_pipeline_ends_in_an_estimator():
    halves = FunctionTransformer(lambda X: [row[:, :1] for row in X])
    piped = make_pipeline(halves, SequenceClassifier(**SMALL)).fit(X, marks(X))
    assert piped[-1].n_features_in_ == 1
    alone = SequenceClassifier(**SMALL).fit([row[:, :1] for row in X], marks(X))
    assert (piped.predict_proba(X) == alone.predict_proba([row[:, :1] for row in X])).all()


def test_a_pipeline_of_a_table():
    table = np.random.default_rng(0).normal(size=(20, 6)) * [1, 10, 1, 1, 1, 100]
    y = table[:, 1]
    piped = make_pipeline(StandardScaler(), SequenceRegressor(**SMALL)).fit(table, y)
    assert piped.predict(table).shape == (20,)
    assert piped[-1].n_features_in_ == 6
