"""R11: loading a model file runs no code and opens nothing else."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

import elman
from file_cases import lies, model_file
from file_mutants import mutant

SOURCES = sorted(Path(elman.__file__).parent.rglob("*.py"))

LOADS = """
import json, os, sys
import elman

def load_all(paths):
    loaded = 0
    for path in paths:
        try:
            elman.load(path)
            loaded += 1
        except elman.ElmanError:
            pass
    return loaded

paths = sorted(os.path.join(sys.argv[1], name) for name in os.listdir(sys.argv[1]))
load_all(paths[:1] * 2)  # what is imported at first use is imported
"""
WATCHED = """
seen = []
FORBIDDEN = ("import", "exec", "compile", "marshal.", "pickle.", "subprocess.", "os.", "socket.", "ctypes.",
             "shutil.", "tempfile.", "glob.", "sqlite3.", "mmap.", "code.", "cpython.", "winreg.", "urllib.")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

def hook(event, arguments):
    foreign = event == "open" and (arguments[0] not in known or arguments[2] & WRITING)
    if foreign or event.startswith(FORBIDDEN):
        seen.append((event, *arguments))

known = {*paths, *range(100)}  # a number is a descriptor that is open already
sys.addaudithook(hook)
loaded = load_all(paths)
events, seen[:] = list(seen), []
eval("1 + 1")
open(os.devnull, "w").close()
import colorsys
heard = {event[0] for event in seen}
print(json.dumps([loaded, len(paths), events, sorted(heard)], default=str))
"""
MARKED = """
os.access("/begin-of-loading", os.F_OK)
load_all(paths)
os.access("/end-of-loading", os.F_OK)
open(os.devnull).close()
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A folder of hostile files, and of two good ones."""
    folder = tmp_path_factory.mktemp("corpus")
    told = lies(folder)
    good = model_file(folder / "0good")
    shutil.copy(good, folder / "z-good")
    for number, raw in enumerate(told.values()):
        (folder / f"lie{number}").write_bytes(raw)
    random, seeds = Random(11), [good.read_bytes()]
    for number in range(500):
        (folder / f"mutant{number}").write_bytes(mutant(random, seeds))
    for name, raw in {"pickle": b"\x80\x04.", "zip": b"PK\3\4" + bytes(40), "elf": b"\x7fELF" * 20}.items():
        (folder / name).write_bytes(raw)
    (folder / "directory").mkdir()
    return folder


def test_loading_runs_no_code_and_opens_nothing_else(corpus, kept):
    """No event of the interpreter but the opening of the files; then the hook hears those that do happen."""
    command = [sys.executable, "-c", LOADS + WATCHED, str(corpus)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    loaded, files, events, heard = json.loads(done.stdout)
    assert events == []
    assert {"compile", "exec", "import", "open"} <= set(heard)
    assert loaded >= 2
    assert files > 700
    kept("R11", f"{files:,} hostile files loaded under an audit hook: 0 events")


def traced(corpus, log):
    """Run under strace; return the system calls between the marks, and those after."""
    strace = ["strace", "-f", "-e", "trace=%file,%process,%network,dup,memfd_create", "-o", str(log)]
    probe = subprocess.run([*strace, sys.executable, "-c", ""], capture_output=True, text=True, check=False)
    if probe.returncode:
        pytest.skip(f"strace may not trace here: {probe.stderr.strip()[-100:]}")
    command = [*strace, sys.executable, "-c", LOADS + MARKED, str(corpus)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    lines = log.read_text(errors="replace").splitlines()
    begin, end = (k for k, line in enumerate(lines) if "-of-loading" in line)
    return lines[begin + 1 : end], lines[end + 1 :]


@pytest.mark.skipif(shutil.which("strace") is None, reason="there is no strace here")
def test_the_system_sees_the_named_files_opened_to_be_read_and_nothing_else(corpus, tmp_path, kept):
    calls, after = traced(corpus, tmp_path / "log")
    folder = re.escape(str(corpus))
    named = re.compile(rf'\d+ +\w+\((AT_FDCWD, )?"{folder}/[^"/]+", (O_RDONLY[^,]*\)|.*st_mode.*)')
    looks = [line for line in calls if not re.match(r"\d+ +(---|\+\+\+|fstat\(|newfstatat\(\d+, \"\")", line)]
    assert [line for line in looks if not named.match(line) or "O_CREAT" in line] == []
    opened = sum("O_RDONLY" in line for line in looks)
    assert opened > 700
    assert any('"/dev/null"' in line for line in after)
    kept("R11", f"strace: {opened:,} files opened, each one that was named, to be read")


# -------------------------------------------------------------------------------------------------- the lint

MODULES = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "copyreg"}
CALLS = {"eval", "exec", "compile", "__import__", "breakpoint"}
NAMES = {"allow_pickle", "DataSource"}  # of NumPy; its load and save are for pickles, too


def offences(tree: ast.AST):
    """Yield what could run what a file says."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (one.name for one in names if one.name.split(".")[0] in MODULES)
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in MODULES:
                yield module
            case ast.Call(func=ast.Name(id=name)) if name in CALLS:
                yield name
            case ast.keyword(arg=name) if name in NAMES:
                yield name
            case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr="load" | "save" | "savez" as name):
                yield f"numpy.{name}"
            case ast.Attribute(attr=name) if name in NAMES:
                yield name


def test_no_source_has_what_runs_a_file(kept):
    found = {path.name: list(offences(ast.parse(path.read_text("utf-8")))) for path in SOURCES}
    assert {name: words for name, words in found.items() if words} == {}
    assert len(found) > 80
    kept("R11", f"{len(SOURCES)} source files: no pickle, marshal, shelve, eval, exec, allow_pickle")


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from marshal import loads",
        "import shelve as s",
        "import joblib.numpy_pickle",
        "eval(text)",
        "exec(text)",
        "__import__(name)",
        "read(path, allow_pickle=True)",
        "np.load(path)",
        "np.DataSource()",
    ],
)
def test_each_offence_would_be_noticed(line):
    assert len(list(offences(ast.parse(line)))) == 1
