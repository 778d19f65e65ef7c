"""The quality suite: published numbers of recurrent networks, and what elman reaches.

    python benchmarks/quality/run.py [TASK ...] --data DIR [--seeds 3] [--write]

DIR holds a folder for each task that needs files (its name stands in the file of the task as `folder`).
Without a TASK all of them run. With --write the results go into RESULTS.md. Run it on a machine that does
nothing else: some tasks are limited by the clock.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import report
import suite
from suite import Row


def rows_of(name: str, folder: Path | None, seeds: int) -> list[Row]:
    """Train every network of a task with every seed; tell each as it ends."""
    task, rows = suite.find(name), []
    for number, contender in enumerate(task.contenders):
        runs = []
        for seed in range(seeds):
            runs.append(suite.apart(suite.run, name, number, folder, seed))
            print(f"  {contender.name}: {report.line(task.metric, task.counted, runs[-1])}", flush=True)
        rows.append(Row(contender, runs))
    return rows


def main() -> int:
    """Run tasks; 1 when a number is not reached."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=", ".join(suite.TASKS))
    parser.add_argument("--data", type=Path, help="the folder that holds the folders of the tasks")
    parser.add_argument("--seeds", type=int, default=3, help="train so often, with seeds 0, 1, 2, …")
    parser.add_argument("--write", action="store_true", help="put the results into RESULTS.md")
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error(f"--seeds is {options.seeds}; it must be 1 or more")
    names, reached = options.tasks or suite.TASKS, True
    try:
        folders = {name: suite.folder_of(suite.find(name), options.data) for name in names}
    except ValueError as error:
        parser.error(str(error))
    for name, folder in folders.items():
        task = suite.find(name)
        title = f"{suite.TASKS.index(name) + 1}. {task.title}"
        print(f"\n{title}\n{task.split} Symbols: {task.symbols}.", flush=True)
        baselines = suite.apart(suite.baselines, name, folder, options.seeds)
        rows = rows_of(name, folder, options.seeds)
        body = report.section(task, rows, baselines)
        print(f"\n{body}", flush=True)
        reached &= all(row.reaches(task.metric, baselines) for row in rows)
        if options.write:
            report.write(title, body)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
