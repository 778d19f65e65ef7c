"""The weights of a layer as ONNX's recurrent operators have them, and back.

    operator   RNN              GRU, linear_before_reset = 1       LSTM
    gates      h                z r h  (ours: r z n)               i o f c  (ours: i f g o)
    W "D G·H I"   U of each direction       R "D G·H H"   W of each direction, gates in that order
    B "D 2·G·H"   b beside d; where a cell has no d, zeros

Source: https://onnx.ai/onnx/operators/onnx__LSTM.html, onnx__GRU.html, onnx__RNN.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from elman import cells
from elman.numerics import Array

OPERATORS = {"elman": "RNN", "gru": "GRU", "lstm": "LSTM"}
GATES = {"RNN": ("h",), "GRU": ("z", "r", "n"), "LSTM": ("i", "o", "f", "g")}  # by our letters
ACTIVATIONS = {
    ("elman", "tanh"): ("Tanh",),
    ("elman", "relu"): ("Relu",),
    ("gru", "tanh"): ("Sigmoid", "Tanh"),
    ("lstm", "tanh"): ("Sigmoid", "Tanh", "Tanh"),
}


def reordered(rows: Array, came: Sequence[str], wanted: Sequence[str]) -> Array:
    """Return rows "G·H …" with the blocks of their gates in another order.

    >>> reordered(np.array([1, 1, 2, 2, 3, 3]), ("r", "z", "n"), ("z", "r", "n"))
    array([2, 2, 1, 1, 3, 3])
    """
    blocks = rows.reshape(len(came), -1, *rows.shape[1:])
    return np.concatenate([blocks[came.index(gate)] for gate in wanted])


def to_operator(cell: cells.Cell, places: Sequence[Mapping[str, Array]]) -> tuple[Array, Array, Array]:
    """Return (W, R, B) of the operator, of the parameters U, W, b (and d) of each direction."""
    wanted = GATES[OPERATORS[cell.name]]
    weights = [], [], []  # type: tuple[list[Array], list[Array], list[Array]]
    for own in places:
        ordered = {name: reordered(part, cell.gates, wanted) for name, part in own.items()}
        d = ordered.get("d", np.zeros_like(ordered["b"]))
        for kind, part in zip(
            weights, (ordered["U"], ordered["W"], np.concatenate([ordered["b"], d])), strict=True
        ):
            kind.append(part)
    W, R, B = (np.stack(kind) for kind in weights)
    return W, R, B


def from_operator(cell: cells.Cell, W: Array, R: Array, B: Array) -> list[dict[str, Array]]:
    """Return the parameters of each direction, of the operator's W, R and B; bit for bit.

    Where a cell has one bias, the operator's two become their sum.
    """
    came, found = GATES[OPERATORS[cell.name]], []
    for U, own, both in zip(W, R, B, strict=True):
        b, d = np.split(both, 2)
        with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is refused by who asked
            parts = {"U": U, "W": own, "b": b if cell.recurrent_bias or not d.any() else b + d}
        if cell.recurrent_bias:
            parts["d"] = d
        found.append({name: reordered(part, came, cell.gates) for name, part in parts.items()})
    return found
