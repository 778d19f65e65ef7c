"""Faults to plant in the cells: lines copied wrongly, gates swapped; who must see each: test_mutants.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from cases import Array
from elman.cells import CELLS, Cell, States
from mutants import Plant

Key = tuple[str, str]
ELMAN, GRU, LSTM = ("elman", "tanh"), ("gru", "tanh"), ("lstm", "tanh")


def in_the_cell(change: Callable[[Cell], Cell], key: Key = ELMAN) -> Plant:
    return lambda monkeypatch: monkeypatch.setitem(CELLS, key, change(CELLS[key]))


def _through_the_state_before(cell: Cell) -> Cell:
    """The line of the step copied with the wrong state: f' through h0 instead of h1."""

    def backward(dafter: States, before: States, after: States, *given: Any) -> None:
        cell.backward(dafter, before, before, *given)

    return replace(cell, backward=backward)


def changed_gradient(change: Callable[[list[Array]], None]) -> Callable[[Cell], Cell]:
    """The gradients of the gates, changed after they were written."""

    def of(cell: Cell) -> Cell:
        def backward(*given: Any) -> None:
            cell.backward(*given)
            for rows in given[4 : 5 + cell.recurrent_bias]:
                change(np.split(rows, len(cell.gates), axis=-1))

        return replace(cell, backward=backward)

    return of


def _slightly_off(gates: list[Array]) -> None:
    gates[0] *= 1.001


def _copied_line(gates: list[Array]) -> None:
    gates[1][:] = gates[0]


def swapped(first: str, second: str) -> Callable[[Cell], Cell]:
    """Two gates in each other's place, in both directions: still a derivative."""

    def of(cell: Cell) -> Cell:
        order = list(cell.gates)
        i, j = order.index(first), order.index(second)
        order[i], order[j] = order[j], order[i]

        def exchange(rows: Array) -> Array:
            blocks = dict(zip(cell.gates, np.split(rows, len(order), axis=-1), strict=True))
            return np.concatenate([blocks[gate] for gate in order], axis=-1)

        def forward(a: Array, u: Array, *given: Any) -> None:
            a[...] = exchange(a)
            cell.forward(a, exchange(u), *given)

        def backward(*given: Any) -> None:
            cell.backward(*given)
            for rows in given[4 : 5 + cell.recurrent_bias]:
                rows[...] = exchange(rows)

        return replace(cell, forward=forward, backward=backward)

    return of


def _relu(cell: Cell) -> Cell:
    relu = CELLS["elman", "relu"]
    return replace(cell, forward=relu.forward, backward=relu.backward)


another_nonlinearity = in_the_cell(_relu)
wrong_state_in_the_line = in_the_cell(_through_the_state_before)
slightly_off = {key: in_the_cell(changed_gradient(_slightly_off), key) for key in (ELMAN, GRU, LSTM)}
copied_line = {key: in_the_cell(changed_gradient(_copied_line), key) for key in (GRU, LSTM)}
gates_swapped = {LSTM: in_the_cell(swapped("i", "o"), LSTM), GRU: in_the_cell(swapped("r", "z"), GRU)}
