"""A normal distribution for each value.  Letters: t: N × D, y: N × 2D: means m, then s, which sets v.

    v = 8 asinh(s / 8)   the log-variance        z = (m − t)² exp(−v)
    ℓ = mean ½ (log 2π + v + z)   (nats)         ∂ℓ/∂m = (m − t) exp(−v) / D
                                                 ∂ℓ/∂s = ½ (1 − z) / (D √(1 + (s / 8)²))
v is s near 0 and grows like a logarithm far out: with v = s, exp(−v) would leave float32 at s = −88, and a
series that can be forecast exactly leads there. All is finite for |m|, |t|, |s| up to 1e4 in float32.
Source: Nix & Weigend 1994, doi:10.1109/ICNN.1994.374138.
"""

from __future__ import annotations

import numpy as np

from elman.numerics import Array

REACH = 8  # s learns as fast as a log-variance within it: variances from 1/1150 to 1150


def rule(y: Array, targets: Array) -> Array:
    """Return ℓ, the mean over the values of a row, and overwrite y with its gradient.

    Shapes: y: "N 2D"; targets: "N D" → "N".

    >>> y = np.array([[1.0, 0.0]])
    >>> rule(y, np.array([[3.0]])).round(4), y
    (array([2.9189]), array([[-2. , -1.5]]))
    """
    m, s = np.split(y, 2, axis=-1)  # views: what is written to them is written to y
    m -= targets
    v = _log_variance(s)
    precision = np.exp(-v)
    z = m * m * precision
    each: Array = (0.5 * (np.log(2 * np.pi) + v + z)).mean(axis=-1, dtype=np.float64)
    m *= precision / m.shape[-1]
    np.divide(1 - z, 2 * m.shape[-1] * np.sqrt(1 + (s / REACH) ** 2), out=s)
    return each


def moments(y: Array) -> Array:
    """Return means and standard deviations, side by side.

    Shapes: y: "… 2D" → "… 2D".

    >>> moments(np.array([3.0, 0.0]))
    array([3., 1.])
    """
    m, s = np.split(y, 2, axis=-1)
    return np.concatenate([m, np.exp(_log_variance(s) / 2)], axis=-1)


def _log_variance(s: Array) -> Array:
    v: Array = REACH * np.arcsinh(s / REACH)
    return v
