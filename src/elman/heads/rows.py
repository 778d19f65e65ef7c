"""From the loss of one row to that of many.  Letters: y: N × Y, ℓ: the loss of each row, w: its weight.

    loss = Σ w ℓ / total        dy = w ∂ℓ/∂y / total
A rule(y, targets) returns ℓ "N" in float64 and overwrites y with ∂ℓ/∂y; every head but softmax is one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from elman.numerics import Array

Rule = Callable[[Array, Array], Array]


def loss(rule: Rule, y: Array, targets: Array, weights: Array | None, total: float) -> float:
    """Return Σ w ℓ / total by this rule; y is overwritten with dy.

    Shapes: y: "N Y"; targets: as the rule reads them; weights: "N", none means 1.

    >>> from elman.heads import regression
    >>> y = np.array([[3.0], [5.0]])
    >>> loss(regression.absolute, y, np.array([[1.0], [np.nan]]), np.array([0.5, 0]), 0.5), y
    (2.0, array([[1.], [0.]]))
    """
    each = rule(y, cleared(y, targets, weights))
    total = float(total) or 1.0
    weights = np.ones(len(y)) if weights is None else weights
    y *= shares(y, weights, total)[:, None]
    each *= weights
    return float(each.sum()) / total


def each(rule: Rule, y: Array, targets: Array) -> Array:
    """Return ℓ of each row by this rule, float64; y is left as it was."""
    return rule(y.copy(), targets)


def cleared(y: Array, targets: Array, weights: Array | None) -> Array:
    """Zero the rows of y that count for nothing, and return the targets with theirs zero."""
    if weights is None or weights.all():
        return targets
    idle = weights == 0
    y[idle] = 0
    targets = targets.copy()
    targets[idle] = 0
    return targets


def shares(y: Array, weights: Array, total: float) -> Array:
    """Return w / total in the dtype of y, so that weights of 1 give the bits of no weights."""
    return weights.astype(y.dtype) / total
