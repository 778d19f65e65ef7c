"""Random cases for the tests, and how wrong an answer to them may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from elman import Batch, Network, heads
from elman.cells import CELLS
from elman.machine import Tapes
from elman.noise import Noise
from elman.states import State, each

Array = NDArray[Any]
Answers = dict[str, Array]


@dataclass(frozen=True)
class Tolerance:
    """How wrong an answer may be; beside each, the worst error measured (x86-64, OpenBLAS, NumPy 2.4)."""

    gradient: float = 1e-6  # 3e-8 in the matrix, 1e-8 in 3,600 random cases; a derivative 0.1 % off: 3e-3
    float32_gradient: float = 1e-5  # 1e-7, against float64
    equations: float = 1e-12  # 3e-15
    law: dict[str, float] = field(
        default_factory=lambda: {"float64": 1e-13, "float32": 3e-6}  # 1e-14, 3e-7
    )
    parity: dict[str, float] = field(
        default_factory=lambda: {"float64": 1e-12, "float32": 2e-6}  # 2e-15, 1e-6 in 240 configurations
    )
    parity_gradient: dict[str, float] = field(
        default_factory=lambda: {"float64": 1e-12, "float32": 1e-5}  # 7e-15, 3e-6; PyTorch from itself: 2e-6
    )


TOLERANCE = Tolerance()


@dataclass(frozen=True)
class Case:
    """A network, what it reads, and the gradients that reach it from outside. The arrays are read-only."""

    network: Network
    x: Any  # an array, or a pair (symbols, features)
    state: State | None  # None: the network's own
    dy: Array
    dstate: State
    targets: Array
    lengths: Array | None
    reset: Array | None = None
    weights: Array | None = None
    noise: Noise | None = None

    @property
    def every(self) -> bool:
        """Is there an output at every step?"""
        return self.network.spec.readout == "every"

    @property
    def batch(self) -> Batch:
        given = {"weights": self.weights, "reset": self.reset, "per_sequence": not self.every}
        return Batch(self.x, self.targets, self.lengths, **given)

    def run(self) -> tuple[Array, State]:
        return self.forward()[:2]

    def forward(self) -> tuple[Array, State, Tapes]:
        return self.network.forward(self.x, self.state, self.lengths, self.reset, noise=self.noise)

    def answers(self) -> Answers:
        """Everything that a forward and a backward run give, by name."""
        y, state, tapes = self.forward()
        gradient, dstart = self.network.backward(self.dy, tapes, self.dstate)
        return {"y": y, "gradient": gradient, **named("state", state), **named("dstart", dstart)}


def random_case(
    cell: tuple[str, str] = ("elman", "tanh"),
    *,
    T: int = 5,
    B: int = 3,
    I: int = 2,
    H: int | tuple[int, ...] = 7,
    O: int = 4,
    layers: int = 1,
    dense: bool = True,
    lengths: Sequence[int] | None = None,
    reset: float = 0.0,
    weighted: bool = False,
    own_start: bool = False,
    noise: Noise | None = None,
    dtype: str = "float64",
    seed: int = 0,
    **options: Any,
) -> Case:
    """Draw a case in which nothing is zero and, unless asked for, no two sizes are equal.

    `reset` is the share of steps at which a row begins anew, `weighted` gives each target a weight, some of
    them zero, `own_start` leaves the state to the network; `options` are those of the network. Cases of relu
    near its kink are drawn again: there is no derivative to be right about.
    """
    sizes: dict[str, Any] = {"input_size": I, "hidden_size": H, "output_size": O, "num_layers": layers}
    network = Network(cell[0], activation=cell[1], dtype=dtype, **sizes | options)
    spec = network.spec
    for attempt in count():
        generator = np.random.default_rng([seed, attempt])

        def normal(*shape: int, generator: np.random.Generator = generator) -> Array:
            return frozen(generator.standard_normal(shape).astype(dtype))

        network.parameters.flat[:] = normal(len(network.parameters)) / np.sqrt(np.maximum(4, np.max(H)))
        start, dstate = (each(network.init_state(B), lambda s: normal(*s.shape)) for _ in range(2))
        x: Any = normal(T, B, I) if dense else frozen(generator.integers(0, I, (T, B)))
        rows = (T, B) if spec.readout == "every" else (B,)
        values = frozen(generator.random((*rows, O)).astype(dtype))  # labels and numbers
        case = Case(
            network,
            x=(x, normal(T, B, spec.feature_size)) if spec.feature_size else x,
            state=None if own_start else start,
            dy=normal(*rows, spec.y_size),
            dstate=dstate,
            targets=frozen(generator.integers(0, O, rows)) if heads.HEADS[spec.head].symbols else values,
            lengths=None if lengths is None else frozen(np.array(lengths)),
            reset=frozen(generator.random((T, B)) < reset) if reset else None,
            weights=frozen(np.maximum(generator.uniform(-1, 2, rows), 0)) if weighted else None,
            noise=noise,
        )
        if cell[1] != "relu" or kink_distance(case) > 1e-3:
            return case
    raise AssertionError("unreachable")


def frozen(array: Array) -> Array:
    array.flags.writeable = False
    return array


def kink_distance(case: Case) -> float:
    """The smallest |a + u| of any unit at any step."""
    layers, seen = case.network.machine.layers, [np.inf]
    right = layers.cell

    def forward(a: Array, u: Array, *rest: Any) -> None:
        seen.append(np.abs(a + u).min(initial=np.inf))
        right.forward(a, u, *rest)

    layers.cell = replace(right, forward=forward)
    case.run()
    layers.cell = right
    return float(min(seen))


def pack(state: State | None) -> Array:
    arrays = [s.ravel() for place in state or () for s in place]
    return np.concatenate(arrays) if arrays else np.empty(0)


def unpack(vector: Array, like: State) -> State:
    parts = iter(np.split(vector, np.cumsum([s.size for place in like for s in place])[:-1]))
    return each(like, lambda s: next(parts).reshape(s.shape))


def named(name: str, state: State) -> Answers:
    return {f"{name}.{k}.{i}": s for k, place in enumerate(state) for i, s in enumerate(place)}


def read(x: Any, change: Callable[[Array], Array]) -> Any:
    """What is read, changed: one array, or both of a pair."""
    return tuple(change(part) for part in x) if isinstance(x, tuple) else change(x)


def rows(case: Case, keep: Any, *, end: int | None = None) -> Case:
    """These rows of a case, up to step `end`; of a single number, without a batch axis."""

    def timed(a: Array) -> Array:
        return a[:end, keep]

    def one_each(a: Array) -> Array:
        return a[keep]

    def maybe(a: Any, change: Callable[[Array], Array]) -> Any:
        return None if a is None else change(a)

    target = timed if case.every else one_each
    return replace(
        case,
        x=read(case.x, timed),
        state=maybe(case.state, lambda state: each(state, one_each)),
        dy=target(case.dy),
        dstate=each(case.dstate, one_each),
        targets=target(case.targets),
        lengths=maybe(case.lengths, one_each),
        reset=maybe(case.reset, timed),
        weights=maybe(case.weights, target),
    )


def row(case: Case, b: int, *, batched: bool = False) -> Case:
    """Sequence b alone, cut at its true end; with a batch axis of 1, or without one."""
    end = None if case.lengths is None else int(case.lengths[b])
    return replace(rows(case, slice(b, b + 1) if batched else b, end=end), lengths=None)


def steps(case: Case, start: int, stop: int, state: State | None) -> Case:
    """The steps start .. stop of a case with an output at each, from this state."""
    cut = {name: getattr(case, name) for name in ("dy", "targets", "reset", "weights")}
    cut = {name: None if a is None else a[start:stop] for name, a in cut.items()}
    lengths = None if case.lengths is None else np.clip(case.lengths - start, 0, stop - start)
    noise = case.noise and case.noise.later(start)
    x = read(case.x, lambda part: part[start:stop])
    return replace(case, x=x, state=state, lengths=lengths, noise=noise, **cut)


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
