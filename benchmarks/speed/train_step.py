"""Whole training steps: elman against careful NumPy, PyTorch and JAX, in one alternating run.

python benchmarks/speed/train_step.py [--cell elman|gru|lstm] [--write] [--rounds N] [--case H,B,T ...]
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import harness
import numpy as np
import processes
import results
from harness import GATES, Block, Case
from numpy.typing import NDArray
from rivals.product import FLOP

from elman import Network
from elman.data import Streams, shakespeare

Floats = NDArray[np.float64]

BATCHES = 40  # different ones that a run goes round
HEAD = ["", "ms a step", "quartiles", "CPU ms", "symbols/ms", "of product's rate", "elman is faster by"]
TITLES = {"elman": "Training steps", "gru": "Training steps, GRU", "lstm": "Training steps, LSTM"}
SIZES = ("128,32,64", "256,32,64", "64,1,64")  # H, B, T; the first is the case that the goals name


@dataclass(frozen=True)
class Entry:
    """A row of the table."""

    name: str
    threads: int | None  # None: the rival decides
    family: str
    make: str
    needs: str = "numpy"
    cells: tuple[str, ...] = tuple(GATES)

    @property
    def label(self) -> str:
        """The name with its BLAS threads."""
        return (
            self.name
            if self.threads is None
            else f"{self.name}, {self.threads} thread{'s' * (self.threads > 1)}"
        )


ELMAN, NUMPY, TUNED, TORCH, JAX = "elman", "careful NumPy", "tuned NumPy", "PyTorch", "JAX"
LAYERS = {"elman": "nn.RNN", "gru": "nn.GRU", "lstm": "nn.LSTM"}
COUNTS = (1, 2)
YARDSTICK = [Entry("large product", n, "", "product:make") for n in COUNTS]
RIVALS = [
    Entry("elman.train", None, ELMAN, "elman_train:make"),
    *(Entry("careful NumPy", n, NUMPY, "numpy_careful:make") for n in COUNTS),
    *(Entry("tuned NumPy", n, TUNED, "numpy_tuned:make", cells=("elman",)) for n in COUNTS),
    *(
        Entry(f"PyTorch {layer}", n, TORCH, "torch_rnn:make", "torch", (cell,))
        for cell, layer in LAYERS.items()
        for n in COUNTS
    ),
    *(Entry("PyTorch, own loop", n, TORCH, "torch_rnn:make_by_hand", "torch", ("elman",)) for n in COUNTS),
    *(Entry("JAX lax.scan", n, JAX, "jax_scan:make", "jax") for n in COUNTS),
]


def measure(case: Case, rounds: int) -> str:
    """Compare, then time; return the part of the report for one case."""
    batches = text_batches(case)
    sizes = {"input_size": case.vocabulary, "output_size": case.vocabulary}
    flat = Network(case.cell, hidden_size=case.hidden_size, seed=0, **sizes).parameters.flat
    entries = [e for e in (*YARDSTICK, *rivals(case)) if results.version(e.needs)]
    with ExitStack() as stack:
        players = {
            e: stack.enter_context(processes.start(e.make, e.threads, case, flat, batches)) for e in entries
        }
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


def text_batches(case: Case) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return the first batches of Tiny Shakespeare, 65 characters."""
    characters = np.frombuffer(shakespeare.text().encode("ascii"), np.uint8)
    symbols = np.unique(characters, return_inverse=True)[1]
    stream = Streams(symbols, case.batch_size, case.seq_length).batches()
    return [(batch.x, batch.targets) for batch, _ in zip(stream, range(BATCHES), strict=False)]


def report(case: Case, blocks: Mapping[Entry, list[Block]]) -> str:
    """Return the table, elman against the best of each family, and how busy the machine was."""
    wall = {e: np.array([b.wall for b in blocks[e]]) for e in blocks}
    rates = {e: FLOP / wall[e] for e in YARDSTICK}
    ours = next(e for e in blocks if e.family == ELMAN)
    ceiling = np.maximum(*rates.values())
    rows = [_row(e, case, blocks[e], wall[ours], ceiling) for e in blocks if e.family]
    families = list(dict.fromkeys(e.family for e in rivals(case) if e.family != ELMAN))
    absent = {e.name: e.needs for e in rivals(case) if e not in blocks}
    rows += [[f"{name}: no {needs} here", *"–" * (len(HEAD) - 1)] for name, needs in absent.items()]
    product = ", ".join(f"{np.median(r) / 1e9:.0f} on {e.threads}" for e, r in rates.items())
    alone = [b.cpu / b.wall for e in blocks if e.threads == 1 for b in blocks[e]]
    lines = [
        results.table(HEAD, rows),
        f"The machine's own large product, GFLOP/s by threads: {product}.",
        *(_verdict(family, wall, ours) for family in families),
        f"Rivals on one thread had {np.median(alone):.0%} of a core, in the worst tenth of the blocks "
        f"{np.quantile(alone, 0.1):.0%} (a quiet machine: 100 %).",
    ]
    return "\n\n".join(lines) + "\n"


def _row(e: Entry, case: Case, blocks: list[Block], ours: Floats, ceiling: Floats) -> list[str]:
    wall, cpu = (np.array([getattr(b, clock) for b in blocks]) for clock in ("wall", "cpu"))
    low, middle, high = np.quantile(wall, (0.25, 0.5, 0.75)) * 1e3
    return [
        e.label,
        f"{middle:.2f}",
        f"{low:.2f}-{high:.2f}",
        f"{np.median(cpu) * 1e3:.2f}",
        f"{case.batch_size * case.seq_length / middle:.0f}",
        f"{np.median(case.flop / wall / ceiling):.2f}",
        "" if e.family == ELMAN else _quartiles(wall / ours),
    ]


def _verdict(family: str, wall: Mapping[Entry, Floats], ours: Entry) -> str:
    members = [e for e in wall if e.family == family]
    if not members:
        return f"elman against {family}: not installed, not measured."
    best = min(members, key=lambda e: float(np.median(wall[e])))
    return f"elman against {family} (best: {best.label}): {_quartiles(wall[best] / wall[ours])}."


def _quartiles(ratio: Floats) -> str:
    low, middle, high = np.quantile(ratio, (0.25, 0.5, 0.75))
    return f"{middle:.2f} × [{low:.2f}-{high:.2f}]"


def main() -> None:
    """Run the cases one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cell", choices=GATES, default="elman")
    parser.add_argument("--write", action="store_true", help="put the report into RESULTS.md")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--case", nargs="+", default=SIZES, metavar="H,B,T")
    options = parser.parse_args()
    cases = [Case(65, *map(int, sizes.split(",")), cell=options.cell) for sizes in options.case]
    parts = [measure(case, options.rounds) for case in cases]
    body = f"{results.machine()}\n\n" + "\n".join(parts)
    print(body)
    if options.write:
        results.write(TITLES[options.cell], body)


if __name__ == "__main__":
    main()
