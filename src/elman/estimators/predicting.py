"""What a network says to sequences, in their order, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from elman.data import Batch, pad
from elman.evaluation import predict_batches
from elman.network import Network
from elman.numerics import Array

from .reading import read_x

TOGETHER = 256  # sequences, unless they are long
STEPS = 1 << 15  # of all sequences read at once, padding included


def answers(estimator: Any, X: Any, lengths: Any = None) -> list[Array]:
    """Return what the head of a fitted estimator shows of each sequence, see `outputs`.

    Raises: NotFittedError; DataError, ShapeError when X is not of the form of fit.
    """
    check_is_fitted(estimator)
    network = estimator.running_network()
    return outputs(network, estimator.form_.encode(read_x(estimator, X, lengths), network.spec.dtype))


def outputs(network: Network, x: list[Array]) -> list[Array]:
    """Return what the head shows of each sequence, in float64: "Y", or "T Y" with an output at every step.

    Raises: NumericError when an output is not finite; ShapeError when a sequence does not fit the network.
    """
    found: list[Any] = [None] * len(x)
    every = network.spec.readout == "every"
    for batch, y in predict_batches(network, _batches(x)):
        assert batch.rows is not None
        for b, row in enumerate(batch.rows.tolist()):
            one = y[: len(x[row]), b] if every else y[b]
            found[row] = one.astype(np.float64)
    return found


def _batches(x: list[Array]) -> Iterator[Batch]:
    """Yield sequences beside others of similar length, the longest first."""
    lengths = np.array([len(row) for row in x])
    order, start = np.argsort(-lengths, kind="stable"), 0
    while start < len(order):
        many = int(np.clip(STEPS // lengths[order[start]], 1, TOGETHER))
        rows = order[start : start + many]
        padded, ends = pad([x[k] for k in rows])
        yield Batch(padded, np.zeros(0), ends, rows=rows)
        start += many
