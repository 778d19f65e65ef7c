"""R9: nothing that reaches the compiled engine makes it read or write where it must not.

The engine as it is installed is called for a moment, and a crash would end a process of its own; `nox -s
fuzz` calls one that watches its memory, 30 minutes for each target.
"""

from __future__ import annotations

import os
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
    made = fuzzed(target, FULL if full else QUICK, seed, tmp_path)
    kept("R9", f"{target}: {made:,} calls with what is wrong, 0 crashes, without a sanitizer")


@compiled
@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_an_engine_that_watches_its_memory_reports_nothing(target, tmp_path, seed, kept):
    """nox -s fuzz, which builds it, says for how many minutes."""
    minutes = os.environ.get("ELMAN_FUZZ_MINUTES")
    if minutes is None:
        pytest.skip("takes minutes: nox -s fuzz")
    assert b"__asan_init" in Path(native().__file__).read_bytes()
    made = fuzzed(target, float(minutes), seed, tmp_path)
    watched = "under AddressSanitizer and UndefinedBehaviorSanitizer"
    kept("R9", f"{target}: {made:,} calls in {minutes} minutes {watched}, 0 reports")


def fuzzed(target, minutes, seed, folder):
    """Call the engine that is installed here for so long; return how many calls were made."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", PROGRAM, target, str(minutes), str(seed)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60 * minutes + 600,
        check=False,
    )
    assert done.returncode == 0, (done.stderr, (folder / f"{target}.case").read_text())
    made, refused = map(_count, (rf"{target}: .* cases, (\S+) calls", r"Error': (\d+)"), [done.stdout] * 2)
    assert made > refused > 0
    return made


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
