"""Numbers in a page: how fine they are, and that they fit whatever they are."""

from __future__ import annotations

import math

import numpy as np
import pytest

from elman.inspection.drawing_svg import Axes, Curve, chart, ticks
from elman.inspection.reporting import report
from elman.inspection.reporting.packing import LEVELS, ROOM, Buffer, fitted, quantized, smallest
from report_cases import Page, model_of

MANY = np.random.default_rng(3)


def packed_size(blocks: list) -> int:
    buffer = Buffer()
    for block in blocks:
        buffer.add(block.codes)
    return len(buffer.packed())


@pytest.mark.parametrize("ends", [(-1, 1), (0, 1), (0, math.inf), (-math.inf, math.inf)])
@pytest.mark.parametrize("levels", [3, 15, 255])
def test_a_value_comes_back_to_half_a_level_and_zero_exactly(ends, levels):
    low, high = (end if math.isfinite(end) else sign * 7.5 for end, sign in zip(ends, (-1, 1), strict=True))
    values = MANY.uniform(low, high, (400, 3)) * [1, 0.3, 0]
    block = quantized("h", values.astype(np.float32), ends, levels)
    step = (block.high - block.low) / (levels - 1)
    assert (np.abs(block.values() - values.T).max(axis=1) <= 0.500001 * step + 1e-6).all()
    assert not block.values()[2].any()


@pytest.mark.parametrize("draw", ["uniform", "ends"])
def test_the_estimate_is_right_and_the_room_is_kept(draw):
    values = MANY.uniform(-1, 1, (4000, 80)).astype(np.float32)
    if draw == "ends":
        values = np.sign(values) * np.abs(values) ** 0.1
    for room in (200_000, 100_000, 70_000):
        blocks = fitted({"h": (values, (-1, 1))}, room)
        assert packed_size(blocks) <= room * 4 / 3 + 100
        estimate = sum(block.size for block in blocks)
        assert 0.9 < packed_size(blocks) * 3 / 4 / estimate < 1.01
        finer = [levels for levels in LEVELS if levels > blocks[0].levels]
        if finer:  # the next finer ones would not have fitted
            assert quantized("h", values, (-1, 1), finer[-1]).size > room


def test_units_that_move_most_are_kept_where_not_all_of_them_fit():
    values = MANY.uniform(-1, 1, (4000, 60)) * np.linspace(0.001, 1, 60)
    blocks = fitted({"a": (values[:, :30], (-1, 1)), "b": (values[:, 30:], (-1, 1))}, 10_000)
    (block,) = blocks
    assert block.name == "b"
    assert block.units.tolist() == list(range(30 - len(block.units), 30))
    assert 0 < packed_size(blocks) <= 10_000 * 4 / 3 + 100
    np.testing.assert_allclose(block.values(), values[:, 30:].T[block.units], atol=0.5001)


def test_the_worst_states_of_the_promised_size_fit():
    blocks = fitted({"h": (MANY.uniform(-1, 1, (20_000, 256)).astype(np.float32), (-1, 1))}, ROOM)
    assert len(blocks[0].codes) == 256
    assert packed_size(blocks) < 3_050_000


def test_a_page_leaves_out_gates_that_do_not_fit_or_shows_their_beginning(monkeypatch):
    text = "".join(MANY.choice(list("to be or not\n"), 1100))  # what repeats itself would hardly take room
    model = model_of(text, cell=("lstm", "tanh"), hidden_size=40)
    monkeypatch.setattr("elman.inspection.reporting.carrying.ROOM", 60_000)
    facts = Page(report(model, text)).facts
    steps = {block["name"]: block["steps"] for block in facts["blocks"]}
    assert steps["layers.0.h"] == len(text)
    assert 200 <= steps["layers.0.f"] < len(text)
    monkeypatch.setattr("elman.inspection.reporting.carrying.ROOM", 25_000)
    facts = Page(report(model, text)).facts
    assert [block["name"] for block in facts["blocks"]] == ["layers.0.h", "layers.0.s"]


def test_over_too_many_steps_no_unit_fits_and_the_page_says_so(monkeypatch):
    text = "".join(MANY.choice(list("to be or not\n"), 1100))
    monkeypatch.setattr("elman.inspection.reporting.carrying.ROOM", 50)
    page = Page(report(model_of(text), text))
    assert page.facts["blocks"] == []
    assert any("no room for states" in words for words in page.words)


def test_a_page_says_how_fine_its_numbers_are():
    text = "to be or not to be\n" * 9
    page = Page(report(model_of(text, cell=("gru", "tanh")), text))
    assert any("in 255 levels (8.0 bits); gates in 255 levels." in words for words in page.words)


def test_whole_numbers_take_the_smallest_type():
    assert [smallest(np.array([n])).dtype for n in (255, 256, 65_536)] == [np.uint8, np.uint16, np.uint32]


def test_a_chart_draws_points_where_the_numbers_say():
    drawing = chart(
        "t", Axes("x", "y", (0, 10), (0, 1)), [Curve(np.array([0.0, 10.0]), np.array([0.0, 1.0]))]
    )
    assert 'd="M58 238L448 10"' in drawing
    logarithm = chart("t", Axes("x", "y", (0, 2), log=True), [Curve(np.arange(3.0), np.array([1, 0, 100]))])
    assert logarithm.count("L") == 1  # 0 has no logarithm, and is left out
    assert "<path" in chart("nothing", Axes("x", "y"), [])


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3e-9, 2e-9), (5, 5.0001), (-1e12, 3e12)])
def test_ticks_are_few_and_inside(low, high):
    found = ticks(low, high)
    assert 3 <= len(found) <= 12
    assert low - 1e-9 * abs(low) <= found[0] <= found[-1] <= high + 1e-9 * abs(high)
