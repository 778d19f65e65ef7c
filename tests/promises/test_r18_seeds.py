"""R18: no test hangs on one seed: the numeric ones hold for 0 to 99, and each run tells the one it drew.

`nox -s seeds` tries all hundred; here a few of them, and that one bad seed among them would be found.
"""

from __future__ import annotations

import random
import re
import shutil
from pathlib import Path

import pytest

from cli_cases import write
from drawn import NUMERIC, TESTS, run

PLANTED = """
from hypothesis import given, strategies as st

def test_of_one_seed(seed):
    assert seed != 37

@given(st.integers(0, 2**60))
def test_of_hypothesis(number):
    with open("drawn.txt", "a") as file:
        print(number, file=file)

def test_that_draws_nothing():
    raise AssertionError
"""


@pytest.fixture
def planted(tmp_path) -> Path:
    """A folder of tests of which one fails with the seed 37; a third draws nothing, and always fails."""
    shutil.copy(TESTS / "conftest.py", tmp_path)
    write(tmp_path / "pytest.ini", "[pytest]\n")
    return write(tmp_path / "test_planted.py", PLANTED)


def test_one_bad_seed_is_found_and_comes_back(planted, tmp_path):
    told, drawn = {}, {}
    for seed in (36, 37, 37):
        done = run(seed, [planted], tmp_path)
        told[seed] = (done.returncode, re.findall(r"FAILED \S+::(\w+)", done.stdout))
        again = (tmp_path / "drawn.txt").read_text()
        assert drawn.setdefault(seed, again) == again  # the same cases for the same seed
        (tmp_path / "drawn.txt").unlink()
        assert f"the same cases again: pytest --hypothesis-seed {seed}" in done.stdout
    assert told == {36: (0, []), 37: (1, ["test_of_one_seed"])}
    assert drawn[36] != drawn[37]


def test_the_numeric_tests_hold_for_any_seed(full, kept):
    """A few drawn ones: in the quick form of the tests of one file, else of all."""
    files = [TESTS / name for name in (NUMERIC if full else ("test_heads.py",))]
    assert all(file.exists() for file in files)
    seeds = random.SystemRandom().sample(range(100), 6 if full else 1)
    counts = set()
    for seed in seeds:
        done = run(seed, files)
        assert done.returncode == 0, f"seed {seed}: {done.stdout}"
        counts.add(int(re.findall(r"(\d+) passed", done.stdout)[-1]))
    (count,) = counts
    kept("R18", f"{count} drawn tests with the seeds {', '.join(map(str, sorted(seeds)))}: 0 failures")
