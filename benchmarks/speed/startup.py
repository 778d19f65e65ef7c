"""How long it takes to start: `import elman` above NumPy, and `elman --help`.

    python benchmarks/speed/startup.py [--write] [--rounds N]

Whole processes that take turns. "All of it" touches every public name: names are loaded at first use.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

import numpy as np
import results

COMMANDS = {
    "Python alone": ["-c", "pass"],
    "import numpy": ["-c", "import numpy"],
    "import elman, all of it": ["-c", "import elman; [getattr(elman, name) for name in elman.__all__]"],
    "elman --help": ["-m", "elman", "--help"],
}
ABOVE_NUMPY, HELP = 150, 300  # ms, issue 4


def start(arguments: list[str]) -> float:
    """Return the ms of a process that sees no folder and no site of the user."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-I", *arguments], check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1e3


def measure(rounds: int) -> str:
    """Return the report."""
    told = subprocess.run([sys.executable, "-I", "-m", "elman", "--help"], capture_output=True, check=True)
    if b"Usage: elman" not in told.stdout:
        raise RuntimeError(f"elman --help says something else: {told.stdout[:100]!r}")
    for arguments in COMMANDS.values():
        start(arguments)
    turns = [[start(arguments) for arguments in COMMANDS.values()] for _ in range(rounds)]
    times = dict(zip(COMMANDS, np.array(turns).T, strict=True))
    _, numpy, everything, shown = times.values()
    above, shown = np.median(everything - numpy), np.median(shown)
    rows = [[name, *results.quartiles(t, 0)] for name, t in times.items()]
    return "\n\n".join(
        [
            results.table(["", "ms", "quartiles"], rows),
            f"`import elman` above NumPy: {above:.0f} ms{results.asked(above, ABOVE_NUMPY, most=True)}.",
            f"`elman --help`: {shown:.0f} ms{results.asked(shown, HELP, most=True)}.",
        ]
    )


def main() -> None:
    """Measure, print and, if asked, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the report into RESULTS.md")
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args()
    body = f"{results.machine()}\n\n{measure(options.rounds)}"
    print(body)
    if options.write:
        results.write("Startup", body)


if __name__ == "__main__":
    main()
