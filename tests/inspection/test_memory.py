"""Effective memory of networks that remember so many steps and no more, and against runs written out."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cases import Array
from checks import distance
from elman import Network, log_softmax
from elman.errors import DataError, NumericError, OptionError, ShapeError
from elman.inspection import memory
from elman.inspection.memory import EffectiveMemory, effective_memory
from engine_cases import HERE

LETTERS = 3
BITS = np.random.default_rng(4).integers(0, 2, 60)  # two kinds of steps: what a change changes into is known


def register(depth: int, *, shows: Any = slice(None), **options: Any) -> Network:
    """A net that keeps the last `depth` symbols, a block of units each, and says what `shows` of them say."""
    sizes = {"input_size": LETTERS, "hidden_size": LETTERS * depth, "output_size": LETTERS}
    network = Network(**sizes, dtype="float64", **{"activation": "relu"} | options)
    p = network.parameters
    p.flat[:] = 0
    p["layers.0.U"][:LETTERS] = np.eye(LETTERS)
    p["layers.0.W"][LETTERS:, :-LETTERS] = np.eye(LETTERS * (depth - 1))
    by_block = p["head.V"].reshape(len(p["head.V"]), depth, LETTERS)
    drawn = np.random.default_rng(depth).uniform(0.5, 1, by_block.shape)
    by_block[:, shows] = drawn[:, shows]
    return network


def symbols(steps: int = 60) -> Array:
    return np.random.default_rng(9).integers(0, LETTERS, steps)


@pytest.mark.parametrize("engine", HERE)
@pytest.mark.parametrize("head", ["softmax", "squared", "gaussian"])
@pytest.mark.parametrize("depth", [1, 2, 7])
def test_a_register_remembers_exactly_as_many_symbols_as_it_has_places(depth, head, engine):
    found = effective_memory(register(depth, head=head, engine=engine), symbols(), lags=12)
    assert found.steps == depth
    assert (found.effect[:depth] > 0).all()
    assert not found.effect[depth:].any()
    assert found.unit == ("nats" if head == "softmax" else "root mean square")


def test_a_delay_line_answers_once_and_late():
    found = effective_memory(register(5, shows=[4]), symbols(), lags=12)
    assert np.flatnonzero(found.effect).tolist() == [4]
    assert found.steps == 5


def test_memory_beyond_the_lags_is_all_of_them():
    assert effective_memory(register(7), symbols(), lags=4).steps == 4


def test_what_says_nothing_of_its_input_has_no_memory():
    found = effective_memory(register(3, shows=[]), symbols(), lags=6)
    assert found.steps == 0
    assert not found.effects.any()


def test_the_threshold_is_a_share_of_the_greatest_effect():
    effect = np.array([2.0, 8.0, 0.5, 0.0799, 0.0])
    steps = {
        share: EffectiveMemory(np.arange(5), effect, effect[None], "nats", share).steps
        for share in (0.001, 0.01, 0.05, 0.1, 1)
    }
    assert steps == {0.001: 4, 0.01: 3, 0.05: 3, 0.1: 2, 1: 2}


def trained_like(cell: str, **options: Any) -> Network:
    sizes = {"input_size": 2, "hidden_size": (6, 5), "num_layers": 2, "output_size": 4}
    network = Network(cell, dtype="float64", **sizes | options)
    network.parameters.flat[:] = np.random.default_rng(2).standard_normal(len(network.parameters)) * 0.7
    return network


def written_out(network: Network, x: Array, place: int, lags: int) -> Array:
    """The effect of one changed bit, by two whole runs."""
    other = x.copy()
    other[place] = 1 - x[place]
    y, z = (network.run(bits)[0][place : place + lags] for bits in (x, other))
    if network.spec.head == "softmax":
        return np.sum(np.exp(log_softmax(y)) * (log_softmax(y) - log_softmax(z)), axis=-1)
    return np.sqrt(np.mean((y - z) ** 2, axis=-1))


@pytest.mark.parametrize("engine", HERE)
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
@pytest.mark.parametrize(
    "options",
    [{}, {"head": "squared"}, {"layer_norm": True, "zoneout": 0.2, "learn_initial_state": True}],
    ids=["softmax", "squared", "options"],
)
def test_effects_are_those_of_whole_runs(options, cell, engine):
    network = trained_like(cell, engine=engine, **options)
    found = effective_memory(network, BITS, lags=9, changes=4)
    places = [0, 17, 34, 51]
    expected = np.stack([written_out(network, BITS, place, 9) for place in places])
    assert found.effects.shape == (4, 9)
    assert found.lags.tolist() == list(range(9))
    assert distance(found.effects, expected) < 1e-9
    assert distance(found.effect, expected.mean(axis=0)) < 1e-9
    assert distance(found.effects, np.roll(expected, 1, axis=1)) > 1e-2  # and can fail


def test_the_output_at_the_end_is_compared_at_every_step():
    every, last = trained_like("gru"), trained_like("gru", readout="last")
    assert last.parameters.layout == every.parameters.layout
    found = [effective_memory(network, BITS, lags=9).effects for network in (every, last)]
    assert (found[0] == found[1]).all()


def test_blocks_of_steps_change_nothing(monkeypatch):
    network = trained_like("lstm")
    whole = effective_memory(network, BITS, lags=9, changes=4).effects
    monkeypatch.setattr(memory, "BLOCK", 4 * 2 * 4 * 2)  # outputs, rows, changes: two steps at a time
    assert distance(effective_memory(network, BITS, lags=9, changes=4).effects, whole) < 1e-12


def test_features_and_pairs_are_read_too():
    generator = np.random.default_rng(3)
    features = generator.standard_normal((40, 2))
    dense = effective_memory(trained_like("gru"), features, lags=10)
    assert (dense.effects[:, 0] > 0).all()
    pair = trained_like("gru", feature_size=2, embedding_size=3)
    constant = np.zeros(40, int)
    found = effective_memory(pair, (constant, features), lags=10)  # only the features differ
    assert (found.effects[:, 0] > 0).all()


def test_the_same_seed_draws_the_same_changes_another_one_others():
    network, x = trained_like("gru", input_size=5), np.random.default_rng(1).integers(0, 5, 50)
    one, same, other = (effective_memory(network, x, lags=5, seed=seed).effects for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


def test_refusals():
    network = register(2)
    with pytest.raises(ShapeError, match=r"x has 60 steps.*set lags=60"):
        effective_memory(network, symbols())
    with pytest.raises(OptionError, match="changes is 0"):
        effective_memory(network, symbols(), lags=4, changes=0)
    for threshold in (0, 1.5, math.nan):
        with pytest.raises(OptionError, match="threshold is"):
            effective_memory(network, symbols(), lags=4, threshold=threshold)
    with pytest.raises(DataError, match="all steps of x are the same"):
        effective_memory(network, np.zeros(9, int), lags=4)
    with pytest.raises(OptionError, match="reads the whole sequence"):
        effective_memory(register(2, bidirectional=False, readout="mean"), symbols(), lags=4)
    broken = Network.from_spec(replace(network.spec), network.parameters.flat)
    broken.parameters["head.c"][1] = np.nan
    with pytest.raises(NumericError, match="an output is not finite"):
        effective_memory(broken, symbols(), lags=4)
