"""Lines: each its own sequence, each once per epoch, nothing of the padding in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_cases import SIZES, assert_order_depends_on_seed_and_step_alone, epoch, take
from elman.data import Batch, Lines, corpus_from_text, find_lines, lines, split_lines
from elman.errors import DataError, OptionError

END = 10  # not 0, which is padding

TEXTS = st.lists(st.lists(st.integers(1, 9), max_size=20), max_size=20).filter(any)


def as_symbols(text: list[list[int]]) -> np.ndarray:
    return np.array([END, *(symbol for line in text for symbol in [*line, END])], np.uint8)


def lines_of(batches: list[Batch]) -> list[tuple[int, list[int], list[int]]]:
    """Put the lines of batches together again, as (row, x, targets); padding must be 0."""
    found: list[tuple[int, list[int], list[int]]] = []
    for batch in batches:
        assert (np.diff(batch.lengths) <= 0).all()
        assert batch.x.shape == batch.targets.shape == (batch.lengths[0], len(batch.lengths))
        assert batch.x.dtype == batch.targets.dtype == np.intp
        if batch.fresh:
            group = [(int(row), [], []) for row in batch.rows]
            found += group
        assert [row for row, _, _ in group] == batch.rows.tolist()
        for (_, x, targets), b, length in zip(group, range(len(group)), batch.lengths, strict=True):
            x += batch.x[:length, b].tolist()
            targets += batch.targets[:length, b].tolist()
            assert not batch.x[length:, b].any()
            assert not batch.targets[length:, b].any()
    return found


def expected_lines(text: list[list[int]]) -> list[tuple[int, list[int], list[int]]]:
    return [(k, [END, *line], [*line, END]) for k, line in enumerate(filter(None, text))]


@settings(deadline=None)
@given(text=TEXTS, number=st.integers(0, 2), seed=st.integers(0, 9), **SIZES)
def test_an_epoch_holds_each_line_once(text, number, seed, batch_size, seq_length):
    data = Lines(as_symbols(text), END, batch_size, seq_length)
    batches = epoch(data, number, seed)
    assert sorted(lines_of(batches)) == expected_lines(text)
    assert max(len(batch.x) for batch in batches) <= seq_length
    assert sum(batch.count for batch in batches) == sum(len(line) + 1 for line in text if line)
    assert batches[0].fresh
    assert take(data, 1, seed, (number + 1) * data.steps_per_epoch)[0].fresh


@settings(deadline=None)
@given(text=TEXTS, **SIZES)
def test_once_goes_through_the_file_in_groups(text, batch_size, seq_length):
    found = lines_of(list(Lines(as_symbols(text), END, batch_size, seq_length).once()))
    assert sorted(found) == expected_lines(text)
    rows = [row for row, _, _ in found]
    groups = [rows[k : k + batch_size] for k in range(0, len(rows), batch_size)]
    assert [row for group in groups for row in sorted(group)] == list(range(len(rows)))


@settings(deadline=None)
@given(text=TEXTS, seed=st.integers(0, 9), step=st.integers(0, 60), **SIZES)
def test_lines_begin_at_any_step(text, seed, step, batch_size, seq_length):
    assert_order_depends_on_seed_and_step_alone(
        Lines(as_symbols(text), END, batch_size, seq_length), seed, step
    )


def test_lines_of_a_batch_are_of_similar_length():
    text = [[1] * (k % 10 + 1) for k in range(200)]  # 20 lines of each length
    for batch in epoch(Lines(as_symbols(text), END, batch_size=20)):
        assert len(set(batch.lengths)) == 1


def test_epochs_group_and_order_lines_anew():
    data = Lines(as_symbols([[1, 2]] * 40), END, batch_size=10)
    rows = [[tuple(batch.rows) for batch in epoch(data, number)] for number in range(3)]
    assert len({group for order in rows for group in order}) == 12
    lengths = [[1] * k for k in range(1, 31)]  # groups are given by length: only their order is free
    data = Lines(as_symbols(lengths), END, batch_size=3)
    orders = {tuple(int(batch.lengths[0]) for batch in epoch(data, number)) for number in range(5)}
    assert len(orders) == 5


def test_long_lines_come_in_windows_that_flow():
    batches = list(Lines(as_symbols([[1, 2], [3, 4, 5, 6, 7]]), END, batch_size=2, seq_length=4).once())
    assert [batch.fresh for batch in batches] == [True, False]
    assert [batch.lengths.tolist() for batch in batches] == [[4, 3], [2, 0]]
    assert [batch.rows.tolist() for batch in batches] == [[1, 0], [1, 0]]
    assert batches[0].x.T.tolist() == [[END, 3, 4, 5], [END, 1, 2, 0]]
    assert batches[1].x.T.tolist() == [[6, 7], [0, 0]]
    assert batches[1].targets.T.tolist() == [[7, END], [0, 0]]


@settings(deadline=None)
@given(text=TEXTS, scan=st.integers(1, 5))
def test_lines_are_found_in_pieces(text, scan):
    symbols = as_symbols(text)
    whole = find_lines(symbols, END)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "SCAN", scan)
        assert np.array_equal(find_lines(symbols, END), whole)
    assert [symbols[begin + 1 : begin + length].tolist() for begin, length in whole] == [*filter(None, text)]


@pytest.mark.parametrize("symbols", [[], [END], [1, 2], [END, 1], [1, END]])
def test_symbols_without_line_ends_around_are_refused(symbols):
    with pytest.raises(DataError, match="lines=True"):
        Lines(np.array(symbols, np.uint8), END)


def test_a_text_of_empty_lines_is_refused():
    with pytest.raises(DataError, match="no lines to read"):
        Lines(as_symbols([[]] * 5), END)


@settings(deadline=None)
@given(text=TEXTS, fraction=st.floats(0, 0.99), seed=st.integers(0, 9))
def test_each_line_is_either_for_training_or_for_validation(text, fraction, seed):
    symbols = as_symbols(text)
    whole = find_lines(symbols, END)
    cut = int((1 - fraction) * len(whole))
    if cut == 0:
        with pytest.raises(DataError, match="too few to hold out"):
            split_lines(symbols, END, fraction, seed)
        return
    train, valid = split_lines(symbols, END, fraction, seed)
    assert (len(train), len(valid)) == (cut, len(whole) - cut)
    both = np.concatenate([train, valid])
    assert np.array_equal(both[np.argsort(both[:, 0])], whole)
    assert (np.diff(train[:, 0]) > 0).all()
    assert (np.diff(valid[:, 0]) > 0).all()


def test_validation_lines_are_drawn_by_the_seed():
    symbols = as_symbols([[1]] * 100)
    held_out = [tuple(split_lines(symbols, END, 0.1, seed)[1][:, 0]) for seed in (0, 0, 1)]
    assert held_out[0] == held_out[1] != held_out[2]
    assert held_out[0] != tuple(find_lines(symbols, END)[90:, 0])
    with pytest.raises(OptionError, match="at least 0 and below 1"):
        split_lines(symbols, END, 1.0)


def test_rows_choose_the_lines():
    symbols = as_symbols([[1], [2, 2], [3, 3, 3]])
    data = Lines(symbols, END, rows=find_lines(symbols, END)[[0, 2]])
    assert sorted(lines_of(epoch(data))) == [(0, [END, 1], [1, END]), (1, [END, 3, 3, 3], [3, 3, 3, END])]


def test_from_text_to_lines():
    read = corpus_from_text("ab\r\n\r\nc", lines=True)
    (batch,) = Lines(read.symbols, read.vocabulary.line_end).once()

    def rows(array):
        return [read.vocabulary.decode(row[:n]) for row, n in zip(array.T, batch.lengths, strict=True)]

    assert rows(batch.x) == ["\nab", "\nc"]
    assert rows(batch.targets) == ["ab\n", "c\n"]
