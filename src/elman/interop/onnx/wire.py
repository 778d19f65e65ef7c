"""The bytes of an ONNX file, looked through before any parser makes objects of them.

A file of protobuf is fields in fields; a field of two bytes becomes an object of hundreds, paths point to
other files, and graphs lie in graphs. So the fields are walked first, where they lie: only those that a plain
graph of recurrent operators has are let through, in so many, and none that is cut short.
Source: https://protobuf.dev/programming-guides/encoding, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from elman.errors import ElmanError, FileError, FormatError, ResourceError

LARGEST = (1 << 31) - 1  # bytes: protobuf's own limit
MOST_FIELDS = 1 << 16  # each becomes some hundred bytes when it is parsed
MOST_PACKED = 1 << 20  # bytes of packed whole numbers: eight times as many in memory
WHOLE, EIGHT, BYTES, FOUR = 0, 1, 2, 5  # wire types

# What each message may hold: the message that lies in a field, text, or numbers and data.
_TEXT, _DATA = "text", "data"
_LET_THROUGH: dict[str, dict[int, str]] = {
    "model": {1: _DATA, **dict.fromkeys((2, 3, 4, 6), _TEXT), 5: _DATA, 7: "graph", 8: "entry", 14: "entry"},
    "graph": {
        1: "node",
        2: _TEXT,
        5: "tensor",
        10: _TEXT,
        **dict.fromkeys((11, 12, 13), "value"),
        16: "entry",
    },
    "node": {**dict.fromkeys((1, 2, 3, 4, 6, 7, 8), _TEXT), 5: "attribute", 9: "entry"},
    "attribute": {**dict.fromkeys((2, 3, 4, 7, 8, 9, 20), _DATA), 1: _TEXT, 13: _TEXT, 5: "tensor"},
    "tensor": {**dict.fromkeys((1, 2, 4, 5, 7, 9, 10, 14), _DATA), 8: _TEXT, 12: _TEXT, 16: "entry"},
    "value": {1: _TEXT, 2: "type", 3: _TEXT, 4: "entry"},
    "type": {1: "tensor type", 6: _TEXT},
    "tensor type": {1: _DATA, 2: "shape"},
    "shape": {1: "axis"},
    "axis": {1: _DATA, 2: _TEXT, 3: _TEXT},
    "entry": {1: _TEXT, 2: _TEXT},
}
_REFUSED = {
    ("model", 20): "steps of a training",
    ("model", 25): "functions of its own",
    ("graph", 15): "sparse weights",
    ("graph", 14): "quantized weights",
    ("attribute", 6): "a graph inside a node",
    ("attribute", 11): "graphs inside a node",
    ("attribute", 10): "lists of tensors in a node",
    ("attribute", 22): "sparse weights",
    ("attribute", 23): "sparse weights",
    ("tensor", 3): "a tensor in segments",
    ("tensor", 6): "text where numbers belong",
    ("tensor", 13): "weights outside the file; save it as one file, without external data",
}
_PACKED = {("tensor", 1), ("tensor", 5), ("tensor", 7), ("attribute", 8)}


Lies = tuple[str, int, int]  # a message, and where it begins and ends


@dataclass
class Seen:
    """What was met so far."""

    fields: int = 0
    packed: int = 0


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a regular file that can be an ONNX model at all. Raises: FileError, FormatError."""
    name = os.fspath(path)
    try:
        _check(name, os.stat(path))
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(path, flags), "rb") as file:
            size = _check(name, os.fstat(file.fileno()))
            return file.read(size)
    except ElmanError:  # some of which are ValueErrors, too
        raise
    except MemoryError:
        raise ResourceError(f"{name}: is too large for the memory of this machine") from None
    except (OSError, ValueError) as error:
        raise FileError(f"{name!r}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _check(name: str, status: os.stat_result) -> int:
    if not stat.S_ISREG(status.st_mode):
        raise FileError(f"{name}: is no regular file; expected an ONNX model")
    if status.st_size > LARGEST:
        raise FormatError(f"{name}: has {status.st_size:,} bytes; an ONNX model has at most {LARGEST:,}")
    return status.st_size


def check_bytes(data: bytes) -> None:
    """Walk the fields of a model and refuse what a plain graph has not. Raises: FormatError.

    >>> check_bytes(bytes([0x08, 8]))
    >>> check_bytes(bytes([0x3A, 4, 0x7A, 2, 0, 0]))
    Traceback (most recent call last):
    elman.errors.FormatError: the file holds sparse weights, which are not read
    """
    waiting, seen = [("model", 0, len(data))], Seen()
    while waiting:
        message, at, end = waiting.pop()
        while at < end:
            at, inside = _field(data, at, end, message, seen)
            waiting += inside


def _field(data: bytes, at: int, end: int, message: str, seen: Seen) -> tuple[int, list[Lies]]:
    """Return where a field of a message ends, and the message that lies in it, if one does."""
    seen.fields += 1
    if seen.fields > MOST_FIELDS:
        raise FormatError(f"the file has more than {MOST_FIELDS:,} fields; a recurrent network needs fewer")
    key, at = _number(data, at, end)
    field, wire = key >> 3, key & 7
    inside = _LET_THROUGH[message].get(field)
    if inside is None:
        known = _REFUSED.get((message, field), f"field {field} of a {message}")
        raise FormatError(f"the file holds {known}, which are not read")
    start, at = _extent(data, at, end, wire)
    if inside in _LET_THROUGH:
        if wire != BYTES:
            raise FormatError(f"not an ONNX model: field {field} of a {message} is a number")
        return at, [(inside, start, at)]
    if inside == _TEXT and wire == BYTES:
        _check_text(data, start, at)
    elif wire == BYTES and (message, field) in _PACKED:
        seen.packed += at - start
        if seen.packed > MOST_PACKED:
            raise FormatError(f"the file has more than {MOST_PACKED:,} bytes of packed whole numbers")
    return at, []


def _check_text(data: bytes, start: int, end: int) -> None:
    try:
        data[start:end].decode()
    except UnicodeDecodeError:
        raise FormatError(f"not an ONNX model: the text at byte {start} is not UTF-8") from None


def _extent(data: bytes, at: int, end: int, wire: int) -> tuple[int, int]:
    """Return where the content of a field begins and ends."""
    if wire == WHOLE:
        return at, _number(data, at, end)[1]
    if wire == BYTES:
        length, at = _number(data, at, end)
    elif wire in (EIGHT, FOUR):
        length = 8 if wire == EIGHT else 4
    else:
        raise FormatError(f"not an ONNX model: a field of type {wire} at byte {at}")
    if length > end - at:
        raise FormatError(
            f"cut short, or not an ONNX model: a field of {length:,} bytes at {at}, {end - at:,} left"
        )
    return at, at + length


def _number(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, lowest first, and where it ends."""
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise FormatError(f"cut short, or not an ONNX model: no number ends at byte {at}")
