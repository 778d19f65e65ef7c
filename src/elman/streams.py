"""Many streams at once: thousands of states, one call; rows are added, dropped and begin anew freely."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import inputs, portable
from .drawing import Weighing
from .errors import OptionError, ResourceError, ShapeError
from .inputs import Reads
from .machine import Machine
from .numerics import Array
from .states import Places, State
from .streaming import Handle, Stored, read_steps

MOST = 1 << 40  # rows: beyond, their numbers would overflow before any memory is asked for


class Streams(Handle):
    """Many sequences, read as they come, in one call: `network.streams(count)` makes them.

    A row has a number from when it is added until it is dropped; free numbers are given again, the lowest
    first. What a row says is what a `Stream` says, to the bit, whatever rows are beside it (on the reference
    engine to rounding), and in several threads where the work is worth it.
    Raises: as `Stream`; OptionError for a row that is not there, or is named twice.

    >>> from elman import Network
    >>> network = Network(input_size=3, hidden_size=4, output_size=2)
    >>> streams = network.streams(3)
    >>> streams.step([2, 0, 1]).shape
    (3, 2)
    >>> streams.drop([1])
    >>> streams.add(2), streams.rows
    (array([1, 3]), array([0, 1, 2, 3]))
    >>> streams.step([1, 1], rows=[3, 0]).shape
    (2, 2)
    """

    def __init__(self, machine: Machine, reads: Reads, places: Places, stored: Stored, count: int) -> None:
        super().__init__(machine, reads, places, stored, many=True)
        self._used = np.zeros(0, np.bool_)
        self.add(count)

    def _told(self) -> str:
        return f"{super()._told()}, {len(self):,} rows"

    def __len__(self) -> int:
        return int(self._used.sum())

    @property
    def rows(self) -> Array:
        """The numbers of all rows, rising."""
        return np.flatnonzero(self._used)

    def add(self, count: int = 1) -> Array:
        """Add rows that begin anew; return their numbers."""
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 0:
            raise OptionError(f"count is {count!r}; it must be a number of rows, 0 or more")
        short = int(count) - int((~self._used).sum())
        if short > 0:
            self._grow(short)
        rows = np.flatnonzero(~self._used)[:count]
        self._begin(rows)
        self._used[rows] = True
        return rows

    def drop(self, rows: ArrayLike) -> None:
        """Give these rows up."""
        self._used[self._which(rows)] = False

    def reset(self, rows: ArrayLike | None = None) -> None:
        """Let rows begin anew; none named: all."""
        self._begin(self._which(rows))

    def state(self, row: int) -> bytes:
        """Return the state of a row, the bytes of `Stream.state`."""
        return portable.encode(self._places, self._cell, self._get(int(self._which([row])[0])))

    def set_state(self, rows: ArrayLike, state: bytes | State) -> None:
        """Give a row, or several, this state: bytes, or values "H" each."""
        self._put(self._which(np.atleast_1d(rows)), state)

    def step(self, x: Any, rows: ArrayLike | None = None, out: Array | None = None) -> Array:
        """Read one step of each row; return what the head shows, "N Y".

        Shapes: x: "N" symbols or "N I", or a pair of them; rows: "N" numbers, none: all, in their order;
                out: an array "N Y" to write to.
        """
        which = self._which(rows)
        _, symbols, features = read_steps(x, "N", self._reads, len(which))
        outputs = self._outputs(len(which)) if out is None else self._room(out, len(which))
        self._rows.advance(1, (which, symbols, features, outputs[None]))
        return outputs

    def run(self, x: Any, rows: ArrayLike | None = None, out: Array | None = None) -> Array:
        """Read several steps of each row; return what `step` returns for each, "T N Y".

        Shapes: x: "T N" symbols or "T N I", or a pair of them; rows, out: as in `step`.
        """
        which = self._which(rows)
        steps, symbols, features = read_steps(x, "T N", self._reads, len(which))
        outputs = self._outputs(steps, len(which)) if out is None else self._room(out, steps, len(which))
        self._rows.advance(steps, (which, symbols, features, outputs))
        return outputs

    def read(self, x: Any, rows: ArrayLike | None = None) -> None:
        """Read several steps as `run` does, and return nothing of them."""
        which = self._which(rows)
        steps, symbols, features = read_steps(x, "T N", self._reads, len(which))
        self._rows.advance(steps, (which, symbols, features, None))

    def draw(
        self, last: ArrayLike, chances: Array, weighing: Weighing, rows: ArrayLike | None = None
    ) -> Array:
        """Step, draw a symbol, feed it back, and again: what `elman.generate` is made of.

        Shapes: last: "N", the symbol that each row reads first; chances: "N L", uniform numbers from 0 to
                below 1 → symbols "N L"; fewer of each row when a logit is not finite.
        """
        which = self._which(rows)
        last = inputs.read_symbols("last", last, "N", self._spec.input_size).copy()
        chances = np.require(chances, np.float64, ["C", "A"])
        if chances.ndim != 2 or not len(chances) == len(last) == len(which):
            raise ShapeError(
                f"chances have shape {chances.shape}, last {last.shape}; there are {len(which)} rows"
            )
        drawn = np.empty(chances.shape, np.intp)
        length = self._rows.generate((which, last, chances, drawn), weighing, chances.shape[1])
        return drawn[:, :length]

    def _grow(self, count: int) -> None:
        try:
            if count > MOST:
                raise MemoryError
            self._rows.resize(len(self._used) + count)
            self._used = np.concatenate([self._used, np.zeros(count, np.bool_)])
        except MemoryError:
            raise ResourceError(
                f"there is no memory for the states of {count} more rows; take fewer"
            ) from None

    def _which(self, rows: ArrayLike | None) -> Array:
        if rows is None:
            return self.rows
        which = np.asarray(rows)
        if which.ndim != 1 or (which.dtype.kind not in "iu" and which.size):
            raise ShapeError(
                f"rows are {which.dtype} of shape {which.shape}; expected a list of numbers of rows"
            )
        which = np.array(which, np.intp, order="C")  # a copy, as in `read_steps`
        there = which.size == 0 or (which.min() >= 0 and which.max() < len(self._used))
        if not there or not self._used[which].all():
            raise OptionError(f"there is no row {_missing(which, self._used)}; `rows` says which there are")
        if np.bincount(which, minlength=1).max() > 1:
            raise OptionError("a row is named twice; each call moves a row on once")
        return which

    def _room(self, out: Array, *shape: int) -> Array:
        """Return the array to write to, checked."""
        wanted = (*shape, self._spec.y_size)
        if not isinstance(out, np.ndarray) or out.shape != wanted or out.dtype != self._spec.dtype:
            came = f"{out.dtype} {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
            raise ShapeError(f"out is {came}; expected an array of {self._spec.dtype} {wanted}")
        if not out.flags.carray:
            raise ShapeError(
                "out is not contiguous and aligned, or cannot be written to; numpy.empty makes one that is"
            )
        return out


def _missing(which: Array, used: Array) -> str:
    return next(str(row) for row in which.tolist() if not 0 <= row < len(used) or not used[row])
