"""How much memory this process may still take: of the machine, of its container, of what it was told."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from elman.errors import ResourceError

CGROUPS = Path("/sys/fs/cgroup")
PROC = Path("/proc")
RESERVE = 64 << 20  # bytes that are left to the system, and to what a piece of a text may need
LIMIT: ContextVar[float] = ContextVar("LIMIT", default=math.inf)  # of the whole process, in bytes


@contextmanager
def limited(most: float | None) -> Iterator[None]:
    """Let this process take so many bytes at most, in all; None: what there is."""
    before = LIMIT.set(math.inf if most is None else most)
    try:
        yield
    finally:
        LIMIT.reset(before)


def available() -> float:
    """Return how many bytes this process may still take; infinity where nobody can say.

    >>> with limited(resident() + 1000):
    ...     available() < 10**6
    True
    """
    return min(LIMIT.get() - resident(), min(_of_machine(), _of_groups(), _of_process()) - RESERVE)


def check_room(source: str) -> None:
    """Raise ResourceError when what is read leaves no memory, before the system ends the process for it."""
    if available() <= 0:
        raise ResourceError(
            f"{source}: reading it takes more memory than there is, {resident() / 2**20:,.0f} MiB so far; "
            "read a part of it, or raise the limit"
        )


def resident() -> int:
    """Return how many bytes of memory this process has taken; 0 where nobody can say."""
    return _pages(1)


def _pages(column: int) -> int:
    with suppress(OSError, ValueError, AttributeError):
        return int((PROC / "self/statm").read_text("ascii").split()[column]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _of_machine() -> float:
    """What the machine can give without swapping: free, or in a cache that can be dropped."""
    with suppress(OSError):
        told = re.search(r"^MemAvailable: +(\d+) kB", (PROC / "meminfo").read_text("ascii"), re.MULTILINE)
        if told:
            return int(told[1]) * 1024
    with suppress(AttributeError, OSError, ValueError):  # not Linux: all there is must do
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return math.inf


def _of_groups() -> float:
    """What is left of the limits of the process's control groups and of those around them: a container."""
    return min((_of_group(*group) for group in _groups()), default=math.inf)


def _groups() -> Iterator[tuple[Path, str, str]]:
    """Yield the folder of each group from the process's own up, and the names of its limit and its use.

    Inside a container the paths of /proc may be those outside of it; the top of the tree is then its own.
    """
    told = ""
    with suppress(OSError):
        told = (PROC / "self/cgroup").read_text("ascii", "replace")
    for line in told.splitlines():
        _, kinds, path = [*line.split(":", 2), "", ""][:3]
        own = Path(path.lstrip("/"))
        if kinds == "":
            names = (CGROUPS, "memory.max", "memory.current")
        elif "memory" in kinds.split(","):
            names = (CGROUPS / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes")
        else:
            continue
        for folder in (own, *own.parents):
            yield names[0] / folder, names[1], names[2]


def _of_group(folder: Path, limit: str, use: str) -> float:
    """What is left of a group's limit; a cache of files can be dropped."""
    with suppress(OSError, ValueError):
        most = int((folder / limit).read_text("ascii"))  # "max": no limit
        used = int((folder / use).read_text("ascii"))
        told = re.search(
            r"^(?:total_)?inactive_file (\d+)$", (folder / "memory.stat").read_text(), re.MULTILINE
        )
        return most - used + int(told[1] if told else 0)
    return math.inf


def _of_process() -> float:
    """What is left of the limit of `ulimit -v`."""
    if sys.platform == "win32":
        return math.inf
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY:
        return math.inf
    return soft - _pages(0)
