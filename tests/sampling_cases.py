"""Networks whose every prediction is known, for the tests of decoding and of sampling."""

from __future__ import annotations

import numpy as np

from elman import Network
from elman.data import Vocabulary

V = 7


def network(size: int = V, **options: object) -> Network:
    options = {"hidden_size": 6, "dtype": "float64", "num_layers": 2, **options}
    return Network(input_size=size, output_size=size, seed=3, **options)


def constant(logits: np.ndarray) -> Network:
    """A network that predicts the same whatever it reads."""
    same = network(len(logits), hidden_size=1, num_layers=1)
    same.parameters.flat[:] = 0
    same.parameters["head.c"][:] = logits
    return same


def parrot(vocabulary: Vocabulary, circle: str | bytes) -> Network:
    """A network that says the symbols of a circle, each after the one before it, and always the same."""
    size = vocabulary.size
    follows = network(size, hidden_size=size, num_layers=1)
    follows.parameters.flat[:] = 0
    follows.parameters["layers.0.U"][:] = 50 * np.eye(size)
    around = vocabulary.encode(circle)
    follows.parameters["head.V"][np.roll(around, -1), around] = 50
    return follows
