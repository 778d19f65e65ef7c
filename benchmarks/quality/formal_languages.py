"""Task 8: parity, even pairs, arithmetic modulo 5 and cycle navigation, learned short and scored long.

Source: Delétang et al. 2023, arXiv:2207.02098, table 2: trained on lengths 1 to 40, scored on 41 to 500, the
best of ten seeds; RNN and LSTM reach 100 %, a Transformer 52.0, 96.4, 24.2 and 61.9 %. Every prefix of a
string is a string: a network is asked after every symbol, in training up to the 40th, in the test from the
41st on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from fitting import Array, Fresh, fit
from suite import Contender, Metric, Score, Task

from elman import Batch, Network

SHORT, LONG, TESTED, BATCH = 40, 500, 200, 64
MODULUS = 5
PLUS, MINUS, TIMES = range(MODULUS, MODULUS + 3)
TEST_SEED = 1_000_000


@dataclass(frozen=True)
class Language:
    """A language: draw(random, steps, count) → strings "T B"; answers(strings) → answer to each prefix "T B".

    Prefixes whose number of symbols is no multiple of `every`, plus one, have no answer.
    """

    symbols: int
    classes: int
    draw: Callable[[np.random.Generator, int, int], Array]
    answers: Callable[[Array], Array]
    every: int = 1


def any_symbols(random: np.random.Generator, steps: int, count: int, *, symbols: int) -> Array:
    return random.integers(0, symbols, (steps, count))


def expressions(random: np.random.Generator, steps: int, count: int) -> Array:
    """Draw numbers 0 to 4, and operators between them."""
    strings = random.integers(0, MODULUS, (steps, count))
    strings[1::2] = random.integers(PLUS, TIMES + 1, strings[1::2].shape)
    return strings


def parity(strings: Array) -> Array:
    """Is the number of ones odd?"""
    return strings.cumsum(axis=0) % 2


def even_pairs(strings: Array) -> Array:
    """Are there evenly many 01 and 10? Then the last symbol is the first."""
    return (strings == strings[0]).astype(int)


def navigate(strings: Array) -> Array:
    """Where on a cycle of 5 places does one stand after staying (0), stepping on (1) and back (2)?"""
    return np.array([0, 1, -1])[strings].cumsum(axis=0) % MODULUS


def calculate(strings: Array) -> Array:
    """Evaluate expressions modulo 5, products before sums; 0 stands where an expression is incomplete."""
    values = np.zeros_like(strings)
    total, term = np.zeros_like(strings[0]), strings[0]
    values[0] = term
    for step in range(2, len(strings), 2):
        operator, number = strings[step - 1 : step + 1]
        times = operator == TIMES
        total = np.where(times, total, total + term) % MODULUS
        term = np.where(times, term * number, np.where(operator == MINUS, -number, number)) % MODULUS
        values[step] = (total + term) % MODULUS
    return values


LANGUAGES = {
    "parity": Language(2, 2, partial(any_symbols, symbols=2), parity),
    "even pairs": Language(2, 2, partial(any_symbols, symbols=2), even_pairs),
    "arithmetic mod 5": Language(TIMES + 1, MODULUS, expressions, calculate, every=2),
    "cycle navigation": Language(3, MODULUS, partial(any_symbols, symbols=3), navigate),
}


def batch(language: Language, random: np.random.Generator, steps: int, count: int) -> Batch:
    strings = language.draw(random, steps, count)
    asked = np.zeros(strings.shape)
    asked[:: language.every] = 1
    return Batch(strings, language.answers(strings), weights=None if language.every == 1 else asked)


def score(network: Network, language: Language) -> Score:
    """Return the share of right answers to prefixes of 41 to 500 symbols."""
    asked = batch(language, np.random.default_rng(TEST_SEED), LONG, TESTED)
    right = network.run(asked.x)[0].argmax(axis=-1) == asked.targets
    told = np.arange(LONG) % language.every == 0
    told[:SHORT] = False
    return Score(float(right[told].mean()), int(told.sum()) * TESTED)


def train(nothing: None, seed: int, *, name: str, cell: str, size: int, updates: int) -> Score:
    """Train on ever longer strings: of 3 symbols at first, of 40 in the last quarter of the updates."""
    language = LANGUAGES[name]
    shape = {"input_size": language.symbols, "hidden_size": size, "output_size": language.classes}
    network = Network(cell, **shape, layer_norm=True, seed=seed)

    def drawn(random: np.random.Generator, step: int) -> Batch:
        return batch(language, random, min(SHORT, 3 + SHORT * 5 * step // (4 * updates)), BATCH)

    fit(network, Fresh(drawn), steps=updates, learning_rate=5e-3, seed=seed)
    return score(network, language)


CELLS = {"tanh": "elman", "GRU": "gru", "LSTM": "lstm"}
SIZES = {"parity": 32, "even pairs": 32, "arithmetic mod 5": 96, "cycle navigation": 64}
UPDATES = {"parity": 1_500, "even pairs": 3_000, "arithmetic mod 5": 5_000, "cycle navigation": 2_000}
TASK = Task(
    title="Formal languages",
    split="Lengths 1 to 40 to train, drawn anew at every step; lengths 41 to 500 to test.",
    symbols="2, 2, 8 and 3",
    counted="answers",
    metric=Metric("accuracy", higher_is_better=True, digits=2, scale=100, unit=" %"),
    load=lambda folder, seed: None,
    contenders=tuple(
        Contender(
            f"{label} {SIZES[name]}, {name}",
            partial(train, name=name, cell=cell, size=SIZES[name], updates=UPDATES[name]),
            1.0,
            "Delétang et al. 2023",
        )
        for name in LANGUAGES
        for label, cell in CELLS.items()
    ),
    remarks="All cells have layer normalization (Ba et al. 2016), and answer after every symbol; the strings "
    "they learn from grow with time. Every seed counts, where the paper takes the best of ten.",
)
