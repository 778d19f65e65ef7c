"""The loops of careful NumPy for the cells with gates: GRU (reset-after) and LSTM, a pair for each.

There is one product per step for all gates, and one call of σ; what needs no loop over time stands before or
after it. Equations and order of the gates are PyTorch's: r z n and i f g o. Letters as in elman.engines.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
States = tuple[Array, ...]  # "T+1 B H" each, slot 0 is the start


def sigmoid(p: Array) -> Array:
    """Return σ(p): tanh cannot overflow, and takes no longer than exp and a division."""
    return 0.5 * np.tanh(0.5 * p) + 0.5


def gru(a: Array, start: States, Wt: Array, d: Array) -> tuple[States, States]:
    """Run over all steps; return (states, what backward wants again)."""
    n_h = len(Wt)
    rz, n, un = np.empty_like(a[..., n_h:]), *np.empty((2, *a.shape[:2], n_h), a.dtype)
    h = _slots(n, start[0])
    r, z = _gates(rz, n_h)
    for t in range(len(a)):
        u = h[t] @ Wt + d
        rz[t] = sigmoid(a[t, :, : 2 * n_h] + u[:, : 2 * n_h])
        un[t] = u[:, 2 * n_h :]
        n[t] = np.tanh(a[t, :, 2 * n_h :] + r[t] * un[t])
        h[t + 1] = n[t] + z[t] * (h[t] - n[t])
    return (h,), (r, z, n, un)


def gru_backward(dh: Array, states: States, kept: States, W: Array) -> tuple[Array, Array]:
    """Return the gradients of a and u at all steps."""
    (h,), (r, z, n, un) = states, kept
    da, du = np.empty((2, *dh.shape[:2], len(W)), dh.dtype)
    (dr, dz, dn), dun, flow = _gates(da, W.shape[1]), _gates(du, W.shape[1])[2], np.zeros_like(dh[0])
    for t in reversed(range(len(dh))):
        dh1 = dh[t] + flow
        dn[t] = dh1 * (1 - z[t]) * (1 - n[t] ** 2)
        dr[t] = dn[t] * un[t] * r[t] * (1 - r[t])
        dz[t] = dh1 * (h[t] - n[t]) * z[t] * (1 - z[t])
        du[t] = da[t]
        dun[t] *= r[t]
        flow = du[t] @ W + dh1 * z[t]
    return da, du


def lstm(a: Array, start: States, Wt: Array) -> tuple[States, States]:
    """Run over all steps; return (states, what backward wants again)."""
    n_h = len(Wt)
    gates, q = np.empty_like(a), np.empty_like(a[..., :n_h])
    h, s = (_slots(q, each) for each in start)
    i, f, g, o = _gates(gates, n_h)
    for t in range(len(a)):
        p = a[t] + h[t] @ Wt
        gates[t] = sigmoid(p)
        g[t] = np.tanh(p[:, 2 * n_h : 3 * n_h])
        s[t + 1] = f[t] * s[t] + i[t] * g[t]
        q[t] = np.tanh(s[t + 1])
        h[t + 1] = o[t] * q[t]
    return (h, s), (gates, q)


def lstm_backward(dh: Array, states: States, kept: States, W: Array) -> tuple[Array, Array]:
    """Return the gradients of a and u at all steps, one and the same."""
    (_, s), (gates, q) = states, kept
    da, flow, ds = np.empty_like(gates), np.zeros_like(dh[0]), np.zeros_like(dh[0])
    (i, f, g, o), (di, df, dg, do) = (_gates(array, W.shape[1]) for array in (gates, da))
    for t in reversed(range(len(dh))):
        dh1 = dh[t] + flow
        ds += dh1 * o[t] * (1 - q[t] ** 2)
        di[t] = ds * g[t] * i[t] * (1 - i[t])
        df[t] = ds * s[t] * f[t] * (1 - f[t])
        dg[t] = ds * i[t] * (1 - g[t] ** 2)
        do[t] = dh1 * q[t] * o[t] * (1 - o[t])
        ds *= f[t]
        flow = da[t] @ W
    return da, da


def _gates(stacked: Array, n_h: int) -> Array:
    """Cut "T B G·H" into one view "T B H" for each gate."""
    return stacked.reshape(*stacked.shape[:2], -1, n_h).transpose(2, 0, 1, 3)


def _slots(like: Array, start: Array) -> Array:
    """Make room for the states of all steps behind the first."""
    slots = np.empty((len(like) + 1, *start.shape), like.dtype)
    slots[0] = start
    return slots
