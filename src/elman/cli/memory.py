"""How much memory a run will take, refused before it is taken."""

from __future__ import annotations

import math
import os
import re
import sys
from contextlib import suppress
from pathlib import Path

from elman.cells import find
from elman.errors import ResourceError
from elman.spec import Spec

from .common import ONCE

# Of the parameters: weights, gradient, two of optimizer memory, the step before, the best, temporaries.
COPIES = 9


def check_memory(spec: Spec, batch_size: int, seq_length: int) -> None:
    """Raise ResourceError when a run needs more memory than the machine has for it.

    Counted: the parameters in all their copies, and the tapes and logits of one batch.
    """
    parameters = sum(math.prod(shape) for shape in spec.layout().values())
    gates = len(find(spec.cell, spec.activation).gates)
    units = sum(spec.place_widths())
    training = batch_size * (seq_length + 1) * ((3 + gates) * units + 3 * spec.y_size)
    validation = ONCE * (2 * units + 3 * spec.y_size)
    needed = (COPIES * parameters + max(training, validation)) * (4 if spec.dtype == "float32" else 8)
    free = available()
    if needed > free:
        raise ResourceError(
            f"the run would take about {needed / 2**30:,.1f} GiB ({parameters:,} parameters), "
            f"{free / 2**30:,.1f} GiB are free: "
            "lower --hidden-size, --batch-size or --seq-length (of tables: --window)"
        )


def available() -> float:
    """Return how many bytes this process may still take; infinity where nobody can say."""
    limits = [_free(), _of_group(), _of_process()]
    return min(limits)


def _free() -> float:
    """What the machine can give without swapping: free, or in a cache that can be dropped."""
    with suppress(OSError):
        told = re.search(r"^MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text("ascii"), re.MULTILINE)
        if told:
            return int(told[1]) * 1024
    with suppress(AttributeError, OSError, ValueError):  # not Linux: all there is must do
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return math.inf


def _of_group() -> float:
    """The limit of a container (control groups, version 2 and 1)."""
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            return int(Path("/sys/fs/cgroup", name).read_text("ascii"))  # "max": no limit
    return math.inf


def _of_process() -> float:
    """The limit of `ulimit -v`."""
    if sys.platform == "win32":
        return math.inf
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return math.inf if soft == resource.RLIM_INFINITY else soft
