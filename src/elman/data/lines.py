"""One item per line: each line is its own sequence, and lines do not know each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.data.batches import Batch, check_sizes, endless
from elman.data.corpus import check_fraction
from elman.errors import DataError
from elman.numerics import generator

SCAN = 1 << 22  # symbols looked through at a time, so that a text mapped from disk is never in memory whole

Array = NDArray[Any]
Offsets = NDArray[np.int64]


def find_lines(symbols: Array, end: int) -> Offsets:
    """Return where the lines are; empty ones are left out.

    Shapes: symbols: "N" → "R 2": where the line end before a line stands, and the line's length with the end
            after it, which is also the number of its targets.
    Raises: DataError unless the symbols begin and end with a line end.

    >>> find_lines(np.array([0, 5, 6, 0, 0, 7, 0]), end=0)
    array([[0, 3], [4, 2]])
    """
    if len(symbols) < 2 or symbols[0] != end or symbols[-1] != end:
        raise DataError("the symbols do not begin and end with a line end; read the corpus with lines=True")
    parts = [np.flatnonzero(symbols[k : k + SCAN] == end) + k for k in range(0, len(symbols), SCAN)]
    ends = np.concatenate(parts)
    rows = np.stack([ends[:-1], np.diff(ends)], axis=1)
    return rows[rows[:, 1] > 1]


def split_lines(symbols: Array, end: int, fraction: float, seed: int = 0) -> tuple[Offsets, Offsets]:
    """Draw lines at random for validation; each part stays in the order of the file.

    Shapes: symbols: "N" → training "R1 2", validation "R2 2", for `Lines(rows=...)`.
    Raises: DataError when no line is left to train on; OptionError unless 0 ≤ fraction < 1.
    """
    check_fraction(fraction)
    rows = find_lines(symbols, end)
    cut = int((1 - fraction) * len(rows))
    if cut == 0:
        raise DataError(
            f"the text has {len(rows)} lines that are not empty; too few to hold out {fraction:g}"
        )
    drawn = generator(seed, "split").permutation(len(rows))
    return rows[np.sort(drawn[:cut])], rows[np.sort(drawn[cut:])]


@dataclass(frozen=True, eq=False)
class Lines:
    """A text as lines, each its own sequence: x = [end, a, b, c], targets = [a, b, c, end].

    A batch holds `batch_size` lines of similar length (fewer in the batch of the shortest), longest first.
    Lines longer than `seq_length` are cut into windows: several batches in a row, of which only the first is
    `fresh`; a line that has ended has length 0 in the later ones.

    Shapes: symbols: "N", that begin and end with `end`; rows: "R 2", see `find_lines`; None: all lines.
    Raises: DataError when there is no line; OptionError; ShapeError.

    >>> batch = next(Lines(np.array([0, 5, 0, 6, 7, 0]), end=0).batches())
    >>> batch.x.T, batch.targets.T, batch.lengths
    (array([[0, 6, 7], [0, 5, 0]]), array([[6, 7, 0], [5, 0, 0]]), array([3, 2]))
    """

    symbols: Array
    end: int
    batch_size: int = 32
    seq_length: int = 64
    rows: Offsets | None = None

    def __post_init__(self) -> None:
        check_sizes(self.symbols, self.batch_size, self.seq_length)
        if len(self._lines) == 0:
            raise DataError("there are no lines to read: none is there, or all are empty")

    @cached_property
    def steps_per_epoch(self) -> int:
        """The number of batches that go once through all lines: the same in any order of the lines."""
        return int(self._windows.sum())

    def batches(self, seed: int = 0, step: int = 0) -> Iterator[Batch]:
        """Yield batches without end, beginning with number `step`; each epoch groups and orders lines anew.

        Shapes: x and targets: "T B", T ≤ seq_length; lengths and rows: "B".
        """
        return endless(self._epoch, self.steps_per_epoch, seed, step)

    def once(self) -> Iterator[Batch]:
        """Yield every line exactly once: groups in the order of the file, longest first within a group.

        `batch.rows` says which line each row is; a group of long lines comes as several batches.
        """
        for start in range(0, len(self._lines), self.batch_size):
            lengths = self._lines[start : start + self.batch_size, 1]
            yield from self._group(start + np.argsort(-lengths, kind="stable"))

    @cached_property
    def _lines(self) -> Offsets:
        return find_lines(self.symbols, self.end) if self.rows is None else self.rows

    @cached_property
    def _windows(self) -> Array:
        """The number of windows of each group: the longest line, which comes first, decides."""
        longest = np.sort(self._lines[:, 1])[::-1][:: self.batch_size]
        return -(-longest // self.seq_length)

    def _epoch(self, seed: int, epoch: int, skip: int) -> Iterator[Batch]:
        random = generator(seed, "order", epoch)
        shuffled = random.permutation(len(self._lines))
        by_length = shuffled[np.argsort(-self._lines[shuffled, 1], kind="stable")]
        groups = random.permutation(len(self._windows))
        after = np.cumsum(self._windows[groups])
        first = int(np.searchsorted(after, skip, side="right"))
        window = skip - int(after[first] - self._windows[groups[first]])
        for group in groups[first:].tolist():
            start = group * self.batch_size
            yield from self._group(by_length[start : start + self.batch_size], window)
            window = 0

    def _group(self, rows: Array, window: int = 0) -> Iterator[Batch]:
        """Cut lines, longest first, into windows, beginning with number `window`."""
        begins, lengths = self._lines[rows].T
        for start in range(window * self.seq_length, int(lengths[0]), self.seq_length):
            real = np.clip(lengths - start, 0, self.seq_length)
            steps = np.arange(real[0])[:, None]
            inside = steps < real
            places = np.where(inside, begins + start + steps, 0)
            x = np.where(inside, self.symbols[places], 0).astype(np.intp)
            targets = np.where(inside, self.symbols[places + 1], 0).astype(np.intp)
            yield Batch(x, targets, real, fresh=start == 0, rows=rows)
