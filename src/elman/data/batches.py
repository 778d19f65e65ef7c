"""Batches, and one long text as several streams read side by side, window after window."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from elman.errors import DataError, OptionError, ShapeError
from elman.numerics import generator
from elman.shapes import read_size

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Batch:
    """What a network reads in one step of training, and what it should say.

    Shapes: x: "T B" symbols, "T B I" numbers, or a tuple (symbols "T B", numbers "T B F"); time comes first.
            targets: "T B" symbols or "T B O" values; per sequence: "B" symbols or "B O" values.
            lengths: "B", how many steps of each row are real; None: all T of them.
            rows: "B", which of the data's lines or sequences each row is; None where there are none.
            weights: like targets without O, how much each target counts, 0 not at all; None: each one.
            reset: "T B", whether the row starts anew before this step; None: nowhere.
    fresh says that the hidden state starts anew before this batch; otherwise it flows on from the one before.
    per_sequence says that a row has one target; otherwise every step has one.
    What lies beyond a row's length is padding: 0, and never to be counted.

    >>> targets = np.array([[3, 4], [5, 0]])
    >>> Batch(x=np.array([[0, 0], [3, 0]]), targets=targets, lengths=np.array([2, 1])).count
    3
    """

    x: Array | tuple[Array, Array]
    targets: Array
    lengths: Array | None = None
    fresh: bool = True
    rows: Array | None = None
    weights: Array | None = None
    reset: Array | None = None
    per_sequence: bool = False

    @property
    def count(self) -> int:
        """The number of targets that count: of real ones with a weight above 0."""
        if self.weights is not None:
            return int(np.count_nonzero(self._real_weights(self.weights) > 0))
        if self.per_sequence:
            return math.prod(self._shape[1:])
        return math.prod(self._shape) if self.lengths is None else int(np.sum(self.lengths))

    @property
    def total(self) -> float:
        """The weights of all real targets, added up: what a sum of losses is divided by.

        >>> weights = np.array([[0.5, 2], [0, 7]])
        >>> Batch(np.zeros((2, 2), int), np.zeros((2, 2), int), np.array([2, 1]), weights=weights).total
        2.5
        """
        if self.weights is None:
            return float(self.count)
        return float(np.sum(self._real_weights(self.weights), dtype=np.float64))

    @property
    def _shape(self) -> tuple[int, ...]:
        """The sizes "T B" of x, or "T" of a sequence without a batch axis."""
        x = np.asarray(self.x[0] if isinstance(self.x, tuple) else self.x)
        return x.shape if x.dtype.kind in "iu" else x.shape[:-1]

    def _real_weights(self, weights: Array) -> Array:
        """Return the weights, 0 in place of those beyond a row's length."""
        if self.per_sequence or self.lengths is None:
            return np.asarray(weights)
        inside = np.arange(len(weights))[:, None] < self.lengths
        return np.where(inside.reshape(np.shape(weights)), weights, 0)


def cut_time(batch: Batch, size: int) -> Iterator[Batch]:
    """Cut a batch with a target at every step into parts of `size` steps; the last may be shorter.

    The state flows on from part to part. A batch without any step is one part.
    Raises: ShapeError when targets, weights or reset have another number of steps than x, or lengths do not
            lie within it.

    >>> [part.x.T.tolist() for part in cut_time(Batch(np.arange(5)[:, None], np.zeros((5, 1), int)), 3)]
    [[[0, 1, 2]], [[3, 4]]]
    """
    x: Any = batch.x
    steps = len(x[0] if isinstance(x, tuple) else x)
    timed = {name: a for name in ("targets", "weights", "reset") if (a := getattr(batch, name)) is not None}
    for name, array in timed.items():
        if len(array) != steps:
            raise ShapeError(f"{name} has {len(array)} steps, x has {steps}")
    lengths = None if batch.lengths is None else np.asarray(batch.lengths, np.int64)
    if lengths is not None and lengths.size and not 0 <= lengths.min() <= lengths.max() <= steps:
        raise ShapeError(f"lengths run from {lengths.min()} to {lengths.max()}; x has T={steps} steps")
    for start in range(0, max(steps, 1), size):
        part = slice(start, min(start + size, steps))
        cut: dict[str, Any] = {name: array[part] for name, array in timed.items()}
        cut["x"] = tuple(one[part] for one in x) if isinstance(x, tuple) else x[part]
        if lengths is not None:
            cut["lengths"] = np.clip(lengths - start, 0, part.stop - start)
        yield replace(batch, **cut)


class Data(Protocol):
    """What training reads: batches without end, in an order that is a function of (seed, step) alone."""

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches that go once through the data; the same for every epoch."""

    def batches(self, seed: int = 0, step: int = 0) -> Iterator[Batch]:
        """Yield what `batches(seed)` yields from its `step`-th batch on, without going through the others."""


@dataclass(frozen=True, eq=False)
class Streams:
    """A text as `batch_size` streams, each a contiguous part of it, read in windows of `seq_length`.

    Row b of a batch goes on where row b of the batch before stopped, so the state flows on; it starts anew
    (`fresh`) with each epoch. All windows are full: the streams take up a whole number of windows, and what
    is over lies before or after them. Each epoch draws anew where they begin, so nothing is left out for good
    and windows do not fall on the same places twice.

    With `restart_every` each row also starts anew once in so many windows (`Batch.reset`), the rows in turn.
    A cell whose memory drifts along a stream needs it (`Cell.restart_every`): the weights come to rely on the
    drift, and soon the network no longer knows how a text begins.

    Shapes: symbols: "N", any whole numbers; it may be mapped from disk.
    Raises: DataError when the text is too short for one window; OptionError; ShapeError.

    >>> first = next(Streams(np.arange(9), batch_size=2, seq_length=4).batches())
    >>> first.x.T, first.targets.T
    (array([[0, 1, 2, 3], [4, 5, 6, 7]]), array([[1, 2, 3, 4], [5, 6, 7, 8]]))
    """

    symbols: Array
    batch_size: int = 32
    seq_length: int = 64
    restart_every: int | None = None

    def __post_init__(self) -> None:
        check_sizes(self.symbols, self.batch_size, self.seq_length)
        if self.restart_every is not None:
            read_size("restart_every", self.restart_every)
        if self.steps_per_epoch == 0:
            raise DataError(_too_short(len(self.symbols), self.batch_size, self.seq_length))

    @property
    def steps_per_epoch(self) -> int:
        """The number of windows in a stream."""
        n, window = len(self.symbols), self.batch_size * self.seq_length
        # Leave room to begin at `seq_length` different places, unless the text is only one window long.
        return max(0, n - self.seq_length) // window or max(0, n - 1) // window

    def batches(self, seed: int = 0, step: int = 0) -> Iterator[Batch]:
        """Yield batches without end, beginning with number `step`: epoch after epoch, window after window.

        Shapes: x and targets: "T B", two views of one array.
        """
        return endless(self._epoch, self.steps_per_epoch, seed, step)

    def _epoch(self, seed: int, epoch: int, skip: int) -> Iterator[Batch]:
        width, length = self.seq_length, self.steps_per_epoch * self.seq_length
        spare = len(self.symbols) - 1 - self.batch_size * length
        begin = generator(seed, "order", epoch).integers(spare + 1)
        text = self.symbols[begin : begin + self.batch_size * length + 1]
        # B × (length + 1), a view: each stream also sees the first symbol of the next, its own last target.
        streams = sliding_window_view(text, length + 1)[::length]
        for start in range(skip * width, length, width):
            window = streams[:, start : start + width + 1].T.astype(np.intp, order="C")
            reset = None if start == 0 else self._restarts(start // width)
            yield Batch(window[:-1], window[1:], fresh=start == 0, reset=reset)

    def _restarts(self, window: int) -> Array | None:
        """Return "T B", true before the first step of the rows whose turn it is."""
        if self.restart_every is None:
            return None
        reset = np.zeros((self.seq_length, self.batch_size), bool)
        reset[0] = (np.arange(self.batch_size) + window) % self.restart_every == 0
        return reset if reset.any() else None


def endless(
    epoch_from: Callable[[int, int, int], Iterator[Batch]], steps_per_epoch: int, seed: int, step: int
) -> Iterator[Batch]:
    """Chain `epoch_from(seed, epoch, skip)` over all epochs, beginning at `step`."""
    if seed < 0 or step < 0:
        raise OptionError(f"seed is {seed} and step is {step}; neither may be negative")
    return _chained(epoch_from, steps_per_epoch, seed, step)


def _chained(
    epoch_from: Callable[[int, int, int], Iterator[Batch]], steps_per_epoch: int, seed: int, step: int
) -> Iterator[Batch]:
    epoch, skip = divmod(step, steps_per_epoch)
    while True:
        yield from epoch_from(seed, epoch, skip)
        epoch, skip = epoch + 1, 0


def check_sizes(symbols: Array, batch_size: int, seq_length: int) -> None:
    """Raise ShapeError unless symbols are "N" whole numbers, OptionError unless the sizes are positive."""
    if symbols.ndim != 1 or symbols.dtype.kind not in "iu":
        raise ShapeError(f"symbols are {symbols.dtype} {symbols.shape}; expected one row of whole numbers")
    for name, value in (("batch_size", batch_size), ("seq_length", seq_length)):
        if value < 1:
            raise OptionError(f"{name} is {value}; it must be at least 1")


def _too_short(n: int, batch_size: int, seq_length: int) -> str:
    advice = {"batch_size": (n - 1) // seq_length, "seq_length": (n - 1) // batch_size}
    ways = [f"{name} {largest}" for name, largest in advice.items() if largest > 0]
    fitting = " or ".join(ways) or (f"batch_size 1 with seq_length {n - 1}" if n > 1 else "nothing")
    need = f"{batch_size} streams of {seq_length} symbols need {batch_size * seq_length + 1:,}"
    return f"the text has {n:,} symbols; {need}; what fits is at most {fitting}"
