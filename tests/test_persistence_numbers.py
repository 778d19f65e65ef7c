"""Numbers that are not finite are neither written nor, unless it is allowed, loaded; they are named."""

from __future__ import annotations

import math

import numpy as np
import pytest

from elman import Network, NumericError, Training, load, save
from elman.files import read_tensors
from persistence_cases import checkpoint as checkpoint
from persistence_cases import path as path
from persistence_cases import rewritten, small, trained


def spoil_parameters(network: Network, run: Training, value: float) -> str:
    network.parameters["layers.1.W"][1, 2] = value
    return r"layers\.1\.W\[1, 2\]"


def spoil_memory(network: Network, run: Training, value: float) -> str:
    run.memory[1, 7] = value
    return r"training\.memory\[1, 7\]"


def spoil_best(network: Network, run: Training, value: float) -> str:
    run.best[9] = value
    return r"training\.best\[9\]"


def spoil_hidden(network: Network, run: Training, value: float) -> str:
    run.hidden[1][0][2, 0] = value
    return r"training\.hidden\.1\.h\[2, 0\]"


def spoil_losses(network: Network, run: Training, value: float) -> str:
    run.validation_losses[1] = value
    return r"training\.validation_losses\[1\]"


every_value = pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
every_spoiler = pytest.mark.parametrize(
    "spoil", [spoil_parameters, spoil_memory, spoil_best, spoil_hidden, spoil_losses]
)


@every_value
@every_spoiler
def test_numbers_that_are_not_finite_are_not_written(path, spoil, value):
    path.write_bytes(b"old")
    network = small()
    run = trained(network)
    place = spoil(network, run, value)
    with pytest.raises(NumericError, match=rf"not written: {place} is {value}; 1 of its \d+ are not finite"):
        save(path, network, training=run)
    assert path.read_bytes() == b"old"


@every_value
@every_spoiler
def test_numbers_that_are_not_finite_are_not_loaded_unless_allowed(checkpoint, path, spoil, value):
    place = ""

    def change(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
        nonlocal place
        model = load(checkpoint)
        place = spoil(model.network, model.training, value)
        spoiled = dict(model.network.parameters.views)
        spoiled |= {"training.memory": model.training.memory, "training.best": model.training.best}
        spoiled |= {f"training.hidden.{k}.h": layer[0] for k, layer in enumerate(model.training.hidden)}
        spoiled["training.validation_losses"] = np.array(model.training.validation_losses)
        tensors |= spoiled

    rewritten(checkpoint, path, change)
    with pytest.raises(NumericError, match=rf"^{path}: refused: {place} is {value}; 1 of its"):
        load(path)
    model = load(path, allow_nonfinite=True)
    flat = np.concatenate(
        [array.reshape(-1) for array in read_tensors(path)[0].values() if array.dtype.kind == "f"]
    )
    assert (~np.isfinite(flat)).sum() == 1
    assert model.network.spec == load(checkpoint).network.spec
