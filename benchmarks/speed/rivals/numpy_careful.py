"""Careful NumPy by hand: a good script. Products over all steps are hoisted out of the loops over time.

A symbol looks up its row of Uᵀ, each weight gradient is one product over all rows, the softmax is stable.
Arrays are made where they are needed, as scripts do. Letters as in elman.engines.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from harness import BETAS, CLIP, EPSILON, RATE, Case
from numpy.typing import NDArray

Array = NDArray[Any]


class Careful:
    """A network, its hidden state and its optimizer in one."""

    def __init__(self, case: Case, start: Array) -> None:
        self._case = case
        self.parameters, self.gradient = start.astype("f4"), np.zeros_like(start)
        self._U, self._W, self._b, self._V, self._c = case.split(self.parameters).values()
        self._hidden = np.zeros((case.batch_size, case.hidden_size), "f4")
        self._mean, self._square, self._updates = np.zeros_like(start), np.zeros_like(start), 0

    def step(self, x: Array, targets: Array) -> float:
        """Take one training step; return the loss before it."""
        steps, rows = len(x), np.arange(x.size)
        a = (self._U.T + self._b)[x]
        h = np.empty((steps + 1, *self._hidden.shape), "f4")
        h[0], Wt = self._hidden, self._W.T.copy()
        for t in range(steps):
            h[t + 1] = np.tanh(a[t] + h[t] @ Wt)
        after, before = h[1:].reshape(x.size, -1), h[:-1].reshape(x.size, -1)
        y = after @ self._V.T + self._c
        y -= y.max(axis=1, keepdims=True)
        exps = np.exp(y)
        total = exps.sum(axis=1, keepdims=True)
        loss = float((np.log(total[:, 0]) - y[rows, targets.ravel()]).mean())
        dy = exps / total
        dy[rows, targets.ravel()] -= 1
        dy /= x.size
        dh = (dy @ self._V).reshape(steps, *self._hidden.shape)
        da, flow = np.empty_like(dh), np.zeros_like(self._hidden)
        for t in reversed(range(steps)):
            da[t] = (dh[t] + flow) * (1 - h[t + 1] ** 2)
            flow = da[t] @ self._W
        one_hot = np.zeros((x.size, self._case.vocabulary), "f4")  # a product sums faster than np.add.at
        one_hot[rows, x.ravel()] = 1
        flat = da.reshape(x.size, -1)
        parts = (flat.T @ one_hot, flat.T @ before, flat.sum(axis=0), dy.T @ after, dy.sum(axis=0))
        self.gradient = np.concatenate([part.ravel() for part in parts])
        self._hidden = h[-1]
        self._update()
        return loss

    def _update(self) -> None:
        """Clip by norm, then Adam."""
        self._updates += 1
        norm = np.linalg.norm(self.gradient)
        if norm > CLIP:
            self.gradient *= CLIP / norm
        beta1, beta2 = BETAS
        self._mean += (1 - beta1) * (self.gradient - self._mean)
        self._square += (1 - beta2) * (self.gradient**2 - self._square)
        mean = self._mean / (1 - beta1**self._updates)
        square = self._square / (1 - beta2**self._updates)
        self.parameters -= RATE * mean / (np.sqrt(square) + EPSILON)


make = Careful
