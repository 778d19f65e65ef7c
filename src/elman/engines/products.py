"""What the reference engine does beside the loop over time: outputs, sums by symbol, what surrounds a run."""

from __future__ import annotations

import numpy as np

from elman.heads import affine, softmax
from elman.numerics import Array

from . import gather
from .memory import Memory
from .threads import blas_threads

name = "reference"
running = blas_threads
outputs = affine.forward
cross_entropy = None  # in blocks of rows, as with any other head
update = None  # as the optimizer itself says
stream = None  # as elman.stepping does it
whole = None  # as elman.machine does it


def judge(rows: Array, V: Array, c: Array, targets: Array) -> tuple[Array, Array]:
    """Return −log softmax(rows Vᵀ + c)[target] in nats, and the most probable symbol: "N" each."""
    y = outputs(rows, V, c)
    return softmax.nats(y, targets), y.argmax(axis=-1)


def outputs_backward(dy: Array, rows: Array, V: Array, *, dV: Array, dc: Array, drows: Array) -> None:
    """Add to dV and dc; write drows. Shapes: dy: "T B O"; rows, drows: "T B R"."""
    partV, partc = np.empty_like(dV), np.empty_like(dc)
    affine.backward(flat(dy), flat(rows), V, partV, partc, flat(drows))
    dV += partV
    dc += partc


def sum_by_symbol(symbols: Array, rows: Array, count: int, memory: Memory) -> Array:
    """Return Σ rows of each symbol, "T B" and "T B F" → "count F"."""
    return gather.sum_by_symbol(symbols.reshape(-1), np.ascontiguousarray(flat(rows)), count, memory)


def square_sum(gradient: Array) -> float:
    """Return Σ g², in float64."""
    return float(np.square(gradient, dtype=np.float64).sum())


def flat(array: Array) -> Array:
    """Return "… F" as rows "N F"."""
    return array.reshape(-1, array.shape[-1])
