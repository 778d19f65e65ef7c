"""BLAS is held to one thread only while a small network runs, in whichever Python thread."""

from __future__ import annotations

import subprocess
import sys
from threading import Thread

import pytest
from threadpoolctl import threadpool_info

from elman.engines.threads import blas_threads


def numbers() -> list[int]:
    """The threads of NumPy's own BLAS; SciPy, which an extra brings, has one for itself."""
    return [
        library["num_threads"]
        for library in threadpool_info()
        if library["user_api"] == "blas" and "scipy.libs" not in library["filepath"]
    ]


def test_small_products_get_one_thread_and_large_ones_keep_theirs() -> None:
    before = numbers()
    with blas_threads(32, 128, gates=1):
        assert set(numbers()) <= {1}
    assert numbers() == before
    with blas_threads(64, 512, gates=1):
        assert numbers() == before


def test_an_error_gives_the_threads_back() -> None:
    before = numbers()
    with pytest.raises(RuntimeError), blas_threads(1, 8, gates=1):
        raise RuntimeError
    assert numbers() == before


def test_each_python_thread_gets_one_in_its_turn() -> None:
    seen = []

    def run() -> None:
        with blas_threads(1, 8, gates=1):
            seen.append(set(numbers()))

    for _ in range(2):
        thread = Thread(target=run)
        thread.start()
        thread.join(10)
        run()
    assert seen == [{1}] * 4


def test_numpy_has_a_blas_whose_threads_are_known() -> None:
    """Else the tests above would prove nothing; where this fails, nets are right but may be slow."""
    code = "from elman.engines.threads import blas_names; import numpy; print(blas_names())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, encoding="utf-8")
    assert done.stdout.strip()
