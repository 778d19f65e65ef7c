"""What a page shows a network on: the beginning of a text, however large it is, or the rows of a table."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, cast

import numpy as np

from elman.data import Batch, Table, Vocabulary, Windows, shakespeare
from elman.data.reading import display_name, opened, pieces
from elman.errors import DataError
from elman.numerics import Array
from elman.persistence import Model

from .common import standard_input
from .tabular import JUDGED, Examples, Form

MOST, STEPS = 512, 100_000  # windows of a series that are judged for a page, and steps of them: a second


@dataclass(frozen=True)
class Shown:
    """What `report` takes of a text or a table; `fault` says why nothing of it can be judged."""

    text: Any
    source: str
    reset: Array | None = None
    batches: list[Batch] = field(default_factory=list)
    fault: str | None = None

    def page(self, model: Model, title: str, length: int) -> bytes:
        """Return the page of a model.

        Raises: as `report`.
        """
        from elman.inspection.reporting import report

        page = report(
            model,
            self.text,
            reset=self.reset,
            batches=self.batches,
            title=title,
            source=self.source,
            length=length,
        )
        return page.encode()


def beginning(file: str | None, vocabulary: Vocabulary, length: int, errors: Any) -> str | bytes:
    """Return so much of a text that it has `length` symbols or more.

    file: "-" is standard input, None the bundled text. No more is read than that, in pieces of a megabyte.
    Raises: DataError when it cannot be read.
    """
    if file is None:
        return shakespeare.text()
    if file == "-":
        standard_input()
    source, read, count = display_name(file), list[Any](), 0
    with opened(file) as text:
        for piece in pieces(text, source, vocabulary.kind, errors, hashlib.sha256()):
            read.append(piece)
            count += len(piece) if vocabulary.kind in ("chars", "bytes") else len(vocabulary.encode(piece))
            if count > length:
                break
    return b"".join(read) if vocabulary.kind == "bytes" else "".join(read)


def shown_rows(form: Form, table: Table, length: int, source: str) -> Shown:
    """Return what a page shows of a table.

    Texts come as they are. A series is read window by window, each from the beginning, as in training; of
    sequences each begins anew. The first sequences, `length` steps of them, or the first windows are judged.
    Raises: DataError for a table that does not fit.
    """
    layout, batches, fault = form.layout, list[Batch](), None
    try:
        batches = _judged(form.examples(table), length)
    except DataError as error:  # no targets, or other ones: the page has no need of them
        fault = str(error)
    if layout.text is not None:
        return Shown(table.texts(layout.text).tolist()[:length], source, None, batches, fault)
    x = cast("list[Array]", form.read(table, targets=False).x)
    anew = [np.arange(len(one)) % (layout.window or len(one)) == 0 for one in x]
    return Shown(np.concatenate(x), source, np.concatenate(anew), batches, fault)


def _judged(examples: Examples, length: int) -> list[Batch]:
    """Return the first windows or sequences; windows with a target at every step do not overlap."""
    if isinstance(examples, Windows):
        if not examples.per_sequence:
            examples = replace(examples, stride=examples.window)
        count = max(1, min(length, MOST, STEPS // examples.window))
        return list(islice(replace(examples, batch_size=min(count, JUDGED)).once(), -(-count // JUDGED)))
    steps = np.cumsum([len(one) for one in examples.x])
    count = max(1, int(np.searchsorted(steps, length, side="right")))
    first = replace(examples, x=examples.x[:count], targets=examples.targets[:count], batch_size=JUDGED)
    return list(first.once())
