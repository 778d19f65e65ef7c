"""The page of the promises is what their tests recorded, every row has tests, and the recording records."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

import ledger
from ledger import DOCS, PROMISES, Said, files_of, merged, page, row_of

HELD = {f"R{number}" for number in range(1, 36)} - {
    "R22",
    "R31",
    "R32",
    "R33",
}  # those wait for what they are of
RUN = {"date": "2026-01-02", "form": "quick", "engine": "native", "set": "avx2", "elman": "0"}


def test_the_page_is_what_was_recorded() -> None:
    """Where it is not: python tests/promises/ledger.py writes it."""
    assert (DOCS / "promises.md").read_text("utf-8") == page(ledger.read())


def test_every_row_is_on_the_page_and_has_tests() -> None:
    assert PROMISES.keys() == HELD
    assert [row for row in PROMISES if not files_of(row)] == []


def test_every_test_file_is_of_a_row() -> None:
    others = [path.name for path in ledger.HERE.glob("test_*.py") if row_of(path) not in PROMISES]
    assert others == ["test_page.py"]


# ---------------------------------------------------------------------------------- that the recording works

FILE = "test_r01_planted.py"
TESTS = """
import pytest

@pytest.mark.parametrize("n", [1, 2])
def test_tries(kept, n):
    kept("R1", f"{n} | tries")
    kept("R5", "no litter")

def test_fails(kept):
    kept("R1", "not so")
    assert False

def test_is_skipped():
    pytest.skip("no disk here")

def test_says_nothing():
    pass
"""


PROGRAM = """
import sys
from pathlib import Path
import pytest
import ledger
ledger.DOCS = Path(sys.argv[1])
options = ["-q", "-p", "no:cacheprovider", "--rootdir", sys.argv[1]]
pytest.main([*options, sys.argv[1]], [ledger.Recorder("quick")])
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run of TESTS leaves in an empty ledger, and the page made from it."""
    place = tmp_path_factory.mktemp("recorded")
    (place / "conftest.py").write_text((ledger.HERE / "conftest.py").read_text("utf-8"))
    (place / FILE).write_text(TESTS)
    command = (sys.executable, "-c", PROGRAM, str(place))
    subprocess.run(command, check=True, cwd=ledger.HERE, capture_output=True)
    said: dict[str, Any] = json.loads((place / "promises.json").read_text("utf-8"))
    return {"page": (place / "promises.md").read_text("utf-8"), **said}


def test_a_run_is_recorded(recorded: dict[str, Any]) -> None:
    planted = {f"{FILE}::{name}" for name in ("test_tries", "test_fails", "test_is_skipped")}
    assert recorded["R1"].keys() == planted
    assert recorded["R1"][f"{FILE}::test_tries"]["figures"] == ["1 | tries", "2 | tries"]
    assert recorded["R1"][f"{FILE}::test_fails"]["figures"] == []
    assert recorded["R5"][f"{FILE}::test_tries"]["figures"] == ["no litter"]


def test_the_page_says_what_failed_and_what_was_not_tried(recorded: dict[str, Any]) -> None:
    (row,) = (line for line in recorded["page"].splitlines() if line.startswith("| R1 "))
    assert r"1 \| tries; 2 \| tries; **failed**: fails; **not tried**: is skipped (no disk here)" in row
    assert "not so" not in recorded["page"]
    (row,) = (line for line in recorded["page"].splitlines() if line.startswith("| R2 "))
    assert "not recorded" in row


def test_a_later_run_changes_what_it_ran() -> None:
    """What did not run stays, what is gone goes; a test that passes again leaves no trace of its failure."""
    said = {"outcome": "failed", "figures": [], **RUN}
    before = {"R1": {"tries": said, "gone_since": said}, "R2": {"ran": said}, "R3": {"waits": said}}
    tests = {"ran": Said("R2"), "new": Said("R4", "failed"), "tries": Said("R1", "skipped: not here")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "is_there", lambda test: test != "gone_since")
        after = merged(before, tests, RUN)
    assert after == {"R1": {"tries": said}, "R3": {"waits": said}, "R4": {"new": said}}


def test_tests_that_are_gone_are_known() -> None:
    assert ledger.is_there("test_page.py::test_tests_that_are_gone_are_known")
    assert not ledger.is_there("test_page.py::test_that_never_was")
    assert not ledger.is_there("test_never_was.py::test_that_never_was")
