"""Run the examples of a page, in order, as one program.

```python           run; with >>> its output is compared, too. Names live on from block to block.
```console, ```sh   lines that start with $ are commands; all but those of NOT_RUN are run and must succeed.
```text             under <!-- printed --> compared with what the example before it printed; … is anything.
                    Under <!-- printed, numbers within 5 % --> words must agree, and numbers nearly.
Anything else is not run, so a command that takes long is shown there, or with few --steps.
<!-- needs: torch, gcc --> names packages and programs without which a page cannot be run.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

NOT_RUN = {"cd", "git", "make", "pip"}  # they build the place that the examples run in
# Every command of a pipe must succeed, but for one whose reader had enough (SIGPIPE: 141).
CHECK = '\nfor code in "${PIPESTATUS[@]}"; do [ $code -eq 0 ] || [ $code -eq 141 ] || exit $code; done'
MARK = r"<!-- printed(?:, numbers within (?P<percent>[\d.]+) %)? -->\n+"
FENCE = re.compile(rf"^(?P<mark>{MARK})?```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
NEEDS = re.compile(r"^<!-- needs: (.+) -->$", re.MULTILINE)
NUMBER = re.compile(r"[-+−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
DOCTEST = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


class Block(NamedTuple):
    """One fenced block of a page, and the line on which its text starts."""

    language: str
    text: str
    line: int
    printed: bool = False
    within: float = 0.0  # how far numbers may be off, as a share


def blocks(page: str) -> list[Block]:
    return [
        Block(
            m["language"],
            m["text"],
            page.count("\n", 0, m.start("text")) + 1,
            m["mark"] is not None,
            float(m["percent"] or 0) / 100,
        )
        for m in FENCE.finditer(page)
    ]


def missing(page: str) -> list[str]:
    """What a page needs and this machine lacks."""
    needed = ", ".join(NEEDS.findall(page)).split(", ")
    return [
        name for name in filter(None, needed) if not (importlib.util.find_spec(name) or shutil.which(name))
    ]


def commands(text: str) -> list[str]:
    """The commands after $, a line that ends in a backslash joined to its next."""
    found = re.findall(r"^\$ (.*)$", text.replace("\\\n", " "), re.MULTILINE)
    return [command for command in found if command.split()[0] not in NOT_RUN]


def run_python(block: Block, names: dict[str, Any], where: str) -> str:
    if not re.search(r"^>>> ", block.text, re.MULTILINE):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile("\n" * (block.line - 1) + block.text, where, "exec", dont_inherit=True), names)
        return printed.getvalue()
    test = doctest.DocTestParser().get_doctest(block.text, {}, where, where, block.line - 1)
    test.globs = names  # not a copy: the next block goes on
    report: list[str] = []
    doctest.DocTestRunner(optionflags=DOCTEST).run(test, out=report.append, clear_globs=False)
    assert not report, "".join(report)
    return ""


def run_commands(block: Block, names: dict[str, Any], where: str) -> str:
    path, printed = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]), ""
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
        printed += done.stdout
    return printed


RUNNERS = {"python": run_python, "console": run_commands, "sh": run_commands}


def agrees(said: str, printed: str, within: float) -> bool:
    """Is this what was printed, numbers up to a share of themselves?"""
    said = said.replace("…", "...")
    if not within:
        return doctest.OutputChecker().check_output(said, printed, DOCTEST)
    words = [NUMBER.sub("#", " ".join(text.split())) for text in (said, printed)]
    if words[0] != words[1]:
        return False
    pairs = zip(numbers(said), numbers(printed), strict=True)
    return all(abs(a - b) <= within * max(abs(a), abs(b)) for a, b in pairs)


def numbers(text: str) -> list[float]:
    return [float(number.replace(",", "").replace("−", "-")) for number in NUMBER.findall(text)]


def run_page(page: str, where: str) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = ""
    for block in blocks(page):
        if block.language in RUNNERS:
            printed = RUNNERS[block.language](block, names, where)
        elif block.printed:
            told = f"{where}:{block.line}: the page says\n{block.text}and this was printed\n{printed}"
            assert agrees(block.text, printed, block.within), told
