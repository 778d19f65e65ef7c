"""The plain loops of scalar.c from Python: one layer, the gradients of its weights, and the head."""

from __future__ import annotations

import ctypes as C
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cases import Array

HERE = Path(__file__).parent
SOURCES = ("scalar.c", "scalar_sums.c")
FAULTS = ("reversed", "unfused", "gates swapped", "four shards", "left to right", "bias last")  # from 1 on
TANH, SIGMOID, EXP, LOG = range(4)
I64, P, P2 = C.c_int64, C.c_void_p, C.c_void_p * 2
CELLS = {"elman-tanh": 0, "elman-relu": 1, "gru-tanh": 2, "lstm-tanh": 3}


class Layer(C.Structure):
    """As in scalar.h, but for the last, which is a float or a double."""

    _fields_ = (
        [(name, I64) for name in ("cell", "T", "B", "I", "H")]
        + [(name, P) for name in ("U", "W", "b", "d", "gU", "gW", "x", "symbols", "live", "reset")]
        + [("anew", P2), ("mask", P), ("held", P2), ("states", P2)]
        + [(name, P) for name in ("gates", "kept", "hat_x", "scale_x", "hat_h", "scale_h")]
        + [("dstates", P2), ("danew", P2)]
        + [(name, P) for name in ("du", "dr", "da_x", "dx")]
    )


class Layer32(Layer):
    _fields_ = [("zoneout", C.c_float)]


class Layer64(Layer):
    _fields_ = [("zoneout", C.c_double)]


class Outer(C.Structure):
    _fields_ = (
        [(name, I64) for name in "TBFJ"]
        + [(name, P) for name in ("left", "right", "times", "anew", "mask", "reset", "out")]
        + [("add", I64)]
    )


def build(place: Path, dtype: str) -> str | None:
    """Compile for one element type; return the library, or None where there is no C compiler."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    real = ("-DREAL=float", "-DFMA=fmaf") if dtype == "float32" else ("-DREAL=double", "-DFMA=fma")
    fused = ("-mfma",) if platform.machine() in ("x86_64", "AMD64") else ()
    made = str(place / f"scalar_{dtype}.so")
    flags = ("-O1", "-ffp-contract=off", "-shared", "-fPIC", *fused, *real)
    sources = [str(HERE / name) for name in SOURCES]
    env = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}  # no sanitizer
    subprocess.run([*compiler.split(), *flags, *sources, "-o", made, "-lm"], check=True, env=env)
    return made


def scalar_library(request: pytest.FixtureRequest, places: pytest.TempPathFactory, native: Any) -> Scalar:
    """What a fixture returns that has the names of element types as its parameters."""
    library = build(places.mktemp("scalar"), request.param)
    if library is None:
        pytest.skip("there is no C compiler for scalar.c")
    return Scalar(library, request.param, native)


class Scalar:
    """The loops of one element type; `native` is the compiled engine's module, for tanh and its kind."""

    def __init__(self, library: str, dtype: str, native: Any) -> None:
        self.library, self.dtype = C.CDLL(library), np.dtype(dtype)
        self.real = C.c_float if dtype == "float32" else C.c_double
        self.layer = Layer32 if dtype == "float32" else Layer64
        module = getattr(native, dtype)

        def apply(function: int, numbers: Any, count: int) -> None:
            array = np.ctypeslib.as_array(numbers, (count,))
            out = np.empty(count, dtype)
            module.apply(function, np.array(array.tolist(), dtype), out, count)
            array[:] = out

        def log_of(number: float) -> float:
            out = np.empty(1)
            native.float64.apply(LOG, np.array([number]), out, 1)
            return float(out[0])

        self.apply = C.CFUNCTYPE(None, C.c_int, C.POINTER(self.real), I64)(apply)
        self.log_of = C.CFUNCTYPE(C.c_double, C.c_double)(log_of)
        self.library.softmax.restype = C.c_double
        self.library.softmax.argtypes = (P, I64, I64, self.real, type(self.apply), type(self.log_of))

    @contextmanager
    def fault(self, name: str) -> Iterator[None]:
        """Plant one of FAULTS."""
        C.c_int.in_dll(self.library, "fault").value = FAULTS.index(name) + 1
        try:
            yield
        finally:
            C.c_int.in_dll(self.library, "fault").value = 0

    def _layer(self, given: dict[str, Any]) -> Any:
        layer = self.layer(zoneout=given["zoneout"], **{name: given[name] for name in ("cell", *"TBIH")})
        for name, value in given.items():
            if isinstance(value, tuple):
                setattr(layer, name, P2(*map(pointer, value)))
            elif isinstance(value, np.ndarray):
                setattr(layer, name, pointer(value))
        return layer

    def forward(self, given: dict[str, Any]) -> None:
        """Write states, gates, kept and the hats of what was given, by the names of Layer."""
        self.library.forward(C.byref(self._layer(given)), self.apply)

    def backward(self, given: dict[str, Any]) -> dict[str, Array]:
        """Write dstates, danew, dx; return the gradients of the weights."""
        layer = self._layer(given)
        self.library.backward(C.byref(layer))
        around = {name: given[name] for name in ("mask", "reset")} | {"anew": given["anew"][0]}
        da, du, dr, da_x, h = (given[name] for name in ("gates", "du", "dr", "da_x", "states"))
        gradient = {"W": self.outer(dr, h[0][:-1], **around), "b": self.outer(da)}
        if given["gU"] is not None:
            gradient |= {
                "gU": self.outer(da, times=given["hat_x"]),
                "gW": self.outer(du, times=given["hat_h"]),
            }
        if given["d"] is not None:
            gradient["d"] = self.outer(du)
        if given["symbols"] is None:
            return gradient | {"U": self.outer(da_x, given["x"])}
        gradient["U"] = np.empty_like(given["U"])
        self.library.by_symbol(
            C.byref(layer), P(pointer(da_x)), I64(len(da_x[0, 0])), P(pointer(gradient["U"])), I64(1)
        )
        return gradient

    def outer(
        self, left: Array, right: Array | None = None, *, into: Array | None = None, **around: Any
    ) -> Array:
        """Return Σ left ⊗ right, or Σ left, over steps and rows; added to `into` if given."""
        T, B, F = left.shape
        J = 1 if right is None else right.shape[2]
        out = np.empty((F, J) if right is not None else F, self.dtype) if into is None else into
        arrays = {"left": left, "right": right, "out": out} | around
        pointers = {name: pointer(array) for name, array in arrays.items()}
        self.library.outer(C.byref(Outer(T=T, B=B, F=F, J=J, add=into is not None, **pointers)))
        return out

    def by_symbol(self, symbols: Array, rows: Array, count: int) -> Array:
        """Return Σ rows of each symbol, "count F"."""
        out = np.empty((count, rows.shape[2]), self.dtype)
        layer = self.layer(T=len(symbols), B=symbols.shape[1], I=count, symbols=pointer(symbols))
        self.library.by_symbol(C.byref(layer), P(pointer(rows)), I64(rows.shape[2]), P(pointer(out)), I64(0))
        return out

    def affine(self, rows: Array, matrix: Array, start: Array | None, *, turned: bool) -> Array:
        """Return start + rows matrixᵀ, or rows matrix if not turned."""
        depth, columns = matrix.shape[::-1] if turned else matrix.shape
        y = np.empty((*rows.shape[:-1], columns), self.dtype)
        strides = (depth, 1) if turned else (1, columns)
        sizes = np.array([y.size // columns, depth, columns, *strides])
        self.library.affine(*(P(pointer(array)) for array in (rows, matrix, start, y, sizes)))
        return y

    def softmax(self, y: Array, k: int, scale: float) -> float:
        """Turn a row of logits into its gradient, `scale` times; return its nats."""
        return float(self.library.softmax(pointer(y), len(y), int(k), scale, self.apply, self.log_of))


def pointer(array: Array | None) -> int | None:
    if array is None:
        return None
    assert array.flags.c_contiguous
    return int(array.ctypes.data)
