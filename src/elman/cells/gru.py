"""GRU, one step.  Letters: a = U x + b and u = W h0 + d come from the engine, B × 3H, gates stacked r z n.

    r, z = σ of their thirds of a + u       n = tanh(aₙ + r uₙ)       aₙ, uₙ: the last thirds of a and u
    h1 = (1 − z) n + z h0 = n + z (h0 − n)                            h: B × H            dX: ∂loss/∂X
    dn = dh1 (1 − z)        dz = dh1 (h0 − n)       dh0 = dh1 z       dr = dpₙ uₙ
    da = dp                 dp of each gate: its own, times σ' = y (1 − y), tanh' = 1 − y²
    du = dp but for its last third, r dpₙ
Source: Cho et al. 2014, arXiv:1406.1078, v1: r comes after the product, which has a bias d of its own, as in
cuDNN, PyTorch and Keras (reset_after=True, its default). In v3 r stands before it, W (r h0): another cell.
"""

from __future__ import annotations

import numpy as np

from elman.numerics import Array

from .cell import States, by_gate, sigmoid, slopes


def forward(a: Array, u: Array, before: States, after: States, kept: Array) -> None:
    """Write h1, and uₙ into kept; leave r z n in a, gate after gate."""
    (h0,), (h1,), u_n = before, after, kept
    gates, a_gates, u_gates = a.reshape(3, *h0.shape), by_gate(a, 3).copy(), by_gate(u, 3).copy()
    r, z, n = gates
    np.copyto(u_n, u_gates[2])
    np.add(a_gates[:2], u_gates[:2], out=gates[:2])
    sigmoid(gates[:2])
    np.multiply(r, u_n, out=n)
    np.add(n, a_gates[2], out=n)
    np.tanh(n, out=n)
    np.subtract(h0, n, out=h1)
    np.multiply(h1, z, out=h1)
    np.add(h1, n, out=h1)


def backward(
    dafter: States, before: States, after: States, kept: Array, da: Array, du: Array, dbefore: States
) -> None:
    """Write da and du; add dh1 z to dh0."""
    (dh1,), (h0,), u_n, (dh0,) = dafter, before, kept, dbefore
    gates = da.reshape(3, *h0.shape)
    r, z, n = gates
    dp = np.empty_like(gates)
    dr, dz, dn = dp
    flow = dh1 * z
    np.add(dh0, flow, out=dh0)
    np.subtract(dh1, flow, out=dn)
    np.subtract(h0, n, out=dz)
    np.multiply(dz, dh1, out=dz)
    slope = slopes(gates, tanh=2)
    np.multiply(dn, slope[2], out=dn)
    np.multiply(dn, u_n, out=dr)
    np.multiply(dp[:2], slope[:2], out=dp[:2])
    np.multiply(dn, r, out=flow)
    np.copyto(by_gate(da, 3), dp)
    np.copyto(dn, flow)
    np.copyto(by_gate(du, 3), dp)
