"""Whether there is a compiled engine, why not, and which instruction set it uses."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from elman.engines import loading
from elman.errors import OptionError


class Fake(SimpleNamespace):
    """A compiled engine with three sets, on a CPU that has two of them."""

    source_digest = ""
    used = None

    def built_sets(self):
        return ("avx512", "avx2", "baseline")

    def instruction_sets(self):
        return ("avx2", "baseline")

    def use(self, name):
        self.used = name


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """Each test finds the engine anew, and no checkout around it."""
    monkeypatch.delenv(loading.VARIABLE, raising=False)
    monkeypatch.setattr(loading, "SOURCES", str(tmp_path / "nowhere"))
    for function in (loading._found, loading.instruction_set):
        function.cache_clear()
    yield
    for function in (loading._found, loading.instruction_set):
        function.cache_clear()


def fail(error):
    def load(name):
        raise error

    return load


@pytest.fixture
def fake(monkeypatch):
    module = Fake()
    monkeypatch.setattr(loading, "import_module", lambda name: module)
    return module


def test_the_best_set_of_the_cpu_is_used(fake):
    assert loading.native() is fake
    assert (fake.used, loading.instruction_set(), loading.why_not()) == ("avx2", "avx2", "")


@pytest.mark.parametrize(("asked", "used"), [("baseline", "baseline"), ("avx2", "avx2"), ("", "avx2")])
def test_the_variable_chooses(fake, monkeypatch, asked, used):
    monkeypatch.setenv(loading.VARIABLE, asked)
    loading.native()
    assert fake.used == used


@pytest.mark.parametrize(
    ("asked", "where"),
    [("avx512", "CPU"), ("neon", "build"), ("AVX2", "build"), ("avx2 ", "build"), ("0", "build")],
)
def test_a_set_that_is_not_here_is_refused_each_time(fake, monkeypatch, asked, where):
    monkeypatch.setenv(loading.VARIABLE, asked)
    for _ in range(2):
        with pytest.raises(OptionError, match=f"ELMAN_ISA is '{asked}', not .*{where}; set avx2, baseline"):
            loading.native()
    assert fake.used is None
    assert loading.why_not() == ""


@pytest.fixture
def package(monkeypatch, tmp_path):
    """A package without the module; Python finds none."""
    monkeypatch.setattr(loading, "PACKAGE", str(tmp_path))
    monkeypatch.setattr(loading, "import_module", fail(ModuleNotFoundError("No module", name=loading.MODULE)))
    return tmp_path


def test_no_module(package):
    (package / "_native.pyi").touch()
    assert loading.native() is None
    assert loading.why_not().startswith("not built: no C++ compiler")
    assert loading.instruction_set() == ""


def test_a_module_for_another_python(package):
    (package / "_native.cpython-309-x86_64-linux-gnu.so").touch()
    assert loading.native() is None
    assert loading.why_not().startswith("built for another Python (_native.cpython-309-x86_64-linux-gnu.so)")


def test_a_module_that_does_not_load(monkeypatch):
    monkeypatch.setattr(loading, "import_module", fail(ImportError("undefined symbol: _ZN5elman")))
    assert loading.native() is None
    assert loading.why_not() == "not loadable: undefined symbol: _ZN5elman"


def test_no_module_obeys_no_variable(package, monkeypatch):
    monkeypatch.setenv(loading.VARIABLE, "avx2")
    with pytest.raises(OptionError, match=r"ELMAN_ISA is 'avx2', but .* is not built: .*; unset"):
        loading.native()


@pytest.fixture
def sources(monkeypatch, tmp_path, fake):
    """The sources of a checkout, and the module built from them."""
    place = tmp_path / "native"
    (place / "cells").mkdir(parents=True)
    (place / "tests").mkdir()
    for name in ("CMakeLists.txt", "kernels.cpp", "cells/gru.hpp", "tests/pool.cpp"):
        (place / name).write_text(name, "utf-8")
    monkeypatch.setattr(loading, "SOURCES", str(place))
    fake.source_digest = loading._digest(str(place))
    return place


@pytest.mark.parametrize("name", ["CMakeLists.txt", "kernels.cpp", "cells/gru.hpp", "cells/new.hpp"])
def test_a_module_of_other_sources_is_not_used(sources, name):
    with open(sources / name, "a", encoding="utf-8") as file:
        file.write("\n")
    assert loading.native() is None
    assert loading.why_not().startswith("out of date")


@pytest.mark.parametrize("name", ["tests/pool.cpp", "kernels.cpp~"])
def test_what_is_not_compiled_does_not_count(sources, fake, name):
    (sources / name).write_text("new", "utf-8")
    assert loading.native() is fake


def test_a_file_that_is_no_module_is_told(tmp_path):
    """The same in a process of its own: a real import of a broken file."""
    place = tmp_path / "elman"
    ignored = shutil.ignore_patterns("_native.*.*", "__pycache__", "*.gz")
    shutil.copytree(Path(loading.__file__).parents[1], place, ignore=ignored)
    (place / "_native.so").write_bytes(b"not a module")
    code = "from elman.engines import loading; print(loading.native(), loading.why_not())"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=True, encoding="utf-8"
    )
    assert done.stdout.startswith("None not loadable: ")
