"""The compiled steps of the optimizers: what optimizers.py says, the same bits, whole or not at all."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from cases import Array
from checks import distance
from elman import optimizers
from elman.engines.native import Native
from elman.optimizers import Optimizer
from native_cases import FUSED, ISAS, MODULE, SETS, using

RULES: dict[str, Optimizer] = {
    "sgd": optimizers.sgd(),
    "momentum": optimizers.sgd(momentum=0.9),
    "rmsprop": optimizers.rmsprop(),
    "adagrad": optimizers.adagrad(),
    "adam": optimizers.adam(),
    "adamw": optimizers.adamw(),
    "decayed": optimizers.decayed(optimizers.rmsprop(), 0.3),
}
COUNTS = (1, 7, 8, 15, 16, 17, 33, 1000)
MANY = 200_003  # work for a dozen threads
TOLERANCE = {"float64": 1e-13, "float32": 2e-6}  # 4e-16, 3e-7 of the largest

rules = pytest.mark.parametrize("name", RULES)
dtypes = pytest.mark.parametrize("dtype", TOLERANCE)


def start(rule: Optimizer, count: int, dtype: str) -> tuple[Array, Array, Array]:
    """Return parameters, three gradients, and an empty memory."""
    generator = np.random.default_rng(count)
    x, g = (generator.standard_normal(shape).astype(dtype) for shape in (count, (3, count)))
    return x, g, np.zeros((rule.slots, count), dtype)


def compiled_steps(rule: Optimizer, x: Array, gradients: Array, memory: Array, threads: int) -> bytes:
    """Take three steps in place."""
    engine = Native(getattr(MODULE, x.dtype.name), threads)
    for t, g in enumerate(gradients, 1):
        given: dict[str, Any] = {"t": t, "rate": 0.02, "weight_decay": rule.weight_decay}
        assert engine.update(rule.compiled, x, g, memory, **given)
    return x.tobytes() + memory.tobytes()


@rules
@dtypes
@pytest.mark.parametrize("isa", SETS or ("none",))
def test_steps_are_those_of_the_reference(name: str, dtype: str, isa: str) -> None:
    rule = RULES[name]
    for count in COUNTS:
        x, gradients, memory = start(rule, count, dtype)
        right, state = x.astype("float64"), memory.astype("float64")
        for t, g in enumerate(gradients.astype("float64"), 1):
            rule.update(right, g, state, t, 0.02)
        with using(isa):
            compiled_steps(rule, x, gradients, memory, 2)
        assert max(distance(x, right), distance(memory, state)) < TOLERANCE[dtype]


@rules
@dtypes
def test_threads_and_instruction_sets_give_the_same_bits(name: str, dtype: str) -> None:
    rule, results = RULES[name], set()
    for isa, threads in product(FUSED or ISAS, (1, 2, 3, 8)):
        with using(isa):
            results.add(compiled_steps(rule, *start(rule, MANY, dtype), threads))
    assert len(results) == 1


@rules
@dtypes
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", ["x", "g", "memory"])
def test_a_step_that_is_not_finite_is_not_taken(name: str, dtype: str, wrong: float, place: str) -> None:
    rule, count = RULES[name], 1000
    for at in (0, 17, count - 1):
        x, gradients, memory = start(rule, count, dtype)
        {"x": x, "g": gradients[0], "memory": memory[-1]}[place][at] = wrong
        before = x.tobytes(), memory.tobytes()
        engine = Native(getattr(MODULE, dtype), 2)
        with np.errstate(all="ignore"):
            taken = engine.update(
                rule.compiled, x, gradients[0], memory, t=1, rate=0.02, weight_decay=rule.weight_decay
            )
        assert not taken
        assert (x.tobytes(), memory.tobytes()) == before


@dtypes
def test_the_sum_of_squares(dtype: str) -> None:
    engine = Native(getattr(MODULE, dtype), 2)
    for count in (0, *COUNTS, MANY):
        g = np.random.default_rng(count).standard_normal(count).astype(dtype)
        sums = {}
        for isa in SETS:
            with using(isa):
                sums[isa] = engine.square_sum(g)
            assert abs(sums[isa] - np.square(g, dtype="f8").sum()) <= 1e-12 * count
        assert len({sums[isa] for isa in FUSED}) <= 1
