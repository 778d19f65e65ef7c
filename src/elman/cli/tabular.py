"""A table as a network reads it: with the preparation, and the vocabulary of a column of text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np

from elman.data import Sequences, Vocabulary, Windows
from elman.data.layout import Kind, Layout, group_rows, split_table
from elman.data.preparation import Preparation
from elman.data.prepared import Prepared, prepare
from elman.data.reading import display_name
from elman.data.sources import read_table
from elman.data.table import Table, listed
from elman.errors import DataError, FormatError, OptionError
from elman.evaluation import Figures, evaluate
from elman.forms import shortened
from elman.network import Network
from elman.numerics import Array
from elman.persistence import Model

from .common import is_tabular, printable, standard_input
from .flags import told_in_flags
from .words import amount

JUDGED = 64  # windows or sequences in a batch when a network is judged

KINDS: dict[str | None, Kind | None] = {None: None, "softmax": "labels", "sigmoid": "flags"}
Examples = Windows | Sequences


@dataclass(frozen=True)
class Form:
    """What turns a table into examples, kept in the model file."""

    preparation: Preparation
    vocabulary: Vocabulary | None = None

    @property
    def layout(self) -> Layout:
        """What the columns are for."""
        return self.preparation.layout

    @property
    def input_size(self) -> int:
        """How many symbols there are, or numbers a step."""
        return self.vocabulary.size if self.vocabulary else len(self.preparation.features)

    @property
    def noun(self) -> str:
        """What is judged one by one."""
        if not self.layout.per_sequence:
            return "step"
        if self.layout.window is not None:
            return "window"
        return "sequence" if self.layout.text is None else "text"

    def words(self) -> Iterator[str]:
        """Yield two lines: what is read, and what is predicted of it."""
        layout, preparation = self.layout, self.preparation
        read = listed([self._column(name) for name in layout.inputs] or [f"the text of {layout.text}"])
        if layout.ahead:
            read += f"; of the next row {listed(map(self._column, layout.ahead))}"
        rows = f"rows with the same {layout.sequence} are a sequence"
        if layout.window is not None:
            rows = f"{layout.window} rows at a time" + f", {layout.sequence} by itself" * bool(
                layout.sequence
            )
        elif self.vocabulary is not None:
            rows = f"{self.vocabulary.size:,} {self.vocabulary.kind}"
        yield printable(f"reads       {read}; {rows}")
        kind = layout.target_kind if preparation.labels is None else f"{len(preparation.labels)} labels"
        when = ""
        if layout.window is not None:
            when = " of the next row" if layout.horizon == 1 else f" of the next {layout.horizon} rows"
        every = "" if layout.per_sequence else ", at every step"
        yield printable(f"predicts    {listed(layout.targets)}{when} ({kind}){every}")

    def scales(self) -> Iterator[str]:
        """Yield a line that says how numbers are brought to unit size, if there are any."""
        preparation = self.preparation
        means: dict[str, str] = {}
        for scaler, names in (
            (preparation.input_scaler, preparation.features),
            (preparation.target_scaler, self.layout.targets),
        ):
            if scaler is not None:
                pairs = zip(names, scaler.mean, scaler.scale, strict=True)
                means |= {n: f"{n} {amount(m)} ± {amount(d)}" for n, m, d in pairs if (m, d) != (0, 1)}
        if means:
            yield printable(f"scaled      {listed(means.values())}")

    def _column(self, name: str) -> str:
        known = self.preparation.known.get(name)
        return f"{name} ({listed(known)})" if known else name

    def read(self, table: Table, *, targets: bool = True) -> Prepared:
        """Return the table as the network reads it, texts as symbols.

        Raises: DataError, as `prepare`; for a text without a symbol.
        """
        read = prepare(self.preparation, table, targets=targets)
        if self.vocabulary is None:
            return read
        x = [self.vocabulary.encode(str(text)) for text in read.x]
        empty = next((k for k, symbols in enumerate(x) if not len(symbols)), None)
        if empty is not None:
            raise DataError(
                f"{table.source}: column {self.layout.text!r} holds no {self.vocabulary.kind} in "
                f"{table.place(empty)}; leave the row out"
            )
        return Prepared(x, read.targets, read.rows)

    def examples(self, table: Table, batch_size: int = JUDGED) -> Examples:
        """Return the table as data with targets.

        Raises: DataError for what cannot be learned from or judged by.
        """
        layout = self.layout
        with told_in_flags(table.source):
            table.require(layout.targets)
            read = self.read(table)
            assert read.targets is not None  # their columns are there
            if layout.window is None:
                per = layout.per_sequence
                return Sequences(read.x, read.targets, batch_size, per_sequence=per)
            return Windows(
                cast("list[Array]", read.x),  # texts have no window
                read.targets,
                layout.window,
                horizon=layout.horizon,
                stride=layout.stride,
                per_sequence=layout.per_sequence,
                batch_size=batch_size,
            )

    def judge(self, network: Network, examples: Examples) -> Figures:
        """Return how well a network does on examples, errors in the units of the target columns."""
        scaler = self.preparation.target_scaler
        return evaluate(network, examples.once(), scale=None if scaler is None else scaler.scale)

    def unknown(self, examples: Examples) -> int:
        """Count the symbols of texts that the vocabulary does not have."""
        mark = self.vocabulary and self.vocabulary.unknown
        return 0 if mark is None else sum(int((symbols == mark).sum()) for symbols in examples.x)


def form_of(model: Model, path: str) -> Form:
    """Return the form of a model that reads tables.

    Raises: OptionError for a model of another kind; FormatError when its preparation is damaged.
    """
    if not is_tabular(model):
        kind, use = "a text", "elman sample, score, eval and info read it"
        if model.preparation is not None:
            kind, use = "an estimator", "elman.estimators.load reads it"
        raise OptionError(f"{display_name(path)}: a model of {kind}, not of a table; {use}")
    try:
        preparation = Preparation.from_facts(model.preparation or {})
    except FormatError as error:
        raise FormatError(f"{display_name(path)}: {shortened(str(error))}") from None
    form = Form(preparation, model.vocabulary)
    layout, spec = form.layout, model.network.spec
    fits = (
        (layout.text is None) == (model.vocabulary is None)
        and (form.input_size, form.preparation.output_size) == (spec.input_size, spec.output_size)
        and layout.per_sequence == (spec.readout != "every")
        and layout.target_kind == KINDS.get(spec.head, "numbers")
        and spec.feature_size == 0
    )
    if not fits:
        raise FormatError(f"{display_name(path)}: its network does not fit its preparation")
    return form


def open_table(file: str, layout: Layout) -> Table:
    """Read a table from a file, or from standard input ("-")."""
    if file == "-":
        standard_input()
    return read_table(file, text=layout.text_columns)


def split(table: Table, layout: Layout, fraction: float, seed: int) -> tuple[Table, Table]:
    """Hold out a fraction, as `split_table` does; with one target a window the rows before it are read, too.

    Those rows are of the training part, but as input: none of them is a target.
    """
    with told_in_flags(table.source):
        train, held = split_table(table, layout, fraction, seed)
    if layout.window is None or not layout.per_sequence:
        return train, held
    is_held = np.isin(table.places, held.places)
    parts = [_with_past(rows, is_held[rows], layout.window) for rows in group_rows(table, layout)]
    return train, table.take(np.sort(np.concatenate(parts)))


def _with_past(rows: Array, is_held: Array, window: int) -> Array:
    """Return the rows of a series that are held out, and a window of those before them."""
    first = int(is_held.argmax()) if is_held.any() else len(rows)
    return rows[max(first - window, 0) :]


def digest(table: Table) -> str:
    """Return the sha256 of what a table holds, whatever file it came in."""
    sha256 = hashlib.sha256()
    for name, column in table.columns.items():
        data = column.tobytes() if column.dtype != object else "\0".join(column).encode()
        sha256.update(f"{name}\0{len(data)}\0".encode() + data)
    return sha256.hexdigest()
