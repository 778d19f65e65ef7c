"""Players of streaming: one symbol after the other, a batch of one; and what they must agree on."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import results
from harness import BLOCK, GATES, Array, Block, Case, Disagreement

from elman.numerics import generator

COMPARED = 200  # symbols
TOLERANCE = 1e-5  # of a probability; largest seen: 2e-6
PIECE = 1000  # symbols, unless the rival says otherwise
LENGTH = 20_000  # of what is generated
SEED = 1


class Walker:
    """Reads a text; the rival has `step(symbol)`, or `walk(symbols)` and `outputs(symbols)`."""

    def __init__(self, rival: Any, symbols: Array) -> None:
        piece = symbols[: getattr(rival, "piece", PIECE)]
        self._rival, self._first, self._pieces = rival, symbols[:COMPARED], 0
        self._piece: Any = piece.tolist() if hasattr(rival, "step") else piece

    def answers(self) -> Array:
        """Return the probabilities after the first symbols, or after the last of them only: "T V"."""
        if not hasattr(self._rival, "step"):
            return np.asarray(self._rival.outputs(self._first))
        return np.array([np.array(self._rival.step(symbol)).ravel() for symbol in self._first.tolist()])

    def block(self) -> Block:
        """Read for about BLOCK seconds; return the time of one symbol."""
        if not self._pieces:
            self._take(1)
            self._pieces = max(1, round(BLOCK / (self._take(1).wall * len(self._piece))))
        return self._take(self._pieces)

    def _take(self, pieces: int) -> Block:
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(pieces):
            self._read()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        count = pieces * len(self._piece)
        return Block(wall / count, cpu / count)

    def _read(self) -> None:
        if not hasattr(self._rival, "step"):
            self._rival.walk(self._piece)
            return
        step = self._rival.step
        for symbol in self._piece:
            step(symbol)


class Writer:
    """Generates a text; the rival has `step(symbol)`, perhaps `draw(probabilities)`, or `write`."""

    def __init__(self, rival: Any, symbols: Array) -> None:
        self._rival, self._first = rival, int(symbols[0])
        self._random = np.random.default_rng(SEED)

    def answers(self) -> list[int]:
        """Return the first symbols, all drawn with the same numbers."""
        if hasattr(self._rival, "write"):
            return list(self._rival.write(self._first, COMPARED, SEED))
        random = generator(SEED, "sampling")
        return list(self._write(COMPARED, lambda p: inverse(np.asarray(p).ravel(), random)))

    def block(self) -> Block:
        """Generate LENGTH symbols, drawn as the rival likes; return the time of all."""
        cpu, wall = time.process_time(), time.perf_counter()
        if hasattr(self._rival, "write"):
            self._rival.write(self._first, LENGTH, SEED)
        else:
            own = getattr(self._rival, "draw", lambda p: inverse(p.ravel(), self._random))
            list(self._write(LENGTH, own))
        return Block(time.perf_counter() - wall, time.process_time() - cpu)

    def _write(self, length: int, draw: Any) -> Iterator[int]:
        symbol, step = self._first, self._rival.step
        for _ in range(length):
            symbol = draw(step(symbol))
            yield symbol


def inverse(p: Array, random: np.random.Generator) -> int:
    """Draw by the inverse cumulative distribution, in float64."""
    cumulative = np.add.accumulate(p, dtype=np.float64)
    return int(cumulative.searchsorted(random.random() * cumulative[-1], side="right"))


def check_probabilities(case: Case, answers: Mapping[str, Array]) -> float:
    """Return the largest difference; raise Disagreement when one is beyond TOLERANCE."""
    (first, expected), *others = answers.items()
    worst = 0.0
    for name, got in others:
        error = float(np.abs(got - expected[-len(got) :]).max())
        if not error <= TOLERANCE:  # NaN, too
            raise Disagreement(f"{case}: probabilities of {name} differ from {first} by {error:.1e}")
        worst = max(worst, error)
    return worst


def check_texts(case: Case, answers: Mapping[str, list[int]]) -> None:
    """Raise Disagreement when two texts differ."""
    (first, expected), *others = answers.items()
    for name, got in others:
        if got != expected:
            at = next(k for k, (a, b) in enumerate(zip(got, expected, strict=True)) if a != b)
            raise Disagreement(f"{case}: {name} writes another symbol than {first}, the {at + 1}th")


def over_sizes(
    words: str, sizes: Sequence[int], measure: Callable[[Case, int], str], titles: Mapping[str, str]
) -> None:
    """Measure one hidden size after the other as the command line says; print the report, and write it."""
    parser = argparse.ArgumentParser(description=words)
    parser.add_argument("--cell", choices=GATES, default="elman")
    parser.add_argument("--write", action="store_true", help="put the report into RESULTS.md")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--hidden", nargs="+", type=int, default=sizes)
    options = parser.parse_args()
    cases = [Case(65, hidden, 1, 1, options.cell) for hidden in options.hidden]
    parts = [measure(case, options.rounds) for case in cases]
    body = f"{results.machine()}\n\n" + "\n".join(parts)
    print(body)
    if options.write:
        results.write(titles[options.cell], body)
