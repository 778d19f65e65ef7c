"""Task 1: Human Numbers, counting in words from one to nine thousand nine hundred ninety nine.

Set-up and published numbers: Howard & Gugger 2020, Deep Learning for Coders with fastai and PyTorch, ch. 12:
each line is a number without "and" or hyphens (8,000 is left out), lines are joined by " . ", a model of 64
units reads 64 streams in windows of 16 words, with one-cycle learning rates for 15 epochs, and is judged by
the share of words it guesses right. The test part counts on into thousands never seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fitting import Array, fit, score_text
from suite import Contender, Metric, Score, Task

from elman import Network, data

ONES = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
ONES += ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
STREAMS, WINDOW, EPOCHS = 64, 16, 15


@dataclass(frozen=True)
class Words:
    train: Array
    test: Array
    size: int


def spell(number: int) -> str:
    """Say a number from 1 to 9,999."""
    words = []
    for unit, name in ((1000, "thousand"), (100, "hundred")):
        if number >= unit:
            words += [ONES[number // unit - 1], name]
            number %= unit
    if number >= 20:
        words.append(TENS[number // 10 - 2])
        number %= 10
    return " ".join([*words, *ONES[number - 1 : number]] if number else words)


def lines() -> Iterator[str]:
    return (spell(number) for number in range(1, 10_000) if number != 8000)


def load(folder: Path | None, seed: int) -> Words:
    corpus = data.corpus_from_text(" . ".join(lines()), kind="words", min_count=1)
    return Words(*data.split_stream(corpus.symbols, 0.2), corpus.vocabulary.size)


def train(words: Words, seed: int, *, rate: float = 4e-2, decay: float = 0.3, **options: Any) -> Score:
    network = Network(input_size=words.size, output_size=words.size, hidden_size=64, seed=seed, **options)
    streams = data.Streams(words.train, STREAMS, WINDOW)
    plan: dict[str, Any] = {"epochs": EPOCHS, "schedule": "one-cycle", "seed": seed}
    fit(network, streams, learning_rate=rate, weight_decay=decay, **plan)
    return score_text(network, data.whole(words.test, streams=STREAMS), accuracy=True)


REGULARIZED: dict[str, Any] = {
    "embedding_size": 64,
    "tied": True,
    "layer_norm": True,
    "input_dropout": 0.1,
    "recurrent_dropout": 0.1,
    "output_dropout": 0.3,
}
TASK = Task(
    title="Human Numbers",
    split="First 80 % of 63,095 words to train, last 20 % to test.",
    symbols="30 words",
    counted="words",
    metric=Metric("accuracy", higher_is_better=True),
    load=load,
    contenders=(
        Contender("tanh 64", partial(train, cell="elman", rate=2e-2), 0.650, "RNN, best of its epochs"),
        Contender("LSTM 2 x 64", partial(train, cell="lstm", num_layers=2), 0.758, "LSTM"),
        Contender(
            "LSTM 2 x 64, tied, normalized, dropout",
            partial(train, cell="lstm", num_layers=2, decay=0.1, **REGULARIZED),
            0.869,
            "AWD-LSTM",
        ),
    ),
    remarks="The test part is read as the book reads it, in 64 streams; each begins without a past. The last "
    "network has layer normalization (Ba et al. 2016) in place of the book's penalties on activations.",
)
