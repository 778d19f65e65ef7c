"""R29: a step of compiled code allocates nothing, locks nothing and asks the system for nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns

import numpy as np
import pytest

from elman import Network
from elman.engines.loading import native, why_not
from process_cases import COUNTED, ask, counter

Kept = Callable[[str, str], None]
STEPS = 1_000_000
NETWORKS = {
    "elman": {"cell": "elman", "hidden_size": 24},
    "gru, two layers, float64": {"cell": "gru", "hidden_size": (17, 9), "dtype": "float64"},
    "lstm, normalized": {"cell": "lstm", "hidden_size": 8, "layer_norm": True, "embedding_size": 3},
}

pytestmark = pytest.mark.skipif(native() is None, reason=f"the compiled engine is {why_not()}")

# Asks for so many steps, one by one and in one call; prints what was counted while it did.
PROGRAM = """
import ctypes, json, sys
import numpy as np
import elman

engine, steps, names = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
network = elman.Network(input_size=5, output_size=5, engine=engine, threads=1, **json.loads(sys.argv[4]))
stream, snapshot = network.stream(), ctypes.CDLL(None).snapshot
before, after = ((ctypes.c_long * len(names))() for _ in range(2))  # so that counting makes no numbers

def one_by_one(symbols):
    step = stream.step
    for symbol in symbols:
        step(symbol)

def count(run, symbols):
    snapshot(before)
    run(symbols)
    snapshot(after)
    return [a - b for a, b in zip(after, before)]

found = {}
for run in (one_by_one, stream.read):
    few, many = ([0, 3, 1, 4, 2] * (times // 5) for times in (2000, steps))
    if run != one_by_one:
        few, many = np.array(few), np.array(many)
    count(run, few)  # what is made at the first use
    few, many = count(run, few), count(run, many)
    found[run.__name__] = [m - f for m, f in zip(many, few)]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(counter(tmp_path_factory.mktemp("counter")))


def counted(library: str, engine: str, steps: int, network: dict[str, object]) -> dict[str, list[int]]:
    """How many more calls of each kind there are over so many steps than over few."""
    arguments = (engine, str(steps), json.dumps(COUNTED), json.dumps(network))
    given = {"LD_PRELOAD": library, "PYTHONMALLOC": "malloc", "OPENBLAS_NUM_THREADS": "1"}  # nobody beside
    found: dict[str, list[int]] = ask(PROGRAM, *arguments, **given)
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_steps_allocate_and_lock_nothing(library: str, name: str, full: bool, kept: Kept) -> None:
    """Python's own memory comes from malloc here, so that what it makes around a step is counted as well."""
    steps = STEPS if full or name == "elman" else STEPS // 10
    nothing = [0] * len(COUNTED)
    for _ in range(3):  # Python may tidy up in between, once; what a step does is there each time
        found = counted(library, "native", steps, NETWORKS[name])
        if found == {"one_by_one": nothing, "read": nothing}:
            break
    assert found == {"one_by_one": nothing, "read": nothing}
    kept("R29", f"{name}: {steps:,} steps, 0 calls of malloc, realloc, free, and of locks")


def test_what_allocates_is_seen(library: str) -> None:
    """The reference engine, which makes arrays in each step."""
    found = counted(library, "reference", 4000, NETWORKS["elman"])
    calls = dict(zip(COUNTED, found["one_by_one"], strict=True))
    assert calls["malloc"] > 2000
    assert calls["free"] > 2000


def test_every_kind_of_call_is_counted(library: str) -> None:
    program = """
import ctypes, json, sys
c = ctypes.CDLL(None)
for name in ("malloc", "calloc", "realloc", "aligned_alloc"):
    getattr(c, name).restype = ctypes.c_void_p
names = json.loads(sys.argv[1])
before, after = ((ctypes.c_long * len(names))() for _ in range(2))
mutex, place = ctypes.create_string_buffer(256), ctypes.c_void_p()
calls = {
    "malloc": lambda: c.malloc(ctypes.c_size_t(64)),
    "calloc": lambda: c.calloc(ctypes.c_size_t(2), ctypes.c_size_t(64)),
    "realloc": lambda: c.realloc(None, ctypes.c_size_t(64)),
    "free": lambda: c.free(None),
    "posix_memalign": lambda: c.posix_memalign(ctypes.byref(place), ctypes.c_size_t(64), ctypes.c_size_t(64)),
    "aligned_alloc": lambda: c.aligned_alloc(ctypes.c_size_t(64), ctypes.c_size_t(64)),
    "pthread_mutex_lock": lambda: (c.pthread_mutex_lock(mutex), c.pthread_mutex_unlock(mutex)),
}
seen = {}
for k, name in enumerate(names):
    c.snapshot(before)
    for _ in range(100):
        calls[name]()
    c.snapshot(after)
    seen[name] = after[k] - before[k]
print(json.dumps(seen))
"""
    seen = ask(program, json.dumps(COUNTED), LD_PRELOAD=library)
    assert {name for name, count in seen.items() if count < 100} == set()


MARKED = """
import os, sys
import elman
network = elman.Network("gru", input_size=5, hidden_size=24, output_size=5, threads=1, engine=sys.argv[1])
stream, symbols = network.stream(), [0, 3, 1, 4, 2] * 200
print("0")
for mark in (b"warm", b"begin"):
    os.write(2, mark)
    for _ in range(int(sys.argv[2]) // 1000):
        for symbol in symbols:
            stream.step(symbol)
    if len(sys.argv) > 3:
        os.getppid()
os.write(2, b"end")
"""


def system_calls(place: Path, *arguments: str) -> list[str]:
    """What the process asked the system for between its marks."""
    if shutil.which("strace") is None:
        pytest.skip("there is no strace to see calls of the system with")
    log = place / "strace.log"
    command = ["strace", "-f", "-o", str(log), sys.executable, "-c", MARKED, "native", *arguments]
    done = subprocess.run(command, capture_output=True, check=False, encoding="utf-8")
    if done.returncode and ("ptrace" in done.stderr or "Operation not permitted" in done.stderr):
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    lines = log.read_text("utf-8", "replace").splitlines()
    begin, end = (next(k for k, line in enumerate(lines) if f'"{mark}"' in line) for mark in ("begin", "end"))
    return lines[begin + 1 : end]


def test_steps_ask_the_system_for_nothing(tmp_path: Path, full: bool, kept: Kept) -> None:
    steps = STEPS if full else STEPS // 10
    assert system_calls(tmp_path, str(steps)) == []
    kept("R29", f"{steps:,} steps under strace: 0 calls of the system")


def test_a_call_of_the_system_is_seen(tmp_path: Path) -> None:
    (call,) = system_calls(tmp_path, "1000", "planted")
    assert "getppid" in call


def test_no_step_takes_long(full: bool, kept: Kept) -> None:
    """The quietest of many rounds: whatever else the machine does only adds."""
    if not full:
        pytest.skip("times of single steps are taken in the full form")
    if os.getloadavg()[0] > 0.3 * (os.cpu_count() or 1):
        pytest.skip("other programs keep this machine busy: times of single steps would be theirs")
    network = Network("gru", input_size=50, hidden_size=128, output_size=50, threads=1, engine="native")
    step, symbols, best = network.stream().step, [*range(50)] * 1000, (np.inf, 0.0)
    for _ in range(40):
        times = np.empty(len(symbols) + 1, np.int64)
        for k, symbol in enumerate(symbols):
            times[k] = perf_counter_ns()
            step(symbol)
        times[-1] = perf_counter_ns()
        median, late = np.percentile(np.diff(times), [50, 99.9])
        best = min(best, (late / median, median))
    assert best[0] <= 3
    kept(
        "R29", f"GRU of 128 units: a step in {best[1] / 1000:.1f} µs, 999 of 1000 within {best[0]:.1f} times"
    )
