"""Windows of series: what a network reads of the past, and the rows that follow as its targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from elman.data.batches import Batch, endless
from elman.data.corpus import check_fraction
from elman.errors import DataError, OptionError, ShapeError
from elman.numerics import Array, generator
from elman.shapes import read_size


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of `window` rows of one series or several, begun every `stride` rows; none spans two series.

    One target a window (`per_sequence`): the `horizon` rows after it. With window=3 and horizon=2, x is
    read and t is to be said:

        row        0  1  2  3  4  5  6
        window 0   x  x  x  t  t
        window 1      x  x  x  t  t            stride=1; with stride=2 the next begins in row 2
        window 2         x  x  x  t  t

    Otherwise a target at every step of the window: the `horizon` rows after that step. Window 0 then is

        row        0  1  2  3  4
        step 0     x  t  t
        step 1        x  t  t
        step 2           x  t  t

    Targets of several rows lie side by side: row t+1 first, D columns each.
    To hold data out, cut the series first (`split_series`) and make Windows of each part: no window of one
    part then sees a row of the other.

    Shapes: x: "N I", or a list of such; targets: "N D" with the rows of x, or one row more than x where x
            holds what is known a row ahead ("N" is one column). Batches: x "T B I", T = window;
            targets "B horizon·D", or "T B horizon·D"; rows "B", the number of each window.
    Raises: DataError when a series is too short, a number not finite, or lengths disagree; OptionError;
            ShapeError.

    >>> batch = next(Windows(np.arange(6.0), np.arange(6.0), window=3, horizon=2).once())
    >>> batch.x[..., 0].T, batch.targets
    (array([[0., 1., 2.], [1., 2., 3.]]), array([[3., 4.], [4., 5.]]))
    """

    x: Array | Sequence[Array]
    targets: Array | Sequence[Array]
    window: int
    _: KW_ONLY
    horizon: int = 1
    stride: int = 1
    per_sequence: bool = True
    batch_size: int = 32

    def __post_init__(self) -> None:
        for name in ("window", "horizon", "stride", "batch_size"):
            read_size(name, getattr(self, name))
        pairs = self._pairs
        if not pairs:
            raise DataError("there is no series to cut windows from")
        for k, (x, targets) in enumerate(pairs):
            self._check(f" of series {k}" if len(pairs) > 1 else "", x, targets)
        if len({(x.shape[1], targets.shape[1]) for x, targets in pairs}) > 1:
            widths = [(x.shape[1], targets.shape[1]) for x, targets in pairs]
            raise ShapeError(f"series differ in their columns (x, targets): {widths[:9]}; expected the same")

    def __len__(self) -> int:
        return len(self._starts[0])

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches that go once through all windows."""
        return -(-len(self) // self.batch_size)

    def batches(self, seed: int = 0, step: int = 0) -> Iterator[Batch]:
        """Yield batches without end, beginning with number `step`; each epoch orders the windows anew."""
        return endless(self._epoch, self.steps_per_epoch, seed, step)

    def once(self) -> Iterator[Batch]:
        """Yield every window exactly once, in order."""
        return self._in_order(np.arange(len(self)))

    @cached_property
    def _pairs(self) -> list[tuple[Array, Array]]:
        """The series, each as (x "N I", targets "M D"), floats."""
        x, targets = _series("x", self.x), _series("targets", self.targets)
        if len(x) != len(targets):
            raise DataError(f"x has {len(x)} series, targets {len(targets)}; expected as many")
        return list(zip(x, targets, strict=True))

    def _check(self, which: str, x: Array, targets: Array) -> None:
        if len(targets) - len(x) not in (0, 1):
            raise DataError(
                f"x{which} has {len(x):,} rows and targets {len(targets):,}; expected as many, or one more "
                "target where x is known a row ahead"
            )
        if self._count(x, targets) < 1:
            n, need = len(targets), f"{self.window + self.horizon:,}"
            fitting = f"window {n - self.horizon}" if n > self.horizon else f"window 1 with horizon {n - 1}"
            raise DataError(
                f"window {self.window} and horizon {self.horizon} need {need} rows; there are {n:,}{which}: "
                f"what fits is at most {fitting if n > 1 else 'nothing'}"
            )
        for name, array in (("x", x), ("targets", targets)):
            wrong = np.argwhere(~np.isfinite(array))
            if len(wrong):
                row, column = wrong[0]
                found = f"{array[row, column]} in row {row}, column {column}"
                raise DataError(f"{name}{which} holds {found}; expected finite numbers: fill or cut it out")

    def _count(self, x: Array, targets: Array) -> int:
        """How many windows a series has."""
        room = min(len(x) - self.window, len(targets) - self.window - self.horizon)
        return room // self.stride + 1

    @cached_property
    def _starts(self) -> tuple[Array, Array]:
        """Where each window begins: its row in all of x, and in all of the targets."""
        starts = [np.arange(self._count(*pair)) * self.stride for pair in self._pairs]
        lengths = np.array([(len(x), len(targets)) for x, targets in self._pairs])
        offsets = np.cumsum(lengths, axis=0) - lengths
        begin, follow = (
            np.concatenate([s + offset for s, offset in zip(starts, column, strict=True)])
            for column in offsets.T
        )
        return begin, follow

    @cached_property
    def _views(self) -> tuple[Array, Array]:
        """Every stretch of x "T R I" and every stretch of targets "S R D": views, nothing is copied."""
        span = self.horizon if self.per_sequence else self.window + self.horizon - 1
        x, targets = (_joined(arrays) for arrays in zip(*self._pairs, strict=True))
        return cut_windows(x, self.window), cut_windows(targets, span)

    def _epoch(self, seed: int, epoch: int, skip: int) -> Iterator[Batch]:
        order = generator(seed, "order", epoch).permutation(len(self))
        return self._in_order(order[skip * self.batch_size :])

    def _in_order(self, order: Array) -> Iterator[Batch]:
        for start in range(0, len(order), self.batch_size):
            yield self._batch(order[start : start + self.batch_size])

    def _batch(self, rows: Array) -> Batch:
        begin, follow = (starts[rows] for starts in self._starts)
        x, targets = self._views
        after = follow + (self.window if self.per_sequence else 1)
        ahead = cut_windows(targets[:, after], self.horizon)  # horizon × steps × B × D
        ahead = np.moveaxis(ahead, 0, 2).reshape(ahead.shape[1], len(rows), -1)
        targets = ahead[0] if self.per_sequence else ahead
        return Batch(x[:, begin], targets, rows=rows, per_sequence=self.per_sequence)


def cut_windows(x: ArrayLike, window: int, *, stride: int = 1) -> Array:
    """Return all windows of a series side by side, as a view: what a network reads to forecast what follows.

    Shapes: x: "N ..." → "T R ...", T = window; window r begins in row r·stride.
    Raises: DataError when the series is too short for one window; OptionError.

    >>> cut_windows(np.arange(6), 4, stride=2).T
    array([[0, 1, 2, 3],
           [2, 3, 4, 5]])
    """
    x = np.asarray(x)
    size, stride = read_size("window", window), read_size("stride", stride)
    if len(x) < size:
        raise DataError(f"window {window} needs {window:,} rows; the series has {len(x):,}")
    return np.moveaxis(sliding_window_view(x, size, axis=0), -1, 0)[:, ::stride]


def split_series(n: int, cuts: float | Sequence[int], *, history: int = 0) -> tuple[slice, ...]:
    """Cut the rows of a series into parts in time, before any window is cut from them.

    `cuts` is the fraction that is held out at the end, or the rows in which later parts begin (one for
    validation, two for validation and test). Nothing of one part is in another, unless `history` rows before
    each later part are added to it: with history = window, its first row is forecast, too. Those rows are
    read as input then. With one target a window, none of them is a target; with targets at every step, they
    are, so leave history out there.
    Raises: DataError when a part would be empty; OptionError.

    >>> split_series(10, 0.2), split_series(10, [6, 8], history=2)
    ((slice(0, 8, None), slice(8, 10, None)), (slice(0, 6, None), slice(4, 8, None), slice(6, 10, None)))
    """
    if isinstance(cuts, float | int):
        check_fraction(cuts)
        cuts = [int((1 - cuts) * n)]
    if history < 0:
        raise OptionError(f"history is {history}; it must be 0 or more")
    borders = [0, *cuts, n]
    if any(begin >= end for begin, end in pairwise(borders)):
        raise DataError(f"{n:,} rows cannot be cut at {', '.join(map(str, cuts))}: each part needs a row")
    later = [slice(max(b - history, 0), e) for b, e in pairwise(borders[1:])]
    return slice(0, borders[1]), *later


def _series(name: str, given: Array | Sequence[Array]) -> list[Array]:
    """Return series as a list of floats "N D"."""
    arrays = [given] if isinstance(given, np.ndarray) else [np.asarray(array) for array in given]
    for array in arrays:
        if array.ndim not in (1, 2) or array.dtype.kind not in "fiub":
            raise ShapeError(f"{name} is {array.dtype} {array.shape}; expected a series of numbers, (N, D)")
    floats = [array if array.dtype.kind == "f" else array.astype(np.float64) for array in arrays]
    return [array[:, None] if array.ndim == 1 else array for array in floats]


def _joined(arrays: Sequence[Array]) -> Array:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
