"""The formal languages of the quality suite: a network that has learned one is its machine.

Training takes minutes:

    .venv/bin/python -m pytest -m slow tests/inspection/test_automata_trained.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks/quality"))

import formal_languages
from fitting import Fresh
from formal_languages import LANGUAGES, MINUS, MODULUS, PLUS, TIMES

import elman
from automaton_cases import EVEN_PAIRS, PARITY, counter, difference
from elman import Network
from elman.inspection.automata import Automaton, agreement, extract_automaton


def arithmetic() -> Automaton:
    """Evaluate modulo 5, products before sums.

    Known is the sum of all terms but the last, and the last term (states 25 to 49) or, after an operator,
    what the next number is multiplied by (0 to 24). State 50: this is no expression, nor will it be one.
    """
    both = [divmod(number, MODULUS) for number in range(MODULUS**2)]

    def before_number(total: int, factor: int) -> int:
        return MODULUS * (total % MODULUS) + factor

    def after_number(total: int, term: int) -> int:
        return 25 + MODULUS * total + term % MODULUS

    assert (PLUS, MINUS, TIMES) == (5, 6, 7)
    leads = [[after_number(total, factor * n) for n in range(MODULUS)] + [50] * 3 for total, factor in both]
    leads += [
        [50] * 5
        + [before_number(total + term, 1), before_number(total + term, -1 % 5), before_number(total, term)]
        for total, term in both
    ]
    answers = [-1] * 25 + [sum(known) % MODULUS for known in both] + [-1]
    return Automaton(tuple(range(8)), before_number(0, 1), [*leads, [50] * 8], answers).minimized()


def is_whole(string: tuple[int, ...]) -> bool:
    """Is it a number, or numbers with operators between them?"""
    numbers = [symbol < MODULUS for symbol in string]
    return len(string) % 2 == 1 and all(numbers[::2]) and not any(numbers[1::2])


MACHINES = {
    "parity": PARITY,
    "even pairs": EVEN_PAIRS,
    "cycle navigation": counter(5, (0, 1, -1)).minimized(),
    "arithmetic mod 5": arithmetic(),
}


@pytest.mark.parametrize("name", LANGUAGES)
def test_the_machines_written_by_hand_are_the_languages(name):
    language = LANGUAGES[name]
    strings = language.draw(np.random.default_rng(0), 41, 300)
    said = MACHINES[name].run(strings)
    assert (said == language.answers(strings))[:: language.every].all()
    assert language.every == 1 or (said[1::2] == -1).all()


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
@pytest.mark.parametrize("name", LANGUAGES)
def test_the_machine_of_the_language_is_found(name, cell):
    machine, asked = MACHINES[name], is_whole if name == "arithmetic mod 5" else None
    language, size, updates = LANGUAGES[name], formal_languages.SIZES[name], formal_languages.UPDATES[name]
    network = Network(
        cell,
        input_size=language.symbols,
        hidden_size=size,
        output_size=language.classes,
        layer_norm=True,
    )

    def drawn(random: np.random.Generator, step: int) -> elman.Batch:
        return formal_languages.batch(language, random, min(40, 3 + 200 * step // (4 * updates)), 64)

    for _ in elman.train(network, Fresh(drawn), steps=updates, learning_rate=5e-3):
        pass
    random = np.random.default_rng(6)
    found = extract_automaton(
        network, language.draw(random, 25, 200 if asked is None else 2000), asked=asked, max_states=80
    )
    assert difference(found, machine) is None
    assert len(found) == len(machine)
    assert agreement(network, found, language.draw(random, 200, 100), asked=asked) > 0.999
