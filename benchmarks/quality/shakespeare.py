"""Task 2: Tiny Shakespeare by characters, three minutes on two cores.

The split is that of nanoGPT, whose recipe for a CPU of three minutes gives 1.88 nats. The harder numbers are
measured: a 5-gram (in the same run) and a plain NumPy tanh net of 128 units, one thread, 180 s: 1.677.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import ngram
from fitting import Array, fit, score_text
from suite import Contender, Metric, Score, Task

from elman import Network, data
from elman.data import shakespeare


@dataclass(frozen=True)
class Text:
    train: Array
    test: Array
    size: int


def load(folder: Path | None, seed: int) -> Text:
    corpus = data.corpus_from_text(shakespeare.text())
    return Text(*data.split_stream(corpus.symbols, 0.1), corpus.vocabulary.size)


def baselines(text: Text) -> dict[str, float]:
    train, test = (ngram.grams(part, 5) for part in (text.train, text.test))
    return {"5-gram": ngram.nats(train, test, text.size)}


def train(text: Text, seed: int, *, cell: str, rate: float, steps: int, **options: Any) -> Score:
    network = Network(cell, input_size=text.size, output_size=text.size, seed=seed, **options)
    streams = data.Streams(text.train, 32, 64, restart_every=32 if cell == "lstm" else None)
    fit(network, streams, steps=steps, learning_rate=rate, seed=seed)
    return score_text(network, data.whole(text.test))


# Steps that take less than three minutes of one core: a figure that does not depend on what else it does.
TANH: Any = {"cell": "elman", "hidden_size": 256, "rate": 8e-3, "steps": 6_000}
GRU: Any = {"cell": "gru", "hidden_size": 192, "rate": 6e-3, "steps": 3_600}
LSTM: Any = {"cell": "lstm", "hidden_size": 192, "layer_norm": True, "rate": 8e-3, "steps": 2_500}
TASK = Task(
    title="Tiny Shakespeare, 3 minutes",
    split="First 90 % to train (1,003,854), last 10 % to test (111,540 characters, one stream).",
    symbols="65 characters",
    counted="characters",
    metric=Metric("nats", digits=3),
    load=load,
    baselines=baselines,
    contenders=(
        Contender("tanh 256", partial(train, **TANH), 1.677, "NumPy, 3 min", 1.65),
        Contender("GRU 192", partial(train, **GRU), 1.88, "nanoGPT", 1.58),
        Contender("LSTM 192, layer norm", partial(train, **LSTM), 1.88, "nanoGPT", 1.58),
    ),
)
