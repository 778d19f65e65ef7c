"""The checks of this project, each with one place where it is written down.

`make test lint wheel` and .ci/run call the first five; the others are slow and started by hand:
`.venv/bin/nox -s train60`. A session runs in the environment that nox is in, .venv, unless it builds its own.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path
from zipfile import ZipFile

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["tests", "lint", "types", "imports", "wheel"]

BIN = Path(sys.executable).parent
TORCH = "torch==2.13.0"
JAX = "jax==0.10.2"
KERAS = "keras==3.15.1"
CLAIM = 1.78  # nats per symbol
REPORTS = {"address": "AddressSanitizer", "undefined": "runtime error", "thread": "ThreadSanitizer"}


def python(session: nox.Session, module: str, *arguments: str) -> None:
    session.run(sys.executable, "-m", module, *arguments)


@nox.session
def tests(session: nox.Session) -> None:
    """The tests and the examples in the docstrings; what follows -- goes to pytest."""
    python(session, "pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and layout of every Python file."""
    python(session, "ruff", "check")
    python(session, "ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """mypy --strict on src."""
    python(session, "mypy")


@nox.session
def imports(session: nox.Session) -> None:
    """The layers contract."""
    session.run(str(BIN / "lint-imports"))


@nox.session
def wheel(session: nox.Session) -> None:
    """What users install: sdist and wheel are built, and the wheel works in an empty environment.

    Then the same without a C++ compiler: the wheel is pure and says so.
    """
    place = Path(session.create_tmp()).resolve()
    for old in place.glob("*/elman-*"):
        old.unlink()
    python(session, "build", "--outdir", str(place / "dist"))  # the wheel is built from the sdist
    (sdist,) = place.glob("dist/*.tar.gz")
    (built,) = place.glob("dist/*.whl")
    try_bare(session, place, built, "native" if has_engine(session) else "reference")

    pip = ("wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--wheel-dir", str(place / "pure"))
    session.run(sys.executable, "-m", "pip", *pip, str(sdist), env={"CXX": "no-compiler"})
    (pure,) = place.glob("pure/*-py3-none-any.whl")
    try_bare(session, place, pure, "reference")


def has_engine(session: nox.Session) -> bool:
    """Tell whether the checkout has a compiled engine: then the wheel has one, too."""
    code = "from elman.engines import loading; print(loading.why_not())"
    return not str(session.run(sys.executable, "-c", code, silent=True)).strip()


def try_bare(session: nox.Session, place: Path, built: Path, engine: str) -> None:
    """Install a wheel into an empty environment, use it, and see that this engine runs."""
    modules = [item for item in ZipFile(built).infolist() if item.filename.endswith((".so", ".pyd"))]
    session.log(f"{built.name}: {built.stat().st_size:,} bytes")
    for module in modules:
        session.log(f"{module.filename}: {module.file_size:,} bytes")
    python(session, "venv", "--clear", str(place / "bare"))
    bare, elman = place / "bare/bin/python", str(place / "bare/bin/elman")
    session.run(str(bare), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(built))
    with session.chdir(place):
        session.run(elman, "--help", silent=True)
        session.run(elman, "train", "--steps", "5", "--seed", "1", "-o", "bare.safetensors")
        session.run(elman, "sample", "bare.safetensors", "--length", "40", "--seed", "1")
        said = str(session.run(elman, "info", silent=True))
    session.log(said)
    if f"engine   {engine}" not in said or len(modules) != (engine == "native"):
        session.error(f"the {engine} engine should run, with {int(engine == 'native')} compiled module")
    for tests in (("tests/test_house.py", "-k", "startup"), ("tests/promises/test_r34_installation.py",)):
        python(session, "pytest", *tests, "--interpreter", str(bare))


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation: warnings are errors, no page fetches from elsewhere. `make docs` calls it."""
    site, kept = "docs/_build/html", "docs/_build/kept"
    python(session, "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-d", kept, "docs", site)
    session.run(sys.executable, "docs/tools/offline.py", site)


@nox.session
def languages(session: nox.Session) -> None:
    """Networks that learn the formal languages become exactly the right automata: a quarter of an hour."""
    python(session, "pytest", "-m", "slow", "tests/inspection/test_automata_trained.py", *session.posargs)


@nox.session(venv_backend="venv")
def report(session: nox.Session) -> None:
    """The page of `elman inspect` in Chromium; in an environment of its own. Debian: chromium."""
    session.install("-e", ".[dev]", "playwright")
    session.run("python", "-m", "pytest", "-m", "slow", "tests/slow/report_browser.py", *session.posargs)


@nox.session
def train60(session: nox.Session) -> None:
    """The claim of the README: in 60 seconds below 1.78 nats on the last 10 % of Tiny Shakespeare."""
    elman, model = str(BIN / "elman"), str(Path(session.create_tmp()) / "train60.safetensors")
    session.run(elman, "train", "--minutes", "1", "-o", model, *session.posargs)
    said = str(session.run(elman, "eval", model, "--val-frac", "0.1", silent=True))
    session.log(said)
    nats = float(said.split(" nats")[0])
    if not nats < CLAIM:
        session.error(f"{nats} nats; the claim is below {CLAIM}")


@nox.session(venv_backend="venv")
def parity(session: nox.Session) -> None:
    """Numbers against PyTorch, live; in an environment of its own."""
    session.install("-e", ".[dev]", TORCH)
    tests = ("tests/promises/test_r14_parity.py", "--full", "--record")
    session.run("python", "-m", "pytest", *tests, *session.posargs)


@nox.session(venv_backend="venv")
def lands(session: nox.Session) -> None:
    """Exports and imports at full length, with PyTorch and Keras live; in an environment of its own."""
    session.install("-e", ".[dev]", TORCH, KERAS)
    session.run("python", "-m", "pytest", "tests/interop", "--full", *session.posargs)


@nox.session
def cortex(session: nox.Session) -> None:
    """The exported C on a Cortex-M4F and a Cortex-M3 under QEMU.

    Debian: gcc-arm-none-eabi, libnewlib-arm-none-eabi, qemu-system-arm.
    """
    for program in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(program) is None:
            session.skip(f"no {program}")
    python(session, "pytest", "tests/interop/test_c_cortex.py", "--full", *session.posargs)


@nox.session(venv_backend="venv")
def bench(session: nox.Session) -> None:
    """Speed of training against hand-written NumPy, PyTorch and JAX; in an environment of its own."""
    session.install("-e", ".", TORCH, JAX)
    session.run("python", "benchmarks/speed/train_step.py", *session.posargs)


@nox.session
def ulp(session: nox.Session) -> None:
    """The compiled exp, sigmoid, tanh and log at every float32, by instruction set: a quarter of an hour."""
    python(session, "pytest", "-m", "slow", "tests/promises/test_r15_activations.py", "--full", "--record")
    session.run(sys.executable, "tests/slow/ulp.py", "--plant")


@nox.session
@nox.parametrize("sanitizer", ["address,undefined", "thread"])
def sanitize(session: nox.Session, sanitizer: str) -> None:
    """The engine's tests, with a compiled engine that watches itself; needs GCC and its sanitizers."""
    _, env = watched(session, sanitizer)
    counting = "tests/native/test_native_threads.py::test_threads_are_started"  # a sanitizer has its own
    tests = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/native", "--deselect", counting)
    session.run(*tests, *session.posargs, env=env)


@nox.session
def fuzz(session: nox.Session) -> None:
    """The same engine called with what is wrong, 30 minutes for each target; -- 5: so many minutes."""
    _, env = watched(session, "address,undefined")
    minutes = session.posargs[0] if session.posargs else "30"
    tests = ("-m", "slow", "tests/promises/test_r09_fuzzed_engine.py", "--full", "--record")
    env |= {"ELMAN_FUZZ_MINUTES": minutes}
    session.run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests, env=env)


@nox.session(venv_backend="venv")
def fuzz_files(session: nox.Session) -> None:
    """Model files by a fuzzer that sees which lines of the reader run, for 10 minutes; -- 1: so many."""
    session.install("-e", ".[dev]", "atheris")
    minutes = session.posargs[0] if session.posargs else "10"
    tests = ("-m", "slow", "tests/promises/test_r08_fuzzed_files.py", "--full", "--record")
    session.run("python", "-m", "pytest", *tests, env={"ELMAN_FUZZ_MINUTES": minutes})


@nox.session
def promises(session: nox.Session) -> None:
    """Every promise at its full length: an hour and more; the page of the promises gets what was found."""
    python(session, "pytest", "tests/promises", "--full", "--record", *session.posargs)


@nox.session
def seeds(session: nox.Session) -> None:
    """The numeric tests with each of the seeds 0 to 99: three quarters of an hour."""
    session.run(sys.executable, "tests/promises/drawn.py", *(session.posargs or ("0", "99")))


@nox.session
def mutants(session: nox.Session) -> None:
    """Faults planted in what reads and writes files, one by one: nine of ten must be noticed; an hour."""
    tests = ("-m", "slow", "tests/promises/test_r35_covered.py", "--full", "--record")
    python(session, "pytest", *tests, *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Branches that the tests take: 95 % of all; of what reads and writes files all (test_r35_covered.py)."""
    python(session, "coverage", "run", "--branch", "--source=src/elman", "-m", "pytest", *session.posargs)
    python(session, "coverage", "report", "--fail-under=95")


def watched(session: nox.Session, sanitizer: str) -> tuple[Path, dict[str, str]]:
    """Build the engine with a sanitizer, see that it watches; return where, and the environment to run in."""
    place = Path("build/sanitize", sanitizer.split(",")[0]).resolve()
    shutil.rmtree(place / "elman", ignore_errors=True)
    shutil.copytree("src/elman", place / "elman", ignore=shutil.ignore_patterns("_native.*.*", "__pycache__"))
    compile_engine(session, place, f"-DELMAN_SANITIZE={sanitizer}", "-DCMAKE_BUILD_TYPE=RelWithDebInfo")
    env = {**watch(session, sanitizer), "PYTHONPATH": str(place), "PYTHONMALLOC": "malloc"}

    planted = place / "planted.so"  # each fault in it must end the program, or nobody watches
    flags = (f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all", "-shared", "-fPIC", "-pthread")
    session.run("g++", *flags, "native/tests/planted.cpp", "-o", str(planted), external=True)
    for fault in sanitizer.split(","):
        code = f"import ctypes; ctypes.CDLL({str(planted)!r}).{fault}()"
        said = str(session.run(sys.executable, "-c", code, env=env, silent=True, success_codes=range(1, 256)))
        session.log(next(line for line in said.splitlines() if REPORTS[fault] in line))

    code = "import elman._native as native; print(native.__file__)"
    module = Path(str(session.run(sys.executable, "-c", code, env=env, silent=True)).strip())
    if module.parent != place / "elman" or b"san_init" not in module.read_bytes():
        session.error(f"{module} does not watch itself")
    return place, env


def compile_engine(session: nox.Session, place: Path, *options: str) -> None:
    """Build native/ in a folder of its own; the module goes to elman/ there."""
    cmake = shutil.which("cmake", path=f"{BIN}{os.pathsep}{os.environ['PATH']}") or "cmake"
    objects, given = str(place / "build"), (f"-DPython_EXECUTABLE={sys.executable}", *options)
    session.run(cmake, "-S", "native", "-B", objects, *given, external=True)
    session.run(cmake, "--build", objects, "--parallel", str(os.cpu_count()), external=True)
    session.run(cmake, "--install", objects, "--prefix", str(place), external=True)


def watch(session: nox.Session, sanitizer: str) -> dict[str, str]:
    """Return the environment in which Python runs under a sanitizer."""
    libraries = ("libtsan.so" if sanitizer == "thread" else "libasan.so", "libstdc++.so")
    asked = (("g++", f"-print-file-name={name}") for name in libraries)
    found = [session.run(*command, silent=True, external=True) for command in asked]
    place = Path("native/tests").resolve()
    return {
        "LD_PRELOAD": ":".join(str(path).strip() for path in found),
        # CPython frees little at its end; tests ask for too much memory, and start threads after a fork.
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "UBSAN_OPTIONS": f"print_stacktrace=1:suppressions={place}/undefined.supp",
        "TSAN_OPTIONS": f"allocator_may_return_null=1:die_after_fork=0:suppressions={place}/thread.supp",
        "OPENBLAS_NUM_THREADS": "1",
    }


@nox.session
def aarch64(session: nox.Session) -> None:
    """The compiled engine compiles for NEON; needs g++-aarch64-linux-gnu. It is not run."""
    compiler = "aarch64-linux-gnu-g++"
    if shutil.which(compiler) is None:
        session.skip(f"no {compiler}")
    target = ("-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64")
    headers = f"-DPython_INCLUDE_DIR={sysconfig.get_path('include')}"  # of this machine; both have 64 bits
    place = Path("build/aarch64").resolve()
    compile_engine(session, place, *target, headers, f"-DCMAKE_CXX_COMPILER={compiler}")
