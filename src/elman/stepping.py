"""The rows of states behind streams: compiled, or step by step on the reference engine.

Both do the same; native/stream.hpp is the compiled one. Rows are numbered from 0; each is all the numbers of
a state, side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, Protocol

import numpy as np

from .circumstances import Circumstances
from .drawing import Weighing
from .errors import NumericError, OptionError
from .inputs import Parts
from .machine import Machine
from .narrowing import Narrowed
from .numerics import Array
from .portable import joined, parted
from .states import Places, State

WINDOW = 1024  # steps × rows that the reference engine runs at once
WATCHED = 64  # bytes of the network that a step compares

Door = Callable[[Any], tuple[int | None, Array | None]]
Read = tuple[
    Array, Array | None, Array | None, Array | None
]  # rows "N", symbols "T N", x "T N I", outputs "T N Y"
Sampled = tuple[Array, Array, Array, Array]  # rows "N", the symbol before "N", chances "N L", drawn "N L"
CHANGED = (
    "the network has changed since this stream was made; make a new one, and hand the state on: "
    "new = network.stream(old.state)"
)
IN_USE = "another thread is in a call of this stream; give each its own"


class Rows(Protocol):
    """Rows of states, and what moves them on. Every method refuses when another thread is in one."""

    def attach(self, door: Door, shown: Array, y: Array, o: Array, /) -> None:
        """Say how a step reads x, where it writes y and what the head shows; `shown` is a view of o."""

    def step(self, x: Any, /) -> Array:
        """Move row 0 on and return `shown`."""

    def advance(self, steps: int, read: Read, /) -> None:
        """Move rows on over so many steps."""

    def generate(self, sampled: Sampled, weighing: Weighing, length: int, /) -> int:
        """Draw so many symbols for each row and feed them back.

        Returns how many symbols every row has got: fewer where a logit is not finite.
        """

    def resize(self, count: int, /) -> None:
        """Make room for so many rows."""

    def values(self, row: int, /) -> bytes:
        """Return all numbers of a row."""

    def put(self, rows: Array, values: Array | None, /) -> None:
        """Give rows these numbers, or the state that sequences begin with."""


def open_rows(machine: Machine, places: Places, narrow: Narrowed | None, *, many: bool) -> Rows:
    """Return rows on the network's engine, none yet; many: for several rows at once.

    The parameters are copied; what is compared with the copy later refuses when the network has changed.
    """
    compiled, spec, views = machine.engine.stream, machine.spec, machine.parameters.views
    if compiled is None:
        return Reference(machine, places, machine if narrow is None else narrow.machine(machine))
    stored: dict[str, Any] = dict(views)
    if narrow is not None:
        stored |= {name: (matrix.values, matrix.scales) for name, matrix in narrow.matrices.items()}
    names = ("U", "W", "b", "d", "gU", "gW", "h0", "s0")
    rows: Rows = compiled(
        machine.layers.cell,
        machine.parameters.flat,
        head=spec.head,
        sizes=(spec.input_size, spec.embedding_size or 0, spec.feature_size, spec.y_size),
        layers=tuple(tuple(stored.get(f"{place}.{name}") for name in names) for place in spec.places()),
        outlet=(stored["embedding.E" if spec.tied else "head.V"], views["head.c"], stored.get("embedding.E")),
        zoneout=float(spec.zoneout),
        storage="" if narrow is None else narrow.storage,
        many=many,
    )
    return rows


class Reference:
    """Rows on the reference engine."""

    def __init__(self, machine: Machine, places: Places, runs: Machine) -> None:
        """machine: the network, whose changes are noticed; runs: what runs, itself or with other weights."""
        self._machine, self._places = runs, places
        self._flat, self._own, self._at = machine.parameters.flat, machine.parameters.flat.copy(), 0
        self._fresh = joined(machine.initial())
        self._store = np.empty((0, len(self._fresh)), places.dtype)
        self._busy = Lock()

    def attach(self, door: Door, shown: Array, y: Array, o: Array, /) -> None:
        """As `Rows.attach`."""
        self._door, self._shown, self._y, self._o = door, shown, y, o

    def step(self, x: Any, /) -> Array:
        """As `Rows.step`."""
        symbol, features = self._door(x)
        with self._alone():
            self._check(self._watch())
            symbols = None if symbol is None else np.array(symbol, np.intp)
            self._y[:], after = self._machine.step((symbols, features), self._state(0))
            self._store[0] = joined(after)
            if self._o is not self._y:
                self._o[:] = self._machine.outlet.head.outputs(self._y)
        return self._shown

    def advance(self, steps: int, read: Read, /) -> None:
        """As `Rows.advance`."""
        rows, symbols, features, outputs = read
        with self._alone():
            self._check(slice(None))
            window = max(WINDOW // max(len(rows), 1), 1)
            for start in range(0, steps if len(rows) else 0, window):
                part = slice(start, start + window)
                parts = (
                    None if symbols is None else symbols[part],
                    None if features is None else features[part],
                )
                self._run(parts, rows, None if outputs is None else outputs[part])

    def generate(self, sampled: Sampled, weighing: Weighing, length: int, /) -> int:
        """As `Rows.generate`: row by row, so that a row is the same in any batch."""
        with self._alone():
            self._check(slice(None))
            return min((self._draw(n, sampled, weighing) for n in range(len(sampled[0]))), default=length)

    def resize(self, count: int, /) -> None:
        """As `Rows.resize`."""
        with self._alone():
            more = np.zeros((count - len(self._store), len(self._fresh)), self._store.dtype)
            self._store = np.concatenate([self._store, more])

    def values(self, row: int, /) -> bytes:
        """As `Rows.values`."""
        with self._alone():
            numbers: bytes = self._store[row].tobytes()
        return numbers

    def put(self, rows: Array, values: Array | None, /) -> None:
        """As `Rows.put`."""
        with self._alone():
            self._check(slice(None))
            self._store[rows] = self._fresh if values is None else values

    def _run(self, parts: Parts, rows: Array, outputs: Array | None) -> None:
        machine, steps = self._machine, next(len(part) for part in parts if part is not None)
        met = Circumstances(len(rows), (), steps=steps)
        run = machine.run(parts, self._state(rows), met, keep=False)
        self._store[rows] = joined(machine.finish(run))
        if outputs is not None:
            with machine.running(len(rows)):
                y = machine.outlet.outputs(run.passage.outputs)
            outputs[:] = machine.outlet.head.outputs(y)
        machine.release(run)

    def _draw(self, n: int, sampled: Sampled, weighing: Weighing) -> int:
        """Draw the symbols of one row; return how many."""
        rows, last, chances, drawn = sampled
        state = self._state(rows[n])
        for t, chance in enumerate(chances[n]):
            y, after = self._machine.step((last[n : n + 1].reshape(()), None), state)
            try:
                symbol = weighing.draw(y, chance)
            except NumericError:
                return t
            drawn[n, t] = last[n] = symbol
            state = parted(self._places, self._fresh) if symbol == weighing.fresh_after else after
            self._store[rows[n]] = joined(state)
        return len(chances[n])

    def _check(self, part: slice) -> None:
        if self._flat[part].tobytes() != self._own[part].tobytes():
            raise OptionError(CHANGED)

    def _watch(self) -> slice:
        """Return a few of the parameters, others each time."""
        start = self._at
        stop = start + WATCHED // self._own.itemsize
        self._at = stop if stop < len(self._own) else 0
        return slice(start, stop)

    def _state(self, rows: Any) -> State:
        return parted(self._places, self._store[rows])

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._busy.acquire(blocking=False):
            raise OptionError(IN_USE)
        try:
            yield
        finally:
            self._busy.release()
