"""The door of a network: what users hand in becomes arrays that inner code can trust."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .errors import ShapeError
from .numerics import Array
from .shapes import check


@dataclass(frozen=True)
class Reads:
    """What a network reads at each step."""

    input_size: int
    feature_size: int
    symbols_only: bool
    dtype: str


def read_input(x: ArrayLike, axes: str, input_size: int, dtype: str, lengths: Array | None = None) -> Array:
    """Return x as symbols (intp) of `axes`, or as features (dtype) of `axes` and I; padding becomes zero.

    Raises: ShapeError for other kinds, other axes, another width, or a symbol that is none.
    """
    x = np.asarray(x)
    if x.dtype.kind in "iu":
        return read_symbols("x", x, axes, input_size, lengths)
    if x.dtype.kind != "f":
        raise ShapeError(f"x is an array of {x.dtype}; expected integers (symbols) or floats (features)")
    hint = f"The first layer reads {input_size} features. Is the batch axis first?"
    check("x", x, f"{axes} I".strip(), hint, I=input_size)
    x = x.astype(dtype, copy=False)
    return x if lengths is None else np.where(_ended(x.shape[:-1], lengths)[..., None], x.dtype.type(0), x)


Parts = tuple[Array | None, Array | None]  # what a network reads: symbols, features


def read_parts(x: Any, axes: str, reads: Reads, lengths: Array | None = None) -> Parts:
    """Return (symbols, features) of `axes`, checked against what the network reads.

    Raises: ShapeError as `read_input`; for a pair where one array is read, or the other way round; for
            features where symbols go through an embedding.
    """
    if not reads.feature_size:
        if isinstance(x, tuple):
            raise ShapeError("x is a pair; this network reads one array (feature_size is 0)")
        read = read_input(x, axes, reads.input_size, reads.dtype, lengths)
        if read.dtype.kind in "iu":
            return read, None
        if reads.symbols_only:
            raise ShapeError("x holds floats; this network reads symbols (integers) through its embedding")
        return None, read
    if not isinstance(x, tuple) or len(x) != 2:
        raise ShapeError(f"x must be a pair (symbols, features): feature_size is {reads.feature_size}")
    symbols = read_symbols("the symbols of x", x[0], axes, reads.input_size, lengths)
    features = np.asarray(x[1])
    if features.dtype.kind == "f":
        features = read_input(features, axes, reads.feature_size, reads.dtype, lengths)
    if features.dtype.kind != "f" or features.shape[:-1] != symbols.shape:
        shapes = f"symbols {symbols.shape}, features {features.dtype} {features.shape}"
        raise ShapeError(f"x is a pair of {shapes}; expected floats, {reads.feature_size} for each symbol")
    return symbols, features


def read_symbols(name: str, x: ArrayLike, axes: str, size: int, lengths: Array | None = None) -> Array:
    """Return symbols 0 .. size-1 as intp; those past a row's end become zero.

    Raises: ShapeError for another kind, other axes, or a number that is no symbol.
    """
    x = np.asarray(x)
    if x.dtype.kind not in "iu":
        raise ShapeError(f"{name} is an array of {x.dtype}; expected integers (symbols)")
    check(name, x, axes, f"Integers are symbols, one a step; {size} features a step would be floats.")
    x = x.astype(np.intp, copy=False)
    if lengths is not None:
        x = np.where(_ended(x.shape, lengths), 0, x)
    if x.size and x.view(np.uintp).max() >= size:  # a negative one is huge without its sign
        wrong = int(x.min()) if x.min() < 0 else int(x.max())
        raise ShapeError(f"{name} holds the symbol {wrong}; symbols run from 0 to {size - 1}")
    return x


def _ended(shape: tuple[int, ...], lengths: Array) -> Array:
    """Return where rows have ended: "T B", or "T" of a sequence without a batch axis."""
    return (np.arange(shape[0])[:, None] >= lengths).reshape(shape)


def is_batched(x: Any, axes: int) -> bool:
    """Tell x with its batch axis from x without; axes counts those of a batch of symbols."""
    first = _first(x)
    return first.ndim == axes + (first.dtype.kind not in "iu")


def _first(x: Any) -> Array:
    """Return the array, or the first of a pair."""
    try:
        return np.asarray(x[0] if isinstance(x, tuple) and x else x)
    except ValueError:  # NumPy's word for lists of unequal length
        raise ShapeError("x holds lists of unequal length; give sequences as a list of arrays") from None


def is_sequences(x: Any, lengths: object, reset: object) -> bool:
    """Tell a list of unequal sequences (arrays, or pairs of them) from one array.

    Raises: ShapeError when lengths or reset come with it.
    """
    several = isinstance(x, list) and bool(x) and all(isinstance(row, np.ndarray | tuple) for row in x)
    if several and not (lengths is None and reset is None):
        raise ShapeError("x is a list of sequences, each with its own length: leave out lengths and reset")
    return several


def read_lengths(lengths: ArrayLike, steps: int, batch: int) -> Array:
    """Return lengths as integers 0 .. T, one for each sequence."""
    read = np.asarray(lengths)
    if read.dtype.kind not in "iu":
        raise ShapeError(f"lengths is an array of {read.dtype}; expected whole numbers")
    check("lengths", read, "B", f"x is T={steps} B={batch}.", B=batch)
    if read.size and not (read.min() >= 0 and read.max() <= steps):
        raise ShapeError(f"lengths run from {read.min()} to {read.max()}; x has T={steps} steps")
    return read.astype(np.int64)  # signed: they will be subtracted from


def longest_first(lengths: Array, steps: int) -> tuple[Array | None, Array]:
    """Return (the order of rows that puts the longest first, None if they lie so; live: "T")."""
    live = (lengths > np.arange(steps)[:, None]).sum(axis=1)
    if (lengths[:-1] >= lengths[1:]).all():
        return None, live
    return np.argsort(-lengths, kind="stable"), live


def read_rows(rows: ArrayLike, batch: int) -> Array:
    """Return which rows are meant by their numbers, or by a boolean each: "B".

    Raises: ShapeError for anything else.
    """
    read, chosen = np.asarray(rows), np.zeros(batch, bool)
    if read.dtype.kind == "b" and read.shape == (batch,):
        return read
    numbers = read.ndim == 1 and (read.dtype.kind in "iu" or not read.size)
    if not numbers or (read.size and not 0 <= read.min() <= read.max() < batch):
        raise ShapeError(f"rows are {rows!r}; expected numbers from 0 to {batch - 1}, or {batch} booleans")
    chosen[read.astype(np.intp)] = True
    return chosen


def read_reset(reset: ArrayLike | None, steps: int, batch: int) -> Array | None:
    """Return where rows begin again, "T B" bool; None where none does."""
    if reset is None:
        return None
    read = np.asarray(reset)
    if read.dtype.kind != "b":
        raise ShapeError(f"reset is an array of {read.dtype}; expected booleans")
    check("reset", read, "T B", f"x is T={steps} B={batch}.", T=steps, B=batch)
    return read if read.any() else None


@dataclass(frozen=True)
class Given:
    """What a run was given, checked; rows lie longest first."""

    parts: Parts
    rows: int
    batched: bool
    lengths: Array | None
    live: Array | None  # "T": how many rows run at each step
    reset: Array | None
    order: Array | None  # the caller's number of each row; None: as they came


def read_run(x: Any, lengths: ArrayLike | None, reset: ArrayLike | None, reads: Reads) -> Given:
    """Read what a run over whole sequences is given, with a batch axis or without.

    Raises: ShapeError for what does not fit the network or itself.
    """
    batched = is_batched(x, axes=2)
    steps, rows = (*_first(x).shape, 1, 1)[:2]
    if not batched:
        rows = 1
        lengths = None if lengths is None else np.atleast_1d(lengths)
        reset = None if reset is None else np.asarray(reset)[..., None]
    ends = None if lengths is None else read_lengths(lengths, steps, rows)
    parts, restarts = read_parts(x, "T B" if batched else "T", reads, ends), read_reset(reset, steps, rows)
    if not batched:
        symbols, features = (part if part is None else part[:, None] for part in parts)
        parts = (symbols, features)
    if ends is None:
        return Given(parts, rows, batched, None, None, restarts, None)
    order, live = longest_first(ends, steps)
    if order is not None:
        symbols, features = (part if part is None else part[:, order] for part in parts)
        parts, ends = (symbols, features), ends[order]
        restarts = None if restarts is None else restarts[:, order]
    return Given(parts, rows, batched, ends, live, restarts, order)


def size(parts: Parts, axis: int) -> int:
    """Return how long parts are along an axis."""
    return next(int(part.shape[axis]) for part in parts if part is not None)
