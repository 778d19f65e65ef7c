"""From a table to what a network reads: learned from training rows once, then the same for every table."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from elman.data.layout import Layout, group_rows, resolve
from elman.data.preparation import Preparation
from elman.data.scaling import Scaler, fit_scaler
from elman.data.table import Table, as_numbers, listed, shortened
from elman.errors import DataError
from elman.numerics import Array


@dataclass(frozen=True, eq=False)
class Prepared:
    """A table as a network reads it: for `Windows`, for `Sequences`, or texts for a vocabulary.

    Shapes: x: for each series or sequence "T I", or its text.
            targets: for each "T" labels or "T D" numbers, or "N" or "N D", one for each; None: no targets.
            rows: for each, the rows of the table that it was made of.
    In series with columns known a row ahead, x ends one row before the targets.
    """

    x: list[Array] | list[str]
    targets: list[Array] | Array | None
    rows: list[Array]


def learn_preparation(table: Table, layout: Layout) -> Preparation:
    """Learn categories, labels and scales from the rows to train on, and from no others.

    Raises: DataError that names what cannot be learned from: a missing column, text where numbers are
            expected, a number that is not finite, a constant column.

    >>> table = Table({"rail": np.array([3.0, 5, 7])}, np.arange(3))
    >>> preparation = learn_preparation(table, Layout(("rail",), window=2))
    >>> preparation.features, preparation.input_scaler.mean
    (('rail',), (5.0,))
    """
    layout = resolve(table, layout)
    known = {name: _values(table, name) for name in layout.categories}
    labels = _values(table, layout.targets[0]) if layout.target_kind == "labels" else None
    unscaled = Preparation(layout, known, labels)
    raw = prepare(unscaled, table)
    inputs = None if layout.text is not None else _fit_inputs(unscaled, np.concatenate(raw.x))
    targets = None
    if layout.target_kind == "numbers":
        told = raw.targets if isinstance(raw.targets, np.ndarray) else np.concatenate(raw.targets or [])
        targets = fit_scaler(told, layout.targets)
    if not layout.scale:  # they were fitted all the same, because that refuses a constant column
        return unscaled
    return replace(unscaled, input_scaler=inputs, target_scaler=targets)


def prepare(preparation: Preparation, table: Table, *, targets: bool = True) -> Prepared:
    """Return a table as a network reads it, with the targets where their columns are there and asked for.

    Where columns are known a row ahead, only they are read of the last row: to forecast past the end of a
    series, add a row that holds them, leave its other fields empty, and ask for no targets.
    Raises: DataError, with the column and the place, for what `learn_preparation` refuses, and for a category
            or a label that it did not see.
    """
    layout = preparation.layout
    groups = group_rows(table, layout)
    told = None
    if targets and any(name in table.columns for name in layout.targets):
        told = _targets(preparation, table, groups)
    x = _inputs(preparation, table, groups) if layout.text is None else table.texts(layout.text).tolist()
    return Prepared(x, told, groups)


def _values(table: Table, name: str) -> tuple[str, ...]:
    """Return the values of a column of categories or labels, in order."""
    values = set(table.texts(name))
    if len(values) == 1:
        raise DataError(
            f"{table.source}: column {name!r} is constant ({shortened(*values)} in all {len(table):,} rows "
            "to train on): nothing can be learned from it; leave it out"
        )
    numbers = as_numbers(values)
    by_size = numbers is not None and np.isfinite(numbers).all()
    return tuple(sorted(values, key=lambda value: (float(value) if by_size else 0.0, value)))


def _fit_inputs(unscaled: Preparation, x: Array) -> Scaler | None:
    """Learn the scales of numbers; one-hot columns stay as they are."""
    known, read = unscaled.known, (*unscaled.layout.inputs, *unscaled.layout.ahead)
    one_hot = np.concatenate([[name in known] * len(known.get(name, (name,))) for name in read])
    if one_hot.all():
        return None
    mean, scale = np.zeros(len(one_hot)), np.ones(len(one_hot))
    names = [name for name, is_one_hot in zip(unscaled.features, one_hot, strict=True) if not is_one_hot]
    fitted = fit_scaler(x[:, ~one_hot], names)
    mean[~one_hot], scale[~one_hot] = fitted.mean, fitted.scale
    return Scaler(tuple(mean.tolist()), tuple(scale.tolist()))


def _inputs(preparation: Preparation, table: Table, groups: list[Array]) -> list[Array]:
    layout = preparation.layout
    known = [rows[: len(rows) - bool(layout.ahead)] for rows in groups]
    here = table.take(np.concatenate(known))
    columns = [_feature(preparation, here, name) for name in layout.inputs]
    if layout.ahead:
        later = table.take(np.concatenate([rows[1:] for rows in groups]))
        columns += [_feature(preparation, later, name) for name in layout.ahead]
    x = np.concatenate(columns, axis=1)
    if preparation.input_scaler is not None:
        x = preparation.input_scaler.transform(x)
    return _parted(x, known)


def _feature(preparation: Preparation, table: Table, name: str) -> Array:
    """Return what is read of a column: "N 1" numbers, or "N K" for categories."""
    if name not in preparation.known:
        return table.numbers(name)[:, None]
    known = preparation.known[name]
    return np.eye(len(known))[_codes(table, name, known)]


def _codes(table: Table, name: str, known: tuple[str, ...]) -> Array:
    """Return the position of each value of a column among the known ones."""
    index = {value: k for k, value in enumerate(known)}
    texts = table.texts(name)
    codes = np.array([index.get(text, -1) for text in texts], np.intp)
    new = np.flatnonzero(codes < 0)
    if len(new):
        raise DataError(
            f"{table.source}: column {name!r} holds {shortened(texts[new[0]])} in {table.place(new[0])}, "
            f"which was not seen in training; known are {listed(known)}"
        )
    return codes


def _targets(preparation: Preparation, table: Table, groups: list[Array]) -> list[Array] | Array:
    layout, labels = preparation.layout, preparation.labels
    if labels is not None:
        values = _codes(table, layout.targets[0], labels)
    else:
        values = np.stack([_target_numbers(table, layout, name) for name in layout.targets], axis=1)
    if preparation.target_scaler is not None:
        values = preparation.target_scaler.transform(values)
    if layout.text is not None:
        return values
    if layout.window is None and layout.per_sequence:
        return _one_each(table, layout, values, groups)
    return _parted(values[np.concatenate(groups)], groups)


def _target_numbers(table: Table, layout: Layout, name: str) -> Array:
    column = table.numbers(name)
    wrong = np.flatnonzero((column != 0) & (column != 1))
    if len(wrong) and layout.target_kind == "flags":
        raise DataError(
            f"{table.source}: flag {name!r} is {column[wrong[0]]} in {table.place(wrong[0])}; expected 0 or 1"
        )
    return column


def _one_each(table: Table, layout: Layout, values: Array, groups: list[Array]) -> Array:
    """Return the one target of each sequence, which all of its rows hold."""
    for rows in groups:
        other = np.flatnonzero((values[rows] != values[rows[0]]).reshape(len(rows), -1).any(axis=1))
        if len(other):
            group = table.texts(layout.sequence or "")[rows[0]]
            raise DataError(
                f"{table.source}: the target of sequence {shortened(group)} changes in "
                f"{table.place(rows[other[0]])}; expected the same in all of its rows, or targets at every "
                "step (per_sequence false)"
            )
    first: Array = values[[rows[0] for rows in groups]]
    return first


def _parted(x: Array, groups: list[Array]) -> list[Array]:
    return np.split(x, np.cumsum([len(rows) for rows in groups])[:-1])
