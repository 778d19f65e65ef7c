"""R6: any changed bit of a model file is noticed."""

from __future__ import annotations

import os
import random

import pytest
import safetensors.numpy

from elman import FormatError, load, save
from elman.files import read_tensors
from persistence_cases import CHARS, RECORD, small, trained


@pytest.fixture
def model(tmp_path):
    """A checkpoint with every part that a file can have."""
    path, network = tmp_path / "model", small(hidden_size=16)
    save(path, network, CHARS, RECORD, trained(network))
    return path


def header_size(raw):
    return 8 + int.from_bytes(raw[:8], "little")


def missed_flips(path, bits, read):
    """Return those bits of the file that can be flipped unnoticed; any other error fails the test."""
    raw, missed = path.read_bytes(), []
    with open(path, "r+b", buffering=0) as file:
        for bit in bits:
            os.pwrite(file.fileno(), bytes([raw[bit // 8] ^ 1 << bit % 8]), bit // 8)
            try:
                read(path)
                missed.append(bit)
            except FormatError as error:
                assert str(error).startswith(f"{path}: ")  # noqa: PT017
            os.pwrite(file.fileno(), raw[bit // 8 : bit // 8 + 1], bit // 8)
    return missed


def by_library(path):
    safetensors.numpy.load(path.read_bytes())


def test_every_bit_of_the_header_is_noticed(model, full, kept):
    bits = range(8 * header_size(model.read_bytes()))
    assert missed_flips(model, bits, load if full else read_tensors) == []
    kept("R6", f"all {len(bits):,} bits of a header, 10,000 of the data: every flip a typed error")


def test_10_000_bits_of_the_data_are_noticed(model, seed):
    raw = model.read_bytes()
    bits = random.Random(seed).sample(range(8 * header_size(raw), 8 * len(raw)), 10_000)
    assert missed_flips(model, bits[:-500], read_tensors) == []
    assert missed_flips(model, bits[-500:], load) == []
    model.write_bytes(raw)
    load(model)  # without a flip it is right


def test_safetensors_alone_misses_flips_of_the_data(model, seed):
    """The teeth of the tests above: why there is a digest."""
    raw = model.read_bytes()
    bits = random.Random(seed).sample(range(8 * header_size(raw), 8 * len(raw)), 100)
    assert missed_flips(model, bits, by_library) == bits
