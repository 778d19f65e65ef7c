"""elman as a user gets it: a stream of a network, called from Python once a symbol, or once for all."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from harness import Case
from numpy.typing import NDArray

import elman
from elman import Network

Array = NDArray[Any]


def network(case: Case, start: Array, engine: str) -> Network:
    """Return the network with these parameters."""
    sizes = {"input_size": case.vocabulary, "output_size": case.vocabulary, "engine": engine}
    made = Network(case.cell, hidden_size=case.hidden_size, dtype=start.dtype.name, **sizes)
    made.parameters.flat[:] = start
    return made


class Step:
    """Once a symbol; the outputs are probabilities."""

    def __init__(self, case: Case, start: Array, engine: str) -> None:
        self.step = network(case, start, engine).stream().step


class Run:
    """Many symbols in one call, with all outputs."""

    def __init__(self, case: Case, start: Array) -> None:
        self.walk = self.outputs = network(case, start, "native").stream().run


class Read:
    """Many symbols in one call, without outputs."""

    piece = 20_000

    def __init__(self, case: Case, start: Array) -> None:
        self._stream = network(case, start, "native").stream()
        self.walk = self._stream.read

    def outputs(self, symbols: Array) -> Array:
        """Return those after the last symbol."""
        self._stream.read(symbols[:-1])
        return np.array([self._stream.step(int(symbols[-1]))])


class Call:
    """A step that computes next to nothing: what remains is the call."""

    def __init__(self, case: Case, start: Array) -> None:
        smallest = Network(case.cell, input_size=2, hidden_size=1, output_size=2, engine="native")
        self._step = smallest.stream().step

    def walk(self, symbols: Array) -> None:
        """Call as often as there are symbols."""
        step = self._step
        for _ in range(len(symbols)):
            step(1)


class Generate:
    """`elman.generate`, until there are enough."""

    def __init__(self, case: Case, start: Array, engine: str) -> None:
        self._network = network(case, start, engine)

    def write(self, first: int, length: int, seed: int) -> list[int]:
        """Return the symbols after this first one."""
        return list(islice(elman.generate(self._network, [first], seed=seed), length))


step, step_reference = (partial(Step, engine=engine) for engine in ("native", "reference"))
run, read, call = Run, Read, Call
generate, generate_reference = (partial(Generate, engine=engine) for engine in ("native", "reference"))
