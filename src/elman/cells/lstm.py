"""LSTM, one step.  Letters: a = U x + b and u = W h0 come from the engine, B × 4H, gates stacked i f g o.

    p = a + u       i, f, o = σ of their quarters of p,  g = tanh of its own       h, s: B × H
    s1 = f s0 + i g         h1 = o q         q = tanh(s1)                          dX: ∂loss/∂X
    ds = ds1 + dh1 o (1 − q²)       ds0 = ds f        di = ds g, df = ds s0, dg = ds i, do = dh1 q
    da = du = dp                    dp of each gate: its own, times σ' = y (1 − y), tanh' = 1 − y²
Source: Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; the forget gate f: Gers, Schmidhuber &
Cummins 2000, doi:10.1162/089976600300015015. No peepholes, as PyTorch, Keras and cuDNN.
"""

from __future__ import annotations

import numpy as np

from elman.numerics import Array

from .cell import States, by_gate, sigmoid, slopes


def forward(a: Array, u: Array, before: States, after: States, kept: Array) -> None:
    """Write h1, s1 and q; leave i f g o in a, gate after gate."""
    (_, s0), (h1, s1), q = before, after, kept
    gates = a.reshape(4, *s0.shape)
    np.copyto(gates, by_gate(a + u, 4))
    i, f, g, o = gates
    sigmoid(gates[:2])
    np.tanh(g, out=g)
    sigmoid(o)
    np.multiply(f, s0, out=s1)
    np.multiply(i, g, out=h1)
    np.add(s1, h1, out=s1)
    np.tanh(s1, out=q)
    np.multiply(o, q, out=h1)


def backward(
    dafter: States, before: States, after: States, kept: Array, da: Array, du: Array, dbefore: States
) -> None:
    """Write da = du = dp; add ds f to ds0."""
    (dh1, ds1), (_, s0), q, (_, ds0) = dafter, before, kept, dbefore
    gates = da.reshape(4, *s0.shape)
    i, f, g, o = gates
    dp = np.empty_like(gates)
    di, df, dg, do = dp
    ds = dh1 * o
    np.multiply(ds, q, out=do)  # scratch until its turn; so is df
    np.multiply(do, q, out=do)
    np.subtract(ds, do, out=ds)
    np.add(ds, ds1, out=ds)
    np.multiply(ds, f, out=df)
    np.add(ds0, df, out=ds0)
    np.multiply(ds, g, out=di)
    np.multiply(ds, s0, out=df)
    np.multiply(ds, i, out=dg)
    np.multiply(dh1, q, out=do)
    np.multiply(dp, slopes(gates, tanh=2), out=dp)
    np.copyto(by_gate(da, 4), dp)
