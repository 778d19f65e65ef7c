"""A series, and what is known of its rows ahead of time, as a forecaster reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.data.scaling import Scaler, fit_scaler
from elman.errors import DataError, OptionError, ShapeError
from elman.forecasting import VALUES
from elman.numerics import Array
from elman.shapes import read_size

from .reading import read_series
from .targets import learn_scale


def check_choices(estimator: Any) -> None:
    """Raise OptionError for sizes and names that are none, and those that contradict each other."""
    for name in ("window", "horizon"):
        read_size(name, getattr(estimator, name))
    if estimator.strategy not in ("recursive", "direct"):
        raise OptionError(f"no strategy {estimator.strategy!r}; there are recursive, direct")
    if estimator.head not in VALUES:
        raise OptionError(f"the head {estimator.head!r} forecasts no values; there are {', '.join(VALUES)}")
    if estimator.strategy == "recursive" and estimator.head == "quantile":
        raise OptionError("quantiles cannot be fed back: take strategy 'direct', or the head 'gaussian'")
    if estimator.strategy == "recursive" and estimator.readout not in ("last", "every"):
        raise OptionError(
            f"readout {estimator.readout!r} has no single steps: 'recursive' takes last or every"
        )
    if estimator.readout == "flatten":
        raise OptionError("readout is 'flatten'; there are last, every, mean, max, concat")


@dataclass(frozen=True)
class Series:
    """In the units of the user. Shapes: values: "N D"; known: "M K", M > N where rows ahead are known."""

    values: Array
    known: Array

    def after(self, past: Array) -> Series:
        """Return the series with rows "P D+K" before it.

        Raises: ShapeError for another number of columns.
        """
        columns = self.values.shape[1] + self.known.shape[1]
        if past.shape[1] != columns:
            raise ShapeError(f"X and exogenous have {columns} columns; in fit they had {past.shape[1]}")
        values, known = np.split(past, [self.values.shape[1]], axis=1)
        return Series(np.concatenate([values, self.values]), np.concatenate([known, self.known]))

    def last(self, rows: int) -> Array:
        """Return the last rows, what is known of them beside them: "P D+K"."""
        known = self.known[: len(self.values)]
        return np.concatenate([self.values, known], axis=1)[-rows:]


def read(values: Any, exogenous: Any, *, more: int = 0) -> Series:
    """Read a series, and what is known of its rows and of `more` after them.

    Raises: DataError, naming row and column, for NaN or infinity, and when lengths do not agree; ShapeError.
    """
    series = read_series("X", values)
    count = len(series) + more
    known = np.zeros((count, 0)) if exogenous is None else read_series("exogenous", exogenous)
    if len(known) != count:
        after = f" and {more} rows to forecast" if more else ""
        raise DataError(f"X has {len(series)} rows{after}, exogenous has {len(known)}; expected as many")
    return Series(series, known)


def beyond(past: Array, columns: int, exogenous: Any, more: int) -> Series:
    """Return the rows of the past, "P D+K", D = columns, and what is known of `more` rows after them.

    Raises: DataError when that is missing, or of another number of rows; ShapeError.
    """
    values, known = np.split(past, [columns], axis=1)
    ahead = np.zeros((more, 0)) if exogenous is None else read_series("exogenous", exogenous)
    if ahead.shape != (more, known.shape[1]):
        wanted = f"({more}, {known.shape[1]}), what is known of each row to forecast"
        raise DataError(f"exogenous is {ahead.shape if exogenous is not None else None}; expected {wanted}")
    return Series(values, np.concatenate([known, ahead]))


def last_window(rows: Series, window: int, room: int) -> Series:
    """Return the last window, what is known from its begin on, and zeros for `room` values to forecast."""
    begin = len(rows.values) - window
    zeros = np.zeros((room, rows.values.shape[1]))
    return Series(np.concatenate([rows.values[begin:], zeros]), rows.known[begin:])


@dataclass(frozen=True)
class Scales:
    """Scalers of values and of what is known; None: numbers stay as they are."""

    target: Scaler | None
    exogenous: Scaler | None

    @classmethod
    def learn(cls, series: Series, rows: slice, scale: bool) -> Scales:
        """Learn the scales of these rows; without scales warn of values that should have them.

        Raises: DataError for a column that is constant.
        """
        names = [f"column {i} of X" for i in range(series.values.shape[1])]
        target = learn_scale(series.values[rows], names, scale, callers=3)
        if not scale or not series.known.shape[1]:
            return cls(target, None)
        known = [f"column {i} of exogenous" for i in range(series.known.shape[1])]
        return cls(target, fit_scaler(series.known[rows], known))

    def inputs(self, series: Series, ahead: int) -> tuple[Array, Array]:
        """Return (what is read in each row, the values) in standard units.

        Beside the values of a row lies what is known of the `ahead` rows after it; zeros where nothing is.

        Shapes: "N D+K·ahead", "N D".
        """
        values = series.values if self.target is None else self.target.transform(series.values)
        known = series.known if self.exogenous is None else self.exogenous.transform(series.known)
        count = len(values)
        padded = np.concatenate([known, np.zeros((ahead, known.shape[1]))])
        later = [padded[k : k + count] for k in range(1, ahead + 1)]
        return np.concatenate([values, *later], axis=1), values
