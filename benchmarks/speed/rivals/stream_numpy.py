"""NumPy as in a textbook: the equations of one step, written down. Gates in PyTorch's order."""

from __future__ import annotations

from typing import Any

import numpy as np
from harness import Case
from numpy.typing import NDArray

from .numpy_gates import sigmoid

Array = NDArray[Any]
States = tuple[Array, ...]


def elman(a: Array, state: States, W: Array) -> States:
    """Take one step."""
    return (np.tanh(a + W @ state[0]),)


def gru(a: Array, state: States, W: Array, d: Array) -> States:
    """Take one step."""
    (h,) = state
    (ar, az, an), (ur, uz, un) = np.split(a, 3), np.split(W @ h + d, 3)
    r, z = sigmoid(ar + ur), sigmoid(az + uz)
    n = np.tanh(an + r * un)
    return (n + z * (h - n),)


def lstm(a: Array, state: States, W: Array) -> States:
    """Take one step."""
    h, s = state
    i, f, g, o = np.split(a + W @ h, 4)
    s = sigmoid(f) * s + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(s), s


CELLS = {"elman": elman, "gru": gru, "lstm": lstm}


class Textbook:
    """A network and its state."""

    def __init__(self, case: Case, start: Array) -> None:
        self._cell = CELLS[case.cell]
        self._U, *self._recurrent, self._V, self._c = case.split(start).values()
        self._b = self._recurrent.pop(1)
        self._state = tuple(np.zeros((case.states, case.hidden_size), start.dtype))

    def step(self, symbol: int) -> Array:
        """Return the probabilities of the next symbol."""
        self._state = self._cell(self._U[:, symbol] + self._b, self._state, *self._recurrent)
        y = self._V @ self._state[0] + self._c
        exps = np.exp(y - y.max())
        return exps / exps.sum()


make = Textbook
