"""Exported modules, run by Node here: what the checks compare."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from elman.errors import OptionError
from elman.network import Network
from elman.numerics import Array
from elman.states import State, each

from .writing import PARTS

LONGEST = 600  # seconds that Node may take


@dataclass(frozen=True)
class Job:
    """One run of a module: x "T B" symbols, "T B I" or a pair, from a state "B H" each."""

    module: Path
    network: Network
    x: Any
    state: State

    def asked(self) -> dict[str, Any]:
        """Return the job as the driver reads it, rows first."""
        parts = self.x if isinstance(self.x, tuple) else (self.x,)
        rows = [np.swapaxes(np.asarray(part), 0, 1).tolist() for part in parts]
        beside = {"features": rows[1]} if len(rows) > 1 else {}
        state = each(self.state, lambda s: s.tolist())
        return {"module": str(self.module.resolve()), "x": rows[0], "state": state, **beside}

    def answered(self, rows: Sequence[dict[str, Any]]) -> tuple[Array, State]:
        """Return (y, state) of what the driver wrote, in the shapes of `Network.run`."""
        dtype = self.network.spec.dtype
        y = np.array([row["y"] for row in rows], dtype).swapaxes(0, 1)
        y = y if self.network.machine.every else y[-1]
        places = zip(*(row["state"] for row in rows), strict=True)
        return y, tuple(tuple(np.array(s, dtype) for s in zip(*place, strict=True)) for place in places)


def node() -> str | None:
    """Return where Node is on this machine, or None."""
    return shutil.which("node") or shutil.which("nodejs")


def run(jobs: Sequence[Job]) -> list[tuple[Array, State]]:
    """Return (y, state) of every job, as `Network.run` does, all from one process of Node.

    Raises: OptionError with what Node said when it fails.
    """
    given = json.dumps([job.asked() for job in jobs], allow_nan=False)
    answers = json.loads(run_script(str(PARTS / "driver.mjs"), given=given))
    return [job.answered(rows) for job, rows in zip(jobs, answers, strict=True)]


def run_script(*arguments: str, given: str = "") -> str:
    """Return what Node writes, given arguments and input. Raises: OptionError when it fails."""
    command = [node() or "node", *arguments]
    done = subprocess.run(
        command, input=given, capture_output=True, encoding="utf-8", timeout=LONGEST, check=False
    )
    if done.returncode:
        said = next((line for line in done.stderr.splitlines() if "Error" in line), done.stderr[-200:])
        raise OptionError(f"Node refuses the module: {said.strip()}")
    return done.stdout
