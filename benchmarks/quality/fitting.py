"""What the tasks share: training to the end, data drawn anew at every step, and scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from suite import Score

import elman
from elman import Batch, Network

Array = NDArray[Any]
PIECE = 500  # sequences scored at a time


@dataclass(frozen=True)
class Fresh:
    """Batches that are drawn anew at every step: nothing is seen twice."""

    draw: Callable[[np.random.Generator, int], Batch]  # (generator, step) → batch
    steps_per_epoch: int = 100

    def batches(self, seed: int = 0, step: int = 0) -> Iterator[Batch]:
        while True:
            yield self.draw(np.random.default_rng([seed, step]), step)
            step += 1


def fit(network: Network, data: Any, **options: Any) -> Network:
    """Train to the end; with a `validation`, the network is the best one that was validated."""
    training = None
    for progress in elman.train(network, data, **options):
        training = progress.training
    if training is not None and training.best is not None:
        network.parameters.flat[:] = training.best
    return network


def score_text(network: Network, batches: Iterable[Batch], *, accuracy: bool = False) -> Score:
    """Score a language model by nats, or by accuracy, per symbol."""
    found = elman.evaluate(network, batches)
    value, others = (found.accuracy, {}) if accuracy else (found.nats, {"accuracy": found.accuracy})
    return Score(value, found.count, found.nats, others)


def outputs(network: Network, sequences: Sequence[Array]) -> Array:
    """Return the one output of each sequence: "N" arrays "T I" or "T" → "N O"."""
    pieces = (sequences[start : start + PIECE] for start in range(0, len(sequences), PIECE))
    return np.concatenate([network.run(list(piece))[0] for piece in pieces])


def score_classes(network: Network, sequences: Sequence[Array], labels: Array) -> Score:
    """Score a classifier of whole sequences by accuracy."""
    y = outputs(network, sequences).astype(np.float64)
    nats = -elman.log_softmax(y)[np.arange(len(labels)), labels]
    guesses = y.argmax(axis=-1)
    others = {"macro F1": macro_f1(guesses, labels)}
    return Score(float((guesses == labels).mean()), len(labels), float(nats.mean()), others)


def macro_f1(guesses: Array, labels: Array) -> float:
    """Return the mean over classes of F1 = 2 · right / (guessed + true)."""
    classes = int(max(guesses.max(), labels.max())) + 1
    right = np.bincount(labels[guesses == labels], minlength=classes)
    both = np.bincount(guesses, minlength=classes) + np.bincount(labels, minlength=classes)
    return float((2 * right[both > 0] / both[both > 0]).mean())
