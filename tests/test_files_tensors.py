"""The model file: what is written is read, by us and by the safetensors library; any damage is noticed."""

from __future__ import annotations

import json
import os
import random
import time

import numpy as np
import pytest
import safetensors.numpy

from elman.errors import FormatError
from elman.files import header as headers
from elman.files import read_tensors, write_tensors

SMALL = {
    "U": np.arange(6, dtype=np.float32).reshape(2, 3) / 7,
    "step": np.array(41, dtype=np.int64),
    "seen": np.array([1, 2, 255], dtype=np.uint8),
    "adam": np.linspace(-1, 1, 8).reshape(2, 1, 2, 2),
}
STRINGS = {"spec": '{"cell": "elman"}', "alphabet": 'aß"\\\n\u0001🜁', "": "empty key"}


def file_bytes(tensors, strings, directory):
    path = directory / "seed.safetensors"
    write_tensors(path, tensors, strings)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def small(tmp_path):
    """A valid file of some 600 bytes."""
    return file_bytes(SMALL, STRINGS, tmp_path)


# what is written is read


def test_what_is_written_is_read(path):
    write_tensors(path, SMALL, STRINGS)
    tensors, strings = read_tensors(path)
    assert strings == STRINGS
    assert tensors.keys() == SMALL.keys()
    for name, array in tensors.items():
        assert (array.dtype, array.shape) == (SMALL[name].dtype, SMALL[name].shape)
        assert array.tobytes() == SMALL[name].tobytes()
        assert array.dtype.isnative
        assert array.flags.owndata
        assert array.flags.aligned
        assert array.flags.writeable


def test_the_safetensors_library_reads_the_same(path):
    write_tensors(path, SMALL, STRINGS)
    theirs = safetensors.numpy.load_file(path)
    assert theirs.keys() == SMALL.keys()
    for name, array in theirs.items():
        assert (array.dtype, array.shape) == (SMALL[name].dtype, SMALL[name].shape)
        assert array.tobytes() == SMALL[name].tobytes()
    with safetensors.safe_open(path, "numpy") as file:
        assert file.metadata().items() >= STRINGS.items()


def test_the_bytes_are_these_for_ever(path):
    """If this fails, files of released versions are no longer read: add a version, do not edit the bytes."""
    write_tensors(
        path, {"seen": np.array([7], np.uint8), "U": np.array([1.5], np.float32)}, {"b": "2", "a": "1"}
    )
    digest = "d9712453555b61820117d99dedc4552508a7bd014491d3650533737128a6f3fb"
    header = (
        f'{{"__metadata__":{{"a":"1","b":"2","sha256":"{digest}"}},'
        '"U":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
        '"seen":{"dtype":"U8","shape":[1],"data_offsets":[4,5]}}'
    ).encode()
    header += b" " * (-len(header) % 8)
    assert path.read_bytes() == len(header).to_bytes(8, "little") + header + b"\x00\x00\xc0\x3f\x07"


def test_the_same_content_gives_the_same_bytes(path, tmp_path):
    first = file_bytes(SMALL, STRINGS, tmp_path)
    write_tensors(path, *read_tensors(tmp_path / "seed.safetensors"))
    assert path.read_bytes() == first
    write_tensors(path, SMALL, dict(reversed(STRINGS.items())))
    assert path.read_bytes() == first


def test_every_array_is_aligned_in_the_file(path):
    odd = {f"{code}{i}": np.zeros(i + 1, code) for i in range(3) for code in ("u1", "f4", "i8", "f8")}
    write_tensors(path, odd, {})
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    assert length % 8 == 0
    for name, found in json.loads(raw[8 : 8 + length]).items():
        if name != "__metadata__":
            assert found["data_offsets"][0] % odd[name].itemsize == 0


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype=np.float32).reshape(3, 4).T,
        np.arange(12, dtype=np.float64)[::-3],
        np.arange(12, dtype=">f4").reshape(3, 4),
        np.broadcast_to(np.float64(3), (2, 3)),
    ],
    ids=["transposed", "strided", "big-endian", "broadcast"],
)
def test_arrays_of_any_layout_are_stored_by_value(path, array):
    write_tensors(path, {"a": array}, {})
    found = read_tensors(path)[0]["a"]
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype.newbyteorder("=")


def test_not_a_number_is_a_bit_pattern_here(path):
    special = np.array([np.nan, -np.nan, np.inf, -0.0, 5e-324])
    write_tensors(path, {"x": special}, {})
    assert read_tensors(path)[0]["x"].tobytes() == special.tobytes()


@pytest.mark.parametrize(
    ("tensors", "strings", "said"),
    [
        ({"h": np.zeros(2, np.float16)}, {}, "float16, expected float32"),
        ({"h": np.zeros(2, np.int32)}, {}, "int32, expected"),
        ({"h": np.array(["a"])}, {}, "<U1, expected"),
        ({"h": np.array([None])}, {}, "object, expected"),
        ({"h": np.zeros((2, 0))}, {}, r"\[2, 0\], expected"),
        ({"h": np.zeros((1, 1, 1, 1, 1))}, {}, "at most 4"),
        ({"": np.zeros(1)}, {}, "expected 1 to 255"),
        ({"ß" * 128: np.zeros(1)}, {}, "expected 1 to 255"),
        ({"__metadata__": np.zeros(1)}, {}, "belong to the format"),
        ({}, {"sha256": "0" * 64}, "belong to the format"),
        ({}, {'a"sha256': "0" * 64}, "unescaped"),
        ({}, {"a": "\ud800"}, "not Unicode"),
        ({"\udfff": np.zeros(1)}, {}, "not Unicode"),
        ({}, {"a": "x" * headers.METADATA_LIMIT}, "expected at most 262144"),
        ({f"t{i}": np.zeros(1) for i in range(1025)}, {}, "1025 tensors, expected at most 1024"),
    ],
)
def test_what_the_format_cannot_hold_is_not_written(path, tensors, strings, said):
    path.write_bytes(b"old")
    with pytest.raises(FormatError, match=said) as caught:
        write_tensors(path, tensors, strings)
    assert str(caught.value).startswith(f"{path}: not written: ")
    assert path.read_bytes() == b"old"


def test_the_limits_can_be_reached(path):
    full = {f"{i:04}" + "n" * 251: np.zeros((1, 1, 1, 1)) for i in range(1024)}
    strings = {"a": "[" * (headers.METADATA_LIMIT - 70 - 1)}  # 70: the digest's own key and value
    write_tensors(path, full, strings)
    tensors, found = read_tensors(path)
    assert list(tensors) == list(full)
    assert found == strings


# a changed bit, a missing byte


def is_refused(path):
    """Is the file refused as damaged?  Any other error goes through and fails the test."""
    try:
        read_tensors(path)
    except FormatError as error:
        return str(error).startswith(str(path))
    return False


def missed_flips(path, raw, bits):
    """Return those bits of the file that can be flipped unnoticed."""
    path.write_bytes(raw)
    missed = []
    with open(path, "r+b", buffering=0) as file:
        for bit in bits:
            os.pwrite(file.fileno(), bytes([raw[bit // 8] ^ 1 << bit % 8]), bit // 8)
            if not is_refused(path):
                missed.append(bit)
            os.pwrite(file.fileno(), raw[bit // 8 : bit // 8 + 1], bit // 8)
    return missed


def test_every_flipped_bit_of_the_header_is_noticed(path, small):
    bits = 8 * (8 + int.from_bytes(small[:8], "little"))
    assert missed_flips(path, small, range(bits)) == []


def test_flipped_bits_of_the_data_are_noticed(path, tmp_path):
    raw = file_bytes({"W": np.random.default_rng(0).standard_normal(200)}, {}, tmp_path)
    begin = 8 + int.from_bytes(raw[:8], "little")
    bits = random.Random(0).sample(range(8 * begin, 8 * len(raw)), 10_000)
    assert missed_flips(path, raw, bits) == []


def test_the_library_alone_misses_flipped_data(small):
    """The teeth of the test above: without the digest the same flips pass."""
    begin = 8 + int.from_bytes(small[:8], "little")
    for place in range(begin, len(small)):
        safetensors.numpy.load(small[:place] + bytes([small[place] ^ 1]) + small[place + 1 :])


def test_every_length_but_the_right_one_is_refused(path):
    write_tensors(path, {"W": np.ones((30, 30), np.float32)}, STRINGS)
    raw = path.read_bytes()
    assert 3800 < len(raw) < 4300
    for extra in (raw[:4096], b" ", b"\0", b""):
        path.write_bytes(raw + extra)
        assert is_refused(path) is (extra != b"")
    for length in reversed(range(len(raw))):
        os.truncate(path, length)
        assert is_refused(path), length


def test_a_truncation_is_noticed_at_once(path):
    write_tensors(path, {"W": np.ones((30, 30), np.float32)}, STRINGS)

    def seconds():
        begin = time.process_time()
        assert is_refused(path)
        return time.process_time() - begin

    for length in (path.stat().st_size - 1, 100, 8, 7, 0):
        os.truncate(path, length)
        assert min(seconds() for _ in range(3)) < 0.005


@pytest.mark.parametrize(("change", "said"), [(-8, "shorter"), (8, "longer")])
def test_a_file_that_changes_while_it_is_read_is_refused(path, monkeypatch, change, said):
    write_tensors(path, {"W": np.ones(4096)}, {})
    size = path.stat().st_size
    empty = np.empty

    def change_the_file(*arguments):
        os.truncate(path, size + change)
        return empty(*arguments)

    monkeypatch.setattr(np, "empty", change_the_file)
    with pytest.raises(FormatError, match=f"became {said} while it was read"):
        read_tensors(path)
