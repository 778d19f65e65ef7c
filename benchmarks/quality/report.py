"""RESULTS.md: a table of all tasks, then a section for each, which one run of `run.py --write` replaces."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from suite import Metric, Row, Run, Score, Task

sys.path.append(str(Path(__file__).parents[1] / "speed"))

from results import machine, table

FILE = Path(__file__).parent / "RESULTS.md"
HEAD = (
    "# Results\n\n"
    "Written by `run.py --write`; each section is one run, its seeds are 0, 1, 2, … "
    "Published numbers stand in the file of the task with their source.\n"
)
COLUMNS = ["network", "published", "mean", "worst", "reached", "seeds", "seconds", "CPU s", "MB"]


def line(metric: Metric, counted: str, run: Run) -> str:
    """Tell one training in one line."""
    told = [f"seed {run.seed}", f"{metric.name} {metric.show(run.score.value)}", *_entropy(run.score)]
    told += [f"{name} {value:,.4g}" for name, value in run.score.others.items()]
    told += [
        f"{run.score.count:,} {counted}",
        f"{run.seconds:.0f} s ({run.cpu_seconds:.0f} s CPU)",
        f"{run.peak / 1e6:.0f} MB",
    ]
    return ", ".join(told)


def _entropy(score: Score) -> list[str]:
    return [] if score.nats is None else [f"{score.nats:.4f} nats", f"{score.nats / math.log(2):.4f} bits"]


def section(task: Task, rows: Sequence[Row], baselines: Mapping[str, float]) -> str:
    """Lay out the results of a task."""
    metric = task.metric
    measured = "; ".join(f"{name} {metric.show(value)}" for name, value in baselines.items())
    every = [f"* {row.contender.name}: {line(metric, task.counted, run)}" for row in rows for run in row.runs]
    parts = [
        f"{task.split} Symbols: {task.symbols}. Compared: {metric.name}, "
        f"{'higher' if metric.higher_is_better else 'lower'} is better.",
        table(COLUMNS, [_row(row, metric, baselines) for row in rows]),
        f"Measured in the same run: {measured}." if measured else "",
        "\n".join(every),
        task.remarks,
        machine(),
    ]
    return "\n\n".join(filter(None, parts))


def _row(row: Row, metric: Metric, baselines: Mapping[str, float]) -> list[str]:
    given = row.contender
    published = "none" if given.published is None else metric.show(given.published)
    goal = "" if given.goal is None else f", goal {metric.show(given.goal)}"
    return [
        given.name,
        published + goal,
        metric.show(row.mean()),
        metric.show(row.worst(metric)),
        "yes" if row.reaches(metric, baselines) else "NO",
        str(len(row.runs)),
        f"{statistics.fmean(run.seconds for run in row.runs):.0f}",
        f"{statistics.fmean(run.cpu_seconds for run in row.runs):.0f}",
        f"{max(run.peak for run in row.runs) / 1e6:.0f}",
    ]


def write(title: str, body: str) -> None:
    """Put a section into RESULTS.md, in the place of the one before, and make the table of all anew."""
    text = FILE.read_text("utf-8") if FILE.exists() else ""
    sections = dict(part.split("\n", 1) for part in text.split("\n## ")[1:])
    sections[title] = f"\n{body.strip()}\n"
    order = sorted(sections, key=lambda name: int(name.split(".")[0]))
    overview = table(["task", *COLUMNS], [cells for name in order for cells in _cells(name, sections[name])])
    parts = [f"\n## {name}\n{sections[name].rstrip()}\n" for name in order]
    FILE.write_text(f"{HEAD}\n{overview}\n" + "".join(parts), "utf-8")


def _cells(title: str, body: str) -> list[list[str]]:
    """Read the rows of a section's table."""
    rows = [text.strip("| ").split("|") for text in body.splitlines() if text.startswith("| ")]
    return [[title, *(cell.strip() for cell in cells)] for cells in rows[2:]]
