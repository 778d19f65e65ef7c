"""One step of a stream, batch 1: elman against ONNX Runtime, PyTorch, JAX and NumPy; and against the caches.

python benchmarks/speed/streaming.py [--cell elman|gru|lstm] [--write] [--rounds N] [--hidden H ...]
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

import entries
import given
import harness
import numpy as np
import results
import streams
from entries import COMPILED, COMPILER, Entry
from harness import Block, Case
from numpy.typing import NDArray
from rivals.bandwidth import bytes_read

Floats = NDArray[np.float64]

HEAD = ["", "µs a symbol", "quartiles", "CPU µs", "takes … times as long"]
TITLES = {"elman": "Streaming", "gru": "Streaming, GRU", "lstm": "Streaming, LSTM"}
SIZES = (64, 128, 256)
LONGEST = 20_000  # symbols
ONNX, TORCH = "ONNX Runtime", "PyTorch"
ABOVE, CACHE = 0.2, 1.3  # issue 4: µs of a step above the time inside `run`; times what the caches allow
GOALS = {  # issue 4, the speed table
    ("elman", 64): {ONNX: 30, TORCH: 80},
    ("elman", 128): {ONNX: 20, TORCH: 45},
    ("elman", 256): {ONNX: 9, TORCH: 20},
}
STEP = Entry("elman stream.step", 1, "elman", "stream_elman:step", COMPILED)
RUN = Entry("elman stream.run, 1,000 at once", 1, "", "stream_elman:run", COMPILED)
READ = Entry("elman stream.read, hidden only, 20,000 at once", 1, "", "stream_elman:read", COMPILED)
CALL = Entry("elman stream.step, H=1 and V=2", 1, "", "stream_elman:call", COMPILED)
BANDWIDTH = Entry("reading W and a row of Uᵀ, in C", 1, "", "bandwidth:make", COMPILER)
RIVALS = [
    Entry("elman stream.step, reference", 1, "", "stream_elman:step_reference"),
    Entry("NumPy, textbook", 1, "", "stream_numpy:make"),
    Entry("ONNX Runtime, session.run", 1, ONNX, "stream_onnx:make", "onnxruntime"),
    Entry("ONNX Runtime, bound", 1, "", "stream_onnx:bound", "onnxruntime"),
    Entry("PyTorch, cell and Linear", 1, TORCH, "stream_torch:make", "torch"),
    Entry("PyTorch, by hand", 1, "", "stream_torch:by_hand", "torch", ("elman",)),
    Entry("TorchScript, frozen", 1, "", "stream_torch:frozen", "torch"),
    Entry("JAX jit", 1, "", "stream_jax:make", "jax"),
]
ALL = (STEP, RUN, CALL, READ, BANDWIDTH, *RIVALS)


def measure(case: Case, rounds: int) -> str:
    """Compare, then time; return the part of the report for one case."""
    tasks = case, given.parameters(case), given.symbols()[:LONGEST]
    with ExitStack() as stack:
        players = entries.start(stack, rows_of(case), *tasks, play=streams.Walker)
        answers = {e.label: p.answers() for e, p in players.items() if e not in (CALL, BANDWIDTH)}
        worst = streams.check_probabilities(case, answers)
        if BANDWIDTH in players and not np.array_equal(*players[BANDWIDTH].answers()):
            raise harness.Disagreement(f"{case}: the yardstick has not read all of its memory")
        blocks = harness.contest(players, rounds)
    return (
        f"### V={case.vocabulary}, H={case.hidden_size}\n\nLargest difference of a probability over the "
        f"first {streams.COMPARED} symbols: {worst:.0e}.\n\n{report(case, blocks)}\n"
    )


def rows_of(case: Case) -> list[Entry]:
    """Return the rows of the table for this cell, installed or not."""
    return [e for e in ALL if case.cell in e.cells]


def report(case: Case, blocks: Mapping[Entry, list[Block]]) -> str:
    """Return the table, and what elman's step and read are measured by."""
    times = {e: np.array([b.wall for b in blocks[e]]) * 1e6 for e in blocks}
    ours = times[STEP if STEP in times else RIVALS[0]]
    rows = [_row(e, t, blocks[e], t / ours) for e, t in times.items()]
    rows += [
        [f"{e.name}: no {e.needs} here", *"–" * (len(HEAD) - 1)] for e in rows_of(case) if e not in blocks
    ]
    alone = [b.cpu / b.wall for e in blocks for b in blocks[e]]
    lines = [
        results.table(HEAD, rows),
        *(_verdicts(case, times) if STEP in times else []),
        f"Rivals had {np.median(alone):.0%} of a core, in the worst tenth of the blocks "
        f"{np.quantile(alone, 0.1):.0%} (a quiet machine: 100 %).",
    ]
    return "\n\n".join(lines)


def _row(e: Entry, times: Floats, blocks: list[Block], ratio: Floats) -> list[str]:
    cpu, digits = np.median([b.cpu for b in blocks]) * 1e6, 1 if np.median(times) >= 10 else 3
    return [e.name, *results.quartiles(times, digits), f"{cpu:.{digits}f}", results.ratio(ratio)]


def _verdicts(case: Case, times: Mapping[Entry, Floats]) -> list[str]:
    goals = GOALS.get((case.cell, case.hidden_size), {})
    above = float(np.median(times[STEP] - times[RUN]))
    call = np.median(times[CALL])
    lines = [
        f"A step above a symbol of a run: {above:.3f} µs{results.asked(above, ABOVE, most=True)}. "
        f"A call that computes next to nothing takes {call:.3f} µs; the rest is the product with V, which a "
        "run does for many rows at once."
    ]
    if BANDWIDTH in times:
        size, share = bytes_read(case), times[READ] / times[BANDWIDTH]
        lines.append(
            f"Hidden only against what the caches allow ({size:,} bytes a step at "
            f"{size / np.median(times[BANDWIDTH]) / 1e3:.0f} GB/s): {results.ratio(share)}"
            f"{results.asked(float(np.median(share)), CACHE, most=True)}."
        )
    for e in RIVALS:
        if e in times:
            ratio = times[e] / times[STEP]
            said = results.asked(float(np.median(ratio)), goals.get(e.family))
            lines.append(f"elman stream.step against {e.name}: {results.ratio(ratio)}{said}.")
    return lines


if __name__ == "__main__":
    streams.over_sizes(__doc__.splitlines()[0], SIZES, measure, TITLES)
