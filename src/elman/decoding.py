"""From a network to symbols: drawn one after the other, or searched for the most probable continuations.

A symbol is drawn as `elman.drawing` says, with one uniform double from generator(seed, "sampling"), NumPy's
Philox: the same network, options and seed give the same symbols, on the compiled engine with every set of
instructions that has FMA. The reference engine rounds differently: a draw at the very edge of two symbols may
fall to the other side. Source: beam search: Lowerre 1976, The HARPY System (CMU).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .drawing import NOT_FINITE, Weighing, check_finite, largest
from .errors import NumericError, OptionError
from .inputs import read_symbols
from .network import Network
from .numerics import Array, generator, log_softmax
from .states import State
from .streams import Streams

WINDOW = 1024  # steps of a prime run at once, so that its logits are never in memory whole
BLOCK = 256  # symbols drawn at once: enough that the costs of a call do not matter, few enough to wait for


def generate(
    network: Network,
    prime: ArrayLike,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    banned: Iterable[int] = (),
    fresh_after: int | None = None,
    weights: str | None = None,
    calibrate: ArrayLike | None = None,
    seed: int = 0,
) -> Iterator[int]:
    """Read the prime, then draw symbol after symbol without end, in constant memory.

    temperature: divides the logits: below 1 choices are safer, above 1 wilder; 0 is the most probable one.
    top_k:       only the k most probable symbols; more than there are is no limit.
    top_p:       of these, the fewest most probable that together reach this share; 0 is one, 1 is no limit.
    banned:      symbols that are never drawn.
    fresh_after: the symbol after which the state starts anew: the line end, for a model trained on lines.
    weights:     how they are stored, "bfloat16" or "int8" to be read faster; calibrate: symbols "T" that int8
                 is fitted to. Both as in `Network.stream`; they change what is drawn.
    Equals come in the order of the symbols.

    Shapes: prime: "T" symbols, one or more.
    Raises: OptionError for an option out of range; ShapeError for a prime that the network cannot read;
            NumericError when a logit is not finite; OptionError when the network changes meanwhile; as
            `Network.stream` for weights.

    >>> network = Network(input_size=3, hidden_size=4, output_size=3)
    >>> network.parameters.flat[:] = 0
    >>> symbols = generate(network, [0], banned=[1])
    >>> [next(symbols) for _ in range(8)]
    [2, 0, 0, 0, 0, 0, 0, 0]
    """
    weighing = Weighing(temperature, top_k, top_p, _read_banned(network, banned), fresh_after)
    random, symbols = generator(seed, "sampling"), _symbols(network, prime)
    streams = network.streams(1, weights=weights, calibrate=calibrate)
    streams.read(symbols[:-1, None])
    return _drawn(streams, symbols[-1:], weighing, random)


def generate_many(
    network: Network,
    prime: ArrayLike | Sequence[ArrayLike],
    *,
    length: int,
    count: int | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    banned: Iterable[int] = (),
    fresh_after: int | None = None,
    weights: str | None = None,
    calibrate: ArrayLike | None = None,
    seed: int = 0,
) -> Array:
    """Draw `count` samples of `length` symbols at once; sample k is what `generate` gives with seed + k.

    The options are those of `generate`. A list of primes has one for each sample.

    Shapes: prime: "T" symbols, one or more; or a list of such → "count length".
    Raises: as `generate`; OptionError when there are more samples than primes, or fewer.

    >>> network = Network(input_size=3, hidden_size=4, output_size=3)
    >>> samples = generate_many(network, [0, 2], count=5, length=7, seed=3)
    >>> alone = generate(network, [0, 2], seed=4)
    >>> samples.shape, [next(alone) for _ in range(7)] == samples[1].tolist()
    ((5, 7), True)
    """
    weighing = Weighing(temperature, top_k, top_p, _read_banned(network, banned), fresh_after)
    primes, count = _primes(network, prime, count)
    if length < 0:
        raise OptionError(f"length is {length}; it must be a number of symbols, 0 or more")
    random = [generator(seed + k, "sampling") for k in range(count)]
    streams = network.streams(count, weights=weights, calibrate=calibrate)
    for k, symbols in enumerate(primes[:count]):
        streams.read(symbols[:-1, None], [k])
    if len(primes) == 1 < count:
        streams.set_state(range(count), streams.state(0))
    samples = np.empty((count, length), np.intp)
    last = np.resize([symbols[-1] for symbols in primes], count)
    for start in range(0, length if count else 0, BLOCK):
        size = min(BLOCK, length - start)
        chances = np.array([each.random(size) for each in random])
        drawn = _finite(streams.draw(last, chances, weighing), size)
        samples[:, start : start + size], last = drawn, drawn[:, -1]
    return samples


def _drawn(streams: Streams, last: Array, weighing: Weighing, random: np.random.Generator) -> Iterator[int]:
    """Yield symbol after symbol, drawn in blocks that grow: the first ones come at once."""
    size = 1
    while True:
        drawn = streams.draw(last, random.random((1, size)), weighing)
        yield from drawn[0].tolist()
        last, size = _finite(drawn, size)[:, -1], min(2 * size, BLOCK)


def _finite(drawn: Array, size: int) -> Array:
    if drawn.shape[1] < size:
        raise NumericError(NOT_FINITE)
    return drawn


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
    forbidden = np.array(_read_banned(network, banned), np.intp)
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
    check_finite(logits)
    costs = np.array([[beam.nats] for beam in beams]) - log_softmax(logits.astype(np.float64))
    costs[:, banned] = np.inf
    best = largest(-costs.ravel(), width)
    parents, symbols = np.divmod(best[np.isfinite(costs.flat[best])], logits.shape[1])
    return [
        (Beam((*beams[row].symbols, symbol), float(costs[row, symbol])), row)
        for row, symbol in zip(parents.tolist(), symbols.tolist(), strict=True)
    ]


def _rows(state: State, rows: list[int] | None) -> State:
    """Return these rows of a batch's state; None makes a batch of one out of a state without a batch axis."""
    return tuple(tuple(s[rows] for s in layer) for layer in state)


def _read_prime(network: Network, prime: ArrayLike) -> tuple[int, State]:
    """Return (the last symbol of a prime, the state before it). Raises: as `_symbols`."""
    symbols, state = _symbols(network, prime), network.init_state()
    for start in range(0, len(symbols) - 1, WINDOW):
        _, state = network.run(symbols[start : min(start + WINDOW, len(symbols) - 1)], state)
    return int(symbols[-1]), state


def _symbols(network: Network, prime: ArrayLike) -> Array:
    """Return the symbols of a prime.

    Raises: OptionError for no symbol, or when the network does not read what it predicts; ShapeError.
    """
    reads, predicts = network.spec.input_size, network.spec.y_size
    if reads != predicts:
        raise OptionError(f"the network reads {reads} symbols and predicts {predicts}; it cannot feed itself")
    if np.size(prime) == 0:
        raise OptionError("the prime is empty; give one symbol or more to begin with")
    return read_symbols("prime", prime, "T", reads)


def _primes(network: Network, prime: Any, count: int | None) -> tuple[list[Array], int]:
    """Return (the primes, one or one for each sample; the number of samples)."""
    several = isinstance(prime, list | tuple) and bool(prime) and np.ndim(prime[0]) > 0
    primes = [_symbols(network, each) for each in (prime if several else [prime])]
    if several and count not in (None, len(primes)):
        raise OptionError(f"count is {count}, and there are {len(primes)} primes; leave out count")
    if count is None and not several:
        raise OptionError("count is missing: how many samples of this prime?")
    return primes, len(primes) if count is None else count


def _read_banned(network: Network, banned: Iterable[int]) -> tuple[int, ...]:
    """Return the banned symbols, each once. Raises: OptionError when nothing else is left; ShapeError."""
    listed = list(banned)
    if not listed:
        return ()
    symbols = np.unique(read_symbols("banned", listed, "N", network.spec.output_size))
    if len(symbols) == network.spec.output_size:
        raise OptionError("every symbol is banned; leave at least one")
    return tuple(symbols.tolist())
