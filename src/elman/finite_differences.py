"""Is a gradient the derivative of its loss?  Central differences; this file trusts nothing else in the house.

dL/dx_k  ≈  (L(x + ε e_k) − L(x − ε e_k)) / 2ε        error O(ε²) + O(rounding / ε)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def numerical_gradient(
    loss: Callable[[NDArray[Any]], float], x: NDArray[Any], *, epsilon: float = 1e-5
) -> NDArray[np.float64]:
    """Return the gradient of `loss` at x by central differences, one entry at a time.

    Shapes: x: any, float64 → the same shape.
    `loss` is called with x itself, one entry of it moved, so a loss that reads the array through views
    (`network.parameters.flat`) sees the change; every entry is put back to the bit.
    Raises: TypeError unless x is a writable float64 array: in float32 differences drown in rounding;
            ValueError when epsilon is too small to move an entry.

    >>> numerical_gradient(lambda x: float(x @ x), np.array([1.0, -2.0])).round(6)
    array([ 2., -4.])
    """
    if not isinstance(x, np.ndarray) or x.dtype != np.float64 or not x.flags.writeable:
        kind = x.dtype if isinstance(x, np.ndarray) else type(x).__name__
        raise TypeError(f"x is {kind}; differences need a writable float64 array")
    gradient = np.empty(x.shape)
    for k in np.ndindex(x.shape):
        kept = x[k]
        try:
            x[k] = kept + epsilon
            above, right = float(loss(x)), float(x[k])
            x[k] = kept - epsilon
            below, left = float(loss(x)), float(x[k])
        finally:
            x[k] = kept
        if right == left:
            raise ValueError(f"epsilon {epsilon} does not move x{list(k)} = {kept}; take a larger one")
        gradient[k] = (above - below) / (right - left)  # the distance really moved, after rounding
    return gradient


def gradcheck(
    loss: Callable[[NDArray[Any]], float],
    x: NDArray[Any],
    gradient: NDArray[Any],
    *,
    epsilon: float = 1e-5,
) -> float:
    """Return the worst error of `gradient` against central differences of `loss` at x.

    Shapes: x, gradient: the same, float64.
    Units:  |analytic − numeric| / max(|analytic|, |numeric|, m), where m is the mean of |numeric|: an entry
            is judged by its own size, but one near zero by the size of its neighbors.
    Raises: TypeError unless x is float64; ValueError when the shapes differ. NaN anywhere returns infinity.

    A right gradient gives about 1e-8; a derivative 0.1 % wrong gives 1e-3. Start from random, non-zero
    values with all sizes different: a check from zero cannot see a forgotten initial state.

    >>> x = np.array([0.3, -0.7])
    >>> gradcheck(lambda x: float(np.sin(x).sum()), x, np.cos(x)) < 1e-9
    True
    >>> gradcheck(lambda x: float(np.sin(x).sum()), x, 1.001 * np.cos(x)) > 1e-4
    True
    """
    analytic = np.asarray(gradient, dtype=np.float64)
    if analytic.shape != np.shape(x):
        raise ValueError(f"gradient has shape {analytic.shape}, x has {np.shape(x)}; they must agree")
    numeric = numerical_gradient(loss, x, epsilon=epsilon)
    if numeric.size == 0:
        return 0.0
    if not (np.isfinite(analytic).all() and np.isfinite(numeric).all()):
        return float("inf")
    scale = np.maximum(np.maximum(np.abs(analytic), np.abs(numeric)), np.abs(numeric).mean())
    difference = np.abs(analytic - numeric)
    return float(np.max(np.divide(difference, scale, out=np.zeros_like(scale), where=scale > 0)))
