"""Numbers inside a page: quantized, deflated, in base64, and small enough to be carried along.

A value is one of `levels` steps between the ends of its unit's range, as one byte; unit after unit, so that
what hardly moves takes hardly any room. How many levels fit into the room is found by deflating some units.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from elman.numerics import Array

LEVELS = (
    255,
    127,
    63,
    31,
    23,
    15,
    13,
    11,
    9,
    7,
    5,
    3,
)  # odd, so that 0 is one of them where a range is symmetric
ROOM = 2_250_000  # bytes of quantized numbers in a page: 3 million as base64
SAMPLE = 32  # series that are deflated to find out the size of all
SAFETY = 1.02  # for those that are not


@dataclass(frozen=True, eq=False)
class Block:
    """Quantized series side by side: `codes` "C T" are steps 0 … levels−1 between low and high, "C" each."""

    name: str
    units: Array  # "C", the numbers of the series among those that there are
    codes: Array
    low: Array
    high: Array
    levels: int

    @property
    def size(self) -> float:
        """Bytes that it takes, deflated, as some of its series tell."""
        some = self.codes[:: max(1, len(self.codes) // SAMPLE)]
        return SAFETY * len(deflated(some.tobytes())) * len(self.codes) / len(some)

    def values(self) -> Array:
        """Return what the page shows, "C T" float64."""
        step = (self.high - self.low) / (self.levels - 1)
        return self.low[:, None] + self.codes * step[:, None]

    def facts(self, start: int) -> dict[str, Any]:
        """Return what the page must know to read it; its codes begin at this byte."""
        low, high = ([round(float(one), 6) for one in end] for end in (self.low, self.high))
        same = len(set(low)) == len(set(high)) == 1
        count, steps = self.codes.shape
        return {
            "name": self.name,
            "units": None if np.array_equal(self.units, np.arange(count)) else self.units.tolist(),
            "count": count,
            "steps": steps,
            "levels": self.levels,
            "low": low[0] if same else low,
            "high": high[0] if same else high,
            "start": start,
        }


def quantized(name: str, values: Array, ends: tuple[float, float], levels: int) -> Block:
    """Return series "T C" as a block; an end that is not finite is that of the numbers themselves.

    >>> quantized("h", np.array([[-1.0], [0.0], [0.4]]), (-1, 1), 5).codes
    array([[0, 2, 3]], dtype=uint8)
    """
    largest = np.abs(values).max(axis=0, initial=0).astype(np.float64)
    low = np.full(len(largest), ends[0]) if np.isfinite(ends[0]) else -largest  # so that 0 is a level
    high = np.full(len(largest), ends[1]) if np.isfinite(ends[1]) else largest
    width = np.where(high > low, high - low, 1.0)
    scale = ((levels - 1) / width).astype(np.float32)
    steps = (values - low.astype(np.float32)).astype(np.float32, copy=False)
    steps *= scale
    np.rint(steps, out=steps)
    codes = np.ascontiguousarray(steps.clip(0, levels - 1, out=steps).astype(np.uint8).T)
    return Block(name, np.arange(len(codes)), codes, low, low + width, levels)


def fitted(series: Mapping[str, tuple[Array, tuple[float, float]]], room: float) -> list[Block]:
    """Return blocks of all series, with as many levels as fit into so many bytes.

    series: name -> ("T C", ends of the range). Where even the fewest levels do not fit, those series are
    kept that move most.
    """
    for levels in LEVELS:
        least = sum(values.size for values, _ in series.values()) / 8  # a bit each: it is never less
        if levels > LEVELS[-1] and least * min(2.0, np.log2(levels) / 3) > room:
            continue
        blocks = [quantized(name, values, ends, levels) for name, (values, ends) in series.items()]
        if sum(block.size for block in blocks) <= room:
            return blocks
    return _fewer(blocks, room)


def _fewer(blocks: list[Block], room: float) -> list[Block]:
    spread = np.concatenate([block.codes.std(axis=1) for block in blocks])
    order = np.argsort(-spread, kind="stable")
    sizes = [SAFETY * len(deflated(row.tobytes())) for block in blocks for row in block.codes]
    kept = np.zeros(len(order), bool)
    kept[order[: int((np.cumsum(np.array(sizes)[order]) <= room).sum())]] = True
    parts, start = [], 0
    for block in blocks:
        which = np.flatnonzero(kept[start : start + len(block.codes)])
        start += len(block.codes)
        if len(which):
            rows = block.codes[which], block.low[which], block.high[which]
            parts.append(Block(block.name, block.units[which], *rows, block.levels))
    return parts


@dataclass
class Buffer:
    """Bytes that a page reads back as typed arrays, and what it must know to do so."""

    parts: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, array: Array) -> dict[str, Any]:
        """Append an array, in little-endian order; return where it lies and what it is."""
        data = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        facts = {"start": self.size, "kind": f"Uint{8 * data.itemsize}", "length": data.size}
        self.parts.append(data.tobytes())
        self.size += data.nbytes
        return facts

    def packed(self) -> str:
        """Return all of it deflated, in base64."""
        return b64encode(deflated(b"".join(self.parts))).decode()


def deflated(data: bytes) -> bytes:
    """Return bytes as RFC 1950 packs them, which a browser inflates."""
    return zlib.compress(data, 6)


def smallest(array: Array) -> Array:
    """Return whole numbers, 0 or more, in the smallest unsigned type that holds them."""
    return array.astype(np.min_scalar_type(int(array.max(initial=0))))


def as_script(data: Any) -> str:
    """Return data as JSON that can stand in a page: ASCII, and no < that could end its element.

    >>> as_script("</script>")
    '"\\\\u003c/script>"'
    """
    return json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
