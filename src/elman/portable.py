"""One sequence's state as bytes that another process, machine or engine reads. All numbers are little-endian.

8   magic, b"ELMSTATE"              2   version, 1          2   bytes of a number, 4 or 8
16  cell and activation, such as b"gru-tanh", filled with zeros
4   number of layers L              4 L the units of each layer
…   the numbers: layer by layer, h and then, of an LSTM, s
4   CRC-32 of all the bytes before
"""

from __future__ import annotations

import struct
import zlib
from itertools import pairwise

import numpy as np

from .errors import FormatError
from .numerics import Array
from .states import Places, State

MAGIC, VERSION = b"ELMSTATE", 1
_HEAD, _CHECKSUM = struct.Struct("<8sHH16sI"), struct.Struct("<I")


def encode(places: Places, cell: str, numbers: Array) -> bytes:
    """Return the bytes of a state, given all its numbers side by side.

    >>> encode(Places((2,), ("h",), 1, "float32"), "gru-tanh", np.zeros(2, np.float32))[:12].hex(" ", 4)
    '454c4d53 54415445 01000400'
    """
    body = _header(places, cell) + numbers.astype(_dtype(places)).tobytes()
    return body + _CHECKSUM.pack(zlib.crc32(body))


def decode(places: Places, cell: str, data: bytes) -> Array:
    """Return the numbers of a state, checked byte by byte before anything is made of it.

    Raises: FormatError when the bytes are no state, are damaged, or are the state of another network.
    """
    if len(data) < _HEAD.size + _CHECKSUM.size or data[:8] != MAGIC:
        raise FormatError(
            f"these {len(data)} bytes are no state of a stream; take those that stream.state gave"
        )
    _, version, size, named, layers = _HEAD.unpack_from(data)
    if version != VERSION:
        raise FormatError(f"the state has version {version}; this elman reads version {VERSION}")
    (checksum,) = _CHECKSUM.unpack_from(data, len(data) - _CHECKSUM.size)
    if zlib.crc32(data[: -_CHECKSUM.size]) != checksum:
        raise FormatError(f"the state is damaged: the checksum of its {len(data)} bytes is another")
    header, count = _header(places, cell), count_of(places)
    length = len(header) + count * _dtype(places).itemsize + _CHECKSUM.size
    if data[: len(header)] != header or len(data) != length:
        came = (
            f"{named.rstrip(bytes(1)).decode('ascii', 'replace')}, layers: {layers}, bytes a number: {size}"
        )
        units = ", ".join(map(str, places.widths))
        raise FormatError(
            f"the state is of another network: {came}; this one is {cell}, layers: {len(places.widths)} "
            f"({units} units), bytes a number: {_dtype(places).itemsize}"
        )
    return np.frombuffer(data, _dtype(places), count, len(header)).astype(places.dtype)


def count_of(places: Places) -> int:
    """Return how many numbers the state of one sequence has."""
    return len(places.names) * sum(places.widths)


def joined(state: State) -> Array:
    """Return all numbers of a state side by side: "… H" each → "… N"."""
    return np.concatenate([s for place in state for s in place], axis=-1)


def parted(places: Places, numbers: Array) -> State:
    """Return the state that `joined` has put together, as views.

    >>> places = Places((2, 1), ("h",), 1, "float64")
    >>> parted(places, np.arange(3.0))
    ((array([0., 1.]),), (array([2.]),))
    """
    names = len(places.names)
    ends = np.cumsum([0, *(width for width in places.widths for _ in range(names))]).tolist()
    arrays = [numbers[..., start:stop] for start, stop in pairwise(ends)]
    return tuple(tuple(arrays[k : k + names]) for k in range(0, len(arrays), names))


def _header(places: Places, cell: str) -> bytes:
    head = _HEAD.pack(MAGIC, VERSION, _dtype(places).itemsize, cell.encode(), len(places.widths))
    return head + struct.pack(f"<{len(places.widths)}I", *places.widths)


def _dtype(places: Places) -> np.dtype[np.floating]:
    return np.dtype(places.dtype).newbyteorder("<")
