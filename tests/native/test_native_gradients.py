"""Backward of the compiled engine is the derivative of its own forward: central differences in float64.

That these checks can fail is shown in test_mutants.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from cases import TOLERANCE
from checks import differentiate_error, gradient_error
from elman.cells import CELLS
from elman.noise import Noise
from native_cases import draw, twin

SIZES: dict[str, Any] = {"T": 5, "B": 9, "I": 3, "H": 17, "O": 4}  # a second vector, a second shard
RAGGED = (0, 5, 3, 1, 5, 2, 4, 4, 1)
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "symbols": {"dense": False},
    "ragged": {"lengths": RAGGED},
    "reset": {"reset": 0.3, "learn_initial_state": True},
    "layer norm": {"layer_norm": True, "dense": False},
    "ragged, reset, layer norm": {"lengths": RAGGED, "reset": 0.3, "layer_norm": True},
    "dropped": {"recurrent_dropout": 0.3, "zoneout": 0.3, "noise": Noise(seed=3, step=5)},
    "both ways": {"bidirectional": True, "H": (5, 9), "layers": 2, "lengths": RAGGED},
    "embedding": {"dense": False, "embedding_size": 5, "zoneout": 0.3},
}
KINK = 1e-3  # of relu: far enough that no difference crosses it

cells = pytest.mark.parametrize("cell", CELLS, ids="-".join)
options = pytest.mark.parametrize("option", OPTIONS)


@cells
@options
def test_backward_is_the_derivative_of_forward(cell: tuple[str, str], option: str) -> None:
    case = draw(cell, kink=KINK, **SIZES | OPTIONS[option])
    assert gradient_error(twin(case, threads=2), along=2) < TOLERANCE.gradient


@cells
@options
def test_what_a_loss_gives_is_its_derivative(cell: tuple[str, str], option: str) -> None:
    case = draw(cell, kink=KINK, weighted=True, **SIZES | OPTIONS[option])
    assert differentiate_error(twin(case, threads=2), along=1) < TOLERANCE.gradient


@cells
def test_every_entry_is_right(cell: tuple[str, str]) -> None:
    """Not only directions in each array."""
    case = draw(cell, kink=KINK, T=3, B=4, I=2, H=5, O=6, lengths=(0, 2, 3, 1))
    assert gradient_error(twin(case)) < TOLERANCE.gradient
