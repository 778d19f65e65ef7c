"""Lines of a text as they come, for scoring what is piped in live."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, BinaryIO

from elman.data import reading
from elman.errors import DataError

from .common import standard_input

PIECE = 1 << 16


def text_lines(file: str, encoding_errors: Any, *, exact: bool) -> Iterator[list[str]]:
    """Yield the lines of a file, or of standard input ("-"), as many at a time as are there.

    With `exact`, bytes that are not UTF-8 come through as surrogates and go out as they came; line ends
    are never part of a line.
    Raises: DataError when the file cannot be read or is not UTF-8 (with the offset): the lines before that
            place have then been yielded.
    """
    source = reading.display_name(file)
    errors = "surrogateescape" if exact else encoding_errors
    if file == "-":
        yield from _lines(standard_input(), source, errors)
        return
    try:
        with open(file, "rb") as opened:
            yield from _lines(opened, source, errors)
    except OSError as error:
        raise DataError(f"{source}: cannot be read: {error.strerror}") from None


def _lines(file: BinaryIO, source: str, errors: Any) -> Iterator[list[str]]:
    waiting: deque[bytes] = deque()  # lines that are read but not decoded
    ready: list[str] = []
    begun: list[str] = []
    try:
        for text in reading.decoded(_split(file, waiting), source, errors):
            begun.append(text)
            if text.endswith("\n"):
                ready.append("".join(begun)[:-1])
                begun = []
            if ready and not waiting:
                yield ready
                ready = []
    except DataError:
        yield ready
        raise
    if last := "".join(begun):
        yield [last]


def _split(file: BinaryIO, waiting: deque[bytes]) -> Iterator[bytes]:
    """Yield line by line what is there, from `waiting`, before reading (and perhaps waiting for) more."""
    while piece := file.read1(PIECE):  # type: ignore[attr-defined]  # buffered files all have it
        waiting.extend(line for line in piece.splitlines(keepends=True))
        while waiting:
            yield waiting.popleft()
