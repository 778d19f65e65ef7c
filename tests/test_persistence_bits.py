"""Every flipped bit and every wrong length of a model file is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from elman import FormatError, load, save
from persistence_cases import CHARS, small
from persistence_cases import checkpoint as checkpoint
from persistence_cases import path as path


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("tiny") / "m"
    save(path, small(hidden_size=2, num_layers=1), CHARS, {"nats": 1.5})
    return path.read_bytes()


def unnoticed(path: Path, damaged: Iterator[bytes]) -> int:
    """How many of the files were loaded, or refused in another way than they should be."""
    count = tried = 0
    for data in damaged:
        tried += 1
        path.write_bytes(data)
        try:
            load(path)
        except FormatError as error:
            count += not str(error).startswith(f"{path}: ")
        else:
            count += 1
    assert tried > 100
    return count


def flipped(data: bytes, bits: Iterator[int]) -> Iterator[bytes]:
    for bit in bits:
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


def test_every_flipped_bit_of_the_header_is_noticed(path, tiny):
    header = 8 + int.from_bytes(tiny[:8], "little")
    assert 500 < header < len(tiny)
    assert unnoticed(path, flipped(tiny, iter(range(8 * header)))) == 0


def test_flipped_bits_of_the_data_are_noticed_here_and_by_nobody_else(path, checkpoint):
    data = checkpoint.read_bytes()
    header = 8 + int.from_bytes(data[:8], "little")
    bits = np.random.default_rng(6).integers(8 * header, 8 * len(data), 300).tolist()
    assert unnoticed(path, flipped(data, iter(bits))) == 0
    for changed in flipped(data, iter(bits[:20])):  # why there is a checksum
        safetensors.numpy.load(changed)


def test_every_length_but_its_own_is_noticed(path, tiny):
    cut = (tiny[:length] for length in range(len(tiny)))
    assert unnoticed(path, cut) == 0
    longer = (tiny + bytes([fill]) * more for more in (1, 7, 8, 4096) for fill in (*range(32), 255))
    assert unnoticed(path, longer) == 0


def test_the_teeth_of_these_tests(path, tiny):
    assert unnoticed(path, (tiny for _ in range(101))) == 101
