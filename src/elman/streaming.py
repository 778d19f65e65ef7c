"""A stream: a state that stays between calls and moves on with each step; nothing is learned.

A stream copies the network's parameters when it is made, and refuses to go on when they have changed since.
Where there is compiled code, a step is one call of it: nothing is allocated, and no Python runs in between.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from . import inputs, portable, stepping
from .errors import OptionError, ShapeError
from .inputs import Parts, Reads
from .machine import Machine
from .narrowing import Narrowed, check_storage, narrowed
from .numerics import Array
from .spec import Spec
from .states import Places, State, read_state

FIRST = np.zeros(1, np.intp)


def check_stepwise(spec: Spec) -> None:
    """Raise OptionError when the output needs the whole sequence: bidirectional, or most readouts."""
    if spec.whole_only:
        raise OptionError(f"no single steps: {spec.whole_only} reads the whole sequence; use run")


class Stored(NamedTuple):
    """How a stream stores the weights, as `Network.stream` says."""

    weights: str | None = None
    calibrate: Any = None

    def narrowed(self, machine: Machine, reads: Reads) -> Narrowed | None:
        """Return the weights in this storage, None for the network's own. Raises: as `Network.stream`."""
        check_storage(self.weights, machine.spec.dtype, self.calibrate is not None)
        return narrowed(machine, self.weights, self._text(reads))

    def _text(self, reads: Reads) -> Parts | None:
        """Return what to calibrate on, checked: symbols "T 1", features "T 1 I"."""
        if self.calibrate is None:
            return None
        try:
            return read_steps(self.calibrate, "T", reads)[1:]
        except ShapeError as error:
            raise ShapeError(f"calibrate is read as x is: {error}") from None


class Handle:
    """What one stream and many have in common: rows of states, as bytes and as values."""

    def __init__(self, machine: Machine, reads: Reads, places: Places, stored: Stored, *, many: bool) -> None:
        check_stepwise(machine.spec)
        self._spec, self._reads, self._places = machine.spec, reads, places
        self._cell = f"{machine.spec.cell}-{machine.spec.activation}"
        self._rows = stepping.open_rows(machine, places, stored.narrowed(machine, reads), many=many)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._cell}, {self._told()})"

    def _told(self) -> str:
        return " + ".join(map(str, self._spec.widths)) + " units"

    def _get(self, row: int) -> Array:
        return np.frombuffer(self._rows.values(row), self._places.dtype)

    def _put(self, rows: Array, state: bytes | State) -> None:
        if isinstance(state, bytes | bytearray | memoryview):
            self._rows.put(rows, portable.decode(self._places, self._cell, bytes(state)))
        else:
            self._rows.put(rows, portable.joined(read_state(state, None, self._places)))

    def _begin(self, rows: Array) -> None:
        self._rows.put(rows, None)

    def _outputs(self, *shape: int) -> Array:
        return np.empty((*shape, self._spec.y_size), self._spec.dtype)


class Stream(Handle):
    """One sequence, read as it comes: `network.stream()` makes one.

    step(x)        reads a symbol, a vector "I", or a pair of them, and returns what the head shows, "Y":
                   probabilities, means and deviations, or values. The array belongs to the stream and cannot
                   be written to; the next step overwrites it: copy what you keep.
    logits         what the head made it from, "Y" as in `Network.run`: an array of the same kind.
    state          all that the stream remembers, as bytes that another process, machine or engine can go on
                   from (`elman.portable` says what is in them); set it to go on from there.
    network_state  the same as values, as `Network.run` takes them.

    A step compares 64 bytes of the network's parameters with the copy, others each time; all else that goes
    on compares all of them. What a stream of a changed network remembers can still be had.
    Raises: OptionError when the network has changed, or another thread is in a call of this stream: each
            needs its own; ShapeError for an x that does not fit; FormatError for bytes that are no state.

    >>> from elman import Network
    >>> network = Network(input_size=3, hidden_size=4, output_size=3)
    >>> stream = network.stream()
    >>> p = stream.step(2)
    >>> p.shape, bool(np.isclose(p.sum(), 1))
    ((3,), True)
    >>> there = network.stream(stream.state)
    >>> bool((there.step(0) == stream.step(0)).all())
    True
    """

    step: Callable[[Any], Array]
    logits: Array

    def __init__(
        self, machine: Machine, reads: Reads, places: Places, stored: Stored, state: bytes | State | None
    ) -> None:
        super().__init__(machine, reads, places, stored, many=False)
        y = np.zeros(self._spec.y_size, self._spec.dtype)
        o = np.zeros_like(y) if self._spec.head in ("softmax", "sigmoid", "gaussian") else y
        self.logits, shown = y.view(), o.view()
        for view in (self.logits, shown):
            view.flags.writeable = False
        self._rows.attach(partial(_read_step, reads), shown, y, o)
        self._rows.resize(1)
        if state is None:
            self._begin(FIRST)
        else:
            self._put(FIRST, state)
        self.step = self._rows.step

    @property
    def state(self) -> bytes:
        """All that the stream remembers, as bytes; bytes or values can be set."""
        return portable.encode(self._places, self._cell, self._get(0))

    @state.setter
    def state(self, state: bytes | State) -> None:
        self._put(FIRST, state)

    @property
    def network_state(self) -> State:
        """The state as values, "H" each."""
        return portable.parted(self._places, self._get(0).copy())

    def reset(self) -> None:
        """Begin anew, from the network's initial state."""
        self._begin(FIRST)

    def run(self, x: Any) -> Array:
        """Read several steps; return what `step` returns for each, "T Y", as an array of its own.

        Shapes: x: "T" symbols or "T I", or a pair of them.

        >>> from elman import Network
        >>> Network(input_size=3, hidden_size=4, output_size=2).stream().run([0, 2, 1]).shape
        (3, 2)
        """
        steps, symbols, features = read_steps(x, "T", self._reads)
        outputs = self._outputs(steps)
        self._rows.advance(steps, (FIRST, symbols, features, outputs[:, None]))
        return outputs

    def read(self, x: Any) -> None:
        """Read several steps as `run` does, and return nothing of them."""
        steps, symbols, features = read_steps(x, "T", self._reads)
        self._rows.advance(steps, (FIRST, symbols, features, None))


def _read_step(reads: Reads, x: Any) -> tuple[int | None, Array | None]:
    """Return what a step reads, checked: the door behind which compiled code trusts what comes."""
    symbol, features = inputs.read_parts(x, "", reads)
    whole = None if features is None else np.require(features, requirements=["C", "A"])
    return None if symbol is None else int(symbol), whole


def read_steps(x: Any, axes: str, reads: Reads, rows: int = 1) -> tuple[int, Array | None, Array | None]:
    """Return (steps, symbols "T N", features "T N I") of an x that has these axes, checked.

    Raises: ShapeError when it does not fit the network or the rows.
    """
    parts = inputs.read_parts(x, axes, reads)
    lacking = 0 if axes == "N" else 1 if axes == "T" else ()
    # Copies: another thread that writes to x must not reach what has been checked.
    symbols, features = (
        None if part is None else np.array(np.expand_dims(part, lacking), order="C") for part in parts
    )
    steps, came = next(part.shape[:2] for part in (symbols, features) if part is not None)
    if came != rows:
        raise ShapeError(f"x has {came} rows, axes {axes}; it goes to {rows} rows")
    return steps, symbols, features
