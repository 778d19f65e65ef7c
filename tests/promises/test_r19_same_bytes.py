"""R19: the same seed gives the same bytes, whatever is around the process."""

from __future__ import annotations

import itertools
import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from cli_cases import TABLES, USUAL, process, rhyme, write
from engine_cases import COMPILED
from run_cases import PATIENCE

SIZES = ("--hidden-size", "48", "--batch-size", "32", "--steps", "15", "--validate-every", "4")
WORDS = " ".join("".join(letters) for letters in itertools.permutations("elman", 3))
RUNS = {  # a text and how it is read; `None`: a table of cli_cases
    "lines of words": (
        "\n".join(WORDS.replace("m", f"{k}") for k in range(9)),
        ("--lines", "--vocab", "words", "--min-count", "1", "--zoneout", "0.1"),
    ),
    "a stream": (rhyme(4500), ("--cell", "gru", "--recurrent-dropout", "0.2")),
    "byte pairs": (rhyme(9000), ("--vocab", "bpe", "--vocab-size", "264", "--cell", "lstm")),
    "texts": (None, ()),
    "flags": (None, ()),
}
LOCALES = ({"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}, {"LC_ALL": "C.UTF-8"}, {"LC_ALL": "tr_TR.UTF-8"})
ZONES = ("UTC", "Asia/Kathmandu", "America/St_Johns", "<X>-13:59")


class Surroundings(NamedTuple):
    """What may differ from run to run."""

    folder: Path
    threads: int
    environment: dict[str, str]


def drawn(folder: Path, k: int, generator: random.Random) -> Surroundings:
    folder.mkdir(parents=True)
    environment = {
        "PYTHONHASHSEED": str(generator.randrange(2**32)),
        "TZ": ZONES[k % len(ZONES)],
        "HOME": str(folder),
        "PYTHONUNBUFFERED": "1" * (k % 2),
        **LOCALES[k % len(LOCALES)],
    }
    return Surroundings(folder, (1, 2, 4)[k % 3], USUAL | environment)


def trained(around: Surroundings, text: Path, options: tuple[str, ...]) -> tuple[bytes, bytes, bytes]:
    """Train a model in a process; return the bytes of the model, of the log, and of what it printed."""
    threads = ("--threads", str(around.threads)) if COMPILED and "--engine" not in options else ()
    named = os.path.relpath(text, around.folder) if around.threads == 2 else text
    command = ("train", named, "-o", "model", "--log", "log", *options, *threads)
    running = process(*command, env=around.environment, cwd=around.folder)
    out, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0, err.decode()
    return (around.folder / "model").read_bytes(), (around.folder / "log").read_bytes(), _figures(out)


def _figures(out: bytes) -> bytes:
    """What is printed of a run, without the commands that name its files."""
    return out.partition(b"next ")[0]


def begun(folder: Path, run: str) -> tuple[Path, tuple[str, ...]]:
    """Write the file that a run reads; return it and the options."""
    text, options = RUNS[run]
    if text is not None:
        return write(folder / "text.txt", text), (*SIZES, *options)
    make, columns = TABLES[run]
    return make(folder), (*SIZES, *columns)


def ends(folder: Path, run: str, count: int, seed: int, *more: str) -> list[tuple[bytes, bytes, bytes]]:
    """Train the same so many times, each time somewhere else."""
    folder.mkdir()
    generator = random.Random(seed)
    text, options = begun(folder, run)
    places = [drawn(folder / f"deep/{k}", k, generator) for k in range(count)]
    with ThreadPoolExecutor(2) as two:
        return list(two.map(lambda place: trained(place, text, (*options, *more)), places))


def test_the_same_seed_gives_the_same_bytes(tmp_path, seed, full, kept):
    runs = list(RUNS) if full else ["lines of words"]
    different = 0
    for run in runs:
        ended = ends(tmp_path / run, run, 10, seed)
        assert all(len(bytes_of) > 100 for bytes_of in ended[0])
        different += len(set(ended)) - 1
    threads = "on 1, 2 and 4 threads" if COMPILED else "without the compiled engine"
    kept(
        "R19",
        f"{10 * len(runs)} processes ({', '.join(runs)}) {threads}, with other hash seeds, folders, "
        f"languages and time zones: {different} that differ in a byte of model, log or figures",
    )
    assert different == 0


def test_the_reference_engine_gives_them_on_the_same_number_of_threads(tmp_path, seed, full, kept):
    ended = ends(tmp_path / "runs", "a stream", 10 if full else 2, seed, "--engine", "reference")
    assert len(set(ended)) == 1
    kept("R19", f"NumPy engine: {len(ended)} processes, the same bytes")


def test_another_seed_gives_others(tmp_path, seed):
    """The comparison can fail."""
    (one,), (other,) = (
        ends(tmp_path / k, "lines of words", 1, seed, "--seed", k, "--engine", "reference") for k in "01"
    )
    assert all(mine != its for mine, its in zip(one, other, strict=True))
