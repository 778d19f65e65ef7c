"""Values, each with one number as its forecast.  Letters: y, t: N × O, e = y − t.

    squared     ℓ = mean e²                    ∂ℓ/∂y = 2 e / O
    absolute    ℓ = mean |e|                   ∂ℓ/∂y = sign(e) / O
    huber       ℓ = mean c (e − c / 2)         ∂ℓ/∂y = c / O            c = min(max(e, −1), 1)
                  = mean of e² / 2 within 1 of the target, |e| − 1/2 beyond
Means over the O values of a row. Source: Huber 1964, doi:10.1214/aoms/1177703732.
"""

from __future__ import annotations

import numpy as np

from elman.numerics import Array


def squared(y: Array, targets: Array) -> Array:
    """Return the mean squared error of each row and overwrite y with its gradient.

    Shapes: y, targets: "N O" → "N".

    >>> squared(np.array([[1.0, 2.0]]), np.array([[0.0, 5.0]]))
    array([5.])
    """
    y -= targets
    each: Array = np.square(y, dtype=np.float64).mean(axis=-1)
    y *= 2 / y.shape[-1]
    return each


def absolute(y: Array, targets: Array) -> Array:
    """Return the mean absolute error of each row and overwrite y with its gradient, 0 at the target itself.

    Shapes: y, targets: "N O" → "N".

    >>> absolute(np.array([[1.0, 2.0]]), np.array([[0.0, 5.0]]))
    array([2.])
    """
    y -= targets
    each: Array = np.abs(y).mean(axis=-1, dtype=np.float64)
    np.sign(y, out=y)
    y /= y.shape[-1]
    return each


def huber(y: Array, targets: Array) -> Array:
    """Return Huber's loss of each row, with δ = 1, and overwrite y with its gradient.

    Shapes: y, targets: "N O" → "N".

    >>> huber(np.array([[1.0], [2.0]]), np.array([[0.5], [5.0]]))
    array([0.125, 2.5  ])
    """
    y -= targets
    c = np.clip(y, -1, 1)
    each: Array = (c * (y - c / 2)).mean(axis=-1, dtype=np.float64)
    np.divide(c, y.shape[-1], out=y)
    return each


def values(y: Array) -> Array:
    """Return y: a forecast is what it says.

    >>> values(np.array([0.5]))
    array([0.5])
    """
    return y
