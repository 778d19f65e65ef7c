"""Elman's simple recurrent network, one step.  Letters: a = U x + b and u = W h0 come from the engine, B × H.

    p = a + u        h1 = f(p)        h: B × H        f: tanh, or relu: max(p, 0)        dX: ∂loss/∂X
    dp = dh1 f'(p)   da = du = dp     f' is written through h1: 1 − h1² (tanh), 1 where h1 > 0 (relu),
                                      so forward and backward agree whatever the rounding of f.
Source: Elman 1990, doi:10.1207/s15516709cog1402_1; relu: Le, Jaitly & Hinton 2015, arXiv:1504.00941.
"""

from __future__ import annotations

import numpy as np

from elman.numerics import Array

from .cell import States


def forward_tanh(a: Array, u: Array, before: States, after: States, kept: Array) -> None:
    """Write h1 = tanh(a + u)."""
    (h1,) = after
    np.add(a, u, out=h1)
    np.tanh(h1, out=h1)


def backward_tanh(
    dafter: States, before: States, after: States, kept: Array, da: Array, du: Array, dbefore: States
) -> None:
    """Write da = du = dh1 (1 − h1²)."""
    (dh1,), (h1,) = dafter, after
    np.multiply(h1, h1, out=da)
    np.subtract(1, da, out=da)
    np.multiply(dh1, da, out=da)


def forward_relu(a: Array, u: Array, before: States, after: States, kept: Array) -> None:
    """Write h1 = max(a + u, 0)."""
    (h1,) = after
    np.add(a, u, out=h1)
    np.maximum(h1, 0, out=h1)


def backward_relu(
    dafter: States, before: States, after: States, kept: Array, da: Array, du: Array, dbefore: States
) -> None:
    """Write da = du = dh1 where h1 > 0, else 0."""
    (dh1,), (h1,) = dafter, after
    np.multiply(dh1, h1 > 0, out=da)
