"""Streams: every symbol where it belongs, in an order that (seed, step) alone decides."""

from __future__ import annotations

from itertools import islice

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


# -------------------------------------------------------------------------------------- what is counted

STEPS = np.zeros((4, 3), np.intp)  # T = 4, B = 3
LENGTHS = np.array([4, 2, 1])
FEATURES = np.zeros((4, 3, 5))
WEIGHTS = np.array([[0.5, 2.0, 0.0], [0.0, 1.0, 8.0], [1.5, 4.0, np.nan], [1.0, np.nan, 4.0]])
MASK = WEIGHTS > 1


def both(batch: Batch) -> tuple[int, float]:
    assert type(batch.count) is int
    assert type(batch.total) is float
    return batch.count, batch.total


@pytest.mark.parametrize(
    "x", [STEPS, FEATURES, (STEPS, FEATURES), FEATURES.astype("float32")], ids=["T B", "T B I", "both", "f4"]
)
@pytest.mark.parametrize("targets", [STEPS, np.zeros((4, 3, 2))], ids=["symbols", "values"])
def test_every_real_step_counts(x, targets):
    assert both(Batch(x, targets)) == (12, 12.0)
    assert both(Batch(x, targets, LENGTHS)) == (7, 7.0)
    assert both(Batch(x, targets, np.array([4, 2, 0]))) == (6, 6.0)
    # 0.5 2 (0) | 0 1 – | 1.5 – – | 1 – –; what lies past the ends is not even looked at
    assert both(Batch(x, targets, LENGTHS, weights=WEIGHTS)) == (5, 6.0)
    assert both(Batch(x, targets, weights=MASK)) == (5, 5.0)
    assert both(Batch(x, targets, LENGTHS, weights=MASK)) == (2, 2.0)
    assert both(Batch(x, targets, weights=np.zeros((4, 3)))) == (0, 0.0)


@pytest.mark.parametrize("x", [STEPS, FEATURES, (STEPS, FEATURES)], ids=["T B", "T B I", "both"])
@pytest.mark.parametrize("targets", [np.zeros(3, int), np.zeros((3, 2))], ids=["symbols", "values"])
def test_every_sequence_counts_once(x, targets):
    for lengths in (None, LENGTHS):
        assert both(Batch(x, targets, lengths, per_sequence=True)) == (3, 3.0)
        weights = np.array([0.25, 0, 3])
        assert both(Batch(x, targets, lengths, weights=weights, per_sequence=True)) == (2, 3.25)


def test_as_many_steps_as_rows_are_no_riddle():
    x = np.zeros((3, 3), int)
    assert Batch(x, np.zeros((3, 3))).count == 9
    assert Batch(x, np.zeros((3, 3)), per_sequence=True).count == 3


@pytest.mark.parametrize("x", [STEPS[:, 0], FEATURES[:, 0], (STEPS[:, 0], FEATURES[:, 0])])
def test_one_sequence_without_a_batch_axis_is_counted_too(x):
    assert both(Batch(x, STEPS[:, 0])) == (4, 4.0)
    assert both(Batch(x, STEPS[:, 0], np.array([3]))) == (3, 3.0)
    assert both(Batch(x, STEPS[:, 0], np.array(3), weights=WEIGHTS[:, 1])) == (3, 7.0)
    assert both(Batch(x, np.array(1), per_sequence=True)) == (1, 1.0)
    assert both(Batch(x, np.array(1), weights=np.array(0.5), per_sequence=True)) == (1, 0.5)


def test_weights_of_low_precision_are_added_up_with_care():
    weights = np.full((100, 100), 0.1, np.float32)
    batch = Batch(np.zeros((100, 100), int), np.zeros((100, 100), int), weights=weights)
    assert batch.total == pytest.approx(10_000 * float(np.float32(0.1)), rel=1e-12)
    assert Batch(batch.x, batch.targets, weights=np.ones((100, 100), np.uint8)).total == 10_000


def test_rows_of_a_stream_start_anew_in_turn():
    plain = Streams(np.arange(3 * 2 * 12 + 3), batch_size=3, seq_length=2)
    restarting = Streams(plain.symbols, 3, 2, restart_every=4)
    batches = list(islice(restarting.batches(seed=5), 2 * plain.steps_per_epoch))
    assert restarting.steps_per_epoch == plain.steps_per_epoch == 12
    for k, (batch, other) in enumerate(zip(batches, plain.batches(seed=5), strict=False)):
        assert np.array_equal(batch.x, other.x)
        window = k % 12
        rows = [] if window == 0 else [row for row in range(3) if (row + window) % 4 == 0]
        came = [] if batch.reset is None else np.flatnonzero(batch.reset[0]).tolist()
        assert came == rows
        assert batch.reset is None or not batch.reset[1:].any()
    assert all(batch.reset is None for batch in islice(plain.batches(), 12))


@pytest.mark.parametrize("every", [0, -1, 1.5])
def test_rows_start_anew_after_a_number_of_windows(every):
    with pytest.raises(OptionError, match="restart_every is"):
        Streams(np.arange(99), 3, 2, restart_every=every)
