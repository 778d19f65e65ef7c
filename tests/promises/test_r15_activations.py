"""R15: exp, tanh, sigmoid, log and log-sum-exp are accurate everywhere, on every instruction set.

The bounds are those of native/math.hpp. All 2³² numbers of float32: nox -s ulp.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from cases import Array
from elman.engines.choice import find
from elman.engines.loading import native, why_not
from native_cases import FUSED, SETS, using
from test_native_math import FUNCTIONS, MORE_WITHOUT_FMA, applied, exact, ulps

Kept = Callable[[str, str], None]
INFINITY = 0x7F800000  # bits; above are the NaNs
BLOCK = 1 << 20
UNSTEADY = 2.0  # ulp that sigmoid and tanh, good to that, may fall where they should rise

pytestmark = pytest.mark.skipif(native() is None, reason=f"the compiled engine is {why_not()}")
sets = pytest.mark.parametrize("name", SETS or ("none",))


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with np.errstate(all="ignore"):  # overflow and NaN are among the arguments
        yield


def sampled(step: int, seed: int) -> Iterator[Array]:
    """Each step-th float, from one that the seed says, in blocks."""
    for start in range(seed % step, 1 << 32, BLOCK * step):
        bits = np.arange(start, min(start + BLOCK * step, 1 << 32), step, np.uint64)
        yield bits.astype(np.uint32).view(np.float32)


@sets
def test_errors_stay_within_the_bounds(name: str, full: bool, seed: int, kept: Kept) -> None:
    step, tried, found = (61 if full else 4099), 0, dict.fromkeys(FUNCTIONS, 0.0)
    with using(name):
        for x in sampled(step, seed):
            flushed = np.where(np.abs(x) < np.finfo(np.float32).tiny, 0 * x, x).astype(np.float64)
            tried += len(x)
            for function in FUNCTIONS:
                error = ulps(applied(function, x), exact(function, flushed)).max()
                found[function] = max(found[function], float(error))
    more = 0 if name in FUSED else MORE_WITHOUT_FMA
    assert {f: error for f, error in found.items() if error > FUNCTIONS[f][1] + more} == {}
    worst = ", ".join(f"{function} {error:.2f}" for function, error in found.items())
    kept("R15", f"{name}: {tried:,} float32 numbers, worst error in ulp: {worst}")


SPECIAL = {
    "exp": [(0.0, 1), (-0.0, 1), (np.inf, np.inf), (-np.inf, 0), (1e-40, 1), (89, np.inf), (-104, 0)],
    "sigmoid": [(0.0, 0.5), (-0.0, 0.5), (np.inf, 1), (-np.inf, 0), (1e-40, 0.5), (104, 1)],
    "tanh": [(0.0, 0), (-0.0, -0.0), (np.inf, 1), (-np.inf, -1), (1e-40, 0), (-1e-40, -0.0), (10, 1)],
    "log": [(0.0, -np.inf), (-0.0, -np.inf), (np.inf, np.inf), (1, 0), (-1, np.nan), (-np.inf, np.nan)],
}


@sets
@pytest.mark.parametrize("function", SPECIAL)
def test_special_numbers_are_exact(name: str, function: str) -> None:
    """Numbers below the smallest normal one are zeros, with their sign."""
    x, right = np.array([*SPECIAL[function], (np.nan, np.nan)], np.float32).T.copy()
    with using(name):
        came = applied(function, x)
    nan = np.isnan(right)
    assert np.isnan(came[nan]).all()
    assert came[~nan].tobytes() == right[~nan].tobytes()


@sets
def test_what_rises_does_not_fall(name: str, full: bool, kept: Kept) -> None:
    """From each number to the next: exp and log never; sigmoid and tanh by no more than their error."""
    every = (1 if name == SETS[0] else 32) if full else 256  # the sets have the same bits
    fell, tried = dict.fromkeys(FUNCTIONS, 0.0), 0
    with using(name):
        for start, sign in product(range(0, INFINITY, BLOCK * every), (1, -1)):
            x = sign * np.arange(start, min(start + BLOCK, INFINITY) + 1, dtype=np.uint32).view(np.float32)
            tried += len(x) - 1
            for function in FUNCTIONS if sign > 0 else ("exp", "sigmoid", "tanh"):
                y = applied(function, x)
                wrong = y[1:] < y[:-1] if sign > 0 else y[1:] > y[:-1]
                if wrong.any():
                    step = np.abs(y[1:] - y[:-1])[wrong] / np.spacing(np.abs(y[1:][wrong]))
                    fell[function] = max(fell[function], float(step.max()))
    assert fell["exp"] == fell["log"] == 0, fell
    assert max(fell["sigmoid"], fell["tanh"]) <= UNSTEADY, fell
    most = f"sigmoid {fell['sigmoid']:g}, tanh {fell['tanh']:g}"
    kept("R15", f"{name}: over {tried:,} neighbors exp and log never fall, {most} ulp at most")


@sets
def test_the_log_of_a_sum(name: str, full: bool, seed: int, kept: Kept) -> None:
    """The loss of single rows, against sums in float64, in units of the last place of the largest number.

    That is a logit, or the loss itself: of 300 equal logits near 0 it is 5.7, and no float32 is nearer to
    that than half a unit of its own.
    """
    random, found = np.random.default_rng(seed), 0.0
    engine = find("native", threads=1)
    for _ in range(400 if full else 40):
        O, scale = int(random.choice([1, 2, 17, 300])), 10.0 ** random.integers(-3, 5)
        y = (random.standard_normal((20, O)) * scale).astype(np.float32)
        targets = random.integers(0, O, 20)
        with using(name):
            came, _ = engine.judge(y, np.eye(O, dtype=np.float32), np.zeros(O, np.float32), targets)
        wide = y.astype(np.float64)
        top = wide.max(1)
        right = top + np.log(np.exp(wide - top[:, None]).sum(1)) - wide[np.arange(20), targets]
        largest = np.maximum(np.maximum(np.abs(wide).max(1), right), 1)
        unit = np.spacing(largest.astype(np.float32))
        found = max(found, float((np.abs(came - right) / unit).max()))
    assert found <= 2
    kept("R15", f"{name}: log-sum-exp {found:.2f} ulp")


ULP = Path(__file__).parents[1] / "slow"


@pytest.mark.slow
def test_every_float(kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All 2³² of them on every instruction set: ten minutes of one core, and a C++ compiler."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(ULP)])
    import ulp

    *lanes, sweep = ulp.build(ulp.NATIVE, tmp_path)
    assert ulp.passes(lanes, show=False)
    assert ulp.passes([sweep], "--step", "61", "--random", str(2**20), "--gradual", show=False)
    done = subprocess.run([sweep, "--random", str(2**25)], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout
    for kind, function, name, error in re.findall(r"(\w+) +(\w+) +(\w+) +worst ([\d.]+)", done.stdout):
        if kind == "float32":
            kept("R15", f"{name}: all 4,294,967,296 float32 numbers, {function} {error} ulp")
