"""Bad input to the compiled engine is a Python exception, never a crash: asked in processes of their own."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from elman import Network
from native_cases import SETS

# What is right after all: which argument of which function, and why.
FINE = {
    r"(back|for)ward \w+\[[234]\]\[[0-7]\] locked|\w+\[[0-3]\] locked": "only read",
    r"(outputs|inputs|softmax|judge)\[1\]\[[0-4]\] locked": "only read",
    r"(back|for)ward gru\[2\]\[3\] None": "no recurrent bias is a bias of zero",
    r"(back|for)ward \w+\[3\]\[[014567]\] None": "nothing on the way",
    r"forward \w+\[4\]\[[46789]\] None": "nothing is kept for a way back",
    r"backward \w+\[5\]\[7\] None|backward \w+\[6\]\[[345]\] None|softmax\[1\]\[4\] None": "not asked for",
    r"(back|for)ward \w+\[3\]\[5\] (negative|huge|beyond)": "a number: the share of zoneout",
    r"update\[1\]\[[0-6]\] (negative|huge|beyond)|softmax\[[23]\] (negative|huge|beyond)": "numbers",
    r"(back|for)ward \w+\[3\]\[1\] another byte order": "one byte has no order",
    r"judge\[1\]\[5\] (negative|too large|2⁶²)": "guesses are written, not read",
    r"\w+( \w+)?\[\d\] negative": "threads below 1 count as 1; a function that is none is a log",
}


@pytest.fixture(scope="module")
def outcomes() -> dict[str, str]:
    """What came of each call, by name."""
    command = [sys.executable, str(Path(__file__).parent / "refusals.py")]
    done = subprocess.run(command, capture_output=True, check=False, encoding="utf-8", timeout=300)
    assert done.returncode == 0, (done.stdout.splitlines()[-1:], done.stderr[-2000:])
    return dict(line.rsplit(": ", 1) for line in done.stdout.splitlines())


def test_what_is_right_is_done(outcomes: dict[str, str]) -> None:
    right = [outcome for name, outcome in outcomes.items() if name.startswith("right")]
    assert right == ["fine"] * 24


def test_sizes_that_wrap_round_are_refused(outcomes: dict[str, str]) -> None:
    hostile = {name: outcome for name, outcome in outcomes.items() if name.startswith("hostile")}
    assert len(hostile) >= 14
    assert [name for name, outcome in hostile.items() if outcome not in ("ValueError", "MemoryError")] == []


def test_each_argument_wrong_in_turn_is_refused(outcomes: dict[str, str]) -> None:
    wrong = {name: outcome for name, outcome in outcomes.items() if not name.startswith(("right", "hostile"))}
    assert len(wrong) > 3000
    fine = {name.split(" ", 1)[1] for name, outcome in wrong.items() if outcome == "fine"}
    known = {pattern: {name for name in fine if re.fullmatch(pattern, name)} for pattern in FINE}
    assert fine - set().union(*known.values()) == set()
    assert [pattern for pattern, names in known.items() if not names] == [], "no longer needed"


def ask(code: str, **environment: str) -> str:
    """The last line that a program writes."""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, check=False, encoding="utf-8"
    )
    return (done.stdout + done.stderr).strip().splitlines()[-1]


USE = """
import elman
from elman.engines.loading import instruction_set
elman.Network(input_size=2, hidden_size=3, output_size=2, engine="native").run([0, 1])
print(instruction_set())
"""


@pytest.mark.parametrize("name", SETS)
def test_the_variable_forces_an_instruction_set(name: str) -> None:
    assert ask(USE, ELMAN_ISA=name) == name


@pytest.mark.parametrize(
    "environment",
    [{"ELMAN_ISA": "mmx"}] + [{"ELMAN_NUM_THREADS": wrong} for wrong in ("0", "-1", "abc", "100000", "")],
    ids=str,
)
def test_a_variable_that_makes_no_sense_is_told(environment: dict[str, str]) -> None:
    ((name, value),) = environment.items()
    assert ask(USE, **environment).startswith(f"elman.errors.OptionError: {name} is '{value}'")


def test_arrays_from_elsewhere_are_read() -> None:
    """NumPy tells the byte order of what came through the buffer protocol, though it is the machine's own."""
    network = Network(input_size=3, hidden_size=4, output_size=2, engine="native")
    numbers = np.ctypeslib.as_array((ctypes.c_float * 6)(*range(6))).reshape(2, 1, 3)
    expected = network.run(np.arange(6, dtype="f4").reshape(2, 1, 3))[0]
    assert network.run(numbers)[0].tobytes() == expected.tobytes()
    symbols = np.ctypeslib.as_array((ctypes.c_int64 * 4)(0, 2, 1, 1)).reshape(2, 2)
    assert network.run(symbols)[0].tobytes() == network.run(np.array([[0, 2], [1, 1]]))[0].tobytes()
    swapped = np.arange(6, dtype=">f4").reshape(2, 1, 3)
    assert network.run(swapped)[0].tobytes() == expected.tobytes()
