"""One step of the exported JavaScript in Node, beside our own stream.

python benchmarks/speed/exported_js.py [--write] [--rounds N] [--hidden H ...]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import given
import harness
import numpy as np
import results
from harness import GATES, Block, Case
from numpy.typing import NDArray

from elman import Network
from elman.interop.js import to_js
from elman.interop.js.running import node, run_script

Array = NDArray[Any]

TITLE = "Exported JavaScript"
COMPARED, STEPS = 200, 1_000
BOUND = 2e-5  # of an output, after 200 steps; sums are float64 there
HEAD = ["", "µs a step", "quartiles", "symbols a second", "takes … times as long"]
STREAM, STREAM_STEP, MODULE = "elman stream.run, one core", "elman stream.step", "JavaScript, step, in Node"
# Answers a line that says how often to walk by the seconds that it took, and the processor's; the first line
# it writes are the outputs of the first steps.
SCRIPT = """
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
const land = await import(pathToFileURL(process.argv[1]).href);
const [x, compared] = [JSON.parse(process.argv[2]), Number(process.argv[3])];
const state = land.createState();
console.log(JSON.stringify(x.slice(0, compared).map((symbol) => Array.from(land.step(state, symbol)))));
let sum = 0; // is used, so that no step can be left out
for await (const line of createInterface({ input: process.stdin })) {
  const [began, used] = [performance.now(), process.cpuUsage()];
  for (let k = 0; k < Number(line); k++) {
    land.reset(state);
    for (const symbol of x) sum += land.step(state, symbol)[0];
  }
  const [wall, { user, system }] = [performance.now() - began, process.cpuUsage(used)];
  console.log(JSON.stringify([wall / 1e3, (user + system) / 1e6, sum]));
}
"""


class Here:
    """Takes blocks of steps in this process."""

    def __init__(self, walk: Any) -> None:
        self._walk, self._times = walk, 0

    def block(self) -> Block:
        """Step for about BLOCK seconds; return the time of one step."""
        if not self._times:
            self.take(1)
            self._times = max(1, round(harness.BLOCK / (self.take(2).wall * STEPS)))
        return self.take(self._times)

    def take(self, times: int) -> Block:
        """Walk so often."""
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(times):
            self._walk()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return Block(wall / times / STEPS, cpu / times / STEPS)


class Module(Here):
    """Lets Node take them."""

    def __init__(self, place: Path, network: Network, x: Array) -> None:
        super().__init__(None)
        module = place / "model.mjs"
        module.write_text(to_js(network), "ascii")
        arguments = ["--input-type=module", "-e", SCRIPT, str(module), str(x.tolist()), str(COMPARED)]
        self._node: Any = subprocess.Popen(
            [node() or "node", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.outputs = np.array(json.loads(self._node.stdout.readline()))

    def take(self, times: int) -> Block:
        """Walk so often, there."""
        self._node.stdin.write(f"{times}\n")
        self._node.stdin.flush()
        wall, cpu, _ = json.loads(self._node.stdout.readline())
        return Block(wall / times / STEPS, cpu / times / STEPS)

    def end(self) -> None:
        """Let Node end."""
        self._node.communicate()


def measure(case: Case, rounds: int) -> str:
    """Compare, then time; return the part of the report for one case."""
    x = given.symbols()[:STEPS]
    sizes = {"input_size": case.vocabulary, "output_size": case.vocabulary}
    network = Network(case.cell, hidden_size=case.hidden_size, threads=1, **sizes)
    network.parameters.flat[:] = given.parameters(case)
    stream = network.stream()
    with TemporaryDirectory() as place:
        module = Module(Path(place), network, x)
        apart = float(np.abs(network.run(x[:COMPARED])[0] - module.outputs).max())
        if not apart <= BOUND:
            raise harness.Disagreement(f"{case}: the module differs by {apart:.1e}")
        players = {
            STREAM: Here(lambda: stream.run(x)),
            STREAM_STEP: Here(lambda: [stream.step(symbol) for symbol in x]),
            MODULE: module,
        }
        try:
            blocks = harness.contest(players, rounds)
        finally:
            module.end()
    times = {name: np.array([b.wall for b in blocks[name]]) * 1e6 for name in players}
    rows = [
        [name, *results.quartiles(t, 2), f"{1e6 / np.median(t):,.0f}", results.ratio(t / times[STREAM])]
        for name, t in times.items()
    ]
    said = f"Largest difference of an output over the first {COMPARED} symbols: {apart:.0e}."
    title = f"### {case.cell}, {case.vocabulary} symbols, H={case.hidden_size}"
    return f"{title}\n\n{said}\n\n{results.table(HEAD, rows)}\n"


def main() -> None:
    """Run the cases one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the report into RESULTS.md")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--hidden", nargs="+", type=int, default=[128])
    options = parser.parse_args()
    if node() is None:
        raise SystemExit("no Node here (node)")
    cases = [Case(65, hidden, 1, 1, cell) for cell in GATES for hidden in options.hidden]
    parts = [measure(case, options.rounds) for case in cases]
    body = f"{results.machine()}\n\nNode {run_script('--version').strip()}.\n\n" + "\n".join(parts)
    print(body)
    if options.write:
        results.write(TITLE, body)


if __name__ == "__main__":
    main()
