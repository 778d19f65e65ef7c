"""Time of a training step against T, B, H and the number of threads; on paper, and as measured.

    python benchmarks/speed/scaling.py [--write] [--rounds N]

On paper: the operations of a step at the rate of one large product, measured in the same run with as many
threads. All numbers of threads must give the same bits before a time is told. --write draws a plot, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import given
import harness
import numpy as np
import plot
import processes
import results
from harness import Answers, Case, Disagreement, Player
from plot import Line, Panel
from rivals.product import FLOP

from elman.engines.cores import threads

PICTURE = results.HERE.parents[1] / "docs/images/scaling.svg"
CASE = Case(65, 128, 32, 64)
AXES = {
    "T": [replace(CASE, seq_length=2**k) for k in range(3, 11)],
    "B": [replace(CASE, batch_size=2**k) for k in range(9)],
    "H": [replace(CASE, hidden_size=2**k) for k in range(5, 11)],
}
FIELDS = {"T": "seq_length", "B": "batch_size", "H": "hidden_size"}
WIDE = [CASE, Case(65, 256, 32, 64), Case(65, 512, 64, 64)]  # against the number of threads
BATCHES = 4
HEAD = ["", "threads", "ms a step", "quartiles", "ms on paper", "paper / measured"]

Times = Mapping[tuple[Case, int], Any]  # ms, "2 rounds": as measured, on paper


def measure(cases: Sequence[Case], counts: Sequence[int], rounds: int) -> Times:
    """Time each case on each number of threads, all in one alternating run."""
    with ExitStack() as stack:
        products = {n: stack.enter_context(_start("product:make", CASE, n)) for n in counts}
        ours = {
            (case, n): stack.enter_context(_start("elman_train:compiled", case, n))
            for case in cases
            for n in counts
        }
        for case in cases:
            check(case, {n: ours[case, n].answers() for n in counts})
        blocks = harness.contest({**products, **ours}, rounds)
    wall = {key: np.array([b.wall for b in rows]) * 1e3 for key, rows in blocks.items()}
    return {key: np.array([wall[key], key[0].flop / FLOP * wall[key[1]]]) for key in ours}


def _start(rival: str, case: Case, count: int) -> Any:
    tasks = case, given.parameters(case), given.batches(case)[:BATCHES]
    return processes.start(rival, count, *tasks, play=Player)


def check(case: Case, answers: Mapping[int, Answers]) -> None:
    """Raise Disagreement when two numbers of threads do not give the same bits."""
    (first, expected), *others = answers.items()
    for count, got in others:
        same = got.losses == expected.losses and all(
            got.tensors[kind].tobytes() == tensor.tobytes() for kind, tensor in expected.tensors.items()
        )
        if not same:
            raise Disagreement(f"{case}: other bits on {count} threads than on {first}")


def rows(name: str, field: str, times: Times) -> list[list[str]]:
    """Return the rows of the table."""
    return [
        [
            f"{name}={getattr(case, field)}",
            f"{count}",
            *results.quartiles(measured),
            f"{np.median(paper):.2f}",
            f"{np.median(paper / measured):.2f}",
        ]
        for (case, count), (measured, paper) in times.items()
    ]


def panel(name: str, times: Times) -> Panel:
    """Return the chart: ms against T, B or H."""
    lines = []
    for color, count in enumerate(dict.fromkeys(n for _, n in times)):
        mine = {getattr(case, FIELDS[name]): t for (case, n), t in times.items() if n == count}
        measured, paper = np.median(list(mine.values()), axis=2).T
        label = f"{count} thread{'s' * (count > 1)}"
        lines += [Line(label, [*mine], measured, color), Line("on paper", [*mine], paper, color, True)]
    others = ", ".join(f"{k}={getattr(CASE, field)}" for k, field in FIELDS.items() if k != name)
    return Panel(f"Time against {name}", f"{name}  ({others})", "ms a training step", lines)


def speedups(times: Times, counts: Iterable[int]) -> Panel:
    """Return the chart: how many times as fast as on one thread."""
    lines = []
    for color, case in enumerate(WIDE):
        measured = {n: np.median(times[case, 1][0] / times[case, n][0]) for n in counts}
        lines.append(Line(f"H={case.hidden_size}", [*measured], [*measured.values()], color))
    product = {n: np.median(times[CASE, 1][1] / times[CASE, n][1]) for n in counts}
    lines.append(Line("product", [*product], [*product.values()], len(WIDE), True))
    return Panel("Threads", "threads", "times as fast as on one thread", lines)


def main() -> None:
    """Measure, print and, if asked, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put report and plot into their places")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    most = threads()
    ends, counts = sorted({1, most}), sorted({*(2**k for k in range(10) if 2**k < most), most})
    tables, panels = [], []
    for name, field in FIELDS.items():
        times = measure(AXES[name], ends, options.rounds)
        tables.append(results.table(HEAD, rows(name, field, times)))
        panels.append(panel(name, times))
    times = measure(WIDE, counts, options.rounds)
    tables.append(results.table(HEAD, rows("H", "hidden_size", times)))
    panels.append(speedups(times, counts))
    body = (
        f"{results.machine()}\n\nelman.train, compiled, tanh; V=65, T=64, B=32, H=128 unless said; in the "
        f"last table B=64 with H=512.\n\n" + "\n\n".join(tables)
    )
    print(body)
    if options.write:
        results.write("Scaling", body)
        PICTURE.write_text(plot.svg(panels), "utf-8")


if __name__ == "__main__":
    main()
