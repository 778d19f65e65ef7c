"""`elman eval`: how well a model predicts a text."""

from __future__ import annotations

import click

from elman.data import shakespeare, split_stream
from elman.errors import DataError, OptionError
from elman.evaluation import evaluate

from .common import Record, batches_once, count_words, open_model, read_text
from .options import encoding_errors, number


@click.command()
@click.argument("model")
@click.argument("file", required=False)
@click.option(
    "--val-frac",
    type=number(float, "a share above 0 and below 1", lambda x: 0 < x < 1),
    help="Only the last part of FILE: 0.1 is a tenth.",
)
@encoding_errors
def command(model: str, file: str | None, val_frac: float | None, encoding_errors: str) -> None:
    """Print how well MODEL predicts FILE ("-": standard input; without one, the bundled Tiny Shakespeare).

    The state is carried through the whole text; a model trained on lines reads each line afresh. With
    --val-frac 0.1 only the last tenth is predicted, which is what `elman train` holds out.
    """
    loaded, vocabulary, record = open_model(model)
    if file is None:
        _check_bundled(record)
    if record.lines and val_frac is not None:
        raise OptionError(
            "--val-frac cuts off the end of a text, but this model reads lines: write them to a file"
        )
    corpus = read_text(file, vocabulary=vocabulary, lines=record.lines, encoding_errors=encoding_errors)
    symbols = corpus.symbols if val_frac is None else split_stream(corpus.symbols, val_frac)[1]
    try:
        result = evaluate(loaded.network, batches_once(symbols, vocabulary, record.lines))
    except DataError as error:
        raise DataError(f"{corpus.source}: {error}") from None
    click.echo(f"{result.nats:.3f} nats\n{result.bits:.3f} bits")
    click.echo(f"{result.perplexity:.2f} perplexity\n{result.accuracy:.2%} accuracy")
    click.echo(f"{count_words(result.count, 'symbol')} predicted")
    click.echo(f"{count_words(corpus.unknown, 'unknown symbol')} in {corpus.source}")


def _check_bundled(record: Record) -> None:
    """Refuse to judge a model by the bundled text when it knows another one."""
    if record.text is not None and record.text.sha256 != shakespeare.SHA256:
        raise OptionError(
            f"name a FILE: this model was trained on {record.text.name}, not on {shakespeare.NAME}"
        )
