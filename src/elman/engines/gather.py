"""Symbols as input: looking up the columns of U, and adding up their gradients."""

from __future__ import annotations

import numpy as np

from elman.numerics import Array

from .memory import Memory


def is_symbols(x: Array) -> bool:
    """Tell symbols (integers) from dense input (floats)."""
    return x.dtype.kind in "iu"


def look_up(columns: Array, symbols: Array, out: Array | None = None) -> Array:
    """Return the row of `columns` for each symbol: "S F" and "…" → "… F"."""
    # The symbols were checked; "clip" skips a second check.
    return np.take(columns, symbols, axis=0, out=out, mode="clip")


def sum_by_symbol(symbols: Array, rows: Array, count: int, memory: Memory) -> Array:
    """Return Σ rows of each symbol, "N" and "N F" → "count F".

    Rows that lie together are added by a product with ones.
    """
    sums = np.zeros((count, rows.shape[1]), rows.dtype)
    order = np.argsort(symbols.astype(np.min_scalar_type(count)), kind="stable")  # by radix when it is small
    ordered = np.take(rows, order, axis=0, out=memory.take(rows.shape), mode="clip")
    counts, ones = np.bincount(symbols, minlength=count), np.ones(len(rows), rows.dtype)
    present = np.flatnonzero(counts)
    stops = np.cumsum(counts[present]).tolist()
    for symbol, start, stop in zip(present.tolist(), [0, *stops], stops, strict=False):
        np.dot(ones[start:stop], ordered[start:stop], out=sums[symbol])
    memory.give(ordered)
    return sums
