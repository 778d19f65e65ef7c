"""Networks that learned for a moment: the machine they were taught is the machine they are."""

from __future__ import annotations

import pytest

from automaton_cases import EVEN_PAIRS, PARITY, counter, difference, strings, trained
from elman import Network
from elman.inspection.automata import agreement, extract_automaton
from engine_cases import HERE


@pytest.mark.parametrize("engine", HERE)
@pytest.mark.parametrize(
    ("cell", "options"),
    [
        ("elman", {"updates": 400}),
        ("gru", {"updates": 400}),
        ("lstm", {"updates": 600}),
        ("elman", {"hidden_size": (12, 10), "updates": 500}),
        ("gru", {"embedding_size": 3, "learn_initial_state": True, "updates": 400}),
        ("gru", {"readout": "last", "updates": 600}),
    ],
    ids=["tanh", "GRU", "LSTM", "two layers", "embedded", "last"],
)
def test_parity_gives_two_states(cell, options, engine):
    learned = trained(PARITY, cell, **{"hidden_size": 16, **options})
    network = Network.from_spec(learned.spec, learned.parameters.flat, engine=engine)
    found = extract_automaton(network, strings(2, 20, 200))
    assert difference(found, PARITY) is None
    assert len(found) == 2
    assert agreement(network, found, strings(2, 40, 100, seed=6)) > 0.99


@pytest.mark.parametrize("seed", range(3))
def test_counting_modulo_5_gives_five_states(seed):
    machine = counter(5, (0, 1))
    network = trained(machine, "elman", hidden_size=32, updates=600, seed=seed)
    assert extract_automaton(network, strings(2, 20, 200)) == machine


@pytest.mark.parametrize("seed", range(3))
def test_even_pairs_give_five_states(seed):
    network = trained(EVEN_PAIRS, "elman", hidden_size=16, updates=600, seed=seed)
    assert extract_automaton(network, strings(2, 20, 200)) == EVEN_PAIRS


def test_before_it_has_learned_a_network_is_no_counter():
    machine = counter(5, (0, 1))
    network = trained(machine, "elman", hidden_size=32, updates=20)
    found = extract_automaton(network, strings(2, 20, 200), max_states=30)
    assert difference(found, machine) is not None
    assert len(found) <= 30
    right = (network.run(strings(2, 20, 200))[0].argmax(axis=-1) == machine.run(strings(2, 20, 200))).mean()
    assert right < 0.5
