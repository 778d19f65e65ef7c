"""What units follow: each alone by its correlation with signals, all together by a linear probe."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from elman import showing
from elman.data import split_series
from elman.engines import Memory
from elman.engines.gather import sum_by_symbol
from elman.errors import DataError, OptionError, ShapeError
from elman.numerics import Array
from elman.shapes import check, read_size

from .traces import Trace
from .units import each_part, numbers

ROWS = 1024  # at once: they stay in the cache


@dataclass(frozen=True)
class Moments:
    """What is kept of a table "T D", whose first H columns are units and the others signals."""

    count: int
    mean: Array  # "D"
    squares: Array  # "D": Σ (column − mean)²
    products: Array  # "H K": Σ (unit − mean)(signal − mean)
    first: Array  # "D": the first row
    moved: Array  # "D": has a column ever differed from it?

    def correlations(self) -> Array:
        """Return Pearson's r of every unit with every signal, "H K"; NaN where one of the two never moved."""
        units = len(self.products)
        spread = np.sqrt(np.outer(self.squares[:units], self.squares[units:]))
        both = np.outer(self.moved[:units], self.moved[units:])
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(both, np.clip(self.products / spread, -1, 1), np.nan)


def correlations(
    parts: Trace | Iterable[Trace], signals: ArrayLike | Callable[[Trace], ArrayLike]
) -> dict[str, Array]:
    """Return how each state and gate goes with each signal: Pearson's correlation, from −1 to 1.

    Shapes: signals: "T K" numbers or booleans for all steps of all parts ("T" is one column), or a function
            that gives them for a part → "H K" by the names of the trace, float64; NaN where one of the two
            never moves.
    A signal lies beside the state after the step in which it was read: that of x_t is in row t.
    Raises: ShapeError when signals do not fit the steps; DataError when they are not finite, or there is no
            step.
    Sources: Pearson 1895, doi:10.1098/rspl.1895.0041; in one pass as Chan, Golub & LeVeque 1983,
    doi:10.1080/00031305.1983.10483115, put parts together.

    >>> from elman import Network
    >>> from elman.inspection import trace
    >>> network = Network(input_size=3, hidden_size=2, output_size=3)
    >>> seen = trace(network, [0, 1, 2, 1])
    >>> signal = 1 - 5 * seen.states["layers.0.h"][:, 1]
    >>> correlations(seen, signal)["layers.0.h"][1].round(6)
    array([-1.])
    """
    found = dict[str, Moments]()
    for part, rows, beside in _beside(parts, signals):
        for name, values in numbers(part):
            new = _moments(values[rows], beside)
            found[name] = _joined(found[name], new) if name in found else new
    if not found:
        raise DataError("the trace has no step: there is nothing to correlate")
    return {name: moments.correlations() for name, moments in found.items()}


def symbol_signals(symbols: ArrayLike, count: int) -> Array:
    """Return a signal for each of `count` symbols: 1 where it is read, 0 elsewhere.

    Shapes: symbols: "T" → "T K", K = count, float64.
    Raises: ShapeError for what is no symbol below count; OptionError for a count below 1.

    >>> symbol_signals([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    size = read_size("count", count)
    return np.eye(size)[_classes("symbols", np.asarray(symbols), size)]


@dataclass(frozen=True, eq=False, repr=False)
class Probe:
    """A linear map from states to targets, and how well it does on steps that it has not seen; float64.

    weights   "K H", and bias "K": for each class, or each column of the targets.
    classes   whether the targets were classes.
    score     on the steps held out: the share of classes that are right; of values R², the mean over columns.
    baseline  what the states have to beat there: the share of the class that was most frequent before; 0.
    """

    weights: Array
    bias: Array
    classes: bool
    score: float
    baseline: float

    __repr__, _repr_html_ = showing.line, showing.fields

    def predict(self, states: ArrayLike) -> Array:
        """Return the class of each step, "T", or the values, "T K", that states "T H" tell.

        Raises: ShapeError for states of another width.
        """
        states = np.asarray(states, np.float64)
        hint = "The probe belongs to one state of one network."
        check("states", states, "T H", hint, H=self.weights.shape[1])
        found: Array = states @ self.weights.T + self.bias
        return found.argmax(axis=-1) if self.classes else found


def probe(states: ArrayLike, targets: ArrayLike, *, penalty: float = 1.0, held_out: float = 0.2) -> Probe:
    """Fit a linear probe: what can be read from all units of a state together?

    The weights minimize Σ ‖weights state + bias − target‖² + penalty ‖weights‖² (ridge regression); of
    classes the target is 1 for the right one and 0 for the others, and the largest wins. The last `held_out`
    of the steps take no part, and judge: steps that lie side by side are too much alike to be dealt out.
    Shapes: states: "T H"; targets: "T" classes (whole numbers from 0, or booleans), "T" or "T K" values.
    Raises: ShapeError when they do not fit; DataError when they are not finite, too few to hold some out, or
            a column of values does not vary there; OptionError for a penalty that is not above 0.
    Sources: Alain & Bengio 2016, arXiv:1610.01644; Hoerl & Kennard 1970, doi:10.1080/00401706.1970.10488634.

    >>> states = np.random.default_rng(0).normal(size=(100, 3))
    >>> probe(states, states[:, 1] > 0).score > 0.9
    True
    """
    if not 0 < penalty < math.inf:
        raise OptionError(f"penalty is {penalty!r}; it must be a number above 0")
    states, targets = np.asarray(states, np.float64), np.asarray(targets)
    check("states", states, "T H")
    classes = targets.dtype.kind in "iub"
    aims = _classes("targets", targets.astype(np.intp)) if classes else _table("targets", targets)
    if len(aims) != len(states):
        raise ShapeError(f"targets have {len(aims)} rows, states {len(states)}; expected one for each")
    if not np.isfinite(states).all():
        raise DataError("states are not finite: the network has run away, or its weights are damaged")
    fitted, kept = split_series(len(states), float(held_out))
    weights, bias = _ridge(states[fitted], aims[fitted], penalty, int(aims.max()) + 1 if classes else None)
    blind = Probe(weights, bias, classes, math.nan, math.nan)
    said, right = blind.predict(states[kept]), aims[kept]
    if classes:
        usual = np.bincount(aims[fitted]).argmax()
        return Probe(weights, bias, classes, float(np.mean(said == right)), float(np.mean(right == usual)))
    return Probe(weights, bias, classes, _r_squared(said, right), 0.0)


def _ridge(states: Array, aims: Array, penalty: float, classes: int | None) -> tuple[Array, Array]:
    """Return (weights "K H", bias "K"); classes "T" stand for rows of 0 and 1, which are never there."""
    mean = states.mean(axis=0)
    centered = states - mean
    if classes is None:
        aim = aims.mean(axis=0)
        products = aims.T @ centered
    else:
        aim = np.bincount(aims, minlength=classes) / len(aims)
        products = sum_by_symbol(aims, centered, classes, Memory("float64"))
    gram = centered.T @ centered
    gram.flat[:: len(gram) + 1] += penalty
    weights = np.linalg.solve(gram, products.T).T
    return weights, aim - weights @ mean


def _r_squared(said: Array, right: Array) -> float:
    spread = np.square(right - right.mean(axis=0)).sum(axis=0)
    if not spread.all():
        raise DataError("a column of targets does not vary in the steps held out: there is no R²")
    return float(np.mean(1 - np.square(right - said).sum(axis=0) / spread))


def _beside(
    parts: Trace | Iterable[Trace], signals: ArrayLike | Callable[[Trace], ArrayLike]
) -> Iterator[tuple[Trace, slice, Array]]:
    """Yield each part, some rows of it, and their signals."""
    table, done = _table("signals", () if callable(signals) else signals), 0
    for part in each_part(parts):
        came = signals(part) if callable(signals) else table[done : done + len(part)]
        beside = _table("signals", came)
        done += len(part)
        if len(beside) != len(part):
            raise ShapeError(f"signals have {len(beside)} rows for {len(part)} steps; expected one for each")
        for start in range(0, len(part), ROWS):
            rows = slice(start, start + ROWS)
            yield part, rows, beside[rows]
    if not callable(signals) and len(table) != done:
        raise ShapeError(f"signals have {len(table)} rows, the trace {done} steps; expected one for each")


def _moments(values: Array, signals: Array) -> Moments:
    table, units = np.concatenate([values, signals], axis=1, dtype=np.float64), values.shape[1]
    mean = table.mean(axis=0)
    away = table - mean
    products = away[:, :units].T @ away[:, units:]
    moved = (table != table[0]).any(axis=0)
    return Moments(len(table), mean, np.einsum("td,td->d", away, away), products, table[0], moved)


def _joined(a: Moments, b: Moments) -> Moments:
    """Return the moments of both parts, one after the other."""
    count, gap, units = a.count + b.count, b.mean - a.mean, len(a.products)
    share = a.count * b.count / count
    return Moments(
        count,
        a.mean + gap * (b.count / count),
        a.squares + b.squares + share * gap * gap,
        a.products + b.products + share * np.outer(gap[:units], gap[units:]),
        a.first,
        a.moved | b.moved | (a.first != b.first),
    )


def _table(name: str, numbers: ArrayLike) -> Array:
    """Return numbers "T K" in float64; "T" is one column."""
    table = np.asarray(numbers)
    if table.dtype.kind not in "fiub" or table.ndim not in (1, 2):
        raise ShapeError(f"{name} are {table.dtype}, shape {table.shape}; expected numbers, (T) or (T, K)")
    if not np.isfinite(table).all():
        raise DataError(f"{name} hold NaN or infinity; expected finite numbers")
    return table.reshape(len(table), -1 if table.size else 1).astype(np.float64)


def _classes(name: str, numbers: Array, count: int | None = None) -> Array:
    """Return numbers "T" of classes from 0 on, below count if there is one."""
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise ShapeError(f"{name} are {numbers.dtype}, shape {numbers.shape}; expected whole numbers, (T)")
    if numbers.size and (numbers.min() < 0 or (count is not None and numbers.max() >= count)):
        wrong = numbers.min() if numbers.min() < 0 else numbers.max()
        ends = "0 on" if count is None else f"0 to {count - 1}"
        raise ShapeError(f"{name} hold {wrong}; expected numbers from {ends}")
    return numbers
