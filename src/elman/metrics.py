"""Confusion, outcomes, F1, errors: what guesses are worth beside targets, as functions on arrays.

Outcomes, "3 K": of each class or label its hits (guessed and there), false alarms (guessed, not there) and
misses (there, not guessed), each target by its weight, as scikit-learn's `sample_weight` has it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from .errors import OptionError
from .numerics import Array


def weighted_sum(values: Array, weights: Array | None) -> Array:
    """Return Σ w · values over the rows.

    Shapes: values: "N ..."; weights: "N", none means 1 → "...".

    >>> weighted_sum(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 0.5]))
    array([2.5, 4. ])
    """
    return np.sum(values, axis=0) if weights is None else weights @ values


def confusion_matrix(targets: Array, guesses: Array, classes: int, weights: Array | None = None) -> Array:
    """Return how often each class (row) was taken for each (column).

    Shapes: targets, guesses: "N", 0 .. K-1, K = classes; weights: "N", none means 1 → "K K".

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
    array([[1, 1],
           [0, 1]])
    """
    counts = np.bincount(targets * classes + guesses, weights, classes * classes)
    return counts.reshape(classes, classes)


def class_outcomes(confusion: Array) -> Array:
    """Return hits, false alarms and misses of each class.

    Shapes: confusion: "K K" → "3 K".

    >>> class_outcomes(np.array([[1, 1], [0, 1]]))
    array([[1, 1],
           [0, 1],
           [1, 0]])
    """
    hits = confusion.diagonal()
    return np.stack([hits, confusion.sum(axis=0) - hits, confusion.sum(axis=1) - hits])


def label_outcomes(targets: Array, guesses: Array, weights: Array | None = None) -> Array:
    """Return hits, false alarms and misses of each label.

    Shapes: targets, guesses: "N O" booleans; weights: "N", none means 1 → "3 O".

    >>> label_outcomes(np.array([[True, False]]), np.array([[True, True]]))
    array([[1, 0],
           [0, 1],
           [0, 0]])
    """
    each = targets & guesses, ~targets & guesses, targets & ~guesses
    return np.stack([weighted_sum(one, weights) for one in each])


def f1_scores(outcomes: Array) -> Array:
    """Return F1, the harmonic mean of precision and recall: 2 hits / (2 hits + false alarms + misses).

    NaN where there is nothing to find and nothing was found.

    Shapes: outcomes: "3 ..." → "...".
    Source: van Rijsbergen 1979, Information Retrieval, ch. 7.

    >>> f1_scores(np.array([[2, 0, 0], [1, 1, 0], [1, 0, 0]])).round(3)
    array([0.667, 0.   ,   nan])
    """
    hits, false_alarms, misses = outcomes
    return _ratio(2 * hits, 2 * hits + false_alarms + misses)


def macro_f1(outcomes: Array) -> float:
    """Return the mean F1 of those that are there or were guessed; NaN when none is.

    Shapes: outcomes: "3 K".

    >>> macro_f1(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0]]))
    0.5
    """
    scores = f1_scores(outcomes)
    known = scores[~np.isnan(scores)]
    return float(known.mean()) if known.size else math.nan


def jaccard(outcomes: Array) -> Array:
    """Return hits / (hits + false alarms + misses), the accuracy of transcribed music; NaN for 0 / 0.

    Shapes: outcomes: "3 ..." → "...".
    Source: Bay, Ehmann & Downie 2009, Evaluation of multiple-F0 estimation and tracking systems, ISMIR.

    >>> float(jaccard(np.array([2, 1, 1])))
    0.5
    """
    return _ratio(outcomes[0], outcomes.sum(axis=0))


def error_sums(forecasts: Array, targets: Array, weights: Array | None, scale: ArrayLike = 1.0) -> Array:
    """Return the absolute and the squared errors of each column, added up.

    Shapes: forecasts, targets: "N O"; weights: "N", none means 1; scale: "O", what an error of 1 is in the
            units that are wanted → "2 O".

    >>> error_sums(np.array([[1.0], [5.0]]), np.array([[2.0], [3.0]]), None, scale=10).T
    array([[ 30., 500.]])
    """
    errors = np.subtract(forecasts, targets, dtype=np.float64) * scale
    return np.stack([weighted_sum(np.abs(errors), weights), weighted_sum(np.square(errors), weights)])


def read_scale(scale: ArrayLike, columns: int) -> Array:
    """Return the scale of each column; that of D columns is repeated, as when a horizon has several rows.

    Shapes: scale: "D" → "O", O = columns, a multiple of D.
    Raises: OptionError for another number of them, and for one that is not above 0.

    >>> read_scale([2.0, 3.0], 4)
    array([2., 3., 2., 3.])
    """
    read = np.asarray(scale, np.float64)
    if read.ndim != 1 or not read.size or columns % read.size or not ((read > 0) & np.isfinite(read)).all():
        raise OptionError(f"scale is {scale!r}; expected a number above 0 for each of {columns} columns")
    return np.tile(read, columns // read.size)


def point_forecasts(outputs: Array, columns: int, quantiles: tuple[float, ...] = ()) -> Array:
    """Return one number for each value: the mean of a distribution, or the quantile nearest to the median.

    Shapes: outputs: "... W·O", blocks of O = columns (one; mean and deviation; the quantiles) → "... O".

    >>> point_forecasts(np.array([1.0, 2.0, 3.0]), 1, (0.1, 0.4, 0.9))
    array([2.])
    """
    first = int(np.abs(np.array(quantiles) - 0.5).argmin()) * columns if quantiles else 0
    return outputs[..., first : first + columns]


def _ratio(part: Array, whole: Array) -> Array:
    """Return part / whole, NaN where whole is 0."""
    nothing = np.full(np.shape(whole), np.nan)
    divided: Array = np.divide(part, whole, out=nothing, where=whole != 0)
    return divided
