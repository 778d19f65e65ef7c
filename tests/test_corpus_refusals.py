"""What is no corpus is refused: one line that says what and where."""

from __future__ import annotations

import gzip
import os
import sys
import tempfile
from functools import partial
from types import SimpleNamespace

import pytest

from elman.data import UNKNOWN, Vocabulary, corpus, corpus_from_text, read_corpus, reading
from elman.errors import DataError, OptionError, ResourceError


@pytest.fixture
def file(tmp_path):
    return tmp_path / "text.txt"


def refusal(path, error=DataError, **options) -> str:
    with pytest.raises(error) as caught:
        read_corpus(path, **options)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 300
    return message


@pytest.mark.parametrize(
    ("raw", "options", "expected"),
    [
        (b"", {}, "is empty"),
        (b"", {"kind": "bytes"}, "is empty"),
        (b"", {"kind": "words"}, "holds no words"),
        (b"", {"vocabulary": Vocabulary("bytes", ())}, "is empty"),
        (b"", {"lines": True}, "is empty"),
        (b"\xef\xbb\xbf", {}, "is empty"),
        (b" \t \r", {"kind": "words"}, "holds no words"),
        (b"a", {}, "only one distinct symbol ('a', 1 x): there is nothing to predict"),
        (b"a", {"kind": "bytes"}, "only one distinct symbol ('a', 1 x)"),
        (b"\xef\xbb\xbfa", {}, "only one distinct symbol ('a', 1 x)"),
        (b"a" * 5000, {}, "only one distinct symbol ('a', 5000 x)"),
        (b"\0" * 9, {}, "only one distinct symbol ('\\x00', 9 x)"),
        (b"\r\n\r\n", {}, "only one distinct symbol ('\\n', 2 x)"),
        (b"\n\n", {"lines": True}, "only one distinct symbol ('\\n', 2 x)"),
        (b"yes yes", {"kind": "words"}, "only one distinct symbol ('yes', 2 x)"),
        (b"a b c", {"kind": "words"}, "each of its 3 symbols is too rare to be learned; lower min_count"),
        (b"aabb", {"min_count": 3}, "each of its 2 symbols is too rare"),
        (b"\xffabc", {}, "byte 0xff at byte offset 0 (invalid start byte)"),
        (b"ab\xc3", {}, "byte 0xc3 at byte offset 2 (unexpected end of data)"),
        (b"\xed\xa0\x80ab", {}, "byte offset 0"),
        (b"ab\xff", {}, "--encoding-errors replace (or ignore) reads on, --vocab bytes reads any bytes"),
        (gzip.compress(b"to be"), {}, "looks compressed (gzip)"),
        (b"PK\x03\x04\x14\x00\x80", {}, "looks compressed (zip)"),
        (b"\x28\xb5\x2f\xfd\x04", {}, "looks compressed (zstd)"),
        ("to be".encode("utf-16"), {}, "looks like UTF-16"),
    ],
)
def test_a_text_that_cannot_be_used_is_refused(file, raw, options, expected):
    file.write_bytes(raw)
    message = refusal(file, **options)
    assert expected in message
    assert message.startswith(str(file))


def test_a_gzip_file_can_be_read_as_bytes(file):
    file.write_bytes(gzip.compress(b"to be"))
    assert read_corpus(file, kind="bytes").symbols.tobytes() == file.read_bytes()


def test_a_path_that_cannot_be_read_is_refused(monkeypatch, tmp_path):
    assert "no such file" in refusal(tmp_path / "none")
    assert "is a directory" in refusal(tmp_path)
    assert "standard input" in refusal(tmp_path / "none")
    assert repr(str(tmp_path / "two\nlines")) in refusal(tmp_path / "two\nlines")

    def forbidden(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(reading, "open", forbidden, raising=False)
    assert "permission denied" in refusal("secret.txt")


def test_a_disk_that_fails_while_reading_is_said():
    def failing(_):
        raise OSError(5, "Input/output error")

    with pytest.raises(DataError, match=r"t\.txt: Input/output error"):
        list(reading.raw_pieces(SimpleNamespace(read=failing), "t.txt"))


def test_closed_standard_input_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert "standard input is closed" in refusal("-")


@pytest.mark.parametrize("new", [b"to be or not", b"to b", b"ta be", b"\xff", b""])
@pytest.mark.parametrize("map_above", [0, 1 << 20])
def test_a_file_that_changes_while_it_is_read_is_refused(monkeypatch, file, new, map_above):
    def count_then_change(*given):
        counts = original(*given)
        file.write_bytes(new)
        return counts

    original = corpus.count
    monkeypatch.setattr(corpus, "count", count_then_change)
    monkeypatch.setattr(corpus, "MAP_ABOVE", map_above)
    file.write_bytes(b"to be")
    assert ("changed while it was read" if new != b"\xff" else "byte offset 0") in refusal(file)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="2026-11-22: /dev/full plays the full disk")
def test_a_full_temporary_directory_is_said(monkeypatch, file):
    monkeypatch.setattr(tempfile, "TemporaryFile", partial(open, "/dev/full", "w+b"))
    monkeypatch.setattr(corpus, "MAP_ABOVE", 0)
    file.write_bytes(b"abc")
    assert "No space left on device; TMPDIR" in refusal(file, ResourceError)


def test_a_word_without_end_is_refused(monkeypatch, file):
    monkeypatch.setattr(reading, "LONGEST_WORD", 10)
    monkeypatch.setattr(reading, "PIECE_BYTES", 4)
    file.write_bytes(b"to be to be " + b"x" * 10 + b" be")
    assert read_corpus(file, kind="words").unknown == 1
    file.write_bytes(b"to be to be " + b"x" * 15 + b" be")
    assert "a word of over 10 characters; try --vocab chars" in refusal(file, kind="words")


CHARS = Vocabulary("chars", (UNKNOWN, "a"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"kind": "letters"}, "choose one of chars, bytes, words"),
        ({"kind": "words", "vocabulary": CHARS}, "kind is 'words' but the vocabulary given is of chars"),
        ({"vocabulary": CHARS, "min_count": 2}, "leave it out"),
        ({"kind": "bytes", "min_count": 2}, "leave it out"),
        ({"min_count": 0}, "it must be at least 1"),
        ({"vocabulary": CHARS, "lines": True}, "needs a vocabulary with a line end"),
        ({"encoding_errors": "surrogateescape"}, "choose one of strict, replace, ignore"),
    ],
)
def test_options_that_do_not_agree_are_refused_before_reading(options, expected):
    assert expected in refusal("no such file", OptionError, **options)


def test_half_a_surrogate_pair_is_refused_in_text():
    with pytest.raises(DataError, match="character 2 is half a surrogate pair"):
        corpus_from_text("ab\ud800")


def test_a_vocabulary_that_does_not_fit_is_counted_not_refused():
    read = corpus_from_text("xyza", vocabulary=CHARS)
    assert read.symbols.tolist() == [0, 0, 0, 1]
    assert read.unknown == 3
