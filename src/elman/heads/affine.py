"""The affine output.  Letters: h: N × H rows (all steps of all sequences), V: O × H, c: O, y: N × O.

y = h Vᵀ + c        dV = dyᵀ h        dc = Σ dy        dh = dy V
"""

from __future__ import annotations

import numpy as np

from elman.numerics import Array


def forward(h: Array, V: Array, c: Array) -> Array:
    """Return y = h Vᵀ + c, "… H" → "… O", in one product over all rows."""
    y: Array = h.reshape(-1, h.shape[-1]) @ V.T
    y += c
    return y.reshape(*h.shape[:-1], len(c))


def backward(dy: Array, h: Array, V: Array, dV: Array, dc: Array, dh: Array) -> None:
    """Write dV, dc and dh, each one product over all rows."""
    np.dot(dy.T, h, out=dV)
    np.dot(np.ones(len(dy), dy.dtype), dy, out=dc)
    np.dot(dy, V, out=dh)
