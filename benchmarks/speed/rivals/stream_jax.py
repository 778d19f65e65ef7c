"""JAX: one jitted step, the parameters constants of it; a step ends when its result is there."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from harness import Case
from numpy.typing import NDArray

from .jax_scan import CELLS

Array = NDArray[Any]


class Jax:
    """A network and its state."""

    def __init__(self, case: Case, start: Array) -> None:
        p = {name: jnp.array(part) for name, part in case.split(start).items()}
        rows, cell = p["U"].T + p["b"], CELLS[case.cell]
        self._state = (jnp.zeros((1, case.hidden_size), start.dtype),) * case.states

        def step(symbol, state):
            state = cell(rows[symbol][None], state, p)
            return jax.nn.softmax(state[0] @ p["V"].T + p["c"]), state

        self._step = jax.jit(step)

    def step(self, symbol: int) -> jax.Array:
        """Return the probabilities of the next symbol."""
        p, self._state = self._step(symbol, self._state)
        return p.block_until_ready()


make = Jax
