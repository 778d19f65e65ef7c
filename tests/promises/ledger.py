"""What the promises say, what their tests found, and the page made from both.

    pytest tests/promises --full --record      writes docs/promises.json and docs/promises.md
    python tests/promises/ledger.py            writes the page again, from what is recorded

A test is recorded by its name; what it found stays until it runs again. Passed tests that say nothing of a
row leave no trace, failed and skipped ones do.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
WORDS = tomllib.loads((HERE / "promises.toml").read_text("utf-8"))
NOT_PROMISED: list[str] = WORDS.pop("not_promised")
PROMISES: dict[str, dict[str, str]] = WORDS  # row → part of the page, promise, what is tried
ROW = re.compile(r"R\d+")

HEAD = """\
# Promises

What elman keeps, and what was tried to break it. Each row has a test, `tests/promises/test_r…`, which
measures what stands under *found*; `nox -s promises` tries all of them in full and writes this page. *Quick*
is the part that runs on every change.
"""
TABLE = "| row | promise | tried | found | last run |\n|---|---|---|---|---|\n"
Ledger = dict[str, dict[str, dict[str, Any]]]  # row → test → what it found, when, on what


def files_of(row: str) -> list[Path]:
    """The tests of a row."""
    return sorted(HERE.glob(f"test_r{int(row[1:]):02}_*.py"))


def row_of(path: Path) -> str | None:
    """The row that a test file is of."""
    found = re.match(r"test_r(\d+)_", path.name)
    return found and f"R{int(found[1])}"


# ------------------------------------------------------------------------------------------------ recording


@dataclass
class Said:
    """What one test said, all its parameters together."""

    row: str
    outcome: str = "passed"
    figures: dict[str, list[str]] = field(default_factory=dict)

    def add(self, report: pytest.TestReport) -> None:
        if report.skipped and self.outcome == "passed":
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.outcome = f"skipped: {reason.removeprefix('Skipped: ')}"
        elif report.failed:
            self.outcome = "failed"
        for row, figure in report.user_properties if report.when == "call" and report.passed else ():
            if ROW.fullmatch(row):
                self.figures.setdefault(row, []).append(figure)


class Recorder:
    """A plugin of pytest that writes down what tests of the promises said."""

    def __init__(self, form: str) -> None:
        self.form = form
        self.tests: dict[str, Said] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        path, _, name = report.nodeid.partition("[")[0].partition("::")
        if row := row_of(Path(path)):
            self.tests.setdefault(f"{Path(path).name}::{name}", Said(row)).add(report)

    def pytest_sessionfinish(self) -> None:
        ledger = merged(read(), self.tests, {"date": str(date.today()), "form": self.form, **engine()})
        (DOCS / "promises.json").write_text(json.dumps(ledger, indent=1, ensure_ascii=False) + "\n", "utf-8")
        (DOCS / "promises.md").write_text(page(ledger), "utf-8")


def engine() -> dict[str, str]:
    """What computed."""
    import elman
    from elman.engines import loading

    used = loading.instruction_set()
    return {"engine": "native" if used else "reference", "set": used, "elman": elman.__version__}


def read() -> Ledger:
    path = DOCS / "promises.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def merged(ledger: Ledger, tests: dict[str, Said], run: dict[str, str]) -> Ledger:
    """The ledger after a run: of tests that ran what they said now, of others what they said before."""
    ran = {name for name, said in tests.items() if said.figures or not said.outcome.startswith("skipped")}
    kept = {
        row: {name: said for name, said in found.items() if name not in ran and is_there(name)}
        for row, found in ledger.items()
    }
    for name, test in tests.items():
        for row in {test.row, *test.figures}:
            figures = test.figures.get(row, [])
            if figures or test.outcome != "passed":
                said = {"outcome": test.outcome, "figures": list(dict.fromkeys(figures)), **run}
                kept.setdefault(row, {}).setdefault(name, said)
    return {row: kept[row] for row in PROMISES if kept.get(row)}


def is_there(test: str) -> bool:
    """Whether a test "file::name" still exists."""
    file, _, name = test.partition("::")
    return (HERE / file).exists() and f"def {name}(" in (HERE / file).read_text("utf-8")


# ------------------------------------------------------------------------------------------------- the page


def page(ledger: Ledger) -> str:
    """The page, from what was recorded."""
    parts, title = [HEAD], ""
    for row, words in PROMISES.items():
        if words["part"] != title:
            title = words["part"]
            parts.append(
                f"\n## {title}\n\n| row | promise | tried | found | last run |\n|---|---|---|---|---|\n"
            )
        found = ledger.get(row, {})
        cells = (row, words["promise"], words["tried"], _found(found), _runs(found.values()))
        parts.append(f"| {' | '.join(cells)} |\n")
    parts.append("\n## Not promised\n\n")
    return "".join([*parts, *(f"- {line}\n" for line in NOT_PROMISED), _where(ledger)])


def _found(found: dict[str, dict[str, Any]]) -> str:
    said = [text for name, one in found.items() for text in _of_a_test(name, one)]
    return "; ".join(dict.fromkeys(said)).replace("|", "\\|").replace("\n", " ") or "not recorded"


def _of_a_test(name: str, said: dict[str, Any]) -> Iterator[str]:
    words = name.partition("::")[2].removeprefix("test_").replace("_", " ")
    if said["outcome"] == "failed":
        yield f"**failed**: {words}"
    elif said["outcome"] != "passed":
        yield f"**not tried**: {words} ({said['outcome'].removeprefix('skipped: ')})"
    yield from said["figures"]


def _runs(found: Iterable[dict[str, Any]]) -> str:
    return "; ".join(sorted({f"{one['date']}, {one['form']}" for one in found}))


def _where(ledger: Ledger) -> str:
    ran = {
        (one["elman"], f"{one['engine']} ({one['set']})" if one["set"] else one["engine"])
        for found in ledger.values()
        for one in found.values()
    }
    where = "; ".join(f"elman {version}, engine {engine}" for version, engine in sorted(ran))
    return f"\nMeasured with {where or 'nothing yet'}.\n"


if __name__ == "__main__":
    (DOCS / "promises.md").write_text(page(read()), "utf-8")
