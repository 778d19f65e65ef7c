"""Automata as values: they answer, are made as small as can be, and refuse what is no machine."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from automaton_cases import PARITY, counter, difference, random_machine
from elman import OptionError, ShapeError
from elman.inspection.automata import Automaton


@pytest.mark.parametrize("case", range(30))
def test_a_machine_answers_as_its_table_says(case):
    random = np.random.default_rng(case)
    machine = random_machine(random, states=5, symbols=3, classes=4)
    state, expected = machine.start, []
    string = random.integers(0, 3, 40)
    for symbol in string:
        state = machine.transitions[state][symbol]
        expected.append(machine.outputs[state])
    assert machine.run(string).tolist() == expected
    assert machine.run(np.column_stack([string, string]))[:, 1].tolist() == expected


@pytest.mark.parametrize("case", range(100))
def test_the_minimized_machine_answers_alike_and_no_smaller_one_does(case):
    """States are told apart by all strings up to their number: no string shorter than that is needed."""
    random = np.random.default_rng(case)
    machine = random_machine(random, states=random.integers(1, 7), symbols=2, classes=2)
    smallest = machine.minimized()
    assert difference(machine, smallest) is None
    seen, waiting = {machine.start}, [machine.start]
    while waiting:
        for after in machine.transitions[waiting.pop()]:
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    tails = [tail for length in range(1, 7) for tail in product((0, 1), repeat=length)]
    told = {
        (
            machine.outputs[q],
            *(int(Automaton((0, 1), q, machine.transitions, machine.outputs).run(t)[-1]) for t in tails),
        )
        for q in seen
    }
    assert len(smallest) == len(told)


@pytest.mark.parametrize("case", range(20))
def test_machines_that_answer_alike_are_equal_once_minimized(case):
    """A machine with its states renumbered and some of them doubled is the same one."""
    random = np.random.default_rng(case)
    machine = random_machine(random, states=4, symbols=3, classes=2)
    twice = np.array([*machine.transitions, *machine.transitions])
    twice += 4 * random.integers(0, 2, twice.shape)
    order = random.permutation(8)
    leads, outputs = np.empty_like(twice), np.empty(8, int)
    leads[order], outputs[order] = order[twice], [*machine.outputs, *machine.outputs]
    other = Automaton(machine.alphabet, order[machine.start], leads, outputs)
    assert other.minimized() == machine.minimized()


def test_the_proof_that_two_machines_are_one_can_fail():
    """An answer changed where only six steps lead, and a step that leads elsewhere."""
    right = counter(7, (0, 1))
    outputs = [*right.outputs[:6], 0]
    assert difference(right, Automaton(right.alphabet, 0, right.transitions, outputs)) == (1,) * 6
    assert difference(right, counter(7, (0, 2))) == (1,)
    assert difference(right, right) is None


def test_a_machine_is_plain_data():
    machine = Automaton(np.array([4, 7]), np.int64(1), np.array([[0, 1], [1, 0]]), np.array([0, 1]))
    assert machine == Automaton((4, 7), 1, ((0, 1), (1, 0)), (0, 1))
    assert len({machine, machine.minimized().minimized()}) == 2
    assert eval(repr(machine), {"Automaton": Automaton}) == machine  # the count of states is a comment
    assert machine.run([7, 4, 7]).tolist() == [0, 0, 1]
    assert machine.run([]).tolist() == []
    assert Automaton((7, 9, 4), 0, ((0, 1, 2),) * 3, (5, 6, 7)).run([4, 7, 9]).tolist() == [7, 5, 6]


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        (((0, 1), 0, ((0, 1),), (0, 1)), ShapeError, "transitions have shape .1, 2.; expected .2, 2."),
        (((0, 0), 0, ((0, 0),), (0,)), OptionError, "each of them once"),
        (((), 0, ((),), (0,)), OptionError, "each of them once"),
        (((0,), 1, ((0,),), (0,)), OptionError, "no state 1; states run from 0 to 0"),
        (((0,), 0, ((-1,),), (0,)), OptionError, "no state -1"),
    ],
)
def test_what_is_no_machine_is_refused(parts, error, message):
    with pytest.raises(error, match=message):
        Automaton(*parts)


@pytest.mark.parametrize(
    ("string", "error", "message"),
    [
        ([0, 2], OptionError, "does not read 2; its alphabet is .0, 1."),
        ([-1], OptionError, "does not read -1"),
        ([0.5], ShapeError, "a string is float64 of shape .1,."),
        (1, ShapeError, "expected symbols T, or T B"),
    ],
)
def test_a_string_of_something_else_is_refused(string, error, message):
    with pytest.raises(error, match=message):
        PARITY.run(string)
