"""Memory: of reading a text against its length (flat), of training against the length of a sequence (linear).

    python benchmarks/speed/memory.py [--write]

Whole processes: their peak as the operating system saw it, so that nothing is forgotten, whoever allocates.
"Above" is above the same process with almost nothing to do. Texts are read in pieces of a megabyte, so that
`elman eval` and `elman score` need a few of these and no more. --write draws a plot, too.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SIZES = (2, 4, 8)  # MB of text
COUNTS = (50_000, 100_000, 200_000)  # symbols
STEPS = (512, 1024, 2048, 4096)  # T
BATCH, HIDDEN, VOCABULARY, WINDOW = 32, 128, 65, 64
MB = 1e6
BEFORE = os.getloadavg()[0]
PICTURE = Path(__file__).parents[2] / "docs/images/memory.svg"

NETWORK = f"""
import numpy as np, elman
sizes = dict(input_size={VOCABULARY}, hidden_size={HIDDEN}, output_size={VOCABULARY})
network = elman.Network(**sizes, engine={{engine!r}})
"""
TRAINING = f"""
symbols = np.random.default_rng(0).integers(0, {VOCABULARY}, ({{count}} + 1, {BATCH}))
elman.bptt.{{form}}(network, elman.Batch(symbols[:-1], symbols[1:]){{options}})
"""
READING = {
    "`evaluate`": f"""
symbols = np.resize(np.arange({VOCABULARY}, dtype="u1"), {{count}})
elman.evaluate(network, elman.whole(symbols))
""",
    "`Stream.step`": f"""
step = network.stream().step
for k in range({{count}}):
    step(k % {VOCABULARY})
""",
}
FORMS = {  # engine, form, its options
    "full": ("auto", "full", ""),
    f"checkpointed ({WINDOW})": ("auto", "checkpointed", f", window={WINDOW}"),
    f"truncated ({WINDOW})": ("auto", "truncated", f", window={WINDOW}"),
    "full, reference": ("reference", "full", ""),
}


def peak(*arguments: str, stdin: Path | None = None) -> int:
    """Run Python with these arguments; return the peak of its memory in bytes."""
    with open(stdin or os.devnull, "rb") as source:
        child = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=source,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert child.stderr is not None
        said = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)  # this process is small, or its size would count
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"python {' '.join(arguments)}: {said.decode()}")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def files(folder: Path) -> list[list[str]]:
    """Return rows: MB of text, peaks of `elman eval` and `elman score` in MB."""
    seed, model = folder / "seed.txt", str(folder / "model.safetensors")
    line = "It is a truth that memory must not grow with what is read, be it long or short.\n"
    seed.write_text(line * 500, "utf-8")
    peak("-m", "elman", "train", str(seed), "--steps", "20", "--hidden-size", "16", "-o", model)
    rows = []
    for size in SIZES:
        text = folder / f"{size}.txt"
        text.write_text(line * (size * 1_000_000 // len(line)), "utf-8")
        peaks = (
            peak("-m", "elman", "eval", model, str(text)),
            peak("-m", "elman", "score", model, "-", stdin=text),
        )
        rows.append([f"{size}", *(f"{most / MB:.1f}" for most in peaks)])
    return rows


def reading() -> list[list[str]]:
    """Return rows: symbols, and the MB above of evaluating them and of stepping through them."""

    def most(work: str, count: int) -> int:
        return peak("-c", NETWORK.format(engine="auto") + work.format(count=count))

    least = {name: most(work, VOCABULARY) for name, work in READING.items()}
    return [
        [f"{n:,}", *(f"{(most(work, n) - least[name]) / MB:.1f}" for name, work in READING.items())]
        for n in COUNTS
    ]


def training() -> dict[str, list[int]]:
    """Return the bytes above of one gradient, for each form and each of STEPS."""

    def most(engine: str, form: str, options: str, count: int) -> int:
        work = TRAINING.format(form=form, options=options, count=count)
        return peak("-c", NETWORK.format(engine=engine) + work)

    return {name: [most(*form, n) - most(*form, 1) for n in STEPS] for name, form in FORMS.items()}


def report(texts: list[list[str]], read: list[list[str]], bytes_of: dict[str, list[int]]) -> str:
    """Return the part of RESULTS.md."""
    import results

    heads = ["T", *(f"{name}, MB" for name in bytes_of)]
    linear = [
        [f"{T}", *(f"{size / MB:.1f} ({size / (T * BATCH):.0f})" for size in sizes)]
        for T, *sizes in zip(STEPS, *bytes_of.values(), strict=True)
    ]
    return (
        f"{results.machine(BEFORE)}\n\n"
        f"Peak of reading, above; V={VOCABULARY}, H={HIDDEN}:\n\n"
        f"{results.table(['symbols', *(f'{name}, MB' for name in READING)], read)}\n\n"
        f"Peak of the whole process, Python and NumPy included, H=16:\n\n"
        f"{results.table(['MB of text', '`elman eval`, MB', '`elman score`, MB'], texts)}\n\n"
        f"Peak of one gradient, above, and in brackets its bytes a symbol, 16 of which are symbols and "
        f"targets; V={VOCABULARY}, H={HIDDEN}, B={BATCH}, float32. On paper the way back needs h alone: "
        f"{4 * HIDDEN} bytes a symbol.\n\n{results.table(heads, linear)}"
    )


def picture(bytes_of: dict[str, list[int]]) -> str:
    """Return the plot: MB against T."""
    import plot

    lines = [
        plot.Line(name.split(" (")[0].replace("full, ", ""), STEPS, [max(s, 1) / MB for s in sizes], color)
        for color, (name, sizes) in enumerate(bytes_of.items())
    ]
    paper = [4 * HIDDEN * T * BATCH / MB for T in STEPS]
    lines.append(plot.Line("h alone", STEPS, paper, 0, dashed=True))
    below = f"T  (B={BATCH}, H={HIDDEN}; windows of {WINDOW})"
    return plot.svg([plot.Panel("Memory of a gradient against T", below, "MB", lines)])


def main() -> None:
    """Measure, print and, if asked, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put report and plot into their places")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        texts = files(Path(folder))
    read, bytes_of = reading(), training()
    body = report(texts, read, bytes_of)
    print(body)
    if options.write:
        import results

        results.write("Memory", body)
        PICTURE.write_text(picture(bytes_of), "utf-8")


if __name__ == "__main__":
    main()
