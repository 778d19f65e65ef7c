"""What a value of an ONNX graph is: numbers that are known, a shape, or something that flows with known axes.

A graph is read without running it. What flows is named by where it came from, and each of its axes by the
factors it is made of: after Reshape the last axis of a bidirectional layer is (directions, hidden size). So a
transposition, a squeezed axis and two joined ones are followed exactly, and anything else is refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from elman.errors import FormatError
from elman.numerics import Array

MOST_AXES, MOST_ITEMS, MOST_SIZES = 8, 1024, 64
LARGEST = 1 << 31  # numbers of a constant, counted as if no axis were empty


_STORED = {  # what numbers are where a tensor does not keep them as bytes, by ONNX's number of their type
    1: ("<f4", "float_data"),
    11: ("<f8", "double_data"),
    6: ("<i4", "int32_data"),
    7: ("<i8", "int64_data"),
    9: ("?", "int32_data"),
}


@dataclass(frozen=True)
class Factor:
    """A part of an axis: what it counts, and how many if the graph says so."""

    role: str
    size: int | None = None


Axis = tuple[Factor, ...]  # factors of size 1 are left out


@dataclass(frozen=True)
class Size:
    """The size of an axis: a number, times sizes that are free.

    >>> Size(2) * Size(3, ("x.0",))
    Size(number=6, free=('x.0',))
    """

    number: int
    free: tuple[str, ...] = ()

    def __mul__(self, other: Size) -> Size:
        return Size(self.number * other.number, tuple(sorted(self.free + other.free)))


@dataclass(frozen=True)
class Shape:
    """Whole numbers that a graph computes from shapes: a row of them, or one."""

    sizes: tuple[Size, ...]
    row: bool = True

    def __post_init__(self) -> None:
        """Refuse what would grow from node to node."""
        if len(self.sizes) > MOST_SIZES:
            raise FormatError(f"more than {MOST_SIZES} sizes in a row")


@dataclass(frozen=True)
class Flow:
    """What flows through a graph.

    what     input, embedded, one_hot, hidden, state (after a layer), zeros, y
    origin   the input's name (input, embedded, one_hot), the letter of a state, "" otherwise
    items    the rows of axis "P": of an input, 0, 1, …; of states, (layer, direction); of hidden, (layer,)
    last     of hidden: its last step was taken
    """

    what: str
    axes: tuple[Axis, ...]
    origin: str = ""
    items: tuple[Any, ...] = ()
    last: bool = False
    whole: bool = False  # an input of whole numbers
    said: str = ""  # of y: softmax, log_softmax, sigmoid
    biased: bool = False  # of y: with c

    def __post_init__(self) -> None:
        """Refuse what would grow from node to node."""
        if len(self.axes) > MOST_AXES or len(self.items) > MOST_ITEMS:
            raise FormatError(f"more than {MOST_AXES} axes, or {MOST_ITEMS:,} layers joined")

    def shape(self) -> Shape:
        """Return the sizes of the axes."""
        return Shape(tuple(size_of(axis) for axis in self.axes))


@dataclass(frozen=True)
class Known:
    """Numbers of the file, or rearranged from them."""

    numbers: Array


Value = Known | Shape | Flow


def axis(role: str, size: int | None) -> Axis:
    """Return an axis of one factor."""
    return () if size == 1 else (Factor(role, size),)


def size_of(one: Iterable[Factor]) -> Size:
    """Return the size of an axis."""
    size = Size(1)
    for factor in one:
        size *= Size(1, (factor.role,)) if factor.size is None else Size(factor.size)
    return size


def reshaped(flow: Flow, target: Sequence[Size], where: str) -> Flow:
    """Return what flows with its factors, in their order, grouped anew; −1 takes what the others leave."""
    wanted = [
        size_of(flow.axes[k]) if one == Size(0) and k < len(flow.axes) else one
        for k, one in enumerate(target)
    ]
    factors = [factor for one in flow.axes for factor in one]
    rest = wanted.index(Size(-1)) if Size(-1) in wanted else len(wanted)
    front = [_taken(factors, one, 0) for one in wanted[:rest]]
    back = [_taken(factors, one, -1) for one in reversed(wanted[rest + 1 :])]
    axes = [*front, *[tuple(factors)][: len(wanted) - rest], *reversed(back)]
    whole = tuple(one for one in axes if one is not None)
    if len(whole) < len(axes) or (rest == len(wanted) and factors):
        raise FormatError(f"{where}: a Reshape that does not join whole axes is not read")
    return replace(flow, axes=whole)


def _taken(factors: list[Factor], wanted: Size, end: int) -> Axis | None:
    """Take factors off one end until their product is what is wanted."""
    taken: list[Factor] = []
    while size_of(taken) != wanted:
        if not factors:
            return None
        taken.insert(0 if end else len(taken), factors.pop(end))
    return tuple(taken)


def whole_numbers(value: Value | None, where: str) -> list[Size]:
    """Return the numbers of a constant or computed shape."""
    if isinstance(value, Shape):
        return list(value.sizes)
    if (
        not isinstance(value, Known)
        or value.numbers.dtype.kind not in "iu"
        or value.numbers.size > MOST_SIZES
    ):
        raise FormatError(f"{where}: expected a few whole numbers that the graph knows")
    return [Size(int(one)) for one in value.numbers.reshape(-1)]


def plain_numbers(value: Value | None, where: str) -> list[int]:
    """Return whole numbers that are all known."""
    sizes = whole_numbers(value, where)
    if any(size.free for size in sizes):
        raise FormatError(f"{where}: depends on the size of the input; expected a number")
    return [size.number for size in sizes]


def tensor_array(tensor: Any) -> Array:
    """Return the numbers of a TensorProto, once their count is known to fit.

    The numbers are read where they lie: nothing is allocated by what the shape says.
    """
    name = tensor.name or "a constant"
    if tensor.data_type not in _STORED:
        raise FormatError(
            f"{name} is of ONNX's type {tensor.data_type}; expected float32, float64 or whole numbers"
        )
    if tensor.data_location or len(tensor.external_data):
        raise FormatError(f"{name} lies outside the file; save it as one file, without external data")
    dtype, field = _STORED[tensor.data_type]
    shape = tuple(tensor.dims)
    stored = getattr(tensor, field)
    data = np.frombuffer(tensor.raw_data, dtype) if _raw(tensor, np.dtype(dtype)) else np.array(stored, dtype)
    large = math.prod(max(size, 1) for size in shape[:MOST_AXES]) > LARGEST
    if large or len(shape) > MOST_AXES or min(shape, default=1) < 0 or math.prod(shape) != data.size:
        raise FormatError(
            f"{name} claims the shape {list(shape)[:MOST_AXES]}; the file has {data.size:,} numbers for it"
        )
    return data.reshape(shape).astype(np.dtype(dtype).newbyteorder("="), copy=False)


def _raw(tensor: Any, dtype: np.dtype[Any]) -> bool:
    if len(tensor.raw_data) % dtype.itemsize:
        raise FormatError(f"{tensor.name or 'a constant'} has {len(tensor.raw_data):,} bytes of {dtype}")
    return bool(tensor.raw_data)
