"""A machine learned by asking: which strings does the network tell apart, and by what comes after them?

Two strings lead to the same state if no continuation tells them apart (Myhill and Nerode). The table holds
the answers to strings, each continued by some suffixes; strings with equal rows are one state, however far
apart the network's own states lie. A string that network and machine answer unlike yields one more suffix,
found by bisection, and the table one more state at least.
Source: Angluin 1987, doi:10.1016/0890-5401(87)90052-6; the bisection: Rivest & Schapire 1993,
        doi:10.1006/inco.1993.1021; a network as the teacher: Weiss, Goldberg & Yahav 2018, arXiv:1711.09576.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from elman.errors import NumericError
from elman.network import Network
from elman.numerics import Array
from elman.states import State

from .automaton import NO_ANSWER, Automaton

Word = tuple[int, ...]  # symbols
Asked = Callable[[Word], bool]


def most_probable(y: Array) -> Array:
    """Return the class of the largest logit along the last axis.

    Raises: NumericError when one is not finite.
    """
    if not np.isfinite(y).all():
        raise NumericError(
            "an output is not finite: the weights hold, or lead to, NaN or infinity; take an earlier model"
        )
    classes: Array = y.argmax(axis=-1)
    return classes


@dataclass(frozen=True)
class Teacher:
    """A network that is asked for its answer after a string; what is not `asked` has none."""

    network: Network
    alphabet: Word
    asked: Asked | None

    def follow(self, states: Sequence[State], words: Sequence[Word], suffix: Word) -> tuple[list[int], State]:
        """Read the suffix after each word, from the state it leads to: return (answers, states)."""
        stacked = tuple(tuple(map(np.stack, zip(*place, strict=True))) for place in zip(*states, strict=True))
        x = np.repeat(np.array(suffix)[:, None], len(words), axis=1)
        y, after = self.network.run(x, stacked)
        answers = most_probable(y[-1] if self.network.spec.readout == "every" else y).tolist()
        if self.asked is None:
            return answers, after
        is_told = [self.asked(word + suffix) for word in words]
        return np.where(is_told, answers, NO_ANSWER).tolist(), after


@dataclass(frozen=True)
class Table:
    """What was asked so far: rows of answers, for every state's string and for every one a symbol longer."""

    teacher: Teacher
    suffixes: list[Word] = field(default_factory=lambda: [()])
    words: list[Word] = field(default_factory=list)  # one for each state
    rows: dict[Word, list[int]] = field(default_factory=dict)  # answers, by suffix
    states: dict[Word, State] = field(default_factory=dict)  # of the network, "H" each

    @classmethod
    def begun(cls, teacher: Teacher) -> Table:
        """Return the table that knows the empty string, to which there is no answer yet."""
        table = cls(teacher)
        table.rows[()], table.states[()] = [NO_ANSWER], teacher.network.init_state()
        table._extend([()])
        return table

    def _extend(self, words: list[Word]) -> None:
        """Make states of these words: ask for all that are a symbol longer."""
        self.words.extend(words)
        longer = []
        for symbol in self.teacher.alphabet:
            answers, after = self.teacher.follow([self.states[w] for w in words], words, (symbol,))
            for k, word in enumerate(words):
                longer.append((*word, symbol))
                self.rows[longer[-1]] = answers[k : k + 1]
                self.states[longer[-1]] = tuple(tuple(s[k] for s in place) for place in after)
        for suffix in self.suffixes[1:]:
            self._ask(longer, suffix)

    def _ask(self, words: list[Word], suffix: Word) -> None:
        answers, _ = self.teacher.follow([self.states[word] for word in words], words, suffix)
        for word, answer in zip(words, answers, strict=True):
            self.rows[word].append(answer)

    def tell_apart(self, suffix: Word) -> None:
        """Ask for one more continuation of every string."""
        self._ask(list(self.rows), suffix)
        self.suffixes.append(suffix)

    def close(self, most: int) -> bool:
        """Add states until every symbol leads to one; tell whether `most` states were enough."""
        while True:
            known = {tuple(self.rows[word]) for word in self.words}
            new = []
            for word, row in self.rows.items():
                if tuple(row) not in known:
                    known.add(tuple(row))
                    new.append(word)
            some = new[: most - len(self.words)]
            if not some:
                return not new
            self._extend(some)

    def leads(self, first: int = 0) -> tuple[int, Array]:
        """Return (the state of the empty string, "Q A" to which state each symbol leads), without the first.

        A row that is no state's is taken for the nearest: that of the state with most answers in common.
        """
        words = self.words[first:]
        rows = np.array([self.rows[word] for word in words])
        known = {tuple(self.rows[word]): state for state, word in enumerate(words)}

        def nearest(word: Word) -> int:
            row = self.rows[word]
            return known[tuple(row)] if tuple(row) in known else int((rows == row).sum(axis=1).argmax())

        leads = [[nearest((*word, symbol)) for symbol in self.teacher.alphabet] for word in words]
        return nearest(()), np.array(leads)

    def machine(self, most: int, first: int = 0) -> Automaton:
        """Return the machine of the table, of `most` states at most.

        A start that answers nothing is joined to a state that goes on alike, where there is one; where there
        would be too many states, to the nearest.
        """
        start, leads = self.leads(first)
        outputs = [self.rows[word][0] for word in self.words[first:]]
        alike = np.flatnonzero((leads == leads[start]).all(axis=1))
        if outputs[start] == NO_ANSWER:
            start = max(alike.tolist(), key=lambda state: (outputs[state] != NO_ANSWER, -outputs[state]))
        rows = tuple(map(tuple, leads.tolist()))
        machine = Automaton(self.teacher.alphabet, start, rows, tuple(outputs)).minimized()
        return machine if len(machine) <= most else self.machine(most, first=1)

    def separating(self, string: Word) -> Word:
        """Return a suffix that tells apart what the machine does not, from a string they answer unlike.

        Read by the machine up to a cut, and from that state's own string on by the network, the string is
        answered as by the machine for a cut at the end, as by the network for one at the beginning; between
        them the answer changes. Cuts go back from the end in growing steps, because short suffixes tell more.
        """
        path, leads = [0], self.leads()[1]
        for symbol in string:
            path.append(int(leads[path[-1], self.teacher.alphabet.index(symbol)]))
        said = self.rows[self.words[path[-1]]][0]

        def differs(cut: int) -> bool:
            word = self.words[path[cut]]
            return self.teacher.follow([self.states[word]], [word], string[cut:])[0][0] != said

        right, step = len(string), 1
        while right > step and not differs(right - step):
            right, step = right - step, 2 * step
        left = max(right - step, 0)
        while right - left > 1:
            middle = (left + right) // 2
            left, right = (middle, right) if differs(middle) else (left, middle)
        return string[right:]


def learn(
    teacher: Teacher, judge: Callable[[Automaton], tuple[int, int, Word | None]], most_states: int
) -> Automaton:
    """Return the machine of the fewest bits, of those met while states are told apart.

    judge: a machine → (how many answers it gets wrong, of how many, the shortest string of those).
    """
    table, best, least = Table.begun(teacher), None, math.inf
    while True:
        before = len(table.words)
        closed = table.close(most_states + 1)  # one more: the start, which may be joined
        machine = table.machine(most_states)
        wrong, count, unlike = judge(machine)
        needed = bits(machine, wrong, count, teacher.network.spec.output_size)
        if best is None or needed < least:
            best, least = machine, needed
        grown = len(table.words) > before or len(table.suffixes) == 1
        if unlike is None or not (closed and grown):  # answers that hang on rounding might not grow it
            return best
        suffix = table.separating(unlike)
        if suffix in table.suffixes:
            return best
        table.tell_apart(suffix)


def bits(machine: Automaton, wrong: int, count: int, classes: int) -> float:
    """Return how many bits tell the answers: the machine, and each answer that it gets wrong.

    A machine with a state for every whim of a network agrees best, and says least.
    Source: Rissanen 1978, doi:10.1016/0005-1098(78)90005-5.
    """
    states = len(machine)
    itself = states * (len(machine.alphabet) * math.log2(states) + math.log2(classes + 1))
    return itself + wrong * math.log2(count * max(classes, 2))
