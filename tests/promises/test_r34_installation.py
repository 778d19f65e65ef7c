"""R34: it calls nobody, needs no environment and writes nothing beside itself; it starts fast.

--interpreter takes another Python: nox -s wheel gives it that of an empty environment with the built wheel.
That an install succeeds without a compiler: tests/test_native_build.py.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from test_house import EVERYTHING, fastest_start, run

Kept = Callable[[str, str], None]
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1  # of linux/prctl.h and linux/capability.h
COMMANDS = (
    "train text --steps 3 --hidden-size 8 --val-frac 0.1 -o m.safetensors",
    "eval m.safetensors text",
    "sample m.safetensors --length 20 --seed 1",
    "score m.safetensors text",
    "info m.safetensors",
    "info",
    "--help",
)
# Runs the commands where Python reports every call of the network and of other programs.
WATCHED = """
import sys
events = []
CALLS = ("socket.", "subprocess.", "urllib.", "http.", "ftplib.", "smtplib.", "webbrowser.", "os.system",
         "os.exec", "os.fork", "os.spawn", "os.posix_spawn", "os.startfile")
sys.addaudithook(lambda event, given: event.startswith(CALLS) and events.append((event, str(given)[:80])))
{everything}
from elman.cli import main
for line in {commands!r}:
    sys.argv = ["elman", *line.split()]
    try:
        main()
    except SystemExit as end:
        assert not end.code, (line, end.code)
{more}
print("events", events)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "text").write_text("to be or not to be, that is the question\n" * 60, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def watched(interpreter: Path, more: str = "") -> str:
    """What the process reported, beside what the commands say."""
    code = WATCHED.format(everything=EVERYTHING, commands=COMMANDS, more=more)
    return run(interpreter, "-c", code).stdout.splitlines()[-1]


def test_nobody_is_called(interpreter: Path, place: Path, kept: Kept) -> None:
    assert watched(interpreter) == "events []"
    kept("R34", f"import and {len(COMMANDS)} commands, isolated: 0 calls of the network or of other programs")


@pytest.mark.parametrize(
    ("more", "event"),
    [
        ("import socket; socket.socket().close()", "socket.__new__"),
        ("import subprocess; subprocess.run([sys.executable, '-c', ''])", "subprocess.Popen"),
    ],
)
def test_a_call_is_seen(interpreter: Path, place: Path, more: str, event: str) -> None:
    assert event in watched(interpreter, more)


def test_the_system_sees_no_call_either(interpreter: Path, place: Path, kept: Kept) -> None:
    """Of compiled code, which does not report to Python."""
    if shutil.which("strace") is None:
        pytest.skip("there is no strace to see calls of the system with")
    code = WATCHED.format(everything=EVERYTHING, commands=COMMANDS, more="")
    command = ["strace", "-f", "-e", "trace=network,execve", "-o", "log", str(interpreter), "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, check=False, encoding="utf-8")
    if done.returncode and ("ptrace" in done.stderr or "Operation not permitted" in done.stderr):
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    calls = [line for line in Path("log").read_text("utf-8").splitlines() if "+++" not in line]
    assert len(calls) == 1, calls  # the interpreter itself
    kept("R34", "the same under strace: 0 calls of the network, 0 programs started")


@pytest.fixture
def installed(interpreter: Path) -> Iterator[Path]:
    """A folder with elman in it, in which nobody may write."""
    package = Path(run(interpreter, "-c", "import elman; print(elman.__path__[0])").stdout.strip())
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder)
        shutil.copytree(package, site / "elman", ignore=shutil.ignore_patterns("__pycache__"))
        below = [path for path in (site, *site.rglob("*")) if path.is_dir()]
        for path in below:
            path.chmod(0o555)
        yield site
        for path in below:
            path.chmod(0o755)


def without_root_rights() -> None:
    """Let modes of files hold for root as well, in the program that starts next."""
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


READ_ONLY = """
import pathlib, sys
sys.path.insert(0, {site!r})
import elman
assert elman.__path__[0].startswith(sys.path[0])
try:
    pathlib.Path(sys.path[0], "elman", "written").touch()
except PermissionError:
    pass
else:
    sys.exit("the folder can be written to")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="rights of root are laid down as Linux does it")
def test_it_works_where_it_may_not_write(interpreter: Path, installed: Path, place: Path, kept: Kept) -> None:
    code = READ_ONLY.format(site=str(installed)) + WATCHED.format(everything="", commands=COMMANDS, more="")
    done = subprocess.run(
        [str(interpreter), "-I", "-c", code],
        env={"HOME": "/nonexistent"},
        preexec_fn=without_root_rights,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    kept("R34", f"{len(COMMANDS)} commands from a read-only installation, without a home")


LIMITS = {"import": 150.0, "--help": 300.0}  # milliseconds; the first above those of NumPy
HELP = "subprocess.run([sys.executable, '-I', '-m', 'elman', '--help'], check=True, capture_output=True)"


def test_it_starts_fast(interpreter: Path, kept: Kept) -> None:
    """In one of some attempts: whatever else the machine does only adds."""
    for _ in range(5):
        library = fastest_start(interpreter, "import numpy", EVERYTHING)
        took = {"import": library, "--help": fastest_start(interpreter, "pass", HELP)}
        if all(took[what] < LIMITS[what] for what in LIMITS):
            break
    assert {what: time for what, time in took.items() if time >= LIMITS[what]} == {}
    kept("R34", f"import {took['import']:.0f} ms above NumPy, --help {took['--help']:.0f} ms")
