"""R25: what there is: the machine, the container around it, ulimit, and --memory-limit."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from cli_cases import elman, finished, process, refused, rhyme, write
from elman.cli.memory import size
from elman.data import available


@pytest.mark.parametrize(
    ("text", "count"),
    [("1", 1), ("4096", 4096), ("2k", 2048), ("1.5 GiB", 3 << 29), ("3TB", 3 << 40), ("7 b", 7)],
)
def test_amounts(text, count):
    assert size(text) == count


@pytest.mark.parametrize("text", ["", "0", "-1", "M", "1e3", "1..5", "5X", "nan", "1" * 30, "٣G", "0.1B"])
def test_what_is_no_amount(tmp_path, text):
    line = refused(elman("train", "-o", tmp_path / "m", f"--memory-limit={text}"), 2)
    assert "'--memory-limit'" in line
    assert "expected an amount such as 500M or 2G" in line


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine of which nothing is known."""
    monkeypatch.setattr(available, "PROC", tmp_path / "proc")
    monkeypatch.setattr(available, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(available.os, "sysconf", lambda _: -1 << 40)
    monkeypatch.setattr(available, "_of_process", lambda: math.inf)
    return tmp_path


def say(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


STAT = f"anon 1\ninactive_file {1 << 30}\n"
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes")
GROUPS = {
    "version 2": ("0::/a/b\n", "", "memory.max", "memory.current", "max\n"),
    "version 1": ("4:cpu:/x\n3:hugetlb,memory:/a/b\n", "memory", *V1, f"{2**63 - 4096}\n"),
}


@pytest.mark.parametrize("version", GROUPS)
@pytest.mark.parametrize("where", ["a/b", "a", ""])
def test_the_limits_of_a_container(machine, version, where):
    """Its own, one around it, or with paths of outside: the top that it sees."""
    told, top, limit, use, none = GROUPS[version]
    say(machine / "proc/self", cgroup=told)
    groups = machine / "cgroup" / top
    for folder in ("a/b", "a", ""):
        if where or not folder:  # of outside, nothing else is there
            most = f"{5 << 30}\n" if folder == where else none
            say(groups / folder, **{limit: most, use: f"{2 << 30}\n", "memory.stat": STAT})
    assert available._of_groups() == 4 << 30


def test_what_the_machine_has_free(machine):
    say(machine / "proc", meminfo="MemTotal: 9000 kB\nMemAvailable:   3145728 kB\n")
    assert available.available() == (3 << 30) - available.RESERVE
    with available.limited(1 << 30):
        assert available.available() == 1 << 30  # nobody says what is taken


@pytest.mark.skipif(sys.platform == "win32", reason="2026-11-22: there is no ulimit")
def test_what_ulimit_leaves(tmp_path):
    file = write(tmp_path / "text.txt", rhyme())
    arguments = (
        "train",
        file,
        "-o",
        tmp_path / "m",
        "--hidden-size",
        "4000",
        "--batch-size",
        "2",
        "--seq-length",
        "4",
    )
    done = finished(process(*arguments, before="", program=("-c", LIMITED)))
    assert "the run would take about" in refused(done, 5)


LIMITED = """
import resource
from elman.cli import main
resource.setrlimit(resource.RLIMIT_AS, (3 << 28, 3 << 28))
main()
"""
