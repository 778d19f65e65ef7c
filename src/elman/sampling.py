"""Text from a network: symbol after symbol, spelled out as it comes, until it is long enough or says stop."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from itertools import chain, islice

import numpy as np
from numpy.typing import ArrayLike

from .data import Vocabulary
from .decoding import generate
from .errors import OptionError
from .network import Network
from .numerics import Array, generator


def sample(
    network: Network,
    vocabulary: Vocabulary,
    prime: str = "",
    *,
    length: int = 200,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    stop: str | None = None,
    lines: bool = False,
    weights: str | None = None,
    calibrate: ArrayLike | None = None,
    seed: int = 0,
) -> str:
    r"""Return the text that goes on from a prime; everything as in `sample_text`, in one string.

    >>> network = Network(input_size=3, hidden_size=4, output_size=3, seed=2)
    >>> sample(network, Vocabulary("chars", ("<unk>", "a", "b")), prime="abba", length=12)
    'baaaaaaaabbb'
    """
    return "".join(
        sample_text(
            network,
            vocabulary,
            prime,
            length=length,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            stop=stop,
            lines=lines,
            weights=weights,
            calibrate=calibrate,
            seed=seed,
        )
    )


def sample_text(
    network: Network,
    vocabulary: Vocabulary,
    prime: str = "",
    *,
    length: int = 200,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    stop: str | None = None,
    lines: bool = False,
    weights: str | None = None,
    calibrate: ArrayLike | None = None,
    seed: int = 0,
) -> Iterator[str]:
    """Yield the text that goes on from a prime, piece by piece, so that prime + text is one text.

    It ends after `length` symbols or before the first `stop`; what may be the beginning of a stop is held
    back until it is known. temperature, top_k, top_p, weights and calibrate (symbols: `vocabulary.encode`)
    are those of `generate`. The unknown symbol is never drawn; in the prime it stands for what the vocabulary
    does not have (`vocabulary.missing` tells which). Without a prime the network reads a line end; without
    one in the vocabulary, the first symbol is drawn from all with equal chances. Bytes that are not UTF-8
    come as U+FFFD.

    With `lines`, each line is written from a fresh state, as a model trained on lines has read them: of the
    prime it reads the last line, from the line end before it.

    Raises: OptionError for an option out of range, or a vocabulary of another size, or with `lines` one that
            has no line end; NumericError; ShapeError for symbols to calibrate on that are none.
    """
    if length < 0:
        raise OptionError(f"length is {length}; it must be a number of symbols, 0 or more")
    if stop == "":
        raise OptionError("stop is empty, so that every text would end at once; leave it out for no stop")
    if vocabulary.size != network.spec.output_size:
        sizes = f"{vocabulary.size} symbols, the network predicts {network.spec.output_size}"
        raise OptionError(f"the vocabulary has {sizes}; take the model's own vocabulary")
    banned = () if vocabulary.unknown is None else (vocabulary.unknown,)
    before, first = (read_line(vocabulary, prime), []) if lines else _start(vocabulary, prime, seed)
    drawn = generate(
        network,
        before,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        banned=banned,
        fresh_after=vocabulary.line_end if lines else None,
        weights=weights,
        calibrate=calibrate,
        seed=seed,
    )
    return _until(_spell(vocabulary, islice(chain(first, drawn), length), prime), stop)


def read_line(vocabulary: Vocabulary, prime: str) -> Array:
    r"""Return what a model trained on lines reads of a prime: a line end and what follows the last one.

    Raises: OptionError when the vocabulary has no line end.

    >>> read_line(Vocabulary("chars", ("<unk>", "\n", "a", "b")), "ab\nba")
    array([1, 3, 2], dtype=uint8)
    """
    if vocabulary.line_end is None:
        raise OptionError("the vocabulary has no line end, so no line begins; leave out lines")
    return vocabulary.encode("\n" + prime.rpartition("\n")[2])


def _start(vocabulary: Vocabulary, prime: str, seed: int) -> tuple[Array, list[int]]:
    """Return (the symbols to read, those of them that belong to the text)."""
    symbols = vocabulary.encode(prime)
    if len(symbols):
        return symbols, []
    if vocabulary.line_end is not None:
        return np.array([vocabulary.line_end]), []
    chance = generator(seed, "sampling", 1).random()  # bytes have a line end: here symbol 0 is the unknown
    first = 1 + int(chance * (vocabulary.size - 1))
    return np.array([first]), [first]


def _spell(vocabulary: Vocabulary, symbols: Iterator[int], before: str) -> Iterator[str]:
    """Yield the text of each symbol, so that the pieces join to what `Vocabulary.decode` writes."""
    if vocabulary.tokens:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        yield from (decoder.decode(vocabulary.tokens[symbol]) for symbol in symbols)
        yield decoder.decode(b"", final=True)
    elif vocabulary.kind == "chars":
        yield from (vocabulary.symbols[symbol] for symbol in symbols)
    else:
        for symbol in symbols:
            word = vocabulary.symbols[symbol]
            joined = not before or before[-1].isspace() or word == "\n"
            yield word if joined else " " + word
            before = word


def _until(pieces: Iterator[str], stop: str | None) -> Iterator[str]:
    """Yield the text before the first stop."""
    held = ""
    for piece in pieces:
        held += piece
        end = held.find(stop) if stop else -1
        ready = end if end >= 0 else len(held) - _begun(stop, held)
        if ready:
            yield held[:ready]
        if end >= 0:
            return
        held = held[ready:]
    if held:
        yield held


def _begun(stop: str | None, text: str) -> int:
    """Return how much of a stop the text ends with."""
    most = min(len(stop) - 1, len(text)) if stop else 0
    return next(k for k in range(most, -1, -1) if text.endswith((stop or "")[:k]))
