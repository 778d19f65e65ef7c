"""Heads by name, and what each shows a user."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cases import TOLERANCE, frozen
from checks import distance
from elman import OptionError, heads
from elman.heads import HEADS, Head

CASES = {name: heads.find(name, (0.1, 0.5, 0.8) if name == "quantile" else ()) for name in HEADS}

# Outputs


@pytest.mark.parametrize("head", CASES.values(), ids=CASES)
def test_outputs_keep_the_axes_of_y_and_leave_it_alone(head: Head) -> None:
    y = np.random.default_rng(0).standard_normal((12, 3 * head.width))
    seen = head.outputs(frozen(y.reshape(3, 4, -1)))
    assert seen.shape == (3, 4, 3 * head.width)
    assert seen.reshape(12, -1).tolist() == head.outputs(y).tolist()


def test_outputs_are_probabilities_and_moments() -> None:
    y = np.random.default_rng(0).standard_normal((5, 4))
    e = np.exp(y)
    assert distance(CASES["softmax"].outputs(y), e / e.sum(axis=1, keepdims=True)) < TOLERANCE.equations
    assert distance(CASES["sigmoid"].outputs(y), 1 / (1 + 1 / e)) < TOLERANCE.equations
    deviations = [[math.exp(4 * math.asinh(s / 8)) for s in row[2:]] for row in y]
    assert distance(CASES["gaussian"].outputs(y), np.hstack([y[:, :2], deviations])) < TOLERANCE.equations
    assert all(CASES[name].outputs(y) is y for name in ("squared", "absolute", "huber", "quantile"))


def test_a_forecast_that_hits_pulls_nowhere() -> None:
    for name in ("squared", "absolute", "huber", "quantile"):
        y = np.full((1, CASES[name].width), 0.7)
        assert CASES[name].loss(y, np.full((1, 1), 0.7), None, 1.0) == 0
        assert not y.any()


def test_quantiles_are_where_the_pinball_loss_is_least() -> None:
    """Of 1,001 numbers from 0 to 1, quantile q is q."""
    targets = np.linspace(0, 1, 1001)[:, None]
    tried = np.linspace(0, 1, 41)
    head = heads.find("quantile", (0.25,))
    losses = [head.each(np.full((1001, 1), value), targets).mean() for value in tried]
    assert tried[np.argmin(losses)] == 0.25


# Names


def test_every_head_is_found_under_its_name() -> None:
    assert {name: head.name for name, head in CASES.items()} == {name: name for name in HEADS}
    assert [head.width for head in CASES.values()] == [1, 1, 1, 1, 1, 2, 3]


def test_another_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        OptionError, match=r"no head 'hinge'; there are softmax, sigmoid, squared, .* quantile"
    ):
        heads.find("hinge")


def test_quantiles_that_no_head_reads_are_refused() -> None:
    with pytest.raises(
        OptionError, match=r"quantiles are \(0.5,\), but the head is 'huber'; only 'quantile'"
    ):
        heads.find("huber", (0.5,))


@pytest.mark.parametrize(
    "quantiles",
    [
        *((), (0.0, 0.5), (0.5, 1.0), (-0.1,), (0.5, 0.1), (0.5, 0.5)),
        *((math.nan,), (0.5, math.nan), (1,), 0.5, "0.5", ("0.5",), ((0.1, 0.5), (0.2, 0.6))),
    ],
    ids=repr,
)
def test_quantiles_that_are_none_are_refused(quantiles: object) -> None:
    with pytest.raises(OptionError, match="expected numbers between 0 and 1 that rise"):
        heads.find("quantile", quantiles)  # type: ignore[arg-type]
