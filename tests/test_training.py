"""Training learns, refuses options out of range, and ends where it was told to, by steps or by the clock."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from elman import Batch, Network, OptionError, bptt, schedules, train
from elman import training as training_module
from elman.data import Data, Streams
from elman.optimizers import OPTIMIZERS
from elman.training import Limit
from training_cases import either_data, lines, small, streams, take

# ---------------------------------------------------------------------------------------- it learns


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_repeated_pattern_is_learned(name):
    network = Network(input_size=3, hidden_size=8, output_size=3)
    data = Streams(np.arange(200) % 3, batch_size=2, seq_length=10)
    losses = [progress.loss for progress in train(network, data, steps=400, optimizer=name)]
    assert losses[0] > 0.9
    assert losses[-1] < 0.1


def test_a_network_without_memory_cannot_learn_what_one_with_memory_does():
    """0 is followed by 1 and 2 in turn: only the state knows which, and it flows from window to window."""
    symbols = np.tile([0, 1, 0, 2], 100)
    data = Streams(symbols, batch_size=2, seq_length=1)

    def last_loss(data: Data) -> float:
        network = Network(input_size=3, hidden_size=8, output_size=3)
        return np.mean([p.loss for p in train(network, data, steps=1000, learning_rate=0.02)][-40:])

    class Forgetful:
        steps_per_epoch = data.steps_per_epoch

        def batches(self, seed: int = 0, step: int = 0) -> Iterator[Batch]:
            return (Batch(batch.x, batch.targets, fresh=True) for batch in data.batches(seed, step))

    assert last_loss(data) < 0.2
    assert last_loss(Forgetful()) > 0.3  # log(2) / 2 = 0.347 is the best that is possible


@either_data
@pytest.mark.parametrize("optimizer", ["adam", "sgd", "adagrad"])
def test_the_same_seed_gives_the_same_bytes(data, optimizer):
    def bytes_after(**options: Any) -> bytes:
        network = small("float32")
        take(network, data, 25, optimizer=optimizer, **options)
        return network.parameters.flat.tobytes()

    assert bytes_after(seed=3) == bytes_after(seed=3)
    assert bytes_after(seed=3) != bytes_after(seed=4)


def test_no_hidden_random_numbers_are_read_or_changed():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    take(small(), lines(), 12)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


# -------------------------------------------------------------------------------------- its options


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "give one of steps, epochs and minutes; none came"),
        ({"steps": 3, "epochs": 1}, "give one of .*; steps and epochs came"),
        ({"epochs": 1, "minutes": 1}, "epochs and minutes came"),
        ({"steps": 0}, "steps is 0"),
        ({"steps": -1}, "steps is -1"),
        ({"steps": 2.5}, r"steps is 2\.5; it must be a whole number"),
        ({"steps": True}, "steps is True; it must be a whole number"),
        ({"steps": 10**400}, "steps is 1000"),
        ({"epochs": 0.0}, r"epochs is 0\.0"),
        ({"epochs": math.nan}, "epochs is nan"),
        ({"epochs": 1e300}, "epochs is 1e"),
        ({"minutes": math.inf}, "minutes is inf"),
        ({"minutes": -0.1}, r"minutes is -0\.1"),
        ({"steps": 1, "learning_rate": 0}, "learning_rate is 0"),
        ({"steps": 1, "learning_rate": math.nan}, "learning_rate is nan"),
        ({"steps": 1, "learning_rate": math.inf}, "learning_rate is inf"),
        ({"steps": 1, "clip": 0.0}, r"clip is 0\.0"),
        ({"steps": 1, "clip": -1}, "clip is -1"),
        ({"steps": 1, "clip": math.inf}, "clip is inf"),
        ({"steps": 1, "validate_every": 0}, "validate_every is 0"),
        ({"steps": 1, "validate_every": 1.5}, r"validate_every is 1\.5"),
        ({"steps": 1, "optimizer": "adamax"}, "no optimizer 'adamax'; there are adam, "),
        ({"steps": 1, "schedule": "linear"}, "no schedule 'linear'; there are cosine, "),
        ({"steps": 1, "seed": -1}, "seed is -1"),
    ],
)
def test_options_out_of_range_are_refused_when_the_first_step_is_asked_for(options, words):
    network = small()
    before = network.parameters.flat.tobytes()
    run = train(network, streams(), **options)
    with pytest.raises(OptionError, match=words):
        next(run)
    assert network.parameters.flat.tobytes() == before


@pytest.mark.parametrize(("hidden_size", "factor"), [(7, 1), (256, 1), (512, 0.5)])
def test_the_own_learning_rate_falls_with_the_width_beyond_256(hidden_size: int, factor: float) -> None:
    network = Network(input_size=3, hidden_size=hidden_size, output_size=3)
    data = Streams(np.arange(50) % 3, batch_size=1, seq_length=4)
    progress = next(train(network, data, steps=3, optimizer="sgd", schedule="constant"))
    assert progress.learning_rate == factor * 0.5
    progress = next(train(network, data, steps=3, schedule="constant", learning_rate=0.25))
    assert progress.learning_rate == 0.25


# -------------------------------------------------------------------------------- how long it runs


def test_one_progress_for_each_step():
    assert [p.step for p in train(small(), streams(), steps=5)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("epochs", "steps"), [(1, 8), (2.0, 16), (0.5, 4), (0.51, 5), (1e-9, 1), (1.1, 9), (0.875, 7)]
)
def test_epochs_are_counted_in_steps_and_begun_steps_are_done(epochs, steps):
    assert streams().steps_per_epoch == 8
    assert len(list(train(small(), streams(), epochs=epochs))) == steps


def test_no_step_too_many_by_rounding():
    assert 1.1 * 100 > 110
    assert Limit(epochs=1.1).fraction(110, 0.0, steps_per_epoch=100) == 1
    assert Limit(epochs=1.1).fraction(109, 0.0, steps_per_epoch=100) < 1


@dataclass
class Clock:
    """A clock that stands still but when it is told."""

    now: float = 1000.0
    step_seconds: float = 10.0

    def perf_counter(self) -> float:
        return self.now

    def full(self, network: Network, batch: Batch, state: Any, **options: Any) -> Any:
        self.now += self.step_seconds
        return bptt.full(network, batch, state, **options)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(training_module, "time", clock)
    monkeypatch.setattr(training_module, "bptt", clock)
    return clock


def test_minutes_end_in_time(clock):
    progresses = list(train(small(), streams(), minutes=1))
    assert [p.seconds for p in progresses] == [10, 20, 30, 40, 50, 60]
    assert [p.fraction for p in progresses] == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1])
    assert {p.symbols_per_second for p in progresses} == {30 / 10}
    assert progresses[1].learning_rate == pytest.approx(8e-3 * schedules.cosine(1 / 6))


def test_minutes_hold_the_time_of_validation_and_of_the_caller(clock):
    def validation(network: Network) -> float:
        clock.now += 25
        return 1.0

    progresses = list(train(small(), streams(), minutes=1, validation=validation, validate_every=2))
    assert [p.seconds for p in progresses] == [10, 45, 55, 90]  # no fifth step, though 60 s passed in no step
    assert [p.validation_loss is not None for p in progresses] == [False, True, False, True]
    assert progresses[-1].fraction == 1
    assert {p.symbols_per_second for p in progresses} == {3.0}
    run = train(small(), streams(), minutes=1)
    next(run)
    clock.now += 100
    assert [p.seconds for p in run] == [120]


def test_pauses_between_resumed_runs_are_left_out(clock):
    network = small()
    run = take(network, streams(), 4, steps=None, minutes=1)[-1].training
    clock.now += 1e6
    rest = list(train(network, streams(), minutes=1, training=run))
    assert [(p.step, p.seconds) for p in rest] == [(5, 50), (6, 60)]


def test_a_clock_too_coarse_for_a_step_does_no_harm(clock):
    clock.step_seconds = 0.0
    assert take(small(), streams(), 2)[-1].symbols_per_second > 1e9
