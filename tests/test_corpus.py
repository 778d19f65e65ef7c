"""A corpus is the same however it is cut and wherever it comes from; what is no corpus is refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import sys
import tempfile
import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from elman.data import (
    KINDS,
    UNKNOWN,
    Vocabulary,
    corpus,
    corpus_from_text,
    read_corpus,
    reading,
    shakespeare,
    split_stream,
)
from elman.errors import DataError, FormatError, OptionError

AWKWARD = st.text(st.sampled_from("a\r\n \té😀\ufeff\x85\x1c\0\u3000b")).map(str.encode)
SOMETIMES_BROKEN = st.lists(
    st.sampled_from(
        [b"a", b"\r", b"\n", "é".encode(), "😀".encode(), b"\xc3", b"\xf0\x9f", b"\x80", b"\xed\xa0\x80"]
    )
).map(b"".join)
KNOWN = {
    "chars": Vocabulary("chars", (UNKNOWN, "\n", "a", "é")),
    "bytes": Vocabulary("bytes", ()),
    "words": Vocabulary("words", (UNKNOWN, "\n", "a", "é")),
    "bpe": Vocabulary("bpe", (), ((97, 98), (32, 97), (195, 169), (256, 98), (32, 32), (257, 98))),
}
ANY_PIECE = st.sampled_from([1, 2, 3, 5, 1 << 20])
with_monkeypatch = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "text.txt"


def as_text(raw: bytes, errors: str = "strict") -> str:
    """What a text file says, by the plainest means."""
    return raw.decode("utf-8", errors).removeprefix("\ufeff").replace("\r\n", "\n")


# ── what is read ──


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("kind", KNOWN)
@given(raw=AWKWARD, piece_bytes=ANY_PIECE, map_above=st.sampled_from([0, 1 << 20]))
@with_monkeypatch
def test_neither_pieces_nor_mapping_change_what_is_read(
    monkeypatch, file, kind, lines, raw, piece_bytes, map_above
):
    monkeypatch.setattr(reading, "PIECE_BYTES", piece_bytes)
    monkeypatch.setattr(corpus, "MAP_ABOVE", map_above)
    file.write_bytes(raw)
    text = raw if kind == "bytes" else as_text(raw)
    vocabulary = KNOWN[kind]
    inner = vocabulary.encode(text).tolist()
    assume(inner)
    end = [vocabulary.line_end]
    expected = end + inner + (end if inner[-1:] != end else []) if lines else inner

    read = read_corpus(file, vocabulary=vocabulary, lines=lines)

    assert read.symbols.tolist() == expected
    assert read.symbols.dtype == vocabulary.dtype
    assert not read.symbols.flags.writeable
    assert read.unknown == (0 if vocabulary.unknown is None else inner.count(0))
    assert read.sha256 == hashlib.sha256(raw).hexdigest()
    assert read.source == str(file)


@pytest.mark.parametrize("kind", ["chars", "bytes", "words"])
@given(raw=AWKWARD, piece_bytes=ANY_PIECE)
@with_monkeypatch
def test_a_new_vocabulary_is_that_of_the_whole_text(monkeypatch, file, kind, raw, piece_bytes):
    monkeypatch.setattr(reading, "PIECE_BYTES", piece_bytes)
    file.write_bytes(raw)
    try:
        read = read_corpus(file, kind=kind, min_count=None if kind == "bytes" else 1)
    except DataError:
        pieces = {"bytes": raw, "chars": as_text(raw), "words": as_text(raw).split(" ")}[kind]
        assert len(set(pieces)) <= 1 or kind == "words"
        return
    assert read.unknown == 0
    assert sorted(set(read.symbols)) == (
        [*range(1, read.vocabulary.size)] if kind != "bytes" else sorted(set(raw))
    )
    if kind == "chars":
        assert read.vocabulary.decode(read.symbols) == as_text(raw)


@pytest.mark.parametrize("errors", ["strict", "replace", "ignore"])
@given(raw=SOMETIMES_BROKEN, piece_bytes=ANY_PIECE)
@with_monkeypatch
def test_broken_utf8_is_read_or_refused_as_python_does_for_the_whole(
    monkeypatch, file, errors, raw, piece_bytes
):
    monkeypatch.setattr(reading, "PIECE_BYTES", piece_bytes)
    raw += b"ab\n"  # enough to learn from, whatever is ignored
    file.write_bytes(raw)
    try:
        text = as_text(raw, errors)
    except UnicodeDecodeError as error:
        with pytest.raises(DataError, match=rf"at byte offset {error.start} \("):
            read_corpus(file, encoding_errors=errors)
    else:
        read = read_corpus(file, encoding_errors=errors)
        assert read.vocabulary.decode(read.symbols) == text


def test_a_word_or_a_line_of_several_pieces_is_one(monkeypatch, file):
    monkeypatch.setattr(reading, "PIECE_BYTES", 3)
    file.write_text("abcdefghij klm\nabcdefghij klm")
    read = read_corpus(file, kind="words", lines=True)
    assert read.vocabulary.symbols == (UNKNOWN, "abcdefghij", "klm", "\n")
    assert read.symbols.tolist() == [3, 1, 2, 3, 1, 2, 3]


def test_words_seen_once_train_the_unknown_word():
    read = corpus_from_text("the cat and the dog")
    assert read.unknown == 0
    read = corpus_from_text("the cat and the dog", kind="words")
    assert read.symbols.tolist() == [1, 0, 0, 1, 0]
    assert read.unknown == 3


def test_a_line_end_is_known_even_when_the_text_has_none():
    read = corpus_from_text("abab", lines=True)
    assert read.vocabulary.symbols == (UNKNOWN, "\n", "a", "b")
    assert read.symbols.tolist() == [1, 2, 3, 2, 3, 1]


def test_bytes_are_exact(file):
    file.write_bytes(b"\xef\xbb\xbfa\r\n\xff\0")
    assert read_corpus(file, kind="bytes").symbols.tobytes() == file.read_bytes()


def test_text_and_file_are_the_same(file):
    file.write_bytes("\ufeffä\r\nb\0".encode())
    from_file, from_text = read_corpus(file), corpus_from_text("\ufeffä\r\nb\0", source="a name")
    assert from_text.symbols.tolist() == from_file.symbols.tolist()
    assert from_text.vocabulary == from_file.vocabulary
    assert from_text.sha256 == from_file.sha256
    assert from_text.source == "a name"


def test_large_symbols_live_on_disk(monkeypatch):
    def on_disk(array):
        while array is not None and not isinstance(array, np.memmap):
            array = array.base
        return array is not None

    monkeypatch.setattr(corpus, "MAP_ABOVE", 4)
    assert not on_disk(corpus_from_text("abcd").symbols)
    assert on_disk(corpus_from_text("abcde").symbols)


@pytest.mark.parametrize("kind", KINDS)
def test_memory_does_not_grow_with_the_file(monkeypatch, file, kind):
    monkeypatch.setattr(reading, "PIECE_BYTES", 1 << 16)
    monkeypatch.setattr(corpus, "MAP_ABOVE", 0)
    learned = {"vocab_size": 260} if kind == "bpe" else {}
    vocabulary = corpus_from_text("to be or\n" * 2, kind=kind, **learned).vocabulary
    peaks = []
    for repeats in (10_000, 40_000):
        file.write_bytes(b"to be or\n" * repeats)
        tracemalloc.start()
        size = len(read_corpus(file, vocabulary=vocabulary, lines=True).symbols)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert size == 1 + repeats * {"words": 4, "bpe": 5}.get(kind, 9)
    assert peaks[1] < peaks[0] + 100_000


# ── from where ──


def test_standard_input_is_read(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xc3\xa9a\r\n")))
    read = read_corpus("-")
    assert read.vocabulary.decode(read.symbols) == "éa\n"
    assert read.source == "standard input"


def test_a_pipe_is_read(monkeypatch, file):
    monkeypatch.setattr(reading, "PIECE_BYTES", 100)
    os.mkfifo(file)
    writer = threading.Thread(target=file.write_bytes, args=(b"to be\n" * 1000,))
    writer.start()
    read = read_corpus(str(file))
    writer.join()
    assert read.vocabulary.decode(read.symbols) == "to be\n" * 1000


def test_no_temporary_file_stays_behind(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(corpus, "MAP_ABOVE", 0)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"to be")))
    read = read_corpus("-")
    assert list(tmp_path.iterdir()) == []
    assert read.symbols.size == 5


# ── the split and the text that comes with the package ──


@pytest.mark.parametrize(
    ("n", "fraction", "cut"), [(10, 0.1, 9), (10, 0, 10), (3, 0.5, 1), (1_115_394, 0.1, 1_003_854)]
)
def test_the_end_is_held_out(n, fraction, cut):
    symbols = np.arange(n)
    train, valid = split_stream(symbols, fraction)
    assert (len(train), len(valid)) == (cut, n - cut)
    assert np.array_equal(np.concatenate([train, valid]), symbols)
    assert np.shares_memory(train, symbols)


@pytest.mark.parametrize("fraction", [-0.1, 1, 1.5, float("nan")])
def test_a_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(OptionError, match="at least 0 and below 1"):
        split_stream(np.arange(9), fraction)


def test_the_bundled_text_is_tiny_shakespeare():
    read = corpus_from_text(shakespeare.text(), source=shakespeare.NAME)
    assert read.sha256 == shakespeare.SHA256
    assert (read.symbols.size, read.vocabulary.size, read.unknown) == (1_115_394, 66, 0)
    train, valid = split_stream(read.symbols, 0.1)
    assert (train.size, valid.size) == (1_003_854, 111_540)


@pytest.mark.parametrize("damage", [b"", b"junk", gzip.compress(b"another text"), None])
def test_a_damaged_bundled_text_is_refused(monkeypatch, tmp_path, damage):
    whole = (shakespeare.resources.files("elman.data") / "tiny_shakespeare.txt.gz").read_bytes()
    (tmp_path / "tiny_shakespeare.txt.gz").write_bytes(whole[:-1000] if damage is None else damage)
    monkeypatch.setattr(shakespeare.resources, "files", lambda _: tmp_path)
    with pytest.raises(FormatError, match="install elman again"):
        shakespeare.text()
