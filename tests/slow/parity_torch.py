"""PyTorch asked anew: 240 random configurations, both types (pytest -m slow tests/slow/parity_torch.py)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "goldens")]

from make_torch_rnn import answer, draw  # noqa: E402

from checks import parity_error  # noqa: E402

pytestmark = pytest.mark.slow

CELLS = ("tanh", "relu", "gru", "lstm")


def random_question(seed: int) -> dict[str, Any]:
    """A quarter of the questions for each cell, half of them in both directions, packed, dense."""
    generator = np.random.default_rng(seed)
    sizes = tuple(int(n) for n in generator.integers(1, [40, 9, 12, 33, 12]))  # T B I H O
    lengths = tuple(generator.integers(1, sizes[0], sizes[1], endpoint=True).tolist())
    return draw(
        generator,
        cell=CELLS[seed % 4],
        layers=int(generator.integers(1, 4)),
        dense=bool(generator.integers(2)),
        lengths=lengths if generator.integers(2) else None,
        both=bool(generator.integers(2)),
        sizes=sizes,
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("number", range(240))
def test_pytorch_gives_the_same(number: int, dtype: str) -> None:
    question = random_question(number)
    assert parity_error(question | {"expected": answer(question, dtype)}, dtype) < 1
