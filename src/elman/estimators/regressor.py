"""Numbers for each sequence, or for each step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from elman.errors import OptionError, ShapeError
from elman.metrics import point_forecasts
from elman.numerics import Array

from .base import Recurrent
from .learning import Aim, learn_sequences
from .predicting import answers
from .reading import Given
from .targets import read_targets


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceRegressor(RegressorMixin, Recurrent):
    """Tell numbers of each sequence, or with `readout="every"` of each of its steps.

    X is what `SequenceClassifier` takes. y: numbers, "n" or "n O"; of each step a list of "T" or "T O" (or
    with `lengths` the rows of all sequences one below the other).

    bidirectional, embedding_size, readout, min_count   as in `SequenceClassifier`.
    head        what is learned: squared, absolute or huber loss; "gaussian", a mean and a standard deviation;
                "quantile", the `quantiles`.
    scale       bring features and targets to mean 0 and deviation 1, learned from the sequences trained on;
                what is predicted is in the units of y.
    The other parameters and what fit learns are said in `Recurrent`; here also form_, target_scaler_ and
    n_features_in_ (of numbers).

    >>> X = [np.full(n, value) for n, value in ((3, 1.0), (5, 2.0), (4, 3.0))]
    >>> SequenceRegressor(hidden_size=8, epochs=60).fit(X, [10.0, 20.0, 30.0]).predict(X).round()
    array([10., 20., 30.])
    """

    learns: ClassVar[tuple[str, ...]] = ("form", "target_shape")

    bidirectional: bool = False
    embedding_size: int | None = None
    readout: str = "last"
    head: str = "squared"
    quantiles: tuple[float, ...] = ()
    scale: bool = True
    min_count: int | None = None

    def fit(self, X: Any, y: Any, *, lengths: Any = None) -> Self:
        """Learn from sequences and their targets; whatever was learned before is forgotten.

        Warns, when `scale` is False, of targets so far from 0 and 1 that they are hard to learn.
        Raises: DataError for what cannot be learned from: no sequence, an empty one, NaN or infinity, a
                constant feature or target, X and y of unequal length, lengths that do not add up; ShapeError;
                OptionError for a parameter.
        """
        learn_sequences(self, X, lengths, partial(self._aim, y, lengths))
        return self

    def partial_fit(self, X: Any, y: Any, *, lengths: Any = None) -> Self:
        """Go through these sequences once, on from where `fit` or the last call stopped.

        The first call of all learns scales and vocabulary from its X and y.
        Raises: as `fit`.
        """
        learn_sequences(self, X, lengths, partial(self._aim, y, lengths), once=True)
        return self

    def predict(self, X: Any, *, return_std: bool = False, lengths: Any = None) -> Any:
        """Return what is expected of each sequence: of a Gaussian the mean, of quantiles the middle one.

        With return_std, which the head "gaussian" knows: also the standard deviations.

        Shapes: "n" or "n O" as y had it; for each step a list of "T" or "T O".
        Raises: NotFittedError; DataError, ShapeError for X as in `fit`; OptionError.
        """
        found = answers(self, X, lengths)
        spec = self.network_.spec
        means = self._told([point_forecasts(y, spec.output_size, spec.quantiles) for y in found])
        if not return_std:
            return means
        if spec.head != "gaussian":
            raise OptionError(f"return_std needs the head 'gaussian'; this one is {spec.head!r}")
        return means, self._told([y[..., spec.output_size :] for y in found], spread=True)

    def predict_quantiles(self, X: Any, *, lengths: Any = None) -> list[Any]:
        """Return what `predict` does for each of the quantiles that the head "quantile" has learned.

        Raises: as `predict`; OptionError for another head.
        """
        found = answers(self, X, lengths)
        spec = self.network_.spec
        if spec.head != "quantile":
            raise OptionError(f"there are quantiles for the head 'quantile'; this one is {spec.head!r}")
        blocks = [np.split(y, len(spec.quantiles), axis=-1) for y in found]
        return [self._told(list(block)) for block in zip(*blocks, strict=True)]

    def score(self, X: Any, y: Any, *, lengths: Any = None) -> float:
        """Return R², of all steps when there is a target for each: 1 is perfect, 0 as good as the mean."""
        guesses, given = self.predict(X, lengths=lengths), y
        if self.readout == "every":
            given = np.concatenate(y if lengths is None else [np.asarray(y)])
            guesses = np.concatenate(guesses)
        return float(r2_score(given, guesses))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _aim(self, y: Any, lengths: Any, given: Given, kept: Array | None) -> Aim:
        targets = read_targets(self, y, given.rows, lengths)
        if kept is None and targets.shape != self.target_shape_:
            shapes = f"the shape {targets.shape}; in fit they had {self.target_shape_}"
            raise ShapeError(f"the targets of y have {shapes}, one number being ()")
        scaler = self.target_scaler_ if kept is None else targets.learn_scale(kept, self.scale)
        options: dict[str, Any] = {"readout": self.readout, "output_size": math.prod(targets.shape)}
        options |= {"head": self.head, "quantiles": tuple(self.quantiles)}
        learned = {"target_shape_": targets.shape, "target_scaler_": scaler}
        return Aim(targets.scaled(scaler, self.dtype), None, options, learned)

    def _told(self, found: list[Array], *, spread: bool = False) -> Any:
        """Return outputs "O" or "T O" in the units and the shape of y."""
        scaler = self.target_scaler_
        if scaler is not None:
            found = [(scaler.inverse_spread if spread else scaler.inverse)(y) for y in found]
        if not self.target_shape_:
            found = [y[..., 0] for y in found]
        return found if self.network_.spec.readout == "every" else np.stack(found)
