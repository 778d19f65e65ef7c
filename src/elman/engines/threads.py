"""BLAS threads where they help: the products of a net are small, and threads wait for each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

WORTH_SHARING = 1 << 25  # operations in the product of one step: 64 sequences × 512 units and their like


@cache
def _libraries() -> list[Any]:
    from threadpoolctl import ThreadpoolController

    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


@contextmanager
def blas_threads(batch: int, hidden_size: int, gates: int) -> Iterator[None]:
    """Hold BLAS to one thread while the product of a step is small, then give back what it had.

    On 32 × 128 × 128 two threads are slower than one on an idle machine, and ten times slower on a busy one,
    where each product waits for the thread that is not running.
    """
    if 2 * batch * hidden_size * hidden_size * gates >= WORTH_SHARING:
        yield
        return
    before = [library.get_num_threads() for library in _libraries()]
    for library in _libraries():
        library.set_num_threads(1)
    try:
        yield
    finally:
        for library, number in zip(_libraries(), before, strict=True):
            library.set_num_threads(number)


def blas_names() -> str:
    """Name the BLAS libraries that NumPy found, such as "openblas 0.3.31"."""
    return ", ".join(f"{library.internal_api} {library.version}" for library in _libraries())
