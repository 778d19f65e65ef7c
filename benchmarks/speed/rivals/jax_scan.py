"""JAX: a whole training step in one jitted function, the loop over time a lax.scan, the gradient JAX's own.

The fastest form that was found: a symbol looks up its row of Uᵀ before the scan. Unrolling the scan gains
nothing; one-hot input costs more.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from harness import BETAS, CLIP, EPSILON, RATE, Case
from numpy.typing import NDArray

Array = NDArray[Any]
Tensors = dict[str, jax.Array]
States = tuple[jax.Array, ...]


def elman(a: jax.Array, state: States, p: Tensors) -> States:
    """Take one step."""
    return (jnp.tanh(a + state[0] @ p["W"].T),)


def gru(a: jax.Array, state: States, p: Tensors) -> States:
    """Take one step, PyTorch's equations."""
    (h,) = state
    u = h @ p["W"].T + p["d"]
    (ar, az, an), (ur, uz, un) = jnp.split(a, 3, 1), jnp.split(u, 3, 1)
    r, z = jax.nn.sigmoid(ar + ur), jax.nn.sigmoid(az + uz)
    n = jnp.tanh(an + r * un)
    return (n + z * (h - n),)


def lstm(a: jax.Array, state: States, p: Tensors) -> States:
    """Take one step."""
    h, s = state
    i, f, g, o = jnp.split(a + h @ p["W"].T, 4, 1)
    s = jax.nn.sigmoid(f) * s + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(s), s


CELLS = {"elman": elman, "gru": gru, "lstm": lstm}


class Jax:
    """A network, its state and its optimizer in one."""

    def __init__(self, case: Case, start: Array) -> None:
        self._names = tuple(case.shapes)  # JAX gives dictionaries back in alphabetical order
        self._p = {name: jnp.array(part) for name, part in case.split(start).items()}
        self._mean, self._square = (jax.tree.map(jnp.zeros_like, self._p) for _ in range(2))
        self._state = (jnp.zeros((case.batch_size, case.hidden_size), start.dtype),) * case.states
        self._cell, self._updates = CELLS[case.cell], 0
        self._step = jax.jit(self._train)

    @property
    def parameters(self) -> Array:
        """The flat parameters."""
        return self._flat(self._p)

    @property
    def gradient(self) -> Array:
        """The last gradient as the optimizer got it, clipped."""
        return self._flat(self._gradient)

    def step(self, x: Array, targets: Array) -> float:
        """Take one training step; return the loss before it."""
        self._updates += 1
        loss, self._gradient, self._state, self._p, self._mean, self._square = self._step(
            self._p, self._mean, self._square, self._state, x, targets, self._updates
        )
        return float(loss)

    def _train(self, p, mean, square, state, x, targets, updates):
        (loss, state), gradient = jax.value_and_grad(self._loss, has_aux=True)(p, state, x, targets)
        norm = jnp.sqrt(sum(jnp.sum(g * g) for g in gradient.values()))
        gradient = jax.tree.map(lambda g: g * jnp.minimum(1, CLIP / norm), gradient)
        beta1, beta2 = BETAS
        mean = jax.tree.map(lambda m, g: m + (1 - beta1) * (g - m), mean, gradient)
        square = jax.tree.map(lambda v, g: v + (1 - beta2) * (g * g - v), square, gradient)
        rate, scale = RATE / (1 - beta1**updates), 1 / (1 - beta2**updates)
        p = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v * scale) + EPSILON), p, mean, square)
        return loss, gradient, state, p, mean, square

    def _loss(self, p, state, x, targets):
        def step(state, a):
            state = self._cell(a, state, p)
            return state, state[0]

        state, h = jax.lax.scan(step, state, (p["U"].T + p["b"])[x])
        logs = jax.nn.log_softmax(h @ p["V"].T + p["c"])
        return -jnp.take_along_axis(logs, targets[..., None], 2).mean(), state

    def _flat(self, tensors: Tensors) -> Array:
        return np.concatenate([np.ravel(tensors[name]) for name in self._names])


make = Jax
