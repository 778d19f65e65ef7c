"""`elman eval`: how well a model predicts a text or a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import click

from elman import persistence
from elman.data import shakespeare, stream, stream_lines
from elman.data.reading import display_name
from elman.errors import DataError, OptionError
from elman.evaluation import Evaluation, evaluate
from elman.network import Network
from elman.numerics import Array

from .common import ONCE, Record, count_words, is_tabular, opened_text, read_record, text_vocabulary
from .engine import EngineChoice, engine_options
from .options import encoding_errors, number, was_given
from .storage import Storage, storage_options
from .tabular import form_of, open_table, split
from .words import report


@click.command()
@click.argument("model")
@click.argument("file", required=False)
@click.option(
    "--val-frac",
    type=number(float, "a share above 0 and below 1", lambda x: 0 < x < 1),
    help="Only the last part of FILE: 0.1 is a tenth.",
)
@encoding_errors
@storage_options
@engine_options
def command(
    model: str,
    file: str | None,
    *,
    val_frac: float | None,
    encoding_errors: str,
    storage: Storage,
    on: EngineChoice,
) -> None:
    """Print how well MODEL predicts FILE ("-": standard input; without one, the bundled Tiny Shakespeare).

    The state is carried through the whole text; a model trained on lines reads each line afresh. With
    --val-frac 0.1 only the last tenth is predicted, or of a table what `elman train` holds out.

    A model of a table is told by accuracy and F1 of labels, or MAE and RMSE in the units of the columns.
    With --weights int8 or bfloat16 the figures are those of weights that are stored so.
    """
    loaded = persistence.load(model, **on)
    if is_tabular(loaded):
        _with_table(loaded, model, file, val_frac=val_frac, storage=storage)
    else:
        _with_text(loaded, model, file, val_frac=val_frac, encoding_errors=encoding_errors, storage=storage)


def _with_table(
    model: persistence.Model, path: str, file: str | None, *, val_frac: float | None, storage: Storage
) -> None:
    """Print how well a model predicts a table, or the part of it that training held out."""
    if file is None:
        raise OptionError(f"name a FILE: {display_name(path)} is a model of a table")
    if was_given("encoding_errors"):
        raise OptionError(f"{display_name(path)} is a model of a table: leave out --encoding-errors")
    if storage.file is not None:
        raise OptionError(f"{display_name(path)} is a model of a table: leave out --calibrate, a text")
    form, record = form_of(model, path), read_record(model, path)
    network = storage.network(model.network)
    table = open_table(file, form.layout)
    if val_frac is not None:
        table = split(table, form.layout, val_frac, record.seed)[1]
    examples = form.examples(table)
    result = form.judge(network, examples)
    for line in report(result, form.preparation.output_names, form.noun):
        click.echo(line)
    if form.vocabulary is not None:
        click.echo(f"{count_words(form.unknown(examples), 'unknown symbol')} in {table.source}")
    if network is not model.network:
        click.echo(storage.costs(None, result.loss, form.judge(model.network, examples).loss))


def _with_text(
    loaded: persistence.Model,
    model: str,
    file: str | None,
    *,
    val_frac: float | None,
    encoding_errors: str,
    storage: Storage,
) -> None:
    vocabulary, record = text_vocabulary(loaded, model), read_record(loaded, model)
    if file is None:
        check_bundled(record)
    if record.lines and val_frac is not None:
        raise OptionError(
            "--val-frac cuts off the end of a text, but this model reads lines: write them to a file"
        )
    reading: dict[str, Any] = {"lines": record.lines, "encoding_errors": encoding_errors}
    text = storage.text(vocabulary, **reading)
    network = storage.network(loaded.network, text)
    seen = _Seen(shakespeare.NAME if file is None else display_name(file))
    end = (vocabulary.line_end or 0) if record.lines else None
    with opened_text(file, vocabulary, **reading) as read:
        skipped = 0 if val_frac is None else int((1 - val_frac) * sum(map(len, read())))
        result = _judged(network, seen.watched(_later(read(), skipped), vocabulary.unknown), seen, end)
        own = result
        if network is not loaded.network:
            own = _judged(loaded.network, _later(read(), skipped), seen, end)
    click.echo(f"{result.nats:.3f} nats\n{result.bits:.3f} bits")
    click.echo(f"{result.perplexity:.2f} perplexity\n{result.accuracy:.2%} accuracy")
    click.echo(f"{count_words(result.count, 'symbol')} predicted")
    click.echo(f"{count_words(seen.unknown, 'unknown symbol')} in {seen.source}")
    if network is not loaded.network:
        click.echo(storage.costs(text, result.loss, own.loss))


def _judged(network: Network, pieces: Iterator[Array], seen: _Seen, line_end: int | None) -> Evaluation:
    """Judge a network by a text, each line for itself where a line end is given."""
    if line_end is None:
        batches = stream(pieces, seq_length=ONCE)
    else:
        batches = stream_lines(pieces, line_end, seq_length=ONCE // 64)
    first = next(batches, None)
    if first is None:
        empty = seen.symbols <= (line_end is not None)
        few = "is empty" if empty else f"has {count_words(seen.symbols, 'symbol')}"
        raise DataError(f"{seen.source} {few}: there is nothing to predict")
    result = evaluate(network, chain([first], batches))
    assert isinstance(result, Evaluation)  # the head of a text is the softmax
    return result


@dataclass
class _Seen:
    """What went by of a text that is never held whole."""

    source: str
    symbols: int = 0
    unknown: int = 0

    def watched(self, pieces: Iterator[Array], unknown: int | None) -> Iterator[Array]:
        for piece in pieces:
            self.symbols += len(piece)
            self.unknown += 0 if unknown is None else int((piece == unknown).sum())
            yield piece


def _later(pieces: Iterator[Array], skipped: int) -> Iterator[Array]:
    """Leave out the first symbols."""
    for piece in pieces:
        yield piece[skipped:]
        skipped = max(skipped - len(piece), 0)


def check_bundled(record: Record) -> None:
    """Refuse to judge a model by the bundled text when it knows another one."""
    if record.text is not None and record.text.sha256 != shakespeare.SHA256:
        raise OptionError(
            f"name a FILE: this model was trained on {record.text.name}, not on {shakespeare.NAME}"
        )
