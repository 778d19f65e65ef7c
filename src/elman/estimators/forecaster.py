"""How a series goes on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from elman.data.windows import Windows, cut_windows, split_series
from elman.errors import DataError, OptionError, ShapeError
from elman.forecasting import draw_paths, forecast
from elman.heads.quantile import read_quantiles
from elman.metrics import point_forecasts
from elman.network import Network
from elman.numerics import Array
from elman.shapes import read_size

from . import series
from .base import Recurrent
from .predicting import outputs
from .running import keep, learn, learn_more, seed_of
from .series import Scales, Series, check_choices

PATHS = 1000  # drawn to tell quantiles by
TOGETHER = 256  # windows forecast at once


@dataclass(kw_only=True, eq=False, repr=False)
class Forecaster(Recurrent):
    """Forecast the next rows of a series from the last ones.

    X is the series, a number in each row, "N", or several, "N D". `exogenous`, "N K", is what is known of
    each row ahead of time, such as the type of a day; of the rows to forecast it must then be known, too.

    window      the rows read before a forecast.
    horizon     the rows forecast after it.
    strategy    "recursive": a row is forecast, and read to forecast the next, as many as are asked for, with
                the state carried on; "direct": all rows of the horizon are forecast at once.
    readout     last: a window has its forecast at its end; every: there is one to learn from at each of its
                steps; mean, max and concat as in `Network`, for "direct".
    head        squared, absolute or huber loss; "gaussian" and "quantile" know how sure a forecast is, the
                second for "direct" alone.
    quantiles   those that `predict_quantiles` tells.
    scale       bring all columns to mean 0 and deviation 1, learned from the rows trained on; forecasts are
                in the units of X.
    The other parameters and what fit learns are said in `Recurrent`; what is held out is the end of the
    series. Also learned: target_scaler_, exogenous_scaler_, past_ (the last window).

    >>> wave = np.sin(np.arange(120) * 0.5)
    >>> forecaster = Forecaster(window=20, hidden_size=12, epochs=40).fit(wave[:100])
    >>> np.abs(forecaster.predict(5) - wave[100:105]).max() < 0.1
    np.True_
    """

    reads: ClassVar[tuple[str, ...]] = ("one_d_array",)
    learns: ClassVar[tuple[str, ...]] = ("target_shape", "past")

    window: int = 24
    horizon: int = 1
    strategy: Literal["recursive", "direct"] = "recursive"
    readout: str = "last"
    head: str = "squared"
    quantiles: tuple[float, ...] = (0.1, 0.5, 0.9)
    scale: bool = True

    def fit(self, X: Any, y: Any = None, *, exogenous: Any = None) -> Self:
        """Learn from a series; whatever was learned before is forgotten. y is not looked at.

        Warns, when `scale` is False, of a series so far from 0 and 1 that it is hard to learn.
        Raises: DataError for what cannot be learned from: NaN or infinity, a constant column, too few rows,
                other lengths of X and exogenous; ShapeError; OptionError for a parameter.
        """
        check_choices(self)
        rows, seed = series.read(X, exogenous), seed_of(self)
        parts = self._parts(len(rows.values))
        scales = Scales.learn(rows, parts[0], self.scale)
        data, *held = [self._windows(rows, scales, part) for part in parts]
        once = held[0].once if held else None
        learned = learn(self, self._network(rows, seed), data, once, seed)
        self._keep(learned, rows, scales, np.shape(X)[1:])
        return self

    def partial_fit(self, X: Any, y: Any = None, *, exogenous: Any = None) -> Self:
        """Learn once from rows that follow those before; the first call of all learns the scales.

        Raises: as `fit`.
        """
        check_choices(self)
        rows, shape = series.read(X, exogenous), np.shape(X)[1:]
        if self.__sklearn_is_fitted__():
            rows, shape = rows.after(self.past_), self.target_shape_
            scales, network = self._scales(), self.running_network()
        else:
            scales, network = Scales.learn(rows, slice(None), self.scale), self._network(rows, seed_of(self))
        learned = learn_more(self, network, self._windows(rows, scales, slice(None)))
        self._keep(learned, rows, scales, shape)
        return self

    def predict(self, horizon: int | None = None, *, past: Any = None, exogenous: Any = None) -> Array:
        """Return the rows that follow, `horizon` of them (none: as many as the parameter says).

        They follow the series that was fitted, or, if given, the rows `past`, at least a window of them.
        exogenous says what is known of the rows forecast (with "direct" of a whole horizon); of those of
        `past`, too, before them.

        Shapes: past: "P" or "P D"; exogenous: "horizon K", or with past "P+horizon K" → "horizon" or
                "horizon D", as X had it.
        Raises: NotFittedError; DataError when rows are too few or lengths disagree; OptionError.
        """
        x, steps = self._asked(horizon, past, exogenous)
        return self._told(self._middle(self._outputs(x, steps))[:, 0])

    def predict_quantiles(
        self, horizon: int | None = None, *, past: Any = None, exogenous: Any = None
    ) -> Array:
        """Return each of the `quantiles` of the rows that follow, everything else as in `predict`.

        Of "recursive" forecasts they are those of 1000 futures drawn step by step.

        Shapes: "Q horizon" or "Q horizon D".
        Raises: as `predict`; OptionError for a head that knows no quantiles.
        """
        x, steps = self._asked(horizon, past, exogenous)
        spec, seed = self.network_.spec, seed_of(self)
        if spec.head == "quantile":
            found = self._outputs(x, steps)[:, 0].swapaxes(0, 1)
        elif spec.head != "gaussian":
            raise OptionError(f"the head {spec.head!r} knows no quantiles; 'gaussian' and 'quantile' do")
        elif self.strategy == "recursive":
            before, known = x[: self.window, 0], x[self.window :, 0, self._columns :]
            paths = draw_paths(self.running_network(), before, steps, paths=PATHS, known=known, seed=seed)
            found = np.quantile(paths, read_quantiles(self.quantiles), axis=1)
        else:
            mean, deviation = self._outputs(x, steps)[:, 0].swapaxes(0, 1)
            sure = [NormalDist().inv_cdf(q) for q in read_quantiles(self.quantiles)]
            found = np.stack([mean + z * deviation for z in sure])
        return self._told(found)

    def score(self, X: Any, y: Any = None, *, exogenous: Any = None) -> float:
        """Return R² of the forecasts from every window of a series: 1 is perfect, 0 as good as the mean.

        Each column counts the same, and each row of the horizon. y is not looked at.
        Raises: NotFittedError; DataError, ShapeError as `fit`.
        """
        check_is_fitted(self)
        rows = series.read(X, exogenous)
        self._check_columns(rows)
        x, _ = self._scales().inputs(rows, self._ahead)
        beyond = self.horizon - 1 if self.strategy == "recursive" else 0
        told = cut_windows(rows.values[self.window :], self.horizon)
        windows = cut_windows(x, self.window + beyond)[:, : told.shape[1]]
        pieces = (windows[:, k : k + TOGETHER] for k in range(0, windows.shape[1], TOGETHER))
        found = [self._told(self._middle(self._outputs(piece, self.horizon))) for piece in pieces]
        columns = (told.shape[0] * told.shape[1], self._columns)
        return float(r2_score(told.reshape(columns), np.concatenate(found, axis=1).reshape(columns)))

    @property
    def _ahead(self) -> int:
        """Of how many rows after it a row says what is known."""
        return self.horizon if self.strategy == "direct" else 1

    @property
    def _columns(self) -> int:
        return math.prod(self.target_shape_)

    def _parts(self, count: int) -> tuple[slice, ...]:
        """Return the rows to train on, and those held out, if any."""
        if self.patience is None:
            return (slice(0, count),)
        history = 0 if self.readout == "every" else self.window
        return split_series(count, self.validation_fraction, history=history)

    def _windows(self, rows: Series, scales: Scales, part: slice) -> Windows:
        x, targets = (array[part].astype(self.dtype) for array in scales.inputs(rows, self._ahead))
        one_each = self.readout != "every"
        sizes = {"horizon": self._ahead, "batch_size": self.batch_size}
        return Windows(x, targets, self.window, per_sequence=one_each, **sizes)

    def _network(self, rows: Series, seed: int) -> Network:
        values, known, ahead = rows.values.shape[1], rows.known.shape[1], self._ahead
        return Network(
            input_size=values + known * ahead,
            output_size=values * ahead,
            readout=self.readout,
            head=self.head,
            quantiles=tuple(self.quantiles) if self.head == "quantile" else (),
            seed=seed,
            **self.network_options(),
        )

    def _keep(self, learned: dict[str, Any], rows: Series, scales: Scales, shape: tuple[int, ...]) -> None:
        scalers = {"target_scaler_": scales.target, "exogenous_scaler_": scales.exogenous}
        keep(self, learned | scalers | {"target_shape_": shape, "past_": rows.last(self.window)})

    def _scales(self) -> Scales:
        return Scales(self.target_scaler_, self.exogenous_scaler_)

    def _check_columns(self, rows: Series) -> None:
        came = (rows.values.shape[1], rows.known.shape[1])
        fitted = (self._columns, self.past_.shape[1] - self._columns)
        if came != fitted:
            raise ShapeError(f"X and exogenous have {came} columns; in fit they had {fitted}")

    def _asked(self, horizon: int | None, past: Any, exogenous: Any) -> tuple[Array, int]:
        """Return (what is read to forecast, "T 1 I", how many rows to forecast)."""
        check_is_fitted(self)
        steps = read_size("horizon", self.horizon if horizon is None else horizon)
        direct = self.strategy == "direct"
        if direct and steps > self.horizon:
            raise OptionError(f"horizon is {steps}; a 'direct' forecaster of {self.horizon} rows has no more")
        more = self.horizon if direct else steps
        if past is None:
            rows = series.beyond(self.past_, self._columns, exogenous, more)
        else:
            rows = series.read(past, exogenous, more=more)
        self._check_columns(rows)
        if len(rows.values) < self.window:
            raise DataError(f"past has {len(rows.values)} rows; a window of {self.window} is read")
        rows = series.last_window(rows, self.window, 0 if direct else steps - 1)
        return self._scales().inputs(rows, self._ahead)[0][:, None], steps

    def _outputs(self, x: Array, steps: int) -> Array:
        """Return what the head shows, in standard units.

        Shapes: x: "T R I", the window and, where forecasts are fed back, the steps after it → "S R W D".
        """
        network, size = self.running_network(), self._columns
        if self.strategy == "recursive":
            y = forecast(network, x[: self.window], steps, known=x[self.window :, :, size:])
            return y.reshape(*y.shape[:2], -1, size)
        found = outputs(network, list(x.swapaxes(0, 1)))
        y = np.stack([one[-1] if one.ndim == 2 else one for one in found])
        return np.moveaxis(y.reshape(len(y), -1, self.horizon, size), 2, 0)[:steps]

    def _middle(self, y: Array) -> Array:
        """Return the one forecast of each: "S R W D" → "S R D"."""
        flat = y.reshape(*y.shape[:2], -1)
        return point_forecasts(flat, self._columns, self.network_.spec.quantiles)

    def _told(self, values: Array) -> Array:
        """Return values "... D" in the units and the shape of X."""
        scaler = self.target_scaler_
        values = values if scaler is None else scaler.inverse(values)
        return values if self.target_shape_ else values[..., 0]
