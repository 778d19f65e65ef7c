"""Forward and backward are what the world means: numbers that PyTorch and Keras gave, kept in goldens/.

goldens/make_torch_rnn.py and make_keras.py wrote them, in float64; promises/test_r14_parity.py asks anew.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checks import parity_error

PLACE = Path(__file__).parent / "goldens"
GOLDENS = {name: json.loads((PLACE / f"{name}.json").read_text())["cases"] for name in ("torch_rnn", "keras")}


def label(golden: dict[str, Any]) -> str:
    sizes, x = golden["sizes"], np.array(golden["given"]["x"])
    cell = sizes["activation"] if sizes["cell"] == "elman" else sizes["cell"]
    kind = "symbols" if x.ndim == 2 else "dense"
    ends = "ragged" if "lengths" in golden["given"] else "whole"
    return f"{cell}-{sizes['num_layers']}-{'both' if sizes['bidirectional'] else 'one'}-{kind}-{ends}"


every_golden = pytest.mark.parametrize(
    "golden",
    [golden for goldens in GOLDENS.values() for golden in goldens],
    ids=[f"{library}-{label(golden)}" for library, goldens in GOLDENS.items() for golden in goldens],
)
LAST = GOLDENS["torch_rnn"][-1]  # an LSTM of two layers and directions
GRU = next(golden for golden in GOLDENS["keras"] if golden["sizes"]["cell"] == "gru")


@every_golden
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_other_libraries_give_the_same(golden: dict[str, Any], dtype: str) -> None:
    """Loss, outputs, final state, gradients of all weights and of the initial state."""
    assert parity_error(golden, dtype) < 1


@pytest.mark.parametrize(
    ("golden", "name"), [(golden, name) for golden in (LAST, GRU) for name in golden["expected"]], ids=str
)
def test_every_number_is_compared(golden: dict[str, Any], name: str) -> None:
    """A last digit changed in any one array of the golden numbers is seen."""
    golden = copy.deepcopy(golden)
    golden["expected"][name] = (np.array(golden["expected"][name]) * (1 + 1e-7)).tolist()
    assert parity_error(golden) > 100


@every_golden
def test_every_parameter_has_its_gradient(golden: dict[str, Any]) -> None:
    expected = {"y", "loss", "state", "dstart", *(f"d{name}" for name in golden["parameters"])}
    assert golden["expected"].keys() == expected


@pytest.mark.parametrize(
    ("library", "spanned"),
    [
        ("torch_rnn", {"tanh", "relu", "gru", "lstm", "1", "2", "3"}),
        ("keras", {"tanh", "relu", "gru", "lstm", "1", "2"}),
    ],
)
def test_the_goldens_span_what_others_can_do(library: str, spanned: set[str]) -> None:
    labels = {part for golden in GOLDENS[library] for part in label(golden).split("-")}
    assert labels == spanned | {"one", "both", "dense", "symbols", "whole", "ragged"}


@every_golden
def test_the_goldens_are_not_trivial(golden: dict[str, Any]) -> None:
    for name, numbers in golden["expected"].items():
        array = np.array(numbers)
        assert np.isfinite(array).all(), name
        assert (array != 0).mean() > 0.3, name
