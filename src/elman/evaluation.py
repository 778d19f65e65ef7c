"""How well a network predicts a text: nats, bits, perplexity, accuracy, and the bits of each line."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from . import heads
from .data import Batch, Lines, Vocabulary
from .data.reading import whole_words
from .errors import DataError, NumericError, OptionError, ShapeError
from .inputs import read_lengths, read_symbols
from .network import Network, State
from .numerics import Array

PIECE = 1 << 20  # characters encoded at a time
LOGITS = 1 << 22  # held at once, so that memory grows neither with the text nor with batch times vocabulary


@dataclass(frozen=True)
class Evaluation:
    """What a network makes of `count` symbols.

    Units: nats is the mean of −log p(symbol) over them, accuracy the share that was the most probable symbol.

    >>> uniform = Evaluation(count=10, nats=math.log(4), accuracy=0.3)
    >>> uniform.bits, round(uniform.perplexity, 12)
    (2.0, 4.0)
    """

    count: int
    nats: float
    accuracy: float

    @property
    def bits(self) -> float:
        """The mean in bits per symbol: what a perfect compressor with this model would need."""
        return self.nats / math.log(2)

    @property
    def perplexity(self) -> float:
        """exp(nats): among how many equally likely symbols the network wavers; inf beyond 709 nats."""
        try:
            return math.exp(self.nats)
        except OverflowError:
            return math.inf


@dataclass(frozen=True)
class LineScore:
    """The bits of one line, its line end included, in all (not per symbol), and its number of symbols."""

    bits: float
    count: int


def evaluate(network: Network, batches: Iterable[Batch]) -> Evaluation:
    """Return the mean over all targets of batches that come to an end.

    Memory does not grow with their number. The state flows on into each batch that is not `fresh`; padding
    counts for nothing.
    Raises: DataError when there is no target; NumericError when a loss is not finite; ShapeError when a batch
            does not fit the network.

    >>> network = Network(input_size=5, hidden_size=4, output_size=5)
    >>> network.parameters.flat[:] = 0
    >>> from elman import whole
    >>> round(evaluate(network, whole(np.array([0, 1, 2, 3]))).perplexity, 12)
    5.0
    """
    nats, right, count = 0.0, 0, 0
    state: State | None = None
    for batch in batches:
        row_nats, row_right, state = _measure(network, batch, None if batch.fresh else state)
        nats += float(row_nats.sum())
        right += int(row_right.sum())
        count += batch.count
    if count == 0:
        raise DataError("there is nothing to evaluate: the batches hold no target")
    return Evaluation(count, nats / count, right / count)


def score_lines(
    network: Network, vocabulary: Vocabulary, lines: Iterable[str], *, carry: bool, batch_size: int = 64
) -> Iterator[LineScore]:
    r"""Yield the score of each line, in order, so that odd lines stand out.

    A line is scored with its line end, whether or not the string ends in one; what the vocabulary does not
    have is scored as the unknown symbol. The first symbol of a line is predicted from the line end before it,
    as in training; the first line of all is no exception: it is read as if it came after a line end.

    carry=False: each line from a fresh state, as a model trained on lines reads them; they are computed
    `batch_size` at a time. carry=True: the state flows on from line to line, as in a model trained on a
    stream; `batch_size` is not used. With carry, or with batch_size=1, a score comes as soon as its line
    is there, which is what a log piped in live needs; otherwise with the last line of its batch.

    Lines of any length are read in windows.
    Raises: OptionError when the vocabulary has no line end or another size than the network, or for a
            batch_size below 1; NumericError when a loss is not finite.

    >>> network = Network(input_size=4, hidden_size=4, output_size=4)
    >>> network.parameters.flat[:] = 0
    >>> vocabulary = Vocabulary("chars", ("<unk>", "\n", "a", "b"))
    >>> list(score_lines(network, vocabulary, ["abba", ""], carry=False))
    [LineScore(bits=10.0, count=5), LineScore(bits=2.0, count=1)]
    """
    reads, predicts = network.spec.input_size, network.spec.output_size
    if not reads == predicts == vocabulary.size:
        sizes = f"the network reads {reads} and predicts {predicts}, the vocabulary has {vocabulary.size}"
        raise OptionError(f"symbols do not agree: {sizes}; take the model's own vocabulary")
    if vocabulary.line_end is None:
        raise OptionError(
            "the vocabulary has no line end; only a model trained on several lines scores lines"
        )
    if batch_size < 1:
        raise OptionError(f"batch_size is {batch_size}; it must be 1 or more")
    return _score_lines(network, vocabulary, iter(lines), carry, 1 if carry else batch_size)


def _score_lines(
    network: Network, vocabulary: Vocabulary, lines: Iterator[str], carry: bool, batch_size: int
) -> Iterator[LineScore]:
    state: State | None = None
    while group := list(islice(lines, batch_size)):
        symbols, rows = _encode(vocabulary, group)
        nats = np.zeros(len(rows))
        parts = Lines(symbols, symbols[0], batch_size=len(rows), seq_length=1024, rows=rows)
        for batch in parts.once():
            row_nats, _, state = _measure(network, batch, state if carry or not batch.fresh else None)
            nats[batch.rows] += row_nats
        for row, count in zip(nats, rows[:, 1], strict=True):
            yield LineScore(float(row) / math.log(2), int(count))


def _encode(vocabulary: Vocabulary, lines: list[str]) -> tuple[Array, Array]:
    """Return (the symbols of lines between line ends, "R 2" where each begins and its number of targets)."""
    end = vocabulary.encode("\n")
    coded = [end]
    counts = []
    for line in lines:
        parts = [*_encode_in_pieces(vocabulary, line.removesuffix("\n")), end]
        counts.append(sum(map(len, parts)))
        coded += parts
    begins = np.cumsum(counts) - counts
    return np.concatenate(coded), np.stack([begins, counts], axis=1)


def _encode_in_pieces(vocabulary: Vocabulary, line: str) -> Iterator[Array]:
    """Encode a line of any length in little memory."""
    pieces: Iterable[str] = (line[k : k + PIECE] for k in range(0, len(line), PIECE))
    if vocabulary.kind == "words":
        pieces = whole_words(pieces, "a line")
    return map(vocabulary.encode, pieces)


def _measure(network: Network, batch: Batch, state: State | None) -> tuple[Array, Array, State]:
    """Return (nats "B", right guesses "B", state): sums over each row, its logits held window by window."""
    x, targets, lengths = _read(network, batch)
    nats, right = np.zeros(len(lengths)), np.zeros(len(lengths), np.int64)
    window = max(LOGITS // (max(len(lengths), 1) * network.spec.output_size), 1)
    for start in range(0, max(len(x), 1), window):
        part = slice(start, start + window)
        real = np.clip(lengths - start, 0, len(x[part]))
        inside = np.arange(len(x[part]))[:, None] < real
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is noticed below
            y, state = network.run(x[part], state, None if inside.all() else real)
            nats += np.where(inside, heads.softmax.nats(y, targets[part]), 0).sum(axis=0)
        right += (inside & (y.argmax(axis=-1) == targets[part])).sum(axis=0)
    if not np.isfinite(nats).all():
        raise NumericError(
            "the loss is not finite: the weights hold, or lead to, NaN or infinity; take an earlier model"
        )
    assert state is not None  # there is at least one window
    return nats, right, state


def _read(network: Network, batch: Batch) -> tuple[Array, Array, Array]:
    """Return (x, targets, lengths) checked, with a batch axis and with lengths even where all are full."""
    x, targets = np.asarray(batch.x), np.asarray(batch.targets)
    if targets.ndim == 1:
        x, targets = x[:, None], targets[:, None]
    if targets.shape != x.shape[:2]:
        raise ShapeError(f"targets have shape {targets.shape}, x has {x.shape}: one target a step")
    full = np.full(targets.shape[1:], len(targets))
    lengths = full if batch.lengths is None else read_lengths(batch.lengths, *targets.shape)
    return x, read_symbols("targets", targets, "T B", network.spec.output_size, lengths), lengths
