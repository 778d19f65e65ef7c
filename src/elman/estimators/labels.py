"""Labels of any type, and the classes that they are: numbers in the order of the sorted labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from elman.errors import DataError, OptionError
from elman.numerics import Array

from .reading import stacked


def read_labels(estimator: Any, y: Any, count: int) -> Array:
    """Return one label for each of `count` sequences.

    Raises: DataError when there are not as many; ValueError when they are no labels.
    """
    if y is None:
        raise DataError(f"{type(estimator).__name__} requires y to be passed, but the target y is None")
    labels = column_or_1d(y, warn=True)
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise DataError(f"label {np.isfinite(labels).argmin()} of y is NaN or infinite; expected a class")
    check_classification_targets(labels)
    if len(labels) != count:
        raise DataError(f"X has {count} sequences, y has {len(labels)} labels; expected as many")
    return np.asarray(labels)


def read_label_rows(y: Any, rows: Sequence[Any], lengths: Any = None) -> list[Array]:
    """Return a label for each step of each sequence.

    Raises: DataError when there are not as many; ValueError when they are no labels.
    """
    if y is None:
        raise DataError("SequenceTagger requires y to be passed, but the target y is None")
    parts = [np.asarray(part) for part in (y if lengths is None else stacked("y", y, lengths))]
    if len(parts) != len(rows):
        raise DataError(f"X has {len(rows)} sequences, y has {len(parts)}; expected as many")
    for k, (row, part) in enumerate(zip(rows, parts, strict=True)):
        if part.shape != (len(row),):
            raise DataError(
                f"sequence {k} has {len(row)} steps in X and labels of shape {part.shape} in y; expected a "
                "label for each step"
            )
    check_classification_targets(np.concatenate(parts))
    return parts


def learn_classes(labels: Array, classes: Any = None) -> Array:
    """Return the labels, or the classes that are given, each once, sorted.

    Raises: DataError for a single one.
    """
    found = np.unique(labels if classes is None else np.asarray(classes))
    if len(found) == 1:
        raise DataError(f"y has one class, {found.tolist()[0]!r}; 2 or more are needed to tell them apart")
    return found


def check_partial(estimator: Any, classes: Any) -> None:
    """Raise DataError when a first partial_fit is not told the classes; OptionError for balanced ones."""
    if classes is None and not estimator.__sklearn_is_fitted__():
        raise DataError("classes must be passed on the first call to partial_fit")
    if estimator.class_weight == "balanced":
        raise OptionError("class_weight 'balanced' needs all data at once; give a dictionary of classes")


def encode(classes: Array, labels: Array) -> Array:
    """Return the number of the class of each label.

    Raises: DataError for a label that fit has not seen.

    >>> encode(np.array(["a", "b"]), np.array(["b", "a"]))
    array([1, 0])
    """
    number = {label: k for k, label in enumerate(classes.tolist())}
    listed = labels.tolist()
    codes = np.array([number.get(label, -1) for label in listed], np.intp)
    if len(codes) and codes.min() < 0:
        k = int(codes.argmin())
        known = ", ".join(map(repr, classes.tolist()[:9])) + ", ..." * (len(classes) > 9)
        raise DataError(f"label {listed[k]!r}, number {k} of y, was not seen in fit; known are {known}")
    return codes


def class_shares(weights: str | Mapping[Any, float] | None, classes: Array, labels: Array) -> Array | None:
    """Return how much each class counts; None: all the same.

    "balanced" gives N / (K · count of the class), a dictionary what it says, and 1 for what it leaves out.
    Raises: OptionError for anything else.
    """
    if weights is None:
        return None
    if not isinstance(weights, Mapping) and weights != "balanced":
        raise OptionError(f"class_weight is {weights!r}; give None, 'balanced' or a dictionary of labels")
    shares: Array = compute_class_weight(weights, classes=classes, y=labels)
    if not (np.isfinite(shares).all() and shares.min() >= 0 and shares.any()):
        raise OptionError(f"class_weight gives {shares.tolist()}; expected numbers from 0 on, not all 0")
    return shares
