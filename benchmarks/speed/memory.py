"""Memory: of reading a text against its length (flat), of training against the length of a sequence (linear).

    python benchmarks/speed/memory.py [--write]

Whole processes (`elman eval`, `elman score`): their peak as the operating system saw it. Both read a text in
pieces of a megabyte, so that they need a few of these and no more.
The rest: the peak of what Python and NumPy allocate, by tracemalloc.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SIZES = (2, 4, 8)  # MB of text
COUNTS = (50_000, 100_000, 200_000)  # symbols
STEPS = (512, 1024, 2048, 4096)  # T
BATCH, HIDDEN, VOCABULARY, WINDOW = 8, 64, 65, 64


def run(*arguments: str, stdin: Path | None = None) -> int:
    """Run `elman` with these arguments; return the peak of its memory in bytes."""
    with open(stdin or os.devnull, "rb") as source:
        child = subprocess.Popen(
            [sys.executable, "-m", "elman", *arguments],
            stdin=source,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(child.pid, 0)  # this process is small, or its size would count
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"elman {' '.join(arguments)}: exit code {child.returncode}")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def reading(folder: Path) -> list[list[str]]:
    """Return rows: MB of text, peaks of `elman eval` and `elman score` in MB."""
    seed, model = folder / "seed.txt", str(folder / "model.safetensors")
    line = "It is a truth that memory must not grow with what is read, be it long or short.\n"
    seed.write_text(line * 500, "utf-8")
    run("train", str(seed), "--steps", "20", "--hidden-size", "16", "-o", model)
    rows = []
    for size in SIZES:
        text = folder / f"{size}.txt"
        text.write_text(line * (size * 1_000_000 // len(line)), "utf-8")
        peaks = run("eval", model, str(text)), run("score", model, "-", stdin=text)
        rows.append([f"{size}", *(f"{peak / 1e6:.1f}" for peak in peaks)])
    return rows


def evaluating() -> list[list[str]]:
    """Return rows: symbols, and the peak in kB of evaluating them and of stepping through them."""
    import numpy as np

    from elman import Network, evaluate, whole

    network = Network(input_size=VOCABULARY, hidden_size=HIDDEN, output_size=VOCABULARY)
    rows = []
    for count in COUNTS:
        symbols = (np.arange(count) % VOCABULARY).astype(np.uint8)

        def stream(symbols: Any = symbols) -> None:
            state = None
            for start in range(
                0, len(symbols), 10
            ):  # one in ten: steps are slow while allocations are traced
                _, state = network.step(int(symbols[start]), state)

        peaks = peak(lambda symbols=symbols: evaluate(network, whole(symbols))), peak(stream)
        rows.append([f"{count:,}", *(f"{size / 1e3:.0f}" for size in peaks)])
    return rows


def training() -> list[list[str]]:
    """Return rows: T, and the peak in MB of a gradient in each of three forms."""
    import numpy as np

    from elman import Batch, Network, bptt

    network = Network(input_size=VOCABULARY, hidden_size=HIDDEN, output_size=VOCABULARY)
    rng = np.random.default_rng(0)
    forms: list[tuple[Any, dict[str, int]]] = [
        (bptt.full, {}),
        (bptt.checkpointed, {"window": WINDOW}),
        (bptt.truncated, {"window": WINDOW}),
    ]
    rows = []
    for steps in STEPS:
        symbols = rng.integers(0, VOCABULARY, (steps + 1, BATCH))
        batch = Batch(symbols[:-1], symbols[1:])
        peaks = [peak(lambda f=f, o=o, b=batch: f(network, b, **o)) for f, o in forms]
        each = (f"{size / 1e6:.2f} ({size / (steps * BATCH):.0f})" for size in peaks)
        rows.append([f"{steps}", *each])
    return rows


def peak(work: Any) -> int:
    """Return the most bytes held at once, above what was held before."""
    import tracemalloc

    work()  # what is imported or cached once does not count
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def main() -> None:
    """Measure, print and, if asked, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the report into RESULTS.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        read = reading(Path(folder))
    import results

    processes = results.table(["MB of text", "`elman eval`, MB", "`elman score`, MB"], read)
    flat = results.table(["symbols", "`evaluate`, kB", "`Network.step`, kB"], evaluating())
    head = ["T", "full, MB", f"checkpointed ({WINDOW}), MB", f"truncated ({WINDOW}), MB"]
    linear = results.table(head, training())
    body = (
        f"{results.machine()}\n\n"
        f"Peak of evaluating and of streaming, V={VOCABULARY}, H={HIDDEN}:\n\n{flat}\n\n"
        f"Peak of the whole process, Python and NumPy included, H=16:\n\n{processes}\n\n"
        f"Peak of one gradient, and in brackets its bytes a symbol; V={VOCABULARY}, H={HIDDEN}, B={BATCH}, "
        f"float32:\n\n{linear}"
    )
    print(body)
    if options.write:
        results.write("Memory", body)


if __name__ == "__main__":
    main()
