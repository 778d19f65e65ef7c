"""A corpus: a whole text as one array of symbols, read in pieces, on disk when it is large."""

from __future__ import annotations

import hashlib
import io
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.data import reading
from elman.data.vocabulary import Kind, Vocabulary, check_kind, count
from elman.errors import DataError, OptionError

MAP_ABOVE = 256 << 20  # bytes: symbols that need more live in a temporary file, mapped into memory

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Corpus:
    """A text as symbols.

    Shapes: symbols: "N", read-only, in the smallest unsigned type; mapped from disk when large.
    source names the text for people, sha256 is the digest of its raw bytes, unknown counts the symbols
    that the vocabulary does not have.
    """

    symbols: Array
    vocabulary: Vocabulary
    source: str
    sha256: str
    unknown: int


def read_corpus(
    path: str | os.PathLike[str],
    *,
    kind: Kind | None = None,
    vocabulary: Vocabulary | None = None,
    min_count: int | None = None,
    encoding_errors: reading.EncodingErrors = "strict",
    lines: bool = False,
) -> Corpus:
    """Read a text file of any size; "-" is standard input, and pipes are read too.

    Text is UTF-8; a byte order mark at the start is dropped and CR LF is read as LF. Bytes stay as they are.
    `kind` is chars by default, or that of the `vocabulary` given, which is then used instead of a new one.
    With `lines`, the symbols begin and end with a line end, so that each line stands between two of them.
    The file is read twice: once to count, once to encode.

    Raises: DataError when the text cannot be read or learned from, or changes meanwhile; OptionError;
            ResourceError when a temporary file finds no room.
    """
    kind = _kind(kind, vocabulary, min_count, lines)
    source = reading.display_name(path)
    with _opened(path, kind, encoding_errors) as text:
        return _corpus(text, source, kind=kind, vocabulary=vocabulary, min_count=min_count, lines=lines)


def corpus_from_text(
    text: str,
    *,
    kind: Kind | None = None,
    vocabulary: Vocabulary | None = None,
    min_count: int | None = None,
    lines: bool = False,
    source: str = "text",
) -> Corpus:
    """Return the corpus that a file with this text would give (see `read_corpus`).

    >>> corpus = corpus_from_text("to be or not to be")
    >>> corpus.symbols[:5], corpus.vocabulary.size
    (array([7, 5, 1, 2, 3], dtype=uint8), 8)
    """
    kind = _kind(kind, vocabulary, min_count, lines)
    try:
        file = io.BytesIO(text.encode())
    except UnicodeEncodeError as error:
        raise DataError(f"{source}: character {error.start} is half a surrogate pair; remove it") from error
    pieces = partial(reading.pieces, file, source, kind, "strict")
    return _corpus(pieces, source, kind=kind, vocabulary=vocabulary, min_count=min_count, lines=lines)


@contextmanager
def opened_symbols(
    path: str | os.PathLike[str],
    vocabulary: Vocabulary,
    *,
    encoding_errors: reading.EncodingErrors = "strict",
    lines: bool = False,
) -> Iterator[Callable[[], Iterator[Array]]]:
    """Lend a function that reads a text from its start, symbols piece by piece, in constant memory.

    The text, its errors and `lines` are as in `read_corpus`; no corpus is kept.
    """
    kind = _kind(None, vocabulary, None, lines)
    with _opened(path, kind, encoding_errors) as text:
        yield lambda: _encoded(text(hashlib.sha256()), vocabulary, lines)


@contextmanager
def _opened(
    path: str | os.PathLike[str], kind: Kind, encoding_errors: reading.EncodingErrors
) -> Iterator[Callable[[reading.Digest], Iterator[str] | Iterator[bytes]]]:
    """Lend a function that reads a text from its start, its bytes going into a digest on the way."""
    if encoding_errors not in reading.ENCODING_ERRORS:
        choices = ", ".join(reading.ENCODING_ERRORS)
        raise OptionError(f"unknown encoding_errors {encoding_errors!r}; choose one of {choices}")
    with reading.opened(path) as file:
        yield partial(reading.pieces, file, reading.display_name(path), kind, encoding_errors)


def split_stream(symbols: Array, fraction: float) -> tuple[Array, Array]:
    """Cut a text in two, for training and validation: the last `fraction` of it is held out.

    The cut is at int((1 - fraction) · N), as in nanoGPT. Both parts are views.

    Shapes: symbols: "N" → "N1", "N2".

    >>> [len(part) for part in split_stream(np.zeros(1_115_394), 0.1)]
    [1003854, 111540]
    """
    check_fraction(fraction)
    cut = int((1 - fraction) * len(symbols))
    return symbols[:cut], symbols[cut:]


def check_fraction(fraction: float) -> None:
    """Raise OptionError unless 0 ≤ fraction < 1."""
    if not 0 <= fraction < 1:
        raise OptionError(f"validation fraction is {fraction}; it must be at least 0 and below 1")


def _kind(kind: Kind | None, vocabulary: Vocabulary | None, min_count: int | None, lines: bool) -> Kind:
    """Return the kind of symbols to read, once the options are known to agree."""
    kind = kind or (vocabulary.kind if vocabulary else "chars")
    check_kind(kind)
    if vocabulary and vocabulary.kind != kind:
        raise OptionError(f"kind is {kind!r} but the vocabulary given is of {vocabulary.kind}; leave out one")
    if lines and vocabulary and vocabulary.line_end is None:
        raise OptionError("reading line by line needs a vocabulary with a line end; the one given has none")
    if min_count is not None and (vocabulary or kind == "bytes"):
        raise OptionError("min_count is for a new vocabulary of chars or words; leave it out")
    if min_count is not None and min_count < 1:
        raise OptionError(f"min_count is {min_count}; it must be at least 1")
    return kind


def _corpus(
    text: Callable[[reading.Digest], Iterator[str] | Iterator[bytes]],
    source: str,
    *,
    kind: Kind,
    vocabulary: Vocabulary | None,
    min_count: int | None,
    lines: bool,
) -> Corpus:
    """Read `text`, which begins anew at each call, twice: the array is made once its length is known."""
    first, second = hashlib.sha256(), hashlib.sha256()
    counts = count(kind, text(first))
    if not counts:
        what = "holds no words" if kind == "words" else "is empty"
        raise DataError(f"{source} {what}: there is nothing to read")
    vocabulary = vocabulary or _learned(kind, counts, min_count, lines=lines, source=source)
    symbols = _stored(_encoded(text(second), vocabulary, lines), counts.total() + 2 * lines, vocabulary.dtype)
    if symbols is None or first.digest() != second.digest():
        raise DataError(f"{source} changed while it was read; try again once nothing writes to it")
    unknown = 0 if kind == "bytes" else counts.total() - sum(counts[s] for s in vocabulary.symbols[1:])
    return Corpus(symbols, vocabulary, source, first.hexdigest(), unknown)


def _learned(
    kind: Kind, counts: Counter[str], min_count: int | None, *, lines: bool, source: str
) -> Vocabulary:
    """Build a vocabulary from a text, unless there is nothing in it to predict."""
    if len(counts) == 1:
        ((symbol, times),) = counts.items()
        raise DataError(
            f"{source} has only one distinct symbol ({symbol[:40]!r}, {times} x): there is nothing to predict"
        )
    vocabulary = Vocabulary.from_counts(kind, counts | Counter("\n") if lines else counts, min_count)
    if vocabulary.size == 1:
        raise DataError(
            f"{source}: each of its {len(counts)} symbols is too rare to be learned; lower min_count"
        )
    return vocabulary


def _encoded(text: Iterator[str] | Iterator[bytes], vocabulary: Vocabulary, lines: bool) -> Iterator[Array]:
    end = np.array([vocabulary.line_end], vocabulary.dtype) if lines else None
    last = end
    if end is not None:
        yield end
    for piece in text:
        symbols = vocabulary.encode(piece)
        last = symbols[-1:] if symbols.size else last
        yield symbols
    if end is not None and last != end:
        yield end


def _stored(pieces: Iterator[Array], most: int, dtype: np.dtype[Any]) -> Array | None:
    """Join pieces, in memory or on disk; None when there are none, or more than `most` symbols of them."""
    if most * dtype.itemsize > MAP_ABOVE:
        with reading.spooled(piece.data for piece in pieces) as file:
            return np.asarray(np.memmap(file, dtype, mode="r")) if file.tell() else None
    symbols, stop = np.empty(most, dtype), 0
    for piece in pieces:
        start, stop = stop, stop + len(piece)
        if stop > most:
            return None
        symbols[start:stop] = piece
    symbols = symbols[:stop]
    symbols.flags.writeable = False
    return symbols
