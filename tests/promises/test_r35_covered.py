"""R35: what reads and writes files is covered branch by branch, by tests that notice planted faults.

Sanitizers over the tests of the compiled engine: nox -s sanitize. All planted faults: nox -s mutants.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import elman

Kept = Callable[[str, str], None]
SLOW = Path(__file__).parents[1] / "slow"
COVERED = ("files", "forms.py", "persistence.py", "portable.py")
SETTINGS = """
[report]
exclude_also =
    if sys.platform == "win32":
    if not dtype.isnative:
partial_branches =
    if sys.platform != "win32":
"""  # of each a machine runs one side


@pytest.fixture(scope="module")
def mutate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mutate", SLOW / "mutate.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["mutate"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ------------------------------------------------------------------------------------------------ branches


@pytest.mark.skipif(importlib.util.find_spec("coverage") is None, reason="there is no package coverage here")
def test_every_branch_is_taken(mutate: ModuleType, full: bool, tmp_path: Path, kept: Kept) -> None:
    if not full:
        pytest.skip("branches are counted in the full form")
    package = Path(elman.__path__[0])
    settings, data, report = (str(tmp_path / name) for name in ("settings", "data", "report.json"))
    Path(settings).write_text(SETTINGS, "utf-8")
    include = ",".join(str(package / name) + ("/*" if name == "files" else "") for name in COVERED)
    options = ("--branch", f"--rcfile={settings}", f"--data-file={data}", f"--include={include}")
    others = ("test_estimators_saving", "test_reprs", "test_streaming_states")
    tests = [*mutate.tests(), *(f"tests/{name}.py" for name in others)]
    coverage(*options, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, command="run")
    coverage(f"--rcfile={settings}", f"--data-file={data}", "-o", report, command="json")
    found = json.loads(Path(report).read_text("utf-8"))
    missing = {
        name: (one["missing_lines"], one["missing_branches"])
        for name, one in found["files"].items()
        if one["missing_lines"] or one["missing_branches"]
    }
    assert missing == {}
    totals = found["totals"]
    assert totals["num_branches"] > 50
    taken = f"{totals['covered_branches']} of {totals['num_branches']}"
    kept("R35", f"{taken} branches of {', '.join(COVERED)} taken")


def coverage(*arguments: str, command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "coverage", command, *arguments],
        cwd=SLOW.parents[1],
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


# ------------------------------------------------------------------------------------------- planted faults


def tried(mutate: ModuleType, count: int | None, seed: int, kept: Kept) -> None:
    mutants = mutate.chosen(count, seed)
    alive = mutate.survivors(mutants)
    seen = len(mutants) - len(alive)
    assert seen >= mutate.ENOUGH * len(mutants), alive
    kept("R35", f"{seen} of {len(mutants)} faults planted in files and persistence noticed")


def test_planted_faults_are_noticed(mutate: ModuleType, full: bool, seed: int, kept: Kept) -> None:
    """Twenty at random: some minutes."""
    if not full:
        pytest.skip("faults are planted in the full form")
    tried(mutate, 20, seed, kept)


@pytest.mark.slow
def test_all_planted_faults_are_noticed(mutate: ModuleType, kept: Kept) -> None:
    tried(mutate, None, 0, kept)


SOURCE = '''
import sys

def f(a, b: int = 3, *, c=True):
    """1 + 1"""
    if sys.platform == "win32":
        return 7
    if not a and b < 4:
        raise ValueError(f"{a} is not {b + 1}")
    a.append(b)
    return c
'''
PLANTED = {
    (4, "3 → 4"), (4, "True → False"), (8, "And → Or"), (8, "Lt → LtE"), (8, "not left out"), (8, "4 → 5"),
    (8, "condition negated"), (9, "left out: raise ValueError(f'{a} is not {b + 1}')"),
    (10, "left out: a.append(b)"),
}  # fmt: skip


def test_faults_are_planted_one_at_a_time(mutate: ModuleType) -> None:
    """In code alone: no docstring, no words of a message, nothing of another system; each source differs."""
    found = list(mutate.mutants("f.py", SOURCE))
    assert {(mutant.line, mutant.fault) for mutant in found} == PLANTED
    assert len({mutant.source() for mutant in found}) == len(found) == len(PLANTED)


def test_there_is_enough_to_plant(mutate: ModuleType) -> None:
    """In each file, and of each kind."""
    found = mutate.chosen(None, 0)
    assert {mutant.file for mutant in found} == set(mutate.TARGETS)
    assert len(found) > 150
    kinds = ("left out: raise", "condition negated", "not left out", "Gt → GtE", "NotEq → Eq", "1 → 2")
    assert [kind for kind in kinds if not any(m.fault.startswith(kind) for m in found)] == []
    assert len(mutate.chosen(30, 1)) == 30
