"""Not a rival but the yardstick: how fast this machine reads what a step must read, W and a row of Uᵀ.

A loop in C that reads memory of that size again and again, 64 bytes at a time, and adds by exclusive or,
which waits for nothing. NumPy cannot tell: its calls take longer than the reading.
"""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from harness import GATES, Case
from numpy.typing import NDArray

SOURCE = """
typedef unsigned long long lanes __attribute__((vector_size(64)));

void read_all(const lanes *from, long count, long passes, lanes *sum) {
    lanes a = {0}, b = {0}, c = {0}, d = {0};
    for (long pass = 0; pass < passes; pass++) {
        for (long i = 0; i < count; i += 4) {
            a ^= from[i];
            b ^= from[i + 1];
            c ^= from[i + 2];
            d ^= from[i + 3];
        }
        __asm__ volatile("" ::: "memory"); /* or passes are found to be the same */
    }
    *sum = a ^ b ^ c ^ d;
}
"""
BLOCK = 4 * 64  # bytes of a turn of the inner loop


class Bandwidth:
    """Takes a step's worth of reading for a symbol."""

    piece = 20_000

    def __init__(self, case: Case, start: NDArray[Any]) -> None:
        self._read = build()
        count = bytes_read(case) // start.itemsize
        self._memory, self._sum = aligned(count, start.dtype), aligned(64 // start.itemsize, start.dtype)
        self._memory[:] = np.random.default_rng(0).standard_normal(count)

    def walk(self, symbols: NDArray[Any]) -> None:
        """Read as often as there are symbols."""
        at, count = self._memory.ctypes.data, self._memory.nbytes // 64
        self._read(at, count, len(symbols), self._sum.ctypes.data)

    def outputs(self, symbols: NDArray[Any]) -> NDArray[Any]:
        """Read once, and show that all of it was read."""
        self.walk(symbols[:1])
        rows = self._memory.view(np.uint64).reshape(-1, 8)
        return np.stack([self._sum.view(np.uint64), np.bitwise_xor.reduce(rows)])


def bytes_read(case: Case) -> int:
    """Return how much a step reads at least: W and a row of Uᵀ, whole turns of the loop."""
    size = 4 * GATES[case.cell] * case.hidden_size * (case.hidden_size + 1)
    return -(-size // BLOCK) * BLOCK


def aligned(count: int, dtype: Any) -> NDArray[Any]:
    """Return an array that begins with a line of the cache."""
    memory = np.zeros(count + 64, dtype)
    begin = -memory.ctypes.data % 64 // memory.itemsize
    return memory[begin : begin + count]


def build() -> Any:
    """Compile the loop and load it."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "bandwidth.c", Path(folder) / "bandwidth.so"
        source.write_text(SOURCE, "utf-8")
        options = ["-O3", "-march=native", "-shared", "-fPIC", "-o", str(library)]
        subprocess.run(["cc", *options, str(source)], check=True)
        read = ctypes.CDLL(str(library)).read_all
    read.argtypes = [ctypes.c_void_p, ctypes.c_long, ctypes.c_long, ctypes.c_void_p]
    read.restype = None
    return read


make = Bandwidth
