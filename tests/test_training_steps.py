"""A step of training keeps its word: state and order, what it tells, clipping, reducing, validation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import pytest

from elman import Batch, Network, NumericError, bptt, schedules, train
from elman import training as training_module
from elman.data import Streams
from training_cases import SYMBOLS, either_data, keeping, lines, small, streams, take, told

# ------------------------------------------------------------------------------------- state and order


@dataclass
class Spy:
    """Stands for bptt: notes each batch, the state handed in and the state handed back."""

    calls: list[tuple[Batch, Any, Any]] = field(default_factory=list)

    def full(self, network: Network, batch: Batch, state: Any, **options: Any) -> Any:
        loss, gradient, after = bptt.full(network, batch, state, **options)
        self.calls.append((batch, state, after))
        return loss, gradient, after


@either_data
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
