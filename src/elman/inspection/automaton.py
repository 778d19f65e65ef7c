"""A finite automaton that answers after every symbol: a Moore machine, as a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from elman.errors import OptionError, ShapeError
from elman.numerics import Array

from .automaton_drawing import draw
from .automaton_layout import Diagram, diagram

NO_ANSWER = -1


@dataclass(frozen=True)
class Automaton:
    """States, and where each symbol leads from each; the answer depends on the state alone.

    alphabet      the symbols it reads, whole numbers.
    start         the state before the first symbol.
    transitions   "Q A": the state that each symbol, in the order of `alphabet`, leads to from each state.
    outputs       "Q": the answer in each state, a class from 0 on; -1 where there is none, as at a start that
                  no string comes back to.

    Two minimal machines that answer alike are equal as values: see `minimized`.
    Raises: ShapeError when the parts do not fit; OptionError for a state that is not there, no symbol, or one
            that is there twice.
    Source: Moore 1956, Gedanken-experiments on sequential machines, Automata Studies, 129-153.

    >>> parity = Automaton(alphabet=(0, 1), start=0, transitions=((0, 1), (1, 0)), outputs=(0, 1))
    >>> parity.run([1, 0, 1, 1])
    array([1, 1, 0, 1])
    """

    alphabet: tuple[int, ...]
    start: int
    transitions: tuple[tuple[int, ...], ...]
    outputs: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse what is no machine; arrays become plain tuples."""
        alphabet, transitions, outputs = map(np.asarray, (self.alphabet, self.transitions, self.outputs))
        wanted = (len(outputs), len(alphabet))
        if transitions.shape != wanted:
            raise ShapeError(
                f"transitions have shape {transitions.shape}; expected {wanted}, for {wanted[0]} outputs and "
                f"{wanted[1]} symbols"
            )
        if len(set(alphabet.tolist())) < len(alphabet) or not len(alphabet):
            raise OptionError(f"the alphabet is {self.alphabet}; expected symbols, each of them once")
        for state in (self.start, *transitions.flat):
            if not 0 <= state < len(outputs):
                raise OptionError(f"there is no state {state}; states run from 0 to {len(outputs) - 1}")
        plain = (tuple(alphabet.tolist()), int(self.start), tuple(map(tuple, transitions.tolist())))
        for name, value in zip(("alphabet", "start", "transitions"), plain, strict=True):
            object.__setattr__(self, name, value)  # frozen, but for this
        object.__setattr__(self, "outputs", tuple(outputs.tolist()))

    def __len__(self) -> int:
        return len(self.outputs)

    def __repr__(self) -> str:
        fields = f"alphabet={self.alphabet}, start={self.start}, transitions={self.transitions}"
        count = f"{len(self)} states" if len(self) > 1 else "1 state"
        return f"Automaton({fields}, outputs={self.outputs})  # {count}"

    def run(self, string: ArrayLike) -> Array:
        """Return the answer after each symbol, -1 where there is none.

        Shapes: string: "T" symbols, or "T B", as `Network.run` reads them → the same.
        Raises: ShapeError for anything else; OptionError for a symbol that is not in the alphabet.
        """
        read = np.asarray(string)
        if read.ndim not in (1, 2) or (read.size and read.dtype.kind not in "iu"):
            raise ShapeError(f"a string is {read.dtype} of shape {read.shape}; expected symbols T, or T B")
        positions = self._positions(read)
        transitions, outputs = np.array(self.transitions), np.array(self.outputs)
        found = np.empty(read.shape, np.intp)
        state = np.full(read.shape[1:], self.start)
        for step, position in enumerate(positions):
            state = transitions[state, position]
            found[step] = outputs[state]
        return found

    def _positions(self, symbols: Array) -> Array:
        """Return where in the alphabet each symbol stands."""
        order = np.argsort(self.alphabet)
        places: Array = order[np.searchsorted(self.alphabet, symbols, sorter=order).clip(max=len(order) - 1)]
        unknown = np.asarray(self.alphabet)[places] != symbols
        if unknown.any():
            raise OptionError(
                f"the automaton does not read {symbols[unknown][0]}; its alphabet is {self.alphabet}"
            )
        return places

    def minimized(self) -> Automaton:
        """Return the machine with the fewest states that answers every string as this one does.

        States that no string reaches are left out; the others are numbered as they are met from the start,
        shorter strings first, symbols in the order of the alphabet. So two machines over one alphabet answer
        alike, and at the start, too, if and only if the minimized ones are equal.
        Source: Moore 1956: states are told apart by ever longer strings.

        >>> twice = Automaton((0, 1), 3, ((0, 1), (1, 2), (2, 1), (2, 1)), (0, 1, 0, 0))
        >>> twice.minimized()
        Automaton(alphabet=(0, 1), start=0, transitions=((0, 1), (1, 0)), outputs=(0, 1))  # 2 states
        """
        transitions = np.array(self.transitions)
        told, count = np.unique(self.outputs, return_inverse=True)[1], 0
        while told.max() + 1 > count:
            count = told.max() + 1
            onward = np.column_stack([told, told[transitions]])
            told = np.unique(onward, axis=0, return_inverse=True)[1].ravel()
        group = told.tolist()
        number = {group[self.start]: 0}
        met = [self.start]  # one state of each group
        for state in met:
            for after in self.transitions[state]:
                if group[after] not in number:
                    number[group[after]] = len(met)
                    met.append(after)
        rows = (tuple(number[group[after]] for after in self.transitions[state]) for state in met)
        return Automaton(self.alphabet, 0, tuple(rows), tuple(self.outputs[state] for state in met))

    @property
    def accepting(self) -> tuple[bool, ...]:
        """Of each state whether its answer is 1, where 0 and 1 are the only ones; empty elsewhere."""
        return tuple(output == 1 for output in self.outputs) if set(self.outputs) == {0, 1} else ()

    def diagram(self, symbols: Sequence[str] | None = None, classes: Sequence[str] | None = None) -> Diagram:
        """Return where states and arrows lie in a drawing, and their names; see `svg`."""
        letters = _named("symbols", symbols, self.alphabet)
        return diagram(self.transitions, self.start, letters, _named("classes", classes, self.outputs))

    def svg(self, symbols: Sequence[str] | None = None, classes: Sequence[str] | None = None) -> str:
        """Return a drawing, SVG as text: states with their answers, arrows with their symbols.

        symbols, classes: names by number, such as the tokens of a vocabulary; none: the numbers. Where 0 and
        1 are the only answers, 1 has a double line, as acceptance has. An arrow with no beginning leads to
        the start. Colors are the CSS variables --ink, --paper and --accent of the page, if it has them. Names
        are text: markup in them is shown.
        Raises: OptionError when a name is missing.

        >>> parity = Automaton((0, 1), 0, ((0, 1), (1, 0)), (0, 1))
        >>> drawing = parity.svg(symbols=["a", "<b>"], classes=["even", "odd"])
        >>> drawing[:4], "&lt;b&gt;" in drawing
        ('<svg', True)
        """
        return draw(self.diagram(symbols, classes), doubled=self.accepting)

    def _repr_svg_(self) -> str:
        return self.svg()


def _named(what: str, names: Sequence[str] | None, numbers: tuple[int, ...]) -> tuple[str, ...]:
    """Return the name of each number; – for no answer."""
    if names is not None and max(numbers) >= len(names):
        raise OptionError(f"{what} has {len(names)} names; there must be one for {max(numbers)}, too")
    return tuple("–" if n == NO_ANSWER else str(n) if names is None else names[n] for n in numbers)
