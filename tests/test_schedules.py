"""Schedules: their values against formulas of their own, and the laws that hold for all of them."""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman import OptionError
from elman.schedules import SCHEDULES, constant, cosine, find, one_cycle, plateau, step_decay

GRID = [k / 1000 for k in range(1001)]
FRACTIONS = st.floats(0, 5)
HISTORIES = st.lists(st.floats(0, 10), max_size=30)
ALL = [
    *SCHEDULES.values(),
    partial(cosine, warmup=0.0, floor=0.0),
    partial(cosine, warmup=0.5, floor=1.0),
    partial(cosine, warmup=0.99),
    partial(one_cycle, rise=0.0),
    partial(one_cycle, rise=0.99),
    partial(step_decay, at=(0.1, 0.1, 2.0), factor=0.0),
    partial(plateau, patience=0, factor=1.0),
]


def rises(values: list[float]) -> bool:
    return all(b > a for a, b in pairwise(values))


def test_the_names_of_the_command_line():
    named = {"constant": constant, "cosine": cosine, "one-cycle": one_cycle, "step": step_decay}
    assert named | {"plateau": plateau} == SCHEDULES
    assert all(find(name) is schedule for name, schedule in SCHEDULES.items())


def test_a_function_is_its_own_schedule():
    own = partial(cosine, warmup=0.1)
    assert find(own) is own


@pytest.mark.parametrize("name", ["linear", "Cosine", "one_cycle", ""])
def test_an_unknown_name_lists_the_choices(name):
    with pytest.raises(OptionError, match=r"there are cosine, constant, one-cycle, step, plateau$"):
        find(name)


@pytest.mark.parametrize("schedule", ALL)
@given(FRACTIONS, HISTORIES)
def test_factors_lie_between_0_and_1_and_depend_on_the_arguments_alone(schedule, fraction, losses):
    before = list(losses)
    factor = schedule(fraction, losses)
    assert type(factor) is float
    assert 0 <= factor <= 1
    assert schedule(fraction, tuple(losses)) == factor
    assert losses == before


@pytest.mark.parametrize("schedule", ALL[:-3])
@pytest.mark.parametrize("beyond", [1.0001, 1.5, 1e9])
def test_beyond_the_end_nothing_changes(schedule, beyond):
    assert schedule(beyond, []) == schedule(1.0, [])


@pytest.mark.parametrize("name", set(SCHEDULES) - {"plateau"})
def test_only_plateau_looks_at_the_losses(name):
    assert all(SCHEDULES[name](f, []) == SCHEDULES[name](f, [3, 2, 9, 9, 9, 9]) for f in GRID)


def test_constant():
    assert {constant(f) for f in GRID} == {1.0}


@pytest.mark.parametrize(
    ("fraction", "factor"),
    [
        (0.0, 0.01),
        (0.005, 0.25),
        (0.01, 0.5),
        (0.02, 1.0),
        (0.265, 0.01 + 0.99 * (1 + math.sqrt(0.5)) / 2),
        (0.51, 0.505),
        (0.755, 0.01 + 0.99 * (1 - math.sqrt(0.5)) / 2),
        (1.0, 0.01),
    ],
)
def test_cosine_at_the_ends_and_between(fraction, factor):
    assert cosine(fraction) == pytest.approx(factor, rel=1e-12)


def test_cosine_warms_up_in_a_line_and_falls_ever_after():
    warm = partial(cosine, warmup=0.2, floor=0.05)
    assert [warm(f) for f in (0.02, 0.1, 0.19)] == pytest.approx([0.1, 0.5, 0.95], rel=1e-12)
    assert warm(0.005) == warm(0.0) == 0.05
    assert rises([warm(f) for f in GRID if 0.01 <= f <= 0.2])
    assert rises([warm(f) for f in reversed(GRID) if f >= 0.2])


def test_cosine_without_warm_up_starts_at_the_top():
    assert cosine(0.0, warmup=0.0) == 1.0
    assert cosine(0.5, warmup=0.0, floor=0.0) == pytest.approx(0.5, rel=1e-12)
    assert cosine(1.0, warmup=0.0, floor=0.0) == 0.0


def annealed(start: float, end: float, part: float) -> float:
    """Half a cosine from start to end, as PyTorch's OneCycleLR writes it."""
    return end + (start - end) / 2 * (math.cos(math.pi * part) + 1)


@pytest.mark.parametrize("rise", [0.3, 0.5])
@pytest.mark.parametrize("fraction", [0, 0.1, 0.25, 0.3, 0.31, 0.5, 0.9, 1])
def test_one_cycle_is_two_half_cosines(rise, fraction):
    if fraction < rise:
        expected = annealed(1 / 25, 1, fraction / rise)
    else:
        expected = annealed(1, 1e-5, (fraction - rise) / (1 - rise))
    assert one_cycle(fraction, rise=rise) == pytest.approx(expected, rel=1e-9)


def test_one_cycle_rises_then_falls():
    assert (one_cycle(0.0), one_cycle(0.3), one_cycle(1.0)) == pytest.approx((0.04, 1, 1e-5), rel=1e-12)
    assert rises([one_cycle(f) for f in GRID if f <= 0.3])
    assert rises([one_cycle(f) for f in reversed(GRID) if f >= 0.3])


def test_step_decay_steps_where_it_says():
    before = math.nextafter(0.5, 0)
    assert [step_decay(f) for f in (0, before, 0.5, 0.74, 0.75, 1)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.01], rel=1e-12
    )
    assert [step_decay(f, at=(0.2,), factor=0.5) for f in (0.19, 0.2, 1)] == [1, 0.5, 0.5]
    assert step_decay(1, at=()) == 1


@pytest.mark.parametrize(
    ("losses", "halvings"),
    [
        ([], 0),
        ([3], 0),
        ([3, 3, 3], 0),  # two validations without a new best: patience
        ([3, 3, 3, 3], 1),  # three: more than patience
        ([3, 2, 1, 0.5], 0),
        ([3, 4, 4, 2, 3, 3], 0),  # a new best forgives
        ([3, 4, 4, 4, 2, 3, 3], 1),
        ([3, 4, 4, 4, 3.5, 3.4, 3.3], 2),  # falling, but never below the best
        ([3, 4, 4, 4, 4, 4, 4, 4, 4, 4], 3),
        ([math.inf, math.inf, 3, 4, 4], 0),
    ],
)
def test_plateau_on_histories_made_by_hand(losses, halvings):
    assert plateau(0.5, losses) == 0.5**halvings
    assert plateau(0.9, losses, factor=0.1) == pytest.approx(0.1**halvings, rel=1e-12)


def test_plateau_with_another_patience():
    assert [plateau(0, [2.0] * n, patience=0) for n in (1, 2, 3)] == [1, 0.5, 0.25]
    assert [plateau(0, [2.0] * n, patience=4) for n in (5, 6, 11)] == [1, 0.5, 0.25]


@given(HISTORIES, st.floats(0, 10))
def test_plateau_never_rises_again(losses, next_loss):
    assert plateau(0, [*losses, next_loss]) <= plateau(0, losses)


@pytest.mark.parametrize(
    ("schedule", "name", "values"),
    [
        (cosine, "warmup", [-0.1, 1.0, 2.0, math.nan]),
        (cosine, "floor", [-0.1, 1.1, math.nan]),
        (one_cycle, "rise", [-0.1, 1.0, math.nan]),
        (step_decay, "factor", [-0.5, 1.5, math.nan]),
        (plateau, "factor", [-0.5, 1.5, math.nan]),
        (plateau, "patience", [-1]),
    ],
)
def test_options_out_of_range_are_refused_by_name(schedule, name, values):
    for value in values:
        with pytest.raises(OptionError, match=f"^{name} is {value}; it must be "):
            schedule(0.5, [1.0], **{name: value})
