"""How well a network does what its head is for, what it says to data, and the bits of each line of a text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import ArrayLike

from . import heads
from .data import Batch, Lines, Vocabulary
from .data.reading import whole_words
from .errors import DataError, NumericError, OptionError
from .figures import Evaluation, Figures, LabelEvaluation, Sums, Tally, ValueEvaluation, tally
from .network import Network
from .numerics import Array
from .outputs import Judged, judge, windows
from .states import State

__all__ = [
    "Evaluation",
    "Figures",
    "LabelEvaluation",
    "LineScore",
    "ValueEvaluation",
    "evaluate",
    "predict_batches",
    "score_lines",
]

PIECE = 1 << 20  # characters encoded at a time


@dataclass(frozen=True)
class LineScore:
    """The bits of one line, its line end included, in all (not per symbol), and its number of symbols."""

    bits: float
    count: int


def evaluate(network: Network, batches: Iterable[Batch], *, scale: ArrayLike | None = None) -> Figures:
    """Return how well a network does on batches that come to an end: the figures of its head.

    softmax: `Evaluation`; sigmoid: `LabelEvaluation`; else `ValueEvaluation`, whose errors are multiplied by
    `scale`, one for each column: with the scale of the targets' scaler they are in the units of the user.
    All have `count`, how many targets count, and `loss`, as in training; all means are by the weights of the
    batches. Memory does not grow with the number of batches, and never holds the outputs of all rows of one.
    The state flows on into each batch that is not `fresh`; padding counts for nothing.
    Raises: DataError when there is no target; NumericError when a loss is not finite; ShapeError when a batch
            does not fit the network; OptionError for a scale that does not fit the head.

    >>> network = Network(input_size=5, hidden_size=4, output_size=5)
    >>> network.parameters.flat[:] = 0
    >>> from elman import whole
    >>> round(evaluate(network, whole(np.array([0, 1, 2, 3]))).perplexity, 12)
    5.0
    """
    spec, state, total = network.spec, None, Sums()
    head = heads.find(spec.head, spec.quantiles)
    judged_by = tally(head, spec.output_size, quantiles=spec.quantiles, scale=scale)
    for batch in batches:
        state = None if batch.fresh else state
        for part in windows(network, batch):
            total, state = _add(total, judged_by, network, part, state)
    if not total:
        raise DataError("there is nothing to evaluate: the batches hold no target")
    return judged_by.figures(**total)


def _add(
    total: Sums, judged_by: Tally, network: Network, batch: Batch, state: State | None
) -> tuple[Sums, State]:
    """Return (the total with the sums of a batch added, the state after it)."""
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is noticed below
        judged = judge(network, batch, state)
        for sums in _sums(judged, judged_by):
            total = {name: total.get(name, 0) + value for name, value in sums.items()}
    _check_finite("the loss", total.get("loss", 0))
    return total, judged.state


def _sums(judged: Judged, judged_by: Tally) -> Iterator[Sums]:
    if judged_by.head.symbols:
        for _, nats, guesses, targets, weights in judged.symbols():
            yield judged_by.of_symbols(nats, guesses, targets, weights)
    else:
        for _, y, targets, weights in judged.blocks():
            yield judged_by.sums(y, targets, weights)


def predict_batches(network: Network, batches: Iterable[Batch]) -> Iterator[tuple[Batch, Array]]:
    """Yield each batch with what the network says to it; targets are not looked at.

    Shapes: "T B Y", or "B Y" one per sequence, as `Head.outputs` has them: probabilities (softmax, sigmoid),
            values, mean and standard deviation side by side (gaussian), quantiles; 0 past a row's end.
    The state flows on into each batch that is not `fresh`.
    Raises: NumericError when an output is not finite; ShapeError when a batch does not fit the network.

    >>> network = Network(input_size=3, hidden_size=4, output_size=2)
    >>> network.parameters.flat[:] = 0
    >>> [(_, outputs)] = predict_batches(network, [Batch(np.array([0, 2]), np.array([1, 1]))])
    >>> outputs
    array([[0.5, 0.5],
           [0.5, 0.5]], dtype=float32)
    """
    spec, state = network.spec, None
    head = heads.find(spec.head, spec.quantiles)
    for batch in batches:
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is noticed below
            start = None if batch.fresh else state
            y, state = network.run(batch.x, start, batch.lengths, batch.reset)
            outputs = head.outputs(y)
        if batch.lengths is not None and spec.readout == "every":
            ended = np.arange(len(y))[:, None] >= batch.lengths
            outputs[ended.reshape(y.shape[:-1])] = 0
        _check_finite("an output", outputs)
        yield batch, outputs


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
    Raises: OptionError when the network does not predict the next symbol of a text, when the vocabulary has
            no line end or another size than the network, or for a batch_size below 1; NumericError when a
            loss is not finite.

    >>> network = Network(input_size=4, hidden_size=4, output_size=4)
    >>> network.parameters.flat[:] = 0
    >>> vocabulary = Vocabulary("chars", ("<unk>", "\n", "a", "b"))
    >>> list(score_lines(network, vocabulary, ["abba", ""], carry=False))
    [LineScore(bits=10.0, count=5), LineScore(bits=2.0, count=1)]
    """
    spec = network.spec
    if (spec.head, spec.readout, spec.bidirectional, spec.feature_size) != ("softmax", "every", False, 0):
        raise OptionError(
            "the network does not predict the next symbol of a text; lines are scored by one that reads "
            "symbols forward, with head 'softmax' and readout 'every'"
        )
    reads, predicts = spec.input_size, spec.output_size
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
            row_nats, state = _row_nats(network, batch, state if carry or not batch.fresh else None)
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


def _row_nats(network: Network, batch: Batch, state: State | None) -> tuple[Array, State | None]:
    """Return (the nats of each row, "B", the state after the batch)."""
    total = np.zeros(len(np.asarray(batch.targets)[0]))
    for part in windows(network, batch):
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is noticed below
            judged = judge(network, part, state)
            nats = np.zeros(len(judged.aim.targets))
            for which, costs, *_ in judged.symbols():
                nats[which] = costs
        _check_finite("the loss", nats)
        total += judged.of_sequences(nats)
        state = judged.state
    return total, state


def _check_finite(what: str, numbers: ArrayLike) -> None:
    if not np.isfinite(numbers).all():
        raise NumericError(
            f"{what} is not finite: the weights hold, or lead to, NaN or infinity; take an earlier model"
        )
