"""Two hundred steps of training give the same bytes in the file, whatever the threads and the load."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman.data import Lines, Streams
from native_cases import FUSED, two_sets, using

STEPS = 200
GENERATOR = np.random.default_rng(5)
SYMBOLS = GENERATOR.integers(0, 17, 20_000)
SYMBOLS[GENERATOR.integers(0, 20_000, 1_500)] = 0  # ends of lines
SYMBOLS[0] = SYMBOLS[-1] = 0

# Enough work in a step for several threads.
NETWORKS: dict[str, dict[str, Any]] = {
    "elman": {"cell": "elman", "hidden_size": 64},
    "gru": {"cell": "gru", "hidden_size": 32, "layer_norm": True, "zoneout": 0.1},
    "lstm": {
        "cell": "lstm",
        "hidden_size": (24, 32),
        "dropout": 0.2,
        "embedding_size": 8,
        "learn_initial_state": True,
    },
}


def trained(name: str, place: Path, threads: int) -> bytes:
    """Train, save, and return what the file holds: model and checkpoint, optimizer memory and losses."""
    network = elman.Network(input_size=17, output_size=17, engine="native", threads=threads, **NETWORKS[name])
    lines = Lines(SYMBOLS, end=0, batch_size=32, seq_length=16)
    data = lines if name == "gru" else Streams(SYMBOLS, batch_size=32, seq_length=12)
    for progress in elman.train(network, data, steps=STEPS, learning_rate=0.01):
        progress.training.seconds = 0.0
    assert progress.loss < 2.9
    path = place / f"{name}.{threads}.safetensors"
    elman.save(path, network, training=progress.training)
    return path.read_bytes()


@contextmanager
def load() -> Iterator[None]:
    """Other programs that want more cores than there are."""
    spin = "while True: pass"
    busy = [subprocess.Popen([sys.executable, "-c", spin]) for _ in range((os.cpu_count() or 1) + 1)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


@pytest.mark.parametrize("name", NETWORKS)
def test_threads_and_load_leave_no_trace(name: str, tmp_path: Path) -> None:
    expected = trained(name, tmp_path, 1)
    assert trained(name, tmp_path, 2) == expected
    if name == "elman":
        with load():
            assert trained(name, tmp_path, 2) == expected


@two_sets
def test_instruction_sets_leave_no_trace(tmp_path: Path) -> None:
    files = []
    for isa in FUSED:
        with using(isa):
            files.append(trained("lstm", tmp_path, 2))
    assert len(set(files)) == 1


def test_the_command_line_does_the_same(tmp_path: Path) -> None:
    """Another process, its threads told by the environment."""
    files = []
    for threads in ("1", "2"):
        path = tmp_path / f"{threads}.safetensors"
        command = ["train", "--steps", "80", "--hidden-size", "48", "--seed", "3", "-o", str(path)]
        given = os.environ | {"ELMAN_NUM_THREADS": threads}
        subprocess.run([sys.executable, "-m", "elman", *command], env=given, check=True, capture_output=True)
        files.append(path.read_bytes())
    assert files[0] == files[1]


def test_another_seed_leaves_a_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = trained("elman", tmp_path, 1)
    monkeypatch.setitem(NETWORKS["elman"], "seed", 1)
    assert trained("elman", tmp_path, 1) != expected
