"""R24: any corpus is handled as documented, or refused in one line, soon."""

from __future__ import annotations

import gzip
import io
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from cli_cases import (
    BROKEN,
    TINY,
    Done,
    denied,
    elman,
    finished,
    litter,
    process,
    refused,
    rhyme,
    trained,
    write,
)
from elman import load
from elman.cli import display
from elman.data import corpus, reading
from input_cases import CORPORA, GOOD

SOON = 1.0  # seconds of this process: a refusal takes milliseconds
OTHERS = (
    "a pipe",
    "standard input",
    "a directory",
    "no permission",
    "missing",
    "a NUL in the name",
    "a loop",
)


def train(file: str | Path, *options: str, stdin: bytes = b"", folder: Path) -> Done:
    """Train for one step; what it takes is counted, and nothing but a model may be left behind."""
    began = time.process_time()
    done = elman("train", file, "-o", folder / "model", *TINY, "--steps", "1", *options, stdin=stdin)
    assert BROKEN not in done.err
    assert done.code == 0 or time.process_time() - began < SOON
    assert litter(folder) == []
    assert (folder / "model").exists() == (done.code == 0)
    return done


# -------------------------------------------------------------------------------------------- what files hold


@pytest.mark.parametrize("name", CORPORA)
def test_what_a_file_holds(tmp_path, name):
    raw, told, options = CORPORA[name]
    file = write(tmp_path / "text.txt", raw)
    done = train(file, *options, folder=tmp_path)
    from_stdin = elman("train", "-", "-o", tmp_path / "other", *TINY, "--steps", "1", *options, stdin=raw)
    if told is None:
        assert done.code == from_stdin.code == 0, done.err
        one, other = (load(tmp_path / path) for path in ("model", "other"))
        assert np.array_equal(one.network.parameters.flat, other.network.parameters.flat)
    else:
        assert refused(done, 2).startswith(str(file))
        assert told in refused(done, 2)
        assert refused(from_stdin, 2).startswith("standard input")
        assert told in refused(from_stdin, 2)


def test_there_are_forty_and_more(kept):
    taken = sum(told is None for _, told, _ in CORPORA.values())
    count = len(CORPORA) + len(OTHERS)
    assert count >= 40
    kept(
        "R24",
        f"{count} corpora: {taken} learned from, all others refused by name in < {SOON:g} s",
    )


@pytest.mark.parametrize("name", ["invalid in the middle", "gzip", "empty", "missing"])
@pytest.mark.parametrize("command", ["eval", "score"])
def test_a_model_reads_nothing_worse(tmp_path, name, command):
    model = trained(tmp_path, rhyme())
    raw, told, _ = CORPORA.get(name, (b"", "no such file", ()))
    file = tmp_path / "none" if name == "missing" else write(tmp_path / "other.txt", raw)
    done = elman(command, model, file)
    if (name, command) == ("empty", "score"):
        assert (done.code, done.out) == (0, "")
    else:
        line = refused(done, 2)
        assert line.startswith(str(file))
        assert told.partition(" (")[0].lower() in line.lower() or "offset" in line


# ------------------------------------------------------------------------------------------ where they lie


def test_a_pipe_is_read_as_the_file_is(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(GOOD,), daemon=True)
    writer.start()
    assert train(pipe, folder=tmp_path).code == 0
    writer.join()
    flat = load(tmp_path / "model").network.parameters.flat
    assert train(write(tmp_path / "text.txt", GOOD), folder=tmp_path).code == 0
    assert np.array_equal(load(tmp_path / "model").network.parameters.flat, flat)


def test_a_pipe_and_standard_input_of_a_process(tmp_path):
    options = ("-o", tmp_path / "model", *TINY, "--steps", "1")
    done = finished(process("train", "-", *options), b"\xff" + GOOD)
    assert "standard input is not UTF-8 text: byte 0xff at byte offset 0" in refused(done, 2)
    done = finished(process("train", "-", *options, before="<&-"))
    assert "standard input" in refused(done, 2)
    assert finished(process("train", "-", *options), GOOD).code == 0


def test_paths_that_lead_to_no_text(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path, told in {
        tmp_path / "none": "there is no such file",
        tmp_path: "is a directory; name one text file in it",
        tmp_path / "none" / "text.txt": "there is no such file",
        str(tmp_path / "a\0b"): "is not a path",
        tmp_path / "loop": "Too many levels of symbolic links",
        tmp_path / ("x" * 300): "File name too long",
        "/dev/null": "is empty",
    }.items():
        line = refused(train(path, folder=tmp_path), 2)
        assert told in line
        assert line.startswith((str(path), repr(str(path))))


def test_a_text_that_may_not_be_read(tmp_path, monkeypatch):
    file = write(tmp_path / "text.txt", GOOD)
    monkeypatch.setattr(reading, "open", denied, raising=False)
    assert refused(train(file, folder=tmp_path), 2) == f"{file}: may not be read: permission denied"


# ----------------------------------------------------------------------------------------- what changes


@pytest.mark.parametrize("change", ["grows", "shrinks", "vanishes"])
@pytest.mark.parametrize("lines", [(), ("--lines",)])
def test_a_file_that_changes_while_it_is_learned_from(tmp_path, monkeypatch, change, lines):
    """What was read is learned from; it is not looked at again."""
    file, show = write(tmp_path / "text.txt", GOOD), display.PlainLines.show
    options = ("train", file, *TINY, "--steps", "4", *lines)
    assert elman(*options, "-o", tmp_path / "whole").code == 0

    def show_and_change(self, progress):
        show(self, progress)
        if progress.step == 2:
            raw = file.read_bytes()
            file.unlink() if change == "vanishes" else file.write_bytes(
                raw * 9 if change == "grows" else raw[:9]
            )

    monkeypatch.setattr(display.PlainLines, "show", show_and_change)
    monkeypatch.setattr(corpus, "MAP_ABOVE", 0)  # as a large file is kept: on disk, in a copy
    done = elman(*options, "-o", tmp_path / "changed")
    assert done.code == 0, done.err
    assert (tmp_path / "changed").read_bytes() == (tmp_path / "whole").read_bytes()


@pytest.mark.parametrize("new", [GOOD * 2, GOOD[:50], b""])
def test_a_file_that_changes_while_it_is_read(tmp_path, monkeypatch, new):
    file, original = write(tmp_path / "text.txt", GOOD), corpus.count

    def count_then_change(*given):
        counts = original(*given)
        file.write_bytes(new)
        return counts

    monkeypatch.setattr(corpus, "count", count_then_change)
    assert "changed while it was read; try again" in refused(train(file, folder=tmp_path), 2)


# ------------------------------------------------------------------------------------------------ large ones


def test_a_line_of_100_megabytes(tmp_path, full, kept):
    """No line end, no blank: characters are learned from, a word of that length is refused."""
    size = (100 if full else 5) * 1_000_000
    file = write(tmp_path / "text.txt", b"abcdefghij" * (size // 10))
    line = refused(elman("train", file, "-o", tmp_path / "model", *TINY, "--vocab", "words"), 2)
    assert line == f"{file} has a word of over 1,048,576 characters; try --vocab chars"
    options = ("--steps", "1", "--val-frac", "1e-6" if full else "1e-5")
    assert elman("train", file, "-o", tmp_path / "model", *TINY, *options).code == 0
    kept("R24", f"a line of {size // 10**6} MB: learned from as characters, refused as words")


BOMBS = {
    "zeros": (b"\0" * 1_000_000, "line 2 is longer than 16,777,216 bytes"),
    "a long field": (b"x" * 1_000_000, "line 2 is longer than 16,777,216 bytes"),
    "a quote left open": (b'"' + b"x\n" * 500_000, "is not CSV: field larger than field limit"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_packed_table_that_bursts(tmp_path, name, kept):
    """A few kilobytes that unpack to a hundred megabytes are refused before they are all unpacked."""
    part, told = BOMBS[name]
    bomb = io.BytesIO()
    with gzip.open(bomb, "wb", compresslevel=9) as packed:
        packed.write(b"a,b\n")
        for _ in range(20 if part[:1] != b'"' else 1):
            packed.write(part)
    file = write(tmp_path / "bomb.csv.gz", bomb.getvalue())
    done = elman("train", file, "--target", "a", "-o", tmp_path / "model")
    line = refused(done, 2)
    assert line.startswith(str(file))
    assert told in line
    kept("R24", f"a packed table of {name}: refused")


def test_a_refusal_that_is_no_line_would_be_found():
    """Teeth: a traceback, a second line or another exit code."""
    good = Done(2, "", "elman: text.txt is empty\n")
    assert refused(good, 2) == "text.txt is empty"
    for bad in (
        Done(1, "", good.err),
        Done(2, "", "Traceback (most recent call last):\n" + good.err),
        Done(2, "", "x\n"),
    ):
        with pytest.raises(AssertionError):
            refused(bad, 2)
