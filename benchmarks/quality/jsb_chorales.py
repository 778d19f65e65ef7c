"""Task 4: JSB chorales as piano rolls, one frame a quarter note: predict the next frame.

Set-up: Boulanger-Lewandowski et al. 2012, arXiv:1206.6392, whose RNN has 8.71; GRU and LSTM: Bai et al.
2018, arXiv:1803.01271, table 1. 88 keys (MIDI 21 to 108), independent sigmoids, the loss summed over keys
and divided by the number of predicted frames (the first of a chorale is not one), tested where the
validation loss is lowest. Only the quarter-note rolls compare: 13,807, 4,602 and 4,725 frames. The Markov
chain, each key from itself one frame before, says where a bug begins.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from fitting import Array, fit
from suite import Contender, Metric, Score, Task, expect

from elman import Network, data

FILE = "jsb-chorales-quarter.json"
KEYS, LOWEST = 88, 21
FRAMES = {"train": 13_807, "valid": 4_602, "test": 4_725}


@dataclass(frozen=True)
class Chorales:
    """Rolls "T 88" of zeros and ones."""

    train: list[Array]
    valid: list[Array]
    test: list[Array]


def roll(frames: Sequence[Sequence[int]]) -> Array:
    """Turn the MIDI keys that sound in each frame into a roll "T 88"."""
    rolled = np.zeros((len(frames), KEYS), np.float32)
    for row, keys in zip(rolled, frames, strict=True):
        row[np.array(keys, int) - LOWEST] = 1
    return rolled


def read(text: str) -> Chorales:
    return Chorales(
        **{part: [roll(frames) for frames in pieces] for part, pieces in json.loads(text).items()}
    )


def load(folder: Path | None, seed: int) -> Chorales:
    assert folder is not None
    chorales = read((folder / FILE).read_text("utf-8"))
    expect("frames", {part: sum(map(len, pieces)) for part, pieces in vars(chorales).items()}, FRAMES)
    return chorales


def steps(pieces: Sequence[Array]) -> tuple[list[Array], list[Array]]:
    """Return (frames read, frames to be predicted) of each piece."""
    return [piece[:-1] for piece in pieces], [piece[1:] for piece in pieces]


def markov(train: Sequence[Array], test: Sequence[Array]) -> float:
    """Predict each key from itself in the frame before; one is added to each count."""
    (before, after), (read, truth) = (map(np.concatenate, steps(pieces)) for pieces in (train, test))
    counted = np.stack([1 - before, before]).astype(np.float64)  # off, on
    chance = ((counted * after).sum(axis=1) + 1) / (counted.sum(axis=1) + 2)
    p = np.where(read > 0, chance[1], chance[0])
    return float(-np.log(np.where(truth > 0, p, 1 - p)).sum(axis=1).mean())


def nats(network: Network, pieces: Sequence[Array]) -> float:
    """Return the loss per predicted frame."""
    read, truth = steps(pieces)
    y = np.concatenate(network.run(read)[0]).astype(np.float64)
    return float((np.logaddexp(0, y) - np.concatenate(truth) * y).sum(axis=1).mean())


def train(chorales: Chorales, seed: int, *, epochs: int, rate: float, **options: Any) -> Score:
    network = Network(input_size=KEYS, output_size=KEYS, head="sigmoid", seed=seed, **options)
    sequences = data.Sequences(*steps(chorales.train), batch_size=8, per_sequence=False)
    validation = partial(nats, pieces=chorales.valid)
    fit(
        network,
        sequences,
        epochs=epochs,
        learning_rate=rate,
        validation=validation,
        validate_every=sequences.steps_per_epoch,
        seed=seed,
    )
    loss, count = nats(network, chorales.test), sum(len(piece) - 1 for piece in chorales.test)
    return Score(loss, count, loss, {"validation nats": validation(network)})


def contender(name: str, cell: str, published: float, **options: Any) -> Contender:
    return Contender(name, partial(train, cell=cell, **options), published, "Bai et al. 2018")


NORMED = {"hidden_size": 128, "layer_norm": True, "recurrent_dropout": 0.2, "output_dropout": 0.5}
TASK = Task(
    title="JSB chorales",
    split="The 229 / 76 / 77 chorales of the published split; test at the lowest validation loss.",
    symbols="88 keys, independent",
    counted="frames",
    metric=Metric("nats per frame"),
    load=load,
    folder="jsb_chorales",
    baselines=lambda chorales: {"Markov": markov(chorales.train, chorales.test)},
    contenders=(
        contender("tanh 128", "elman", 8.71, epochs=100, rate=4e-3, **NORMED),
        contender("GRU 128", "gru", 8.43, epochs=40, rate=1e-2, **NORMED),
        contender("LSTM 128", "lstm", 8.45, epochs=30, rate=1e-2, **NORMED),
    ),
    remarks="Ours have layer normalization (Ba et al. 2016), and dropout on the recurrent state and before "
    "the head; the published tables name plain cells.",
)
