"""How many threads the compiled engine works with: as many as the caller asks for, else one for each core.

Cores are those that this process may use, and no more than its containers grant: control groups give a share
of the processor time, 1.5 cores for example, which is 2 threads. Sources: cgroups(7) and, in the kernel's
admin guide, cgroup-v2, "cpu.max", and cgroup-v1, "cpu.cfs_quota_us".
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from operator import index
from pathlib import Path, PurePosixPath
from typing import Any

from elman.errors import OptionError

VARIABLE = "ELMAN_NUM_THREADS"
MOST = 1024


def threads(asked: int | None = None) -> int:
    """Return how many threads to work with: those asked for, else ELMAN_NUM_THREADS, else one for each core.

    >>> threads(3)
    3
    >>> threads(0)
    Traceback (most recent call last):
    elman.errors.OptionError: threads is 0; it must be a whole number from 1 to 1024; None: as many as cores
    >>> 1 <= threads() <= 1024
    True
    """
    return available() if asked is None else _checked("threads", asked, asked, "None")


@cache
def available() -> int:
    """Return how many threads there are when nobody asks; read once, as each training step wants to know."""
    text = os.environ.get(VARIABLE)
    if text is None:
        return min(affinity(), share())
    is_number = text.isascii() and text.isdigit() and len(text) < 10  # int would take " 2" and "1_0", too
    return _checked(VARIABLE, text, int(text) if is_number else None, "unset")


if hasattr(os, "register_at_fork"):  # a child may be given other cores
    os.register_at_fork(after_in_child=available.cache_clear)


def _checked(name: str, came: object, number: Any, otherwise: str) -> int:
    try:
        count = index(number)
    except TypeError:  # not a whole number
        count = 0
    if isinstance(number, bool) or not 1 <= count <= MOST:
        wanted = f"it must be a whole number from 1 to {MOST}; {otherwise}: as many as cores"
        raise OptionError(f"{name} is {came!r:.40}; {wanted}")
    return count


def affinity() -> int:
    """Return how many cores the system lets this process use."""
    if sys.version_info >= (3, 13):
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share(groups: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the cores that the control groups of this process grant, rounded up; MOST where none says less.

    A group has no more than the groups that it lies in. A container may know its group by the host's name:
    there is no such folder inside, and what counts lies at the top.

    >>> share(Path("nowhere"))
    1024
    """
    found = [MOST]
    for folder in _folders(groups, mount):
        for read in (_version_2, _version_1):
            with suppress(OSError, ValueError):  # no file, no limit, or no sense
                quota, period = read(folder)
                if quota > 0 and period > 0:
                    found.append(-(-quota // period))
    return min(found)


def _folders(groups: Path, mount: Path) -> Iterator[Path]:
    """Yield the folders of the groups of this process that may limit its time, and of those they lie in."""
    try:
        lines = groups.read_text("utf-8", "surrogateescape").split("\n")
    except OSError:  # not Linux
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, own = rest.partition(":")
        if not controllers:  # version 2, alone or beside version 1
            tops = ["", "unified"]
        elif "cpu" in controllers.split(","):
            tops = [controllers, "cpu"]
        else:
            continue
        group = PurePosixPath(own.lstrip("/"))
        within = [path for path in (group, *group.parents) if ".." not in path.parts]
        yield from (mount / top / path for top in tops for path in within)


def _version_2(folder: Path) -> tuple[int, int]:
    quota, period = (folder / "cpu.max").read_text("ascii").split()
    return int(quota), int(period)


def _version_1(folder: Path) -> tuple[int, int]:
    quota, period = ((folder / f"cpu.cfs_{name}_us").read_text("ascii") for name in ("quota", "period"))
    return int(quota), int(period)
