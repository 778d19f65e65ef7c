"""Players in processes of their own, so that thread pools and allocators of rivals do not meet."""

from __future__ import annotations

import importlib
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from harness import Array, Case

THREADS = (  # NPROC: JAX
    "ELMAN_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NPROC",
)
Play = Callable[[Any, Any], Any]  # what makes a player of a rival and of what it is to do


class Remote:
    """A player in another process."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return lambda: self._ask(name)

    def _ask(self, name: str) -> Any:
        self._connection.send(name)
        return self._connection.recv()


@contextmanager
def start(
    rival: str, threads: int | None, case: Case, flat: Array, task: Any, *, play: Play
) -> Iterator[Remote]:
    """Start a player, "module:function" in rivals/; threads None: as many as the rival likes."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    child = context.Process(target=_serve, args=(there, rival, case, flat, task, play), daemon=True)
    with _threads(threads):
        child.start()
    there.close()
    try:
        yield Remote(here)
    finally:
        here.close()
        child.join()


@contextmanager
def _threads(number: int | None) -> Iterator[None]:
    """Set the environment for a child: BLAS reads it once, when it is loaded."""
    before = {name: os.environ.pop(name) for name in THREADS if name in os.environ}
    os.environ.update(dict.fromkeys(THREADS, str(number)) if number else {})
    try:
        yield
    finally:
        for name in THREADS:
            os.environ.pop(name, None)
        os.environ.update(before)


def _serve(connection: Any, rival: str, case: Case, flat: Array, task: Any, play: Play) -> None:
    module, function = rival.split(":")
    make = getattr(importlib.import_module(f"rivals.{module}"), function)
    player = play(make(case, flat), task)
    try:
        while True:
            connection.send(getattr(player, connection.recv())())
    except EOFError:
        return
