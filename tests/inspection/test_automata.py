"""Automata read from networks that were built to be a known one, or are none."""

from __future__ import annotations

import numpy as np
import pytest

from automaton_cases import EVEN_PAIRS, PARITY, counter, difference, network_of, random_machine, strings
from elman import DataError, Network, NumericError, OptionError, ShapeError
from elman.inspection import automata
from elman.inspection.automata import Automaton, agreement, extract_automaton
from engine_cases import HERE

every_engine = pytest.mark.parametrize("engine", HERE)

# ------------------------------------------------------------------------- networks built to be a machine


@every_engine
@pytest.mark.parametrize("readout", ["every", "last"])
@pytest.mark.parametrize(
    "machine",
    [
        PARITY,
        counter(5, (0, 1)),
        counter(5, (0, 1, -1)),
        counter(7, (2, 3), answer=lambda place: int(place == 0)),  # states that only long strings tell apart
        counter(1, (0, 0)),
    ],
    ids=["parity", "count", "cycle", "divisible", "constant"],
)
def test_the_machine_that_a_network_was_built_to_be_is_found(machine, readout, engine):
    network = network_of(machine, classes=5, readout=readout, engine=engine)
    symbols = len(machine.alphabet)
    found = extract_automaton(network, list(strings(symbols, 24, 400).T) + [np.arange(symbols)] * 2)
    assert difference(found, machine) is None
    assert found == machine.minimized()
    assert agreement(network, found, strings(symbols, 300, 20, seed=6)) == 1


@every_engine
@pytest.mark.parametrize("case", range(25))
def test_random_machines_are_found(case, engine):
    random = np.random.default_rng(case)
    symbols, classes = int(random.integers(1, 4)), int(random.integers(2, 5))
    machine = random_machine(random, states=random.integers(1, 9), symbols=symbols, classes=classes)
    network = network_of(machine, classes=classes, engine=engine)
    found = extract_automaton(network, strings(symbols, 30, 300, seed=case))
    assert difference(found, machine) is None
    assert len(found) <= len(machine.minimized())


def test_even_pairs_have_a_start_of_their_own():
    network = network_of(EVEN_PAIRS_TOTAL, classes=2)
    assert extract_automaton(network, strings(2, 20, 50)) == EVEN_PAIRS


EVEN_PAIRS_TOTAL = Automaton((0, 1), 0, EVEN_PAIRS.transitions, (0, 1, 1, 0, 0))  # the start is never asked


def test_what_is_not_asked_is_not_answered():
    """Parity, asked after evenly many symbols: what the network says in between is of no consequence."""
    network = network_of(PARITY, classes=2)
    # States: evenly many symbols and ones; odd and even; odd and odd; even and odd.
    machine = Automaton((0, 1), 0, ((1, 2), (0, 3), (3, 0), (2, 1)), (0, -1, -1, 1))

    def asked(string):
        return len(string) % 2 == 0

    found = extract_automaton(network, strings(2, 21, 60), asked=asked)
    assert difference(found, machine) is None
    assert len(found) == 4
    fresh = strings(2, 40, 10, seed=8)
    assert agreement(network, found, fresh, asked=asked) == 1
    # Where the network does answer, the machine's -1 is wrong: all of the odd places.
    assert agreement(network, found, fresh) == 0.5


def test_the_alphabet_is_what_the_strings_hold():
    network = network_of(counter(3, (0, 5, 1, 2)), classes=3)
    found = extract_automaton(network, 1 + 2 * strings(2, 20, 60))
    assert found == Automaton((1, 3), 0, ((1, 1), (2, 2), (0, 0)), (0, 2, 1))


def test_strings_come_as_a_list_or_as_an_array_of_columns():
    network, columns = network_of(PARITY, classes=2), strings(2, 9, 30)
    one, other = (agreement(network, counter(2, (1, 1)), given) for given in (columns, list(columns.T)))
    assert one == other
    assert one == agreement(network, counter(2, (1, 1)), [column.tolist() for column in columns.T] + [[]])


# ---------------------------------------------------------------------- networks that are no small machine


@every_engine
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_a_network_that_is_no_machine_gets_a_small_one_and_an_honest_number(cell, engine):
    network = Network(
        cell,
        input_size=3,
        hidden_size=12,
        output_size=4,
        initialization="standard_normal",
        seed=4,
        engine=engine,
    )
    found = extract_automaton(network, strings(3, 25, 80), max_states=10)
    assert len(found) <= 10
    fresh = strings(3, 30, 50, seed=7)
    same = [found.run(column) == network.run(column)[0].argmax(axis=-1) for column in fresh.T]
    assert agreement(network, found, fresh) == np.mean(same)
    assert 0.25 < np.mean(same) < 0.9


@pytest.mark.parametrize("most", [1, 2, 3])
def test_the_number_of_states_keeps_its_limit(most):
    network = network_of(counter(5, (0, 1, -1)), classes=5)
    found = extract_automaton(network, strings(3, 20, 80), max_states=most)
    assert len(found) <= most
    assert agreement(network, found, strings(3, 20, 80, seed=9)) < 0.8


def test_a_slip_now_and_then_is_no_state():
    """Parity, but for one wrong answer after eight ones at the beginning, which few strings have."""
    # States: 0 to 7 that many ones and nothing else, 8 the wrong answer, 9 and 10 parity from then on.
    leads = [(9 + ones % 2, ones + 1) for ones in range(8)] + [(9, 10), (9, 10), (10, 9)]
    slips = Automaton((0, 1), 0, leads, (0, 1, 0, 1, 0, 1, 0, 1, 1, 0, 1))
    network = network_of(slips, classes=2)
    assert difference(slips, PARITY) == (1,) * 8
    few, many = strings(2, 25, 400), strings(2, 25, 400)
    few[:9, :2] = 1
    many[:9, :40] = 1
    assert 0.999 < agreement(network, PARITY, few) < 1
    assert extract_automaton(network, few) == PARITY
    assert difference(extract_automaton(network, many), slips) is None


# ------------------------------------------------------------------------------------------------ the doors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"embedding_size": 2, "feature_size": 3}, "reads 3 features beside symbols"),
        ({"head": "sigmoid"}, "answers are classes, and the head is 'sigmoid': take 'softmax'"),
        ({"bidirectional": True}, "bidirectional: it answers when it has read the whole string"),
        ({"readout": "mean"}, "the readout is 'mean': take 'every' or 'last'"),
    ],
)
def test_networks_without_an_automaton_are_refused(options, message):
    network = Network(input_size=2, hidden_size=3, output_size=2, **options)
    for call in (lambda x: extract_automaton(network, x), lambda x: agreement(network, PARITY, x)):
        with pytest.raises(OptionError, match=message):
            call([[0, 1]])


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ([], DataError, "strings hold no symbol"),
        ([[]], DataError, "strings hold no symbol"),
        ([[0, 1], [40]], ShapeError, r"strings\[1\] holds the symbol 40; symbols run from 0 to 39"),
        ([[0.5]], ShapeError, r"strings\[0\] is an array of float64"),
        ([0, 1], ShapeError, r"strings\[0\] has 0 axes"),
        ([list(range(33))], OptionError, "33 different symbols; an automaton has 32 at most"),
    ],
)
def test_strings_of_something_else_are_refused(given, error, message):
    network = Network(input_size=40, hidden_size=3, output_size=2)
    with pytest.raises(error, match=message):
        extract_automaton(network, given)


def test_a_limit_that_is_none_is_refused():
    with pytest.raises(OptionError, match="max_states is 0"):
        extract_automaton(network_of(PARITY, classes=2), [[0]], max_states=0)


def test_agreement_of_nothing_is_refused():
    with pytest.raises(DataError, match="no answer to compare"):
        agreement(network_of(PARITY, classes=2), PARITY, [[0]], asked=lambda string: False)


def test_numbers_that_are_none_are_named():
    network = network_of(PARITY, classes=2)
    network.parameters["head.c"][0] = np.nan
    with pytest.raises(NumericError, match="an output is not finite"):
        extract_automaton(network, [[0, 1]])


@pytest.mark.parametrize("readout", ["every", "last"])
def test_long_strings_are_read_in_windows(readout, monkeypatch):
    machine = counter(5, (1, 2))  # whatever is read past an end changes the answer
    network = network_of(machine, classes=5, readout=readout)
    mixed = [string[: 1 + 7 * k] for k, string in enumerate(strings(2, 60, 9).T)]
    monkeypatch.setattr(automata, "ROOM", 11 * 4 * 5)  # 5 steps of 4 strings, of 11 units each
    monkeypatch.setattr(automata, "PIECE", 4)
    assert [agreement(network, machine, some) for some in (mixed, mixed[::-1])] == [1, 1]
    runs = []
    run = network.run
    monkeypatch.setattr(network, "run", lambda x, *rest: runs.append(x.shape) or run(x, *rest))
    assert agreement(network, machine, mixed) == 1
    assert max(steps * rows for steps, rows in runs) <= 20


def test_what_is_looked_into_is_the_shortest_string_of_those_answered_wrong(monkeypatch):
    network, wrong = network_of(counter(5, (0, 1)), classes=5), counter(6, (0, 1))
    mixed = [string[: 1 + 6 * k] for k, string in enumerate(strings(2, 60, 9).T)]
    monkeypatch.setattr(automata, "PIECE", 2)
    missed = [
        tuple(string[: step + 1].tolist())
        for string in mixed
        for step in range(len(string))
        if wrong.run(string)[step] != string[: step + 1].sum() % 5
    ]
    count, asked, unlike = automata._judge(list(automata._answered(network, mixed, None)), wrong)
    assert (count, asked) == (len(missed), sum(map(len, mixed)))
    assert unlike in missed
    assert len(unlike) == min(map(len, missed))
