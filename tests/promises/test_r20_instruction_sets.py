"""R20: every instruction set with fused multiply-add gives the same bits, and they are those of plain loops.

The laws at length: tests/native/test_native_bits.py, test_native_scalar.py, tests/slow/parity_native.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bit_laws import THREADS, in_place, some_case
from cases import Answers, Case
from elman.engines.loading import native, why_not
from native_cases import FUSED, ISAS, MODULE, differentiated, twin, two_sets, unequal, using
from scalar import Scalar, scalar_library
from test_native_scalar import NAMES, draw_layer, of_engine, of_scalar
from test_native_threads import FAULTS, dense_case, plant

Kept = Callable[[str, str], None]
ONE_SET = "another order on one of the sets"

pytestmark = pytest.mark.skipif(native() is None, reason=f"the compiled engine is {why_not()}")


def all_answers(case: Case, number: int) -> Answers:
    """Outputs, states, loss and gradients, on a number of threads that differs from set to set."""
    own = twin(case, threads=THREADS[number % len(THREADS)])
    return in_place(own) | {f"d.{name}": array for name, array in differentiated(own).items()}


def differing(case: Case) -> list[str]:
    """What is not the same on every set, by name."""
    answers = []
    for number, name in enumerate(FUSED):
        with using(name):
            answers.append(all_answers(case, number))
    return [name for other in answers[1:] for name in unequal(other, answers[0])]


@two_sets
def test_random_networks(full: bool, seed: int, kept: Kept) -> None:
    count = 3000 if full else 150
    for number in range(seed, seed + count):
        assert differing(some_case(number)) == [], number
    kept("R20", f"{count} random networks on {' and '.join(FUSED)}: no byte differs")


@two_sets
def test_a_set_that_adds_in_another_order_is_seen(monkeypatch: pytest.MonkeyPatch, kept: Kept) -> None:
    plant(monkeypatch, FAULTS[ONE_SET][0])
    seen = sum(differing(dense_case(number)) != [] for number in range(24))
    assert seen > 12  # single numbers may round to the same
    kept("R20", f"a set that adds in another order: seen in {seen} of 24 networks")


@pytest.fixture(params=["float32", "float64"])
def loops(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Scalar:
    return scalar_library(request, tmp_path_factory, MODULE)


@pytest.mark.skipif(not FUSED, reason="this CPU has no instruction set with FMA")
def test_plain_loops(loops: Scalar, full: bool, seed: int, kept: Kept) -> None:
    """Which have no vectors, threads or tiles: fused multiply-adds one after the other, compiled apart."""
    count = 100 if full else 12
    for cell in NAMES.values():
        for number in range(seed + 1000, seed + 1000 + count):
            layer = draw_layer(cell, loops.dtype.name, number)
            expected = of_scalar(loops, layer)
            for name in FUSED:
                with using(name):
                    assert unequal(of_engine(layer, 2), expected) == [], (number, name)
    kept("R20", f"{count * len(NAMES)} layers of {loops.dtype.name} as plain loops: no byte differs")


@two_sets
def test_a_set_that_the_user_forces(tmp_path: Path, kept: Kept) -> None:
    """The file of a training run, from the command line."""
    files = {}
    for name in FUSED:
        path = tmp_path / f"{name}.safetensors"
        command = [
            "train",
            "--steps",
            "30",
            "--hidden-size",
            "40",
            "--cell",
            "lstm",
            "--seed",
            "3",
            "-o",
            str(path),
        ]
        forced = os.environ | {"ELMAN_ISA": name}
        subprocess.run([sys.executable, "-m", "elman", *command], env=forced, check=True, capture_output=True)
        files[path.read_bytes()] = name
    assert list(files.values()) == [FUSED[-1]]
    kept("R20", f"ELMAN_ISA={' and '.join(FUSED)}: the same model file")


def test_a_processor_without_is_told_apart(seed: int) -> None:
    """Its set is named baseline, and what it gives is its own, to the bit on any number of threads."""
    assert "baseline" in MODULE.instruction_sets() or "neon" in FUSED
    assert "baseline" not in FUSED
    assert ISAS
    for number in range(seed, seed + 20):
        with using("baseline" if "baseline" in MODULE.instruction_sets() else "neon"):
            one, two = all_answers(some_case(number), 0), all_answers(some_case(number), 1)
            assert unequal(one, two) == [], number
