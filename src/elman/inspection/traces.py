"""Traces: every state, every gate and every output of a network while it reads one sequence.

The numbers are those of the run itself, on the engine in use: a layer keeps its gates for the way back, and
here they are read instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elman import showing
from elman.cells import Cell
from elman.errors import OptionError, ShapeError
from elman.machine import Run
from elman.network import Network
from elman.numerics import Array
from elman.shapes import read_size
from elman.spec import Spec
from elman.states import State, each

WINDOW = 4096  # steps at once
SIGMOID, TANH, RELU, ALL = (0.0, 1.0), (-1.0, 1.0), (0.0, math.inf), (-math.inf, math.inf)
RANGES = dict.fromkeys("rzifo", SIGMOID) | dict.fromkeys("ngh", TANH) | {"s": ALL}


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """What went on in a network over T steps, in the network's dtype.

    x       as it was read: "T" symbols, "T I" features, or a pair of both.
    states  "layers.0.h": "T H", and so on: each state after each step, places as `Spec.places` names them.
    gates   "layers.0.i": "T H", and so on, after σ or tanh: i f g o of an LSTM, r z n of a GRU; Elman's cell
            has none. Under zoneout they are those of the step before old states are mixed in.
    y       "T Y", as `Network.run` gives it; with readout "last" what it would say if this step were the
            last.
    after   the state after the last step, from which to go on.
    ranges  the ends of what each state and gate can be: (−1, 1), (0, 1), (0, ∞) of relu; the memory s of an
            LSTM has none.
    """

    x: Any
    states: dict[str, Array]
    gates: dict[str, Array]
    y: Array
    after: State
    ranges: dict[str, tuple[float, float]] = field(repr=False)

    __repr__, _repr_html_ = showing.line, showing.fields

    def __len__(self) -> int:
        return len(self.y)


def trace(network: Network, x: Any, state: State | None = None, *, reset: ArrayLike | None = None) -> Trace:
    """Return every state, gate and output of a network over one sequence.

    Shapes: x: "T" symbols, "T I" features, or a pair of both; state: per layer "H" (none: the initial one);
            reset: "T" booleans: the sequence begins anew before this step.
    All of it is held in memory, the states and gates of T steps; for what is too long `traces` gives parts.
    Raises: OptionError for a network without a single pass over time: bidirectional, or a readout other than
            "every" and "last"; ShapeError for what does not fit.

    >>> network = Network("gru", input_size=3, hidden_size=4, output_size=2)
    >>> seen = trace(network, np.array([0, 2, 1]))
    >>> sorted(seen.gates), seen.states["layers.0.h"].shape
    (['layers.0.n', 'layers.0.r', 'layers.0.z'], (3, 4))
    """
    parts = list(traces(network, x, state, reset=reset))
    if len(parts) == 1:
        return parts[0]
    read = [part.x for part in parts]
    return Trace(
        tuple(map(np.concatenate, zip(*read, strict=True))) if isinstance(x, tuple) else np.concatenate(read),
        {name: np.concatenate([part.states[name] for part in parts]) for name in parts[0].states},
        {name: np.concatenate([part.gates[name] for part in parts]) for name in parts[0].gates},
        np.concatenate([part.y for part in parts]),
        parts[-1].after,
        parts[0].ranges,
    )


def traces(
    network: Network,
    x: Any,
    state: State | None = None,
    *,
    reset: ArrayLike | None = None,
    window: int = WINDOW,
) -> Iterator[Trace]:
    """Yield what `trace` returns in parts of `window` steps: the memory of one part, whatever the length.

    x may be mapped from disk; each part is checked when it is read.
    Raises: as `trace`; OptionError for a window that is no whole number above 0.

    >>> network = Network("lstm", input_size=3, hidden_size=4, output_size=2)
    >>> [len(part) for part in traces(network, np.zeros(10, int), window=4)]
    [4, 4, 2]
    """
    runs = passes(network, x, state, reset, window=window, keep=bool(gate_names(network.machine.layers.cell)))
    return (_read(network, run) for run in runs)


def passes(
    network: Network,
    x: Any,
    state: State | None,
    reset: ArrayLike | None,
    *,
    window: int,
    keep: bool = False,
) -> Iterator[Run]:
    """Yield the runs over parts of one sequence; each is released when the next is asked for.

    keep: with the gates. Raises: as `trace`.
    """
    check_one_pass(network.spec)
    size, x = read_size("window", window), read_sequence(x)
    steps = len(x[0] if isinstance(x, tuple) else x)
    if reset is not None:
        reset = np.asarray(reset)
        if reset.shape != (steps,):
            raise ShapeError(f"reset has shape {reset.shape}; expected ({steps},), one for each step of x")
    return _passes(network, x, state, reset, windows=_windows(steps, size), keep=keep)


def _passes(
    network: Network,
    x: Any,
    state: State | None,
    reset: Array | None,
    *,
    windows: Iterator[slice],
    keep: bool,
) -> Iterator[Run]:
    for part in windows:
        read = tuple(one[part] for one in x) if isinstance(x, tuple) else x[part]
        run, _ = network.start(read, state, None, None if reset is None else reset[part], keep=keep)
        yield run
        state = each(network.machine.finish(run), lambda s: s[0])
        network.machine.release(run)


def _windows(steps: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, max(steps, 1), size))


def said(network: Network, run: Run) -> Array:
    """Return what a network says after every step of a run of one sequence, "T Y"."""
    with network.machine.running(1):
        y: Array = network.machine.outlet.outputs(run.passage.outputs)[:, 0]
    return y


def check_one_pass(spec: Spec) -> None:
    """Raise OptionError where no single pass over time leads to the output."""
    if spec.whole_only:
        raise OptionError(
            f"{spec.whole_only} reads the whole sequence, so nothing can be looked at step by step; take a "
            "network that reads forward, with readout 'every' or 'last'"
        )


def read_sequence(x: Any) -> Any:
    """Return x as an array, or a pair of them, of one sequence without a batch axis.

    Raises: ShapeError for several sequences, and for parts of unequal length.
    """
    try:
        parts = tuple(map(np.asarray, x if isinstance(x, tuple) else (x,)))
    except ValueError:  # NumPy's word for lists of unequal length
        raise ShapeError("x holds lists of unequal length; expected one sequence") from None
    for part in parts:
        if part.ndim != 1 + (part.dtype.kind not in "iu"):
            raise ShapeError(
                f"x is an array of {part.dtype}, shape {part.shape}; expected one sequence without a batch "
                'axis: "T" symbols (integers) or "T I" features (floats)'
            )
    if len({len(part) for part in parts}) != 1:
        raise ShapeError(f"x has parts of {[len(part) for part in parts]} steps; expected as many in each")
    return parts if isinstance(x, tuple) else parts[0]


def gate_names(cell: Cell) -> list[str]:
    """Return the letters of a cell's gates; the one sum of Elman's cell is its state."""
    return [letter for letter in cell.gates if letter not in cell.states]


def _read(network: Network, run: Run) -> Trace:
    """Copy what a run of one sequence holds: its memory serves the next."""
    machine, places = network.machine, network.spec.places()
    cell, symbols, features = machine.layers.cell, *run.passage.parts
    states, gates = dict[str, Array](), dict[str, Array]()
    for place, tape in zip(places, run.passage.tapes, strict=True):
        for letter, slots in zip(cell.states, tape.states, strict=True):
            states[f"{place}.{letter}"] = slots[1:, 0].copy()
        steps, hidden = tape.outputs.shape[0], tape.outputs.shape[2]
        for k, letter in enumerate(gate_names(cell)):
            # Of one sequence "G B H" and "B G·H" lie alike, so either engine's gates are found so.
            gates[f"{place}.{letter}"] = tape.gates.reshape(steps, len(cell.gates), hidden)[:, k].copy()
    parts = [part[:, 0].copy() for part in (symbols, features) if part is not None]
    after = each(machine.finish(run), lambda s: s[0])
    x = parts[0] if len(parts) == 1 else tuple(parts)
    return Trace(x, states, gates, said(network, run), after, _ranges(cell, [*states, *gates]))


def _ranges(cell: Cell, names: list[str]) -> dict[str, tuple[float, float]]:
    known = RANGES | ({"h": RELU} if cell.activation == "relu" else {})
    return {name: known[name.rsplit(".", 1)[1]] for name in names}
