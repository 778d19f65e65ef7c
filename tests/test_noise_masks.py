"""Masks of noise: what (seed, step, kind, layer, row, time, unit) decide alone, and that it is noise."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.errors import OptionError
from elman.noise import KINDS, Noise

NOISE = Noise(seed=3, step=11)
SHAPE = (40, 30, 50)  # 60,000 units
LEVELS = 2**16


def mask(noise: Noise = NOISE, layer: int = 0, kind: str = "between", rate: float = 0.5) -> np.ndarray:
    return noise.per_step(layer, kind, SHAPE, rate, "float64")


# ------------------------------------------------------------------------------ a function of place and time


@settings(deadline=None)
@given(
    cuts=st.lists(st.integers(0, 9), max_size=3).map(sorted),
    offset=st.integers(0, 40),
    rows=st.integers(0, 4),
    units=st.integers(0, 40),
    rate=st.floats(0, 0.99),
)
def test_windows_are_the_whole_cut_to_the_bit(cuts, offset, rows, units, rate):
    start = NOISE.later(offset)
    for draw in (start.per_step, start.keep):
        whole = draw(1, "output", (9, rows, units), rate, "float32")
        assert whole.shape == (9, rows, units)
        for begin, end in zip([0, *cuts], [*cuts, 9], strict=True):
            part = getattr(start.later(begin), draw.__name__)(
                1, "output", (end - begin, rows, units), rate, "float32"
            )
            assert part.tobytes() == whole[begin:end].tobytes()


@settings(deadline=None)
@given(rows=st.integers(0, 6), steps=st.integers(0, 6), offset=st.integers(0, 9))
def test_a_row_does_not_know_how_many_others_there_are_nor_how_long_they_are(rows, steps, offset):
    noise = NOISE.later(offset)
    largest = noise.per_step(0, "between", (6, 6, 19), 0.5, "float32")
    mask = noise.per_step(0, "between", (steps, rows, 19), 0.5, "float32")
    assert mask.tobytes() == largest[:steps, :rows].tobytes()
    whole = noise.per_sequence(0, "input", (6, 19), 0.5, "float32")
    assert noise.per_sequence(0, "input", (rows, 19), 0.5, "float32").tobytes() == whole[:rows].tobytes()


def test_a_mask_of_sequences_is_the_same_at_every_offset():
    shape = (7, 33)
    start = NOISE.per_sequence(2, "recurrent", shape, 0.4, "float32")
    assert start.shape == shape
    for offset in (1, 5, 1000):
        assert (NOISE.later(offset).per_sequence(2, "recurrent", shape, 0.4, "float32") == start).all()


def test_the_numbers_stay_what_they_are():
    """A run that is resumed with another version of elman or NumPy meets the same noise."""
    numbers = NOISE.later(5)._numbers(1, "output", (2, 2, 17))
    assert numbers.dtype == np.uint16
    assert numbers[..., [0, 1, 16]].ravel().tolist() == [
        11207,
        40631,
        34134,
        12454,
        20952,
        5402,
        5059,
        50739,
        49090,
        23140,
        61564,
        62548,
    ]


def test_each_step_of_each_row_begins_where_it_should_in_philox():
    key = np.random.SeedSequence((3, 4, 11, 3, 1)).generate_state(2, np.uint64)  # dropout is 4, output 3
    numbers = NOISE.later(5)._numbers(1, "output", (3, 4, 20))  # two blocks a step
    for t, b in np.ndindex(3, 4):
        stream = np.random.Philox(key=key, counter=b * 2**64 + (5 + t) * 2)
        assert numbers[t, b].tolist() == stream.random_raw(8).astype("<u8").view("<u2")[:20].tolist()


def test_offsets_add_up():
    assert NOISE.later(3).later(4) == Noise(seed=3, step=11, offset=7) == NOISE.later(7)
    assert NOISE.later(0) == NOISE


# ----------------------------------------------------------------------------------------------- it is noise


@pytest.mark.parametrize("rate", [0.0, 2.0**-16, 0.1, 0.5, 0.9, 1 - 2.0**-16, np.nextafter(1, 0)])
@pytest.mark.parametrize("kind", ["between", "zoneout h"])
def test_as_many_are_hit_as_the_rate_says(rate, kind):
    drops = mask(rate=rate, kind=kind)
    hit, n = (drops == 0).mean(), drops.size
    rounded = np.floor(rate * LEVELS) / LEVELS
    spread = np.sqrt(rounded * (1 - rounded) / n)
    assert abs(hit - rounded) <= 4 * spread
    assert np.isin(drops, [0, 1 / (1 - rounded)]).all()
    assert abs(drops.mean() - 1) <= 4 * spread / (1 - rounded)
    assert (NOISE.keep(0, kind, SHAPE, rate, "float64") == (drops == 0)).all()


def test_a_rate_of_zero_changes_nothing():
    assert (mask(rate=0) == 1).all()
    assert not NOISE.keep(0, "zoneout h", SHAPE, 0, "float32").any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_dtypes_get_the_same_mask(dtype):
    for drawn in (
        NOISE.per_step(0, "between", SHAPE, 0.1, dtype),
        NOISE.per_sequence(0, "between", SHAPE[1:], 0.1, dtype),
        NOISE.keep(0, "between", SHAPE, 0.1, dtype),
    ):
        assert drawn.dtype == dtype
        assert drawn.flags.c_contiguous
        assert drawn.flags.writeable
    dropped = NOISE.per_step(0, "between", SHAPE, 0.1, dtype) == 0
    assert (dropped == (mask(rate=0.1) == 0)).all()


STREAMS = {
    "itself": mask(),
    "seed": mask(Noise(seed=4, step=11)),
    "step": mask(Noise(seed=3, step=12)),
    "step and seed changed round": mask(Noise(seed=11, step=3)),
    "later": mask(NOISE.later(SHAPE[0])),
    **{f"layer {layer}": mask(layer=layer) for layer in (1, 2, 3)},
    **{kind: mask(kind=kind) for kind in KINDS if kind != "between"},
}


@pytest.mark.parametrize(("one", "other"), list(combinations(STREAMS, 2)))
def test_masks_of_different_origin_have_nothing_in_common(one, other):
    a, b = (STREAMS[name] - 1 for name in (one, other))  # -1 or 1
    assert abs((a * b).mean()) < 4 / np.sqrt(a.size)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("lag", [1, 2, 4, 16])
def test_steps_rows_and_units_have_nothing_in_common(axis, lag):
    signs = mask() - 1
    shifted = np.roll(signs, lag, axis)
    assert abs((signs * shifted).mean()) < 4 / np.sqrt(signs.size)
    others = tuple(k for k in range(3) if k != axis)
    means = signs.mean(axis=others)  # nor is a step, row or unit hit more often than others
    assert np.abs(means).max() < 4.5 * np.sqrt(len(means) / signs.size)


def test_every_number_of_16_bits_is_drawn_equally_often():
    numbers = NOISE._numbers(0, "between", (64, 64, 256))
    counts = np.bincount(numbers.ravel() >> 8, minlength=256)  # 4,096 expected of each
    chi_square = ((counts - 4096.0) ** 2 / 4096).sum()
    assert abs(chi_square - 255) < 4 * np.sqrt(2 * 255)
    low = np.bincount(numbers.ravel() & 255, minlength=256)
    assert abs(((low - 4096.0) ** 2 / 4096).sum() - 255) < 4 * np.sqrt(2 * 255)


# ------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("numbers", [{"seed": -1}, {"step": -1}, {"offset": -2}])
def test_negative_numbers_are_refused_by_name(numbers):
    ((name, value),) = numbers.items()
    with pytest.raises(OptionError, match=rf"^{name} of noise is {value}; it must be 0 or more$"):
        Noise(**{"seed": 0, "step": 0} | numbers)


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan")])
@pytest.mark.parametrize("draw", [NOISE.per_step, NOISE.keep])
def test_rates_out_of_range_are_refused(draw, rate):
    with pytest.raises(OptionError, match=f"^a rate of noise is {rate}; it must be at least 0"):
        draw(0, "between", (1, 1, 1), rate, "float32")


def test_an_unknown_kind_lists_the_choices():
    with pytest.raises(OptionError, match=r"^no kind of noise 'dropout'; there are input, recurrent, "):
        NOISE.per_sequence(0, "dropout", (1, 1), 0.5, "float32")


def test_kinds_are_only_ever_appended():
    assert KINDS[:6] == ("input", "recurrent", "between", "output", "zoneout h", "zoneout s")
