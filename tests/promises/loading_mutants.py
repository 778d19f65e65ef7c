"""Load mutants of model files one after the other, watched from outside Python: a program of its own.

    python loading_mutants.py FOLDER COUNT SEED     FOLDER has the good files; mutants are written there

A mutant may load, or be refused by an error with one line that names it.  SIGPROF ends the program, since no
handler is set, when one takes a second of the processor; RLIMIT_AS ends what grows.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np

import elman
from elman.cli.common import is_tabular, read_record
from elman.cli.tabular import form_of
from elman.errors import FormatError, NumericError
from file_mutants import mutant

ROOM = 128 << 20  # bytes that may be mapped beyond what is at the start
SECONDS = 1.0


def status(field: str) -> int:
    """Return a size from /proc in bytes."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(field)).split()[1])


def use(path: str) -> None:
    """Do with a file what the commands do that read it, and run the network where symbols go in."""
    model = elman.load(path, engine="reference")
    read_record(model, path)
    if is_tabular(model):
        form_of(model, path)
    spec = model.network.spec
    steps = (spec.steps or 2, 1)
    symbols = np.zeros(steps, np.intp)
    model.network.run((symbols, np.zeros((*steps, spec.feature_size))) if spec.feature_size else symbols)


def outcome(path: str) -> str:
    """Try one file; whatever is no refusal goes through and ends the program."""
    try:
        use(path)
        return "loaded"
    except (FormatError, NumericError) as error:
        text = str(error)
        if not text.startswith(f"{path}: ") or not text.isprintable() or len(text) > len(path) + 1000:
            raise AssertionError(f"not one line that names the file: {text[:2000]!r}") from None
        return type(error).__name__


def main(folder: str, count: int, seed: int) -> None:
    """Make and load the mutants; print what came of them."""
    import resource

    random, path = Random(seed), os.path.join(folder, f"mutant{seed}")
    seeds = [file.read_bytes() for file in sorted(Path(folder).glob("good*"))]
    for file in Path(folder).glob("good*"):
        use(str(file))
    room = status("VmSize") + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    before, largest, found = status("VmHWM"), 0, Counter()
    for number in range(count):
        raw = mutant(random, seeds)
        largest = max(largest, len(raw))
        Path(path).write_bytes(raw)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            found[outcome(path)] += 1
        except BaseException:
            Path(folder, f"found{seed}-{number}").write_bytes(raw)
            raise
        signal.setitimer(signal.ITIMER_PROF, 0)
    os.unlink(path)
    print(json.dumps({"grown": status("VmHWM") - before, "largest": largest, **found}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
