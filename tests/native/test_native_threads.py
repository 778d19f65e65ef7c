"""Work for many threads: however many take part, the bits are the same; and they do take part."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from bit_laws import CORNERS, gradient_laws, in_place, run_laws, some_case
from cases import Case
from elman.cells import CELLS, Cell
from elman.engines import Tape, Weights
from elman.engines.native import Native
from elman.noise import Noise
from native_cases import ISAS, MODULE, differentiated, draw, twin, unequal, using

WORTH_A_THREAD = 1 << 17  # multiply-adds, as native/engine.hpp says
THREADS = (2, 3, 4, 8)
SIZES = {"T": 9, "B": 21, "H": 100, "O": 50}
KINDS: dict[str, dict[str, Any]] = {
    "features": {"I": 40},
    "symbols, ragged": {"I": 40, "dense": False, "lengths": [9, 0, 4] * 7, "reset": 0.1},
    "layer norm, noise": {"I": 40, "layer_norm": True, "zoneout": 0.2, "noise": Noise(seed=1, step=2)},
    "two layers, both ways": {"I": 9, "H": (66, 70), "layers": 2, "bidirectional": True, "dense": False},
}


@pytest.mark.parametrize("cell", CELLS, ids="-".join)
@pytest.mark.parametrize(("kind", "dtype"), list(product(KINDS, ("float32", "float64"))))
def test_gradients_and_runs(cell: tuple[str, str], kind: str, dtype: str) -> None:
    case = draw(cell, kink=1e-7, weighted=True, dtype=dtype, **SIZES | KINDS[kind])
    alone = twin(case)
    expected, ran = differentiated(alone), in_place(alone)
    for number, threads in enumerate(THREADS):
        with using(ISAS[number % len(ISAS)]):
            shared = twin(case, threads=threads)
            assert unequal(differentiated(shared), expected) == [], threads
            assert unequal(in_place(shared), ran) == [], threads


def test_the_work_is_for_as_many() -> None:
    """Else the test above would compare one thread with itself."""
    T, B, H, O = SIZES.values()
    assert min(T * B * H * (H + 9), 2 * T * B * H * O) / WORTH_A_THREAD > max(THREADS)


COUNT = """
import os, threading, numpy as np, elman
first = threading.Thread(target=int)  # with the first, a sanitizer starts one of its own
first.start()
first.join()
network = elman.Network(input_size=9, hidden_size=128, output_size=5, engine="native", threads={threads})
before = len(os.listdir("/proc/self/task"))
network.run(np.zeros((20, 32), int))
print(len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="this system does not list threads")
@pytest.mark.parametrize("threads", [1, 2, 50])
def test_threads_are_started(threads: int) -> None:
    """As many as were asked for, no more than there are cores, none before they are needed."""
    done = subprocess.run(
        [sys.executable, "-c", COUNT.format(threads=threads)],
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    assert int(done.stdout) == min(threads, len(os.sched_getaffinity(0))) - 1


# -------------------------------------------------------------------------------- faults that laws must see

When = Callable[[Native, Any, Any], bool]  # of engine, x and course
FAULTS: dict[str, tuple[When, set[str]]] = {
    "another order in a batch": (lambda engine, x, course: x.shape[1] > 1, {"rows"}),
    "another order in a long run": (lambda engine, x, course: len(x) > 2, {"chunks", "steps"}),
    "another order with lengths": (lambda engine, x, course: course.live is not None, {"padding"}),
    "another order on one of the sets": (lambda *given: MODULE.in_use() == ISAS[-1], {"rows", "padding"}),
    "another order with four threads": (lambda engine, *rest: engine.threads == 4, {"rows", "padding"}),
}


WHOLE = {"another order in a batch", "another order in a long run"}


def plant(monkeypatch: pytest.MonkeyPatch, when: When) -> None:
    """The inputs are added up from the last to the first, now and then."""
    right = Native.forward

    def forward(self: Native, cell: Cell, w: Weights, x: Any, *given: Any, **more: Any) -> Tape:
        if x.ndim == 3 and when(self, x, more["course"]):
            w, x = replace(w, U=w.U[:, ::-1].copy()), x[..., ::-1].copy()
        return right(self, cell, w, x, *given, **more)

    monkeypatch.setattr(Native, "forward", forward)


def dense_case(number: int, **given: Any) -> Case:
    return some_case(number, T=6, B=7, I=17, dense=True, lengths=None, reset=0.0, noise=None, **given)


@pytest.fixture(params=FAULTS)
def fault(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    if name.endswith("sets") and len(ISAS) < 2:
        pytest.skip("this CPU has no two instruction sets with FMA")
    plant(monkeypatch, FAULTS[name][0])
    return name


def test_a_fault_is_seen_by_its_law(fault: str) -> None:
    seen: set[str] = set()
    for number in range(24):
        case = dense_case(number, readout="every")
        seen |= {law for law, wrong in run_laws(case, number) if wrong}
    assert FAULTS[fault][1] <= seen


def test_a_fault_is_seen_in_the_gradients(fault: str) -> None:
    seen = {law for k in range(24) for law, wrong in gradient_laws(dense_case(k), k) if wrong}
    assert bool(seen) == (fault not in WHOLE), "a whole batch is compared with itself"


def test_corners_are_all_of_them() -> None:
    assert {name for name, _ in CORNERS} == set(ISAS)
    assert {threads for _, threads in CORNERS} == {1, 2, 4}
