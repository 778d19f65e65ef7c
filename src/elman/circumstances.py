"""What a run meets beside its input: where rows end and begin again, their order, and noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .noise import Noise
from .numerics import Array
from .states import State


@dataclass(frozen=True)
class Circumstances:
    """What a run meets beside its input. Shapes: lengths, order: "B"; live: "T"; reset: "T B"."""

    rows: int
    anew: State  # from which rows begin or begin again; nothing where none does
    lengths: Array | None = None
    live: Array | None = None
    reset: Array | None = None
    order: Array | None = None  # the row of the caller that each row is: noise belongs to the caller's rows
    noise: Noise | None = None
    steps: int = 0

    def ordered(self, array: Array, axis: int = 0) -> Array:
        """Return the caller's rows as they lie in the run."""
        return array if self.order is None else np.take(array, self.order, axis)

    def restored(self, array: Array | None, axis: int = 0) -> Any:
        """Return rows of the run as the caller knows them."""
        if array is None or self.order is None:
            return array
        return np.take(array, np.argsort(self.order), axis)

    def sequence_mask(self, place: int, kind: str, rate: float, like: Array) -> Array | None:
        """Return a mask for each row ("B F" of "T B F"), or None when there is nothing to drop."""
        if self.noise is None or not rate:
            return None
        mask = self.noise.per_sequence(place, kind, like.shape[1:], rate, like.dtype)
        return self.ordered(mask)

    def step_mask(self, place: int, kind: str, rate: float, like: Array) -> Array | None:
        """Return a mask for each step of each row, "T B F", or None when there is nothing to drop."""
        if self.noise is None or not rate:
            return None
        mask = self.noise.per_step(place, kind, like.shape, rate, like.dtype)
        return self.ordered(mask, axis=1)

    def held(self, place: int, state: str, rate: float, like: Array) -> Array:
        """Return where a unit keeps its old state (1) and where not (0), "T B F"."""
        assert self.noise is not None
        kept = self.noise.keep(place, f"zoneout {state}", like.shape, rate, like.dtype)
        return self.ordered(kept, axis=1)

    def turned_reset(self) -> Array | None:
        """Return where rows begin again for who reads them backward: where they did is where they end."""
        if self.reset is None:
            return None
        ends = np.zeros_like(self.reset)
        ends[:-1] = self.reset[1:]
        if self.lengths is not None:
            ends &= np.arange(self.steps)[:, None] < self.lengths - 1
        return self.turned(ends)

    def turned(self, array: Array) -> Array:
        """Return "T B …" with each row backward within its own length; twice gives it back."""
        if self.lengths is None:
            return array[::-1]
        steps = np.arange(len(array))[:, None]
        source = np.where(steps < self.lengths, self.lengths - 1 - steps, steps)
        turned: Array = array[source, np.arange(array.shape[1])]
        return turned
