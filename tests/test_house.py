"""The rules of the house that a machine can check; docstrings, style and layers have tools of their own."""

from __future__ import annotations

import ast
import inspect
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from types import ModuleType

import pytest

import elman

REPO = Path(__file__).parents[1]
PACKAGE = REPO / "src/elman"
TEXT_OF = {
    path.relative_to(PACKAGE).as_posix(): path.read_text("utf-8") for path in sorted(PACKAGE.rglob("*.py"))
}
TREE_OF = {name: ast.parse(text) for name, text in TEXT_OF.items()}

Function = ast.FunctionDef | ast.AsyncFunctionDef

# ------------------------------------------------------------------------------------------------- sizes

LIMITS = {"lines of a file": 250, "lines of a function": 40, "positional arguments": 5, "nesting": 3}

# (limit, "file" or "file:function") -> the reason. An entry that is no longer needed fails, too.
EXCEPTIONS = {
    ("lines of a file", "engines/reference.py"): "all that is right in one place, and its table of contents",
    ("lines of a file", "network.py"): "every option of a network has a line of its own",
    ("positional arguments", "heads/affine.py:backward"): "the three gradients are written, not returned",
}


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def lines(function: Function) -> int:
    """From def to the end, the docstring not counted."""
    total = function.end_lineno - function.lineno + 1
    first = function.body[0]
    return total - (first.end_lineno - first.lineno + 1 if ast.get_docstring(function) else 0)


def positional(function: Function) -> int:
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def nesting(node: ast.AST) -> int:
    """How deep decisions and loops lie; elif lies beside its if, a function inside starts anew."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, Function):
            is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
            is_block = isinstance(child, ast.If | ast.For | ast.While | ast.Match)
            deepest = max(deepest, nesting(child) + (is_block and not is_elif))
    return deepest


def sizes() -> Iterator[tuple[str, str, int]]:
    for name, tree in TREE_OF.items():
        yield "lines of a file", name, len(TEXT_OF[name].splitlines())
        for function in functions(tree):
            where = f"{name}:{function.name}"
            yield "lines of a function", where, lines(function)
            yield "nesting", where, nesting(function)
            if not name.startswith("cells/"):  # the pair of a cell has the engine's contract
                yield "positional arguments", where, positional(function)


def test_sizes_stay_within_the_limits_but_for_reasoned_exceptions():
    over = {(limit, where): size for limit, where, size in sizes() if size > LIMITS[limit]}
    assert {which: size for which, size in over.items() if which not in EXCEPTIONS} == {}
    assert EXCEPTIONS.keys() - over.keys() == set(), "no longer needed"


def test_the_measures_measure():
    tree = ast.parse(
        'def f(self, a, b, /, c, *, d):\n    """Two\n    lines."""\n    if a:\n        for b in c:\n'
        "            pass\n    elif b:\n        pass\n"
    )
    (function,) = functions(tree)
    assert (lines(function), positional(function), nesting(function)) == (6, 3, 2)


# ----------------------------------------------- what is not used; what could run a file: promises/test_r11

NOT_IMPORTED = {
    "random": "one np.random.Generator is passed in",
    "socket": "elman calls nobody",
    "ssl": "elman calls nobody",
    "http": "elman calls nobody",
    "urllib": "elman calls nobody",
    "ftplib": "elman calls nobody",
    "smtplib": "elman calls nobody",
    "asyncio": "elman calls nobody",
    "requests": "elman calls nobody",
    "httpx": "elman calls nobody",
}
RANDOM_TYPES = {"BitGenerator", "Generator", "PCG64", "Philox", "SeedSequence", "default_rng"}


def offences(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names if name.name.split(".")[0] in NOT_IMPORTED)
            case ast.ImportFrom(module=str(module), level=0) if module.split(".")[0] in NOT_IMPORTED:
                yield module
            case ast.Attribute(value=ast.Attribute(attr="random"), attr=name) if name not in RANDOM_TYPES:
                yield ast.unparse(node)


@pytest.mark.parametrize("name", TREE_OF)
def test_no_network_and_no_global_random_numbers(name):
    assert list(offences(TREE_OF[name])) == []


@pytest.mark.parametrize(
    "line",
    [
        "import socket",
        "from urllib.request import urlopen",
        "from random import random",
        "np.random.seed(0)",
        "x = np.random.standard_normal(3)",
    ],
)
def test_each_offence_would_be_noticed(line):
    assert len(list(offences(ast.parse(line)))) == 1


# --------------------------------------------------------------------------------------- what users read


def public() -> Iterator[tuple[str, object]]:
    """The functions and classes of `elman` and of the modules among its names; no data, no errors."""
    for name in elman.__all__:
        value = getattr(elman, name)
        if isinstance(value, ModuleType):
            own = inspect.getmembers(value, inspect.isfunction)
            yield from ((f"{name}.{n}", f) for n, f in own if f.__module__ == value.__name__ and n[0] != "_")
        elif inspect.isfunction(value) or not (issubclass(value, Exception) or is_dataclass(value)):
            yield name, value


def test_everything_public_has_an_example():
    names = dict(public())
    assert {"RNN", "Network", "softmax", "bptt.full"} <= names.keys()
    assert [name for name, value in names.items() if ">>> " not in (inspect.getdoc(value) or "")] == []


def test_one_version():
    project = tomllib.loads((REPO / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == elman.__version__
    assert f"{project['version']}]" in (REPO / "CHANGELOG.md").read_text("utf-8")


# Each in two halves, so that this file passes its own check: the project works from any index and any folder.
FORBIDDEN = [
    "pypi" + ".org",
    "python" + "hosted",
    "index" + "-url",
    "find" + "-links",
    "/wo" + "rk/",
    "/ro" + "ot/",
]
TEXTS = [
    path
    for pattern in (".ci/*", "*", "src/**/*", "tests/**/*", "docs/**/*", "benchmarks/**/*", "examples/**/*")
    for path in sorted(REPO.glob(pattern))
    if path.is_file() and path.suffix in ("", ".py", ".md", ".toml", ".txt")
]


def test_no_file_names_a_package_index_or_a_place_on_one_machine():
    assert {"Makefile", "run", "noxfile.py", "test_house.py"} <= {path.name for path in TEXTS}
    found = [(path, word) for path in TEXTS for word in FORBIDDEN if word in path.read_text("utf-8")]
    assert found == []


# ------------------------------------------------------------------------------------------------ start-up


EVERYTHING = "import elman; [getattr(elman, name) for name in elman.__all__]"  # names are loaded at first use
CLOCK = "import subprocess, sys; from time import perf_counter as now; {before}; start = now(); {timed}; "


def run(interpreter: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the interpreter alone: no site of the user, not this folder."""
    command = [str(interpreter), "-I", *arguments]
    done = subprocess.run(command, capture_output=True, check=False, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done


def fastest_start(interpreter: Path, before: str, timed: str) -> float:
    """Milliseconds of the best of several fresh starts: whatever else the machine does only adds."""
    code = CLOCK.format(before=before, timed=timed) + "print((now() - start) * 1e3)"
    return min(float(run(interpreter, "-c", code).stdout) for _ in range(7))


def test_startup_of_the_library_loads_numpy_alone(interpreter):
    loaded = run(interpreter, "-c", EVERYTHING + "; import sys; print(*sys.modules)").stdout.split()
    assert "numpy" in loaded
    assert {"click", "rich", "msgspec", "threadpoolctl", "torch", "sklearn"}.isdisjoint(loaded)


def test_startup_of_the_library_takes_less_than_150_ms_above_numpy(interpreter):
    assert fastest_start(interpreter, "import numpy", EVERYTHING) < 150


def test_startup_of_the_help_loads_no_numpy(interpreter):
    shown = run(interpreter, "-X", "importtime", "-m", "elman", "--help")
    loaded = {line.split("|")[-1].strip() for line in shown.stderr.splitlines()}
    assert "Usage: elman" in shown.stdout
    assert "click" in loaded
    assert {"numpy", "rich", "msgspec", "threadpoolctl"}.isdisjoint(loaded)


def test_startup_of_the_help_takes_less_than_300_ms(interpreter):
    command = "[sys.executable, '-I', '-m', 'elman', '--help']"
    timed = f"subprocess.run({command}, check=True, stdout=subprocess.DEVNULL)"
    assert fastest_start(interpreter, "pass", timed) < 300
