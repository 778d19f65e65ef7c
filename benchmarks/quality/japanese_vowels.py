"""Task 10: Japanese vowels, which of nine men said /ae/: 12 coefficients a frame, 7 to 29 frames.

Data, split and the 96.2 % of a hidden Markov model: Kudo, Toyama & Shimbo 1999,
doi:10.1016/S0167-8655(99)00077-X. An echo state network of 500 units has 87.3 %.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from fitting import Array, fit, score_classes
from suite import Contender, Metric, Score, Task, expect

from elman import Network, data

FILES = "JapaneseVowels_TRAIN.ts", "JapaneseVowels_TEST.ts"
CHANNELS, SPEAKERS = 12, 9


@dataclass(frozen=True)
class Utterances:
    """Utterances "T 12" in units of the training part's deviation, and speakers 0 to 8."""

    x: list[Array]
    y: Array
    x_test: list[Array]
    y_test: Array


def read(lines: Iterable[str]) -> tuple[list[Array], list[str]]:
    """Read the .ts format: after @data a case a line, its channels and last its label between colons."""
    rest = iter(lines)
    for line in rest:
        if line.strip().lower() == "@data":
            break
    cases = [line.strip().split(":") for line in rest if line.strip()]
    channels = [[np.array(channel.split(","), np.float64) for channel in case[:-1]] for case in cases]
    return [np.stack(case, axis=-1) for case in channels], [case[-1] for case in cases]


def load(folder: Path | None, seed: int) -> Utterances:
    assert folder is not None
    (x, y), (x_test, y_test) = (read((folder / name).read_text("utf-8").splitlines()) for name in FILES)
    expect("utterances", (len(x), len(x_test)), (270, 370))
    frames = np.concatenate(x)
    mean, deviation = frames.mean(axis=0), frames.std(axis=0)
    scaled = [[((case - mean) / deviation).astype(np.float32) for case in cases] for cases in (x, x_test)]
    labels = [np.array([int(label) - 1 for label in part]) for part in (y, y_test)]
    return Utterances(scaled[0], labels[0], scaled[1], labels[1])


def train(utterances: Utterances, seed: int, *, epochs: int, rate: float, **options: Any) -> Score:
    network = Network(
        input_size=CHANNELS, output_size=SPEAKERS, bidirectional=True, readout="mean", seed=seed, **options
    )
    sequences = data.Sequences(utterances.x, utterances.y, batch_size=27, per_sequence=True)
    fit(network, sequences, epochs=epochs, learning_rate=rate, seed=seed)
    return score_classes(network, utterances.x_test, utterances.y_test)


DROPS = {"input_dropout": 0.1, "output_dropout": 0.5}
TASK = Task(
    title="Japanese vowels",
    split="270 utterances to train, 370 to test, as given.",
    symbols="none, 12 channels",
    counted="utterances",
    metric=Metric("accuracy", higher_is_better=True, digits=1, scale=100, unit=" %"),
    load=load,
    folder="japanese_vowels",
    contenders=(
        Contender(
            "GRU 2 x 64",
            partial(train, cell="gru", hidden_size=64, epochs=60, rate=4e-3, **DROPS),
            0.962,
            "HMM",
        ),
        Contender(
            "LSTM 2 x 64",
            partial(train, cell="lstm", hidden_size=64, epochs=60, rate=4e-3, **DROPS),
            0.962,
            "HMM",
        ),
    ),
)
