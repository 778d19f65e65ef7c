"""What the network knows of a head: names, counts, and three functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from elman.numerics import Array


@dataclass(frozen=True)
class Head:
    """How rows of outputs y "N Y" are judged by targets, and what they say to a user.

    symbols: whether targets are symbols "N"; otherwise they are values "N O".
    width: the entries of y for each thing predicted, Y = width · O.        unit: of the loss.
    loss(y, targets, weights, total) → Σ w ℓ / total
        y is overwritten with its gradient, so that outputs are held once. weights: "N" float64 (None: all 1);
        total: Σ w of the whole batch, so that the losses of blocks of rows add up. A row of weight 0 counts
        for nothing, whatever its y and its target hold, NaN included; a total of 0 gives 0.
    each(y, targets) → ℓ of each row, "N" float64; y is left as it was.
    outputs(y) → what a user wants to see, along the last axis of y.

    >>> from elman.heads import HEADS
    >>> import numpy as np
    >>> y = np.array([[0.5, -1.0]])
    >>> HEADS["squared"].loss(y, np.array([[1.5, 2.0]]), None, 1.0), y
    (5.0, array([[-1., -3.]]))
    """

    name: str
    symbols: bool
    width: int
    unit: str
    loss: Callable[[Array, Array, Array | None, float], float]
    each: Callable[[Array, Array], Array]
    outputs: Callable[[Array], Array]
