"""From logits to symbols: drawn one after the other, or searched for the most probable of all continuations.

A symbol is drawn by the inverse cumulative distribution, in float64 and in the order of the symbols, with one
uniform double from generator(seed, "sampling"): the same network, options and seed give the same symbols.
Source: top-p: Holtzman et al. 2020, arXiv:1904.09751; beam search: Lowerre 1976, The HARPY System (CMU).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from .errors import NumericError, OptionError
from .inputs import read_symbols
from .network import Network
from .numerics import Array, generator, log_softmax
from .states import State

WINDOW = 1024  # steps of a prime run at once, so that its logits are never in memory whole


def generate(
    network: Network,
    prime: ArrayLike,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    banned: Iterable[int] = (),
    fresh_after: int | None = None,
    seed: int = 0,
) -> Iterator[int]:
    """Read the prime, then draw symbol after symbol without end, in constant memory.

    temperature: divides the logits: below 1 choices are safer, above 1 wilder; 0 is the most probable one.
    top_k:       only the k most probable symbols; more than there are is no limit.
    top_p:       of these, the fewest most probable that together reach this share; 0 is one, 1 is no limit.
    banned:      symbols that are never drawn.
    fresh_after: the symbol after which the state starts anew: the line end, for a model trained on lines.
    Equals come in the order of the symbols.

    Shapes: prime: "T" symbols, one or more.
    Raises: OptionError for an option out of range; ShapeError for a prime that the network cannot read;
            NumericError when a logit is not finite.

    >>> network = Network(input_size=3, hidden_size=4, output_size=3)
    >>> network.parameters.flat[:] = 0
    >>> symbols = generate(network, [0], banned=[1])
    >>> [next(symbols) for _ in range(8)]
    [2, 0, 0, 0, 0, 0, 0, 0]
    """
    _check(temperature, top_k, top_p, seed)
    symbol, state = _read_prime(network, prime)
    weigh = partial(
        weights, temperature=temperature, top_k=top_k, top_p=top_p, banned=_read_banned(network, banned)
    )
    return _generate(network, symbol, state, partial(_draw, weigh, generator(seed, "sampling")), fresh_after)


def _generate(
    network: Network, symbol: int, state: State, draw: Callable[[Array], int], fresh_after: int | None
) -> Iterator[int]:
    while True:
        logits, state = network.step(symbol, state)
        symbol = draw(logits)
        yield symbol
        if symbol == fresh_after:
            state = network.init_state()


def _draw(weigh: Callable[[Array], Array], random: np.random.Generator, logits: Array) -> int:
    # A double below 1 times the sum stays below the sum, and a weight of 0 leaves no room to fall into.
    cumulative = np.add.accumulate(weigh(logits))
    return int(cumulative.searchsorted(random.random() * cumulative[-1], side="right"))


def weights(
    logits: Array,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    banned: ArrayLike = (),
) -> Array:
    """Return the weights that a symbol is drawn by: float64, in proportion to its probability, the largest 1.

    The options are those of `generate`.

    Shapes: logits: "O" → "O".
    Raises: NumericError when a logit is not finite.

    >>> weights(np.log([0.5, 0.25, 0.2, 0.05]), top_k=3, top_p=0.7)
    array([1. , 0.5, 0. , 0. ])
    """
    z = np.array(logits, np.float64)
    _check_finite(z)
    z[np.asarray(banned, np.intp)] = -np.inf
    z -= z.max()
    if temperature == 0:
        top_k = 1
    elif temperature != 1:
        with np.errstate(over="ignore"):  # to −inf, whose weight is 0
            z /= temperature
    if top_k is not None or top_p is not None:
        kept = _most_probable(z, top_k, top_p)
        chosen = np.full_like(z, -np.inf)
        chosen[kept] = z[kept]
        z = chosen
    return np.exp(z)


def _most_probable(z: Array, top_k: int | None, top_p: float | None) -> Array:
    """Return the symbols that top_k and then top_p leave."""
    kept = _largest(z, top_k or len(z))
    if top_p is None or top_p == 1:
        return kept
    reached = np.add.accumulate(np.exp(z[kept]))
    return kept[: 1 + int(reached.searchsorted(top_p * reached[-1]))]


@dataclass(frozen=True)
class Beam:
    """A continuation and its −log p, in nats, in all."""

    symbols: tuple[int, ...]
    nats: float


def beam_search(
    network: Network,
    prime: ArrayLike,
    *,
    length: int,
    width: int,
    banned: Iterable[int] = (),
    end: int | None = None,
) -> list[Beam]:
    """Return the most probable continuations of a prime that are found, best first, `width` of them at most.

    A continuation has `length` symbols, or ends with the first symbol `end`. Each step keeps the `width` most
    probable beginnings: width 1 is greedy, and when none has to be given up the search is exhaustive. A
    longer continuation is never more probable than its beginning, so `end` favors short ones.
    The nats are those of the network: banned symbols are passed over, their probability is not shared out.

    Shapes: prime: "T" symbols, one or more.
    Raises: OptionError for an option out of range; ShapeError for a symbol that is none; NumericError.

    >>> network = Network(input_size=3, hidden_size=4, output_size=3)
    >>> network.parameters.flat[:] = 0
    >>> [beam.symbols for beam in beam_search(network, [0], length=2, width=3, banned=[1])]
    [(0, 0), (0, 2), (2, 0)]
    """
    for name, value in (("length", length), ("width", width)):
        if value < 1:
            raise OptionError(f"{name} is {value}; it must be 1 or more")
    if end is not None:
        read_symbols("end", np.array(end), "", network.spec.output_size)
    forbidden = _read_banned(network, banned)
    last, state = _read_prime(network, prime)
    feed, state = np.array([last]), _rows(state, None)
    beams, ended = [Beam((), 0.0)], list[Beam]()
    for _ in range(length):
        logits, state = network.step(feed, state)
        pool = [(beam, 0) for beam in ended] + _grown(beams, logits, forbidden, width)
        pool = sorted(pool, key=lambda each: each[0].nats)[:width]
        ended = [beam for beam, _ in pool if beam.symbols[-1] == end]
        alive = [(beam, parent) for beam, parent in pool if beam.symbols[-1] != end]
        if not alive:
            break
        beams = [beam for beam, _ in alive]
        feed = np.array([beam.symbols[-1] for beam in beams])
        state = _rows(state, [parent for _, parent in alive])
    return [beam for beam, _ in pool]


def _grown(beams: list[Beam], logits: Array, banned: Array, width: int) -> list[tuple[Beam, int]]:
    """Return the `width` best beams that are one symbol longer, each with the row of its parent."""
    _check_finite(logits)
    costs = np.array([[beam.nats] for beam in beams]) - log_softmax(logits.astype(np.float64))
    costs[:, banned] = np.inf
    best = _largest(-costs.ravel(), width)
    parents, symbols = np.divmod(best[np.isfinite(costs.flat[best])], logits.shape[1])
    return [
        (Beam((*beams[row].symbols, symbol), float(costs[row, symbol])), row)
        for row, symbol in zip(parents.tolist(), symbols.tolist(), strict=True)
    ]


def _rows(state: State, rows: list[int] | None) -> State:
    """Return these rows of a batch's state; None makes a batch of one out of a state without a batch axis."""
    return tuple(tuple(s[rows] for s in layer) for layer in state)


def _largest(values: Array, count: int) -> Array:
    """Return where the largest values lie, the largest first, equals in the order in which they lie.

    Shapes: values: "N" → "min(count, N)".
    """
    count = min(count, len(values))
    candidates = np.flatnonzero(values >= np.partition(values, -count)[-count])
    return candidates[np.argsort(-values[candidates], kind="stable")][:count]


def _read_prime(network: Network, prime: ArrayLike) -> tuple[int, State]:
    """Return (the last symbol of a prime, the state before it).

    Raises: OptionError for no symbol, or when the network does not read what it predicts; ShapeError.
    """
    reads, predicts = network.spec.input_size, network.spec.output_size
    if reads != predicts:
        raise OptionError(f"the network reads {reads} symbols and predicts {predicts}; it cannot feed itself")
    if np.size(prime) == 0:
        raise OptionError("the prime is empty; give one symbol or more to begin with")
    symbols = read_symbols("prime", prime, "T", reads)
    state = network.init_state()
    for start in range(0, len(symbols) - 1, WINDOW):
        _, state = network.run(symbols[start : min(start + WINDOW, len(symbols) - 1)], state)
    return int(symbols[-1]), state


def _read_banned(network: Network, banned: Iterable[int]) -> Array:
    """Return the banned symbols, each once. Raises: OptionError when nothing else is left; ShapeError."""
    listed = list(banned)
    if not listed:
        return np.empty(0, np.intp)
    symbols = np.unique(read_symbols("banned", listed, "N", network.spec.output_size))
    if len(symbols) == network.spec.output_size:
        raise OptionError("every symbol is banned; leave at least one")
    return symbols


def _check_finite(logits: Array) -> None:
    if not (math.isfinite(logits.max()) and math.isfinite(logits.min())):
        raise NumericError("a logit is not finite: the weights hold, or lead to, NaN or infinity")


def _check(temperature: float, top_k: int | None, top_p: float | None, seed: int) -> None:
    if not 0 <= temperature < math.inf:
        raise OptionError(f"temperature is {temperature}; it must be 0 (the most probable symbol) or more")
    if top_k is not None and top_k < 1:
        raise OptionError(f"top_k is {top_k}; it must be a number of symbols, 1 or more")
    if top_p is not None and not 0 <= top_p <= 1:
        raise OptionError(f"top_p is {top_p}; it must be a share of the probability, from 0 to 1")
    if seed < 0:
        raise OptionError(f"seed is {seed}; it must be 0 or more")
