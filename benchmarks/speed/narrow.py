"""Streams of narrow weights, batch 1: float32, bfloat16 and int8 beside each other.

python benchmarks/speed/narrow.py [--cell elman|gru|lstm] [--write] [--rounds N] [--hidden H ...]

What each says is first compared with a plain stream of the weights that its numbers stand for.
"""

from __future__ import annotations

from collections.abc import Mapping

import given
import harness
import numpy as np
import results
import streams
from harness import Array, Block, Case
from rivals.stream_elman import network

from elman import Network

SIZES = (64, 128, 256, 512, 1024)
STORAGES = {"float32": 4, "bfloat16": 2, "int8": 1}  # bytes of a weight
HEAD = ["", "KiB of U, W, V", *("step, µs", "quartiles", "as fast"), *("run, µs", "quartiles", "as fast")]
TITLES = {"elman": "Narrow weights", "gru": "Narrow weights, GRU", "lstm": "Narrow weights, LSTM"}
LONGEST = 20_000  # symbols
Way = tuple[str, str]  # a storage, and "step" or "run"


class Step:
    """Once a symbol, from Python."""

    def __init__(self, of: Network, weights: str) -> None:
        self.step = of.stream(weights=weights).step


class Run:
    """Many symbols in one call, with all outputs."""

    def __init__(self, of: Network, weights: str) -> None:
        self.walk = self.outputs = of.stream(weights=weights).run


def measure(case: Case, rounds: int) -> str:
    """Compare, then time; return the part of the report for one size."""
    made = network(case, given.parameters(case), "native")
    made = Network.from_spec(made.spec, made.parameters.flat, engine="native", threads=1)
    text = given.symbols()[:LONGEST]
    players: dict[Way, streams.Walker] = {
        (storage, way): streams.Walker(rival(made, storage), text)
        for storage in STORAGES
        for way, rival in {"step": Step, "run": Run}.items()
    }
    worst = check(case, made, {way: player.answers() for way, player in players.items()}, text)
    times = {way: wall(blocks) for way, blocks in harness.contest(players, rounds).items()}
    rows = [row(case, storage, size, times) for storage, size in STORAGES.items()]
    return (
        f"### V={case.vocabulary}, H={case.hidden_size}\n\nLargest difference of a probability over the "
        f"first {streams.COMPARED} symbols: {worst:.0e}.\n\n{results.table(HEAD, rows)}\n"
    )


def check(case: Case, made: Network, answers: Mapping[Way, Array], text: Array) -> float:
    """Return the largest difference from plain streams of such weights; raise Disagreement at a large one."""
    worst, first = 0.0, text[: streams.COMPARED]
    for storage in STORAGES:
        flat = made.narrowed(storage).parameters.flat
        expected = Network.from_spec(made.spec, flat, engine="reference").stream().run(first)
        ours = {f"{storage}, {way}": a for (other, way), a in answers.items() if other == storage}
        worst = max(worst, streams.check_probabilities(case, {"such weights in NumPy": expected, **ours}))
    return worst


def wall(blocks: list[Block]) -> Array:
    """Return the times in µs."""
    return np.array([block.wall for block in blocks]) * 1e6


def row(case: Case, storage: str, size: int, times: Mapping[Way, Array]) -> list[str]:
    """Return what one storage takes, and against float32."""
    matrices = sum(shape[0] * shape[1] for shape in case.shapes.values() if len(shape) == 2)
    cells = [storage, f"{matrices * size / 1024:,.0f}"]
    for way in ("step", "run"):
        ours = times[storage, way]
        digits = 1 if np.median(ours) >= 10 else 3
        cells += [*results.quartiles(ours, digits), results.ratio(times["float32", way] / ours)]
    return cells


if __name__ == "__main__":
    streams.over_sizes(__doc__.splitlines()[0], SIZES, measure, TITLES)
