"""What the rows about runs share: a run with a log, here or in a process, stopped and gone on with."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cli_cases import Done, elman, litter, process, rhyme, write
from elman import load
from elman.cli import display

PATIENCE = 120  # seconds until a process counts as hanging: a loaded machine may pause it
EVERY = 7  # steps between the checkpoints of `OPTIONS`
OPTIONS = (
    *("--hidden-size", "8", "--seq-length", "8", "--batch-size", "16", "--dropout", "0"),
    *("--output-dropout", "0.1", "--validate-every", "5", "--checkpoint-every", str(EVERY)),
)

# Runs the command line in a process that writes a byte into a pipe at the n-th call of one of its functions.
MARKED = """
import os, sys
from importlib import import_module
pipe, place, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
del sys.argv[1:4]
module, names = place.split(":")
owner = import_module(module)
*outer, name = names.split(".")
for part in outer:
    owner = getattr(owner, part)
original = getattr(owner, name)
def marked(*arguments, **options):
    global count
    count -= 1
    if count == 0:
        os.write(pipe, b".")
    return original(*arguments, **options)
setattr(owner, name, marked)
from elman.cli import main
main()
"""


@dataclass(frozen=True)
class Folder:
    """Where a run has its files."""

    path: Path
    options: tuple[str, ...]

    @property
    def model(self) -> Path:
        return self.path / "model.safetensors"

    @property
    def checkpoint(self) -> Path:
        return self.path / "model.checkpoint.safetensors"

    @property
    def log(self) -> Path:
        return self.path / "log.csv"

    def begin(self, *more: str) -> list[str]:
        """The arguments that begin the run."""
        text = self.path / "text.txt"
        if not text.exists():
            self.path.mkdir(exist_ok=True)
            write(text, rhyme(4500))
        files = ("-o", self.model, "--log", self.log)
        return ["train", *map(str, (text, *files)), *self.options, *more]

    def go_on(self, *more: str) -> list[str]:
        """The arguments that go on with the run; those that begin it where nothing was saved."""
        if not self.checkpoint.exists():
            return self.begin(*more)
        every = ("--checkpoint-every", str(self.said("--checkpoint-every")))
        return ["train", "--resume", str(self.checkpoint), *every, *more]

    def said(self, option: str) -> int:
        """The number of an option, the last where it stands twice."""
        last = max(k for k, word in enumerate(self.options) if word == option)
        return int(self.options[last + 1])

    def logged(self) -> int:
        """The last whole step in the log."""
        lines = self.log.read_bytes().split(b"\n")[1:-1] if self.log.exists() else []
        return int(lines[-1].split(b",")[0]) if lines else 0

    def saved(self) -> int:
        """The step of the checkpoint."""
        return load(self.checkpoint).training.step if self.checkpoint.exists() else 0

    def ended_as(self, other: Folder) -> bool:
        """Whether model and log are those of another run by bytes, and nothing else is left."""
        same = all(
            mine.read_bytes() == its.read_bytes()
            for mine, its in ((self.model, other.model), (self.log, other.log))
        )
        return same and not self.checkpoint.exists() and not litter(self.path)


def whole(path: Path, options: Sequence[str], *more: str) -> Folder:
    """A run that nobody interrupts."""
    folder = Folder(path, tuple(options))
    done = elman(*folder.begin(*more))
    assert done.code == 0, done.err
    return folder


@dataclass(frozen=True)
class Marked:
    """A process that says when it calls a function for the n-th time."""

    running: subprocess.Popen[bytes]
    pipe: int

    def reached(self) -> bool:
        """Wait for the call; False when the process ended without it."""
        try:
            return os.read(self.pipe, 1) == b"."
        finally:
            os.close(self.pipe)


def marked(place: str, count: int, arguments: Sequence[str]) -> Marked:
    """Start the command line with one of its functions ("module:name.of.it") watched."""
    mine, its = os.pipe()
    program = ("-c", MARKED, str(its), place, str(count))
    running = process(*arguments, program=program, pass_fds=(its,))
    os.close(its)
    return Marked(running, mine)


def signalled(at: Marked, delays: Sequence[float], number: int) -> tuple[Done, float]:
    """Send a signal after each delay from the watched call on; return the end and how long it took."""
    at.reached()
    sent = None
    for delay in delays:
        time.sleep(delay)
        sent = sent or time.monotonic()
        at.running.send_signal(number)
    out, err = at.running.communicate(timeout=PATIENCE)
    assert sent is not None
    took = time.monotonic() - sent
    return Done(at.running.returncode, out.decode(), err.decode()), took


def stop_at(monkeypatch, step: int, number: int = signal.SIGINT) -> None:
    """Send a signal to this process while a step is shown."""
    show = display.PlainLines.show

    def show_and_stop(self, progress):
        show(self, progress)
        if progress.step == step:
            signal.raise_signal(number)

    monkeypatch.setattr(display.PlainLines, "show", show_and_stop)
