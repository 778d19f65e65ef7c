"""Layer normalization of the sums that reach a cell, a row at a time: all gates of all units of a sequence.

    x̂ = (x − mean x) / √(var x + ε)        row = g x̂        g: a gain for each entry
    dx = (dx̂ − mean dx̂ − x̂ mean(x̂ dx̂)) / √(var x + ε)        dx̂ = g drow        dg = Σ x̂ drow
Source: Ba, Kiros & Hinton 2016, arXiv:1607.06450.
"""

from __future__ import annotations

import numpy as np

from elman.numerics import Array

EPSILON = 1e-5


def forward(rows: Array, gain: Array, hat: Array, scale: Array) -> None:
    """Normalize rows ("… F") in place; hat ("… F") and scale ("… 1") keep what backward wants."""
    np.subtract(rows, rows.mean(axis=-1, keepdims=True), out=hat)
    variance = np.square(hat).mean(axis=-1, keepdims=True)
    np.divide(1, np.sqrt(variance + EPSILON), out=scale)
    hat *= scale
    np.multiply(hat, gain, out=rows)


def apply(rows: Array, gain: Array) -> Array:
    """Normalize rows in place, keeping nothing; return them."""
    forward(rows, gain, np.empty_like(rows), np.empty((*rows.shape[:-1], 1), rows.dtype))
    return rows


def backward(drows: Array, gain: Array, hat: Array, scale: Array, out: Array) -> None:
    """Write the gradient of the rows as they came; out may be drows itself."""
    np.multiply(drows, gain, out=out)
    slope = (out * hat).mean(axis=-1, keepdims=True)
    out -= out.mean(axis=-1, keepdims=True)
    out -= hat * slope
    out *= scale
