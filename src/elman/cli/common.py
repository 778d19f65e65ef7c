"""What several commands share: reading a text the way a model was trained to, and showing numbers."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import click

from elman import persistence
from elman.data import (
    Batch,
    Corpus,
    Lines,
    Vocabulary,
    corpus_from_text,
    opened_symbols,
    read_corpus,
    shakespeare,
    whole,
)
from elman.data.reading import display_name
from elman.errors import DataError, FormatError, OptionError
from elman.history import History
from elman.numerics import Array

from .engine import EngineChoice

ONCE = 4096  # symbols in a batch of what is read once


@dataclass(frozen=True)
class Text:
    """What a model was trained on."""

    name: str
    sha256: str
    symbols: int


@dataclass(frozen=True)
class TableFacts:
    """What else a model was trained on."""

    name: str
    sha256: str
    rows: int


@dataclass(frozen=True)
class LogFacts:
    """What a checkpoint says of the log of its run: whose, how many bytes, and which."""

    file: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Record:
    """What a model file says of its training; a model that others wrote may say nothing."""

    text: Text | None = None
    table: TableFacts | None = None
    valid_sha256: str | None = None  # of the file of --valid
    lines: bool = False
    best_step: int = 0
    validation_loss: float | None = None
    figures: dict[str, float] = field(default_factory=dict)  # of a table, in validation
    seed: int = 0
    engine: str = ""  # that it was trained with
    instruction_set: str = ""  # that a checkpoint was written on
    log: LogFacts | None = None
    history: History = field(default_factory=History)


def read_record(model: persistence.Model, path: str) -> Record:
    """Return the record of a model, of whose content nothing is certain before this.

    Raises: FormatError when it says something else than a record does.
    """
    import msgspec

    try:
        return msgspec.convert(dict(model.record), Record)
    except msgspec.ValidationError as error:
        raise FormatError(f"{display_name(path)}: the record of its training is not one: {error}") from None


def open_model(path: str, on: EngineChoice) -> tuple[persistence.Model, Vocabulary, Record]:
    """Load a model that predicts the next symbol of a text, on this engine."""
    model = persistence.load(path, **on)
    return model, text_vocabulary(model, path), read_record(model, path)


def is_tabular(model: persistence.Model) -> bool:
    """Tell a model that reads tables from others."""
    return model.preparation is not None and "layout" in model.preparation


def text_vocabulary(model: persistence.Model, path: str) -> Vocabulary:
    """Return the vocabulary of a model of a text.

    Raises: OptionError for a model of a table; FormatError for one that has no vocabulary or other outputs.
    """
    name, spec = display_name(path), model.network.spec
    if is_tabular(model):
        raise OptionError(f"{name}: a model of a table, not of a text; elman predict, eval and info read it")
    if model.vocabulary is None:
        raise FormatError(f"{name}: the model has no vocabulary, so it cannot read or write text")
    predicts = (spec.head, spec.readout, spec.bidirectional, spec.feature_size) == (
        "softmax",
        "every",
        False,
        0,
    )
    if not predicts or not spec.input_size == spec.output_size == model.vocabulary.size:
        raise FormatError(f"{name}: the model reads text, but does not predict its next symbol")
    return model.vocabulary


def check_same(kind: str, source: str, sha256: str, recorded: str | None) -> None:
    """Raise DataError when a text or a table is not that of a record."""
    if sha256 != recorded:
        raise DataError(
            f"{source}: not the {kind} that the run began with: sha256 {sha256[:12]}…, "
            f"the checkpoint has {str(recorded)[:12]}…"
        )


def read_text(file: str | None, *, encoding_errors: Any = "strict", **options: Any) -> Corpus:
    """Read a file, standard input ("-"), or without either the bundled text."""
    if file is None:
        return corpus_from_text(shakespeare.text(), source=shakespeare.NAME, **options)
    if file == "-":
        standard_input()
    return read_corpus(file, encoding_errors=encoding_errors, **options)


@contextmanager
def opened_text(
    file: str | None, vocabulary: Vocabulary, **options: Any
) -> Iterator[Callable[[], Iterator[Array]]]:
    """Lend a function that reads what `read_text` reads, from its start, symbols piece by piece."""
    if file is None:
        options.pop("encoding_errors")
        symbols = corpus_from_text(shakespeare.text(), vocabulary=vocabulary, **options).symbols
        yield lambda: iter([symbols])
        return
    if file == "-":
        standard_input()
    with opened_symbols(file, vocabulary, **options) as pieces:
        yield pieces


def standard_input() -> BinaryIO:
    """Return standard input; tell someone at a terminal that it is being waited for.

    Raises: DataError when it is closed.
    """
    if sys.stdin is None:
        raise DataError("standard input is closed; name a file")
    if sys.stdin.isatty():
        click.echo("elman: reading what is typed here; Ctrl-D on an empty line ends it", err=True)
    return sys.stdin.buffer


def batches_once(
    symbols: Array, vocabulary: Vocabulary, lines: bool, *, streams: int = 1, rows: Any = None
) -> Iterator[Batch]:
    """Return every symbol of a text once: as one stream (or several), or line by line.

    A batch holds ONCE symbols at most, so that judging a network takes less memory than training it.
    """
    if lines:
        end = vocabulary.line_end or 0
        return Lines(symbols, end, batch_size=64, seq_length=ONCE // 64, rows=rows).once()
    streams = min(streams, max(len(symbols) - 1, 1))
    return whole(symbols, streams=streams, seq_length=ONCE // streams)


def tell(line: str) -> None:
    """Say something that is no result, on standard error."""
    click.echo(line, err=True)


def bits(nats: float) -> float:
    """Turn nats into bits."""
    return nats / math.log(2)


def limit_words(limit: Mapping[str, float]) -> str:
    """Put the length of a run into words.

    >>> limit_words({"steps": 12000}), limit_words({"minutes": 0.5}), limit_words({"epochs": 1.0})
    ('12,000 steps', '0.5 minutes', '1 epoch')
    """
    ((noun, value),) = limit.items()
    number = f"{value:,}" if value >= 1000 else f"{value:g}"
    return f"{number} {noun.removesuffix('s') if value == 1 else noun}"


def count_words(count: int, noun: str) -> str:
    """Count things.

    >>> count_words(1, "symbol"), count_words(2000, "symbol")
    ('1 symbol', '2,000 symbols')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"


def printable(line: str) -> str:
    """Return a line that cannot move the cursor, change the colors of a terminal or end before its end.

    >>> printable("red: \x1b[31m")
    'red: �[31m'
    """
    return "".join(c if c.isprintable() else "\ufffd" for c in line.replace("\t", " "))
