"""The claim: in 60 seconds `elman train` gets below 1.78 nats on the last tenth of Tiny Shakespeare.

    python benchmarks/speed/train60.py [--seeds 0 1 2] [--write]

Trains as a user would, reads the figure that training tells, and asks `elman eval` for it again.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time

import results

CLAIM = 1.78  # nats per symbol
AGREEMENT = 0.0015  # both are told to three decimals


def elman(*arguments: str) -> str:
    """Run the command line; return what it says."""
    command = [sys.executable, "-m", "elman", *arguments]
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout


def nats(pattern: str, said: str) -> float:
    """Read the figure that follows the last match of a pattern."""
    found = re.findall(pattern + r"(\d+\.\d+) nats", said)
    if not found:
        raise RuntimeError(f"no figure in nats in what elman said:\n{said}")
    return float(found[-1])


def train(seed: int) -> list[str]:
    """Train for a minute; return a row: seed, nats, seconds, steps."""
    with tempfile.TemporaryDirectory() as folder:
        model = f"{folder}/model.safetensors"
        began = time.perf_counter()
        said = elman("train", "--minutes", "1", "--seed", str(seed), "-o", model)
        seconds = time.perf_counter() - began
        told = nats(r"(?m)^validation +", said)
        again = nats("", elman("eval", model, "--val-frac", "0.1"))
    if abs(told - again) > AGREEMENT:
        raise RuntimeError(f"seed {seed}: training told {told} nats, elman eval says {again}")
    steps = re.findall(r"(?m)^best .* of ([\d,]+)$", said)
    return [str(seed), f"{told:.3f}", f"{seconds:.0f}", steps[-1] if steps else "?"]


def main() -> int:
    """Train once for each seed; 1 when the claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--write", action="store_true", help="put the report into RESULTS.md")
    options = parser.parse_args()
    rows = [train(seed) for seed in options.seeds]
    holds = all(float(row[1]) < CLAIM for row in rows)
    verdict = f"Below {CLAIM} nats with every seed: {'yes' if holds else 'NO'}."
    table = results.table(["seed", "nats on the last tenth", "seconds in all", "steps"], rows)
    body = f"{results.machine()}\n\n{table}\n\n{verdict}"
    print(body)
    if options.write:
        results.write("Sixty seconds", body)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
