"""Forward and backward are what the world means: numbers that PyTorch's nn.RNN gave, kept in goldens/.

goldens/make_torch_rnn.py wrote them, in float64; slow/parity_torch.py asks PyTorch anew, 200 times.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cases import TOLERANCE
from checks import parity_error

GOLDENS = json.loads((Path(__file__).parent / "goldens" / "torch_rnn.json").read_text())["cases"]


def label(golden: dict[str, Any]) -> str:
    sizes, x = golden["sizes"], np.array(golden["given"]["x"])
    kind = "symbols" if x.ndim == 2 else "dense"
    ends = "ragged" if "lengths" in golden["given"] else "whole"
    return f"{sizes['activation']}-{sizes['num_layers']}-{kind}-{ends}"


every_golden = pytest.mark.parametrize("golden", GOLDENS, ids=label)


@every_golden
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_pytorch_gives_the_same(golden: dict[str, Any], dtype: str) -> None:
    """Loss, outputs, final state, gradients of all weights and of the initial state."""
    assert parity_error(golden, dtype) < TOLERANCE.parity[dtype]


@pytest.mark.parametrize("name", GOLDENS[0]["expected"])
def test_every_number_is_compared(name: str) -> None:
    """A last digit changed in any one array of the golden numbers is seen."""
    golden = copy.deepcopy(GOLDENS[0])
    golden["expected"][name] = (np.array(golden["expected"][name]) * (1 + 1e-7)).tolist()
    assert parity_error(golden) > 100 * TOLERANCE.parity["float64"]


def test_the_goldens_span_what_pytorch_can_do() -> None:
    labels = {part for golden in GOLDENS for part in label(golden).split("-")}
    assert labels == {"tanh", "relu", "1", "2", "3", "dense", "symbols", "whole", "ragged"}


@every_golden
def test_the_goldens_are_not_trivial(golden: dict[str, Any]) -> None:
    for name, numbers in golden["expected"].items():
        array = np.array(numbers)
        assert np.isfinite(array).all(), name
        assert (array != 0).mean() > 0.3, name
