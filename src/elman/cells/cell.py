"""What the engines know of a cell, and three operations that cells with gates share.

A gate of "B G·H" lies in pieces, one a row, and NumPy pays for each piece: at 32 × 128 a product of two gates
takes 2.8 µs so, 1.0 µs where both are whole, and a copy of all four from one order to the other 2.6 µs. So
cells with gates work on "G B H" and copy once on the way in and once on the way out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from elman.numerics import Array

States = tuple[Array, ...]  # one array per name in Cell.states, each "B H"


@dataclass(frozen=True)
class Cell:
    """One step of a recurrent layer, pointwise: no loop over time, no matrix product.

    forward(a, u, before, after, kept)
        a = U x + b and u = W h0 (+ d) come from the engine, "B G·H", gates stacked in the order of `gates`.
        a: may be overwritten with what backward wants, in any order.        u, before: left as they were.
        before: the states at the start of the step, "B H" each.
        after:  written: the states at its end.       kept: "B K·H", written: what backward wants again.
    backward(dafter, before, after, kept, da, du, dbefore)
        dafter: the loss gradient of `after`. Under zoneout `after` is not what forward wrote wherever dafter
                is 0: a cell may read it only where that 0 makes it of no consequence.
        da: on entry what forward left in a.
        da, du: written: the loss gradients of a and u. One and the same array unless `recurrent_bias`.
        dbefore: *added to*: what reaches the state before directly, not through u; the engine adds Wᵀ du.

    B may be 0, and a step of one sequence may have no axis B at all. a and da are contiguous, as a whole.

    >>> from elman.cells import CELLS
    >>> CELLS["lstm", "tanh"].gates, CELLS["lstm", "tanh"].states
    (('i', 'f', 'g', 'o'), ('h', 's'))
    """

    name: str
    activation: str
    gates: tuple[str, ...]
    states: tuple[str, ...]
    forward: Callable[[Array, Array, States, States, Array], None]
    backward: Callable[[States, States, States, Array, Array, Array, States], None]
    kept: int = 0
    recurrent_bias: bool = False  # GRU: u has a bias of its own, and a gradient of its own
    restart_every: int | None = None  # LSTM: windows after which a row of a stream should begin anew


def by_gate(rows: Array, gates: int) -> Array:
    """Return the view "G B H" of rows "B G·H".

    >>> by_gate(np.array([[1, 2, 3, 4], [5, 6, 7, 8]]), 2).tolist()
    [[[1, 2], [5, 6]], [[3, 4], [7, 8]]]
    """
    *batch, width = rows.shape
    return rows.reshape(*batch, gates, width // gates).swapaxes(0, -2)


def sigmoid(x: Array) -> None:
    """Overwrite x with σ(x) = ½ tanh(½ x) + ½, which no finite x overflows and NumPy does faster than exp.

    >>> x = np.array([-1e300, 0, 1e300])
    >>> sigmoid(x)
    >>> x
    array([0. , 0.5, 1. ])
    """
    np.multiply(x, 0.5, out=x)
    np.tanh(x, out=x)
    np.multiply(x, 0.5, out=x)
    np.add(x, 0.5, out=x)


def slopes(gates: Array, *, tanh: int) -> Array:
    """Return σ' = y − y² of every gate y, but tanh' = 1 − y² of the one numbered `tanh`, which becomes 1.

    >>> gates = np.array([[0.5], [0.5]])
    >>> slopes(gates, tanh=1).tolist(), gates.tolist()
    ([[0.25], [0.75]], [[0.5], [1.0]])
    """
    slope: Array = gates * gates
    gates[tanh] = 1
    np.subtract(gates, slope, out=slope)
    return slope
