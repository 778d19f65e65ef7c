"""Sizes beyond one block of anything: outputs, rows, columns, steps, symbols. Right, on any threads."""

from __future__ import annotations

from typing import Any

import pytest

from bit_laws import in_place
from checks import worst
from native_cases import ISAS, differentiated, draw, twin, unequal, using

LARGE: dict[str, dict[str, Any]] = {
    "more outputs than are held at once": {"T": 5, "B": 6, "I": 3, "H": 9, "O": 70_001},
    "many symbols, few of them there": {"T": 6, "B": 9, "I": 30_000, "H": 12, "O": 5, "dense": False},
    "many rows": {"T": 3, "B": 2100, "I": 4, "H": 9, "O": 3},
    "many units": {"T": 3, "B": 10, "I": 5, "H": 300, "O": 6},
    "many inputs": {"T": 3, "B": 10, "I": 700, "H": 20, "O": 6},
    "many steps": {"T": 700, "B": 3, "I": 4, "H": 10, "O": 3},
}
TOLERANCE = 1e-12  # 1e-14: sums are longer than in the matrix


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("cell", [("elman", "tanh"), ("gru", "tanh")], ids="-".join)
def test_large(name: str, cell: tuple[str, str]) -> None:
    case = draw(cell, weighted=True, **LARGE[name])
    expected = differentiated(case) | in_place(case)
    alone = twin(case)
    answers = differentiated(alone) | in_place(alone)
    assert worst(answers, expected) < TOLERANCE
    for number, threads in enumerate((2, 5)):
        with using(ISAS[number % len(ISAS)]):
            shared = twin(case, threads=threads)
            assert unequal(differentiated(shared) | in_place(shared), answers) == [], threads
