"""Memory that has served a run and may serve the next.

The arrays of a window are megabytes that live for one training step. Given back to the system, each page is
zeroed anew when it is touched again: a quarter of a step at 128 units. See docs/decisions/0004-memory.md.
"""

from __future__ import annotations

import math

import numpy as np

from elman.numerics import Array


class Memory:
    """A stack of arrays out of use; what it hands out holds noise.

    >>> memory = Memory("float32")
    >>> first = memory.take((2, 3))
    >>> memory.give(first)
    >>> memory.take((3, 1)).base is first.base
    True
    """

    def __init__(self, dtype: str) -> None:
        self._dtype = dtype
        self._spare: list[Array] = []

    def take(self, shape: tuple[int, ...]) -> Array:
        """Return an array of this shape, its numbers undefined; nobody else has it."""
        size = math.prod(shape)
        try:
            flat = self._spare.pop()  # one step for the interpreter: two threads never get the same
        except IndexError:
            flat = np.empty(size, self._dtype)
        if flat.size < size:
            flat = np.empty(size, self._dtype)
        return flat[:size].reshape(shape)

    def give(self, *arrays: Array) -> None:
        """Take back arrays that nobody will use again, named in the order in which they were handed out.

        The first is then on top, so that the next run finds each where it needs one of that size. What is
        held never exceeds what was in use at once.
        """
        self._spare.extend(array.base for array in reversed(arrays) if array.base is not None)
