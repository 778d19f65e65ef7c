"""What the tests of the command line share: running it here or as a process of its own, and small texts."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, NoReturn
from unittest.mock import patch

from elman.cli import main

TINY = ("--hidden-size", "5", "--seq-length", "4", "--batch-size", "3")
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


def litter(folder: Path) -> list[str]:
    """The temporary files that are left in a folder."""
    return [name for name in os.listdir(folder) if name.endswith(".elman-tmp")]


def denied(*given: object, **options: object) -> NoReturn:
    """What the system says to all but the superuser, who runs these tests, too."""
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
