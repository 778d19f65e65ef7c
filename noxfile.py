"""The checks of this project, each with one place where it is written down.

`make test lint wheel` and .ci/run call the first five; the others are slow and started by hand:
`.venv/bin/nox -s train60`. A session runs in the environment that nox is in, .venv, unless it builds its own.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["tests", "lint", "types", "imports", "wheel"]

BIN = Path(sys.executable).parent
TORCH = "torch==2.13.0"
JAX = "jax==0.10.2"
CLAIM = 1.78  # nats per symbol


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
    """What users install: sdist and wheel are built, and the wheel works in an empty environment."""
    place = Path(session.create_tmp()).resolve()
    for old in place.glob("dist/*"):
        old.unlink()
    python(session, "build", "--outdir", str(place / "dist"))  # the wheel is built from the sdist
    (built,) = place.glob("dist/*.whl")
    python(session, "venv", "--clear", str(place / "bare"))
    bare, elman = place / "bare/bin/python", str(place / "bare/bin/elman")
    session.run(str(bare), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(built))
    with session.chdir(place):
        session.run(elman, "--help")
        session.run(elman, "train", "--steps", "5", "--seed", "1", "-o", "bare.safetensors")
        session.run(elman, "sample", "bare.safetensors", "--length", "40", "--seed", "1")
    startup = ("tests/test_house.py", "-k", "startup", "--interpreter", str(bare))
    python(session, "pytest", *startup)


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
    session.run("python", "-m", "pytest", "-m", "slow", "tests/slow/parity_torch.py", *session.posargs)


@nox.session(venv_backend="venv")
def bench(session: nox.Session) -> None:
    """Speed of training against hand-written NumPy, PyTorch and JAX; in an environment of its own."""
    session.install("-e", ".", TORCH, JAX)
    session.run("python", "benchmarks/speed/train_step.py", *session.posargs)
