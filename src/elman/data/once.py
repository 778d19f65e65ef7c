"""A whole text once, to judge a network by: as one stream or several, or by lines; in pieces or at hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.data.batches import Batch
from elman.data.lines import Lines, find_lines
from elman.errors import DataError, OptionError, ShapeError

Array = NDArray[Any]


def whole(symbols: Array, *, streams: int = 1, seq_length: int = 1024) -> Iterator[Batch]:
    """Yield a whole text in which every symbol but the first is a target exactly once.

    One stream carries its state from the first symbol to the last. More of them are near-equal contiguous
    parts read side by side, each from a fresh state: faster, and a little pessimistic where a part begins.

    Shapes: symbols: "N"; it may be mapped from disk, and is read window by window → x and targets: "T B",
            B = streams, T ≤ seq_length; lengths: "B" in a window in which one part is a symbol longer.
    Raises: DataError when there is nothing to predict; OptionError; ShapeError.

    >>> batch = next(whole(np.arange(6), streams=2))
    >>> batch.x.T, batch.targets.T, batch.lengths
    (array([[0, 1, 2], [3, 4, 0]]), array([[1, 2, 3], [4, 5, 0]]), array([3, 2]))
    """
    if symbols.ndim != 1 or symbols.dtype.kind not in "iu":
        raise ShapeError(f"symbols are {symbols.dtype} {symbols.shape}; expected one row of whole numbers")
    for name, value in (("streams", streams), ("seq_length", seq_length)):
        if value < 1:
            raise OptionError(f"{name} is {value}; it must be 1 or more")
    if len(symbols) < 2:
        raise DataError(
            f"the text has {len(symbols)} symbols; 2 or more are needed to predict one from another"
        )
    return _whole(symbols, streams, seq_length)


def _whole(symbols: Array, streams: int, seq_length: int) -> Iterator[Batch]:
    share, over = divmod(len(symbols) - 1, streams)
    lengths = share + (np.arange(streams) < over)
    begins = np.cumsum(lengths) - lengths
    for start in range(0, int(lengths[0]), seq_length):
        real = np.minimum(lengths - start, seq_length)
        steps = np.arange(real[0])[:, None]
        inside = steps < real
        places = np.where(inside, begins + start + steps, 0)
        x, targets = (np.where(inside, symbols[places + k], 0).astype(np.intp) for k in (0, 1))
        yield Batch(x, targets, None if inside.all() else real, fresh=start == 0)


def stream(pieces: Iterable[Array], *, seq_length: int = 1024) -> Iterator[Batch]:
    """Yield a text that comes in pieces as `whole` yields it in one stream, in the memory of a piece.

    Shapes: pieces: "N" each, symbols → x and targets: "T 1", T ≤ seq_length.

    >>> [batch.x.T.tolist() for batch in stream([np.array([3, 4]), np.array([5])])]
    [[[3]], [[4]]]
    """
    last, fresh = np.zeros(0, np.uint8), True
    for piece in pieces:
        symbols = np.concatenate([last, piece])
        for start in range(0, len(symbols) - 1, seq_length):
            window = symbols[start : start + seq_length + 1, None].astype(np.intp)
            yield Batch(window[:-1], window[1:], fresh=fresh)
            fresh = False
        last = symbols[-1:]


def stream_lines(
    pieces: Iterable[Array], end: int, *, batch_size: int = 64, seq_length: int = 64
) -> Iterator[Batch]:
    """Yield the lines of a text that comes in pieces as `Lines.once` yields them, in the memory of a piece.

    Shapes: pieces: "N" each, symbols; the first begins and the last ends with a line end → as `Lines.once`.

    >>> pieces = [np.array([0, 5]), np.array([6, 0, 7]), np.array([0])]
    >>> [batch.x.T.tolist() for batch in stream_lines(pieces, end=0)]
    [[[0, 5, 6]], [[0, 7]]]
    """
    rest = np.zeros(0, np.uint8)
    for piece in pieces:
        rest = np.concatenate([rest, piece])
        ends = np.flatnonzero(rest == end)
        if len(ends) > 1:
            text, rest = rest[: ends[-1] + 1], rest[ends[-1] :]
            rows = find_lines(text, end)
            if len(rows):
                yield from Lines(text, end, batch_size, seq_length, rows).once()
