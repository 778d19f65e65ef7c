"""A corpus: a whole text as one array of symbols, read in pieces, on disk when it is large."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.data import reading
from elman.data.counting import count
from elman.data.learning import choose_kind, learn
from elman.data.vocabulary import Kind, Vocabulary
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
    vocab_size: int | None = None,
    encoding_errors: reading.EncodingErrors = "strict",
    lines: bool = False,
) -> Corpus:
    """Read a text file of any size; "-" is standard input, and pipes are read too.

    Text is UTF-8; a byte order mark at the start is dropped and CR LF is read as LF. Bytes stay as they are.
    `kind` is chars by default, or that of the `vocabulary` given, which is then used instead of a new one.
    A new vocabulary of bpe is learned from the text; it gets `vocab_size` symbols, which has no default.
    With `lines`, the symbols begin and end with a line end, so that each line stands between two of them.
    The file is read twice: once to count, once to encode; bpe is learned in between.

    Raises: DataError when the text cannot be read or learned from, or changes meanwhile; OptionError;
            ResourceError when a temporary file finds no room.
    """
    options = {"min_count": min_count, "vocab_size": vocab_size}
    kind = choose_kind(kind, vocabulary, lines=lines, **options)
    source = reading.display_name(path)
    with _opened(path, kind, encoding_errors) as text:
        return _corpus(text, source, kind, vocabulary, lines=lines, **options)


def corpus_from_text(
    text: str,
    *,
    kind: Kind | None = None,
    vocabulary: Vocabulary | None = None,
    min_count: int | None = None,
    vocab_size: int | None = None,
    lines: bool = False,
    source: str = "text",
) -> Corpus:
    """Return the corpus that a file with this text would give (see `read_corpus`).

    >>> corpus = corpus_from_text("to be or not to be")
    >>> corpus.symbols[:5], corpus.vocabulary.size
    (array([7, 5, 1, 2, 3], dtype=uint8), 8)
    """
    options = {"min_count": min_count, "vocab_size": vocab_size}
    kind = choose_kind(kind, vocabulary, lines=lines, **options)
    try:
        file = io.BytesIO(text.encode())
    except UnicodeEncodeError as error:
        raise DataError(f"{source}: character {error.start} is half a surrogate pair; remove it") from error
    pieces = partial(reading.pieces, file, source, kind, "strict")
    return _corpus(pieces, source, kind, vocabulary, lines=lines, **options)


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
    kind = choose_kind(None, vocabulary, lines=lines)
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


def _corpus(
    text: Callable[[reading.Digest], Iterator[str] | Iterator[bytes]],
    source: str,
    kind: Kind,
    vocabulary: Vocabulary | None,
    *,
    lines: bool,
    **options: int | None,
) -> Corpus:
    """Read `text`, which begins anew at each call, twice: the array is made once its length is known."""
    first, second = hashlib.sha256(), hashlib.sha256()
    counts = count(kind, text(first), source)
    if not counts:
        what = "holds no words" if kind == "words" else "is empty"
        raise DataError(f"{source} {what}: there is nothing to read")
    if vocabulary is None:
        pieces = text(hashlib.sha256())  # which are read for bpe only
        vocabulary = learn(kind, counts, pieces, source, lines=lines, **options)
    symbols = _stored(_encoded(text(second), vocabulary, lines), counts.total() + 2 * lines, vocabulary.dtype)
    if symbols is None or first.digest() != second.digest():
        raise DataError(f"{source} changed while it was read; try again once nothing writes to it")
    known = counts.total() if vocabulary.unknown is None else sum(counts[s] for s in vocabulary.symbols[1:])
    return Corpus(symbols, vocabulary, source, first.hexdigest(), unknown=counts.total() - known)


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
