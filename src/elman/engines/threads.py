"""BLAS threads where they help: the products of a net are small, and threads wait for each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

WORTH_SHARING = 1 << 25  # operations in the product of one step: 64 sequences × 512 units and their like


@cache
def _libraries() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


def shares_blas(batch: int, hidden_size: int, gates: int) -> bool:
    """Tell whether the product of a step is large enough for BLAS to keep its threads."""
    return 2 * batch * hidden_size * hidden_size * gates >= WORTH_SHARING


@contextmanager
def blas_threads(batch: int, hidden_size: int, gates: int) -> Iterator[None]:
    """Hold BLAS to one thread while the product of a step is small, then give back what it had.

    On 32 × 128 × 128 two threads are slower than one on an idle machine, and ten times slower on a busy one,
    where each product waits for the thread that is not running. The number belongs to the process: of several
    Python threads in here at once, the first decides.
    """
    if shares_blas(batch, hidden_size, gates):
        yield
        return
    with _libraries().limit(limits=1):
        yield


def blas_names() -> str:
    """Name the BLAS libraries that NumPy found, such as "openblas 0.3.31"."""
    return ", ".join(f"{library.internal_api} {library.version}" for library in _libraries().lib_controllers)
