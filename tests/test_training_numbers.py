"""Numbers that are not finite stop a run, are named, and leave what the last good step left."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elman import Network, NumericError, Training, train
from elman.training import start
from training_cases import small, snapshot, streams, take


def planting(step: int, place: int, value: float) -> Callable[[np.ndarray], None]:
    """A reduce that puts a value into one entry of the gradient of one step."""
    calls = iter(range(1, 1000))

    def reduce(gradient: np.ndarray) -> None:
        if next(calls) == step:
            gradient[place] = value

    return reduce


def until_it_stops(
    network: Network, training: Training, **options: Any
) -> tuple[dict[str, Any], NumericError]:
    """The run as the last good step left it, and the error that ended it."""
    last = snapshot(network, training)
    with pytest.raises(NumericError) as caught:  # noqa: PT012
        for progress in train(network, streams(), steps=200, training=training, **options):
            last = snapshot(network, progress.training)
    return last, caught.value


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("optimizer", ["adam", "sgd", "adagrad"])
@pytest.mark.parametrize("step", [1, 4])
def test_one_bad_entry_of_a_gradient_stops_and_changes_nothing(dtype, value, optimizer, step):
    network = small(dtype)
    run = start(network, optimizer)
    place = 5 * 6 + 8  # after U "6 5": W[1, 2]
    last, error = until_it_stops(network, run, optimizer=optimizer, reduce=planting(step, place, value))
    assert str(error).startswith(f"step {step}: gradient layers.0.W[1, 2] is {value} (loss ")
    assert f"what step {step - 1} left is kept" in str(error)
    assert run.step == step - 1
    assert snapshot(network, run) == last
    # The run goes on as if nothing had been.
    take(network, streams(), 6 - run.step, steps=200, optimizer=optimizer, training=run)
    untouched = small(dtype)
    expected = take(untouched, streams(), 6, steps=200, optimizer=optimizer)[-1].training
    assert snapshot(network, run) == snapshot(untouched, expected)


@pytest.mark.parametrize(
    ("dtype", "activation", "options", "words"),
    [
        ("float32", "tanh", {"learning_rate": 1e38}, "parameter "),
        ("float32", "tanh", {"optimizer": "sgd", "learning_rate": 1e39}, r"step 1: parameter layers\.0\.U"),
        ("float32", "relu", {"learning_rate": 1e30}, "loss "),
        ("float64", "relu", {"optimizer": "sgd", "learning_rate": 1e160, "clip": None}, "loss "),
        ("float64", "relu", {"optimizer": "rmsprop", "learning_rate": 1e200}, "loss "),
    ],
)
def test_a_run_that_blows_up_keeps_the_last_good_step(dtype, activation, options, words):
    network = small(dtype, activation=activation, initialization="standard_normal", seed=3)
    run = start(network, options.get("optimizer", "adam"))
    last, error = until_it_stops(network, run, schedule="constant", **options)
    assert snapshot(network, run) == last
    assert np.isfinite(network.parameters.flat).all()
    assert np.isfinite(run.memory).all()
    assert str(error).startswith(f"step {run.step + 1}: ")
    assert error.exit_code == 4
    assert re.search(words, str(error))


def test_a_state_that_blows_up_from_window_to_window_stops_the_run():
    """Four times as large with every step: 4⁶⁴ is more than float32 holds, and 64 steps lie in window 7."""
    network = small("float32", activation="relu")
    network.parameters["layers.0.W"][:] = 4 * np.eye(6)
    run = start(network, "sgd")
    last, error = until_it_stops(network, run, optimizer="sgd", learning_rate=1e-37)
    assert run.step in (5, 6)
    assert str(error).startswith(f"step {run.step + 1}: gradient layers.0.U[0, 0] is nan (loss ")
    assert snapshot(network, run) == last
    assert np.isfinite(run.hidden[0][0]).all()


def test_a_memory_that_overflows_is_noticed_though_the_parameters_are_finite():
    """v = ∞ would make every later update of that parameter zero, and nobody would know."""
    network = small("float32")
    run = start(network)
    last, error = until_it_stops(network, run, clip=None, reduce=planting(3, 0, 1e30))
    assert str(error).startswith("step 3: memory layers.0.U[0, 0] is inf (learning rate ")
    assert snapshot(network, run) == last
    assert run.step == 2


def test_a_loss_that_overflows_is_noticed_though_the_gradient_is_finite():
    network = small("float32")
    network.parameters["head.c"][:2] = 3e38, -3e38
    run = start(network)
    last, error = until_it_stops(network, run)
    assert str(error).startswith("step 1: loss inf, gradient norm 1.")
    assert snapshot(network, run) == last


def test_a_norm_that_overflows_is_noticed_though_the_gradient_is_finite():
    network = small()
    run = start(network)
    last, error = until_it_stops(network, run, reduce=planting(2, 0, 1e200))
    assert str(error).startswith("step 2: loss 1.")
    assert "gradient norm inf" in str(error)
    assert snapshot(network, run) == last
