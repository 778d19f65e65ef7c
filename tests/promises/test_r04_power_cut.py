"""R4: when the power goes, at any moment of a run, no model is lost, and the run goes on to the same bytes.

Every call by which a training writes is followed; after each of them the disk may hold all of it, what was
synced, names without their bytes or bytes without their names, or a torn mixture (power_cases.py). What was
saved must be there, and `--resume` must end with the model and the log of the uninterrupted run.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from cli_cases import elman
from elman import ElmanError, load, persistence
from elman.cli import log
from elman.files import atomic
from power_cases import Disk, State, put_back
from run_cases import Folder, stop_at

OPTIONS = (
    *("--hidden-size", "4", "--seq-length", "8", "--batch-size", "16", "--steps", "9"),
    *("--validate-every", "2", "--checkpoint-every", "3"),
)
SOME = 40  # states of a run that are tried in the quick form


@dataclass(frozen=True)
class Apart(Folder):
    """A run with its log in a folder of its own, which no write of the model syncs."""

    @property
    def log(self) -> Path:
        return self.path / "logs/log.csv"

    def begin(self, *more: str) -> list[str]:
        begun = super().begin(*more)
        self.log.parent.mkdir(exist_ok=True)
        return begun


class Watched:
    """A run whose every call was followed, and what was saved when."""

    def __init__(self, folder: Apart, arguments: list[str], monkeypatch) -> None:
        self.folder, self.saved = folder, list[tuple[int, str, bytes]]()  # the moment, the path, the bytes
        self.disk = Disk(folder.path)
        save = persistence.save

        def noted(path, *given, **options):
            save(path, *given, **options)
            self.saved.append((len(self.disk.moments), os.path.abspath(path), Path(path).read_bytes()))

        with monkeypatch.context() as patch:
            patch.setattr(persistence, "save", noted)
            self.disk.attend(patch, log)
            done = elman(*arguments)
        assert done.code == 0, done.err

    def states(self, random: Random) -> list[tuple[int, State]]:
        """Every different state that a power cut may leave, with its moment."""
        seen, found = set(), []
        for moment, what in enumerate(self.disk.moments):
            for state in what.states(random):
                key = hash(tuple(sorted(state.items())))
                if key not in seen:
                    seen.add(key)
                    found.append((moment, state))
        return found

    def fault(self, moment: int, state: State, uninterrupted: Apart) -> str | None:
        """What is lost in a state, if anything is."""
        put_back(state, self.folder.path, "text.txt")
        for path in (self.folder.model, self.folder.checkpoint):
            name = str(path)
            versions = [(when, content) for when, where, content in self.saved if where == name]
            known = sum(when <= moment for when, _ in versions)
            if name in state:
                try:
                    load(path)
                except ElmanError as error:
                    return f"{path.name} cannot be loaded: {error}"
                if known and state[name] not in (content for _, content in versions[known - 1 :]):
                    return f"{path.name} is older than what was saved last"
            elif known and name in self.disk.moments[moment].names:
                return f"{path.name} was saved, and is not there"
        done = elman(*self.folder.go_on())
        if done.code != 0:
            return f"the run cannot go on: {done.err.splitlines()[-1]}"
        return None if self.folder.ended_as(uninterrupted) else "the run ends with other bytes"


@pytest.fixture
def runs(tmp_path):
    """An uninterrupted run, and the folder of another that is not begun."""
    uninterrupted = Apart(tmp_path / "whole", OPTIONS)
    assert elman(*uninterrupted.begin()).code == 0
    folder = Apart(tmp_path / "cut", OPTIONS)
    folder.begin()
    return uninterrupted, folder


def interrupted(folder: Apart, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        stop_at(patch, 4)
        assert elman(*folder.begin()).code == 130


@pytest.mark.parametrize("begun", [False, True], ids=["a run", "a run that goes on"])
def test_a_power_cut_at_any_moment_loses_nothing_that_was_saved(runs, monkeypatch, full, seed, kept, begun):
    uninterrupted, folder = runs
    random = Random(seed)
    if begun:
        interrupted(folder, monkeypatch)
    watched = Watched(folder, folder.go_on(), monkeypatch)
    assert folder.ended_as(uninterrupted)
    states = watched.states(random)
    assert len(states) > 100
    for moment, state in states if full else random.sample(states, SOME):
        assert watched.fault(moment, state, uninterrupted) is None, (moment, sorted(state))
    tried = f"{len(watched.disk.moments)} calls of a run{' that goes on' * begun}"
    kept(
        "R4", f"power cut after each of {tried}, {len(states) if full else SOME} states: 0 files lost, 0 runs"
    )


PLANTED = {
    "no sync of the bytes": (atomic, "_fill"),
    "no sync of the name": (atomic, "_sync_directory"),
    "no sync of the log": (log, "Log.facts"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_writer_that_does_not_sync_is_found_out(runs, monkeypatch, name):
    """The teeth of the test above."""
    uninterrupted, folder = runs
    module, function = PLANTED[name]
    owner, _, attribute = function.rpartition(".")
    owner = getattr(module, owner) if owner else module
    original = getattr(owner, attribute)

    def unsynced(*arguments):
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", lambda descriptor: None)
            return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(owner, attribute, unsynced)
        watched = Watched(folder, folder.go_on(), monkeypatch)
    faults = (watched.fault(*one, uninterrupted) for one in watched.states(Random(1)))
    assert any(faults)
