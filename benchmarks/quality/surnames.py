"""Task 11: surnames of 18 languages, very unequally many; classify a string.

Data: the lists of the PyTorch tutorial on classifying names, 20,050 lines, many of them given twice or more.
Each pair of name and language counts once here, 18,012 of them, so that no test pair was learned by heart.
No number is published for this; the most frequent class and naive Bayes, measured on the same names, are to
be beaten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from fitting import Array, fit, score_classes
from suite import Contender, Metric, Score, Task, expect

from elman import Network, Vocabulary, data

LINES, PAIRS, LANGUAGES, TESTED = 20_050, 18_012, 18, 0.2
NOT_A_LANGUAGE = "SOURCE"
ADDED = 0.1  # to each count of naive Bayes; of 0.01, 0.03, 0.1, 0.3, 1 the best for it


@dataclass(frozen=True)
class Surnames:
    """Names as symbols and their languages as numbers."""

    size: int
    x: list[Array]
    y: Array
    x_test: list[Array]
    y_test: Array


def split(pairs: Sequence[tuple[str, str]], seed: int) -> Surnames:
    """Hold out a fifth of (name, language) at random; the symbols are those of the others."""
    languages = sorted({language for _, language in pairs})
    shuffled = [pairs[k] for k in np.random.default_rng(seed).permutation(len(pairs))]
    cut = int(TESTED * len(pairs))
    parts = shuffled[cut:], shuffled[:cut]
    vocabulary = Vocabulary.from_counts("chars", Counter("".join(name for name, _ in parts[0])))
    (x, y), (x_test, y_test) = (
        (
            [vocabulary.encode(name) for name, _ in part],
            np.array([languages.index(language) for _, language in part]),
        )
        for part in parts
    )
    return Surnames(vocabulary.size, x, y, x_test, y_test)


def load(folder: Path | None, seed: int) -> Surnames:
    assert folder is not None
    files = sorted(path for path in folder.glob("*.txt") if path.stem != NOT_A_LANGUAGE)
    lines = [(line.strip(), path.stem) for path in files for line in path.read_text("utf-8").splitlines()]
    pairs = sorted(set(lines))
    expect("lines, pairs, languages", (len(lines), len(pairs), len(files)), (LINES, PAIRS, LANGUAGES))
    return split(pairs, seed)


def most_frequent(names: Surnames) -> Array:
    """Guess the most frequent language for all."""
    return np.full(len(names.x_test), np.bincount(names.y).argmax())


def naive_bayes(names: Surnames) -> Array:
    """Guess the language with the most probable name, each character given the one before it."""
    edge = names.size  # what stands before a name and after it
    classes = int(names.y.max()) + 1
    counts = np.full((classes, edge + 1, edge + 1), ADDED)
    for name, language in zip(names.x, names.y, strict=True):
        for before, after in _pairs(name, edge):
            counts[language, before, after] += 1
    logs = np.log(counts / counts.sum(axis=-1, keepdims=True))
    with np.errstate(divide="ignore"):  # a language without a name in training is never guessed
        prior = np.log(np.bincount(names.y, minlength=classes) / len(names.y))
    found = [prior + sum(logs[:, a, b] for a, b in _pairs(name, edge)) for name in names.x_test]
    return np.array(found).argmax(axis=-1)


def _pairs(name: Array, edge: int) -> list[tuple[int, int]]:
    return list(pairwise([edge, *name.tolist(), edge]))


def baselines(names: Surnames) -> dict[str, float]:
    guesses = {"most frequent language": most_frequent(names), "naive Bayes of bigrams": naive_bayes(names)}
    return {name: float((guess == names.y_test).mean()) for name, guess in guesses.items()}


def train(names: Surnames, seed: int, *, epochs: int, rate: float, **options: Any) -> Score:
    network = Network(
        input_size=names.size,
        embedding_size=32,
        output_size=LANGUAGES,
        bidirectional=True,
        readout="concat",
        seed=seed,
        **options,
    )
    sequences = data.Sequences(names.x, names.y, batch_size=64, per_sequence=True)
    fit(network, sequences, epochs=epochs, learning_rate=rate, seed=seed)
    return score_classes(network, names.x_test, names.y_test)


DROPS = {"input_dropout": 0.2, "recurrent_dropout": 0.2, "output_dropout": 0.5}
TASK = Task(
    title="Surnames by language",
    split="A random fifth (by seed) of 18,012 pairs of name and language to test, the rest to train.",
    symbols="86 characters and one for new ones",
    counted="names",
    metric=Metric("accuracy", higher_is_better=True, digits=1, scale=100, unit=" %"),
    load=load,
    folder="names_by_language",
    baselines=baselines,
    contenders=(
        Contender("GRU 2 x 128", partial(train, cell="gru", hidden_size=128, epochs=15, rate=4e-3, **DROPS)),
    ),
)
