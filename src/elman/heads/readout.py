"""From the states of the last layer to what a head reads, once for a sequence.

Letters: h: T × B × F, last: B × F, r: B × R.

    last      r = last, the state at the row's true end (of both directions, each at its own)
    mean      r = Σ h_t / T       max       r = max_t h_t, its gradient goes to the first maximum
    concat    r = last, mean, max side by side
    flatten   r = h_1 … h_T side by side, for a fixed number of steps
T is the row's own length: nothing past it is read. With length 0, last is its start, mean and max are 0.
"every" needs no function: the head reads h itself.
Source: concat: Howard & Ruder 2018, arXiv:1801.06146.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.errors import OptionError, ShapeError
from elman.numerics import Array

READOUTS = ("every", "last", "mean", "max", "concat", "flatten")


def size(name: str, width: int, steps: int | None = None) -> int:
    """Return R, how many numbers the head reads, of states `width` wide.

    Raises: OptionError for another name, for "flatten" without steps, and for steps that nothing would read.

    >>> size("concat", 5), size("flatten", 5, steps=4)
    (15, 20)
    """
    if name not in READOUTS:
        raise OptionError(f"no readout {name!r}; there are {', '.join(READOUTS)}")
    if name != "flatten" and steps is not None:
        raise OptionError(f"steps is {steps}, but the readout is {name!r}; only 'flatten' has a fixed number")
    if name != "flatten":
        return 3 * width if name == "concat" else width
    if steps is None:
        raise OptionError("steps is None; the readout 'flatten' needs to know how many steps a row has")
    return steps * width


def forward(
    name: str, h: Array, last: Array, lengths: Array | None, *, steps: int | None = None
) -> tuple[Array, Array | None]:
    """Return (r, what backward wants again).

    Shapes: h: "T B F"; last: "B F"; lengths: "B", none means T → r: "B R".
    Raises: ShapeError when a row to be flattened does not have `steps` steps.

    >>> h = np.array([[[1.0]], [[5.0]], [[np.nan]]])
    >>> r, _ = forward("concat", h, h[1], np.array([2]))
    >>> r
    array([[5., 3., 5.]])
    """
    inside = _inside(h.shape, lengths)
    match name:
        case "last":
            return last.copy(), None
        case "mean":
            total = np.zeros(h.shape[1:], h.dtype)
            for step in np.where(
                inside, h, 0
            ):  # in order, whatever B and F: `sum` goes by pairs where B F is 1
                total += step
            return total / _divisors(inside, h.dtype), None
        case "max":
            alive = np.where(inside, h, -np.inf)
            first = alive.argmax(axis=0) if len(h) else None
            return np.where(inside.any(axis=0), alive.max(axis=0, initial=-np.inf), 0), first
        case "concat":
            mean, (largest, first) = forward("mean", h, last, lengths)[0], forward("max", h, last, lengths)
            return np.concatenate([last, mean, largest], axis=1), first
    _check_steps(steps, len(h), lengths)
    return h.swapaxes(0, 1).reshape(h.shape[1], h.shape[0] * h.shape[2]), None


def backward(
    name: str, dr: Array, kept: Array | None, lengths: Array | None, shape: tuple[int, ...]
) -> tuple[Array, Array]:
    """Return (dh, dlast).

    Shapes: dr: "B R"; kept: from forward; shape: of h → dh: "T B F", zero past a row's end; dlast: "B F".

    >>> backward("mean", np.array([[1.0]]), None, np.array([2]), (3, 1, 1))[0].ravel()
    array([0.5, 0.5, 0. ])
    """
    inside, dlast = _inside(shape, lengths), np.zeros(shape[1:], dr.dtype)
    match name:
        case "last":
            return np.zeros(shape, dr.dtype), dr.copy()
        case "mean":
            return np.where(inside, dr / _divisors(inside, dr.dtype), 0), dlast
        case "max":
            return np.where(inside & (_steps(shape) == kept), dr, 0), dlast
        case "concat":
            to_last, to_mean, to_max = np.split(dr, 3, axis=1)
            dh, _ = backward("mean", to_mean, None, lengths, shape)
            dh += backward("max", to_max, kept, lengths, shape)[0]
            return dh, to_last.copy()
    return dr.reshape(shape[1], shape[0], shape[2]).swapaxes(0, 1).copy(), dlast


def _steps(shape: tuple[int, ...]) -> Array:
    return np.arange(shape[0])[:, None, None]


def _inside(shape: tuple[int, ...], lengths: Array | None) -> Array:
    """Return which steps are real, "T B 1"."""
    ends = np.full(shape[1], shape[0]) if lengths is None else lengths
    return _steps(shape) < ends[:, None]


def _divisors(inside: Array, dtype: np.dtype[Any]) -> Array:
    """Return each row's number of steps, at least 1, "B 1"."""
    counts: Array = inside.sum(axis=0)
    return np.maximum(counts, 1).astype(dtype)


def _check_steps(steps: int | None, came: int, lengths: Array | None) -> None:
    if came != steps:
        raise ShapeError(f"x has T={came} steps; the readout 'flatten' reads {steps}")
    if lengths is not None and (lengths != steps).any():
        row = int((lengths != steps).argmax())
        raise ShapeError(f"row {row} has {lengths[row]} steps; the readout 'flatten' reads {steps} of each")
