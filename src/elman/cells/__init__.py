"""The cells: one file and one pair of equations each. To add one, write its file and its row here."""

from __future__ import annotations

from elman.errors import OptionError

from . import elman, gru, lstm
from .cell import Cell, States

CELLS: dict[tuple[str, str], Cell] = {
    ("elman", "tanh"): Cell("elman", "tanh", ("h",), ("h",), elman.forward_tanh, elman.backward_tanh),
    ("elman", "relu"): Cell("elman", "relu", ("h",), ("h",), elman.forward_relu, elman.backward_relu),
    ("gru", "tanh"): Cell(
        "gru", "tanh", ("r", "z", "n"), ("h",), gru.forward, gru.backward, kept=1, recurrent_bias=True
    ),
    ("lstm", "tanh"): Cell(
        "lstm",
        "tanh",
        ("i", "f", "g", "o"),
        ("h", "s"),
        lstm.forward,
        lstm.backward,
        kept=1,
        restart_every=32,
    ),
}


def find(name: str, activation: str = "tanh") -> Cell:
    """Return the row of CELLS, or say which there are.

    >>> find("gru", "relu")
    Traceback (most recent call last):
    elman.errors.OptionError: no cell 'gru' with activation 'relu'; there are elman (tanh, relu), ...
    """
    try:
        return CELLS[name, activation]
    except KeyError:
        names = {cell: [a for c, a in CELLS if c == cell] for cell, _ in CELLS}
        known = ", ".join(f"{cell} ({', '.join(activations)})" for cell, activations in names.items())
        raise OptionError(f"no cell {name!r} with activation {activation!r}; there are {known}") from None


__all__ = ["CELLS", "Cell", "States", "find"]
