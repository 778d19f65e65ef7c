"""n-grams, the models to beat on text, smoothed by Witten and Bell's rule.

A context seen N times, followed by T different symbols, gives way to the next shorter one T times in N + T:
    p(s | context) = (count(context s) + T p(s | shorter context)) / (N + T)
Source: Witten & Bell 1991, doi:10.1109/18.87000.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[Any]


def grams(symbols: Array, order: int) -> Array:
    """Cut a row of symbols into all its n-grams: "N" → "N-n+1 n"."""
    return sliding_window_view(symbols.astype(np.int64), order)


def witten_bell(train: Array, test: Array, size: int) -> Array:
    """Return the probability of the last symbol of each n-gram, given those before it.

    Shapes: train: "N n", test: "M n" symbols 0 … size - 1 → "M".
    """
    p = np.full(len(test), 1 / size)
    for n in range(1, train.shape[1] + 1):
        places = size ** np.arange(n, dtype=np.int64)[::-1]
        keys, counts = np.unique(train[:, -n:] @ places, return_counts=True)
        contexts, begins, kinds = np.unique(keys // size, return_index=True, return_counts=True)
        asked = test[:, -n:] @ places
        seen = _look_up(asked, keys, counts)
        total = _look_up(asked // size, contexts, np.add.reduceat(counts, begins))
        different = _look_up(asked // size, contexts, kinds)
        p = np.where(total > 0, (seen + different * p) / np.maximum(total + different, 1), p)
    return p


def nats(train: Array, test: Array, size: int) -> float:
    """Return the mean of −log p over the n-grams of a test part."""
    return float(-np.log(witten_bell(train, test, size)).mean())


def _look_up(asked: Array, keys: Array, values: Array) -> Array:
    """Return the value of each key asked for, 0 for one that is not there; keys are sorted."""
    places = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[places] == asked, values[places], 0)
