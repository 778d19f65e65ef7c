"""A run goes on where it stood as if it had never been stopped, and a run of something else is refused."""

from __future__ import annotations

import copy
from dataclasses import asdict
from itertools import islice

import numpy as np
import pytest

from elman import Batch, Network, OptionError, Training, bptt, train
from elman.optimizers import sgd
from elman.training import start
from training_cases import SYMBOLS, either_data, small, snapshot, streams, take, told


def validation_on_a_part(network: Network) -> float:
    return bptt.full(network, Batch(SYMBOLS[:40, None], SYMBOLS[1:41, None]))[0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@either_data
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
