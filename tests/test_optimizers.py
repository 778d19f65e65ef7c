"""Each optimizer goes where PyTorch's goes: 20 steps, float64, numbers kept in goldens/torch_optimizers.json.

PyTorch 2.13 puts ε outside the root in all of them, as ours do, so nothing need be compared another way.
Only defaults differ: β₂ is 0.99 here and 0.999 there, ρ 0.95 and 0.99, Adagrad's ε 1e-8 and 1e-10.
"""

from __future__ import annotations

import json
import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman import OptionError
from elman.optimizers import OPTIMIZERS, Optimizer, adagrad, adam, adamw, decayed, find, rmsprop, sgd

GOLDENS = json.loads((Path(__file__).parent / "goldens/torch_optimizers.json").read_text())
RUNS = GOLDENS["runs"]
MAKERS = {"sgd": sgd, "rmsprop": rmsprop, "adagrad": adagrad, "adam": adam, "adamw": adamw}
SLOTS = {"sgd": 1, "momentum": 1, "rmsprop": 1, "adagrad": 1, "adam": 2, "adamw": 2}


def label(run: dict[str, Any]) -> str:
    return "-".join([run["optimizer"], *(f"{value:g}" for value in run["options"].values())])


def walk(rule: Optimizer, dtype: str = "float64") -> list[np.ndarray]:
    """Where x is after each step of the golden gradients."""
    x = np.array(GOLDENS["given"]["x"], dtype)
    memory = np.zeros((rule.slots, x.size), dtype)
    places = []
    steps = zip(GOLDENS["given"]["gradients"], GOLDENS["given"]["rates"], strict=True)
    for t, (gradient, rate) in enumerate(steps, start=1):
        rule.update(x, np.array(gradient, dtype), memory, t, rate)
        places.append(x.copy())
    return places


def worst_error(run: dict[str, Any], rule: Optimizer) -> float:
    places = walk(rule)
    ours = np.array([places[step - 1] for step in GOLDENS["kept"]])
    return float(np.abs(ours / np.array(run["x"]) - 1).max())


@pytest.mark.parametrize("run", RUNS, ids=label)
def test_pytorch_goes_the_same_way(run):
    assert worst_error(run, MAKERS[run["optimizer"]](**run["options"])) < 1e-12  # 2e-15 measured


@pytest.mark.parametrize("run", RUNS, ids=label)
@pytest.mark.parametrize("factor", [1 - 1e-6, 0.9])
def test_every_option_counts(run, factor):
    options = run["options"]
    visible = [name for name in options if options[name] != 1e-8]  # beside these gradients nobody sees 1e-8
    for name in visible:
        nearby = options | {name: options[name] * factor or 1e-6}
        assert worst_error(run, MAKERS[run["optimizer"]](**nearby)) > 1e-10


def test_the_goldens_know_every_optimizer():
    assert {run["optimizer"] for run in RUNS} == set(MAKERS) == OPTIMIZERS.keys() - {"momentum"}


def test_momentum_is_the_name_of_gradient_descent_with_momentum():
    (run,) = [run for run in RUNS if run["options"] == {"momentum": 0.9}]
    assert worst_error(run, find("momentum")) < 1e-12
    assert find("momentum").learning_rate == pytest.approx(sgd().learning_rate * (1 - 0.9))


# ------------------------------------------------------------------- memory, by the equations in plain Python


def plain_adamw(g: list[float], rates: list[float], x: float) -> tuple[float, float, float]:
    m = v = 0.0
    for t, (gradient, rate) in enumerate(zip(g, rates, strict=True), start=1):
        m = 0.9 * m + 0.1 * gradient
        v = 0.99 * v + 0.01 * gradient**2
        x -= rate * 0.25 * x
        x -= rate * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.99**t)) + 1e-8)
    return x, m, v


def test_the_memory_of_adamw_is_mean_and_square():
    gradients, rates = [0.5, -3.0, 0.0, 1e-4], [0.1, 0.2, 0.05, 0.1]
    x, memory, rule = np.array([2.0]), np.zeros((2, 1)), adamw(weight_decay=0.25)
    for t, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        rule.update(x, np.array([gradient]), memory, t, rate)
    np.testing.assert_allclose([*x, *memory.ravel()], plain_adamw(gradients, rates, 2.0), rtol=1e-13)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (sgd(momentum=0.5), 0.5 * 2 - 3),
        (rmsprop(decay=0.5), 0.5 * (0.5 * 4) + 0.5 * 9),
        (adagrad(), 4 + 9),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_memory_of_one_slot_is_as_in_the_equation(rule, expected):
    x, memory = np.array([1.0]), np.zeros((1, 1))
    rule.update(x, np.array([2.0]), memory, 1, 0.1)
    rule.update(x, np.array([-3.0]), memory, 2, 0.1)
    np.testing.assert_allclose(memory, [[expected]], rtol=1e-15)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_updates_happen_in_place_and_leave_the_gradient(name, dtype):
    rule = find(name)
    assert (rule.name, rule.slots) == (name, SLOTS[name])
    flat = np.linspace(-1, 1, 8, dtype=dtype)
    x, g, memory = flat[2:7], np.linspace(-2, 3, 5, dtype=dtype), np.zeros((rule.slots, 5), dtype)
    before, gradient, memory_before = flat.copy(), g.copy(), memory.copy()
    assert rule.update(x, g, memory, 1, np.float64(rule.learning_rate)) is None
    assert x.dtype == memory.dtype == dtype
    assert (flat[2:7] != before[2:7]).all()
    assert (flat[[0, 1, 7]] == before[[0, 1, 7]]).all()
    assert (memory != memory_before).all()
    assert (g == gradient).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_float32_goes_the_same_way_as_float64(name):
    wide, narrow = walk(find(name))[-1], walk(find(name), "float32")[-1]
    np.testing.assert_allclose(narrow, wide, rtol=3e-5)


@given(
    st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=6),
    st.floats(1e-6, 10),
)
def test_momentum_zero_is_plain_gradient_descent(gradients, rate):
    x, expected, memory, rule = np.array([1.0]), 1.0, np.zeros((1, 1)), sgd()
    for t, gradient in enumerate(gradients, start=1):
        rule.update(x, np.array([gradient]), memory, t, rate)
        expected -= rate * gradient
    assert x[0] == expected


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_zero_gradient_without_decay_moves_nothing(name):
    rule = adamw(weight_decay=0.0) if name == "adamw" else find(name)
    x = np.array([3.0, -2.0])
    rule.update(x, np.zeros(2), np.zeros((rule.slots, 2)), 1, 0.1)
    assert x.tolist() == [3.0, -2.0]


@given(st.floats(1e-3, 1e3), st.floats(-4, 3))
def test_the_first_step_of_adam_is_the_learning_rate_whatever_the_gradient(size, rate_exponent):
    rate = 10**rate_exponent
    x = np.zeros(2)
    adam().update(x, np.array([size, -7 * size]), np.zeros((2, 2)), 1, rate)
    np.testing.assert_allclose(x, [-rate, rate], rtol=2e-5)  # ε beside the smallest gradient


# ------------------------------------------------------------------------------------------- weight decay


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_decay_shrinks_before_the_rule_and_leaves_its_memory_alone(name):
    plain, shrinking = decayed(find(name), 0.0), find(name, weight_decay=0.25)
    x, y, memory, other = np.array([3.0, -2.0]), np.array([3.0, -2.0]), *np.zeros((2, plain.slots, 2))
    for t, gradient in enumerate([[0.5, -3.0], [0.0, 2.0], [1.0, 1.0]], start=1):
        g, rate = np.array(gradient), 0.1 * t
        y *= 1 - rate * 0.25
        plain.update(y, g, other, t, rate)
        shrinking.update(x, g, memory, t, rate)
        assert x.tobytes() == y.tobytes()
        assert memory.tobytes() == other.tobytes()
    assert (shrinking.name, shrinking.slots, shrinking.learning_rate) == (
        name,
        plain.slots,
        plain.learning_rate,
    )


@pytest.mark.parametrize("weight_decay", [0.0, 0.25])
def test_adamw_is_adam_with_decay_to_the_bit(weight_decay):
    own, made = adamw(0.5, 0.9, weight_decay=weight_decay), decayed(adam(0.5, 0.9), weight_decay)
    assert np.array_equal(walk(own), walk(made))
    assert own.slots == made.slots == 2


def test_a_decay_that_is_given_takes_the_place_of_the_own():
    assert find("adamw").weight_decay == find("adamw", weight_decay=None).weight_decay == 0.01
    assert find("adamw", weight_decay=0.3).weight_decay == 0.3  # not 0.3 on top of 0.01
    assert find("adamw", weight_decay=0).weight_decay == 0
    assert find("sgd").weight_decay == 0
    own = sgd(0.3)
    assert find(own, weight_decay=0.2) == decayed(own, 0.2) != own
    assert decayed(decayed(own, 0.2), 0.0) == own


NAN, INF = math.nan, math.inf
SHARE = [-0.1, 1.0, 1.5, NAN, INF, -INF]  # not in [0, 1)
POSITIVE = [0.0, -1e-8, NAN, INF]


@pytest.mark.parametrize(
    ("maker", "name", "values"),
    [
        (sgd, "momentum", SHARE),
        (rmsprop, "decay", SHARE),
        (rmsprop, "epsilon", POSITIVE),
        (adagrad, "epsilon", POSITIVE),
        (adam, "beta1", SHARE),
        (adam, "beta2", SHARE),
        (adam, "epsilon", POSITIVE),
        (adamw, "beta1", SHARE),
        (adamw, "beta2", SHARE),
        (adamw, "epsilon", POSITIVE),
        (adamw, "weight_decay", [-1e-9, NAN, INF]),
        (partial(find, "adam"), "weight_decay", [-1e-9, NAN, INF]),
        (partial(decayed, sgd()), "weight_decay", [-1e-9, NAN, INF]),
    ],
    ids=lambda value: getattr(value, "__name__", value if isinstance(value, str) else ""),
)
def test_options_out_of_range_are_refused_by_name(maker, name, values):
    for value in values:
        with pytest.raises(OptionError, match=rf"^{name} is {value}; it must be "):
            maker(**{name: value})


@pytest.mark.parametrize("options", [{"beta1": 0}, {"beta2": 0}, {"weight_decay": 0}, {"epsilon": 1e-300}])
def test_the_ends_of_the_ranges_are_allowed(options):
    x, rule = np.array([1.0]), adamw(**options)
    rule.update(x, np.array([2.0]), np.zeros((2, 1)), 1, 0.1)
    assert 0.8 < x[0] < 1


def test_an_optimizer_is_found_by_name_or_is_itself():
    rule = sgd(0.3)
    assert find(rule) is rule
    for name in OPTIMIZERS:
        assert find(name).learning_rate > 0


@pytest.mark.parametrize("name", ["Adam", "", "nesterov", None])
def test_an_unknown_name_lists_the_choices(name):
    with pytest.raises(OptionError, match=r"there are adam, adamw, rmsprop, adagrad, sgd, momentum$"):
        find(name)
