"""`elman score`: the bits of every line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain, tee

import click

from elman.data import Vocabulary
from elman.evaluation import LineScore, score_lines
from elman.network import Network

from .common import open_model
from .engine import EngineChoice, engine_options
from .lines import text_lines
from .options import encoding_errors


@click.command()
@click.argument("model")
@click.argument("file", default="-")
@encoding_errors
@engine_options
def command(model: str, file: str, encoding_errors: str, on: EngineChoice) -> None:
    """Print three columns for every line of FILE (standard input without one): bits, bits a symbol, the line.

    The more bits, the odder the line; the oddest come first with

    \b
        elman score MODEL app.log | sort -rn -k2 | head

    A model trained with --lines reads each line afresh, any other carries its state from line to line. A line
    that comes in through a pipe is scored as soon as it is there.
    """
    loaded, vocabulary, record = open_model(model, on)
    groups = text_lines(file, encoding_errors, exact=vocabulary.kind == "bytes")
    out = sys.stdout.buffer
    for line, score in _scored(loaded.network, vocabulary, groups, carry=not record.lines):
        text = line.encode("utf-8", "surrogateescape")
        out.write(b"%.2f\t%.3f\t%s\n" % (score.bits, score.bits / score.count, text))
        out.flush()


def _scored(
    network: Network, vocabulary: Vocabulary, groups: Iterator[list[str]], *, carry: bool
) -> Iterator[tuple[str, LineScore]]:
    if carry:
        lines, told = tee(chain.from_iterable(groups))
        yield from zip(lines, score_lines(network, vocabulary, told, carry=True), strict=True)
        return
    for group in groups:
        yield from zip(group, score_lines(network, vocabulary, group, carry=False), strict=True)
