"""R23: what is drawn has the distribution of the network, is legal, and is the same in every version.

golden_texts.json holds texts by the version that wrote them first; they are never changed, only added to.
"""

from __future__ import annotations

import json
import math
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman import Network, decoding, generate, generate_many, sample
from elman.data import Vocabulary
from elman.drawing import Weighing
from streaming_cases import every_engine

GOLDEN = json.loads(Path(__file__).with_name("golden_texts.json").read_text("utf-8"))
CHARS = Vocabulary("chars", ("<unk>", "\n", " ", *"abcdeé"))
V = CHARS.size
Array = np.ndarray


# ------------------------------------------------------------------------------------------- golden texts


def fixed(cell: str, engine: str, dtype: str = "float32") -> Network:
    """A network whose weights are the same numbers everywhere: no generator and no function made them."""
    sizes = {"input_size": V, "hidden_size": (11, 6), "output_size": V}
    network = Network(cell, **sizes, dtype=dtype, engine=engine)
    numbers = np.arange(len(network.parameters), dtype=np.int64)
    network.parameters.flat[:] = (numbers * 7919 % 1013 - 506) / 256
    return network


CASES = [
    (version, cell, k) for version, texts in GOLDEN.items() for cell in texts for k in range(len(texts[cell]))
]


@every_engine
@pytest.mark.parametrize(("version", "cell", "number"), CASES)
def test_golden_texts(version, cell, number, engine):
    options = dict(GOLDEN[version][cell][number])
    text = options.pop("text")
    for dtype in ("float32", "float64"):
        assert sample(fixed(cell, engine, dtype), CHARS, length=60, **options) == text


def test_golden_texts_would_show_a_change(kept):
    cases = [GOLDEN[version][cell][number] for version, cell, number in CASES]
    assert len({case["text"] for case in cases}) > 0.7 * len(cases)
    assert {name for case in cases for name in case} >= {"temperature", "top_k", "top_p", "lines", "stop"}
    kept("R23", f"{len(cases)} golden texts, the oldest of version {min(GOLDEN)}: equal on every engine")


# ------------------------------------------------------------------------------------------- the extremes


@every_engine
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_extreme_options_are_their_limits(cell, engine):
    network = fixed(cell, engine)

    def drawn(**options: Any) -> list[int]:
        return list(islice(generate(network, [3], seed=5, **options), 120))

    assert drawn(temperature=0) == drawn(temperature=1e-9) == drawn(top_k=1) == drawn(top_p=0)
    assert drawn() == drawn(top_k=V) == drawn(top_k=V + 1) == drawn(top_k=10**30) == drawn(top_p=1)
    assert drawn(temperature=1e9) == drawn(temperature=1e300) != drawn()
    chances = decoding.generator(5, "sampling").random(120)
    assert drawn(temperature=1e9) == (V * chances).astype(int).tolist()


# --------------------------------------------------------------------------------------- the distribution


def markov(table: Array, engine: str) -> Network:
    """A network that answers symbol k with row k of the table, exactly."""
    size = len(table)
    network = Network(input_size=size, hidden_size=size, output_size=size, dtype="float64", engine=engine)
    network.parameters.flat[:] = 0
    network.parameters["layers.0.U"][:] = 50 * np.eye(size)
    network.parameters["head.V"][:] = table.T
    return network


def shares(row: Array, temperature: float, top_k: int, top_p: float, banned: list[int]) -> Array:
    """The probabilities of the next symbol, by the words of `generate`."""
    p = np.exp((row - row.max()) / temperature)
    p[banned] = 0
    order = np.argsort(-p, kind="stable")
    p[order[top_k:]] = 0
    before = np.cumsum(p[order]) - p[order]
    p[order[before >= top_p * p.sum()]] = 0
    return p / p.sum()


def p_value(counts: Array, expected: Array) -> float:
    """The chance of a larger χ², one degree of freedom less for each row. Wilson & Hilferty 1931."""
    possible = expected > 0
    assert not counts[~possible].any()
    statistic = ((counts - expected)[possible] ** 2 / expected[possible]).sum()
    degrees = int(possible.sum() - possible.any(axis=1).sum())
    if not degrees:
        return float(statistic == 0)
    z = ((statistic / degrees) ** (1 / 3) - (1 - 2 / (9 * degrees))) / math.sqrt(2 / (9 * degrees))
    return 0.5 * math.erfc(z / math.sqrt(2))


def transitions(drawn: Array) -> Array:
    """How often each symbol followed each; a row of `drawn` is a text, begun from symbol 0."""
    texts = np.pad(drawn, ((0, 0), (1, 0)))
    pairs = V * texts[:, :-1] + texts[:, 1:]
    return np.bincount(pairs.ravel(), minlength=V * V).reshape(V, V)


OPTIONS: list[dict[str, Any]] = [
    {},
    {"temperature": 0.6},
    {"temperature": 1e9},
    {"top_k": 4},
    {"top_p": 0.8},
    {"top_k": 6, "top_p": 0.9, "temperature": 1.7},
    {"banned": [1, 4]},
    {"banned": [1], "top_p": 0.7},
]


def shape(draws: int) -> dict[str, int]:
    """So many draws, as texts side by side."""
    return {"count": 100, "length": draws // 100}


@every_engine
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_draws_have_the_distribution_of_the_softmax(options, engine, full, kept):
    table = np.random.default_rng(23).normal(0, 1.2, (V, V))
    whole = 125_000 if engine == "reference" else 1_000_000  # of each option
    draws = whole if full else whole // 12 // 100 * 100
    drawn = generate_many(markov(table, engine), [0], seed=1, **shape(draws), **options)
    counts = transitions(drawn)
    plain = {"temperature": 1.0, "top_k": V, "top_p": 1.0, "banned": []} | options
    right = np.array([shares(row, **plain) for row in table])
    visits = counts.sum(axis=1, keepdims=True)
    p = p_value(counts, right * visits)
    assert p > 1e-3
    softer = np.array([shares(0.8 * row, **plain | {"temperature": 1.0}) for row in table])
    if set(options) <= {"banned"}:
        assert p_value(counts, softer * visits) < 1e-3  # the draws would not pass for another temperature
    kept("R23", f"{draws:,} draws, {engine}, {options or 'plain'}: p = {p:.2g}")


@every_engine
def test_what_is_banned_is_never_drawn(engine, full, kept):
    draws = 1_000_000 if full else 20_000 if engine == "reference" else 200_000
    table = np.zeros((V, V))
    table[:, [0, 5]] = 8  # which would be nearly all
    for options in ({}, {"temperature": 1e9}, {"temperature": 0.1}, {"top_k": 1}, {"top_p": 0.0}):
        drawn = generate_many(
            markov(table, engine), [0], seed=2, banned=[0, 5], **shape(draws // 5), **options
        )
        assert not np.isin(drawn, [0, 5]).any()
    text = sample(markov(table, engine), CHARS, "a", length=2000, seed=2)
    assert set(text) <= set("".join(CHARS.symbols[1:]))  # the unknown symbol is banned in every text
    assert "c" in text
    kept("R23", f"{draws:,} draws, {engine}: no banned symbol")


FAULTS = {
    "the last symbol is never drawn": lambda chance: chance * 0.93,
    "chances are not even": lambda chance: chance**1.1,
    "two draws share a chance": lambda chance: np.repeat(chance[:, ::2], 2, axis=1)[:, : chance.shape[1]],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_crooked_draw_would_be_found(fault):
    """Teeth: as many draws as the quick form takes, from chances that are not uniform."""
    table = np.random.default_rng(23).normal(0, 1.2, (V, V))
    random = np.random.default_rng(1).random((100, 100))
    streams = markov(table, "reference").streams(100)
    drawn = streams.draw(np.zeros(100, int), FAULTS[fault](random), Weighing())
    counts = transitions(drawn)
    right = np.array([shares(row, 1.0, V, 1.0, []) for row in table])
    assert p_value(counts, right * counts.sum(axis=1, keepdims=True)) < 1e-3
