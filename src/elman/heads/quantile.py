"""Quantiles of each value.  Letters: t: N × D, y: N × Q·D, for each quantile q a block of D; e = t − y.

    ℓ = mean over Q·D of max(q e, (q − 1) e)        ∂ℓ/∂y = −q below the target, 1 − q above it, / (Q·D)
Source: Koenker & Bassett 1978, doi:10.2307/1913643.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elman.errors import OptionError
from elman.numerics import Array


def rule(y: Array, targets: Array, quantiles: tuple[float, ...]) -> Array:
    """Return ℓ, known as the pinball loss, and overwrite y with its gradient, 0 at the target itself.

    Shapes: y: "N Q·D"; targets: "N D" → "N".

    >>> y = np.array([[1.0, 4.0]])
    >>> rule(y, np.array([[2.0]]), (0.25, 0.75)), y
    (array([0.375]), array([[-0.125,  0.125]]))
    """
    blocks = y.reshape(*y.shape[:-1], len(quantiles), targets.shape[-1])  # a view: one axis is split
    q = np.array(quantiles, y.dtype)[:, None]
    e = targets[..., None, :] - blocks
    above = e < 0
    each: Array = (e * (q - above)).mean(axis=(-2, -1), dtype=np.float64)
    np.subtract(above, q * (e != 0), out=blocks)
    y /= y.shape[-1]
    return each


def read_quantiles(quantiles: Sequence[float]) -> tuple[float, ...]:
    """Return quantiles as a tuple.

    Raises: OptionError unless they are one number or more between 0 and 1, each larger than the one before.

    >>> read_quantiles([0.5, 0.1])
    Traceback (most recent call last):
    elman.errors.OptionError: quantiles are [0.5, 0.1]; expected numbers between 0 and 1 that rise,
    such as (0.1, 0.5, 0.9)
    """
    read = np.asarray(quantiles)
    if read.ndim != 1 or read.size == 0 or read.dtype.kind != "f" or not _rise(read):
        expected = "numbers between 0 and 1 that rise, such as (0.1, 0.5, 0.9)"
        raise OptionError(f"quantiles are {quantiles!r}; expected {expected}")
    return tuple(read.tolist())


def _rise(read: Array) -> bool:
    return bool((np.diff(read, prepend=0, append=1) > 0).all())
