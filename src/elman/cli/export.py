"""`elman export`: a model as a file of another land, once its answers there were compared with those here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import click

from elman import persistence
from elman.data.reading import decoded, display_name, opened, raw_pieces
from elman.errors import FileError, OptionError
from elman.files import check_writable

from .common import printable
from .options import Command, Option
from .places import check_other

HEAD = 256  # bytes of a file that show what it is


@dataclass(frozen=True)
class Land:
    """What the files of a land are called, and what tells them from others."""

    suffixes: tuple[str, ...]  # of each file that is written
    begin: bytes  # an expression: how each of them begins


LANDS = {
    "onnx": Land((".onnx",), rb"\x08.\x12\x05elman"),
    "torch": Land((".torch.safetensors",), rb'.{8}\{"__metadata__":\{"elman\.spec"'),
    "keras": Land((".keras",), rb"PK\x03\x04"),
    "c": Land((".c", ".h"), rb"/\*[^\n]*xported by elman"),
    "js": Land((".mjs",), rb"/[/*][^\n]*elman"),
    "rtneural": Land((".rtneural.json",), rb'\{\s*"in_shape"'),
}


@click.command(cls=Command)
@click.argument("model")
@click.option("--to", "land", cls=Option, type=click.Choice(list(LANDS)), required=True, help="Where to.")
@click.option("-o", "--output", cls=Option, metavar="FILE", help="Where it goes (none: next to MODEL).")
@click.option(
    "--weights",
    cls=Option,
    section="C",
    type=click.Choice(["float32", "int8"]),
    help="How weights are kept (float32).",
)
@click.option("--text", cls=Option, section="C", metavar="FILE", help="Measure on this text what int8 costs.")
def command(model: str, land: str, output: str | None, **options: str | None) -> None:
    """Write MODEL for another land: ONNX, PyTorch, Keras, C99, JavaScript or RTNeural.

    \b
        elman export model.safetensors --to onnx
        elman export model.safetensors --to c -o net.c --weights int8

    The model runs there and here on random input, and the largest difference is printed; where it is too
    large, nothing is written. What a land cannot hold is refused by name.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if given and land != "c":
        raise OptionError(
            f"{', '.join('--' + name for name in given)}: that is for --to c alone; leave it out"
        )
    loaded, there = persistence.load(model), LANDS[land]
    target = (
        output if output is not None else str(_path(model).with_name(Path(model).stem + there.suffixes[0]))
    )
    places = [target, *(str(_path(target).with_suffix(suffix)) for suffix in there.suffixes[1:])]
    for place in places:
        check_target(place, there.begin, f"no file of {land}", {"MODEL": model, "--text": given.get("text")})
    if "text" in given:
        given["text"] = _text(given["text"])
    told(str(import_module(f"elman.interop.{land}").export(loaded, target, **given)))
    for place in places:
        click.echo(f"written     {display_name(place)}: {os.path.getsize(place):,} bytes")


def check_target(place: str, begin: bytes, kind: str, inputs: Mapping[str, str | None]) -> None:
    """Find out now whether a file can be written there, and that nothing else is lost.

    begin: an expression, how a file begins that may be written over.
    Raises: OptionError when an input would be written over; FileError when another file would be, or nothing
            can be written; ResourceError when there is no room.
    """
    for name, path in inputs.items():
        check_other(place, name, path)
    check_writable(place)
    try:
        with open(place, "rb") as file:
            head = file.read(HEAD)
    except FileNotFoundError:
        return
    except OSError:
        head = b"?"  # what cannot be read may be anything
    if head and not re.match(begin, head, re.DOTALL):
        raise FileError(
            f"{display_name(place)}: exists and is {kind}; move it away, or choose another with -o"
        )


def told(text: str) -> None:
    """Print what was checked, line by line."""
    for line in text.splitlines():
        click.echo(printable(line))


def _path(name: str) -> Path:
    path = Path(name)
    if not path.name:
        raise OptionError(f"{name!r} is not the name of a file")
    return path


def _text(path: str) -> str:
    source = display_name(path)
    with opened(path) as file:
        return "".join(decoded(raw_pieces(file, source), source, "strict"))
