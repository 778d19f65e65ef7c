"""Whole training steps: elman against careful NumPy, PyTorch and JAX, in one alternating run.

python benchmarks/speed/train_step.py [--cell elman|gru|lstm] [--write] [--rounds N] [--case H,B,T ...]
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
from entries import COMPILED, Entry
from harness import GATES, Block, Case
from numpy.typing import NDArray
from rivals.product import FLOP

Floats = NDArray[np.float64]

HEAD = ["", "ms a step", "quartiles", "CPU ms", "symbols/ms", "of product's rate", "takes … times as long"]
TITLES = {"elman": "Training steps", "gru": "Training steps, GRU", "lstm": "Training steps, LSTM"}
WITH_GATES = ("128,32,64", "256,32,64")
SIZES = {"elman": (*WITH_GATES, "512,64,64", "64,1,64"), "gru": WITH_GATES, "lstm": WITH_GATES}  # H, B, T

ELMAN, REFERENCE, NUMPY, TUNED = "elman", "the reference engine", "careful NumPy", "tuned NumPy"
TORCH, OWN_LOOP, JAX = "PyTorch", "PyTorch, own loop", "JAX"
LAYERS = {"elman": "nn.RNN", "gru": "nn.GRU", "lstm": "nn.LSTM"}
COUNTS = (1, 2)
RATE = "product's rate"
GOALS = {  # issue 4, the speed table
    ("elman", 128, 32): {TORCH: 6, JAX: 3.5, RATE: 0.65},
    ("elman", 256, 32): {TORCH: 2.7, JAX: 3.3, RATE: 0.70},
    ("elman", 512, 64): {TORCH: 1.7, JAX: 1.7, RATE: 0.75},
    ("elman", 64, 1): {TORCH: 30, JAX: 5},
    ("gru", 128, 32): {TORCH: 5, JAX: 5, RATE: 0.60},
    ("gru", 256, 32): {TORCH: 2.7, JAX: 4, RATE: 0.60},
    ("lstm", 128, 32): {TORCH: 2.2, JAX: 4, RATE: 0.60},
    ("lstm", 256, 32): {TORCH: 1.4, JAX: 3, RATE: 0.60},
}
YARDSTICK = [Entry("large product", n, "", "product:make") for n in COUNTS]
RIVALS = [
    *(Entry("elman.train", n, ELMAN, "elman_train:compiled", COMPILED) for n in COUNTS),
    Entry("elman.train, reference", None, REFERENCE, "elman_train:reference"),
    *(Entry("careful NumPy", n, NUMPY, "numpy_careful:make") for n in COUNTS),
    *(Entry("tuned NumPy", n, TUNED, "numpy_tuned:make", cells=("elman",)) for n in COUNTS),
    *(
        Entry(f"PyTorch {layer}", n, TORCH, "torch_rnn:make", "torch", (cell,))
        for cell, layer in LAYERS.items()
        for n in COUNTS
    ),
    *(Entry("PyTorch, own loop", n, OWN_LOOP, "torch_rnn:make_by_hand", "torch", ("elman",)) for n in COUNTS),
    *(Entry("JAX lax.scan", n, JAX, "jax_scan:make", "jax") for n in COUNTS),
]


def measure(case: Case, rounds: int) -> str:
    """Compare, then time; return the part of the report for one case."""
    tasks = case, given.parameters(case), given.batches(case)
    with ExitStack() as stack:
        players = entries.start(stack, (*YARDSTICK, *rivals(case)), *tasks, play=harness.Player)
        answers = {e.label: player.answers() for e, player in players.items() if e.family}
        errors = harness.check(case, answers)
        blocks = harness.contest(players, rounds)
    agreed = ", ".join(f"{kind} {error:.0e}" for kind, error in errors.items())
    return f"### {case}\n\nLargest differences after {harness.COMPARED} steps: {agreed}.\n\n" + report(
        case, blocks
    )


def rivals(case: Case) -> list[Entry]:
    """Return the rows of the table for this cell, installed or not."""
    return [e for e in RIVALS if case.cell in e.cells]


def report(case: Case, blocks: Mapping[Entry, list[Block]]) -> str:
    """Return the table, elman against the best of each family, and how busy the machine was."""
    wall = {e: np.array([b.wall for b in blocks[e]]) for e in blocks}
    rates = {e.threads: FLOP / wall[e] for e in YARDSTICK}
    fractions = {
        e: case.flop / wall[e] / rates.get(e.threads, np.maximum(*rates.values())) for e in blocks if e.family
    }
    ours = [e for e in blocks if e.family == ELMAN] or [e for e in blocks if e.family == REFERENCE]
    rows = [_row(e, case, blocks[e], fractions[e], wall[ours[-1]]) for e in fractions]
    absent = {e.name: e.needs for e in rivals(case) if e not in blocks}
    rows += [[f"{name}: no {needs} here", *"–" * (len(HEAD) - 1)] for name, needs in absent.items()]
    product = ", ".join(f"{np.median(r) / 1e9:.0f} on {n}" for n, r in rates.items())
    alone = [b.cpu / b.wall for e in blocks if e.threads == 1 for b in blocks[e]]
    lines = [
        results.table(HEAD, rows),
        f"The machine's own large product, GFLOP/s by threads: {product}.",
        *_verdicts(case, wall, fractions, ours[-1]),
        f"Rivals on one thread had {np.median(alone):.0%} of a core, in the worst tenth of the blocks "
        f"{np.quantile(alone, 0.1):.0%} (a quiet machine: 100 %).",
    ]
    return "\n\n".join(lines) + "\n"


def _row(e: Entry, case: Case, blocks: list[Block], fraction: Floats, ours: Floats) -> list[str]:
    wall, cpu = (np.array([getattr(b, clock) for b in blocks]) for clock in ("wall", "cpu"))
    return [
        e.label,
        *results.quartiles(wall * 1e3),
        f"{np.median(cpu) * 1e3:.2f}",
        f"{case.batch_size * case.seq_length / np.median(wall) / 1e3:.0f}",
        f"{np.median(fraction):.2f}",
        results.ratio(wall / ours),
    ]


def _verdicts(
    case: Case, wall: Mapping[Entry, Floats], fractions: Mapping[Entry, Floats], ours: Entry
) -> list[str]:
    goals = GOALS.get((case.cell, case.hidden_size, case.batch_size), {}) if ours.family == ELMAN else {}
    share = np.median(fractions[ours])
    lines = [f"{ours.label}: {share:.2f} of the product's rate{results.asked(share, goals.get(RATE))}."]
    for family in dict.fromkeys(e.family for e in fractions if e.family != ours.family):
        best = min((e for e in wall if e.family == family), key=lambda e: np.median(wall[e]))
        times = wall[best] / wall[ours]
        goal, reached = goals.get(family), np.median(times)
        said = results.asked(reached, goal)
        if goal is not None and reached < goal:
            said += f"; that would be {share * goal / reached:.2f} of the product's rate"
        lines.append(f"{ours.label} against {family} (best: {best.label}): {results.ratio(times)}{said}.")
    return lines


def main() -> None:
    """Run the cases one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cell", choices=GATES, default="elman")
    parser.add_argument("--write", action="store_true", help="put the report into RESULTS.md")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--case", nargs="+", metavar="H,B,T")
    options = parser.parse_args()
    sizes = options.case or SIZES[options.cell]
    cases = [Case(65, *map(int, size.split(",")), cell=options.cell) for size in sizes]
    parts = [measure(case, options.rounds) for case in cases]
    body = f"{results.machine()}\n\n" + "\n".join(parts)
    print(body)
    if options.write:
        results.write(TITLES[options.cell], body)


if __name__ == "__main__":
    main()
