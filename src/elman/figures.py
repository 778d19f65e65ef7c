"""What is known of a network when its outputs were laid beside their targets, and how that is added up."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import showing
from .errors import OptionError
from .heads import Head
from .metrics import (
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
from .numerics import Array

CLASSES = 1000  # with more, a confusion matrix would take more room than the network

Sums = dict[str, Any]


@dataclass(frozen=True)
class Evaluation:
    """What a network makes of `count` symbols: those of a text, or the classes of sequences or steps.

    Units: nats is the mean of −log p(symbol) over them, accuracy the share that was the most probable symbol.
    Shapes: confusion: "K K", how often the symbol of the row was taken for that of the column; None where
            there are too many symbols to tell.

    >>> uniform = Evaluation(count=10, nats=math.log(4), accuracy=0.3)
    >>> uniform.bits, round(uniform.perplexity, 12)
    (2.0, 4.0)
    """

    count: int
    nats: float
    accuracy: float
    confusion: Array | None = field(default=None, repr=False, compare=False)

    @property
    def loss(self) -> float:
        """The head's loss: nats."""
        return self.nats

    @property
    def bits(self) -> float:
        """The mean in bits per symbol: what a perfect compressor with this model would need."""
        return self.nats / math.log(2)

    @property
    def perplexity(self) -> float:
        """exp(nats): among how many equally likely symbols the network wavers; inf beyond 709 nats."""
        try:
            return math.exp(self.nats)
        except OverflowError:
            return math.inf

    def _repr_html_(self) -> str:
        told = {"symbols": self.count, "nats": self.nats, "bits": self.bits, "perplexity": self.perplexity}
        return showing.facts("Evaluation", told | {"accuracy": self.accuracy, "macro F1": self.macro_f1})

    @property
    def f1_scores(self) -> Array | None:
        """F1 of each symbol, "K"; NaN where one neither occurs nor is guessed. None without confusion."""
        return None if self.confusion is None else f1_scores(class_outcomes(self.confusion))

    @property
    def macro_f1(self) -> float | None:
        """The mean F1 of the symbols that occur or are guessed. None without confusion."""
        return None if self.confusion is None else macro_f1(class_outcomes(self.confusion))


@dataclass(frozen=True)
class LabelEvaluation:
    """What a network makes of `count` sets of labels, such as the frames of a piano roll.

    A label is guessed, or there, if its probability, or its target, is above one half.
    Units: nats for all labels of a set together, the mean over the sets.
    Shapes: outcomes: "3 O", of each label.
    """

    count: int
    nats: float
    outcomes: Array = field(repr=False, compare=False)

    @property
    def loss(self) -> float:
        """The head's loss: nats."""
        return self.nats

    def _repr_html_(self) -> str:
        told = {"sets": self.count, "nats": self.nats, "accuracy": self.accuracy, "F1": self.f1}
        return showing.facts("LabelEvaluation", told | {"macro F1": self.macro_f1})

    @property
    def accuracy(self) -> float:
        """Hits among all labels that are there or were guessed, all sets together: `jaccard`."""
        return float(jaccard(self.outcomes.sum(axis=1)))

    @property
    def f1(self) -> float:
        """F1 of all labels together (micro)."""
        return float(f1_scores(self.outcomes.sum(axis=1)))

    @property
    def f1_scores(self) -> Array:
        """F1 of each label, "O"; NaN where one is neither there nor guessed."""
        return f1_scores(self.outcomes)

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the labels that are there or were guessed."""
        return macro_f1(self.outcomes)


@dataclass(frozen=True)
class ValueEvaluation:
    """How far a network is from `count` rows of values.

    Units: loss as the head has it; the errors as the targets, or as their scale makes them.
    Shapes: column_mae, column_rmse: "O", the mean absolute error and the root of the mean squared error.

    >>> ValueEvaluation(2, 0.5, np.array([1.0, 3.0]), np.array([3.0, 4.0])).mae
    2.0
    """

    count: int
    loss: float
    column_mae: Array = field(compare=False)
    column_rmse: Array = field(compare=False)

    @property
    def mae(self) -> float:
        """The mean absolute error over all columns."""
        return float(self.column_mae.mean())

    @property
    def rmse(self) -> float:
        """The root of the mean squared error over all columns."""
        return math.sqrt(np.square(self.column_rmse).mean())

    def _repr_html_(self) -> str:
        told: dict[str, object] = {"rows": self.count, "loss": self.loss, "MAE": self.mae, "RMSE": self.rmse}
        if len(self.column_mae) > 1:
            told |= {"MAE of each": self.column_mae, "RMSE of each": self.column_rmse}
        return showing.facts("ValueEvaluation", told)


Figures = Evaluation | LabelEvaluation | ValueEvaluation


@dataclass(frozen=True)
class Tally:
    """How the rows of a head are judged: what is added up of them, and the figures made of it."""

    head: Head
    details: Callable[[Array, Array, Array | None], Sums]
    figures: Callable[..., Figures]

    def sums(self, y: Array, targets: Array, weights: Array | None) -> Sums:
        """Return what `figures` is made of, to be added to that of other rows.

        Shapes: y: "N Y"; targets: "N" or "N O"; weights: "N", none means 1.
        """
        losses = self.head.each(y, targets)
        if self.head.symbols:
            return self.of_symbols(losses, y.argmax(axis=-1), targets, weights)
        return _common(losses, weights) | self.details(y, targets, weights)

    def of_symbols(self, nats: Array, guesses: Array, targets: Array, weights: Array | None) -> Sums:
        """Return what `sums` returns, of what symbols cost and the most probable ones: "N" each."""
        return _common(nats, weights) | self.details(guesses, targets, weights)


def _common(losses: Array, weights: Array | None) -> Sums:
    weight = len(losses) if weights is None else float(weights.sum())
    return {"count": len(losses), "weight": weight, "loss": float(weighted_sum(losses, weights))}


def tally(
    head: Head, columns: int, *, quantiles: tuple[float, ...] = (), scale: ArrayLike | None = None
) -> Tally:
    """Return how a head that predicts so many things is judged.

    Raises: OptionError for a scale that does not fit, or where no values are forecast.

    >>> from elman.heads import HEADS
    >>> squared = tally(HEADS["squared"], 1, scale=[10.0])
    >>> squared.figures(**squared.sums(np.array([[1.0], [4.0]]), np.array([[1.0], [2.0]]), None)).mae
    10.0
    """
    values = not head.symbols and head.name != "sigmoid"
    if values:
        units = np.ones(columns) if scale is None else read_scale(scale, columns)
        return Tally(head, partial(_value_sums, units=units, quantiles=quantiles), _value_figures)
    if scale is not None:
        raise OptionError(f"scale is for values that are forecast; the head is {head.name!r}")
    if head.symbols:
        return Tally(head, partial(_symbol_sums, classes=columns), _symbol_figures)
    return Tally(head, _label_sums, _label_figures)


def _symbol_sums(guesses: Array, targets: Array, weights: Array | None, classes: int) -> Sums:
    sums: Sums = {"right": weighted_sum(guesses == targets, weights)}
    if classes <= CLASSES:
        sums["confusion"] = confusion_matrix(targets, guesses, classes, weights)
    return sums


def _symbol_figures(
    count: int, weight: float, loss: float, right: float, confusion: Array | None = None
) -> Evaluation:
    return Evaluation(count, loss / weight, float(right / weight), confusion)


def _label_sums(y: Array, targets: Array, weights: Array | None) -> Sums:
    return {"outcomes": label_outcomes(targets > 0.5, y > 0, weights)}  # σ(y) > ½ where y > 0


def _label_figures(count: int, weight: float, loss: float, outcomes: Array) -> LabelEvaluation:
    return LabelEvaluation(count, loss / weight, outcomes)


def _value_sums(
    y: Array, targets: Array, weights: Array | None, units: Array, quantiles: tuple[float, ...]
) -> Sums:
    forecasts = point_forecasts(y, targets.shape[1], quantiles)
    return {"errors": error_sums(forecasts, targets, weights, units)}


def _value_figures(count: int, weight: float, loss: float, errors: Array) -> ValueEvaluation:
    absolute, squared = errors / weight
    return ValueEvaluation(count, loss / weight, absolute, np.sqrt(squared))
