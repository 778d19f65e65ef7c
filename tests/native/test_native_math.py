"""Vector tanh, sigmoid, exp and log: 10^5 random bit patterns each, and edges; all float32: nox -s ulp.

The bounds are those of native/math.hpp. Inside the engine numbers below the smallest normal one are zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from cases import Array
from native_cases import FUSED, MODULE, SETS, two_sets, using

FUNCTIONS = {"tanh": (0, 2.0), "sigmoid": (1, 2.0), "exp": (2, 2.0), "log": (3, 1.0)}  # number, bound in ulp
MORE_WITHOUT_FMA = 1.0
COUNT = 100_000
WIDE = {"float32": np.float64, "float64": np.longdouble}  # what is exact enough to be compared with
KNOWN = {"float32": True, "float64": np.finfo(np.longdouble).nmant >= 63}

functions = pytest.mark.parametrize("function", FUNCTIONS)
dtypes = pytest.mark.parametrize("dtype", WIDE)
sets = pytest.mark.parametrize("name", SETS or ("none",))


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with np.errstate(all="ignore"):  # overflow and NaN are among the arguments
        yield


def exact(function: str, x: Array) -> Array:
    """The value in a wider type."""
    if function != "sigmoid":
        value: Array = getattr(np, function)(x)
        return value
    small = np.exp(-np.abs(x))  # of the side where nothing cancels
    return np.where(x > 0, 1, small) / (1 + small)


def arguments(dtype: str, seed: int) -> Array:
    """Random bits, random numbers where the functions bend, and edges with their neighbors."""
    generator, kind = np.random.default_rng([seed, 13]), np.dtype(dtype)
    bits = generator.integers(0, 256, (COUNT, kind.itemsize), np.uint8).view(kind).ravel()
    bend = np.concatenate([generator.normal(0, scale, COUNT // 10) for scale in (1e-3, 0.1, 1, 10, 100, 700)])
    info = np.finfo(kind)
    logs = np.log([info.max, info.tiny, info.eps, 2, 3])
    edges = [
        0,
        1,
        0.5,
        0.5625,
        info.max,
        info.tiny,
        info.smallest_subnormal,
        info.eps,
        np.inf,
        *logs,
        *(logs / 2),
    ]
    edges = np.array([*edges, *range(1, 100), *(np.arange(1, 100) * np.log(2) / 2)]).astype(kind)
    edges = np.concatenate([np.nextafter(edges, kind.type(side)) for side in (-np.inf, np.inf)] + [edges])
    given: Array = np.concatenate([bits, bend.astype(kind), edges, -edges, [kind.type(np.nan)]])
    return given


def applied(function: str, x: Array) -> Array:
    out = np.empty_like(x)
    getattr(MODULE, x.dtype.name).apply(FUNCTIONS[function][0], x, out, len(x))
    return out


def ulps(came: Array, right: Array) -> Array:
    """The error in units of the last place of what is right.

    Below the smallest normal number anything down to zero will do; NaN and infinity must be what they are.
    """
    info = np.finfo(came.dtype)
    rounded = right.astype(came.dtype)
    _, exponent = np.frexp(np.where(np.isfinite(right), right, 1))
    unit = np.ldexp(right.dtype.type(1), np.maximum(exponent - 1, info.minexp) - info.nmant)
    error = np.abs(came.astype(right.dtype) - right) / unit
    small = (np.abs(right) < info.tiny) & (np.abs(came) <= info.tiny) & (came * right >= 0)
    special = ~np.isfinite(rounded) & ((came == rounded) | (np.isnan(came) & np.isnan(rounded)))
    error = np.where(small | special, 0, error)
    return np.where(np.isnan(error), np.inf, error)


@functions
@dtypes
@sets
def test_errors_stay_within_the_stated_bounds(function: str, dtype: str, name: str, seed: int) -> None:
    if not KNOWN[dtype]:
        pytest.skip("np.longdouble is no wider than a double here: nothing to compare with")
    x = arguments(dtype, seed)
    denormal = np.abs(x) < np.finfo(dtype).tiny
    with using(name):
        right = exact(function, np.where(denormal, 0 * x, x).astype(WIDE[dtype]))
        error = ulps(applied(function, x), right)
    worst = int(error.argmax())
    bound = FUNCTIONS[function][1] + (0 if name in FUSED else MORE_WITHOUT_FMA)
    bound += 0.5 * ((function, dtype) == ("sigmoid", "float64"))  # native/math.hpp: 2.5
    assert error[worst] <= bound, (float(x[worst]).hex(), error[worst])


@two_sets
@functions
@dtypes
def test_instruction_sets_give_the_same_bits(function: str, dtype: str, seed: int) -> None:
    x = arguments(dtype, seed)
    results = []
    for name in FUSED:
        with using(name):
            y = applied(function, x)
        results.append(
            np.where(np.isnan(y), y.dtype.type(np.nan), y).tobytes()
        )  # a NaN's own bits are not promised
    assert len(set(results)) == 1


@dtypes
@sets
def test_laws(dtype: str, name: str, seed: int) -> None:
    """What other code counts on."""
    x = arguments(dtype, seed)
    x = x[~np.isnan(x)]
    with using(name):
        tanh, sigmoid, exp = (applied(function, x) for function in ("tanh", "sigmoid", "exp"))
        assert applied("tanh", -x).tobytes() == (-tanh).tobytes()
    assert (np.abs(tanh) <= 1).all()
    assert ((sigmoid >= 0) & (sigmoid <= 1)).all()
    assert (exp >= 0).all()
    assert (sigmoid[x == 0] == 0.5).all()
    assert (exp[x == 0] == 1).all()
    assert (tanh[x == np.inf] == 1).all()


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 15, 16, 17, 31])
@dtypes
def test_a_number_does_not_depend_on_its_place(count: int, dtype: str, seed: int) -> None:
    x = arguments(dtype, seed)[-count - 40 : -40]
    for function in FUNCTIONS:
        one_by_one = np.concatenate([applied(function, x[k : k + 1].copy()) for k in range(count)])
        assert applied(function, x.copy()).tobytes() == one_by_one.tobytes()


@pytest.mark.parametrize(
    "change",
    [lambda y: y * (1 + 4e-7), lambda y: np.where(y > 0.9, 1, y), lambda y: -y],
    ids=["factor", "step", "sign"],
)
def test_the_bound_can_be_missed(change: Callable[[Array], Any], seed: int) -> None:
    x = arguments("float32", seed)
    x = x[np.isfinite(x) & (np.abs(x) > 1e-30)]
    came = change(applied("tanh", x)).astype(np.float32)
    assert ulps(came, np.tanh(x.astype(np.float64))).max() > FUNCTIONS["tanh"][1] + MORE_WITHOUT_FMA
