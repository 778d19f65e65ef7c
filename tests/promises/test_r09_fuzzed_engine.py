"""R9: nothing that reaches the compiled engine makes it read or write where it must not.

Here the engine as it is installed is called for a moment, and a crash would end a process of its own. `nox -s
fuzz` calls one that watches its memory, 30 minutes for each target.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from elman.engines.loading import native

PROGRAM = Path(__file__).parents[1] / "slow/fuzz_native.py"
TARGETS = ("calls", "whole", "streams", "states", "drawing")
QUICK, FULL = 0.01, 0.5  # minutes

compiled = pytest.mark.skipif(native() is None, reason="there is no compiled engine here")


@compiled
@pytest.mark.parametrize("target", TARGETS)
def test_calls_with_what_is_wrong_go_through_or_are_refused(target, tmp_path, seed, full, kept):
    minutes = str(FULL if full else QUICK)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", PROGRAM, target, minutes, str(seed)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, (done.stderr, (tmp_path / f"{target}.case").read_text())
    made, refused = map(_count, (rf"{target}: .* cases, (\S+) calls", r"Error': (\d+)"), [done.stdout] * 2)
    assert made > refused > 0
    kept("R9", f"{target}: {made:,} calls with what is wrong, 0 crashes, without a sanitizer")


def _count(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found is not None, text
    return int(found[1].replace(",", ""))


@compiled
def test_a_crash_would_be_told(tmp_path):
    """The program is ended by what ends the engine, and the file names the case."""
    code = (
        "import sys, os, signal, runpy; sys.argv = ['', 'states', '1', '7']; import fuzz_streams\n"
        "fuzz_streams.states = lambda random: iter([lambda: os.kill(os.getpid(), signal.SIGSEGV)])\n"
        f"runpy.run_path({str(PROGRAM)!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{PROGRAM.parent}:{PROGRAM.parents[1] / 'native'}:{PROGRAM.parents[1]}"},
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == -11, done.stderr
    assert (tmp_path / "states.case").read_text() == "states 7 0\n"
