"""`elman info`: what a model file holds, or what runs here."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Iterator

import click
import numpy as np

from elman import __version__, engines, persistence
from elman.data.reading import display_name
from elman.engines.threads import blas_names
from elman.network import Network
from elman.spec import Spec

from .common import Record, bits, is_tabular, printable, read_record
from .engine import engine_words
from .tabular import form_of
from .words import figure_line, network_words

FIXED = ("cell", "activation", "input_size", "hidden_size", "output_size", "num_layers", "dtype")


@click.command()
@click.argument("model", required=False)
def command(model: str | None) -> None:
    """Show what the file MODEL holds; without one, the versions and the engine that run here."""
    if model is None:
        engine = engine_words(engines.find())
        click.echo(f"elman    {__version__}, Python {platform.python_version()}, {_system()}")
        click.echo(f"engine   {engine}")
        click.echo(f"NumPy    {np.__version__}, {blas_names() or 'no BLAS found'}")
        return
    loaded = persistence.load(model)
    _describe(loaded, read_record(loaded, model), model)


def _system() -> str:
    """As platform.platform, which starts a program to find out what nobody asked."""
    return f"{platform.system()}-{platform.release()}-{platform.machine()}"


def _describe(model: persistence.Model, record: Record, path: str) -> None:
    click.echo(
        f"file        {display_name(path)}: format {persistence.FORMAT} {persistence.VERSION}, checksum right"
    )
    for line in (*_network_lines(model.network), *_data_lines(model, record, path)):
        click.echo(line)
    if record.validation_loss is not None:
        loss = record.validation_loss
        told = figure_line(record.figures) or f"loss {loss:.4f}"
        if record.text:
            told = f"{loss:.3f} nats  {bits(loss):.3f} bits"
        click.echo(f"best        step {record.best_step:,}: {printable(told)} in validation")
    if model.training is not None:
        command = shlex.join(["elman", "train", "--resume", path])
        click.echo(f"checkpoint  of step {model.training.step:,}; go on with\n            {command}")


def _network_lines(network: Network) -> Iterator[str]:
    spec, views = network.spec, network.parameters.views
    words = f"{network_words(spec)}, {spec.dtype}"
    yield f"network     {words}: reads {spec.input_size}, writes {spec.y_size}"
    if options := _options(spec):
        yield f"options     {options}"
    width = max(12, *map(len, views))
    for name, view in views.items():
        shape = " × ".join(str(side) for side in view.shape)
        size = np.abs(view)
        yield f"            {name:{width}s} {shape:12s} |mean| {size.mean():.4f}  |max| {size.max():.4f}"
    yield f"parameters  {len(network.parameters):,}"


def _data_lines(model: persistence.Model, record: Record, path: str) -> Iterator[str]:
    if model.vocabulary is not None:
        yield f"vocabulary  {model.vocabulary.size:,} {model.vocabulary.kind}"
    if text := record.text:
        yield f"text        {printable(text.name)}: {text.symbols:,} symbols, sha256 {printable(text.sha256)}"
        yield f"sequences   {'lines, each for itself' if record.lines else 'one stream'}"
    if table := record.table:
        yield f"table       {printable(table.name)}: {table.rows:,} rows, sha256 {printable(table.sha256)}"
    if is_tabular(model):
        form = form_of(model, path)
        yield from form.words()
        yield from form.scales()


def _options(spec: Spec) -> str:
    """Return what else was chosen, where it is not the default.

    >>> _options(Spec("gru", "tanh", 3, 4, 2, 1, "float32", bidirectional=True, head="huber", zoneout=0.1))
    'head huber, zoneout 0.1'
    """
    shown = {name: value for name, value in spec.facts().items() if name not in (*FIXED, "bidirectional")}
    return ", ".join(
        name.replace("_", " ") + f" {value}" * (value is not True) for name, value in shown.items()
    )
