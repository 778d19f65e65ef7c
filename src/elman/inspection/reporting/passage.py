"""What a report is about: the steps that a network reads, and how each of them is shown."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elman.data import Preparation, Vocabulary
from elman.data.counting import as_bytes, words
from elman.errors import DataError, OptionError
from elman.numerics import Array
from elman.persistence import Model

from .naming import readable

LONGEST = 80  # characters that are shown of one symbol: a word may be a million long


@dataclass(frozen=True, eq=False)
class Passage:
    """T steps of symbols or of numbers.

    x       "T" symbols or "T I" features, as the network reads them.
    reset   "T": the network begins anew before these steps; None: it reads one sequence.
    shown   for each step what it adds to the text; empty for numbers.
    names   of the I features; empty for symbols.
    next    is the next symbol what the network is asked for?
    cut     was there more than the first T steps?
    """

    x: Array
    reset: Array | None
    shown: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    next: bool = False
    cut: bool = False

    def __len__(self) -> int:
        return len(self.x)


def read_passage(model: Model, text: Any, reset: ArrayLike | None, length: int) -> Passage:
    """Return the first `length` steps of a text, or of numbers.

    text: a str (bytes, for a vocabulary of these), or several of them, each a sequence; without a
    vocabulary "T" symbols or "T I" features, and with `reset` where they begin anew.
    Raises: DataError when there is nothing to read; OptionError for what the network does not read.
    """
    if model.vocabulary is None:
        return _numbers(model, np.asarray(text), reset, length)
    if reset is not None:
        raise OptionError("reset came with a text; a model of lines begins anew by itself at each line")
    if isinstance(text, str | bytes):
        return _text(model, model.vocabulary, text, length)
    return _texts(model, model.vocabulary, text, length)


def spelled(vocabulary: Vocabulary, text: str | bytes, symbols: Array) -> list[str]:
    """Return for each symbol of a text what it adds to it; a part of a character adds nothing.

    >>> spelled(Vocabulary("bytes", ()), "né!", Vocabulary("bytes", ()).encode("né!"))
    ['n', '', 'é', '!']
    """
    if vocabulary.kind == "chars":
        return list(str(text))
    if vocabulary.kind == "words":
        found = words(str(text))
        after = [*found[1:], "\n"]
        return [one + " " * ("\n" not in (one, other)) for one, other in zip(found, after, strict=True)]
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    tokens = vocabulary.tokens or [bytes([k]) for k in range(256)]
    pieces = [decoder.decode(tokens[k]) for k in symbols.tolist()]
    return [*pieces[:-1], pieces[-1] + decoder.decode(b"", final=True)] if pieces else []


def _text(model: Model, vocabulary: Vocabulary, text: str | bytes, length: int) -> Passage:
    predicts = _predicts(model, vocabulary)
    if vocabulary.kind == "chars":
        text = str(text)[: length + 1]  # one of many megabytes costs nothing
    symbols = vocabulary.encode(as_bytes(text) if vocabulary.kind == "bytes" else str(text))
    shown, reset = spelled(vocabulary, text, symbols), None
    if model.record.get("lines") is True and vocabulary.line_end is not None:
        symbols = np.concatenate([np.array([vocabulary.line_end], symbols.dtype), symbols])
        shown = ["", *shown]  # the line end before the text, from which its first symbol is predicted
        reset = symbols == vocabulary.line_end
    cut, symbols = len(symbols) > length, symbols[:length].astype(np.intp)
    if len(symbols) < 2:
        raise DataError("the text has less than 2 symbols; 2 or more are needed to see what follows what")
    kept = tuple(piece[:LONGEST] + "…" * (len(piece) > LONGEST) for piece in shown[:length])
    return Passage(symbols, None if reset is None else reset[:length], kept, next=predicts, cut=cut)


def _texts(model: Model, vocabulary: Vocabulary, texts: Sequence[str], length: int) -> Passage:
    """Read texts one after the other, each from the beginning and on a line of its own."""
    x, shown, reset = list[Array](), list[str](), list[bool]()
    for text in texts:
        symbols = vocabulary.encode(text)
        if not len(symbols):
            continue
        x.append(symbols.astype(np.intp))
        shown += _on_a_line(spelled(vocabulary, text, symbols))
        reset += [True] + [False] * (len(symbols) - 1)
        if len(shown) > length:
            break
    if not x:
        raise DataError("there is no text to read: each of them is empty")
    anew = np.array(reset)[:length]
    return Passage(
        np.concatenate(x)[:length],
        anew,
        tuple(piece[:LONGEST] for piece in shown[:length]),
        next=False,
        cut=len(shown) > length,
    )


def _on_a_line(pieces: list[str]) -> Iterator[str]:
    yield from pieces[:-1]
    yield pieces[-1] + "\n"


def _numbers(model: Model, x: Array, reset: ArrayLike | None, length: int) -> Passage:
    if not len(x):
        raise DataError("there is nothing to read: the sequence has no step")
    names: tuple[str, ...] = ()
    if x.ndim == 2:
        names = _feature_names(model, x.shape[1])
    anew = None if reset is None else np.asarray(reset, bool)[:length]
    return Passage(x[:length], anew, names=names, cut=len(x) > length)


def _feature_names(model: Model, count: int) -> tuple[str, ...]:
    """Return the names of the columns where the file of the model has them."""
    preparation = preparation_of(model)
    if preparation is not None and len(preparation.features) == count:
        return preparation.features
    return tuple(f"input {k}" for k in range(count))


def answer_names(model: Model) -> list[str]:
    """Return the names of what is told: classes, flags or columns; numbers where the file has none."""
    preparation, spec = preparation_of(model), model.network.spec
    if preparation is not None and len(preparation.output_names) == spec.output_size:
        return [readable(name) for name in preparation.output_names]
    thing = "class" if spec.head == "softmax" else "output"
    return [f"{thing} {k}" for k in range(spec.output_size)]


def preparation_of(model: Model) -> Preparation | None:
    """Return what a model knows of its tables, if it is one of tables."""
    facts = model.preparation
    return None if facts is None or "layout" not in facts else Preparation.from_facts(facts)


def _predicts(model: Model, vocabulary: Vocabulary) -> bool:
    spec = model.network.spec
    return (spec.head, spec.readout) == ("softmax", "every") and spec.output_size == vocabulary.size
