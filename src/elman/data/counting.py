"""A text taken apart into code points, bytes or words, and how often each of them occurs in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.data.available import check_room
from elman.errors import DataError

Array = NDArray[Any]

_WORD = re.compile(r"\n|\S+")


def count(kind: str, pieces: Iterable[str] | Iterable[bytes], source: str = "the text") -> Counter[str]:
    """Count the symbols of a text given in pieces; no word may be cut, and byte k counts as chr(k).

    For bpe, which joins bytes, these are the bytes. `source` names the text for people.
    Raises: ResourceError when there are more different words than there is memory for.

    >>> sorted(count("words", ["a rose is ", "a rose"]).items())
    [('a', 2), ('is', 1), ('rose', 2)]
    """
    if kind == "words":
        return _count_words(pieces, source)
    totals = np.zeros(0x110000 if kind == "chars" else 256, np.int64)
    for piece in pieces:
        points = code_points(str(piece)) if kind == "chars" else np.frombuffer(as_bytes(piece), np.uint8)
        part = np.bincount(points)
        totals[: len(part)] += part
    return Counter({chr(k): int(totals[k]) for k in np.flatnonzero(totals)})


def _count_words(pieces: Iterable[str] | Iterable[bytes], source: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for piece in pieces:
        counts.update(words(str(piece)))
        check_room(source)
    return counts


def words(text: str) -> list[str]:
    r"""Return what stands between blanks; each line end is a word of its own.

    >>> words("to be,\nor not")
    ['to', 'be,', '\n', 'or', 'not']
    """
    return _WORD.findall(text)


def code_points(text: str) -> Array:
    """Return the code points of a text."""
    # A lone surrogate can reach us through the command line; it is a new character, not an accident.
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def as_bytes(text: str | bytes, errors: str = "surrogateescape") -> bytes:
    """Return the bytes of a text in UTF-8; bytes that the command line could not decode come back.

    Raises: DataError for half a surrogate pair; when `errors` is "strict", also for one of such a byte.
    """
    if isinstance(text, bytes):
        return text
    try:
        return text.encode("utf-8", errors)
    except UnicodeEncodeError as error:
        raise DataError(f"character {error.start} is half a surrogate pair and has no bytes") from error
