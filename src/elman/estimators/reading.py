"""What users have, as a list of sequences; each number keeps a name, for messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from elman.errors import DataError, ShapeError
from elman.numerics import Array

Kind = Literal["features", "symbols", "text", "words"]
NOTED = ("n_features_in_", "feature_names_in_")
Naming = Callable[[int, int, int], str]  # (sequence, step, feature) → what it is called


@dataclass(frozen=True)
class Given:
    """Sequences: "T I" numbers, "T" symbols, texts, or lists of words.

    table: they are the rows of a table. noted: what scikit-learn wants to be kept of the features.
    """

    kind: Kind
    rows: list[Any]
    table: bool = False
    noted: dict[str, Any] = field(default_factory=dict)


def read_x(estimator: Any, X: Any, lengths: Any = None, *, reset: bool = False) -> Given:
    """Sort out what came as X; with `reset` note its features, otherwise compare with what was noted.

    Raises: DataError for no sequence, an empty one, NaN or infinity, lengths that do not add up; ShapeError.
    """
    given = _sorted_out(estimator, X, lengths, reset)
    empty = next((k for k, row in enumerate(given.rows) if len(row) == 0), None)
    if empty is not None:
        raise DataError(f"sequence {empty} of X is empty; leave it out")
    if given.kind == "features" and not given.table:
        width = given.rows[0].shape[1]
        if reset:
            given.noted["n_features_in_"] = width
        elif estimator.form_.kind == "features" and width != estimator.form_.size:
            wanted = f"{type(estimator).__name__} is expecting {estimator.form_.size} features as input"
            raise ShapeError(f"X has {width} features, but {wanted}")
    return given


def stacked(name: str, rows: Any, lengths: Any) -> list[Array]:
    """Cut rows that lie one below the other into sequences.

    Raises: DataError when the lengths do not add up to the rows; ShapeError when they are no whole numbers.

    >>> stacked("X", np.arange(5), [3, 2])
    [array([0, 1, 2]), array([3, 4])]
    """
    array, ends = np.asarray(rows), np.asarray(lengths)
    if ends.ndim != 1 or ends.dtype.kind not in "iu" or not len(ends) or ends.min() < 0:
        raise ShapeError(f"lengths are {ends.dtype} {ends.shape}; expected a whole number for each sequence")
    if array.ndim == 0 or ends.sum() != len(array):
        count = len(array) if array.ndim else "no"
        raise DataError(f"{name} has {count} rows, the lengths add up to {ends.sum()}; expected as many")
    return np.split(array, np.cumsum(ends)[:-1])


def check_finite(rows: list[Array], name: Naming) -> None:
    """Raise DataError, naming the first number that is NaN or infinite; rows: "T I" each."""
    for k, row in enumerate(rows):
        if not np.isfinite(row).all():
            t, i = (int(place) for place in np.argwhere(~np.isfinite(row))[0])
            raise DataError(
                f"{name(k, t, i)} is {row[t, i]}, counted from 0; NaN and infinity cannot be read: fill it "
                "in, or leave it out"
            )


def read_series(name: str, values: Any) -> Array:
    """Return a series as numbers, "N D"; "N" is one column.

    Raises: DataError that names the row and the column of NaN or infinity; ShapeError.
    """
    series = np.asarray(values)
    if series.ndim not in (1, 2) or series.dtype.kind not in "biuf" or not series.size:
        raise ShapeError(f"{name} is {series.dtype} {series.shape}; expected a series of numbers, (N, D)")
    table = series.reshape(len(series), -1).astype(np.float64)
    check_finite([table], lambda _, t, i: f"row {t}, column {i} of {name}")
    return table


def _sorted_out(estimator: Any, X: Any, lengths: Any, reset: bool) -> Given:
    if isinstance(X, str):
        raise DataError("X is one text; expected a list of texts, each of them a sequence")
    if lengths is not None:
        rows = stacked("X", X, lengths)
        begins = np.cumsum([0, *map(len, rows)])
        return _arrays(rows, lambda k, t, i: f"row {begins[k] + t}, column {i} of X")
    if isinstance(X, list | tuple) or getattr(X, "ndim", 2) == 1:
        rows = list(X)
        if not rows:
            raise DataError("X has no sequences; expected 1 or more")
        first = rows[0]
        if isinstance(first, str):
            return _all_of("text", rows, str)
        if isinstance(first, list | tuple) and len(first) and isinstance(first[0], str):
            return _all_of("words", rows, list | tuple)
        if hasattr(first, "__array__") and np.ndim(first):
            return _arrays(rows, lambda k, t, i: f"sequence {k} of X, step {t}, feature {i}")
    return _table(estimator, X, reset)


def _all_of(kind: Kind, rows: list[Any], types: Any) -> Given:
    other = next((k for k, row in enumerate(rows) if not isinstance(row, types)), None)
    if other is not None:
        raise ShapeError(f"sequence {other} of X is a {type(rows[other]).__name__}; the first is {kind}")
    if kind == "words" and not all(isinstance(word, str) for row in rows for word in row):
        raise ShapeError("X holds lists of words and of something else; expected words (str) alone")
    return Given(kind, rows)


def _arrays(rows: Sequence[Any], name: Naming) -> Given:
    """Read arrays: whole numbers in one axis are symbols, everything else is features."""
    arrays = [np.asarray(row) for row in rows]
    wrong = next(
        (k for k, a in enumerate(arrays) if a.ndim not in (1, 2) or a.dtype.kind not in "biuf"), None
    )
    if wrong is not None:
        came = f"{arrays[wrong].dtype} {arrays[wrong].shape}"
        raise ShapeError(f"sequence {wrong} of X is {came}; expected symbols (T,) or numbers (T, I)")
    if all(a.ndim == 1 and a.dtype.kind in "iu" for a in arrays):
        return Given("symbols", arrays)
    widths = [a.shape[1] if a.ndim == 2 else 1 for a in arrays]
    for k, (one, other) in enumerate(pairwise(widths)):
        if one != other:
            raise ShapeError(f"sequence {k + 1} of X has {other} features, sequence {k} has {one}")
    features = [a.reshape(len(a), -1 if a.size else widths[0]).astype(np.float64) for a in arrays]
    check_finite(features, name)
    return Given("features", features)


def _table(estimator: Any, X: Any, reset: bool) -> Given:
    """Read an array: "n T" a sequence of one feature in each row, "n T I" several features."""
    array = X if hasattr(X, "tocsr") else _as_array(X)
    if array.ndim == 3:
        return _arrays(list(array), lambda k, t, i: f"row {k} of X, step {t}, feature {i}")
    symbols = estimator.embedding_size is not None if reset else estimator.form_.kind == "symbols"
    if array.ndim == 2 and symbols and array.dtype.kind in "iu":
        return Given("symbols", list(array))
    options: dict[str, Any] = {"dtype": np.float64, "ensure_all_finite": False}
    noting = type(estimator)() if reset else estimator  # so that a fit that fails has changed nothing
    if reset or estimator.form_.table:
        numbers = validate_data(noting, X, reset=reset, **options)
    else:
        numbers = check_array(X, **options)
    noted = {name: getattr(noting, name) for name in NOTED if hasattr(noting, name)}
    names = noted.get("feature_names_in_", range(numbers.shape[1]))
    rows = [row[:, None] for row in numbers]
    check_finite(rows, lambda k, t, _: f"row {k}, column {names[t]!r} of X")
    return Given("features", rows, table=True, noted=noted)


def _as_array(X: Any) -> Array:
    try:
        return np.asarray(X)
    except ValueError:
        raise ShapeError(
            "the rows of X are lists of unequal length; for sequences give a list of arrays: of whole "
            "numbers for symbols, of floats for features"
        ) from None
