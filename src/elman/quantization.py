"""Narrow weights: what a float32 matrix becomes as bfloat16 or int8, rounded to nearest, ties to even.

bfloat16 keeps the upper half of a float: its range, and 8 bits of precision. int8 keeps whole numbers from
-127 to 127 and a scale for each row, w ≈ scale q: no entry is farther from its weight than scale / 2. Fitted
to inputs, entries make up for the rounding of others and may be farther away; the products are nearer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import NumericError, OptionError
from .numerics import Array

STORAGES = ("bfloat16", "int8")
MOST = 127  # of int8: -128 would have no opposite
DAMPING = 0.01  # of the mean square of an input: what is added to each
BLOCK = 64  # columns that make up for each other one by one; the rest of them, block by block


@dataclass(frozen=True)
class Narrow:
    """A matrix in narrow numbers. Shapes: values: "R K" int8, or uint16: bfloat16; scales: "R", of int8."""

    values: Array
    scales: Array | None = None

    def wide(self) -> Array:
        """Return what the numbers stand for, float32.

        >>> narrow(np.float32([[0.25, -1.27, 0.004]]), "int8").wide()
        array([[ 0.25, -1.27,  0.  ]], dtype=float32)
        """
        if self.scales is None:
            return (self.values.astype(np.uint32) << np.uint32(16)).view(np.float32)
        widened: Array = self.scales[:, None] * self.values.astype(np.float32)
        return widened


def narrow(matrix: Array, storage: str, inputs: Array | None = None) -> Narrow:
    """Return a float32 matrix "R K" as bfloat16 or int8.

    inputs: Σ x xᵀ of the inputs x that its products meet, "K K": int8 is then fitted to them. Column by
    column, what rounding adds to w x is taken away again by the columns to come, as far as these inputs go
    together.
    Source: Frantar, Ashkboos, Hoefler & Alistarh 2022, arXiv:2210.17323; the same order for all rows.
    Raises: OptionError for another storage; NumericError when an entry is not finite, or would not be.

    >>> narrow(np.float32([[1, 1 + 2**-8]]), "bfloat16").values
    array([[16256, 16256]], dtype=uint16)
    >>> narrow(np.float32([[0.5, -1], [0, 0]]), "int8").values
    array([[  64, -127],
           [   0,    0]], dtype=int8)
    """
    if storage not in STORAGES:
        raise OptionError(f"no storage {storage!r} of weights; there are {', '.join(STORAGES)}")
    if not np.isfinite(matrix).all():
        raise NumericError(f"the weights are not all finite; {storage} holds numbers")
    if storage == "bfloat16":
        return Narrow(_bfloat16(matrix))
    scales = _scales(matrix)
    wide = matrix.astype(np.float64)
    return Narrow(_int8(wide, scales) if inputs is None else _fitted(wide, scales, inputs), scales)


def _bfloat16(matrix: Array) -> Array:
    bits = np.ascontiguousarray(matrix, np.float32).view(np.uint32)
    upper = (bits + np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1))) >> np.uint32(16)
    if (upper & np.uint32(0x7FFF) >= 0x7F80).any():
        raise NumericError("a weight is too large for bfloat16, which ends at 3.39e38")
    return upper.astype(np.uint16)


def _scales(matrix: Array) -> Array:
    """Return the scale of each row, "R": its largest entry is 127 of them; never zero, never subnormal."""
    largest = np.abs(matrix).max(axis=1, initial=0).astype(np.float64)
    scales: Array = np.maximum(largest / MOST, np.finfo(np.float32).tiny).astype(np.float32)
    return scales


def _int8(matrix: Array, scales: Array) -> Array:
    values: Array = np.clip(np.rint(matrix / scales[:, None]), -MOST, MOST).astype(np.int8)
    return values


def _fitted(matrix: Array, scales: Array, inputs: Array) -> Array:
    """Return int8 "R K" whose products with such inputs are near those of the matrix, which is used up."""
    damping = DAMPING * np.trace(inputs) / max(len(inputs), 1) or 1.0  # no input yet: no two go together
    inverse = np.linalg.inv(inputs + damping * np.eye(len(inputs)))
    shares = np.linalg.cholesky(inverse).T  # row k: how much of what column k misses goes to those after it
    values = np.empty(matrix.shape, np.int8)
    for first in range(0, len(shares), BLOCK):
        end = min(first + BLOCK, len(shares))
        missed = np.empty((len(matrix), end - first))
        for k in range(first, end):
            values[:, k : k + 1] = _int8(matrix[:, k : k + 1], scales)
            missed[:, k - first] = (matrix[:, k] - scales * values[:, k].astype(np.float64)) / shares[k, k]
            matrix[:, k + 1 : end] -= np.outer(missed[:, k - first], shares[k, k + 1 : end])
        matrix[:, end:] -= missed @ shares[first:end, end:]
    return values
