"""RESULTS.md: one part for each program, with the machine, the versions and the commit of its run."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from elman.engines.loading import instruction_set
from elman.engines.threads import blas_names

HERE = Path(__file__).parent
FILE = HERE / "RESULTS.md"
PACKAGES = ("elman", "numpy", "torch", "jax", "onnxruntime")
BEFORE = os.getloadavg()[0]
HEAD = (
    "# Results\n\n"
    "Written by the programs beside this file; each part is one run. "
    "Read ratios before times: machines differ.\n"
)


def machine(before: float = BEFORE) -> str:
    """Describe the machine, its load, the versions, the commit and the date in two lines."""
    versions = [f"{name} {version(name)}" for name in PACKAGES if version(name)]
    load = f"load {before:.1f} before and {os.getloadavg()[0]:.1f} after"
    python = f"{platform.system()}, Python {platform.python_version()}"
    engine = f"compiled engine: {instruction_set() or 'none'}"
    return (
        f"{_processor()}, {os.cpu_count()} cores, {load}; {python}\n"
        f"{', '.join(versions)}; {engine}; {blas_names()}; {_commit()}; {datetime.now(UTC).date()}"
    )


def version(package: str) -> str | None:
    """Return the version of a package, None when it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def quartiles(values: Any, digits: int = 2) -> tuple[str, str]:
    """Return the median, and the first and third quartile."""
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return f"{middle:.{digits}f}", f"{low:.{digits}f}-{high:.{digits}f}"


def ratio(values: Any) -> str:
    """Return how many times as much, with quartiles."""
    middle, others = quartiles(values, 0 if np.median(values) >= 100 else 1 if np.median(values) >= 10 else 2)
    return f"{middle} × [{others}]"


def asked(value: float, goal: float | None, *, most: bool = False) -> str:
    """Return what was asked for, and whether it was reached; nothing where nothing was asked for."""
    if goal is None:
        return ""
    reached = value <= goal if most else value >= goal
    return f" (asked: at {'most' if most else 'least'} {goal:g}: {'reached' if reached else 'NOT reached'})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a Markdown table that reads well as plain text, too; numbers to the right."""
    columns = list(zip(head, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [[row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in (head, rule, *rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write(title: str, body: str) -> None:
    """Put this part into RESULTS.md, in the place of the one before."""
    text = FILE.read_text("utf-8") if FILE.exists() else ""
    parts = dict(part.split("\n", 1) for part in text.split("\n## ")[1:])
    parts[title] = f"\n{body.strip()}\n"
    sections = [f"\n## {name}\n{parts[name].rstrip()}\n" for name in sorted(parts)]
    FILE.write_text(HEAD + "".join(sections), "utf-8")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(map(str.strip, line.split(":", 1)) for line in lines if ":" in line)
    level = next((name for name in ("avx512f", "avx2") if name in facts.get("flags", "").split()), "no avx2")
    return f"{facts.get('model name', platform.machine())} ({level})"


def _commit() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=HERE, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    changed = " with changes" if git("status", "--porcelain", "--", "../../src", "../../native", ".") else ""
    return f"commit {git('rev-parse', '--short', 'HEAD') or 'none'}{changed}"
