"""Every example of README.md and docs/ is run, in order, each page in an empty folder of its own.

```python           run; with >>> its output is compared, too. One page is one program: names live on.
```console, ```sh   lines that start with $ are commands; all but those of NOT_RUN are run and must succeed.
Anything else (```text, ```) is not run, so a command that takes long is shown there, or with few --steps.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

REPO = Path(__file__).parents[1]
LANDS = REPO / "docs/lands"  # whose pages run in the tests of their lands
PAGES = [
    REPO / "README.md",
    *(page for page in sorted((REPO / "docs").rglob("*.md")) if page.parent != LANDS),
]
NOT_RUN = {"cd", "git", "make", "pip"}  # they build the place that the examples run in
# Every command of a pipe must succeed, but for one whose reader had enough (SIGPIPE: 141).
CHECK = '\nfor code in "${PIPESTATUS[@]}"; do [ $code -eq 0 ] || [ $code -eq 141 ] || exit $code; done'
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """One fenced block of a page and the line on which its text starts."""

    language: str
    text: str
    line: int


def blocks(page: str) -> list[Block]:
    return [Block(m[1], m[2], page.count("\n", 0, m.start(2)) + 1) for m in FENCE.finditer(page)]


def commands(text: str) -> list[str]:
    """The commands after $, a line that ends in a backslash joined to its next."""
    found = re.findall(r"^\$ (.*)$", text.replace("\\\n", " "), re.MULTILINE)
    return [command for command in found if command.split()[0] not in NOT_RUN]


def run_python(block: Block, names: dict[str, Any], where: str) -> None:
    if not re.search(r"^>>> ", block.text, re.MULTILINE):
        exec(compile("\n" * (block.line - 1) + block.text, where, "exec", dont_inherit=True), names)
        return
    test = doctest.DocTestParser().get_doctest(block.text, {}, where, where, block.line - 1)
    test.globs = names  # not a copy: the next block goes on
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    runner.run(test, out=report.append, clear_globs=False)
    assert not report, "".join(report)


def run_commands(block: Block, names: dict[str, Any], where: str) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for command in commands(block.text):
        done = subprocess.run(
            ["bash", "-c", command + CHECK],
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            encoding="utf-8",
            timeout=120,
        )
        assert done.returncode == 0, f"{where}:{block.line}: {command}\n{done.stdout}{done.stderr}"


RUNNERS: dict[str, Callable[[Block, dict[str, Any], str], None]] = {
    "python": run_python,
    "console": run_commands,
    "sh": run_commands,
}


def run_page(page: str, where: str) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        if block.language in RUNNERS:
            RUNNERS[block.language](block, names, where)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPO).as_posix())
def test_every_example_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_page(page.read_text("utf-8"), page.name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPO).as_posix())
def test_every_fence_is_read(page):
    text = page.read_text("utf-8")
    assert len(re.findall("```", text)) == 2 * len(re.findall(r"^```\w*\n.*?^```$", text, re.M | re.S))


def test_the_readme_shows_python_and_the_command_line():
    read = blocks((REPO / "README.md").read_text("utf-8"))
    shown = [
        command for block in read if block.language in ("console", "sh") for command in commands(block.text)
    ]
    assert any(block.language == "python" for block in read)
    assert any("elman" in command for command in shown)


@pytest.mark.parametrize(
    "page",
    [
        "```python\nx = 1\n```\n\n```python\nassert x == 2\n```",
        "```python\n>>> 1 + 1\n3\n```",
        "```python\n>>> undefined\n```",
        "```console\n$ make never\n$ printf '1' | \\\n    grep 2\n1\n```",
        "```sh\n$ grep 2 missing | sort  # the first of the pipe fails\n```",
    ],
)
def test_a_wrong_example_would_be_noticed(page):
    with pytest.raises(AssertionError):
        run_page(page, "page")


def test_blocks_share_names_and_some_commands_are_left_out():
    run_page(
        "```python\nx = 1\n```\n```python\n>>> x + 1\n2\n>>> y = 3\n```\n```python\nassert y == 3\n```",
        "page",
    )
    run_page("```console\n$ make never\nnot a command\n$ yes | head -n 1  # enough\n```", "page")
    assert commands("$ make demo\n$ elman info \\\n  model\nwords\n") == ["elman info    model"]
