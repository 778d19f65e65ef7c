"""`elman inspect --terminal`: a text in the colors of its surprisal, or in a pipe the score of each line."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import groupby

import click

from elman.inspection.reporting import Paid, paid_text
from elman.inspection.reporting.lettering import CLASSES
from elman.persistence import Model

from .common import count_words

STYLES = (  # of 256 colors, with the color of letters, so that they can be read on any terminal
    "",
    "black on color(224)",
    "black on color(217)",
    "black on color(210)",
    "white on color(160)",
    "bold underline white on color(88)",
)


def show(model: Model, text: str | bytes, length: int) -> None:
    """Print a text in colors where somebody looks at it; else three columns a line, as `elman score` does.

    With NO_COLOR in the environment the columns come in a terminal, too (no-color.org).
    """
    paid = paid_text(model, text, length)
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        _print_colored(paid)
        return
    for line in _lines(paid):
        bits, count = sum(one.bits for one in line if one.known), sum(one.known for one in line)
        told = "".join(one.shown for one in line).removesuffix("\n")
        click.echo(f"{bits:.2f}\t{bits / max(count, 1):.3f}\t{told}")


def _print_colored(paid: list[Paid]) -> None:
    from rich.console import Console
    from rich.text import Text

    console, words = Console(highlight=False), Text()
    for level, some in groupby(paid, key=lambda one: one.level):
        words.append("".join(one.shown for one in some), STYLES[level])
    legend = Text("\nbits ")
    for low, style in zip((0, *CLASSES), STYLES, strict=True):
        legend.append(f" {low}+ ", style)
    known = [one.bits for one in paid if one.known]
    legend.append(f"   {sum(known) / max(len(known), 1):.3f} a symbol, {count_words(len(known), 'symbol')}")
    console.print(words, soft_wrap=True)
    console.print(legend, soft_wrap=True)


def _lines(paid: list[Paid]) -> Iterator[list[Paid]]:
    line = list[Paid]()
    for one in paid:
        line.append(one)
        if one.shown.endswith("\n"):
            yield line
            line = []
    if line:
        yield line
