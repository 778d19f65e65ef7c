"""Training learns, keeps its word about order, clipping, validation and stopping, and can always go on."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import pytest

from elman import Batch, Network, NumericError, OptionError, Progress, Training, bptt, schedules, train
from elman import training as training_module
from elman.data import Data, Lines, Streams
from elman.optimizers import OPTIMIZERS, Optimizer, sgd
from elman.training import Limit, start

SYMBOLS = np.random.default_rng(1).integers(0, 5, 260)
SYMBOLS[[0, 30, 31, 50, 53, 90, 99, 140, 180, 195, 259]] = (
    0  # line ends; the longest line takes several windows
)
SYMBOLS.setflags(write=False)

Log = list[dict[str, Any]]


def streams() -> Streams:
    return Streams(SYMBOLS, batch_size=3, seq_length=10)


def lines() -> Lines:
    return Lines(SYMBOLS, end=0, batch_size=4, seq_length=8)


def small(dtype: str = "float64", **options: Any) -> Network:
    return Network(input_size=5, hidden_size=6, output_size=5, dtype=dtype, **options)


def take(network: Network, data: Data, count: int, **options: Any) -> list[Progress]:
    return list(islice(train(network, data, **{"steps": 1000} | options), count))


def told(progress: Progress) -> dict[str, Any]:
    """What a step tells, but for the clock."""
    hidden = {"training", "seconds", "symbols_per_second"}
    return {name: value for name, value in vars(progress).items() if name not in hidden}


def snapshot(network: Network, run: Training) -> dict[str, Any]:
    """All that a run consists of, by bytes."""
    facts = {name: value for name, value in vars(run).items() if name != "seconds"}
    facts |= {"memory": run.memory.tobytes(), "best": None if run.best is None else run.best.tobytes()}
    facts["hidden"] = None if run.hidden is None else [s.tobytes() for layer in run.hidden for s in layer]
    return copy.deepcopy(facts) | {"parameters": network.parameters.flat.tobytes()}


def keeping(kept: list[np.ndarray], slots: int = 1) -> Optimizer:
    """An optimizer that moves nothing and keeps the gradients it is given."""

    def update(x: np.ndarray, g: np.ndarray, memory: np.ndarray, t: int, rate: float) -> None:
        kept.append(g.copy())

    return Optimizer("keeping", update, slots, 1.0)


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


@pytest.mark.parametrize("data", [streams(), lines()], ids=["streams", "lines"])
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

    def full(self, network: Network, batch: Batch, state: Any) -> Any:
        self.now += self.step_seconds
        return bptt.full(network, batch, state)


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


# ------------------------------------------------------------------------------------- state and order


@dataclass
class Spy:
    """Stands for bptt: notes each batch, the state handed in and the state handed back."""

    calls: list[tuple[Batch, Any, Any]] = field(default_factory=list)

    def full(self, network: Network, batch: Batch, state: Any) -> Any:
        loss, gradient, after = bptt.full(network, batch, state)
        self.calls.append((batch, state, after))
        return loss, gradient, after


@pytest.mark.parametrize("data", [streams(), lines()], ids=["streams", "lines"])
def test_the_state_flows_and_is_fresh_where_the_batch_says_so(monkeypatch, data):
    spy = Spy()
    monkeypatch.setattr(training_module, "bptt", spy)
    progresses = list(train(small(), data, epochs=3, optimizer="sgd", seed=5))
    assert len({batch.fresh for batch, _, _ in spy.calls}) == 2
    before = None
    for batch, state, after in spy.calls:
        assert state is (None if batch.fresh else before)
        before = after
    assert progresses[-1].training.hidden is before
    expected = islice(data.batches(5), len(spy.calls))
    for (batch, _, _), wanted in zip(spy.calls, expected, strict=True):
        assert (batch.x == wanted.x).all()
        assert (batch.targets == wanted.targets).all()


def test_hidden_is_where_the_network_stands_after_the_last_window():
    kept: list[np.ndarray] = []
    (progress,) = take(small(), streams(), 1, optimizer=keeping(kept))
    batch = next(streams().batches())
    (((expected,),), ((hidden,),)) = small().run(batch.x)[1], progress.training.hidden
    assert hidden.tobytes() == expected.tobytes()
    assert hidden.shape == (3, 6)


def test_progress_tells_what_happened():
    options = {"epochs": 2, "optimizer": "sgd", "learning_rate": 0.3, "schedule": "one-cycle"}
    network, data = small(), streams()
    loss, gradient, _ = bptt.full(network, next(data.batches()), None)
    progresses = list(train(network, data, **options))
    assert progresses[0].loss == loss
    assert progresses[0].gradient_norm == pytest.approx(np.linalg.norm(gradient), rel=1e-14)
    assert [p.epoch for p in progresses] == [1] * 8 + [2] * 8
    assert [p.fraction for p in progresses] == [k / 16 for k in range(1, 17)]
    rates = [0.3 * schedules.one_cycle(k / 16) for k in range(16)]
    assert [p.learning_rate for p in progresses] == rates
    assert [p.validation_loss for p in progresses] == [None] * 16
    assert all(p.training is progresses[0].training for p in progresses)
    assert all(p.symbols_per_second > 0 for p in progresses)
    seconds = [p.seconds for p in progresses]
    assert seconds == sorted(seconds)
    assert seconds[0] > 0
    assert progresses[-1].training.best is None
    assert progresses[-1].training.best_loss == math.inf


def test_the_loss_is_in_nats_per_symbol():
    network = small()
    network.parameters.flat[:] = 0
    assert take(network, lines(), 1)[0].loss == pytest.approx(math.log(5), rel=1e-14)


# ------------------------------------------------------------------------------------ clip and reduce


def test_clipping_keeps_the_direction_and_gives_the_threshold_as_norm():
    clipped: list[np.ndarray] = []
    raw: list[np.ndarray] = []
    progresses = take(
        small(), streams(), 3, clip=0.01, optimizer=keeping(clipped), reduce=lambda g: raw.append(g.copy())
    )
    for progress, short, long in zip(progresses, clipped, raw, strict=True):
        norm = np.linalg.norm(long)
        assert norm > 0.1
        assert progress.gradient_norm == pytest.approx(norm, rel=1e-14)
        assert np.linalg.norm(short) == pytest.approx(0.01, rel=1e-14)
        np.testing.assert_allclose(short / 0.01, long / norm, rtol=1e-12)


@pytest.mark.parametrize("options", [{"clip": None}, {"clip": 1e3}])
def test_a_short_gradient_or_no_threshold_changes_nothing(options):
    given: list[np.ndarray] = []
    raw: list[np.ndarray] = []
    take(small(), streams(), 3, optimizer=keeping(given), reduce=lambda g: raw.append(g.copy()), **options)
    assert [g.tobytes() for g in given] == [g.tobytes() for g in raw]


def test_the_default_threshold_is_1():
    given: list[np.ndarray] = []

    def enlarge(g: np.ndarray) -> None:
        g *= 1000

    take(small(), streams(), 1, optimizer=keeping(given), reduce=enlarge)
    assert np.linalg.norm(given[0]) == pytest.approx(1, rel=1e-14)


def test_the_mean_of_two_halves_is_the_whole():
    """Two workers with half of the streams each, and a reduce that averages, are one with all of them."""
    whole = Streams(SYMBOLS, batch_size=4, seq_length=6)

    @dataclass
    class Half:
        columns: slice
        steps_per_epoch: int = whole.steps_per_epoch

        def batches(self, seed: int = 0, step: int = 0) -> Iterator[Batch]:
            for batch in whole.batches(seed, step):
                x, targets = batch.x[:, self.columns], batch.targets[:, self.columns]
                yield Batch(x, targets, fresh=batch.fresh)

    options = {"optimizer": "adam", "clip": 0.1}
    one, two, other = small(), small(), small()
    theirs, state = Half(slice(2, 4)).batches(), None

    def average(gradient: np.ndarray) -> None:
        nonlocal state
        other.parameters.flat[:] = two.parameters.flat
        batch = next(theirs)
        _, second, state = bptt.full(other, batch, None if batch.fresh else state)
        gradient += second
        gradient /= 2

    alone = take(one, whole, 15, **options)
    together = take(two, Half(slice(0, 2)), 15, reduce=average, **options)
    np.testing.assert_allclose(two.parameters.flat, one.parameters.flat, rtol=0, atol=1e-12)
    norms = [p.gradient_norm for p in alone]
    assert [p.gradient_norm for p in together] == pytest.approx(norms, rel=1e-10)
    assert max(norms) > 0.1


# ------------------------------------------------------------------------------------------ validation


def scripted(losses: list[float]) -> tuple[Callable[[Network], float], list[bytes]]:
    """A validation that says what it was told to say, and the parameters it was shown."""
    seen: list[bytes] = []

    def validation(network: Network) -> float:
        seen.append(network.parameters.flat.tobytes())
        return losses[len(seen) - 1]

    return validation, seen


def test_validation_comes_at_every_nth_step_and_at_the_end():
    validation, seen = scripted([3.0, 2.0, 2.5, 2.2])
    network = small()
    progresses = [
        told(p) | {"bytes": network.parameters.flat.tobytes()}
        for p in train(network, streams(), steps=10, validation=validation, validate_every=3)
    ]
    losses = [p["validation_loss"] for p in progresses]
    assert losses == [None, None, 3.0, None, None, 2.0, None, None, 2.5, 2.2]
    assert seen == [progresses[k]["bytes"] for k in (2, 5, 8, 9)]


def test_the_last_step_validates_once():
    validation, seen = scripted([3.0, 2.0, 1.0])
    take(small(), streams(), 10, steps=9, validation=validation, validate_every=3)
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("losses", "best"),
    [([3.0, 2.0, 2.5, 2.2], 1), ([1.0, 2.0, 3.0, 4.0], 0), ([4, 3, 2, 1], 3), ([2.0, 2.0, 2.0, 2.0], 0)],
)
def test_the_best_parameters_survive_a_later_rise(losses, best):
    validation, seen = scripted(losses)
    network = small()
    progresses = take(network, streams(), 8, steps=8, validation=validation, validate_every=2)
    run = progresses[-1].training
    assert run.best.tobytes() == seen[best]
    assert (run.best_step, run.best_loss) == (2 * (best + 1), losses[best])
    assert run.validation_losses == losses
    assert len(set(seen)) == 4
    assert not np.shares_memory(run.best, network.parameters.flat)


def test_validation_losses_are_plain_numbers():
    run = take(small(), streams(), 2, validation=lambda network: np.float32(1.5), validate_every=1)[
        0
    ].training
    assert [type(loss) for loss in run.validation_losses] == [float, float]


def test_a_plateau_lowers_the_learning_rate():
    validation, _ = scripted([2.0] * 8)
    progresses = take(small(), streams(), 8, validation=validation, validate_every=1, schedule="plateau")
    assert [p.learning_rate / 8e-3 for p in progresses] == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_validation_loss_that_is_not_finite_stops(loss):
    validation, _ = scripted([2.0, loss])
    network = small()
    run = train(network, streams(), steps=9, validation=validation, validate_every=2)
    training = list(islice(run, 3))[-1].training
    with pytest.raises(NumericError, match=f"step 4: the validation loss is {loss}"):
        next(run)
    assert training.validation_losses == [2.0]
    assert np.isfinite(network.parameters.flat).all()


# ------------------------------------------------------------------------------- numbers that are not finite


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


@pytest.mark.parametrize("name", ["layers.0.U", "layers.0.W", "layers.0.b", "head.V", "head.c"])
@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_a_weight_that_is_not_finite_is_noticed_at_once_and_named(name, value):
    network = small()
    network.parameters[name].reshape(-1)[-1] = value
    before = network.parameters.flat.tobytes()
    run = start(network)
    _, error = until_it_stops(network, run)
    place = ", ".join(str(side - 1) for side in network.parameters[name].shape)
    assert str(error).startswith(f"step 1: parameter {name}[{place}] is {value} (")
    assert network.parameters.flat.tobytes() == before
    assert not run.memory.any()


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


# ------------------------------------------------------------------------------------------ going on


def validation_on_a_part(network: Network) -> float:
    return bptt.full(network, Batch(SYMBOLS[:40, None], SYMBOLS[1:41, None]))[0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("data", [streams(), lines()], ids=["streams", "lines"])
@pytest.mark.parametrize(
    ("optimizer", "rate", "schedule"),
    [
        ("adam", 0.2, "plateau"),
        ("sgd", 0.2, "cosine"),
        ("adagrad", 0.5, "one-cycle"),
        ("adamw", 0.2, "plateau"),
    ],
)
def test_stopped_and_resumed_is_uninterrupted(dtype, data, optimizer, rate, schedule):
    total = 2 * data.steps_per_epoch + 3
    options = {
        "steps": total,
        "optimizer": optimizer,
        "learning_rate": rate,
        "schedule": schedule,
        "validation": validation_on_a_part,
        "validate_every": 2,
        "seed": 7,
    }
    whole = small(dtype, num_layers=2)
    progresses = list(train(whole, data, **options))
    end = snapshot(whole, progresses[-1].training)
    assert len({p.learning_rate for p in progresses}) > 1
    assert len(progresses) == total
    for stop in (1, data.steps_per_epoch - 1, data.steps_per_epoch, data.steps_per_epoch + 2, total - 1):
        first = small(dtype, num_layers=2)
        log, run = [], None
        for progress in islice(train(first, data, **options), stop):
            log.append(told(progress))
            run = copy.deepcopy(progress.training)
        second = Network.from_spec(first.spec, first.parameters.flat)
        log += [told(progress) for progress in train(second, data, training=run, **options)]
        assert log == [told(progress) for progress in progresses]
        assert snapshot(second, run) == end


def test_closing_the_generator_early_does_no_harm():
    network = small()
    generator = train(network, streams(), steps=20)
    run = list(islice(generator, 7))[-1].training
    before = snapshot(network, run)
    generator.close()
    assert snapshot(network, run) == before
    list(train(network, streams(), steps=20, training=run))
    whole = small()
    assert snapshot(network, run) == snapshot(whole, list(train(whole, streams(), steps=20))[-1].training)


def test_a_run_that_is_done_has_no_more_steps():
    network = small()
    run = take(network, streams(), 4, steps=4)[-1].training
    before = snapshot(network, run)
    assert list(train(network, streams(), steps=4, training=run)) == []
    assert snapshot(network, run) == before
    assert [p.step for p in train(network, streams(), steps=6, training=run)] == [5, 6]


@pytest.mark.parametrize(
    ("training", "came"),
    [
        (start(small(), "sgd"), r"\(1, 107\)"),
        (start(small("float32"), "adam"), "float32"),
        (start(small(num_layers=2), "adam"), r"\(2, "),
        (Training(), r"\(0, 0\)"),
    ],
)
def test_a_training_of_another_optimizer_or_network_is_refused(training, came):
    run = train(small(), streams(), steps=5, training=training)
    with pytest.raises(OptionError, match=rf"memory of .*{came}.*; adam on this network has float64 \(2, "):
        next(run)


def test_a_new_training_is_all_zero():
    run = start(small("float32"), sgd(0.5))
    assert asdict(run) | {"memory": run.memory.tolist()} == {
        "step": 0,
        "seconds": 0.0,
        "memory": [[0.0] * len(small().parameters)],
        "hidden": None,
        "validation_losses": [],
        "best_step": 0,
        "best": None,
    }
    assert run.memory.dtype == np.float32


@pytest.mark.parametrize(("hidden_size", "factor"), [(7, 1), (256, 1), (512, 0.5)])
def test_the_own_learning_rate_falls_with_the_width_beyond_256(hidden_size: int, factor: float) -> None:
    network = Network(input_size=3, hidden_size=hidden_size, output_size=3)
    data = Streams(np.arange(50) % 3, batch_size=1, seq_length=4)
    progress = next(train(network, data, steps=3, optimizer="sgd", schedule="constant"))
    assert progress.learning_rate == factor * 0.5
    progress = next(train(network, data, steps=3, schedule="constant", learning_rate=0.25))
    assert progress.learning_rate == 0.25
