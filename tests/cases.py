"""Random cases for the tests, and how wrong an answer to them may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from elman import Batch, Network
from elman.cells import CELLS
from elman.network import State

Array = NDArray[Any]
Answers = dict[str, Array]


@dataclass(frozen=True)
class Tolerance:
    """How wrong an answer may be; beside each, the worst error measured (x86-64, OpenBLAS, NumPy 2.4)."""

    gradient: float = 1e-6  # 4e-9 in 1,712 random cases; a derivative 0.1 % off gives 3e-3
    float32_gradient: float = 1e-5  # 1e-7, against float64
    equations: float = 1e-12  # 3e-15
    law: dict[str, float] = field(
        default_factory=lambda: {"float64": 1e-13, "float32": 3e-6}  # 2e-15, 3e-7
    )
    parity: dict[str, float] = field(
        default_factory=lambda: {"float64": 1e-12, "float32": 2e-6}  # 2e-15, 9e-7 in 200 configurations
    )
    parity_gradient: dict[str, float] = field(
        default_factory=lambda: {"float64": 1e-12, "float32": 1e-5}  # 5e-15, 3e-6; PyTorch from itself: 7e-6
    )


TOLERANCE = Tolerance()


@dataclass(frozen=True)
class Case:
    """A network, what it reads, and the gradients that reach it from outside. The arrays are read-only."""

    network: Network
    x: Array
    state: State
    dy: Array
    dstate: State
    targets: Array
    lengths: Array | None

    @property
    def batch(self) -> Batch:
        return Batch(self.x, self.targets, self.lengths)

    def run(self) -> tuple[Array, State]:
        return self.network.run(self.x, self.state, self.lengths)

    def answers(self) -> Answers:
        """Everything that a forward and a backward run give, by name."""
        y, state, tapes = self.network.forward(self.x, self.state, self.lengths)
        gradient, dstart = self.network.backward(self.dy, tapes, self.dstate)
        return {"y": y, "gradient": gradient, **named("state", state), **named("dstart", dstart)}


def random_case(
    cell: tuple[str, str] = ("elman", "tanh"),
    *,
    T: int = 5,
    B: int = 3,
    I: int = 2,
    H: int = 7,
    O: int = 4,
    layers: int = 1,
    dense: bool = True,
    lengths: Sequence[int] | None = None,
    dtype: str = "float64",
    seed: int = 0,
) -> Case:
    """Draw a case in which nothing is zero and, unless asked for, no two sizes are equal.

    Cases of relu near its kink are drawn again: there is no derivative to be right about.
    """
    network = Network(
        cell[0],
        activation=cell[1],
        input_size=I,
        hidden_size=H,
        output_size=O,
        num_layers=layers,
        dtype=dtype,
    )
    for attempt in count():
        generator = np.random.default_rng([seed, attempt])

        def normal(*shape: int, generator: np.random.Generator = generator) -> Array:
            return frozen(generator.standard_normal(shape).astype(dtype))

        network.parameters.flat[:] = normal(len(network.parameters)) / max(2.0, np.sqrt(H))
        states = [tuple(tuple(normal(B, H) for _ in s) for s in network.init_state(B)) for _ in range(2)]
        case = Case(
            network,
            x=normal(T, B, I) if dense else frozen(generator.integers(0, I, (T, B))),
            state=states[0],
            dy=normal(T, B, O),
            dstate=states[1],
            targets=frozen(generator.integers(0, O, (T, B))),
            lengths=None if lengths is None else frozen(np.array(lengths)),
        )
        if cell[1] != "relu" or kink_distance(case) > 1e-3:
            return case
    raise AssertionError("unreachable")


def frozen(array: Array) -> Array:
    array.flags.writeable = False
    return array


def kink_distance(case: Case) -> float:
    """The smallest |a + u| of any unit at any step."""
    _, _, tapes = case.network.forward(case.x, case.state, case.lengths)
    recurrent = (case.network.parameters[f"layers.{k}.W"] for k in range(len(tapes.layers)))
    p = [tape.gates + tape.states[0][:-1] @ W.T for tape, W in zip(tapes.layers, recurrent, strict=True)]
    return float(min(np.abs(layer).min() for layer in p))


def each(state: State, change: Callable[[Array], Array]) -> State:
    return tuple(tuple(change(s) for s in layer) for layer in state)


def pack(state: State) -> Array:
    return np.concatenate([s.ravel() for layer in state for s in layer])


def unpack(vector: Array, like: State) -> State:
    parts = iter(np.split(vector, np.cumsum([s.size for layer in like for s in layer])[:-1]))
    return each(like, lambda s: next(parts).reshape(s.shape))


def named(name: str, state: State) -> Answers:
    return {f"{name}.{k}.{i}": s for k, layer in enumerate(state) for i, s in enumerate(layer)}


def row(case: Case, b: int, *, batched: bool = False) -> Case:
    """Sequence b alone, cut at its true end; with a batch axis of 1, or without one."""
    keep: Any = slice(b, b + 1) if batched else b
    end = None if case.lengths is None else case.lengths[b]
    return replace(
        case,
        x=case.x[:end, keep],
        dy=case.dy[:end, keep],
        targets=case.targets[:end, keep],
        state=each(case.state, lambda s: s[keep]),
        dstate=each(case.dstate, lambda s: s[keep]),
        lengths=None,
    )


def steps(case: Case, start: int, stop: int, state: State) -> Case:
    """The steps start .. stop of a case, from this state."""
    lengths = None if case.lengths is None else np.clip(case.lengths - start, 0, stop - start)
    part = slice(start, stop)
    return replace(
        case, x=case.x[part], dy=case.dy[part], targets=case.targets[part], state=state, lengths=lengths
    )


# The grid on which the laws are tried

GRID = {
    "-".join([*cell, "dense" if dense else "symbols", "ragged" if lengths else "whole", dtype]): random_case(
        cell, T=6, B=5, I=3, H=7, O=4, layers=2, dense=dense, lengths=lengths, dtype=dtype
    )
    for cell, dense, lengths, dtype in product(
        CELLS,
        (True, False),
        (None, (0, 3, 6, 1, 3)),  # one empty, one whole, two equal
        ("float64", "float32"),
    )
}
RAGGED_GRID = {name: case for name, case in GRID.items() if case.lengths is not None}
every_case = pytest.mark.parametrize("case", GRID.values(), ids=GRID)
every_ragged_case = pytest.mark.parametrize("case", RAGGED_GRID.values(), ids=RAGGED_GRID)


def law(case: Case) -> float:
    return TOLERANCE.law[case.network.spec.dtype]
