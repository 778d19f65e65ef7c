"""`elman import`: a file of another land as a model, once its answers there were compared with those here."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from elman import persistence
from elman.cells import CELLS
from elman.data.reading import display_name
from elman.errors import OptionError
from elman.heads import HEADS

from .common import count_words
from .export import check_target, told
from .options import Command, Option, output_option
from .words import network_words

SUFFIXES = {
    ".safetensors": "torch",
    ".pt": "torch",
    ".pth": "torch",
    ".keras": "keras",
    ".onnx": "onnx",
}
BEGIN = rb'.{8}\{"__metadata__":\{"format":"elman"'  # of a model file
OPTIONS = {"torch": ("activation", "readout", "head", "part"), "onnx": ("head",)}  # what files leave open
NAMES = {"part": "parts", "head": "loss"}
OPEN = "What files leave open"


@click.command(cls=Command)
@click.argument("file")
@output_option
@click.option(
    "--from",
    "land",
    cls=Option,
    type=click.Choice(sorted(set(SUFFIXES.values()))),
    help="What FILE is (none: its name says).",
)
@click.option(
    "--activation",
    cls=Option,
    section=OPEN,
    type=click.Choice(sorted({a for _, a in CELLS}, reverse=True)),
    help="PyTorch: the nonlinearity of nn.RNN.",
)
@click.option(
    "--readout",
    cls=Option,
    section=OPEN,
    type=click.Choice(["every", "last"]),
    help="PyTorch: what the head reads (every step).",
)
@click.option(
    "--head",
    cls=Option,
    section=OPEN,
    type=click.Choice(list(HEADS)),
    help="PyTorch, ONNX: what answers are.",
)
@click.option(
    "--part",
    cls=Option,
    section=OPEN,
    multiple=True,
    metavar="PART=NAME",
    help="PyTorch: how embedding, rnn or head are called. May come several times.",
)
def command(file: str, output: str, land: str | None, **options: Any) -> None:
    """Read FILE, of PyTorch (.safetensors, .pt), Keras (.keras) or ONNX (.onnx), and write it as a model.

    \b
        elman import net.onnx -o model.safetensors
        elman import lstm.pt --part embedding=encoder --part head=decoder

    The network runs there and here on random input, and the largest difference is printed; where it is too
    large, nothing is written. What a file leaves open is asked for, never guessed.
    """
    land = land or _land(file)
    given = _given(options, land)
    check_target(output, BEGIN, "not a model", {"FILE": file})
    there = import_module(f"elman.interop.{land}")
    network, vocabulary = there.read(file, **given)
    told(str(there.check(network, file, **{name: given[name] for name in given if name == "parts"})))
    persistence.save(output, network, vocabulary)
    click.echo(f"network     {network_words(network.spec)}, {network.spec.dtype}")
    if vocabulary is not None:
        click.echo(f"vocabulary  {vocabulary.size:,} {vocabulary.kind}")
    click.echo(f"written     {display_name(output)}: {count_words(os.path.getsize(output), 'byte')}")


def _given(options: dict[str, Any], land: str) -> dict[str, Any]:
    """Return the options that came, in the words of the land's module."""
    came = {name: value for name, value in options.items() if value}
    if other := [f"--{name}" for name in came if name not in OPTIONS.get(land, ())]:
        raise OptionError(f"{', '.join(other)}: files of {land} say it themselves; leave it out")
    if "part" in came:
        came["part"] = dict(_part(text) for text in came["part"])
    return {NAMES.get(name, name): value for name, value in came.items()}


def _land(file: str) -> str:
    suffix = Path(file).suffix.lower()
    if suffix not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise OptionError(
            f"{display_name(file)}: its name does not end in {known}; say what it is with --from"
        )
    return SUFFIXES[suffix]


def _part(text: str) -> tuple[str, str]:
    part, equals, name = text.partition("=")
    if not equals:
        raise OptionError(f"--part {text!r} came; expected PART=NAME, such as head=decoder")
    return part, name
