"""The build: the engine is there where a compiler works, and an install succeeds where none does."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from elman.engines import loading

REPO = Path(__file__).parents[1]
PROGRAM = """#include <thread>
int main() { return std::thread::hardware_concurrency() > 1u << 20; }
"""


def build(what: str, place: Path, out: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Let the backend build the project in this place, as pip does."""
    code = f"from scikit_build_core.build import build_{what}; build_{what}({str(out)!r})"
    out.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=place,
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="session")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The C++ compiler that CMake would take, or nothing where none makes a program."""
    source = tmp_path_factory.mktemp("compiler") / "program.cpp"
    source.write_text(PROGRAM, "utf-8")
    options = ["-std=c++17", "-pthread", str(source), "-o", str(source.with_suffix(".exe"))]
    for name in (os.environ["CXX"],) if "CXX" in os.environ else ("c++", "g++", "clang++"):
        command = [*shlex.split(name), *options]
        if (
            shutil.which(command[0])
            and subprocess.run(command, capture_output=True, check=False).returncode == 0
        ):
            return name
    return ""


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sdist")
    build("sdist", REPO, out)
    (path,) = out.glob("*.tar.gz")
    return path


@pytest.fixture
def unpacked(sdist: Path, tmp_path: Path) -> Path:
    """What pip has when it builds: the sdist, in a place of its own."""
    safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # from Python 3.11.4 on
    with tarfile.open(sdist) as file:
        file.extractall(tmp_path, **safely)
    (path,) = tmp_path.glob("elman-*")
    return path


def test_where_a_compiler_works_there_is_an_engine(compiler):
    assert not compiler or loading.why_not() == ""


def test_the_sdist_holds_what_is_compiled_and_nothing_that_was(sdist):
    with tarfile.open(sdist) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    native = {path.relative_to(REPO).as_posix() for path in REPO.glob("native/**/*.[ch]pp")}
    assert {"native/CMakeLists.txt", "src/elman/engines/loading.py", "tests/cases.py", *native} <= names
    assert {Path(name).suffix for name in names}.isdisjoint({".so", ".pyd", ".o", ".a", ".pyc"})
    assert not any(name.startswith(("build/", ".venv/", ".nox/")) for name in names)
    assert sdist.stat().st_size < 2_000_000


def pure(wheel: Path) -> None:
    """See that a wheel is one for every Python, with all sources and no module."""
    names = ZipFile(wheel).namelist()
    assert wheel.name.endswith("-py3-none-any.whl")
    assert not any(name.endswith((".so", ".pyd")) for name in names)


@pytest.mark.parametrize("what", ["wheel", "editable"])
def test_without_a_compiler_the_install_succeeds_and_says_so(unpacked, tmp_path, what):
    (unpacked / "src/elman/_native.so").write_bytes(b"of an older build")
    done = build(what, unpacked, tmp_path / "out", CXX="no-compiler")
    assert "NO COMPILED ENGINE" in done.stdout
    (wheel,) = (tmp_path / "out").iterdir()
    pure(wheel)
    assert ("elman/engines/reference.py" in ZipFile(wheel).namelist()) == (what == "wheel")


def test_code_that_does_not_compile_does_not_stop_an_install(unpacked, tmp_path, compiler):
    (unpacked / "native/bindings.cpp").write_text("#error planted\n", "utf-8")
    recipe = unpacked / "native/CMakeLists.txt"
    text = recipe.read_text("utf-8")
    plain = text.replace("nanobind_add_module(_native NB_STATIC NOMINSIZE", "add_library(_native MODULE")
    assert plain != text  # nanobind would take half a minute before the error is met
    recipe.write_text(plain, "utf-8")
    done = build("wheel", unpacked, tmp_path / "out")
    assert ("error planted" in done.stdout + done.stderr) == bool(compiler)
    assert "NO COMPILED ENGINE" in done.stdout
    pure(next((tmp_path / "out").iterdir()))


def test_an_editable_install_shows_the_checkout_itself(unpacked, tmp_path):
    build("editable", unpacked, tmp_path / "out", CXX="no-compiler")
    site = tmp_path / "site"
    with ZipFile(next((tmp_path / "out").iterdir())) as wheel:
        wheel.extractall(site)
    (unpacked / "src/elman/brand_new.py").write_text("here = __file__\n", "utf-8")
    code = f"import site; site.addsitedir({str(site)!r}); import elman.brand_new as new; print(new.here)"
    command = [sys.executable, "-S", "-c", code]
    done = subprocess.run(command, capture_output=True, check=False, encoding="utf-8")
    assert done.stdout.strip() == str(unpacked / "src/elman/brand_new.py"), done.stderr
