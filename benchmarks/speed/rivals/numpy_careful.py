"""Careful NumPy by hand: a good script. Products over all steps are hoisted out of the loops over time.

A symbol looks up its row of Uᵀ, each weight gradient is one product over all rows, the softmax is stable.
Arrays are made where they are needed, as scripts do. Letters as in elman.engines.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from harness import BETAS, CLIP, EPSILON, RATE, Case
from numpy.typing import NDArray

from . import numpy_gates
from .numpy_gates import States

Array = NDArray[Any]


def elman(a: Array, start: States, Wt: Array) -> tuple[States, States]:
    """Run over all steps; return (states, what backward wants again)."""
    h = np.empty((len(a) + 1, *start[0].shape), a.dtype)
    h[0] = start[0]
    for t in range(len(a)):
        h[t + 1] = np.tanh(a[t] + h[t] @ Wt)
    return (h,), ()


def elman_backward(dh: Array, states: States, kept: States, W: Array) -> tuple[Array, Array]:
    """Return the gradients of a and u at all steps, one and the same."""
    (h,), da, flow = states, np.empty_like(dh), np.zeros_like(dh[0])
    for t in reversed(range(len(dh))):
        da[t] = (dh[t] + flow) * (1 - h[t + 1] ** 2)
        flow = da[t] @ W
    return da, da


LOOPS = {
    "elman": (elman, elman_backward),
    "gru": (numpy_gates.gru, numpy_gates.gru_backward),
    "lstm": (numpy_gates.lstm, numpy_gates.lstm_backward),
}


class Careful:
    """A network, its state and its optimizer in one."""

    def __init__(self, case: Case, start: Array) -> None:
        self._case = case
        self._forward, self._backward = LOOPS[case.cell]
        self.parameters, self.gradient = start.copy(), np.zeros_like(start)
        self._U, self._W, self._b, *self._d, self._V, self._c = case.split(self.parameters).values()
        self._state = tuple(np.zeros((case.states, case.batch_size, case.hidden_size), start.dtype))
        self._mean, self._square, self._updates = np.zeros_like(start), np.zeros_like(start), 0

    def step(self, x: Array, targets: Array) -> float:
        """Take one training step; return the loss before it."""
        a = (self._U.T + self._b)[x]
        states, kept = self._forward(a, self._state, self._W.T.copy(), *self._d)
        before, after = (h.reshape(x.size, -1) for h in (states[0][:-1], states[0][1:]))
        loss, dy = self._loss(after @ self._V.T + self._c, targets.ravel())
        da, du = self._backward((dy @ self._V).reshape(states[0][1:].shape), states, kept, self._W)
        one_hot = np.zeros((x.size, self._case.vocabulary), dy.dtype)  # a product sums faster than np.add.at
        one_hot[np.arange(x.size), x.ravel()] = 1
        da, du = da.reshape(x.size, -1), du.reshape(x.size, -1)
        parts = [da.T @ one_hot, du.T @ before, da.sum(axis=0), dy.T @ after, dy.sum(axis=0)]
        parts[3:3] = [du.sum(axis=0) for _ in self._d]
        self.gradient = np.concatenate([part.ravel() for part in parts])
        self._state = tuple(s[-1] for s in states)
        self._update()
        return loss

    def _loss(self, y: Array, targets: Array) -> tuple[float, Array]:
        """Return the loss and the gradient of the logits."""
        rows = np.arange(len(y))
        y -= y.max(axis=1, keepdims=True)
        exps = np.exp(y)
        total = exps.sum(axis=1, keepdims=True)
        loss = float((np.log(total[:, 0]) - y[rows, targets]).mean())
        dy = exps / total
        dy[rows, targets] -= 1
        dy /= len(y)
        return loss, dy

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
