"""Metrics: answers worked out by hand, and those of scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest

from elman import figures, heads
from elman.errors import OptionError
from elman.figures import Evaluation, LabelEvaluation, ValueEvaluation, tally
from elman.metrics import (
    class_outcomes,
    confusion_matrix,
    error_sums,
    f1_scores,
    jaccard,
    label_outcomes,
    macro_f1,
    point_forecasts,
    read_scale,
    weighted_sum,
)

# Of 3 a's 2 are found, of 2 b's 1, of 1 c none; d is nowhere.
TARGETS = np.array([0, 0, 0, 1, 1, 2])
GUESSES = np.array([0, 0, 1, 1, 0, 1])
CONFUSION = np.array([[2, 1, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]])
NAN = math.nan


def drawn(seed: int, *, classes: int = 5, rows: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Targets, guesses and weights; one class is nowhere, one is never guessed."""
    generator = np.random.default_rng(seed)
    targets = generator.integers(classes - 1, size=rows)
    return targets, generator.integers(classes - 2, size=rows), generator.random(rows) + 0.1


# ------------------------------------------------------------------------------------------- by hand


def test_confusion_counts_targets_in_rows_and_guesses_in_columns():
    confusion = confusion_matrix(TARGETS, GUESSES, 4)
    assert confusion.tolist() == CONFUSION.tolist()
    assert confusion.dtype.kind == "i"


def test_confusion_adds_up_weights():
    weights = np.array([1, 0.5, 2, 0.25, 0, 4])
    confusion = confusion_matrix(TARGETS, GUESSES, 4, weights)
    assert confusion.tolist() == [[1.5, 2, 0, 0], [0, 0.25, 0, 0], [0, 4, 0, 0], [0, 0, 0, 0]]


def test_outcomes_and_f1_of_classes():
    outcomes = class_outcomes(CONFUSION)
    assert outcomes.tolist() == [[2, 1, 0, 0], [1, 2, 0, 0], [1, 1, 1, 0]]
    assert f1_scores(outcomes) == pytest.approx([4 / 6, 2 / 5, 0, NAN], nan_ok=True)
    assert macro_f1(outcomes) == pytest.approx((4 / 6 + 2 / 5 + 0) / 3, abs=1e-15)


def test_outcomes_f1_and_jaccard_of_labels():
    there = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 0]], bool)
    guessed = np.array([[1, 0, 0], [1, 1, 0], [1, 1, 0]], bool)
    outcomes = label_outcomes(there, guessed)
    assert outcomes.tolist() == [[2, 1, 0], [1, 1, 0], [0, 1, 0]]
    assert f1_scores(outcomes) == pytest.approx([4 / 5, 2 / 4, NAN], nan_ok=True)
    assert float(f1_scores(outcomes.sum(axis=1))) == pytest.approx(6 / 9)
    assert float(jaccard(outcomes.sum(axis=1))) == pytest.approx(3 / 6)
    weighted = label_outcomes(there, guessed, np.array([1, 0, 0.5]))
    assert weighted.tolist() == [[1, 0.5, 0], [0.5, 0, 0], [0, 1, 0]]


def test_nothing_to_find_and_nothing_found_has_no_score():
    nothing = np.zeros((3, 2), int)
    assert np.isnan(f1_scores(nothing)).all()
    assert math.isnan(macro_f1(nothing))
    assert np.isnan(jaccard(nothing)).all()


def test_errors_of_columns_with_weights_and_scale():
    forecasts, targets = np.array([[1.0, 2], [5, 0]]), np.array([[2.0, 2], [3, 4]])
    assert error_sums(forecasts, targets, None).tolist() == [[3, 4], [5, 16]]
    weighted = error_sums(forecasts, targets, np.array([1.0, 0.5]), np.array([10, 1]))
    assert weighted.tolist() == [[20, 2], [300, 8]]


def test_errors_are_found_in_float64():
    forecasts, targets = np.full((1, 1), 1e30, np.float32), np.zeros((1, 1), np.float32)
    assert error_sums(forecasts, targets, None)[1, 0] == pytest.approx(1e60)


def test_a_sum_without_weights_is_one_with_ones():
    values = np.array([[True, False], [True, True]])
    assert weighted_sum(values, None).tolist() == weighted_sum(values, np.ones(2)).tolist() == [2, 1]


@pytest.mark.parametrize(
    ("quantiles", "expected"),
    [((), [0, 1]), ((0.5,), [0, 1]), ((0.1, 0.4, 0.7), [2, 3]), ((0.1, 0.2, 0.45), [4, 5])],
)
def test_the_point_is_the_first_block_or_the_quantile_nearest_to_the_median(quantiles, expected):
    assert point_forecasts(np.arange(6), 2, quantiles).tolist() == expected
    assert point_forecasts(np.arange(6)[None, None], 2, quantiles).tolist() == [[expected]]


@pytest.mark.parametrize(
    "scale", [[1.0, 2.0, 3.0, 4.0], [], [0.0], [-1.0], [NAN], [math.inf], 2.0, [[1.0, 2.0]], [1.0] * 12]
)
def test_a_scale_that_does_not_fit_is_refused(scale):
    with pytest.raises(OptionError, match=r"scale is .*; expected a number above 0 for each of 6 columns"):
        read_scale(scale, 6)


# -------------------------------------------------------------------------------------- scikit-learn


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_classes_as_scikit_learn_has_them(seed, weighted):
    from sklearn import metrics as sklearn

    targets, guesses, weights = drawn(seed)
    weights = weights if weighted else None
    confusion = confusion_matrix(targets, guesses, 5, weights)
    options = {"labels": range(5), "sample_weight": weights}
    assert confusion == pytest.approx(sklearn.confusion_matrix(targets, guesses, **options))
    known = f1_scores(class_outcomes(confusion))
    assert math.isnan(known[4])
    expected = sklearn.f1_score(targets, guesses, average=None, zero_division=np.nan, **options)
    assert known == pytest.approx(expected, nan_ok=True)
    macro = sklearn.f1_score(targets, guesses, average="macro", sample_weight=weights)
    assert macro_f1(class_outcomes(confusion)) == pytest.approx(macro)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_labels_as_scikit_learn_has_them(seed, weighted):
    from sklearn import metrics as sklearn

    generator = np.random.default_rng(seed)
    there, guessed = generator.random((2, 40, 3)) < 0.4
    weights = generator.random(40) if weighted else None
    outcomes = label_outcomes(there, guessed, weights)
    f1 = [sklearn.f1_score(there, guessed, average=a, sample_weight=weights) for a in ("micro", "macro")]
    assert [f1_scores(outcomes.sum(axis=1)), macro_f1(outcomes)] == pytest.approx(f1)
    shared = sklearn.jaccard_score(there, guessed, average="micro", sample_weight=weights)
    assert float(jaccard(outcomes.sum(axis=1))) == pytest.approx(shared)


@pytest.mark.parametrize("weighted", [False, True])
def test_errors_as_scikit_learn_has_them(weighted):
    from sklearn import metrics as sklearn

    generator = np.random.default_rng(0)
    forecasts, targets = generator.standard_normal((2, 40, 3))
    weights = generator.random(40) if weighted else None
    total = 40 if weights is None else weights.sum()
    options = {"sample_weight": weights, "multioutput": "raw_values"}
    expected = [
        f(targets, forecasts, **options) for f in (sklearn.mean_absolute_error, sklearn.mean_squared_error)
    ]
    assert error_sums(forecasts, targets, weights) / total == pytest.approx(np.array(expected))


# ------------------------------------------------------------------------------------------- figures


def test_figures_of_symbols():
    result = Evaluation(count=6, nats=1.5, accuracy=0.5, confusion=CONFUSION)
    assert result.loss == result.nats
    assert result.f1_scores == pytest.approx([4 / 6, 2 / 5, 0, NAN], nan_ok=True)
    assert result.macro_f1 == pytest.approx((4 / 6 + 2 / 5) / 3)
    without = Evaluation(count=6, nats=1.5, accuracy=0.5)
    assert (without.f1_scores, without.macro_f1) == (None, None)


def test_figures_of_labels():
    result = LabelEvaluation(3, 2.5, np.array([[2, 1, 0], [1, 1, 0], [0, 1, 0]]))
    assert result.loss == result.nats
    assert (result.accuracy, result.f1) == pytest.approx((3 / 6, 6 / 9))
    assert result.f1_scores == pytest.approx([4 / 5, 2 / 4, NAN], nan_ok=True)
    assert result.macro_f1 == pytest.approx((4 / 5 + 2 / 4) / 2)


def test_figures_of_values():
    result = ValueEvaluation(9, 0.1, np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    assert (result.mae, result.rmse) == pytest.approx((1.5, math.sqrt((9 + 16) / 2)))


@pytest.mark.parametrize("classes", [figures.CLASSES, figures.CLASSES + 1])
def test_many_classes_have_no_confusion(classes):
    y, targets = np.zeros((2, classes)), np.array([0, classes - 1])
    sums = tally(heads.HEADS["softmax"], classes).sums(y, targets, None)
    assert sums["right"] == 1
    assert ("confusion" in sums) == (classes == figures.CLASSES)


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_a_scale_where_no_values_are_forecast_is_refused(head):
    with pytest.raises(OptionError, match=f"scale is for values that are forecast; the head is '{head}'"):
        tally(heads.HEADS[head], 2, scale=[1.0])
