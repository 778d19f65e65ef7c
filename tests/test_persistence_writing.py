"""What could not be read back is not written, and the file that was there stays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from elman import FileError, FormatError, Network, OptionError, save
from persistence_cases import CHARS, small, trained
from persistence_cases import path as path

CIRCLE: dict[str, Any] = {}
CIRCLE["again"] = CIRCLE
DEEP: list[Any] = []
for _ in range(20_000):
    DEEP = [DEEP]
NO_RECORDS: dict[str, dict[Any, Any]] = {
    "nan": {"x": math.nan},
    "inf": {"x": [1, -math.inf]},
    "a NumPy number": {"x": np.float32(1)},
    "an array": {"x": np.arange(3)},
    "bytes": {"x": b"bytes"},
    "a set": {"x": {1, 2}},
    "a tuple": {"x": (1, 2)},
    "a key that is a number": {1: 2},
    "a key twice as text": {1: 2, "1": 3},
    "keys without order": {"a": 1, 2: 3},
    "half a surrogate pair": {"x": "\ud800"},
    "a number of 5,000 digits": {"x": 10**5000},
    "a circle": CIRCLE,
    "a depth": {"x": DEEP},
}


@pytest.mark.parametrize("name", NO_RECORDS)
def test_a_record_that_is_not_json_is_refused_and_the_old_file_stays(path, name):
    path.write_bytes(b"old")
    with pytest.raises(OptionError, match=r"^the record cannot be written as JSON: "):
        save(path, small(), record=NO_RECORDS[name])
    assert path.read_bytes() == b"old"


def test_a_record_too_large_to_be_read_is_not_written(path):
    with pytest.raises(FormatError, match=r"not written: the metadata has .* bytes"):
        save(path, small(), record={"x": "y" * 300_000})
    assert not path.exists()


def test_a_vocabulary_of_another_network_is_not_written(path):
    path.write_bytes(b"old")
    for network in (small(5), Network(input_size=4, hidden_size=3, output_size=2)):
        with pytest.raises(
            OptionError, match="not written: the vocabulary has 4 symbols, but the network reads"
        ):
            save(path, network, CHARS)
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize(
    "change",
    [
        {"best": np.zeros(5, np.float32)},
        {"best": np.zeros(61)},
        {"memory": np.zeros((2, 5), np.float32)},
        {"memory": np.ones(61, np.float32)},
        {"hidden": ((np.zeros((3, 3), np.float32),),)},
        {"hidden": ((np.zeros((3, 3), np.float32),), (np.zeros((2, 3), np.float32),))},
        {"step": 3.0},
        {"step": -1},
        {"best_step": True},
        {"seconds": -0.5},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_training_that_does_not_fit_is_not_written(path, change):
    path.write_bytes(b"old")
    network = small()
    run = trained(network)
    for name, value in change.items():
        setattr(run, name, value)
    with pytest.raises(FormatError, match="training"):
        save(path, network, training=run)
    assert path.read_bytes() == b"old"


def test_a_directory_that_is_not_there_is_said(tmp_path):
    with pytest.raises(FileError, match="there is no directory"):
        save(tmp_path / "no/model.safetensors", small())
