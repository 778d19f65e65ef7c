"""Labelled sequences of unequal length, in batches: a target for every step, or one for a sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elman.data.batches import Batch, endless
from elman.data.padding import (
    SYMBOLS,
    Forms,
    check_steps,
    lengths_of,
    read_array,
    read_arrays,
    read_sequences,
    side_by_side,
)
from elman.errors import DataError
from elman.numerics import generator
from elman.shapes import read_size

POOL = 16  # batches within which an epoch sorts by length, or a quarter of all: each epoch groups anew

VALUES: Forms = {"values (numbers, 2 axes; [:, None] makes one value of 1 axis)": (2, "iufb")}
WEIGHTS: Forms = {"numbers (1 axis)": (1, "iufb")}

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences with their targets; each comes once an epoch, beside others of similar length.

    An epoch shuffles the sequences, sorts them by length within pools of 16 batches (fewer when the data are
    few), and shuffles the batches; one is smaller unless `batch_size` divides the number of sequences. Each
    batch is `fresh`, longest row first; its `rows` say which sequences it holds.

    Shapes: x: as `pad` takes them, N of them, none empty.
            targets: N arrays, "T" symbols or "T O" values; per_sequence: one array, "N" or "N O".
            weights: N arrays "T", how much each target counts; per_sequence: "N"; None: each one.
    Raises: DataError for what cannot be learned from: no sequence, an empty one, NaN or infinity, another
            number of targets than of sequences or steps, weights below 0 or all 0; ShapeError; OptionError.

    >>> x, labels = [np.array([5]), np.array([6, 7, 8])], np.array([0, 1])
    >>> batch = next(Sequences(x, labels, per_sequence=True).batches())
    >>> batch.x.T, batch.targets, batch.lengths
    (array([[6, 7, 8], [5, 0, 0]]), array([1, 0]), array([3, 1]))
    """

    x: Sequence[Any]
    targets: Any
    batch_size: int = 32
    per_sequence: bool = field(kw_only=True)
    weights: Any = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        read_size("batch_size", self.batch_size)
        if not self._lengths.all():
            raise DataError(f"x: sequence {self._lengths.argmin()} is empty; leave it out")
        for column in self._x:
            _check("x", column, np.isfinite, "fill it in, or leave the sequence out", last="feature")
        _check("targets", self._targets, np.isfinite, "where none is known, give 0 and the weight 0")
        if self._weights is not None:
            _check("weights", self._weights, _not_negative, "expected 0 or more")
            if not any(np.any(w) for w in self._weights):
                raise DataError("weights are all 0; no target would count")

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches that hold every sequence once."""
        return -(-len(self.x) // self.batch_size)

    def batches(self, seed: int = 0, step: int = 0) -> Iterator[Batch]:
        """Yield batches without end, beginning with number `step`; each epoch groups and orders anew."""
        return endless(self._epoch, self.steps_per_epoch, seed, step)

    def once(self, batch_size: int | None = None) -> Iterator[Batch]:
        """Yield every sequence once, the longest first; with `batch.rows` answers find back into order.

        >>> data = Sequences([np.array([5]), np.array([6, 7])], np.array([0, 1]), per_sequence=True)
        >>> [batch.rows.tolist() for batch in data.once(batch_size=1)]
        [[1], [0]]
        """
        size = self.batch_size if batch_size is None else read_size("batch_size", batch_size)
        order = np.argsort(-self._lengths, kind="stable")
        return (self._batch(order[k : k + size]) for k in range(0, len(order), size))

    def _epoch(self, seed: int, epoch: int, skip: int) -> Iterator[Batch]:
        random = generator(seed, "order", epoch)
        order = random.permutation(len(self.x))
        pool = max(1, min(POOL, self.steps_per_epoch // 4)) * self.batch_size
        order = order[np.lexsort((-self._lengths[order], np.arange(len(order)) // pool))]
        for k in random.permutation(self.steps_per_epoch)[skip:].tolist():
            yield self._batch(order[k * self.batch_size : (k + 1) * self.batch_size])

    def _batch(self, rows: Array) -> Batch:
        x, lengths = [_rows(column, rows) for column in self._x], self._lengths[rows]
        return Batch(
            x[0] if len(x) == 1 else (x[0], x[1]),
            _rows(self._targets, rows),
            lengths if lengths[-1] < lengths[0] else None,
            rows=rows,
            weights=None if self._weights is None else _rows(self._weights, rows),
            per_sequence=self.per_sequence,
        )

    @cached_property
    def _x(self) -> tuple[list[Array], ...]:
        return read_sequences("x", self.x)

    @cached_property
    def _lengths(self) -> Array:
        return lengths_of(self._x[0])

    @cached_property
    def _targets(self) -> Array | list[Array]:
        return self._beside("targets", self.targets, SYMBOLS | VALUES)

    @cached_property
    def _weights(self) -> Array | list[Array] | None:
        return None if self.weights is None else self._beside("weights", self.weights, WEIGHTS)

    def _beside(self, name: str, values: Any, forms: Forms) -> Array | list[Array]:
        """Return what lies beside x: an array with an entry for each sequence, or an array for each."""
        if len(values) != len(self.x):
            raise DataError(f"x has {len(self.x)} sequences, {name} has {len(values)}; expected as many")
        if self.per_sequence:
            return read_array(name, values, forms)
        arrays = read_arrays(name, values, forms)
        check_steps(name, arrays, "x", self._lengths)
        return arrays


def class_weights(labels: ArrayLike, classes: int) -> Array:
    """Return a weight for each class with which all classes count the same: N / (K · count of the class).

    Shapes: labels: "N" symbols, 0 .. K − 1, K = classes → "K"; `class_weights(...)[labels]` are the weights.
    Raises: DataError for a label that is no class, and for a class without a label; ShapeError.
    Source: King & Zeng 2001, doi:10.1093/oxfordjournals.pan.a004868.

    >>> class_weights(np.array([0, 0, 0, 1]), 2).round(3)
    array([0.667, 2.   ])
    """
    labels = read_array("labels", labels, SYMBOLS)
    wrong = labels[(labels < 0) | (labels >= read_size("classes", classes))]
    if len(wrong):
        raise DataError(f"label {wrong[0]} is no class; classes run from 0 to {classes - 1}")
    counts = np.bincount(labels.astype(np.intp), minlength=classes)
    if not counts.all():
        raise DataError(f"class {counts.argmin()} of {classes} has no label, and so no weight; leave it out")
    weights: Array = len(labels) / (classes * counts)
    return weights


def _rows(values: Array | list[Array], rows: Array) -> Array:
    return side_by_side([values[k] for k in rows]) if isinstance(values, list) else values[rows]


def _check(
    name: str,
    values: Array | list[Array],
    good: Callable[[Array], Array],
    advice: str,
    *,
    last: str = "output",
) -> None:
    """Raise DataError, naming the place of the first number that is not good."""
    many = isinstance(values, list)
    axes = ("sequence", "step", last) if many else ("sequence", last)
    for k, array in enumerate(values if many else [values]):
        found = np.argwhere(~good(array))
        if len(found):
            place = (k, *found[0]) if many else found[0]
            words = ", ".join(f"{axis} {index}" for axis, index in zip(axes, place, strict=False))
            raise DataError(f"{name}: {words} is {array[tuple(found[0])]}, counted from 0; {advice}")


def _not_negative(weights: Array) -> Array:
    return (weights >= 0) & np.isfinite(weights)
