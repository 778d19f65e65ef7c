"""The exported C, compiled by this machine's compiler and called from here: what the checks run."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

from elman.errors import OptionError
from elman.network import Network
from elman.numerics import Array
from elman.portable import joined
from elman.states import State

FLAGS = ("-std=c99", "-O2", "-ffp-contract=off")


def compiler() -> str | None:
    """Return the C compiler of this machine, or None."""
    return next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)


def compiled(folder: Path, names: Sequence[str], *, flags: Sequence[str] = FLAGS) -> ctypes.CDLL:
    """Compile NAME.c of each name in a folder, and load them together.

    Raises: OptionError with what the compiler said when it refuses.
    """
    library = Path(mkdtemp(dir=folder)) / "exported.so"  # a path that was loaded once is not read again
    command = [compiler() or "cc", *flags, "-shared", "-fPIC", "-o", str(library)]
    sources = [str(folder / f"{name}.c") for name in names]
    done = subprocess.run([*command, *sources, "-lm"], capture_output=True, text=True, check=False)
    if done.returncode:
        said = next(iter(done.stderr.strip().splitlines()), f"exit code {done.returncode}")
        raise OptionError(f"{command[0]} refuses {', '.join(names)}: {said}")
    return ctypes.CDLL(str(library))


class Exported:
    """One exported network of a library: it runs as `Network.run`, row by row and step by step."""

    def __init__(self, library: ctypes.CDLL, network: Network, name: str, ram: int, *, symbols: bool) -> None:
        spec = network.spec
        self._network, self._ram = network, ram
        self._step = getattr(library, f"{name}_step")
        self._symbol = self._step if symbols else getattr(library, f"{name}_step_symbol")
        self._init = getattr(library, f"{name}_init")
        self._seed = (0,) * (spec.head == "softmax")
        for function in (self._step, self._symbol, self._init):
            function.restype = None

    def run(self, x: Any, state: State | None = None) -> tuple[Array, State]:
        """Return (y, state) as `Network.run` does: x is "T B", "T B I" or a pair of them."""
        parts = x if isinstance(x, tuple) else (x,)
        steps, rows = np.asarray(parts[0]).shape[:2]
        spec = self._network.spec
        y = np.zeros((steps, rows, spec.y_size), np.float32)
        after = self._network.init_state(rows)
        for row in range(rows):
            memory = ctypes.create_string_buffer(self._ram)
            self._init(memory, *self._seed)
            if state is not None:
                given = joined(state)[row].astype(np.float32).tobytes()
                memory[: len(given)] = given
            for t in range(steps):
                self.step(memory, tuple(part[t, row] for part in parts), y[t, row])
            self._leave(memory, after, row)
        return (y[-1] if spec.readout == "last" else y), after

    def step(self, memory: Any, x: tuple[Any, ...], y: Array) -> None:
        """Move a state on by one step; x: a symbol or a vector, perhaps features beside it."""
        first, *features = x
        vector = np.ndim(first) == 1
        given = [_pointer(first) if vector else ctypes.c_int(int(first)), *map(_pointer, features)]
        (self._step if vector else self._symbol)(memory, *given, y.ctypes.data_as(ctypes.c_void_p))

    def _leave(self, memory: Any, after: State, row: int) -> None:
        numbers, at = np.frombuffer(memory, np.float32), 0
        for place in after:
            for array in place:
                array[row] = numbers[at : at + array.shape[1]]
                at += array.shape[1]


def _pointer(vector: Array) -> Any:
    """Return a pointer to float32 numbers; it keeps their array alive."""
    return np.ascontiguousarray(vector, np.float32).ctypes.data_as(ctypes.c_void_p)
