"""What a model knows of its tables: the columns it reads, categories, labels, scales; and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elman.data.layout import Layout
from elman.data.scaling import Scaler
from elman.data.table import as_text, listed
from elman.errors import FormatError, OptionError
from elman.numerics import Array


@dataclass(frozen=True)
class Preparation:
    """A layout, and what the rows to train on say about it; made by `learn_preparation`, used by `prepare`.

    known: the values of each categorical column; labels: the classes, whose numbers are their positions.
    Raises: OptionError when its parts do not fit each other.

    >>> preparation = Preparation(
    ...     Layout(("rail",), inputs=("bus",), window=7, target_kind="numbers"),
    ...     target_scaler=Scaler(mean=(500.0,), scale=(100.0,)),
    ... )
    >>> preparation.features, preparation.values([[0.25], [-1]]).T
    (('bus',), array([[525., 400.]]))
    """

    layout: Layout
    known: dict[str, tuple[str, ...]] = field(default_factory=dict)
    labels: tuple[str, ...] | None = None
    input_scaler: Scaler | None = None
    target_scaler: Scaler | None = None

    def __post_init__(self) -> None:
        fault = self._fault()
        if fault:
            raise OptionError(f"the preparation does not hold together: {fault}")

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the numbers that are read at each step; none of texts, whose vocabulary knows."""
        read = [(name, "") for name in self.layout.inputs]
        read += [(name, " (next row)") for name in self.layout.ahead]
        return tuple(
            feature + when
            for name, when in read
            for feature in (
                [f"{name}={value}" for value in self.known[name]] if name in self.known else [name]
            )
        )

    @property
    def output_size(self) -> int:
        """The number of things predicted: labels, flags, or numbers in all rows of the horizon."""
        return len(self.labels or self.layout.targets) * self.layout.horizon

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the things predicted: classes, or target columns with how many rows ahead.

        >>> layout = Layout(("rail",), inputs=("rail",), window=7, horizon=2, target_kind="numbers")
        >>> Preparation(layout).output_names
        ('rail+1', 'rail+2')
        """
        targets, horizon = self.layout.targets, self.layout.horizon
        if self.labels is not None:
            return self.labels
        if horizon == 1:
            return targets
        return tuple(f"{name}+{k + 1}" for k in range(horizon) for name in targets)

    def values(self, y: ArrayLike) -> Array:
        """Return predicted numbers in the units of the target columns.

        Shapes: y: "... K·horizon·D", such as K quantiles of D targets → the same.
        """
        return np.asarray(y, np.float64) if self.target_scaler is None else self.target_scaler.inverse(y)

    def spread(self, y: ArrayLike) -> Array:
        """Return predicted standard deviations in the units of the target columns.

        Shapes: y: "... K·horizon·D" → the same.
        """
        scaler = self.target_scaler
        return np.asarray(y, np.float64) if scaler is None else scaler.inverse_spread(y)

    def names(self, classes: ArrayLike) -> Array:
        """Return the labels of predicted classes.

        Shapes: classes: "...", whole numbers → "...", str.
        Raises: OptionError when the targets are no labels.
        """
        if self.labels is None:
            raise OptionError("the targets are numbers, not labels")
        names: Array = as_text(self.labels)[np.asarray(classes)]
        return names

    def to_facts(self) -> dict[str, Any]:
        """Return it as JSON has it: dictionaries, lists, text and numbers, which come back exactly."""
        import msgspec

        facts: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(asdict(self)))
        return facts

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Preparation:
        """Read what `to_facts` returned, and nothing else.

        Raises: FormatError on anything else.

        >>> Preparation.from_facts({"layout": {"targets": "y"}})
        Traceback (most recent call last):
        elman.errors.FormatError: the preparation is damaged: Expected `array`, got `str`...
        """
        import msgspec

        try:
            preparation = msgspec.convert(facts, cls)
        except msgspec.ValidationError as error:
            raise FormatError(f"the preparation is damaged: {error}") from None
        if preparation.to_facts() != facts:
            raise FormatError("the preparation is damaged: not in the one form that is ever written")
        return preparation

    def _fault(self) -> str | None:
        layout, known, labels = self.layout, self.known, self.labels
        if layout.target_kind is None or not (layout.inputs or layout.text):
            return "its layout leaves columns open"
        if {*known} != {*layout.categories} or not all(map(_distinct, known.values())):
            return f"it knows values of {listed(known)}; the categories are {listed(layout.categories)}"
        if (layout.target_kind == "labels") != bool(labels):
            return f"its labels are {listed(labels or ())}; its targets are {layout.target_kind}"
        if labels is not None and not _distinct(labels):
            return f"its labels are {listed(labels)}; expected two or more, each of them once"
        numbers = layout.targets if layout.target_kind == "numbers" else ()
        for scaler, columns in ((self.input_scaler, self.features), (self.target_scaler, numbers)):
            if scaler is not None and len(scaler.mean) != len(columns):
                return f"a scaler of {len(scaler.mean)} columns came for {len(columns)}: {listed(columns)}"
        return None


def _distinct(values: tuple[str, ...]) -> bool:
    return len(set(values)) == len(values) > 1
