"""R28: memory stays flat over long runs, and so do open files and threads."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from elman.engines.loading import native
from process_cases import ask

Kept = Callable[[str, str], None]
ENGINES = ("native", "reference") if native() else ("reference",)

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="this system has no /proc")

# Does the same many times in five rounds; prints how memory (bytes), files and threads are after each.
PROGRAM = """
import gc, json, os, sys
import numpy as np
import elman
from elman.data import Streams, corpus_from_text

engine, place, given_times = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
given = {"input_size": 7, "hidden_size": 16, "output_size": 7, "engine": engine, "threads": 2}
network = elman.Network("gru", **given)
stream, symbols = network.stream(), np.random.default_rng(0).integers(0, 7, 50_000)
data = Streams(symbols, batch_size=8, seq_length=16)
elman.save(place, network, corpus_from_text("abcdef").vocabulary)  # six, and the unknown
steps = elman.train(elman.Network("gru", **given), data, steps=100_000, learning_rate=1e-4)
numbers, rows, leak = symbols[:1000].tolist(), network.streams(1), []

def step(times):
    for _ in range(times // 1000):
        for number in numbers:
            stream.step(number)

def train(times):
    for _ in range(times):
        next(steps)

def open_and_close(times):
    for number in range(times):
        network.stream().step(number % 7)
        rows.drop(rows.add(1 + number % 3))

def load(times):
    for _ in range(times):
        elman.load(place, engine=engine).network.run(symbols[:20])

def plant(times):
    for _ in range(times):
        leak.append(bytearray(5000))
        os.dup(0)

def now():
    gc.collect()
    memory = int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE")
    return [memory, len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))]

found = {}
for what, times in given_times.items():
    globals()[what](times)  # what is made at the first use
    found[what] = [now()]
    for _ in range(5):
        globals()[what](times)
        found[what].append(now())
print(json.dumps(found))
"""
# what → times of a round in quick form and in full, how much memory may grow, in what words
RUNS = {
    "step": (60_000, 2_000_000, 1 << 20, "steps of a stream"),
    "train": (100, 2_000, 5 << 20, "training steps"),
    "open_and_close": (1_000, 20_000, 1 << 20, "streams opened and closed"),
    "load": (40, 200, 1 << 20, "models loaded"),
}
SLOWER = {"step": 20, "open_and_close": 4}  # the reference engine does so many fewer


def growth(engine: str, place: Path, times: dict[str, int]) -> dict[str, tuple[int, int, int]]:
    """How much memory grew after the first round, how many more open files, and threads."""
    found = ask(PROGRAM, engine, str(place / "model.safetensors"), json.dumps(times))
    return {what: tuple(max(a) - a[0] for a in zip(*rounds, strict=True)) for what, rounds in found.items()}


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_grows(engine: str, full: bool, tmp_path: Path, kept: Kept) -> None:
    times = {what: many if full else few for what, (few, many, *_) in RUNS.items()}
    times |= {what: times[what] // SLOWER[what] for what in SLOWER if engine == "reference"}
    for what, (memory, files, threads) in growth(engine, tmp_path, times).items():
        *_, allowed, words = RUNS[what]
        assert memory < allowed, f"{what}: {memory:,} bytes"
        assert files == threads == 0, what
        more = f"{memory / 1024:,.0f} KiB more, files and threads the same"
        kept("R28", f"{5 * times[what]:,} {words}, {engine}: {more}")


def test_a_leak_is_seen(tmp_path: Path) -> None:
    memory, files, _ = growth(ENGINES[0], tmp_path, {"plant": 100})["plant"]
    assert memory > 1 << 20
    assert files == 500
