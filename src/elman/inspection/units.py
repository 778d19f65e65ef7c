"""Units one by one: which lie at the ends of their range, and which never move.

Every measure takes one `Trace` or several parts of one, such as `traces` yields, and holds a part at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from elman import showing
from elman.errors import DataError, OptionError
from elman.numerics import Array

from .traces import Trace


@dataclass(frozen=True, eq=False, repr=False)
class Saturation:
    """How often each of H units or gates lies near an end of its range: shares of the steps, "H" each."""

    low: Array
    high: Array

    __repr__, _repr_html_ = showing.line, showing.fields


def saturation(parts: Trace | Iterable[Trace], *, near: float = 0.1) -> dict[str, Saturation]:
    """Return how often each state and gate lies near the lower and the upper end of its range.

    near: what share of the range counts as its end: of a σ gate 0.1 is below 0.1 and above 0.9, of tanh below
    −0.8 and above 0.8. A unit of relu has one end, 0, and is there or not. The memory s of an LSTM has no
    ends, and is left out. A gate that is often near 1 remembers (f) or lets pass; one near 0 is closed.
    Shapes: shares "H", by the names of the trace; float64.
    Raises: OptionError unless 0 < near < ½; DataError when there is no step.
    Source: Karpathy, Johnson & Fei-Fei 2015, arXiv:1506.02078, section 4.2.

    >>> from elman import Network
    >>> from elman.inspection import trace
    >>> network = Network(input_size=3, hidden_size=2, output_size=3)
    >>> network.parameters.flat[:] = 0
    >>> network.parameters["layers.0.b"][0] = 9
    >>> saturation(trace(network, [0, 1, 2]))["layers.0.h"].high
    array([1., 0.])
    """
    if not 0 < near < 0.5:
        raise OptionError(f"near is {near!r}; it must be a share of the range, above 0 and below 0.5")
    counts, total = dict[str, Array](), 0
    for part in each_part(parts):
        total += len(part)
        for name, values in numbers(part):
            if math.isfinite(part.ranges[name][0]):
                ends = _ends(values, part.ranges[name], near)
                counts[name] = counts.get(name, 0) + np.stack([np.count_nonzero(end, axis=0) for end in ends])
    _check_steps(total, 1)
    return {name: Saturation(*(count / total)) for name, count in counts.items()}


def dead_units(parts: Trace | Iterable[Trace], *, change: float = 1e-6) -> dict[str, Array]:
    """Return which units never move: their largest and smallest value differ by `change` at most.

    Shapes: "H" booleans for each state, by the names of the trace.
    Raises: DataError when there are fewer than two steps; OptionError for a change below 0.

    >>> from elman import Network
    >>> from elman.inspection import trace
    >>> network = Network(input_size=3, hidden_size=4, output_size=3)
    >>> for name in ("U", "W", "b"):
    ...     network.parameters[f"layers.0.{name}"][2] = 0
    >>> dead_units(trace(network, [0, 1, 2, 1]))["layers.0.h"]
    array([False, False,  True, False])
    """
    if not change >= 0:
        raise OptionError(f"change is {change!r}; it must be 0 or more")
    lows, highs, total = dict[str, Array](), dict[str, Array](), 0
    for part in each_part(parts):
        total += len(part)
        for name, values in part.states.items():
            low, high = values.min(axis=0, initial=math.inf), values.max(axis=0, initial=-math.inf)
            lows[name] = np.minimum(lows.get(name, low), low)
            highs[name] = np.maximum(highs.get(name, high), high)
    _check_steps(total, 2)
    return {name: highs[name].astype(np.float64) - lows[name] <= change for name in lows}


def each_part(parts: Trace | Iterable[Trace]) -> Iterable[Trace]:
    """Return the parts of a trace; one is all of it."""
    return [parts] if isinstance(parts, Trace) else parts


def numbers(part: Trace) -> Iterator[tuple[str, Array]]:
    """Yield the name and the values "T H" of every state and gate."""
    yield from part.states.items()
    yield from part.gates.items()


def _ends(values: Array, limits: tuple[float, float], near: float) -> tuple[Array, Array]:
    """Return where values lie near the lower, and near the upper end."""
    low, high = limits
    if high == math.inf:
        return values <= low, np.zeros(values.shape, bool)
    return values < low + near * (high - low), values > high - near * (high - low)


def _check_steps(total: int, least: int) -> None:
    if total < least:
        raise DataError(f"the trace has {total} steps; {least} or more are needed")
