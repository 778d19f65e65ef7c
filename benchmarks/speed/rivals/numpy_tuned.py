"""Tuned NumPy by hand: all that NumPy can do for this one network, found with a profiler, and nothing else.

Every buffer is made once. A symbol looks up its row; no one-hot array. Input products, f' and logits are
hoisted out of the loops; per step of time there are one product and two pointwise calls, all in place. W is
transposed once for BLAS. Each weight gradient is one product over all rows. Letters as in elman.engines.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from harness import BETAS, CLIP, EPSILON, RATE, Case
from numpy.typing import NDArray

Array = NDArray[Any]


class Tuned:
    """A network, its tape and its optimizer in one."""

    def __init__(self, case: Case, start: Array) -> None:
        n_v, n_h, rows = case.vocabulary, case.hidden_size, case.seq_length * case.batch_size
        self._case = case
        self._flat, self._gradient, self._mean, self._square, self._scratch = np.zeros((5, start.size), "f4")
        self._Ut, self._W, self._b, self._V, self._c = self._views(self._flat)
        parts = case.split(start)
        self._flat[:] = np.concatenate([parts["U"].T.ravel(), *(parts[k].ravel() for k in "WbVc")])
        self._dUt, self._dW, self._db, self._dV, self._dc = self._views(self._gradient)
        self._columns, self._Wt = np.empty((n_v, n_h), "f4"), np.empty((n_h, n_h), "f4")
        self._h = np.zeros((case.seq_length + 1, case.batch_size, n_h), "f4")  # slot 0 is the start
        self._da, self._dh = np.empty((2, case.seq_length, case.batch_size, n_h), "f4")
        self._u, self._y = np.empty((case.batch_size, n_h), "f4"), np.empty((rows, n_v), "f4")
        self._steps = list(zip(self._h[:-1], self._h[1:], strict=True))
        self._back = list(zip(self._dh[1:], self._da[1:], self._dh[:-1], strict=True))[::-1]
        self._before, self._after = (h.reshape(rows, n_h) for h in (self._h[:-1], self._h[1:]))
        self._da_rows, self._dh_rows = self._da.reshape(rows, n_h), self._dh.reshape(rows, n_h)
        self._row, self._begins = np.arange(rows), np.arange(rows) * n_v
        self._one_a_row, self._one_a_symbol = np.ones(rows, "f4"), np.ones(n_v, "f4")
        self._updates = 0

    def _views(self, flat: Array) -> list[Array]:
        """Cut a flat vector into Uᵀ, W, b, V, c: U lies transposed, so that a symbol finds a row."""
        parts = self._case.split(flat)
        return [parts["U"].reshape(self._case.vocabulary, -1), *(parts[k] for k in "WbVc")]

    @property
    def parameters(self) -> Array:
        """The flat parameters in the order of all rivals."""
        return self._ordered(self._flat)

    @property
    def gradient(self) -> Array:
        """The last gradient as the optimizer got it, clipped."""
        return self._ordered(self._gradient)

    def _ordered(self, flat: Array) -> Array:
        Ut, *others = self._views(flat)
        return np.concatenate([Ut.T.ravel(), *(part.ravel() for part in others)])

    def step(self, x: Array, targets: Array) -> float:
        """Take one training step; return the loss before it."""
        self._forward(x)
        loss = self._loss(targets.reshape(-1))
        self._backward(x.reshape(-1))
        norm = math.sqrt(np.dot(self._gradient, self._gradient))
        if norm > CLIP:
            self._gradient *= CLIP / norm
        self._update()
        return loss

    def _forward(self, x: Array) -> None:
        h, u, Wt = self._h, self._u, self._Wt
        np.copyto(Wt, self._W.T)
        np.add(self._Ut, self._b, out=self._columns)
        h[0] = h[-1]
        np.take(self._columns, x, axis=0, out=h[1:], mode="clip")
        for before, after in self._steps:
            np.dot(before, Wt, out=u)
            np.add(after, u, out=after)
            np.tanh(after, out=after)

    def _loss(self, targets: Array) -> float:
        """Return the loss and turn the logits y into dy."""
        y, rows = self._y, self._row
        np.dot(self._after, self._V.T, out=y)
        y += self._c
        y -= np.maximum.reduceat(y.reshape(-1), self._begins)[:, None]  # twice as fast as max(axis=1)
        chosen = y[rows, targets].sum(dtype=np.float64)
        np.exp(y, out=y)
        total = np.dot(y, self._one_a_symbol)
        loss = (np.log(total).sum(dtype=np.float64) - chosen) / len(rows)
        y *= (1 / (total * len(rows)))[:, None]
        y[rows, targets] -= 1 / len(rows)
        return float(loss)

    def _backward(self, x: Array) -> None:
        y, da, u, W = self._y, self._da, self._u, self._W
        np.dot(y.T, self._after, out=self._dV)
        np.dot(self._one_a_row, y, out=self._dc)
        np.dot(y, self._V, out=self._dh_rows)
        np.multiply(self._after, self._after, out=self._da_rows)
        np.subtract(1, da, out=da)  # f', then da
        for dh_t, da_t, dh_before in self._back:
            np.multiply(dh_t, da_t, out=da_t)
            np.dot(da_t, W, out=u)
            np.add(dh_before, u, out=dh_before)
        np.multiply(self._dh[0], da[0], out=da[0])
        np.dot(self._da_rows.T, self._before, out=self._dW)
        self._scatter(x)
        np.sum(self._dUt, axis=0, out=self._db)

    def _scatter(self, x: Array) -> None:
        """Add the rows of da that belong to one symbol: sorted, they lie together."""
        counts = np.bincount(x, minlength=self._case.vocabulary)
        order = np.argsort(x.astype(np.min_scalar_type(self._case.vocabulary)), kind="stable")
        grouped, ones = self._dh_rows, self._one_a_row  # dh has served: its memory is free
        np.take(self._da_rows, order, axis=0, out=grouped, mode="clip")
        self._dUt[:] = 0
        present = np.flatnonzero(counts)
        ends = np.cumsum(counts)[present].tolist()
        for symbol, begin, end in zip(present.tolist(), [0, *ends], ends, strict=False):
            np.dot(ones[begin:end], grouped[begin:end], out=self._dUt[symbol])

    def _update(self) -> None:
        """Adam, in place."""
        self._updates += 1
        beta1, beta2 = BETAS
        mean, square, scratch = self._mean, self._square, self._scratch
        mean *= beta1
        np.multiply(self._gradient, 1 - beta1, out=scratch)
        mean += scratch
        square *= beta2
        np.multiply(self._gradient, self._gradient, out=scratch)
        scratch *= 1 - beta2
        square += scratch
        np.sqrt(square, out=scratch)
        scratch *= (1 - beta2**self._updates) ** -0.5
        scratch += EPSILON
        np.divide(mean, scratch, out=scratch)
        scratch *= RATE / (1 - beta1**self._updates)
        self._flat -= scratch


make = Tuned
