"""Windows: each row where the picture says, each window once an epoch, nothing from beyond a cut."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_cases import assert_order_depends_on_seed_and_step_alone, epoch
from elman.data.windows import Windows, cut_windows, split_series
from elman.errors import DataError, OptionError, ShapeError

SHAPES = {
    "lengths": st.lists(st.integers(8, 20), min_size=1, max_size=3),
    "window": st.integers(1, 4),
    "horizon": st.integers(1, 4),
    "stride": st.integers(1, 3),
    "per_sequence": st.booleans(),
    "batch_size": st.integers(1, 7),
}


def series(lengths: list[int], ahead: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Numbers that say where they stand: x is series·1000 + row (and its half), targets are 0.25 more."""
    rows = [1000.0 * k + np.arange(n) for k, n in enumerate(lengths)]
    x = [np.stack([r, r / 2], axis=1)[: len(r) - ahead] for r in rows]
    return x, [np.stack([r, -r, 10 * r], axis=1) + 0.25 for r in rows]


def by_definition(x, targets, window, horizon, stride, per_sequence):
    """Yield (x "T I", targets) of every window, index by index."""
    for xs, ys in zip(x, targets, strict=True):
        for start in range(0, len(ys), stride):
            if start + window > len(xs) or start + window + horizon > len(ys):
                break
            steps = [start + window - 1] if per_sequence else range(start, start + window)
            told = [[v for row in range(t + 1, t + 1 + horizon) for v in ys[row]] for t in steps]
            yield [list(xs[t]) for t in range(start, start + window)], told[0] if per_sequence else told


@settings(deadline=None)
@given(ahead=st.integers(0, 1), **SHAPES)
def test_windows_are_what_the_picture_says(lengths, window, horizon, stride, per_sequence, batch_size, ahead):
    x, targets = series(lengths, ahead)
    options = {"horizon": horizon, "stride": stride, "per_sequence": per_sequence}
    data = Windows(x, targets, window, **options, batch_size=batch_size)
    expected = list(by_definition(x, targets, window, horizon, stride, per_sequence))
    found = [
        (batch.x[:, b].tolist(), (batch.targets[b] if per_sequence else batch.targets[:, b]).tolist())
        for batch in data.once()
        for b in range(batch.x.shape[1])
    ]
    assert found == expected
    assert len(data) == len(expected)
    rows = [batch.rows for batch in data.once()]
    assert np.concatenate(rows).tolist() == list(range(len(expected)))
    assert {len(r) for r in rows[:-1]} <= {batch_size}


@settings(deadline=None)
@given(number=st.integers(0, 2), seed=st.integers(0, 9), step=st.integers(0, 40), **SHAPES)
def test_an_epoch_holds_each_window_once_in_an_order_of_its_own(
    lengths, window, horizon, stride, per_sequence, batch_size, number, seed, step
):
    options = {"horizon": horizon, "stride": stride, "per_sequence": per_sequence, "batch_size": batch_size}
    data = Windows(*series(lengths), window, **options)
    batches = epoch(data, number, seed)
    assert sorted(np.concatenate([batch.rows for batch in batches])) == list(range(len(data)))
    assert all(batch.fresh and batch.lengths is None for batch in batches)
    assert {batch.per_sequence for batch in batches} == {per_sequence}
    whole = next(Windows(*series(lengths), window, **{**options, "batch_size": 999}).once())
    for batch in batches:
        assert np.array_equal(batch.x, whole.x[:, batch.rows])
    assert_order_depends_on_seed_and_step_alone(data, seed, step)


def test_epochs_differ_in_order():
    data = Windows(*series([60]), 3, batch_size=8)
    orders = [np.concatenate([batch.rows for batch in epoch(data, number)]).tolist() for number in range(3)]
    assert len({tuple(order) for order in orders}) == 3


def test_one_column_may_do_without_its_axis_and_whole_numbers_are_numbers():
    batch = next(Windows(np.arange(5), np.arange(5, dtype=np.float32), 2).once())
    assert (batch.x.shape, batch.x.dtype, batch.targets.dtype) == ((2, 3, 1), np.float64, np.float32)
    assert batch.targets[:, 0].tolist() == [2, 3, 4]


def test_windows_take_the_memory_of_a_batch_not_of_all_windows():
    x = np.zeros((20_000, 4))
    tracemalloc.start()
    batch = next(Windows(x, x[:, 0], 500, batch_size=8).batches())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert batch.x.nbytes == 500 * 8 * 4 * 8
    assert peak < 20 * batch.x.nbytes  # all windows would be 2,438 times as much


@pytest.mark.parametrize(
    ("window", "horizon", "n", "fitting"),
    [
        *[(5, 2, 6, "window 4"), (9, 3, 3, "window 1 with horizon 2")],
        *[(2, 7, 5, "window 1 with horizon 4"), (1, 1, 1, "nothing")],
    ],
)
def test_a_series_too_short_is_told_what_fits(window, horizon, n, fitting):
    with pytest.raises(
        DataError, match=rf"need {window + horizon} rows; there are {n}: .* at most {fitting}$"
    ):
        Windows(np.zeros(n), np.zeros(n), window, horizon=horizon)
    if fitting.startswith("window"):
        w, *h = (int(word) for word in fitting.split() if word.isdigit())
        assert len(Windows(np.zeros(n), np.zeros(n), w, horizon=h[0] if h else horizon)) == 1


def test_the_series_that_is_too_short_is_named():
    with pytest.raises(DataError, match="there are 3 of series 1"):
        Windows(*series([9, 3]), 3, horizon=2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_named_by_row_and_column(value):
    x, targets = series([9, 9])
    x[1][4, 1] = value
    with pytest.raises(DataError, match=f"x of series 1 holds {value} in row 4, column 1"):
        Windows(x, targets, 3)
    x[1][4, 1] = 0
    targets[0][8, 2] = value
    with pytest.raises(DataError, match=f"targets of series 0 holds {value} in row 8, column 2"):
        Windows(x, targets, 3)


@pytest.mark.parametrize(
    ("x", "targets", "kind", "words"),
    [
        ([], [], DataError, "no series"),
        (np.zeros((9, 2)), np.zeros(7), DataError, "x has 9 rows and targets 7"),
        (np.zeros((9, 2)), np.zeros(11), DataError, "x has 9 rows and targets 11"),
        ([np.zeros(9), np.zeros(9)], [np.zeros(9)], DataError, "x has 2 series, targets 1"),
        (np.zeros((9, 2, 2)), np.zeros(9), ShapeError, r"x is float64 \(9, 2, 2\)"),
        (np.zeros(9), np.array(["a"] * 9), ShapeError, "targets is <U1"),
        ([np.zeros((9, 2)), np.zeros((9, 3))], [np.zeros(9)] * 2, ShapeError, r"\[\(2, 1\), \(3, 1\)\]"),
    ],
    ids=str,
)
def test_what_are_no_series(x, targets, kind, words):
    with pytest.raises(kind, match=words):
        Windows(x, targets, 3)


@pytest.mark.parametrize("name", ["window", "horizon", "stride", "batch_size"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True])
def test_sizes_are_whole_numbers_above_0(name, value):
    options = {"window": 3, name: value}
    with pytest.raises(OptionError, match=f"{name} is {value}"):
        Windows(np.zeros(9), np.zeros(9), **options)


def test_cut_windows_is_a_view():
    x = np.arange(12.0).reshape(6, 2)
    windows = cut_windows(x, 3, stride=2)
    assert windows[..., 0].T.tolist() == [[0, 2, 4], [4, 6, 8]]
    assert windows.shape == (3, 2, 2)
    assert np.shares_memory(windows, x)
    with pytest.raises(DataError, match="window 7 needs 7 rows; the series has 6"):
        cut_windows(x, 7)


# ------------------------------------------------------------------------------------------------- splitting


@settings(deadline=None)
@given(
    n=st.integers(24, 60), fraction=st.floats(0.3, 0.6), window=st.integers(1, 4), horizon=st.integers(1, 3)
)
def test_no_row_of_training_is_in_validation(n, fraction, window, horizon):
    train, valid = split_series(n, fraction)
    assert [*range(n)[train], *range(n)[valid]] == list(range(n))
    assert len(range(n)[train]) == int((1 - fraction) * n)
    rows = np.arange(float(n))
    seen = [
        {*batch.x.ravel(), *batch.targets.ravel()}
        for part in (train, valid)
        for batch in Windows(rows[part], rows[part], window, horizon=horizon, batch_size=999).once()
    ]
    assert seen[0].isdisjoint(seen[1])


def test_history_is_read_but_never_foretold():
    rows = np.arange(30.0)
    train, valid, test = split_series(30, [20, 25], history=4)
    told = [
        next(Windows(rows[part], rows[part], 4, batch_size=99).once()).targets[:, 0].tolist()
        for part in (train, valid, test)
    ]
    assert told == [list(range(4, 20)), list(range(20, 25)), list(range(25, 30))]
    assert split_series(30, [2], history=5)[1] == slice(0, 30)


@pytest.mark.parametrize("cuts", [[0], [30], [10, 10], [20, 10], [31], [-1], 0.0, 0.999])
def test_every_part_has_a_row(cuts):
    n = 30 if cuts != 0.999 else 3
    with pytest.raises(DataError, match="each part needs a row"):
        split_series(n, cuts)


def test_options_of_a_split():
    for fraction in (1.0, -0.1, 5):
        with pytest.raises(OptionError, match="fraction"):
            split_series(30, fraction)
    with pytest.raises(OptionError, match="history is -1"):
        split_series(30, 0.1, history=-1)
