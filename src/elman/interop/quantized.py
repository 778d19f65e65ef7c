"""Matrices as whole numbers of 8 bits, with one scale for each row.

    q = round(m / s), −127 … 127        s = max |m| / 127 of the row        m ≈ s q, off by at most s / 2

A row is what makes one output: a sum of a gate, a logit; of an embedding, the vector of a symbol. Biases,
gains and starts stay as they are: there are few of them.
"""

from __future__ import annotations

import numpy as np

from elman.network import Network
from elman.numerics import Array

LEVELS = 127
MATRICES = ("U", "W", "V", "E")


def is_matrix(name: str) -> bool:
    """Tell whether a parameter is one of those that become whole numbers.

    >>> is_matrix("layers.0.W"), is_matrix("head.c")
    (True, False)
    """
    return name.rpartition(".")[2] in MATRICES


def quantize(matrix: Array) -> tuple[Array, Array]:
    """Return (q, s) of a matrix; a row of zeros has the scale 0.

    Shapes: matrix: "R C" → q: "R C", int8; s: "R", in the type of the matrix.

    >>> q, s = quantize(np.array([[1.27, -0.5, 0.0], [0.0, 0.0, 0.0]], np.float32))
    >>> q.tolist(), s.round(4).tolist()
    ([[127, -50, 0], [0, 0, 0]], [0.009999999776482582, 0.0])
    """
    scale = np.abs(matrix).max(axis=1) / np.asarray(LEVELS, matrix.dtype)
    divisor = np.where(scale > 0, scale, 1).astype(np.float64)
    whole = np.rint(matrix / divisor[:, None]).clip(-LEVELS, LEVELS)
    return np.where(scale[:, None] > 0, whole, 0).astype(np.int8), scale


def restored(whole: Array, scale: Array) -> Array:
    """Return s q, "R C" in the type of the scale.

    >>> restored(np.array([[2, -3]], np.int8), np.array([0.5]))
    array([[ 1. , -1.5]])
    """
    values: Array = whole.astype(scale.dtype) * scale[:, None]
    return values


def rounded(network: Network) -> Network:
    """Return the network that the whole numbers and scales make: what is lost can be measured with it.

    >>> network = Network(input_size=3, hidden_size=4, output_size=2)
    >>> bool(np.abs(rounded(network).parameters.flat - network.parameters.flat).max() < 0.01)
    True
    """
    made = Network.from_spec(network.spec, network.parameters.flat)
    for name, values in made.parameters.views.items():
        if is_matrix(name):
            values[:] = restored(*quantize(values))
    return made
