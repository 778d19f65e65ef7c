"""Lies in a header: each is refused for what it is.  How fast, and how small: promises/test_r10_*.py."""

from __future__ import annotations

import re
from random import Random

import pytest

from elman.errors import FormatError
from elman.files import header as headers
from elman.files import read_tensors
from header_lies import LIES, T, file, tensor


def refuse(path):
    with pytest.raises(FormatError) as caught:
        read_tensors(path)
    return str(caught.value)


def test_the_same_file_without_a_lie_is_read(tmp_path):
    path = tmp_path / "honest"
    path.write_bytes(file(T, tensor("u", '"U8"', "[]", "[8,9]"), data=bytes(9)))
    tensors, strings = read_tensors(path)
    assert [tensors["t"].tolist(), tensors["u"].tolist(), strings] == [[0, 0], 0, {}]


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_refused_for_what_it_is(tmp_path, name):
    raw, said = LIES[name]
    path = tmp_path / "lie"
    path.write_bytes(raw)
    message = refuse(path)
    assert message.startswith(f"{path}: ")
    assert re.search(said, message)
    assert message.isprintable()
    assert len(message) < len(str(path)) + 400


def damaged(raw, random):
    """Flip, insert, remove and repeat: 1 to 8 times, at random places."""
    raw = bytearray(raw)
    for _ in range(random.choice((1, 1, 2, 8))):
        place = random.randrange(len(raw))
        piece = raw[(start := random.randrange(len(raw))) : start + random.choice((1, 9, 60))]
        token = random.choice(
            (b"{", b"}", b"[", b'"', b"\\", b":", b"-", b"1e9", b"true", b"9" * 30, b"\xff")
        )
        stretch = slice(place, place + random.choice((0, 0, 1, 20)))
        raw[stretch] = random.choice((b"", piece, token, token * 3000, bytes([raw[place] ^ 1 << place % 8])))
        raw = raw or bytearray(b"{")
    return bytes(raw)


def test_5_000_damaged_headers_end_in_a_description_or_a_format_error():
    raw = file(T, tensor("u", '"U8"', "[]", "[8,9]"))[8:-8]
    random = Random(1990)
    parsed = 0
    for _ in range(5_000):
        try:
            headers.parse(damaged(raw, random), data_size=9)
            parsed += 1
        except FormatError as error:
            assert str(error).isprintable()  # noqa: PT017
    assert 0 < parsed < 500
