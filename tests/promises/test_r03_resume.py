"""R3: a run that goes on is the same run, to the bit: parameters, optimizer, hidden state, model and log."""

from __future__ import annotations

import copy
import os
from typing import Any

import pytest

from cli_cases import Done, elman
from elman import persistence
from elman.cli import run
from engine_cases import COMPILED
from run_cases import Folder, stop_at
from training_cases import snapshot

STEPS, EVERY = 23, 5
USUAL = (  # enough work for several threads; a validation at every checkpoint
    *("--hidden-size", "32", "--seq-length", "16", "--batch-size", "32", "--output-dropout", "0.1"),
    *("--checkpoint-every", str(EVERY), "--validate-every", str(EVERY), "--steps", str(STEPS)),
)
RULES = [(optimizer, dtype) for optimizer in ("sgd", "adam") for dtype in ("float32", "float64")]
KINDS = {
    cell: [("--cell", cell, "--optimizer", optimizer, "--dtype", dtype) for optimizer, dtype in RULES]
    for cell in ("elman", "gru", "lstm")
}
KINDS["lines, noise, plateau"] = [
    (
        *("--lines", "--cell", "lstm", "--embedding-size", "4", "--zoneout", "0.1"),
        *("--recurrent-dropout", "0.1", "--schedule", "plateau", "--learn-initial-state", "--layer-norm"),
    )
]
NOWHERE = "between evaluation and save"


def threads(count: int) -> tuple[str, ...]:
    return ("--threads", str(count)) if COMPILED else ()


@pytest.fixture(autouse=True)
def unsynced(monkeypatch) -> None:
    """No power is cut here: there is no need to wait for the disk, hundreds of times."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def last(monkeypatch) -> list[dict[str, Any]]:
    """All that the last checkpoint consists of, by bytes: it is removed when the run is done."""
    save, seen = persistence.save, []

    def saved(path, network, vocabulary=None, record=None, training=None, **more):
        if training is not None:
            seen[:] = [snapshot(network, training)]
        save(path, network, vocabulary, record, training, **more)

    monkeypatch.setattr(persistence, "save", saved)
    return seen


def edge_of_an_epoch(folder: Folder) -> int:
    """The last step of the first epoch."""
    epochs = [line.split(",")[1] for line in folder.log.read_text().splitlines()[1:]]
    assert epochs.count("1") in range(4, STEPS - 4), "the run has no epoch to stop within"
    return epochs.count("1")


def killed(folder: Folder, monkeypatch) -> None:
    """Leave a run after the evaluation of a step, before that step is saved."""
    save, step = run.Run._save_checkpoint, 2 * EVERY

    def save_or_die(self):
        if self.training.step == step:
            raise ZeroDivisionError
        save(self)

    with monkeypatch.context() as patch:
        patch.setattr(run.Run, "_save_checkpoint", save_or_die)
        with pytest.raises(ZeroDivisionError):
            elman(*folder.begin(*threads(1)))
    assert (folder.saved(), folder.logged()) == (EVERY, step)


def stopped(folder: Folder, step: int, monkeypatch) -> None:
    """Leave a run by Ctrl-C after a step."""
    with monkeypatch.context() as patch:
        stop_at(patch, step)
        assert elman(*folder.begin(*threads(1))).code == 130
    assert folder.saved() == folder.logged() == step


def gone_on(folder: Folder) -> Done:
    done = elman(*folder.go_on(*threads(2)))
    assert done.code == 0, done.err
    assert not COMPILED or "2 threads" in done.err
    return done


def stops_of(uninterrupted: Folder, k: int, full: bool) -> list[int | str]:
    """Where a run is left: everywhere, or in two of these places, for each run others."""
    edge = edge_of_an_epoch(uninterrupted)
    stops = [1, edge // 2 + edge, edge, STEPS - 1, NOWHERE]
    return stops if full else [stops[k % 5], stops[(k + 2) % 5]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_goes_on_is_the_same_run(tmp_path, monkeypatch, last, full, kept, kind):
    count = 0
    for k, options in enumerate(KINDS[kind]):
        uninterrupted = Folder(tmp_path / str(k), (*USUAL, *options))
        assert elman(*uninterrupted.begin(*threads(1))).code == 0
        expected = copy.deepcopy(last)
        assert expected[0]["step"] == STEPS
        for stop in stops_of(uninterrupted, k + list(KINDS).index(kind), full):
            folder = Folder(tmp_path / f"{k}, {stop}", uninterrupted.options)
            killed(folder, monkeypatch) if stop == NOWHERE else stopped(folder, stop, monkeypatch)
            last.clear()
            gone_on(folder)
            assert last == expected, (options, stop)
            assert folder.ended_as(uninterrupted), (options, stop)
            count += 1
    on = "on another number of threads" if COMPILED else "without the compiled engine"
    kept("R3", f"{kind}: {count} runs stopped and resumed {on}, equal by bytes")


FORGOTTEN = {
    "optimizer": lambda run: run.memory.fill(0),
    "hidden state": lambda run: setattr(run, "hidden", None),
    "evaluations": lambda run: run.validation_losses.clear(),
    "step": lambda run: setattr(run, "step", run.step - 1),
}


@pytest.mark.parametrize("forget", FORGOTTEN.values(), ids=FORGOTTEN)
def test_a_checkpoint_that_forgets_a_part_ends_elsewhere(tmp_path, monkeypatch, forget):
    """The comparison can fail, for each part of a run."""
    options = (*USUAL, "--schedule", "plateau", "--validate-every", "2", "--lr", "0.5")
    uninterrupted, folder = (Folder(tmp_path / name, options) for name in ("whole", "parts"))
    assert elman(*uninterrupted.begin()).code == 0
    stopped(folder, 11, monkeypatch)
    model = persistence.load(folder.checkpoint)
    forget(model.training)
    persistence.save(folder.checkpoint, model.network, model.vocabulary, model.record, model.training)
    gone_on(folder)
    assert folder.log.read_bytes() != uninterrupted.log.read_bytes()
    assert folder.model.read_bytes() != uninterrupted.model.read_bytes()
