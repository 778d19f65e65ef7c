"""The door of the heads: what a user hands in as values becomes an array that losses can trust."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from elman.errors import DataError, ShapeError
from elman.numerics import Array
from elman.shapes import check

from .head import Head

AXES = {"T": "step", "B": "row", "O": "column"}


def read_targets(
    head: Head, targets: ArrayLike, sizes: dict[str, int], *, dtype: str, weights: Array | None = None
) -> Array:
    """Return the targets of a head that reads values, in dtype.

    Shapes: targets: the axes and sizes of `sizes`, O last: {"T": 5, "B": 3, "O": 2}, or without T, B or both;
            weights: the same without O. Where a weight is 0 the target may be anything: it is not looked at.
    Raises: ShapeError for another shape, or for an array that does not hold numbers; DataError for a number
            that is not finite in dtype, and for a label of the sigmoids outside of 0 to 1.

    >>> from elman.heads import HEADS
    >>> read_targets(HEADS["squared"], [[1, 2], [3, np.nan]], {"B": 2, "O": 2}, dtype="float32")
    Traceback (most recent call last):
    elman.errors.DataError: targets hold nan at [1, 1] (row, column); expected finite numbers (float32).
    Leave the row out or give it the weight 0
    """
    given = np.asarray(targets)
    if given.dtype.kind not in "biuf":
        raise ShapeError(f"targets are an array of {given.dtype}; the head {head.name!r} reads numbers")
    hint = f"The head {head.name!r} reads {sizes['O']} values at a time, in an axis of their own."
    check("targets", given, " ".join(sizes), hint, **sizes)
    with np.errstate(over="ignore"):  # what is too large is named below
        read = given.astype(dtype, copy=False)
    wrong, expected = ~np.isfinite(read), f"finite numbers ({dtype})"
    if head.name == "sigmoid":
        wrong, expected = ~((read >= 0) & (read <= 1)), "labels, 0 or 1 or between"
    if weights is not None:
        wrong &= (np.asarray(weights) != 0)[..., None]
    if wrong.any():
        at = np.argwhere(wrong)[0]
        axes = ", ".join(AXES[letter] for letter in sizes)
        raise DataError(
            f"targets hold {given[tuple(at)]} at {at.tolist()} ({axes}); expected {expected}. "
            "Leave the row out or give it the weight 0"
        )
    return read
