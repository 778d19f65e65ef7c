"""The programs in examples/ run as they are, say what is true, and draw; each stays small."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.image import imread

EXAMPLES = Path(__file__).parents[1] / "examples"
PROGRAMS = sorted(EXAMPLES.glob("*.py"))
LINES = 60  # that a program has fewer of


def run(name: str, picture: Path) -> str:
    """Run an example as users do, draw into `picture`, and return what it printed."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), str(picture)],
        cwd=picture.parent,
        env={**os.environ, "MPLBACKEND": "Agg", "PYTHONWARNINGS": "error"},
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert list(picture.parent.iterdir()) == [picture]
    return done.stdout


def number(told: str, pattern: str) -> float:
    """Return the one number in parentheses of a pattern that stands once in what was printed."""
    (found,) = re.findall(pattern, told)
    return float(found.replace(",", ""))


def check_drawn(picture: Path) -> None:
    """A picture of some size, that is not all of one color."""
    image = imread(picture)
    assert min(image.shape[:2]) > 200
    assert np.unique(image.reshape(-1, image.shape[2]), axis=0).shape[0] > 20


def test_a_unit_follows_the_quotation_marks(tmp_path):
    told = run("quotation_marks.py", tmp_path / "drawn.png")
    assert abs(number(told, r"correlation ([+-][\d.]+)")) > 0.8
    assert number(told, r"units tell it at ([\d.]+)%") > 98
    assert number(told, r"always yes: ([\d.]+)%") < 80
    assert 1 < number(told, r"surprisal +([\d.]+) bits") < 3
    check_drawn(tmp_path / "drawn.png")


def test_odd_lines_cost_most(tmp_path):
    told = run("odd_lines.py", tmp_path / "drawn.png")
    assert 0.98 < number(told, r"ROC area ([\d.]+)") < 1
    assert number(told, r"first +(\d+)%") >= 80
    worst = re.findall(r"([\d.]+) bits, usual ([\d.]+):", told)
    assert len(worst) == 5
    assert all(float(bits) > 2 * float(usual) for bits, usual in worst)
    check_drawn(tmp_path / "drawn.png")


def test_intervals_hold_what_they_promise(tmp_path):
    told = run("sensor_forecast.py", tmp_path / "drawn.png")
    assert 74 < number(told, r"coverage +([\d.]+)%") < 86
    error, naive = map(float, re.findall(r"([\d.]+) °C", told)[:2])
    assert error < 0.8 * naive
    assert number(told, r"width +([\d.]+)") < 0.5 * number(told, r"next hour, ([\d.]+)")
    check_drawn(tmp_path / "drawn.png")


def test_the_machine_is_that_of_parity(tmp_path):
    told = run("parity_machine.py", tmp_path / "drawn.svg")
    assert "transitions=((0, 1), (1, 0)), outputs=(0, 1))" in told
    assert number(told, r"network +([\d.]+)%") > 90
    assert number(told, r"agreement +([\d.]+)%") > 90
    words = "".join(ElementTree.parse(tmp_path / "drawn.svg").getroot().itertext())
    assert "even" in words
    assert "odd" in words


def test_gates_keep_the_gradient(tmp_path):
    told = run("vanishing_gradients.py", tmp_path / "drawn.png")
    rows = re.findall(r"^(tanh|GRU|LSTM) +([\d.inf]+) +([\d.inf]+) +([\d.]+)$", told, re.MULTILINE)
    found = {name: tuple(map(float, numbers)) for name, *numbers in rows}
    always = number(told, r"always to say 1 costs ([\d.]+)")
    assert list(found) == ["tanh", "GRU", "LSTM"]
    assert all(before < 6 for before, _, _ in found.values())  # steps: it vanishes in every cell
    _, after, error = found["GRU"]
    assert (after > 20, error < always / 20) == (True, True)
    _, after, error = found["tanh"]
    assert (after < 10, error > always / 2) == (True, True)
    check_drawn(tmp_path / "drawn.png")


def test_broken_sensors_raise_the_alarm(tmp_path):
    told = run("sensor_alarm.py", tmp_path / "drawn.png")
    assert number(told, r"found +([\d.]+)%") > 85
    assert number(told, r"false +(\d+) alarms") < 1e-4 * number(told, r"alarms in ([\d,]+) values")
    assert 0 < number(told, r"latency +([\d.]+) ms") < 100
    check_drawn(tmp_path / "drawn.png")


def test_there_are_six_and_each_is_told_in_the_index():
    index = (EXAMPLES / "README.md").read_text("utf-8")
    assert len(PROGRAMS) == 6
    assert set(re.findall(r"\]\((\w+\.py)\)", index)) == {path.name for path in PROGRAMS}


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_programs_are_small(path):
    assert len(path.read_text("utf-8").splitlines()) < LINES
