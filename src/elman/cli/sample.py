"""`elman sample`: let a model write."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import click

from elman.data import Vocabulary
from elman.decoding import beam_search
from elman.errors import OptionError
from elman.network import Network
from elman.sampling import read_line, sample_text

from .common import bits, open_model
from .engine import EngineChoice, engine_options
from .flags import told_in_flags
from .options import NATURAL, NOT_NEGATIVE, WHOLE, number, was_given
from .storage import Storage, storage_options


@click.command()
@click.argument("model")
@click.option("-n", "--length", type=NATURAL, default=200, show_default=True, help="Symbols to write.")
@click.option("--prime", default="", help="Text to go on from; it is printed first.")
@click.option(
    "--temperature",
    type=NOT_NEGATIVE,
    default=1.0,
    show_default=True,
    help="Below 1 safer, above 1 wilder; 0: always the most probable symbol.",
)
@click.option("--top-k", type=WHOLE, help="Draw from the N most probable symbols only.")
@click.option(
    "--top-p",
    type=number(float, "a share, 0 to 1", lambda x: 0 <= x <= 1),
    help="Draw from the most probable symbols that together reach this share.",
)
@click.option("--stop", help="End before this text.")
@click.option("--seed", type=NATURAL, default=0, show_default=True, help="Same seed, same text.")
@click.option("--beam", type=WHOLE, help="Print the most probable text that a beam of this width finds.")
@storage_options
@engine_options
def command(
    *,
    model: str,
    length: int,
    prime: str,
    beam: int | None,
    storage: Storage,
    on: EngineChoice,
    **drawing: Any,
) -> None:
    """Let MODEL write --length symbols; one trained with --lines begins each line afresh."""
    if beam is not None:
        _refuse_beside_beam(drawing)
    loaded, vocabulary, record = open_model(model, on)
    _tell_unknown(vocabulary, prime)
    lines, text = record.lines, storage.text(vocabulary, lines=record.lines)
    if beam is not None:
        network = storage.network(loaded.network, text)
        click.echo(_beam(network, vocabulary, prime, lines=lines, length=length, width=beam))
        return
    with told_in_flags():
        pieces = sample_text(
            loaded.network,
            vocabulary,
            prime,
            length=length,
            lines=lines,
            weights=storage.weights,
            calibrate=None if text is None else text.symbols,
            **drawing,
        )
    live = sys.stdout.isatty()
    sys.stdout.write(prime)
    for piece in pieces:
        sys.stdout.write(piece)
        if live:
            sys.stdout.flush()
    sys.stdout.write("\n")


def _tell_unknown(vocabulary: Vocabulary, prime: str) -> None:
    missing = vocabulary.missing(prime)
    if missing:
        shown = ", ".join(f"{s!r}" for s in missing[:10]) + (", …" if len(missing) > 10 else "")
        click.echo(f"elman: --prime: unknown to this model, read as its unknown symbol: {shown}", err=True)


def _refuse_beside_beam(drawing: Iterable[str]) -> None:
    if given := [name for name in drawing if was_given(name)]:
        flags = ", ".join("--" + name.replace("_", "-") for name in given)
        raise OptionError(f"--beam draws nothing at random, so {flags} would change nothing: leave it out")


def _beam(
    network: Network, vocabulary: Vocabulary, prime: str, *, lines: bool, length: int, width: int
) -> str:
    """Return the prime and the best text that goes on from it, or the best end of its line."""
    if lines:
        read, end = read_line(vocabulary, prime).tolist(), vocabulary.line_end
    else:
        read, end = vocabulary.encode(prime).tolist() or [vocabulary.line_end or 0], None
    banned = () if vocabulary.unknown is None else (vocabulary.unknown,)
    best = beam_search(network, read, length=length, width=width, banned=banned, end=end)[0]
    click.echo(f"elman: {bits(best.nats):.1f} bits for what goes on", err=True)
    text = vocabulary.decode(best.symbols).removesuffix("\n" * lines)
    apart = vocabulary.kind == "words" and prime and not prime[-1].isspace() and text[:1] != "\n"
    return prime + " " * bool(apart) + text
