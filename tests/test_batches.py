"""Streams: every symbol where it belongs, in an order that (seed, step) alone decides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from data_cases import SIZES, assert_order_depends_on_seed_and_step_alone, epoch, take
from elman.data import Batch, Lines, Streams
from elman.errors import DataError, OptionError, ShapeError


@settings(deadline=None)
@given(n=st.integers(2, 120), number=st.integers(0, 3), seed=st.integers(0, 9), **SIZES)
def test_streams_are_contiguous_parts_of_the_text(n, number, seed, batch_size, seq_length):
    assume(n > batch_size * seq_length)
    streams = Streams(np.arange(n, dtype=np.uint8), batch_size, seq_length)
    batches = epoch(streams, number, seed)
    x = np.concatenate([batch.x for batch in batches])
    length = streams.steps_per_epoch * seq_length
    assert x.shape == (length, batch_size)
    begin = x[0, 0]
    assert x.T.reshape(-1).tolist() == list(range(begin, begin + batch_size * length))  # stream after stream
    assert np.array_equal(np.concatenate([batch.targets for batch in batches]), x + 1)
    assert [batch.fresh for batch in batches] == [True] + [False] * (len(batches) - 1)
    for batch in batches:
        assert batch.x.shape == batch.targets.shape == (seq_length, batch_size)
        assert batch.x.dtype == batch.targets.dtype == np.intp
        assert batch.x.flags.c_contiguous
        assert batch.targets.flags.c_contiguous
        assert batch.lengths is None
        assert batch.count == batch_size * seq_length


@settings(deadline=None)
@given(n=st.integers(2, 120), seed=st.integers(0, 9), step=st.integers(0, 40), **SIZES)
def test_streams_begin_at_any_step(n, seed, step, batch_size, seq_length):
    assume(n > batch_size * seq_length)
    assert_order_depends_on_seed_and_step_alone(Streams(np.arange(n), batch_size, seq_length), seed, step)


def test_nothing_is_left_out_for_good_and_windows_move():
    streams = Streams(np.arange(100), batch_size=3, seq_length=7)  # 4 windows of 21 each, 15 places to begin
    assert streams.steps_per_epoch == 4
    begins = {int(epoch(streams, number)[0].x[0, 0]) for number in range(200)}
    assert begins == set(range(100 - 1 - 4 * 21 + 1))


def test_epochs_begin_at_one_of_seq_length_places_at_least():
    for n in range(2 * 35 + 1, 200):
        streams = Streams(np.arange(n), batch_size=5, seq_length=7)
        assert n - 1 - streams.steps_per_epoch * 35 >= 6


def test_seeds_differ():
    streams = Streams(np.arange(1000), batch_size=2, seq_length=50)
    assert len({int(take(streams, 1, seed)[0].x[0, 0]) for seed in range(20)}) > 5


def test_a_text_of_one_window_is_enough_and_one_symbol_less_is_not():
    batch = take(Streams(np.arange(13), batch_size=3, seq_length=4), 1)[0]
    assert batch.targets.max() == 12
    with pytest.raises(DataError, match=r"need 13; what fits is at most batch_size 2 or seq_length 3"):
        Streams(np.arange(12), batch_size=3, seq_length=4)


@settings(deadline=None)
@given(n=st.integers(2, 60), batch_size=st.integers(1, 80), seq_length=st.integers(1, 80))
def test_the_advice_for_a_short_text_fits(n, batch_size, seq_length):
    assume(n <= batch_size * seq_length)
    with pytest.raises(DataError) as caught:
        Streams(np.arange(n), batch_size, seq_length)
    advice = str(caught.value).split("at most ")[1]
    for way in advice.split(" or "):
        words = way.replace(" with", "").split()
        advised = dict(zip(words[::2], map(int, words[1::2]), strict=True))
        sizes = {"batch_size": batch_size, "seq_length": seq_length} | advised
        assert Streams(np.arange(n), **sizes).steps_per_epoch == 1
        for name in words[::2]:
            with pytest.raises(DataError):
                Streams(np.arange(n), **sizes | {name: sizes[name] + 1})


@pytest.mark.parametrize("n", [0, 1])
def test_next_to_no_text_is_refused(n):
    with pytest.raises(DataError, match=f"has {n} symbols; .* what fits is at most nothing"):
        Streams(np.arange(n), 2, 2)


@pytest.mark.parametrize("make", [Streams, lambda symbols, **sizes: Lines(symbols, 0, **sizes)])
def test_options_and_symbols_are_checked_at_the_door(make):
    symbols = np.array([0, 1, 2, 0, 3, 3, 0])
    with pytest.raises(OptionError, match="batch_size is 0; it must be at least 1"):
        make(symbols, batch_size=0)
    with pytest.raises(OptionError, match="seq_length is -1; it must be at least 1"):
        make(symbols, seq_length=-1)
    with pytest.raises(ShapeError, match=r"float64 \(7,\); expected one row of whole numbers"):
        make(symbols.astype(float))
    with pytest.raises(ShapeError, match=r"\(7, 1\)"):
        make(symbols[:, None])
    data = make(symbols, batch_size=2, seq_length=2)
    for wrong in ({"seed": -1}, {"step": -1}):
        with pytest.raises(OptionError, match="neither may be negative"):
            data.batches(**wrong)


def test_count_is_the_number_of_real_targets():
    grid = np.zeros((4, 3), np.intp)
    assert Batch(grid, grid).count == 12
    assert Batch(grid, grid, lengths=np.array([4, 2, 0])).count == 6
