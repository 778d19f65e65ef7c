"""How surprised a network was: what each symbol cost, and whether its chances keep their word.

    nats = −log p(target)        entropy = −Σ p log p        p = softmax(y)
Sources: Shannon 1948, doi:10.1002/j.1538-7305.1948.tb01338.x; Guo, Pleiss, Sun & Weinberger 2017,
arXiv:1706.04599.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from elman import showing
from elman.data import Batch
from elman.errors import DataError, NumericError, OptionError, ShapeError
from elman.inputs import read_symbols
from elman.network import Network
from elman.numerics import Array
from elman.outlet import BLOCK
from elman.outputs import judge, windows
from elman.shapes import read_size
from elman.spec import Spec
from elman.states import State

from .traces import passes, read_sequence, said


@dataclass(frozen=True, eq=False, repr=False)
class Surprisal:
    """What a network expected at each of T steps, and what came; numbers are float64.

    nats               "T": −log p of the target.
    entropy            "T": what it expected to pay, in nats: 0 is certainty, log Y no idea at all.
    rank               "T": how many symbols were more probable than the target; 0: it was the first guess.
    top_symbols        "T K": the K most probable symbols, the first guess first.
    top_probabilities  "T K": theirs.
    """

    nats: Array
    entropy: Array
    rank: Array
    top_symbols: Array
    top_probabilities: Array

    __repr__, _repr_html_ = showing.line, showing.fields

    @property
    def bits(self) -> Array:
        """The cost of each target in bits, "T"."""
        bits: Array = self.nats / math.log(2)
        return bits

    def __len__(self) -> int:
        return len(self.nats)


def surprisal(
    network: Network,
    x: Any,
    targets: ArrayLike,
    state: State | None = None,
    *,
    reset: ArrayLike | None = None,
    top: int = 0,
) -> Surprisal:
    """Return what each target cost a network, and what it had expected.

    Shapes: x: "T" symbols, "T I" features, or a pair of both; targets: "T" symbols, what should come out at
            each step (of a text: x[1:], with x[:-1] as x); state, reset: as `trace` has them; top: K, for how
            many symbols the chances are told.
    Logits are held for a part of the steps at a time.
    Raises: OptionError for a head other than softmax, a `top` above the number of symbols, and as `trace`;
            NumericError when an output is not finite; ShapeError for what does not fit.

    >>> network = Network(input_size=4, hidden_size=3, output_size=4)
    >>> network.parameters.flat[:] = 0
    >>> paid = surprisal(network, [0, 3, 1], [3, 1, 2])
    >>> paid.bits.round(6), paid.entropy.round(4), paid.rank
    (array([2., 2., 2.]), array([1.3863, 1.3863, 1.3863]), array([0, 0, 0]))
    """
    spec = network.spec
    _check_softmax(spec)
    if top != 0 and read_size("top", top) > spec.output_size:
        raise OptionError(f"top is {top}; the network tells {spec.output_size} symbols apart")
    size, x = max(BLOCK // max(spec.y_size, *spec.widths), 1), read_sequence(x)
    runs, steps = passes(network, x, state, reset, window=size), len(x[0] if isinstance(x, tuple) else x)
    aims = read_symbols("targets", targets, "T", spec.output_size)
    if len(aims) != steps:
        raise ShapeError(f"targets has T={len(aims)} steps, x has T={steps}; expected one target a step")
    found, done = [], 0
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is noticed in there
        for run in runs:
            y = said(network, run)
            found.append(_paid(y, aims[done : done + len(y)], top))
            done += len(y)
    return Surprisal(*map(np.concatenate, zip(*found, strict=True)))


def _paid(y: Array, targets: Array, top: int) -> tuple[Array, ...]:
    """Return the fields of `Surprisal` of these logits, "T Y"."""
    z, p, total = _chances(y)
    chosen = np.take_along_axis(z, targets[:, None], axis=-1)
    entropy = np.log(total) - np.einsum("ty,ty->t", p, z)
    best = np.argpartition(-z, top - 1, axis=-1)[:, :top] if top else np.zeros((len(z), 0), np.intp)
    best.sort(axis=-1)  # among equals the lower symbol comes first
    order = np.argsort(-np.take_along_axis(z, best, axis=-1), axis=-1, kind="stable")
    best = np.take_along_axis(best, order, axis=-1)
    ahead = np.count_nonzero(z > chosen, axis=-1)
    return np.log(total) - chosen[:, 0], entropy, ahead, best, np.take_along_axis(p, best, axis=-1)


def _chances(y: Array) -> tuple[Array, Array, Array]:
    """Return (z = y − max y, softmax(y), Σ exp z), "N Y", "N Y" and "N" in float64, of finite logits."""
    if not np.isfinite(y).all():
        raise NumericError(
            "an output is not finite: the weights hold, or lead to, NaN or infinity; take an earlier model"
        )
    z = y.astype(np.float64)
    z -= z.max(axis=-1, keepdims=True)
    p = np.exp(z)
    total = p.sum(axis=-1)
    p /= total[:, None]
    return z, p, total


@dataclass(frozen=True, eq=False, repr=False)
class Calibration:
    """How sure a network was, and how often it was right, in M bins of its sureness; float64.

    edges       "M+1": bin m holds what is above edges[m] and at most edges[m+1].
    confidence  "M": the mean chance of its first guess in each bin; NaN where a bin is empty.
    accuracy    "M": how often that guess was right; NaN where a bin is empty.
    count       "M": how many targets lie in each bin, by their weights.
    """

    edges: Array
    confidence: Array
    accuracy: Array
    count: Array

    _told: ClassVar[tuple[str, ...]] = ("expected_error",)
    __repr__, _repr_html_ = showing.line, showing.fields

    @property
    def expected_error(self) -> float:
        """Σ count/N |accuracy − confidence|: the expected calibration error of Guo et al., equation 3."""
        there = self.count > 0
        gaps = np.abs(self.accuracy - self.confidence)[there]
        return float(gaps @ self.count[there] / self.count.sum())


def calibration(network: Network, batches: Iterable[Batch], *, bins: int = 10) -> Calibration:
    """Return whether a network is right as often as it says: 8 times in 10 where it gives 0.8.

    Any network of head softmax, also bidirectional, and with one output a sequence. The batches are read as
    `evaluate` reads them: the state flows on into each that is not `fresh`, and weights count.
    Raises: OptionError for another head, or for bins; DataError when there is no target; NumericError when an
            output is not finite; ShapeError when a batch does not fit the network.

    >>> from elman import whole
    >>> network = Network(input_size=4, hidden_size=3, output_size=4)
    >>> network.parameters.flat[:] = 0
    >>> found = calibration(network, whole(np.array([1, 0, 2, 3, 0])))
    >>> found.confidence[:4], found.accuracy[:4], found.expected_error
    (array([ nan,  nan, 0.25,  nan]), array([nan, nan, 0.5, nan]), 0.25)
    """
    _check_softmax(network.spec)
    edges = np.linspace(0, 1, read_size("bins", bins) + 1)
    sums, state = np.zeros((3, bins)), None
    for batch in batches:
        state = None if batch.fresh else state
        for part in windows(network, batch):
            with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is noticed in there
                judged = judge(network, part, state)
                for _, y, targets, weights in judged.blocks():
                    sums += _binned(y, targets, weights, edges)
            state = judged.state
    count, sure, right = sums
    if not count.any():
        raise DataError("there is nothing to calibrate on: the batches hold no target")
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN: an empty bin has no mean
        return Calibration(edges, sure / count, right / count, count)


def _binned(y: Array, targets: Array, weights: Array | None, edges: Array) -> Array:
    """Return Σ w, Σ w confidence and Σ w right in each bin, "3 M"."""
    _, p, _ = _chances(y)
    sure, right = p.max(axis=-1), p.argmax(axis=-1) == targets
    bins = np.clip(np.searchsorted(edges, sure) - 1, 0, len(edges) - 2)
    count = np.ones(len(y)) if weights is None else weights
    return np.stack([np.bincount(bins, w, len(edges) - 1) for w in (count, count * sure, count * right)])


def _check_softmax(spec: Spec) -> None:
    if spec.head != "softmax":
        raise OptionError(f"the head is {spec.head!r}; chances of symbols are told by head 'softmax' alone")
