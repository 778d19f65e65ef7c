"""The model file: what is written is read, by us and by the safetensors library; any damage is noticed."""

from __future__ import annotations

import json
import os

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


def test_marks_are_counted_to_the_last():
    """Brackets, colons and commas, in headers that are right in all else."""

    def header(count, tensors):
        raw = headers.encode(tensors, {f"{k:x}": "" for k in range(count)})
        return raw, sum(map(raw.count, (b"{", b"}", b"[", b"]", b":", b",")))

    fullest = (headers.MARKS_LIMIT - 4) // 2 - 1  # strings: each takes two marks, and so does the digest
    raw, marks = header(fullest, {})
    assert marks == headers.MARKS_LIMIT
    assert len(headers.parse(raw, 0).metadata) == fullest
    odd = {"t": np.zeros((1, 1))}  # 15 marks
    raw, marks = header(fullest - 8, odd)
    assert marks == headers.MARKS_LIMIT - 1
    assert list(headers.parse(raw, 8).tensors) == ["t"]
    raw, marks = header(fullest - 7, odd)
    assert marks == headers.MARKS_LIMIT + 1
    with pytest.raises(FormatError, match=f"more than {headers.MARKS_LIMIT} brackets"):
        headers.parse(raw, 8)


# what changes while it is read; what is damaged before: promises/test_r06_*.py, test_r07_*.py


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
