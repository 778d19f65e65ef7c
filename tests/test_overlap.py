"""Weight gradients added up by a thread beside the loop over time: the same bits, and nothing left behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from threading import Event, get_ident
from typing import Any

import numpy as np
import pytest

from cases import Array, Case, random_case
from elman.cells import CELLS
from elman.engines import choice, overlap, reference

Ends = list[Event]


@pytest.fixture(autouse=True)
def without_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such threads are of the reference engine."""
    monkeypatch.setattr(choice, "native", lambda: None)


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ends]:
    """Two cores, a worker for nets of any size; when each has ended, and that each has."""
    ended: Ends = []
    right = overlap.start_new_thread

    def start(run: Callable[..., None], given: tuple[Any, ...]) -> int:
        ended.append(over := Event())

        def watched() -> None:
            try:
                run(*given)
            finally:
                over.set()

        return right(watched, ())

    monkeypatch.setattr(overlap, "start_new_thread", start)
    monkeypatch.setattr(overlap, "affinity", lambda: 2)
    monkeypatch.setattr(overlap, "WORTH_A_WORKER", 0)
    yield ended
    assert all(over.wait(10) for over in ended), "a thread was left behind"


def case_of(cell: tuple[str, str], *, dense: bool, **options: Any) -> Case:
    """Two parts of the steps and a rest."""
    return random_case(
        cell, T=37, B=5, I=3, H=7, O=4, dense=dense, dtype="float32", **{"layers": 2} | options
    )


def bits(answers: dict[str, Array]) -> dict[str, bytes]:
    return {name: value.tobytes() for name, value in answers.items()}


def on_one_core(case: Case) -> dict[str, bytes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlap, "affinity", lambda: 1)
        return bits(case.answers())


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "ragged": {"lengths": (0, 17, 37, 1, 16)},
    "normalized": {"layer_norm": True},
    "restarts": {"reset": 0.2, "own_start": True, "learn_initial_state": True},
    "both ways": {"bidirectional": True, "lengths": (2, 37, 20, 37, 5)},
    "zoneout": {"zoneout": 0.3},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("dense", [True, False], ids=["dense", "symbols"])
@pytest.mark.parametrize("cell", CELLS, ids="-".join)
def test_a_worker_changes_no_bit(ends: Ends, cell: Any, dense: bool, options: dict[str, Any]) -> None:
    case = case_of(cell, dense=dense, **options)
    expected = on_one_core(case)
    assert ends == []
    assert bits(case.answers()) == expected
    assert len(ends) == 2 * (1 + case.network.spec.bidirectional)


@pytest.mark.parametrize("dense", [True, False], ids=["dense", "symbols"])
@pytest.mark.parametrize("cell", CELLS, ids="-".join)
def test_parts_add_up_to_the_whole(
    ends: Ends, monkeypatch: pytest.MonkeyPatch, cell: Any, dense: bool
) -> None:
    case = random_case(cell, T=37, B=5, I=3, H=7, O=4, dense=dense, lengths=(0, 17, 37, 1, 16))
    parts = case.answers()["gradient"]
    monkeypatch.setattr(overlap, "PART", 37)
    whole = case.answers()["gradient"]
    assert len(ends) == 1, "the whole needs no worker"
    assert np.abs(parts - whole).max() < 1e-13 * np.abs(whole).max()


def test_what_the_thread_raises_is_raised_by_the_caller(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_of(("gru", "tanh"), dense=True)
    expected = on_one_core(case)
    with monkeypatch.context() as patch:
        patch.setattr(reference, "_add_product", lambda *given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            case.answers()
    assert bits(case.answers()) == expected


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_error_of_the_caller_waits_for_what_has_begun(ends: Ends, error: type[BaseException]) -> None:
    begun, parts, done = Event(), [slice(1, 2), slice(0, 1)], list[slice]()

    def work(part: slice) -> None:
        begun.set()
        sum(range(1_000_000))  # long enough to be still at it when the error comes
        done.append(part)

    def interrupted(add: overlap.Work) -> None:
        add(parts[0])
        assert begun.wait(10)
        add(parts[1])
        raise error

    with pytest.raises(error), overlap.beside(work, worth=True) as add:
        interrupted(add)
    came = list(done)
    assert came in (parts[:1], parts)
    assert ends[0].wait(10)
    assert done == came


def test_the_thread_works_while_the_caller_goes_on(ends: Ends) -> None:
    workers, done = [], Event()

    def work(part: slice) -> None:
        workers.append(get_ident())
        done.set()

    with overlap.beside(work, worth=True) as add:
        add(slice(0, 1))
        assert done.wait(10)
    assert workers != [get_ident()]


def test_the_caller_waits_for_no_thread_that_does_not_come(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = case_of(("lstm", "tanh"), dense=True)
    expected = on_one_core(case)
    monkeypatch.setattr(overlap, "start_new_thread", lambda run, given: 0)
    assert bits(case.answers()) == expected

    def refuse(run: Callable[..., None], given: tuple[Any, ...]) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(overlap, "start_new_thread", refuse)
    assert bits(case.answers()) == expected
    assert ends == []


def test_parts_are_done_one_by_one_in_their_order(ends: Ends) -> None:
    done: list[slice] = []
    parts = [slice(i, i + 1) for i in range(200)]
    with overlap.beside(done.append, worth=True) as add:
        for part in parts:
            add(part)
    assert done == parts


def test_numpy_answers_errors_in_the_thread_as_the_caller_says(ends: Ends) -> None:
    came: list[str] = []
    served = Event()

    def work(part: slice) -> None:
        came.append(np.geterr()["over"])
        served.set()

    with np.errstate(over="raise"), overlap.beside(work, worth=True) as add:
        add(slice(0, 1))
        assert served.wait(10)
    assert came == ["raise"]


@pytest.mark.parametrize(
    ("sizes", "count"),
    [
        ((64, 32, 128, 3), 4),
        ((70, 32, 128, 4), 5),
        ((64, 32, 128, 1), 1),  # too little in all
        ((64, 1, 64, 4), 1),
        ((64, 64, 512, 1), 1),  # BLAS has its own threads
        ((0, 32, 128, 3), 1),
    ],
    ids=str,
)
def test_parts_follow_from_the_sizes(sizes: tuple[int, ...], count: int) -> None:
    parts = overlap.parts(*sizes)
    assert len(parts) == count
    assert [t for part in reversed(parts) for t in range(part.start, part.stop)] == list(range(sizes[0]))


def test_a_small_net_gets_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlap, "affinity", lambda: 2)
    monkeypatch.setattr(overlap, "start_new_thread", lambda run, given: pytest.fail("a thread"))
    case_of(("gru", "tanh"), dense=True).answers()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="2026-11-22: no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_has_its_own_threads(ends: Ends) -> None:
    case = case_of(("gru", "tanh"), dense=False)
    expected = bits(case.answers())
    if not (child := os.fork()):
        signal.alarm(30)  # ends a child that waits for ever
        right = False
        try:
            right = bits(case.answers()) == expected and ends[-1].wait(10)
        finally:
            os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0
