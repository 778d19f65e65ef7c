"""Every page of docs/: its examples run, and print what it says; code, figures and tests it names are there.

How examples are marked is said in tests/pages.py. Whether links and headings fit, Sphinx says: `make docs`.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from pages import missing, run_page

REPO = Path(__file__).parents[2]
DOCS = REPO / "docs"
LANDS = DOCS / "lands"  # whose examples run in the tests of their lands
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts]
INCLUDE = re.compile(r"^:::\{literalinclude\} (\S+)\n((?::[\w-]+:.*\n)*):::$", re.MULTILINE)
OPTION = re.compile(r"^:([\w-]+): ?(.*)$", re.MULTILINE)
TEST = re.compile(r"\b(tests/[\w/]+\.py)(?:::(\w+))?")
SOURCE = re.compile(r"(?<![\w./])((?:src|native|benchmarks|examples)/[\w/]+\.(?:py|cpp|hpp|md))")
DRAWN = re.compile(r"^:::\{drawn\} (\w+)$", re.MULTILINE)

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.parent != LANDS],
    ids=lambda page: page.relative_to(DOCS).as_posix(),
)
def test_every_example_runs(page, tmp_path, monkeypatch):
    text = page.read_text("utf-8")
    if lacking := missing(text):
        pytest.skip(f"this page needs {', '.join(lacking)}")
    monkeypatch.chdir(tmp_path)
    run_page(text, page.name)


@every_page
def test_every_fence_is_read(page):
    text = page.read_text("utf-8")
    whole = re.findall(r"^```(?:\w*|\{[\w-]+\}[^\n`]*)\n.*?^```$", text, re.MULTILINE | re.DOTALL)
    assert len(re.findall("```", text)) == 2 * len(whole)


@every_page
def test_what_a_page_names_is_there(page):
    assert list(absent(page.read_text("utf-8"), page)) == []


def absent(text: str, page: Path) -> list[str]:
    """What a page includes, shows or names and the repository does not have."""
    lost = [fault for include in includes(text, page) for fault in faults(include)]
    lost += [name for name in DRAWN.findall(text) if not (DOCS / f"figures/{name}.py").exists()]
    lost += [path for path in SOURCE.findall(text) if not (REPO / path).exists()]
    for path, function in TEST.findall(text):
        file = REPO / path
        if not file.exists() or (function and f"def {function}(" not in file.read_text("utf-8")):
            lost.append(f"{path}::{function}")
    return lost


class Include(NamedTuple):
    """A piece of the source that a page shows."""

    path: Path
    options: dict[str, str]


def includes(text: str, page: Path) -> list[Include]:
    found = [
        Include(page.parent / path, dict(OPTION.findall(options))) for path, options in INCLUDE.findall(text)
    ]
    assert len(found) == text.count("{literalinclude}"), "an inclusion that is not written as the others"
    return found


def faults(include: Include) -> list[str]:
    """Why a piece cannot be shown as asked; lines are named by their text, never by their number."""
    if not include.path.exists():
        return [str(include.path)]
    if numbered := {"lines", "emphasize-lines"} & include.options.keys():
        return [f"{', '.join(numbered)}: numbers of lines move; say marked, start-at, end-at"]
    text = include.path.read_text("utf-8")
    if "pyobject" in include.options:
        text = piece(text, include.options["pyobject"])
    edges = [
        include.options[name]
        for name in ("start-at", "end-at", "start-after", "end-before")
        if name in include.options
    ]
    wanted = edges + [mark for mark in include.options.get("marked", "").split(" | ") if mark]
    return [f"{include.path.name}: {line}" for line in wanted if line not in text]


def piece(text: str, name: str) -> str:
    """The text of a function, or of a method as Class.method; nothing where there is none."""
    body: list[ast.stmt] = ast.parse(text).body
    node: ast.stmt | None = None
    for part in name.split("."):
        kinds = (ast.FunctionDef, ast.ClassDef)
        node = next((n for n in body if isinstance(n, kinds) and n.name == part), None)
        body = getattr(node, "body", [])
    return "" if node is None else ast.get_source_segment(text, node) or ""


# ---------------------------------------------------------------------------------------------- they can fail

GOOD = """:::{literalinclude} ../../src/elman/cells/elman.py
:pyobject: backward_tanh
:marked: np.multiply(dh1, da, out=da)
:::
"""


def test_a_good_page_lacks_nothing():
    page = DOCS / "cells/elman.md"
    assert absent(GOOD + "tests/test_cells.py::test_forward_is_the_paper, src/elman/rnn.py", page) == []


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("elman.py", "elmann.py"),
        GOOD.replace("(dh1, da,", "(dh1, db,"),
        GOOD.replace("backward_tanh", "backward_relu"),
        GOOD.replace("backward_tanh", "backwards"),
        GOOD.replace(":marked: np.multiply(dh1, da, out=da)", ":emphasize-lines: 3"),
        "tests/test_cells.py::test_forward_is_the_papers",
        "tests/test_cels.py",
        "src/elman/rnnn.py",
        ":::{drawn} nothing\n:::",
    ],
)
def test_what_is_not_there_is_noticed(text):
    assert absent(text, DOCS / "cells/elman.md") != []
