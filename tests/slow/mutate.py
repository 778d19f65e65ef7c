"""Plant small faults in the source, one at a time, and see whether tests notice: python tests/slow/mutate.py

Faults of the reading and writing of files: a comparison turned round or moved by one, a number one larger, a
condition negated, `and` for `or`, a statement that acts, or raises, left out. For each the package is copied,
the fault written into the copy, and the tests of files run until one fails. Words of messages are left alone,
and so is what only another system runs. Ends with 1 when fewer than nine of ten faults are noticed.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

REPO = Path(__file__).parents[2]
PACKAGE = REPO / "src/elman"
TARGETS = ("files/header.py", "files/tensors.py", "files/atomic.py", "forms.py", "persistence.py")
ROWS = ("10", "12", "07", "05", "06", "04")  # the longest last: most faults are noticed before
TESTS = (
    "tests/test_files_*.py",
    "tests/test_persistence*.py",
    *(f"tests/promises/test_r{row}_*.py" for row in ROWS),
)
ENOUGH = 0.9
LONG = 300  # seconds; what runs so long hangs
PAIRS = (
    *((ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.Is, ast.IsNot), (ast.In, ast.NotIn)),
    *((ast.Add, ast.Sub), (ast.Mult, ast.FloorDiv), (ast.And, ast.Or)),
)
OTHER = {one: other for pair in PAIRS for one, other in (pair, pair[::-1])}

Change = Callable[[ast.AST], ast.AST]


@dataclass(frozen=True)
class Mutant:
    """A file of the package with one fault in it."""

    file: str
    line: int
    fault: str
    source: Callable[[], str]


# ------------------------------------------------------------------------------------------------- planting


def mutants(file: str, source: str) -> Iterator[Mutant]:
    """Every fault that can be planted in this source, from its first line to its last."""
    tree = ast.parse(source)
    for number, node in enumerate(ast.walk(tree)):
        node.number = number
    for node in touched(tree):
        for fault, change in faults(node):
            source = partial(_planted, tree, node.number, change)
            yield Mutant(file, getattr(node, "lineno", 0), fault, source)


def _planted(tree: ast.AST, number: int, change: Change) -> str:
    wrong = _Replace(number, change).visit(copy.deepcopy(tree))
    return ast.unparse(ast.fix_missing_locations(wrong))


def touched(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes in which faults are planted, in the order of the source."""
    yield node
    match node:
        case ast.Raise() | ast.AnnAssign(value=None) | ast.Import() | ast.ImportFrom() | ast.JoinedStr():
            return  # the statement may go, but its words stay
        case ast.AnnAssign(value=ast.AST() as value):
            yield from touched(value)
            return
        case ast.If(test=ast.Compare(left=ast.Attribute(attr="platform"))):
            return
        case ast.Call(func=ast.Name(id="getattr")):
            return  # what another system may lack
        case ast.FunctionDef():
            inner: Iterable[ast.AST] = [*node.args.defaults, *filter(None, node.args.kw_defaults), *node.body]
        case ast.ClassDef():
            inner = node.body
        case _:
            inner = ast.iter_child_nodes(node)
    for child in inner:
        yield from touched(child)


def faults(node: ast.AST) -> Iterator[tuple[str, Change]]:
    """What can be wrong with a node: in words, and the wrong node in its place."""
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in OTHER:
            other = OTHER[type(operator)]
            yield f"{_name(operator)} → {other.__name__}", lambda n: _with(n, ops=[other()])
        case ast.BinOp(op=operator) | ast.BoolOp(op=operator) if type(operator) in OTHER:
            other = OTHER[type(operator)]
            yield f"{_name(operator)} → {other.__name__}", lambda n: _with(n, op=other())
        case ast.UnaryOp(op=ast.Not()):
            yield "not left out", lambda n: n.operand
        case ast.Constant(value=bool(value)):
            yield f"{value} → {not value}", lambda n: ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield f"{value} → {value + 1}", lambda n: ast.Constant(value + 1)
        case ast.If(test=test) if not isinstance(test, ast.Compare | ast.UnaryOp):
            yield "condition negated", lambda n: _with(n, test=ast.UnaryOp(ast.Not(), n.test))
        case ast.Raise() | ast.AugAssign() | ast.Expr(value=ast.Call()) | ast.Delete():
            yield f"left out: {ast.unparse(node).splitlines()[0][:50]}", lambda n: ast.Pass()


def _name(operator: ast.AST) -> str:
    return type(operator).__name__


def _with(node: ast.AST, **fields: object) -> ast.AST:
    for name, value in fields.items():
        setattr(node, name, value)
    return node


class _Replace(ast.NodeTransformer):
    """Changes the node of a number."""

    def __init__(self, number: int, change: Change) -> None:
        self.number, self.change = number, change

    def visit(self, node: ast.AST) -> ast.AST:
        if getattr(node, "number", None) == self.number:
            return self.change(node)
        return self.generic_visit(node)


# ------------------------------------------------------------------------------------------------- trying


def tests() -> list[str]:
    return [str(path) for pattern in TESTS for path in sorted(REPO.glob(pattern))]


def failure(mutant: Mutant | None, place: Path) -> str:
    """What the tests say when one fails, or hangs, with this fault in a copy of the package; else nothing.

    One that fails and then does not, alone, says that the machine was busy: all is tried again.
    """
    package = place / "elman"
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    if mutant is not None:
        (package / mutant.file).write_text(mutant.source(), "utf-8")
    for _ in range(3):
        said = _run(place, tests())
        failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", said, re.MULTILINE)
        if failed is None or _run(place, [failed[1]]):
            return said
    return ""


def _run(place: Path, what: list[str]) -> str:
    options = ("-x", "-q", "-p", "no:cacheprovider", "--no-header", "--hypothesis-seed", "0")
    env = {**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    given: dict[str, Any] = {"cwd": REPO, "env": env, "encoding": "utf-8", "capture_output": True}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *what], timeout=LONG, check=False, **given
        )
    except subprocess.TimeoutExpired:
        return f"nothing for {LONG} seconds"
    return (done.stdout + done.stderr)[-2000:] if done.returncode else ""


def chosen(count: int | None, seed: int, files: Iterable[str] = TARGETS) -> list[Mutant]:
    """So many of all mutants at random, or all."""
    found = [mutant for file in files for mutant in mutants(file, (PACKAGE / file).read_text("utf-8"))]
    if count is None or count >= len(found):
        return found
    return sorted(random.Random(seed).sample(found, count), key=lambda m: (m.file, m.line))


def survivors(tried: Iterable[Mutant], show: Callable[[str], None] = print) -> list[Mutant]:
    """Those that no test notices. Raises RuntimeError when tests fail without a fault."""
    alive = []
    with tempfile.TemporaryDirectory() as folder:
        if said := failure(None, Path(folder)):
            raise RuntimeError(f"the tests fail without a planted fault: {said}")
        for mutant in tried:
            if not failure(mutant, Path(folder)):
                alive.append(mutant)
                show(f"not noticed: {mutant.file}:{mutant.line}: {mutant.fault}")
    return alive


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--count", type=int, help="so many at random; else all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("files", nargs="*", default=TARGETS)
    given = parser.parse_args()
    tried = chosen(given.count, given.seed, given.files)
    print(f"{len(tried)} faults", flush=True)
    alive = survivors(tried, lambda line: print(line, flush=True))
    print(f"{len(tried) - len(alive)} of {len(tried)} noticed")
    if len(alive) > (1 - ENOUGH) * len(tried):
        sys.exit(1)


if __name__ == "__main__":
    main()
