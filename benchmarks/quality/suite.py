"""What a task is, and how it is run: each network in a process of its own, once for each seed.

A task is one small file with a `TASK`: where its data come from, what is measured beside the networks in the
same run, the networks, and the number published for each. A process of its own tells the peak of its memory.
"""

from __future__ import annotations

import importlib
import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

TASKS = (
    "human_numbers",
    "shakespeare",
    "shakespeare_lower",
    "jsb_chorales",
    "cta_ridership",
    "mnist1d",
    "adding_problem",
    "formal_languages",
    "names",
    "japanese_vowels",
    "surnames",
)


@dataclass(frozen=True)
class Metric:
    """What is compared; `scale` and `unit` say how it is shown."""

    name: str
    higher_is_better: bool = False
    digits: int = 3
    scale: float = 1.0
    unit: str = ""

    def show(self, value: float) -> str:
        return f"{value * self.scale:,.{self.digits}f}{self.unit}"

    def worst(self, values: Sequence[float]) -> float:
        return min(values) if self.higher_is_better else max(values)

    def reaches(self, value: float, other: float) -> bool:
        """Is the value as good as the other, or better?"""
        return value >= other if self.higher_is_better else value <= other


@dataclass(frozen=True)
class Score:
    """What a network makes of data it has not seen: a mean over `count` symbols, frames or sequences."""

    value: float
    count: int
    nats: float | None = None  # where probabilities are predicted
    others: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Contender:
    """A network: `train(data, seed)` makes it, trains it and scores it."""

    name: str
    train: Callable[[Any, int], Score]
    published: float | None = None
    source: str = ""
    goal: float | None = None  # ours, where it is harder than what is published


@dataclass(frozen=True)
class Task:
    """Data, networks and published numbers; the file of the task says more.

    load(folder, seed) → data; folder is None for data that are generated or bundled.
    baselines(data) → values of the metric, measured in the same run.
    """

    title: str
    split: str
    symbols: str
    counted: str  # what the metric is a mean over
    metric: Metric
    load: Callable[[Path | None, int], Any]
    contenders: Sequence[Contender]
    baselines: Callable[[Any], Mapping[str, float]] = lambda data: {}
    folder: str | None = None
    remarks: str = ""  # what differs from the published set-up, and why a number is not reached


@dataclass(frozen=True)
class Run:
    """One training with its scoring: seconds on the clock and of processor time, peak memory in bytes."""

    seed: int
    score: Score
    seconds: float
    cpu_seconds: float
    peak: int


@dataclass(frozen=True)
class Row:
    """A network over all seeds."""

    contender: Contender
    runs: Sequence[Run]

    def mean(self) -> float:
        return statistics.fmean(run.score.value for run in self.runs)

    def worst(self, metric: Metric) -> float:
        return metric.worst([run.score.value for run in self.runs])

    def reaches(self, metric: Metric, baselines: Mapping[str, float]) -> bool:
        """Is the mean as good as the number published, our goal, or, without these, every baseline?"""
        told = [n for n in (self.contender.published, self.contender.goal) if n is not None]
        return all(metric.reaches(self.mean(), n) for n in told or baselines.values())


def find(name: str) -> Task:
    """Return the task in the file of this name."""
    if name not in TASKS:
        raise ValueError(f"no task {name!r}; there are {', '.join(TASKS)}")
    task: Task = importlib.import_module(name).TASK
    return task


def folder_of(task: Task, data: Path | None) -> Path | None:
    """Return where the files of a task lie, None when it needs none."""
    if task.folder is None:
        return None
    if data is None or not (data / task.folder).is_dir():
        raise ValueError(f"{task.title}: give --data DIR with a folder {task.folder!r} in it; {data} came")
    return data / task.folder


def run(name: str, number: int, folder: Path | None, seed: int) -> Run:
    """Train contender `number` of a task, in this process."""
    task = find(name)
    data = task.load(folder, seed)
    began, cpu = time.perf_counter(), time.process_time()
    score = task.contenders[number].train(data, seed)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(seed, score, seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def baselines(name: str, folder: Path | None, seeds: int) -> dict[str, float]:
    """Return the means over the seeds of what is measured beside the networks, in this process."""
    task = find(name)
    found = [task.baselines(task.load(folder, seed)) for seed in range(seeds)]
    return {key: statistics.fmean(values[key] for values in found) for key in found[0]}


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(partial(function, *arguments)).result()


def expect(what: str, found: Any, expected: Any) -> None:
    """Refuse data other than those that the published numbers were measured on."""
    if found != expected:
        raise ValueError(
            f"{what}: {found} found, {expected} expected; these are other data than the published"
        )
