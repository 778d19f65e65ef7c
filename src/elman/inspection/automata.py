"""The finite automaton that a network on symbols behaves like, and how far the likeness goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elman import inputs
from elman.errors import DataError, OptionError
from elman.network import Network
from elman.numerics import Array
from elman.shapes import read_size

from .automaton import NO_ANSWER, Automaton
from .automaton_learning import Asked, Teacher, Word, learn, most_probable

__all__ = ["Automaton", "agreement", "extract_automaton"]

MOST_SYMBOLS = 32
PIECE = 256  # strings run at a time
ROOM = 1 << 21  # outputs that are there at a time


def extract_automaton(
    network: Network,
    strings: ArrayLike | Sequence[ArrayLike],
    *,
    max_states: int = 64,
    asked: Asked | None = None,
) -> Automaton:
    """Return the automaton that answers these strings, as the network does, in the fewest bits.

    The network is asked which strings it tells apart, by their continuations (L*: see `automaton_learning`),
    until the machine answers all of these strings as it does, or would need more than `max_states` states.
    Of the machines met, the one is taken that needs the fewest bits, for itself and for the answers it gets
    wrong: a network that slips now and then gives the machine without its slips, and one that behaves like
    no small automaton a machine that is often wrong. How often, on other strings, `agreement` tells.
    The answer is the most probable class: with readout "every" after each symbol, with "last" at the end of a
    string (where these strings are compared; the machine answers after every symbol). The start answers -1,
    because there the network has not been asked yet, unless it goes on as a state that answers.

    Shapes: strings: a list of "T" symbols each, or an array "T B" as `Network.run` reads it. Some thousand
            answers tell small machines. The symbols that occur are the alphabet, 32 at most: of a text, take
            strings over a few of its symbols.
    asked:  a function of a string, a tuple of symbols: is there an answer to it? Where there is none, because
            it is no complete expression, say, what the network tells does not count, and the machine says -1.
    Raises: OptionError for a network with features, another head than softmax, both directions, a readout
            other than "every" and "last", or too many symbols; DataError when there is no symbol to read;
            ShapeError for strings of anything else; NumericError when an output is not finite.
    Source: Weiss, Goldberg & Yahav 2018, arXiv:1711.09576, but for their abstraction of the network's states:
            here the given strings find where network and machine differ. L*: Angluin 1987,
            doi:10.1016/0890-5401(87)90052-6. Fewest bits: Rissanen 1978, doi:10.1016/0005-1098(78)90005-5.

    Parity, by a network built by hand: h = (relu(p + x), relu(p + x - 1)) and p = h[0] - 2 h[1].

    >>> network = Network("elman", activation="relu", input_size=2, hidden_size=2, output_size=2)
    >>> network.parameters.flat[:] = 0
    >>> for name, rows in {
    ...     "layers.0.U": [[0, 1], [0, 1]], "layers.0.W": [[1, -2], [1, -2]], "layers.0.b": [0, -1],
    ...     "head.V": [[0, 0], [1, -2]], "head.c": [0.5, 0],
    ... }.items():
    ...     network.parameters[name][:] = rows
    >>> strings = np.random.default_rng(0).integers(0, 2, (20, 50))
    >>> machine = extract_automaton(network, strings)
    >>> machine
    Automaton(alphabet=(0, 1), start=0, transitions=((0, 1), (1, 0)), outputs=(0, 1))  # 2 states
    >>> agreement(network, machine, np.random.default_rng(1).integers(0, 2, (500, 8)))
    1.0
    """
    most = read_size("max_states", max_states)
    read = _read_strings(network, strings)
    alphabet: Word = tuple(sorted({symbol for string in read for symbol in np.unique(string).tolist()}))
    if not alphabet:
        raise DataError("strings hold no symbol; give some for the network to answer")
    if len(alphabet) > MOST_SYMBOLS:
        raise OptionError(
            f"strings hold {len(alphabet)} different symbols; an automaton has {MOST_SYMBOLS} at most: give "
            "strings over fewer of them"
        )
    pieces = list(_answered(network, read, asked))
    return learn(Teacher(network, alphabet, asked), partial(_judge, pieces), most)


def agreement(
    network: Network,
    automaton: Automaton,
    strings: ArrayLike | Sequence[ArrayLike],
    *,
    asked: Asked | None = None,
) -> float:
    """Return the share of the network's answers to these strings that the automaton gives, too.

    Counted are the answers after every symbol, or at the end of each string for readout "last"; `asked`, and
    all else, as in `extract_automaton`. Strings that the automaton was not extracted from, and longer ones,
    tell most.
    Raises: as `extract_automaton`; OptionError for a symbol that the automaton does not read.
    """
    same = count = 0
    for piece in _answered(network, _read_strings(network, strings), asked):
        counted = piece.answers != NO_ANSWER
        same += int((piece.said_by(automaton) == piece.answers)[counted].sum())
        count += int(counted.sum())
    if not count:
        raise DataError("there is no answer to compare; give strings that the network answers")
    return same / count


def _read_strings(network: Network, strings: Any) -> list[Array]:
    """Return strings as symbols, "T" each, after a look at whether the network reads and answers such."""
    spec = network.spec
    faults = {
        f"the network reads {spec.feature_size} features beside symbols": spec.feature_size > 0,
        f"answers are classes, and the head is {spec.head!r}: take 'softmax'": spec.head != "softmax",
        "the network is bidirectional: it answers when it has read the whole string": spec.bidirectional,
        f"the readout is {spec.readout!r}: take 'every' or 'last'": spec.readout not in ("every", "last"),
    }
    if fault := next((fault for fault, there in faults.items() if there), None):
        raise OptionError(f"no automaton can be told: {fault}")
    if isinstance(strings, np.ndarray) and strings.ndim == 2:
        strings = strings.T
    some = [string if np.size(string) else np.zeros(0, np.intp) for string in strings]
    return [
        inputs.read_symbols(f"strings[{k}]", string, "T", spec.input_size) for k, string in enumerate(some)
    ]


@dataclass(frozen=True)
class Piece:
    """Some strings side by side, and what the network answers; what lies past an end does not count."""

    symbols: Array  # "T B"
    answers: Array  # "T B", -1 where there is none
    compared: Array  # "T B" booleans

    def said_by(self, automaton: Automaton) -> Array:
        """Return the automaton's answers, "T B"; past an end, any."""
        inside = np.where(self.symbols < 0, automaton.alphabet[0], self.symbols)
        return automaton.run(inside)


def _answered(network: Network, strings: list[Array], asked: Asked | None) -> Iterator[Piece]:
    """Ask the network about strings, those of about one length together."""
    strings = sorted((string for string in strings if len(string)), key=len)
    for first in range(0, len(strings), PIECE):
        some = strings[first : first + PIECE]
        lengths = np.array([len(string) for string in some])
        steps = np.arange(lengths.max())[:, None]
        symbols = np.full((len(steps), len(some)), -1)
        for b, string in enumerate(some):
            symbols[: len(string), b] = string
        answers = _ask(network, np.maximum(symbols, 0), lengths)
        compared = steps < lengths if network.spec.readout == "every" else steps == lengths - 1
        counted = compared if asked is None else _asked_of(asked, some, compared)
        yield Piece(symbols, np.where(counted, answers, NO_ANSWER), compared)


def _asked_of(asked: Asked, strings: list[Array], compared: Array) -> Array:
    """Return after which symbols there is an answer, "T B"."""
    counted = np.zeros_like(compared)
    for step, b in np.argwhere(compared):
        counted[step, b] = asked(tuple(strings[b][: step + 1].tolist()))
    return counted


def _ask(network: Network, x: Array, lengths: Array) -> Array:
    """Return the most probable class after each symbol, or at each end, "T B", in windows of time."""
    every, state = network.spec.readout == "every", None
    found = np.full(x.shape, NO_ANSWER)
    window = max(1, ROOM // (x.shape[1] * max(network.spec.y_size, *network.spec.widths)))
    for first in range(0, len(x), window):
        part = x[first : first + window]
        left = (lengths - first).clip(0, len(part))
        y, state = network.run(part, state, left)
        if every:
            found[first : first + window] = most_probable(y)
        else:
            going = np.flatnonzero(lengths > first)  # one that goes on is told anew in the next window
            found[lengths[going] - 1, going] = most_probable(y[going])
    return found


def _judge(pieces: list[Piece], machine: Automaton) -> tuple[int, int, Word | None]:
    """Return (how many answers a machine gets wrong, of how many, the shortest string of those)."""
    wrong, count, unlike = 0, 0, None
    for piece in pieces:
        steps, rows = np.nonzero((piece.said_by(machine) != piece.answers) & piece.compared)
        wrong, count = wrong + len(steps), count + int(piece.compared.sum())
        if len(steps) and (unlike is None or steps[0] + 1 < len(unlike)):
            unlike = tuple(piece.symbols[: steps[0] + 1, rows[0]].tolist())
    return wrong, count, unlike
