"""How many threads the compiled engine takes: asked for, from the environment, from cores and containers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman.engines import cores
from elman.engines.cores import MOST, VARIABLE, share, threads
from elman.errors import OptionError

Files = dict[str, str]


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(VARIABLE, raising=False)
    cores.available.cache_clear()
    yield
    cores.available.cache_clear()


# ------------------------------------------------------------------------------------------- who decides


def of_machine(monkeypatch: pytest.MonkeyPatch, affinity: int, share: int) -> None:
    monkeypatch.setattr(cores, "affinity", lambda: affinity)
    monkeypatch.setattr(cores, "share", lambda: share)


@pytest.mark.parametrize(
    ("affinity", "share", "count"), [(8, MOST, 8), (8, 3, 3), (2, 3, 2), (5000, MOST, MOST)]
)
def test_nobody_asks(monkeypatch: pytest.MonkeyPatch, affinity: int, share: int, count: int) -> None:
    of_machine(monkeypatch, affinity, share)
    assert threads() == threads(None) == count


@pytest.mark.parametrize("asked", [1, 5, 1024, np.int64(7)], ids=repr)
def test_the_caller_decides_before_all_others(monkeypatch: pytest.MonkeyPatch, asked: int) -> None:
    of_machine(monkeypatch, 2, 1)
    monkeypatch.setenv(VARIABLE, "3")
    assert threads(asked) == asked
    assert type(threads(asked)) is int


@pytest.mark.parametrize(("text", "count"), [("1", 1), ("6", 6), ("1024", 1024), ("007", 7)])
def test_the_environment_decides_before_the_machine(
    monkeypatch: pytest.MonkeyPatch, text: str, count: int
) -> None:
    of_machine(monkeypatch, 2, 1)
    monkeypatch.setenv(VARIABLE, text)
    assert threads() == count


@pytest.mark.parametrize(
    "asked", [0, -1, 1025, 10**9, True, False, 2.0, "2", b"2", [2], np.bool_(True)], ids=repr
)
def test_a_bad_count_is_refused(asked: Any) -> None:
    with pytest.raises(OptionError) as refusal:
        threads(asked)
    assert str(refusal.value) == (
        f"threads is {asked!r}; it must be a whole number from 1 to 1024; None: as many as cores"
    )


BAD_TEXTS = ["", "0", "-1", "+2", " 2", "2 ", "2.5", "1e2", "two", "1_0", "0x2", "1025", "٣", "²", "9" * 5000]


@pytest.mark.parametrize("text", BAD_TEXTS, ids=lambda text: repr(text[:9]))
def test_a_bad_environment_is_refused_each_time(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    for _ in range(2):
        with pytest.raises(OptionError) as refusal:
            threads()
        said = str(refusal.value)
        assert said.startswith(
            f"ELMAN_NUM_THREADS is {text!r:.40}; it must be a whole number from 1 to 1024; "
        )
        assert said.endswith("unset: as many as cores")
        assert len(said) < 150
    assert threads(2) == 2


def test_all_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    of_machine(monkeypatch, 4, MOST)
    assert threads() == 4
    of_machine(monkeypatch, 3, MOST)
    monkeypatch.setenv(VARIABLE, "2")
    assert threads() == 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="2026-11-22: no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_reads_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    of_machine(monkeypatch, 4, MOST)
    assert threads() == 4
    of_machine(monkeypatch, 3, MOST)
    if not (child := os.fork()):
        os._exit(threads())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    assert threads() == 4


# ----------------------------------------------------------------------------------------------- affinity


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="2026-11-22: cores cannot be chosen here")
def test_cores_are_those_that_the_process_may_use() -> None:
    code = (
        "import os; from elman.engines.cores import affinity, threads; "
        "may = os.sched_getaffinity(0); print(affinity() == len(may)); "
        "os.sched_setaffinity(0, [min(may)]); print(affinity(), threads())"
    )
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment, encoding="utf-8"
    )
    assert (done.returncode, done.stdout.split()) == (0, ["True", "1", "1"]), done.stderr


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="2026-11-22: Python has a function of its own")
@pytest.mark.parametrize(("told", "count"), [(6, 6), (None, 1)])
def test_without_affinity_all_cores_count(
    monkeypatch: pytest.MonkeyPatch, told: int | None, count: int
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: told)
    assert cores.affinity() == count


# --------------------------------------------------------------------------------------------- containers


def share_of(place: Path, groups: str, files: Files) -> int:
    """The share of a process with these lines in /proc/self/cgroup, and these files below /sys/fs/cgroup."""
    (place / "groups").write_text(groups, "utf-8")
    for name, text in files.items():
        path = place / "mount" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("latin-1"))
    return share(place / "groups", place / "mount")


def v1(quota: int | str, period: int | str = 100_000, group: str = "cpu/own") -> Files:
    return {f"{group}/cpu.cfs_quota_us": f"{quota}\n", f"{group}/cpu.cfs_period_us": f"{period}\n"}


OWN_2, OWN_1, NONE = "0::/own\n", "4:cpu:/own\n", MOST
TREES: dict[str, tuple[str, Files, int]] = {
    "v2": (OWN_2, {"own/cpu.max": "200000 100000\n"}, 2),
    "v2 rounds up": (OWN_2, {"own/cpu.max": "150000 100000\n"}, 2),
    "v2 less than one": (OWN_2, {"own/cpu.max": "1000 100000\n"}, 1),
    "v2 of another period": (OWN_2, {"own/cpu.max": "100001 50000\n"}, 3),
    "v2 max": (OWN_2, {"own/cpu.max": "max 100000\n"}, NONE),
    "v2 the parent has less": (
        "0::/a/b/c\n",
        {"a/b/c/cpu.max": "900000 100000", "a/b/cpu.max": "300000 100000", "a/cpu.max": "max 100000"},
        3,
    ),
    "v2 the child has less": ("0::/a/b\n", {"a/b/cpu.max": "100000 100000", "a/cpu.max": "300000 100000"}, 1),
    "v2 a neighbor does not count": ("0::/a/b\n", {"a/c/cpu.max": "100000 100000", "b/cpu.max": "1 1"}, NONE),
    "v2 known by the name of the host": ("0::/docker/4f\n", {"cpu.max": "400000 100000"}, 4),
    "v2 at the top": ("0::/\n", {"cpu.max": "500000 100000"}, 5),
    "v2 outside the top": (
        "0::/../other\n",
        {"cpu.max": "500000 100000", "../other/cpu.max": "100000 100000"},  # not a group
        5,
    ),
    "v2 a colon in the name": ("0::/a:b\n", {"a:b/cpu.max": "200000 100000"}, 2),
    "v2 more than anybody has": (OWN_2, {"own/cpu.max": f"{10**30} 1"}, NONE),
    "v1": (OWN_1, v1(250_000), 3),
    "v1 no limit": (OWN_1, v1(-1), NONE),
    "v1 with its neighbor": ("4:cpu,cpuacct:/own\n", v1(200_000, group="cpu,cpuacct/own"), 2),
    "v1 with its neighbor, by a link": ("4:cpuacct,cpu:/own\n", v1(200_000), 2),
    "v1 the parent has less": ("4:cpu:/a/b\n", v1(-1, group="cpu/a/b") | v1(200_000, group="cpu/a"), 2),
    "v1 at the top": ("4:cpu:/docker/4f\n", v1(600_000, group="cpu"), 6),
    "v1 a part of the file": (OWN_1, {"cpu/own/cpu.cfs_quota_us": "100000\n"}, NONE),
    "v1 of others": ("3:cpuset:/own\n2:cpuacct:/own\n1:name=systemd:/own\n", v1(100_000), NONE),
    "both": (
        "9:memory:/own\n4:cpu:/own\n0::/own\n",
        v1(300_000) | {"unified/own/cpu.max": "200000 100000"},
        2,
    ),
    "no lines": ("", {"own/cpu.max": "100000 100000"}, NONE),
    "garbage for lines": ("\n:::\n0\nx:y\n\0::\0\n0::/own", {"own/cpu.max": "100000 100000"}, 1),
    "a byte of zero in the name": ("0::/a\0b\n", {"cpu.max": "200000 100000"}, 2),
    "v2 empty": (OWN_2, {"own/cpu.max": ""}, NONE),
    "v2 one number": (OWN_2, {"own/cpu.max": "100000"}, NONE),
    "v2 text": (OWN_2, {"own/cpu.max": "few many"}, NONE),
    "v2 bytes": (OWN_2, {"own/cpu.max": "\xff\xfe"}, NONE),
    "v2 zero": (OWN_2, {"own/cpu.max": "0 100000"}, NONE),
    "v2 negative": (OWN_2, {"own/cpu.max": "-5 100000"}, NONE),
    "v2 a period of zero": (OWN_2, {"own/cpu.max": "100000 0"}, NONE),
    "v2 a negative period": (OWN_2, {"own/cpu.max": "100000 -1"}, NONE),
    "v2 too many digits": (OWN_2, {"own/cpu.max": "9" * 5000 + " 1"}, NONE),
    "garbage in one, sense in another": (OWN_2, {"own/cpu.max": "?", "cpu.max": "200000 100000"}, 2),
    "v1 text": (OWN_1, v1("few"), NONE),
    "v1 a period of zero": (OWN_1, v1(100_000, 0), NONE),
}


@pytest.mark.parametrize(("groups", "files", "count"), TREES.values(), ids=TREES)
def test_containers(tmp_path: Path, groups: str, files: Files, count: int) -> None:
    assert share_of(tmp_path, groups, files) == count


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "groups").write_bytes(b"0::/\xff\n")
    (tmp_path / "cpu.max").write_text("200000 100000", "ascii")
    assert share(tmp_path / "groups", tmp_path) == 2


def test_what_cannot_be_read_sets_no_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"own/cpu.max": "100000 100000", "cpu.max": "300000 100000"}
    right = Path.read_text

    def read(path: Path, *given: Any) -> str:
        if path.name == "cpu.max" and path.parent.name == "own":
            raise PermissionError(13, "Permission denied", str(path))
        return right(path, *given)

    assert share_of(tmp_path, OWN_2, files) == 1
    monkeypatch.setattr(Path, "read_text", read)
    assert share_of(tmp_path, OWN_2, files) == 3
    (tmp_path / "mount/cpu.max").unlink()
    (tmp_path / "mount/cpu.max").mkdir()
    assert share(tmp_path / "groups", tmp_path / "mount") == NONE
    assert share(tmp_path, tmp_path / "mount") == NONE  # a folder in place of the file
    assert share(tmp_path / "nothing", tmp_path / "mount") == NONE


def test_this_machine_says_something() -> None:
    assert 1 <= share() <= MOST
    assert threads() == min(cores.affinity(), share())
