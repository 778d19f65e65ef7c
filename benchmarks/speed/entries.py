"""The rows of a table: a rival, its threads, and what it needs to be installed."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import processes
import results
from harness import GATES

from elman.engines.loading import native

COMPILED, COMPILER = "compiled engine", "C compiler"


@dataclass(frozen=True)
class Entry:
    """A row of the table."""

    name: str
    threads: int | None  # None: the rival decides
    family: str  # the best of a family counts; without one it is no rival but a yardstick
    make: str
    needs: str = "numpy"
    cells: tuple[str, ...] = tuple(GATES)

    @property
    def label(self) -> str:
        """The name with its threads."""
        if self.threads is None:
            return self.name
        return f"{self.name}, {self.threads} thread{'s' * (self.threads > 1)}"

    @property
    def here(self) -> bool:
        """Is what it needs installed?"""
        if self.needs == COMPILED:
            return native() is not None
        return bool(shutil.which("cc") if self.needs == COMPILER else results.version(self.needs))


def start(stack: ExitStack, entries: Iterable[Entry], *given: Any, play: Any) -> dict[Entry, Any]:
    """Start a player for each entry that can run here; they end with the stack."""
    return {
        e: stack.enter_context(processes.start(e.make, e.threads, *given, play=play))
        for e in entries
        if e.here
    }
