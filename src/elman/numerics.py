"""Numbers with care: softmax that cannot overflow, random streams that depend on nothing hidden."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import OptionError

Array = NDArray[Any]

PURPOSES = (
    "initialization",
    "order",
    "split",
    "sampling",
    "dropout",
)  # append only: the position is part of each stream


def softmax(z: ArrayLike) -> Array:
    """Return exp(z) / Σ exp(z) along the last axis; the maximum is subtracted first, so nothing overflows.

    Shapes: z: "... O" → "... O".
    Units:  z are logits (nats); the result is a probability, each row sums to 1.

    >>> softmax([1e30, 0.0, 1e30])
    array([0.5, 0. , 0.5])
    """
    z = np.asarray(z)
    if z.dtype.kind != "f":
        z = z.astype(np.float64)
    p: Array = np.exp(z - z.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    return p


def log_softmax(z: ArrayLike) -> Array:
    """Return log softmax(z) along the last axis, finite wherever z is finite and in range of the dtype.

    Shapes: z: "... O" → "... O".

    >>> log_softmax(np.array([0.0, 0.0])).round(4)
    array([-0.6931, -0.6931])
    """
    z = np.asarray(z)
    if z.dtype.kind != "f":
        z = z.astype(np.float64)
    shifted: Array = z - z.max(axis=-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted


def generator(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """Return the random stream of (seed, purpose, counters): a pure function, so no state need be stored.

    Purposes keep streams apart: drawing a sample never changes the order of the data.
    Raises: OptionError for a negative seed.

    >>> generator(0, "order", 3).random() == generator(0, "order", 3).random()
    True
    >>> generator(0, "order", 3).random() == generator(0, "sampling", 3).random()
    False
    """
    if seed < 0:
        raise OptionError(f"seed is {seed}; it must be 0 or more")
    entropy = (seed, PURPOSES.index(purpose), *counters)
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))
