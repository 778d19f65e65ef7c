"""How a table is to be read as sequences: what each column is for, and which rows belong together."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import Literal, get_args

import numpy as np

from elman.data.corpus import check_fraction
from elman.data.table import Table, as_numbers, shortened
from elman.errors import DataError, OptionError
from elman.numerics import Array, generator
from elman.shapes import read_size

Kind = Literal["labels", "numbers", "flags"]
TARGET_KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Layout:
    """One of three ways to read a table, and what its columns are for.

    **Series** (`window`): each row is a step, and the answer lies in the `horizon` rows after a window
    (see `Windows`). With `sequence`, each of its values is a series of its own.

        day_type  bus  rail        targets=("rail",), inputs=("bus", "rail"), window=3
        W          4    7   ┐
        W          5    8   │ x    ahead=("day_type",), categories=("day_type",): what is known of the next
        W          5    9   ┘      row, here the type of its day, is read one row early
        A          4    6     target

    **Sequences** (`sequence`): rows with the same value in that column are one sequence, in their order; they
    need not stand together. A target for each, which all of its rows say, or one for every step.

        utterance  f1  f2  speaker     targets=("speaker",), sequence="utterance"
        a          .1  .3  Ann   ┐ one sequence of 2 steps
        a          .2  .5  Ann   ┘
        b          .9  .1  Bea     one of 1 step

    **Texts** (`text`): each row is a sequence, the characters of its text.

        surname  language              targets=("language",), text="surname"
        Satou    Japanese
        Smith    English

    inputs: the columns that are read at their own step. When none is given: in series the targets, whose past
    foretells them; otherwise every column of numbers that has no other use. Columns of text are left out.
    categories: columns read as one of the values that training saw, one-hot; inputs, unless they are `ahead`.
    target_kind: "labels" (one of several), "numbers", or "flags" (0 or 1 in each target column, any number of
    them at a time). When none is given: labels where the column is text, else numbers.
    per_sequence: one target for each window, sequence or text; otherwise one at every step.
    scale: numbers read and told are brought to unit size (`Scaler`); one-hot columns and flags stay.

    Raises: OptionError for what does not go together; an option that would change nothing is refused.
    """

    targets: tuple[str, ...]
    _: KW_ONLY
    inputs: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    ahead: tuple[str, ...] = ()
    text: str | None = None
    sequence: str | None = None
    window: int | None = None
    horizon: int = 1
    stride: int = 1
    per_sequence: bool = True
    target_kind: Kind | None = None
    scale: bool = True

    def __post_init__(self) -> None:
        for name in ("targets", "inputs", "categories", "ahead"):
            names = getattr(self, name)
            if not isinstance(names, tuple) or len(set(names)) < len(names):
                raise OptionError(f"{name} is {names!r}; expected a tuple of columns, each of them once")
        for fault in (self._fault_of_rows(), self._fault_of_targets(), self._fault_of_inputs()):
            if fault:
                raise OptionError(fault)
        for name in ("window", "horizon", "stride"):
            if getattr(self, name) is not None:
                read_size(name, getattr(self, name))

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns to read as text whatever they look like (see `read_table`)."""
        named = [*self.categories, *(name for name in (self.text, self.sequence) if name is not None)]
        return (*named, *self.targets) if self.target_kind == "labels" else tuple(named)

    def _fault_of_rows(self) -> str | None:
        if self.text is None and self.sequence is None and self.window is None:
            return "nothing says which rows form a sequence; give window (a series), sequence or text"
        if self.text is not None and (self.sequence is not None or self.window is not None):
            return "with text each row is a sequence of its own; leave out sequence and window"
        if self.window is None and (self.horizon, self.stride, self.ahead) != (1, 1, ()):
            return "horizon, stride and ahead are for series: give window, or leave them out"
        return None

    def _fault_of_targets(self) -> str | None:
        if not self.targets:
            return "there is no target; name the column, or columns, to predict"
        if self.target_kind not in (None, *TARGET_KINDS):
            return f"unknown target_kind {self.target_kind!r}; choose one of {', '.join(TARGET_KINDS)}"
        if self.target_kind == "labels" and len(self.targets) > 1:
            return f"labels are in one column; {', '.join(self.targets)} came (several at a time are flags)"
        if self.target_kind == "labels" and self.window is not None:
            return "a series is continued with numbers; to label its parts, give sequence instead of window"
        if self.text is not None and not self.per_sequence:
            return "with text a target stands for a whole row; leave out per_sequence=False"
        return None

    def _fault_of_inputs(self) -> str | None:
        read = {*self.inputs, *self.categories, *self.ahead}
        if self.text is not None and read:
            return f"with text no other column is read; leave out {', '.join(sorted(read))}"
        told = set() if self.window is not None else read & set(self.targets)
        if told:
            return f"{', '.join(sorted(told))} cannot be both target and input at the same step"
        ids = {self.text, self.sequence} & (read | set(self.targets))
        if ids:
            return (
                f"{min(filter(None, ids))!r} says what the sequences are; it cannot be input or target, too"
            )
        return None


def group_rows(table: Table, layout: Layout) -> list[Array]:
    """Return the rows of each sequence, in the order of the table; one series when nothing else is said.

    Raises: DataError for a table without rows, and for a row that belongs to no sequence.

    >>> table = Table({"id": np.array(["a", "b", "a"], object)}, np.arange(3))
    >>> [rows.tolist() for rows in group_rows(table, Layout(("y",), sequence="id"))]
    [[0, 2], [1]]
    """
    if not len(table):
        raise DataError(f"{table.source} has no rows")
    if layout.sequence is None:
        return [np.arange(len(table))] if layout.text is None else list(np.arange(len(table))[:, None])
    seen: dict[str, int] = {}
    codes = np.array([seen.setdefault(name, len(seen)) for name in table.texts(layout.sequence)])
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.cumsum(np.bincount(codes))[:-1])


def resolve(table: Table, layout: Layout) -> Layout:
    """Return the layout with what it leaves open taken from the table: target_kind and inputs.

    Raises: DataError when a column is missing, the kind of target is not clear, or nothing is left to read.
    """
    table.require([*layout.targets, *layout.inputs, *layout.categories, *layout.ahead])
    table.require(name for name in (layout.text, layout.sequence) if name is not None)
    layout = replace(layout, target_kind=layout.target_kind or _kind(table, layout))
    if layout.text is not None:
        return layout
    inputs = layout.inputs or (layout.targets if layout.window is not None else _others(table, layout))
    inputs += tuple(name for name in layout.categories if name not in (*inputs, *layout.ahead))
    if not inputs:
        raise DataError(f"{table.source} has no column of numbers left to read; name inputs or categories")
    return replace(layout, inputs=inputs)


def split_table(table: Table, layout: Layout, fraction: float, seed: int = 0) -> tuple[Table, Table]:
    """Cut a table in two, for training and validation: a `fraction` of it is held out.

    Of series, the last rows of each are held out; of sequences and texts, whole ones drawn at random. A label
    should be seen in training: of the sequences drawn, the first to bring a new one is kept for it.
    Raises: DataError when too little is left to train on, and as `resolve`; OptionError unless
            0 ≤ fraction < 1.

    >>> table = Table({"y": np.arange(10.0)}, np.arange(10))
    >>> [part.numbers("y").tolist() for part in split_table(table, Layout(("y",), window=3), 0.2)]
    [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [8.0, 9.0]]
    """
    check_fraction(fraction)
    layout = resolve(table, layout)
    groups = group_rows(table, layout)
    if layout.window is not None:
        parts = [np.split(rows, [int((1 - fraction) * len(rows))]) for rows in groups]
        train, valid = ([part[k] for part in parts] for k in (0, 1))
    else:
        drawn = [groups[k] for k in generator(seed, "split").permutation(len(groups))]
        drawn, cut = _new_labels_first(table, layout, drawn), int((1 - fraction) * len(groups))
        train, valid = drawn[:cut], drawn[cut:]
    if not any(map(len, train)):
        raise DataError(f"{table.source} has {len(groups)} sequences: too few to hold out {fraction:g}")
    nothing = np.zeros(0, np.intp)
    first, second = (table.take(np.sort(np.concatenate([nothing, *part]))) for part in (train, valid))
    return first, second


def _kind(table: Table, layout: Layout) -> Kind:
    """Tell labels from numbers; a column of numbers with a word among them is neither."""
    name = layout.targets[0]
    if len(layout.targets) > 1 or layout.window is not None or not table.is_text(name):
        return "numbers"
    column = table.columns[name]
    values = list(dict.fromkeys(filter(None, column)))
    words = [value for value in values if as_numbers([value]) is None]
    if 0 < len(words) < len(values):
        word = column.tolist().index(words[0])
        raise DataError(
            f"{table.source}: target {name!r} holds {shortened(column[word])} in {table.place(word)}, but "
            "numbers elsewhere; mend it, or say that they are labels (target_kind labels)"
        )
    return "labels"


def _others(table: Table, layout: Layout) -> tuple[str, ...]:
    used = {layout.sequence, *layout.targets, *layout.categories}
    return tuple(name for name in table.names if name not in used and not table.is_text(name))


def _new_labels_first(table: Table, layout: Layout, groups: list[Array]) -> list[Array]:
    if layout.target_kind != "labels":
        return groups
    labels, seen = table.texts(layout.targets[0]), set[str]()
    first: list[Array] = []
    rest: list[Array] = []
    for rows in groups:
        new = set(labels[rows]) - seen
        (first if new else rest).append(rows)
        seen |= new
    return first + rest
