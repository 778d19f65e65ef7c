"""What the tests of model files share: a small network, a run with all its parts, files of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman import Network, Training, Vocabulary, save, train
from elman.data import Streams
from elman.files import read_tensors, write_tensors

SYMBOLS = np.random.default_rng(2).integers(0, 4, 200)
CHARS = Vocabulary("chars", ("<unk>", "a", "ß", "😀"))
WORDS = Vocabulary("words", ("<unk>", "\n", "Zürich", "時間", '"\\'))
RECORD = {
    "text": {"name": "Ærø 時間 😀\n\\\"'", "symbols": 2**70},
    "nats": 1.25,
    "lines": False,
    "best": None,
}

Change = Callable[[dict[str, np.ndarray], dict[str, str]], None]


def small(size: int = 4, **options: Any) -> Network:
    options = {"hidden_size": 3, "num_layers": 2} | options
    return Network(input_size=size, output_size=size, **options)


def trained(network: Network, steps: int = 7, **options: Any) -> Training:
    """A run that has everything that a run can have."""
    losses = iter([2.0, 1.5, 1.75, 1.6, 1.7, 1.8, 1.9])
    options = {"validation": lambda _: next(losses), "validate_every": 2, "steps": 30} | options
    data = Streams(SYMBOLS, batch_size=3, seq_length=5)
    return list(islice(train(network, data, **options), steps))[-1].training


def same_run(one: Training, other: Training) -> bool:
    def facts(run: Training) -> Any:
        hidden = None if run.hidden is None else [[s.tobytes() for s in layer] for layer in run.hidden]
        arrays = [None if a is None else (a.dtype, a.shape, a.tobytes()) for a in (run.memory, run.best)]
        return vars(run) | {"memory": arrays[0], "best": arrays[1], "hidden": hidden}

    return facts(one) == facts(other)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a test may write; whether the disk is waited for is tested in test_files_atomic.py."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    return tmp_path / "model.safetensors"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with every part that a file can have; not to be changed."""
    path = tmp_path_factory.mktemp("persistence") / "whole.safetensors"
    network = small()
    save(path, network, CHARS, RECORD, trained(network))
    return path


def rewritten(checkpoint: Path, path: Path, change: Change) -> Path:
    """Write a changed copy, with a checksum that is right."""
    tensors, metadata = read_tensors(checkpoint)
    change(tensors, metadata)
    write_tensors(path, tensors, metadata)
    return path
