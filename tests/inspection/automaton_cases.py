"""Machines written by hand, networks built to be a machine exactly, and a proof that two machines are one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import elman
from elman import Batch, Network
from elman.inspection.automata import Automaton

Array = NDArray[Any]

PARITY = Automaton((0, 1), 0, ((0, 1), (1, 0)), (0, 1))
# The start, then: begun with 0, last 0; begun with 1, last 1; begun with 0, last 1; begun with 1, last 0.
EVEN_PAIRS = Automaton((0, 1), 0, ((1, 2), (1, 3), (4, 2), (1, 3), (4, 2)), (-1, 1, 1, 0, 0))


def counter(modulus: int, steps: tuple[int, ...], answer: Callable[[int], int] = int) -> Automaton:
    """Count modulo: each symbol adds its step."""
    leads = tuple(tuple((place + step) % modulus for step in steps) for place in range(modulus))
    return Automaton(tuple(range(len(steps))), 0, leads, tuple(map(answer, range(modulus))))


def difference(one: Automaton, other: Automaton) -> tuple[int, ...] | None:
    """Return the shortest string, of one symbol or more, that two machines answer unlike, if any.

    Every pair of states that some string leads to is looked at: when all answer alike, so do the machines.
    """
    assert set(one.alphabet) == set(other.alphabet)
    met = {(one.start, other.start)}
    waiting = deque([((), one.start, other.start)])
    while waiting:
        string, p, q = waiting.popleft()
        for symbol in one.alphabet:
            after = (
                one.transitions[p][one.alphabet.index(symbol)],
                other.transitions[q][other.alphabet.index(symbol)],
            )
            if one.outputs[after[0]] != other.outputs[after[1]]:
                return (*string, symbol)
            if after not in met:
                met.add(after)
                waiting.append(((*string, symbol), *after))
    return None


def random_machine(random: np.random.Generator, states: int, symbols: int, classes: int) -> Automaton:
    leads = random.integers(0, states, (states, symbols))
    return Automaton(
        tuple(range(symbols)), int(random.integers(states)), leads, random.integers(0, classes, states)
    )


def network_of(machine: Automaton, *, classes: int, **options: Any) -> Network:
    """Return a relu network that is the machine: one unit for each pair of a state and the symbol read there.

    Unit (q, a) is relu(Σ units that lead to q + x_a - 1): 1 if q was the state and a is read, else 0. One
    more unit is 1 before the first symbol alone. All numbers are 0 and 1, so nothing is rounded.
    """
    states, symbols = np.array(machine.transitions).shape
    leads = np.array(machine.transitions).ravel()  # of the units
    network = Network(
        "elman",
        activation="relu",
        input_size=symbols,
        hidden_size=states * symbols + 1,
        output_size=classes,
        learn_initial_state=True,
        **options,
    )
    network.parameters.flat[:] = 0
    parts = {name: network.parameters[f"layers.0.{name}"] for name in ("U", "W", "b", "h0")}
    for unit in range(states * symbols):
        state, symbol = divmod(unit, symbols)
        parts["W"][unit, :-1] = leads == state
        parts["W"][unit, -1] = state == machine.start
        parts["U"][unit, symbol] = 1
        network.parameters["head.V"][machine.outputs[leads[unit]], unit] = 1
    parts["b"][:] = -1
    parts["h0"][-1] = 1
    return network


@dataclass(frozen=True)
class Fresh:
    """Strings drawn anew at every step, longer with time, and their answers: every symbol, or at the end."""

    machine: Automaton
    updates: int
    longest: int
    per_sequence: bool
    steps_per_epoch: int = 100

    def batches(self, seed: int = 0, step: int = 0) -> Iterator[Batch]:
        while True:
            random = np.random.default_rng([seed, step])
            steps = min(self.longest, 3 + self.longest * 5 * step // (4 * self.updates))
            strings = random.integers(0, len(self.machine.alphabet), (steps, 32))
            lengths, answers = None, self.machine.run(strings)
            if self.per_sequence:
                lengths = random.integers(1, steps + 1, 32)
                answers = answers[lengths - 1, range(32)]
            yield Batch(strings, answers, lengths, per_sequence=self.per_sequence)
            step += 1


def trained(
    machine: Automaton, cell: str, *, hidden_size: Any, updates: int, seed: int = 0, **options: Any
) -> Network:
    """Return a network that has learned to answer as the machine does."""
    network = Network(
        cell,
        input_size=len(machine.alphabet),
        hidden_size=hidden_size,
        output_size=max(machine.outputs) + 1,
        seed=seed,
        **{"layer_norm": True, **options},
    )
    data = Fresh(machine, updates, 20, per_sequence=network.spec.readout == "last")
    for _ in elman.train(network, data, steps=updates, learning_rate=5e-3, seed=seed):
        pass
    return network


def strings(symbols: int, steps: int, count: int, seed: int = 5) -> Array:
    return np.random.default_rng(seed).integers(0, symbols, (steps, count))
