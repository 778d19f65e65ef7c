"""`elman info`: what a model file holds, or what runs here."""

from __future__ import annotations

import platform
import shlex

import click
import numpy as np

from elman import __version__, persistence
from elman.data.reading import display_name
from elman.engines.threads import blas_names

from .common import Record, bits, printable, read_record


@click.command()
@click.argument("model", required=False)
def command(model: str | None) -> None:
    """Show what the file MODEL holds; without one, the versions and the engine that run here."""
    if model is None:
        click.echo(f"elman    {__version__}, Python {platform.python_version()}, {platform.platform()}")
        click.echo(f"engine   reference: NumPy {np.__version__}, {blas_names() or 'no BLAS found'}")
        return
    loaded = persistence.load(model)
    _describe(loaded, read_record(loaded, model), model)


def _describe(model: persistence.Model, record: Record, path: str) -> None:
    spec = model.network.spec
    click.echo(
        f"file        {display_name(path)}: format {persistence.FORMAT} {persistence.VERSION}, checksum right"
    )
    kind = f"{spec.num_layers} × {spec.hidden_size} units {spec.cell} ({spec.activation}), {spec.dtype}"
    click.echo(f"network     {kind}: reads {spec.input_size}, writes {spec.output_size}")
    for name, view in model.network.parameters.views.items():
        shape = " × ".join(str(side) for side in view.shape)
        size = np.abs(view)
        click.echo(f"            {name:12s} {shape:12s} |mean| {size.mean():.4f}  |max| {size.max():.4f}")
    click.echo(f"parameters  {len(model.network.parameters):,}")
    if model.vocabulary is not None:
        click.echo(f"vocabulary  {model.vocabulary.size:,} {model.vocabulary.kind}")
    if text := record.text:
        click.echo(
            f"text        {printable(text.name)}: {text.symbols:,} symbols, sha256 {printable(text.sha256)}"
        )
        click.echo(f"sequences   {'lines, each for itself' if record.lines else 'one stream'}")
    if record.validation_nats is not None:
        nats = record.validation_nats
        click.echo(
            f"best        step {record.best_step:,}: {nats:.3f} nats  {bits(nats):.3f} bits in validation"
        )
    if model.training is not None:
        command = shlex.join(["elman", "train", "--resume", path])
        click.echo(f"checkpoint  of step {model.training.step:,}; go on with\n            {command}")
