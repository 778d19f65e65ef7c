"""The compiled engine among what else a process does: threads of Python, fork, denormal numbers, errors."""

from __future__ import annotations

import multiprocessing
import os
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from threading import Event
from typing import Any

import numpy as np
import pytest

from bit_laws import in_place
from cases import Answers, Array, Case, each
from elman import Batch, Network
from native_cases import MODULE, SETS, differentiated, draw, twin, unequal, using

DTYPES = ("float32", "float64")
TASKS = "/proc/self/task"  # Linux lists the threads of a process there
has_fork = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system has no fork"
)


def busy_case(cell: tuple[str, str] = ("gru", "tanh"), **given: Any) -> Case:
    """Enough work for several threads."""
    return draw(cell, **{"T": 6, "B": 19, "I": 9, "H": 65, "O": 7, "dtype": "float32"} | given)


def test_threads_of_python_share_a_network() -> None:
    """Each has a state of its own; the threads of the engine serve one of them at a time, all go on."""
    case = twin(busy_case(), threads=2)
    states = [each(case.state or (), lambda s, k=k: s * np.float32(1 + k)) for k in range(4)]

    def ask(state: Any) -> list[Answers]:
        mine = replace(case, state=state)
        return [
            in_place(mine) | {f"d.{name}": a for name, a in differentiated(mine).items()} for _ in range(25)
        ]

    expected = [ask(state)[0] for state in states]
    with ThreadPoolExecutor(4) as pool:
        for came, right in zip(pool.map(ask, states), expected, strict=True):
            assert [unequal(one, right) for one in came] == [[]] * 25


def test_instruction_sets_and_threads_do_not_disturb_each_other() -> None:
    """Networks with different numbers of threads at the same time."""
    cases = [twin(busy_case(), threads=threads) for threads in (1, 2, 3, 8)]
    expected = differentiated(cases[0])
    with ThreadPoolExecutor(4) as pool:
        for came in pool.map(lambda case: [differentiated(case) for _ in range(25)], cases):
            assert [unequal(one, expected) for one in came] == [[]] * 25


def _digest(case: Case) -> str:
    return sha256(b"".join(a.tobytes() for a in differentiated(case).values())).hexdigest()


def _in_child(case: Case, answers: Any) -> None:
    answers.put((_digest(case), len(os.listdir(TASKS)) if os.path.isdir(TASKS) else 0))


def of_children(case: Case) -> list[tuple[str, int]]:
    """Ask children made by fork: what they say, and how many threads they have then."""
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    children = [context.Process(target=_in_child, args=(case, answers)) for _ in range(3)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of fork where there are threads
        for child in children:
            child.start()
    for child in children:
        child.join(60)
        child.kill()  # one that hangs
    assert [child.exitcode for child in children] == [0] * 3
    return [answers.get() for _ in children]


@has_fork
def test_children_made_by_fork_after_use() -> None:
    """They have threads of their own, and the parent goes on."""
    case = twin(busy_case(), threads=2)
    expected = _digest(case)
    for digest, threads in of_children(case):
        assert digest == expected
        assert threads in (0, min(2, len(os.sched_getaffinity(0))))
    assert _digest(case) == expected


@has_fork
def test_children_made_by_fork_during_use() -> None:
    """Another thread is in the engine, with its threads, when the process is copied."""
    case = twin(busy_case(), threads=2)
    expected, ended = _digest(case), Event()

    def go_on() -> None:
        while not ended.is_set():
            assert _digest(case) == expected

    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(go_on)
        try:
            came = [digest for _ in range(4) for digest, _ in of_children(case)]
        finally:
            ended.set()
        assert busy.result(60) is None
    assert came == [expected] * 12


def denormals_live(dtype: str) -> bool:
    """Does this thread still read and write denormal numbers?"""
    small = np.array([np.finfo(dtype).tiny]) / np.dtype(dtype).type(4)
    return bool((small != 0).all() and (2 * small != 0).all())


CALLS: dict[str, Callable[[Case], Any]] = {
    "run": in_place,
    "differentiate": differentiated,
    "step": lambda case: case.network.step(case.x[0], case.state),
    "answers": lambda case: case.answers(),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_mode_of_the_calling_thread_is_as_before(call: str, dtype: str) -> None:
    for name in SETS:
        for threads in (1, 2):
            with using(name):
                CALLS[call](twin(busy_case(dtype=dtype), threads=threads))
            assert denormals_live(dtype), (name, threads)


def test_the_mode_is_as_before_also_after_an_error() -> None:
    with pytest.raises(Exception, match="elements"):
        MODULE.float32.apply(0, np.zeros(3, "f4"), np.zeros(4, "f4"), 3)
    assert denormals_live("float32")


def test_denormals_are_zeros_inside() -> None:
    """A gradient too small for a normal number ends as 0, on every instruction set."""
    network = Network(input_size=2, hidden_size=3, output_size=2, engine="native")
    x, tiny = np.zeros((2, 1, 2), "f4"), np.full((1, 3), 1e-39, "f4")
    batch = Batch(x, np.zeros((2, 1), int), weights=np.zeros((2, 1)))
    for name in SETS:
        with using(name):
            assert not np.any(network.differentiate(batch, dstate=((tiny,),)).dstate[0][0])


def best_of(count: int, work: Callable[[], Any]) -> float:
    times = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def test_vanishing_gradients_are_not_slow() -> None:
    """W of the identity and no input: what comes back is as small at every step as it was at the last."""
    T, B, H = 200, 8, 64
    network = Network(input_size=4, hidden_size=H, output_size=2, engine="native", threads=1)
    network.parameters["layers.0.W"][:] = np.eye(H)
    batch = Batch(np.zeros((T, B, 4), "f4"), np.zeros((T, B), int), weights=np.zeros((T, B)))

    def seconds(size: float) -> float:
        dstate = ((np.full((B, H), size, "f4"),),)
        return best_of(9, lambda: network.differentiate(batch, dstate=dstate))

    assert seconds(1e-39) < 3 * seconds(1.0)


def finished(array: Array) -> bool:
    return bool(np.isfinite(array).all())


def test_numbers_that_are_not_finite_go_through() -> None:
    """Neither a crash nor an endless loop: NaN in, NaN out, and the next call is as before."""
    case = twin(busy_case())
    expected = in_place(case)
    wrong = each(case.state or (), lambda s: np.full_like(s, np.nan))
    y, _ = case.network.run(case.x, wrong)
    assert not finished(y)
    assert unequal(in_place(case), expected) == []
