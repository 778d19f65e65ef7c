"""Small estimators of every kind, and data that each of them can learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.estimators import (
    Forecaster,
    LanguageModel,
    SequenceClassifier,
    SequenceRegressor,
    SequenceTagger,
)

SMALL: dict[str, Any] = {"cell": "elman", "hidden_size": 5, "epochs": 3, "batch_size": 4}
LENGTHS = (4, 2, 6, 3, 5, 2, 3, 4, 7, 2, 3, 5)


def sequences(seed: int = 0, features: int = 3) -> list[Any]:
    """Unequal sequences of numbers, far from unit size."""
    random = np.random.default_rng(seed)
    return [random.normal(50, 10, (n, features)) for n in LENGTHS]


def marks(X: list[Any]) -> list[str]:
    """A label for each: is its last row above the middle?"""
    return ["high" if row[-1, 0] > 50 else "low" for row in X]


def wave(rows: int = 60) -> Any:
    return 100 + 20 * np.sin(0.5 * np.arange(rows))


X = sequences()
TEXTS = ["abcabc", "bcab", "cabcabca", "abc"]

# What is fitted: estimator, arguments of fit, and what it is asked about.
CASES: dict[str, tuple[Any, tuple[Any, ...], Any]] = {
    "classifier": (SequenceClassifier(**SMALL), (X, marks(X)), X),
    "tagger": (SequenceTagger(**SMALL), (X, [row[:, 0] > 50 for row in X]), X),
    "regressor": (SequenceRegressor(**SMALL), (X, np.array([row[-1, 0] for row in X])), X),
    "forecaster": (Forecaster(window=8, **SMALL), (wave(),), 4),
    "language model": (LanguageModel(**SMALL), (TEXTS,), TEXTS),
}
