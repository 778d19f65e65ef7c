"""One step of the exported C: beside our own stream, and beside what RTNeural has published.

python benchmarks/speed/exported_c.py [--write] [--rounds N] [--hidden H ...]
"""

from __future__ import annotations

import argparse
import ctypes
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import given
import harness
import numpy as np
import results
from harness import Block, Case
from numpy.typing import NDArray

from elman import Network
from elman.interop.c import Size, to_c

Array = NDArray[Any]

TITLE = "Exported C"
COMPARED, STEPS = 200, 2_000
BOUND = 2e-5  # of an output; 200 steps, and a product and a sum rounded apart without -mfma
CASES = (("elman", 128), ("gru", 128), ("lstm", 128))  # 65 symbols in and out
AUDIO = (4, 8, 16, 32, 64)  # as many inputs as units, and no head: what RTNeural measured
# RTNeural-compare, results/bench_xsimd.txt and bench_eigen.txt: the compile-time API in float32 on an Intel
# Core i7-8700B (3.2 GHz, Mac mini of 2018), as multiples of real time at 48 kHz: (xsimd, Eigen).
PUBLISHED = {
    "gru": {
        4: (338.235, 318.447),
        8: (197.464, 143.009),
        16: (95.0668, 77.9491),
        32: (27.3128, 28.3047),
        64: (7.93554, 8.67334),
    },
    "lstm": {
        4: (225.362, 268.333),
        8: (131.971, 140.329),
        16: (62.7956, 65.0119),
        32: (20.1244, 23.5605),
        64: (6.30623, 6.4602),
    },
}
RATE = 48_000
FLAGS = {
    "C, -O3 -march=native -fno-trapping-math": ["-O3", "-march=native", "-fno-trapping-math"],
    "C, -O2": ["-O2"],
}
WALK = """
#include "model.h"
static float last[model_outputs];
void walk(const INPUT, long steps, float *y)
{
    static model_state state;
    long t;
    model_init(&state SEED);
    for (t = 0; t < steps; t++) {
        model_step(&state, READ, y ? y + t * model_outputs : last);
        __asm__ volatile("" ::: "memory");
    }
}
"""


class Walker:
    """Takes a block of steps; a library made of the exported C, or the stream."""

    def __init__(self, walk: Any, steps: int) -> None:
        self._walk, self._steps, self._times = walk, steps, 0

    def block(self) -> Block:
        """Step for about BLOCK seconds; return the time of one step."""
        if not self._times:
            self._take(1)
            self._times = max(1, round(harness.BLOCK / (self._take(2).wall * self._steps)))
        return self._take(self._times)

    def _take(self, times: int) -> Block:
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(times):
            self._walk()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return Block(wall / times / self._steps, cpu / times / self._steps)


@dataclass(frozen=True)
class Library:
    """The exported C of a network with a loop around it, compiled."""

    call: Any
    x: Array
    outputs: int
    size: Size
    text: int  # bytes of code and constants

    def outputs_of(self, steps: int) -> Array:
        """Return y of the first steps."""
        y = np.zeros((steps, self.outputs), np.float32)
        self._walk(steps, y.ctypes.data)
        return y

    def walk(self) -> None:
        """Take all steps."""
        self._walk(len(self.x), None)

    def _walk(self, steps: int, y: int | None) -> None:
        self.call(ctypes.c_void_p(self.x.ctypes.data), ctypes.c_long(steps), ctypes.c_void_p(y))


def build(folder: Path, network: Network, x: Array, weights: str, flags: list[str]) -> Library:
    """Export, compile, load."""
    source, header, size = to_c(network, name="model", weights=weights)
    (folder / "model.h").write_text(header, "utf-8")
    symbols = x.ndim == 1
    loop = WALK.replace("INPUT", "int *x" if symbols else "float *x")
    loop = loop.replace("READ", "x[t]" if symbols else f"x + t * {network.spec.input_size}")
    loop = loop.replace("model_step", "model_step_symbol" if symbols else "model_step")
    loop = loop.replace("SEED", ", 1" if network.spec.head == "softmax" else "")
    (folder / "model.c").write_text(source + loop, "utf-8")
    command = ["cc", "-std=c99", *flags, "-shared", "-fPIC", "-o", "model.so", "model.c", "-lm"]
    subprocess.run(command, cwd=folder, check=True)
    subprocess.run(["cc", "-std=c99", *flags, "-c", "model.c"], cwd=folder, check=True)
    sizes = subprocess.run(["size", "model.o"], cwd=folder, check=True, capture_output=True, text=True)
    call = ctypes.CDLL(str(folder / "model.so")).walk
    given_as = np.ascontiguousarray(x, np.int32 if symbols else np.float32)
    return Library(call, given_as, network.spec.y_size, size, int(sizes.stdout.splitlines()[1].split()[0]))


def libraries(place: Path, network: Network, x: Array) -> dict[str, Library]:
    """Return the C of a network in each of the ways that are measured, compared with the network."""
    made = {}
    for name, flags in FLAGS.items():
        for weights in ("float32", "int8"):
            folder = place / f"{len(made)}"
            folder.mkdir()
            library = made[f"{name}, {weights}"] = build(folder, network, x, weights, flags)
            known = network.narrowed(weights)
            apart = float(np.abs(known.run(x[:COMPARED])[0] - library.outputs_of(COMPARED)).max())
            if not apart <= BOUND:
                raise harness.Disagreement(f"{network}: {name}, {weights} differs by {apart:.1e}")
    return made


def symbols_part(cell: str, hidden: int, rounds: int) -> str:
    """Compare a step of a language model with our own stream; return the part of the report."""
    case = Case(65, hidden, 1, 1, cell)
    x = given.symbols()[:STEPS]
    network = Network(cell, input_size=65, hidden_size=hidden, output_size=65, threads=1)
    network.parameters.flat[:] = given.parameters(case)
    stream = network.stream()
    with TemporaryDirectory() as place:
        made = libraries(Path(place), network, x)
        players = {"elman stream.run, one core": Walker(lambda: stream.run(x), STEPS)}
        players |= {name: Walker(library.walk, STEPS) for name, library in made.items()}
        blocks = harness.contest(players, rounds)
    times = {name: np.array([b.wall for b in blocks[name]]) * 1e6 for name in blocks}
    ours = times["elman stream.run, one core"]
    rows = [
        [
            name,
            *results.quartiles(t, 3),
            results.ratio(t / ours),
            f"{made[name].size.constants:,}" if name in made else "–",
            f"{made[name].size.ram:,}" if name in made else "–",
        ]
        for name, t in times.items()
    ]
    head = ["", "µs a step", "quartiles", "takes … times as long", "flash: constants", "RAM: state"]
    return f"### {cell}, 65 symbols, H={hidden}\n\n{results.table(head, rows)}\n"


def audio_part(cell: str, sizes: list[int], rounds: int) -> str:
    """Compare a step of one layer with RTNeural's published figures; return the part of the report."""
    rows = []
    for size in sizes:
        network = Network(cell, input_size=size, hidden_size=size, output_size=1, head="squared")
        x = np.random.default_rng(0).uniform(-1, 1, (STEPS, size)).astype(np.float32)
        with TemporaryDirectory() as place:
            library = build(Path(place), network, x, "float32", next(iter(FLAGS.values())))
            apart = float(np.abs(network.run(x[:COMPARED])[0] - library.outputs_of(COMPARED)).max())
            if not apart <= BOUND:
                raise harness.Disagreement(f"{network}: differs by {apart:.1e}")
            blocks = harness.contest({"C": Walker(library.walk, STEPS)}, rounds)["C"]
        times = np.array([b.wall for b in blocks]) * 1e6
        published = [1e6 / RATE / factor for factor in PUBLISHED[cell][size]]
        theirs = [f"{microseconds:.3f}" for microseconds in published]
        rows.append([str(size), *results.quartiles(times, 3), *theirs, results.ratio(times / min(published))])
    head = ["inputs and units", "µs a step", "quartiles", "xsimd", "Eigen", "ours / the faster of them"]
    title = f"### {cell}: one layer, float32, beside RTNeural's published figures"
    return f"{title}\n\n{results.table(head, rows)}\n"


def main() -> None:
    """Run all parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the report into RESULTS.md")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--hidden", nargs="+", type=int, default=AUDIO, choices=AUDIO)
    options = parser.parse_args()
    if shutil.which("cc") is None:
        raise SystemExit("no C compiler here (cc)")
    parts = [symbols_part(cell, hidden, options.rounds) for cell, hidden in CASES]
    parts += [audio_part(cell, list(options.hidden), options.rounds) for cell in PUBLISHED]
    note = (
        "RTNeural's figures are not of this machine: RTNeural-compare, `results/bench_xsimd.txt` and "
        "`bench_eigen.txt`, compile-time API, float32, Intel Core i7-8700B (3.2 GHz), given there as "
        "multiples of real time at 48 kHz. Ours has a head with one output on top of the layer."
    )
    body = f"{results.machine()}\n\n" + "\n".join(parts) + f"\n{note}"
    print(body)
    if options.write:
        results.write(TITLE, body)


if __name__ == "__main__":
    main()
