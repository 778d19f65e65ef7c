"""Generating 20,000 characters: elman against the step loops of PyTorch, ONNX Runtime and NumPy.

python benchmarks/speed/generation.py [--write] [--rounds N]

The first symbols are drawn with the same numbers, and must be the same; then each draws as it likes.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from contextlib import ExitStack

import entries
import given
import harness
import numpy as np
import results
import streams
from entries import COMPILED, Entry
from harness import Block, Case

CASE = Case(65, 128, 1, 1)
HEAD = ["", "ms", "quartiles", "CPU ms", "characters/s", "takes … times as long"]
TORCH = "PyTorch, cell and Linear, torch.multinomial"
GOALS = {TORCH: 40}  # issue 4, the speed table
ALL = [
    Entry("elman.generate", 1, "elman", "stream_elman:generate", COMPILED),
    Entry("elman.generate, reference", 1, "", "stream_elman:generate_reference"),
    Entry("NumPy, textbook", 1, "", "stream_numpy:make"),
    Entry("ONNX Runtime, bound, drawn with NumPy", 1, "", "stream_onnx:bound", "onnxruntime"),
    Entry(TORCH, 1, "", "stream_torch:make", "torch"),
    Entry("PyTorch, by hand, torch.multinomial", 1, "", "stream_torch:by_hand", "torch"),
]


def measure(rounds: int) -> str:
    """Compare, then time; return the report."""
    tasks = CASE, given.parameters(CASE), given.symbols()[:1]
    with ExitStack() as stack:
        players = entries.start(stack, ALL, *tasks, play=streams.Writer)
        streams.check_texts(CASE, {e.name: player.answers() for e, player in players.items()})
        blocks = harness.contest(players, rounds)
    agreed = f"The first {streams.COMPARED} symbols, drawn with the same numbers, are the same."
    return f"V={CASE.vocabulary}, H={CASE.hidden_size}. {agreed}\n\n{report(blocks)}"


def report(blocks: Mapping[Entry, list[Block]]) -> str:
    """Return the table, and elman against the others."""
    times = {e: np.array([b.wall for b in blocks[e]]) for e in blocks}
    ours = next(iter(times.values()))
    rows = [
        [
            e.name,
            *results.quartiles(t * 1e3, 1),
            f"{np.median([b.cpu for b in blocks[e]]) * 1e3:.1f}",
            f"{streams.LENGTH / np.median(t):,.0f}",
            results.ratio(t / ours),
        ]
        for e, t in times.items()
    ]
    rows += [[f"{e.name}: no {e.needs} here", *"–" * (len(HEAD) - 1)] for e in ALL if e not in blocks]
    lines = [results.table(HEAD, rows)]
    for e, t in times.items():
        if e != ALL[0] and ALL[0] in times:
            said = results.asked(float(np.median(t / ours)), GOALS.get(e.name))
            lines.append(f"{ALL[0].name} against {e.name}: {results.ratio(t / ours)}{said}.")
    alone = [b.cpu / b.wall for e in blocks for b in blocks[e]]
    lines.append(f"They had {np.median(alone):.0%} of a core (a quiet machine: 100 %).")
    return "\n\n".join(lines)


def main() -> None:
    """Measure, print and, if asked, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the report into RESULTS.md")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    body = f"{results.machine()}\n\n{measure(options.rounds)}"
    print(body)
    if options.write:
        results.write("Generation", body)


if __name__ == "__main__":
    main()
