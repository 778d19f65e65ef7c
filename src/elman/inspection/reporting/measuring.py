"""All that a report tells of a passage, measured: once for the page, whatever is drawn from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elman.data import Vocabulary
from elman.inspection.dynamics import spectrum
from elman.inspection.following import correlations
from elman.inspection.gradients import GradientByLag, gradient_by_lag
from elman.inspection.surprise import Surprisal, surprisal
from elman.inspection.traces import Trace, traces
from elman.inspection.units import Saturation, saturation
from elman.network import Network
from elman.numerics import Array
from elman.persistence import Model

from .naming import symbol_names
from .passage import Passage
from .signals import text_signals

TOP = 5  # symbols that are told at each step
LAGS, LEAST_LAGS, STARTS = 64, 16, 8
WORK = 6e9  # multiplications that the gradients by lag may cost: about a second
WIDEST = 2048  # numbers of a state; of a wider one they would take minutes


@dataclass(frozen=True, eq=False)
class Follows:
    """How units go with signals: names "K", and r by state, "H K", 0 where nothing moves."""

    signals: list[str]
    r: dict[str, Array]

    def best(self, signal: int) -> tuple[str, int, float]:
        """Return the unit that goes most with a signal, against it or along with it: (state, unit, r)."""
        ranked = ((name, k, float(r[k, signal])) for name, r in self.r.items() for k in range(len(r)))
        return max(ranked, key=lambda one: abs(one[2]))


@dataclass(frozen=True, eq=False)
class Measured:
    """The numbers of a page.

    parts      the trace of the passage, in parts of time.
    paid       how probable the network held what it tells, symbols or classes; where that is the next
               symbol, also what it cost, but for the last step: what came is not known.
    names      of each symbol that occurs, or is among the most probable.
    lags       None where the passage is too short, or the state too wide.
    """

    passage: Passage
    parts: list[Trace]
    paid: Surprisal | None
    names: dict[int, str]
    follows: Follows
    saturation: dict[str, Saturation]
    spectrum: dict[str, Array]
    lags: GradientByLag | None

    @property
    def cost(self) -> Array | None:
        """What each symbol of the passage cost in bits, "T", where it was predicted; of the first NaN."""
        return _cost(self.passage, self.paid)

    def states(self) -> dict[str, Array]:
        """Return all states, "T H" each."""
        return {n: np.concatenate([part.states[n] for part in self.parts]) for n in self.parts[0].states}

    def gates(self, steps: int) -> dict[str, Array]:
        """Return the gates of the first steps, "steps H" each."""
        return {
            n: np.concatenate([part.gates[n] for part in self.parts])[:steps] for n in self.parts[0].gates
        }


def measured(model: Model, passage: Passage) -> Measured:
    """Measure a network along a passage.

    Raises: OptionError for a network without a single pass over time; NumericError for numbers that are not
            finite; ShapeError for a passage that it does not read.
    """
    network = model.network
    parts = list(traces(network, passage.x, reset=passage.reset))
    paid = _paid(network, passage, parts)
    names = _names(model.vocabulary, passage, paid)
    signals, values = list[str](), np.zeros((len(passage), 0))
    if passage.shown:
        signals, values = text_signals(passage, names, _cost(passage, paid))
    r = correlations(parts, values) if signals else {}
    states = parts[0].states
    follows = Follows(signals, {name: np.nan_to_num(one) for name, one in r.items() if name in states})
    lags = _gradients(network, passage)
    return Measured(passage, parts, paid, names, follows, saturation(parts), spectrum(network), lags)


def _cost(passage: Passage, paid: Surprisal | None) -> Array | None:
    if paid is None or not passage.next:  # what is told is not the next symbol
        return None
    bits: Array = np.concatenate([[np.nan], paid.bits[:-1]])
    return bits


def _paid(network: Network, passage: Passage, parts: list[Trace]) -> Surprisal | None:
    if network.spec.head != "softmax":
        return None
    top = min(TOP, network.spec.output_size)
    targets = np.append(passage.x[1:], 0) if passage.next else np.zeros(len(passage), int)
    return surprisal(network, passage.x, targets, reset=passage.reset, top=top)


def _names(vocabulary: Vocabulary | None, passage: Passage, paid: Surprisal | None) -> dict[int, str]:
    symbols = [passage.x] if passage.x.ndim == 1 else []
    if passage.next and paid is not None:
        symbols.append(paid.top_symbols.reshape(-1))
    if not symbols:
        return {}
    found = np.unique(np.concatenate(symbols)).tolist()
    return dict(zip(found, symbol_names(vocabulary, found), strict=True))


def _gradients(network: Network, passage: Passage) -> GradientByLag | None:
    """Measure along the longest stretch in which nothing begins anew."""
    ends = np.array([0, len(passage)])
    if passage.reset is not None:
        ends = np.unique(np.concatenate([ends, np.flatnonzero(passage.reset)]))
    longest = int(np.diff(ends).argmax())
    x = passage.x[ends[longest] : ends[longest + 1]]
    size = sum(network.spec.widths) * len(network.machine.layers.cell.states)
    lags = min(LAGS, 3 * len(x) // 4, max(LEAST_LAGS, int(WORK / size**3)))
    if lags < 2 or size > WIDEST:
        return None
    starts = min(STARTS, max(1, int(WORK / (lags * size**3))))
    return gradient_by_lag(network, x, lags=lags, starts=starts)
