"""What the tests of the command line share: running it here or as a process, small texts, tables."""

from __future__ import annotations

import csv
import errno
import io
import math
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn
from unittest.mock import patch

from elman.cli import main

TINY = ("--hidden-size", "5", "--seq-length", "4", "--batch-size", "3")
SMALL = ("--hidden-size", "5", "--batch-size", "4", "--steps", "12")  # of tables
BROKEN = "Traceback"
USUAL = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


class Done(NamedTuple):
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


def elman(*arguments: str | Path, stdin: bytes = b"") -> Done:
    """Run a command in this process: quick, but signals and closed streams need `process`."""
    streams = [io.TextIOWrapper(io.BytesIO(data), "utf-8", write_through=True) for data in (stdin, b"", b"")]
    given = ["elman", *map(str, arguments)]
    names = ("stdin", "stdout", "stderr")
    patches = [patch.object(sys, name, stream) for name, stream in zip(names, streams, strict=True)]
    code = 0
    with patch.object(sys, "argv", given), patches[0], patches[1], patches[2]:
        try:
            main()
        except SystemExit as end:
            code = end.code
    out, err = (stream.buffer.getvalue().decode("utf-8", "surrogateescape") for stream in streams[1:])
    return Done(code, out, err)


def process(
    *arguments: str | Path | bytes, before: str = "", program: tuple[str, ...] = ("-m", "elman"), **options
) -> subprocess.Popen[bytes]:
    """Start a command as a process of its own; `before` is what its shell does first, such as >&-."""
    command = [sys.executable, *program, *arguments]
    if before:
        command = ["bash", "-c", f'exec "$@" {before}', "bash", *command]
    usual = {"env": USUAL} | dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(command, **usual | options)


def finished(running: subprocess.Popen[bytes], stdin: bytes = b"") -> Done:
    """Wait for a process to end; a command that hangs fails its test."""
    out, err = running.communicate(stdin, timeout=30)
    return Done(running.returncode, out.decode("utf-8", "surrogateescape"), err.decode(errors="replace"))


def refused(done: Done, code: int) -> str:
    """Check that a command failed as promised, with one line and its exit code; return the line."""
    last = done.err.splitlines()[-1]
    assert done.code == code, done
    assert last.startswith("elman: "), done.err
    assert BROKEN not in done.err
    return last.removeprefix("elman: ")


def write(path: Path, text: str | bytes) -> Path:
    """Write a file and return its path."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def rhyme(length: int = 600) -> str:
    """A text that a tiny network learns something from: words in an order that is not quite regular."""
    words = ["red", "hen", "ten", "men", "net\n", "end"]
    text = " ".join(words[k * k % 7 % 6] for k in range(length))
    return text[:length]


def trained(folder: Path, text: str | bytes, *options: str) -> Path:
    """Train a tiny model in a folder and return its path."""
    model = folder / "model.safetensors"
    done = elman("train", write(folder / "text.txt", text), "-o", model, *TINY, "--steps", "30", *options)
    assert done.code == 0, done.err
    return model


def write_csv(path: Path, names: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a table and return its path."""
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([names, *rows])
    return path


def read_csv(text: str) -> list[dict[str, str]]:
    """The rows of a table, by the names of its columns."""
    return list(csv.DictReader(io.StringIO(text)))


def rides(folder: Path, rows: int = 60) -> Path:
    """A series with a week in it: the numbers of two columns, and the type of each day."""
    days = (("W" if k % 7 < 5 else "A", 500 + 90 * math.sin(k) - 200 * (k % 7 > 4)) for k in range(rows))
    table = ([k, day, round(ride / 2 + k % 3, 2), round(ride, 2)] for k, (day, ride) in enumerate(days))
    return write_csv(folder / "rides.csv", ["number", "day", "bus", "rail"], table)


def speakers(folder: Path) -> Path:
    """Sequences of unequal length that lie mixed, each with a label; one flag changes at every step."""
    rows = [(f"u{k}", k, t) for t in range(6) for k in range(24) if t < 2 + k % 5]
    table = ([name, k % 3 + 0.1 * t, (k * t) % 5, t % 2, "ABC"[k % 3]] for name, k, t in rows)
    return write_csv(folder / "speakers.csv", ["utterance", "f1", "f2", "odd", "speaker"], table)


def surnames(folder: Path) -> Path:
    """Texts with labels that their ends give away."""
    ends = {"ski": "Polish", "ov": "Russian", "ato": "Japanese"}
    rows = [
        (f"{stem}{end}", label)
        for stem in ["kamo", "beri", "tolu", "sane", "wicu", "dori"]
        for end, label in ends.items()
    ]
    return write_csv(folder / "surnames.csv", ["name", "language"], rows * 2)


TABLES = {
    "series": (rides, ("--target", "rail", "--window", "7")),
    "series of two columns": (
        rides,
        (*("--target", "rail", "--target", "bus", "--window", "7"), *("--category", "day", "--ahead", "day")),
    ),
    "a target at every row": (
        rides,
        (*("--target", "rail", "--window", "7"), *("--readout", "every", "--val-frac", "0.2")),
    ),
    "sequences": (speakers, ("--target", "speaker", "--sequence", "utterance")),
    "a label at every step": (
        speakers,
        (*("--target", "odd", "--sequence", "utterance"), *("--readout", "every", "--head", "softmax")),
    ),
    "flags": (
        speakers,
        (*("--target", "odd", "--sequence", "utterance"), *("--readout", "every", "--head", "sigmoid")),
    ),
    "texts": (surnames, ("--target", "language", "--text", "name")),
}


def trained_table(folder: Path, kind: str, *options: str | Path) -> tuple[Path, Path, Done]:
    """Train a tiny model on a table of some kind; return (model, table, what was said)."""
    make, columns = TABLES[kind]
    table, model = make(folder), folder / "model.safetensors"
    done = elman("train", table, "-o", model, *SMALL, *columns, *options)
    assert done.code == 0, done.err
    return model, table, done


def litter(folder: Path) -> list[str]:
    """The temporary files that are left in a folder."""
    return [name for name in os.listdir(folder) if name.endswith(".elman-tmp")]


def denied(*given: object, **options: object) -> NoReturn:
    """What the system says to all but the superuser, who runs these tests, too."""
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
