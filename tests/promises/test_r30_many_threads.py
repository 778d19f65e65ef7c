"""R30: one model serves many threads, and children made by fork or spawn after it was used."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import numpy as np
import pytest

from elman import Batch, Network
from elman.engines.loading import native
from process_cases import ask

Kept = Callable[[str, str], None]
ENGINES = ("native", "reference") if native() else ("reference",)
THREADS = 8
GIVEN: dict[str, Any] = {"input_size": 7, "hidden_size": 40, "output_size": 7, "seed": 3}

every_engine = pytest.mark.parametrize("engine", ENGINES)


@pytest.fixture(autouse=True)
def _often() -> Any:
    """Threads of Python take turns a hundred times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-5)
    yield
    sys.setswitchinterval(before)


def reading(network: Network, number: int, steps: int) -> str:
    """A digest of what a stream of its own shows over so many steps, some one by one, others in one call."""
    random, shown = np.random.default_rng(number), sha256()
    stream = network.stream()
    for start in range(0, steps, 1000):
        symbols = random.integers(0, 7, min(1000, steps - start))
        if random.random() < 0.5:
            shown.update(stream.run(symbols).tobytes())
        else:
            for symbol in symbols.tolist():
                shown.update(stream.step(symbol).tobytes())
    return shown.hexdigest() + stream.state.hex()


def learning(network: Network, number: int, times: int) -> str:
    """A digest of runs and gradients of a state and batches of its own."""
    random, said = np.random.default_rng(number), sha256()
    state = None
    for _ in range(times):
        x = random.integers(0, 7, (13, 9))
        told = network.differentiate(Batch(x[:-1], x[1:]), state)
        y, state = network.run(x, told.state)
        said.update(told.gradient.tobytes() + y.tobytes())
    return said.hexdigest()


def apart(work: Callable[[Network, int, int], str], network: Network, times: int) -> None:
    """Assert that threads at the same time say what they say one after the other."""
    expected = [work(network, number, times) for number in range(THREADS)]
    assert len(set(expected)) == THREADS
    with ThreadPoolExecutor(THREADS) as pool:
        came = list(pool.map(lambda number: work(network, number, times), range(THREADS)))
    assert came == expected


@every_engine
def test_threads_with_states_of_their_own(engine: str, full: bool, kept: Kept) -> None:
    """Of the NumPy engine, too, to the bit: each thread's products have the shapes that they have alone."""
    network = Network("gru", engine=engine, threads=2, **GIVEN)
    steps = (100_000 if full else 4000) // (10 if engine == "reference" else 1)
    apart(reading, network, steps)
    times = (1000 if full else 40) // (5 if engine == "reference" else 1)
    apart(learning, network, times)
    said = f"{THREADS} threads, {steps:,} steps and {times} gradients each: the bytes of one after the other"
    kept("R30", f"{engine}: {said}")


def test_a_stream_that_is_shared_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the promise: then outputs differ, or the stream refuses."""
    network = Network("gru", engine="reference", **GIVEN)
    shared = network.stream()
    monkeypatch.setattr(network, "stream", lambda: shared)
    with pytest.raises((AssertionError, Exception), match=r"another thread|assert"):
        apart(reading, network, 1500)


# A process whose threads have used a network forks, half of the time while they are using it.
FORKS = """
import json, os, sys, threading, time, warnings
import numpy as np
from elman import Batch, Network

engine, forks = sys.argv[1], int(sys.argv[2])
warnings.simplefilter("ignore", DeprecationWarning)  # of fork where there are threads
network = Network("gru", input_size=7, hidden_size=65, output_size=7, engine=engine, threads=2)
x = np.random.default_rng(0).integers(0, 7, (14, 19))

def digest():
    told = network.differentiate(Batch(x[:-1], x[1:]))
    return told.gradient.tobytes() + network.stream().run(x[:, 0]).tobytes()

expected, pause, end = digest(), threading.Event(), threading.Event()

def go_on():
    while not end.is_set():
        assert digest() == expected
        if pause.is_set():
            time.sleep(0.001)

def child(k):
    pid = os.fork()
    if not pid:
        os._exit(digest() != expected)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return "hangs"

busy = [threading.Thread(target=go_on) for _ in range(2)]
said = [child(k) for k in range(forks // 2)]  # after use
[thread.start() for thread in busy]
said += [child(k) for k in range(forks - forks // 2)]  # during use
end.set()
[thread.join() for thread in busy]
assert digest() == expected
print(json.dumps(said))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@every_engine
def test_children_made_by_fork(engine: str, full: bool, kept: Kept) -> None:
    """Half of them after use, half while two threads are using the network."""
    forks = 100 if full else 10
    said = ask(FORKS, engine, str(forks))
    assert said == [0] * forks
    kept("R30", f"{engine}: {forks} children made by fork, 0 that hang, 0 that say something else")


@every_engine
def test_children_made_by_spawn(engine: str, kept: Kept) -> None:
    network = Network("gru", engine=engine, threads=2, **GIVEN)
    expected = [learning(network, number, 3) for number in range(2)]
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        came = list(pool.map(learning, [network] * 2, range(2), [3] * 2))
    assert came == expected
    kept("R30", f"{engine}: 2 children made by spawn say the same")
