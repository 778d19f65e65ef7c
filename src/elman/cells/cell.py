"""What the engines know of a cell: names, counts, and one pair of functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from elman.numerics import Array

States = tuple[Array, ...]  # one array per name in Cell.states, each "B H"


@dataclass(frozen=True)
class Cell:
    """One step of a recurrent layer, pointwise: no loop over time, no matrix product.

    forward(a, u, before, after, kept)
        a = U x + b and u = W h0 (+ d) come from the engine, "B G·H", gates stacked in the order of `gates`.
        before: the states at the start of the step, "B H" each.
        after:  written: the states at its end.       kept: "B K·H", written: what backward wants again.
    backward(dafter, before, after, kept, da, du, dbefore)
        dafter: the loss gradient of `after`.
        da, du: written: the loss gradients of a and u. One and the same array unless `recurrent_bias`.
        dbefore: *added to*: what reaches the state before directly, not through u; the engine adds Wᵀ du.

    >>> from elman.cells import CELLS
    >>> CELLS["elman", "tanh"].gates
    ('h',)
    """

    name: str
    activation: str
    gates: tuple[str, ...]
    states: tuple[str, ...]
    forward: Callable[[Array, Array, States, States, Array], None]
    backward: Callable[[States, States, States, Array, Array, Array, States], None]
    kept: int = 0
    recurrent_bias: bool = False  # GRU: u has a bias of its own, and a gradient of its own
