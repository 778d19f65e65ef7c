"""Independent sigmoids, one for each label.  Letters: y: N × O logits, o = σ(y), t: N × O, 0 to 1.

    ℓ = Σ −t log o − (1 − t) log(1 − o) = Σ max(y, 0) − t y + log(1 + e)   (nats)        e = exp(−|y|)
    ∂ℓ/∂y = o − t            o = exp(min(y, 0)) / (1 + e)            no exponent is positive
Source: Cox 1958, doi:10.1111/j.2517-6161.1958.tb00292.x.
"""

from __future__ import annotations

import numpy as np

from elman.numerics import Array


def rule(y: Array, targets: Array) -> Array:
    """Return ℓ, summed over the labels, and overwrite y with ∂ℓ/∂y.

    Shapes: y: "N O" logits; targets: "N O", 0 to 1 → "N".

    >>> y = np.array([[0.0, 1e4]])
    >>> rule(y, np.array([[1.0, 1.0]])).round(4), y
    (array([0.6931]), array([[-0.5,  0. ]]))
    """
    e = np.exp(-np.abs(y))
    each: Array = (np.maximum(y, 0) - targets * y + np.log1p(e)).sum(axis=-1, dtype=np.float64)
    np.divide(np.exp(np.minimum(y, 0)), 1 + e, out=y)
    y -= targets
    return each


def probabilities(y: Array) -> Array:
    """Return σ(y), the probability of each label.

    >>> probabilities(np.array([-1e4, 0.0, 1e4]))
    array([0. , 0.5, 1. ])
    """
    e = np.exp(-np.abs(y))
    o: Array = np.exp(np.minimum(y, 0)) / (1 + e)
    return o
