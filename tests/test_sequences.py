"""Sequences: each once an epoch beside its own targets, in an order that (seed, step) alone decides."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_cases import epoch, take
from elman.data import Batch, Data, Sequences, class_weights, pad
from elman.errors import DataError, OptionError, ShapeError

KINDS = st.sampled_from(["symbols", "features", "both"])
LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=40)


def draw(lengths: list[int], kind: str = "symbols", seed: int = 0) -> list[Any]:
    """Sequences of these lengths, no two alike, nothing 0."""
    random = np.random.default_rng(seed)
    symbols = [random.integers(1, 1000, n).astype(np.uint16) for n in lengths]
    features = [random.uniform(1, 2, (n, 3)).astype(np.float32) for n in lengths]
    return {"symbols": symbols, "features": features, "both": list(zip(symbols, features, strict=True))}[kind]


def labelled(
    lengths: list[int], *, per_sequence: bool, kind: str = "symbols", batch_size: int = 3
) -> Sequences:
    """Sequences whose targets and weights are drawn, too."""
    if per_sequence:
        targets, weights = np.arange(len(lengths)), np.linspace(0.5, 1.5, len(lengths))
    else:
        targets, weights = draw(lengths, "features", seed=1), [s / 9 for s in draw(lengths, seed=2)]
    x = draw(lengths, kind)
    return Sequences(x, targets, batch_size, per_sequence=per_sequence, weights=weights)


def parts(x: Any) -> tuple[Any, ...]:
    return x if isinstance(x, tuple) else (x,)


def assert_holds(data: Sequences, batch: Batch) -> None:
    """The batch holds what the data have under `batch.rows`, and zeros."""
    lengths = np.array([len(parts(data.x[k])[0]) for k in batch.rows])
    assert (np.diff(lengths) <= 0).all()
    if batch.lengths is None:
        assert (lengths == lengths[0]).all()
    else:
        assert batch.lengths.tolist() == lengths.tolist()
        assert lengths[0] > lengths[-1]
    assert batch.fresh
    assert batch.reset is None
    assert batch.per_sequence is data.per_sequence
    columns = [(part, [parts(data.x[k])[i] for k in batch.rows]) for i, part in enumerate(parts(batch.x))]
    if data.per_sequence:
        assert (batch.targets == data.targets[batch.rows]).all()
        assert (batch.weights == data.weights[batch.rows]).all()
    else:
        columns += [(batch.targets, [data.targets[k] for k in batch.rows])]
        columns += [(batch.weights, [data.weights[k] for k in batch.rows])]
    for padded, arrays in columns:
        assert padded.shape == (lengths[0], len(lengths), *arrays[0].shape[1:])
        assert padded.dtype == (np.intp if arrays[0].dtype.kind == "u" else arrays[0].dtype)
        for b, array in enumerate(arrays):
            assert (padded[: len(array), b] == array).all()
            assert not padded[len(array) :, b].any()


def same(one: Batch, other: Batch) -> bool:
    def pairs():
        for f in fields(Batch):
            yield from zip(*(parts(getattr(batch, f.name)) for batch in (one, other)), strict=True)

    return all(np.array_equal(a, b) for a, b in pairs())


@settings(deadline=None)
@given(
    lengths=LENGTHS,
    kind=KINDS,
    per_sequence=st.booleans(),
    batch_size=st.integers(1, 9),
    number=st.integers(0, 2),
    seed=st.integers(0, 9),
)
def test_an_epoch_holds_each_sequence_once(lengths, kind, per_sequence, batch_size, number, seed):
    data = labelled(lengths, per_sequence=per_sequence, kind=kind, batch_size=batch_size)
    batches = epoch(data, number, seed)
    assert sorted(np.concatenate([batch.rows for batch in batches])) == list(range(len(lengths)))
    sizes = sorted(len(batch.rows) for batch in batches)
    assert sizes[1:] == [batch_size] * (len(batches) - 1)
    assert 1 <= sizes[0] <= batch_size
    for batch in batches:
        assert_holds(data, batch)
    assert sum(batch.count for batch in batches) == (len(lengths) if per_sequence else sum(lengths))


@settings(deadline=None)
@given(lengths=LENGTHS, per_sequence=st.booleans(), seed=st.integers(0, 9), step=st.integers(0, 60))
def test_sequences_begin_at_any_step(lengths, per_sequence, seed, step):
    data: Data = labelled(lengths, per_sequence=per_sequence)
    whole = take(data, step + 2 * data.steps_per_epoch, seed)
    part = take(data, 2 * data.steps_per_epoch, seed, step)
    assert all(same(one, other) for one, other in zip(whole[step:], part, strict=True))


@settings(deadline=None)
@given(lengths=LENGTHS, kind=KINDS, per_sequence=st.booleans(), batch_size=st.integers(1, 50))
def test_once_goes_from_the_longest_to_the_shortest(lengths, kind, per_sequence, batch_size):
    data = labelled(lengths, per_sequence=per_sequence, kind=kind)
    batches = list(data.once(batch_size))
    for batch in batches:
        assert_holds(data, batch)
    rows = np.concatenate([batch.rows for batch in batches])
    assert [len(batch.rows) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
    assert rows.tolist() == sorted(range(len(lengths)), key=lambda k: (-lengths[k], k))
    assert next(len(batch.rows) for batch in data.once()) == min(3, len(lengths))


def test_answers_find_back_into_order():
    data = labelled([3, 9, 1, 4, 4, 7], per_sequence=True)
    answers = np.zeros(6)
    for batch in data.once(4):
        answers[batch.rows] = batch.x.sum(axis=0)
    assert answers.tolist() == [s.sum() for s in data.x]


def test_rows_of_similar_length_lie_side_by_side():
    lengths = np.random.default_rng(0).integers(1, 100, 2000).tolist()
    data = labelled(lengths, per_sequence=False, batch_size=10)
    batches = epoch(data)
    padded = sum(batch.x.size for batch in batches)
    assert sum(lengths) > 0.9 * padded  # 0.95; without sorting 0.57
    longest = [len(batch.x) for batch in batches]
    assert np.abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.2  # in no order themselves


@pytest.mark.parametrize("count", [12, 60, 300])
def test_epochs_group_and_order_anew_even_where_all_lengths_differ(count):
    data = labelled(list(range(1, count + 1)), per_sequence=True)
    rows = [[tuple(batch.rows) for batch in epoch(data, number)] for number in range(4)]
    assert len({group for order in rows for group in order}) > 0.5 * 4 * count / 3
    other = [tuple(batch.rows) for batch in epoch(data, 0, seed=1)]
    assert other not in rows


def test_a_smaller_batch_comes_at_any_place():
    data = labelled([2] * 10, per_sequence=True)
    places = {
        next(k for k, batch in enumerate(epoch(data, number)) if len(batch.rows) == 1) for number in range(40)
    }
    assert places == {0, 1, 2, 3}


def test_without_weights_batches_have_none():
    x = draw([4, 2])
    (batch,) = Sequences(x, np.array([1, 0]), per_sequence=True).once()
    assert batch.weights is None
    (batch,) = Sequences(x, x, per_sequence=False).once()
    assert batch.weights is None
    assert (batch.targets == batch.x).all()


def test_lists_of_lists_are_sequences_too():
    (batch,) = Sequences(
        [[1], [2, 3]], [[[0.5]], [[1], [2]]], per_sequence=False, weights=[[1], [0, 2]]
    ).once()
    assert batch.x.T.tolist() == [[2, 3], [1, 0]]
    assert batch.targets[..., 0].T.tolist() == [[1, 2], [0.5, 0]]
    assert batch.weights.T.tolist() == [[0, 2], [1, 0]]
    assert (batch.count, batch.total) == (2, 3.0)


# -------------------------------------------------------------------------------------------------------- pad


@settings(deadline=None)
@given(lengths=st.lists(st.integers(0, 9), min_size=1, max_size=9), kind=KINDS)
def test_pad_lays_sequences_side_by_side(lengths, kind):
    sequences = draw(lengths, kind)
    x, ends = pad(sequences)
    assert isinstance(x, tuple) == (kind == "both")
    assert ends.tolist() == lengths
    assert ends.dtype.kind == "i"
    for i, padded in enumerate(parts(x)):
        assert padded.shape[:2] == (max(lengths), len(lengths))
        for b, sequence in enumerate(sequences):
            array = parts(sequence)[i]
            assert (padded[: len(array), b] == array).all()
            assert not padded[len(array) :, b].any()


def test_pad_takes_what_is_like_an_array_and_an_empty_list_for_no_steps():
    x, lengths = pad([[], [3, 4], [5]])
    assert x.T.tolist() == [[0, 0], [3, 4], [5, 0]]
    assert x.dtype == np.intp
    assert lengths.tolist() == [0, 2, 1]
    x, lengths = pad([[], [[1.0, 2.0]]])
    assert x.tolist() == [[[0, 0], [1, 2]]]
    assert lengths.tolist() == [0, 1]


def test_pad_takes_the_rows_of_an_array():
    x, lengths = pad(np.arange(6).reshape(2, 3))
    assert x.T.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert lengths.tolist() == [3, 3]


def test_pad_keeps_the_precision_of_floats():
    narrow, wide = np.ones((2, 1), np.float32), np.ones((1, 1))
    assert pad([narrow, narrow])[0].dtype == np.float32
    assert pad([narrow, wide])[0].dtype == np.float64


def test_pad_leaves_what_it_is_given():
    given_ = [np.array([1, 2]), np.array([3])]
    x, _ = pad(given_)
    x[:] = 7
    assert [a.tolist() for a in given_] == [[1, 2], [3]]


ONE, TWO = np.array([1]), np.array([1, 2])
WIDE = np.ones((2, 3))


@pytest.mark.parametrize(
    ("sequences", "error", "message"),
    [
        ([], DataError, r"^x has no sequences; expected 1 or more$"),
        (
            [ONE, TWO, np.ones(2)],
            ShapeError,
            r"^x: sequence 2 is float64 \(2,\); expected symbols .*\[:, None\]",
        ),
        (
            [ONE, WIDE],
            ShapeError,
            r"^x: sequence 1 is float64 \(2, 3\), sequence 0 is int64 \(1,\); .* one kind",
        ),
        ([[], ONE, WIDE], ShapeError, r"^x: sequence 2 is float64 \(2, 3\), sequence 1 is int64 \(1,\)"),
        (
            [WIDE, WIDE[:, :2]],
            ShapeError,
            r"^x: sequence 1 is float64 \(2, 2\), sequence 0 is float64 \(2, 3\)",
        ),
        ([WIDE.astype(int)], ShapeError, r"^x: sequence 0 is int64 \(2, 3\); expected symbols"),
        ([ONE, ["a"]], ShapeError, r"^x: sequence 1 is <U1 \(1,\); expected symbols"),
        ([ONE, [True]], ShapeError, r"^x: sequence 1 is bool \(1,\); expected symbols"),
        ([ONE, 3], ShapeError, r"^x: sequence 1 is int64 \(\); expected symbols"),
        (np.array([1, 2]), ShapeError, r"^x: sequence 0 is int64 \(\); expected symbols"),
        ([ONE, [[1, 2], [3]]], ShapeError, r"^x: sequence 1 is no array: "),
        ([(TWO, WIDE), TWO], ShapeError, r"^x: sequence 1 is no tuple \(symbols, features\)"),
        ([TWO, (TWO, WIDE)], ShapeError, r"^x: sequence 0 is no tuple"),
        ([(TWO, WIDE), (1, 2, 3)], ShapeError, r"^x: sequence 1 is no tuple"),
        (
            [(TWO, WIDE), (ONE, WIDE)],
            DataError,
            r"^sequence 1 has 1 steps in symbols of x and 2 in features of x",
        ),
        ([(WIDE, WIDE)], ShapeError, r"^symbols of x: sequence 0 is float64 \(2, 3\); expected symbols"),
        ([(TWO, TWO)], ShapeError, r"^features of x: sequence 0 is int64 \(2,\); expected features"),
    ],
)
def test_pad_names_the_first_sequence_that_is_wrong(sequences, error, message):
    with pytest.raises(error, match=message):
        pad(sequences)


# --------------------------------------------------------------------------------------------------- refusals

X = draw([3, 2, 4])  # symbols
F = draw([3, 2, 4], "features")
Y = np.array([0, 1, 1])


def changed(arrays: list[Any], k: int, place: Any, value: float) -> list[Any]:
    arrays = [np.array(a, np.float64) for a in arrays]
    arrays[k][place] = value
    return arrays


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("x", "targets", "error", "message"),
    [
        ([], [], DataError, r"^x has no sequences"),
        (X, Y[:2], DataError, r"^x has 3 sequences, targets has 2; expected as many$"),
        ([*X[:2], X[0][:0]], Y, DataError, r"^x: sequence 2 is empty; leave it out$"),
        ([[], *X[:2]], Y, DataError, r"^x: sequence 0 is empty"),
        (
            changed(F, 1, (1, 2), NAN),
            Y,
            DataError,
            r"^x: sequence 1, step 1, feature 2 is nan, counted from 0; ",
        ),
        (changed(F, 2, (0, 1), -INF), Y, DataError, r"^x: sequence 2, step 0, feature 1 is -inf, "),
        (
            list(zip(X, changed(F, 2, (3, 0), INF), strict=True)),
            Y,
            DataError,
            r"^x: sequence 2, step 3, feature 0 is inf, ",
        ),
        (X, [[1.0], [NAN], [2.0]], DataError, r"^targets: sequence 1, output 0 is nan, .* the weight 0$"),
        (X, Y.astype(float), ShapeError, r"^targets is float64 \(3,\); expected symbols .* or values .*None"),
        (X, [[1], [2, 3], [4]], ShapeError, r"^targets is no array"),
        (X, np.ones((3, 1, 1)), ShapeError, r"^targets is float64 \(3, 1, 1\)"),
        (X, np.array(["a", "b", "c"]), ShapeError, r"^targets is <U1 \(3,\); expected symbols"),
        (F[:2] + X[:1], Y, ShapeError, r"^x: sequence 2 is uint16 \(3,\), sequence 0 is float32 \(3, 3\)"),
    ],
)
def test_what_cannot_be_learned_from_is_named(x, targets, error, message):
    with pytest.raises(error, match=message):
        Sequences(x, targets, per_sequence=True)


@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        (X[:2], DataError, r"^x has 3 sequences, targets has 2; expected as many$"),
        ([X[0], X[0], X[2]], DataError, r"^sequence 1 has 2 steps in x and 3 in targets; expected as many$"),
        (changed(F, 2, (3, 1), NAN), DataError, r"^targets: sequence 2, step 3, output 1 is nan, "),
        ([a[:, 0] for a in F], ShapeError, r"^targets: sequence 0 is float32 \(3,\); expected symbols"),
        (
            [*X[:2], F[2]],
            ShapeError,
            r"^targets: sequence 2 is float32 \(4, 3\), sequence 0 is uint16 \(3,\)",
        ),
        (Y, ShapeError, r"^targets: sequence 0 is int64 \(\)"),
    ],
)
def test_targets_of_steps_that_do_not_fit_are_named(targets, error, message):
    with pytest.raises(error, match=message):
        Sequences(X, targets, per_sequence=False)


@pytest.mark.parametrize(
    ("per_sequence", "weights", "error", "message"),
    [
        (True, [1, 2], DataError, r"^x has 3 sequences, weights has 2"),
        (True, [1, -0.5, 1], DataError, r"^weights: sequence 1 is -0.5, counted from 0; expected 0 or more$"),
        (True, [1, 1, INF], DataError, r"^weights: sequence 2 is inf, "),
        (True, [0, 0, 0], DataError, r"^weights are all 0; no target would count$"),
        (True, [[1], [1], [1]], ShapeError, r"^weights is int64 \(3, 1\); expected numbers"),
        (False, [[1] * 3, [1] * 2], DataError, r"^x has 3 sequences, weights has 2"),
        (False, [[1] * 3, [1] * 2, [1] * 3], DataError, r"^sequence 2 has 4 steps in x and 3 in weights"),
        (False, [[1] * 3, [1, NAN], [1] * 4], DataError, r"^weights: sequence 1, step 1 is nan, "),
        (False, [[0] * 3, [False] * 2, [0.0] * 4], DataError, r"^weights are all 0"),
        (False, [1, 1, 1], ShapeError, r"^weights: sequence 0 is int64 \(\); expected numbers"),
    ],
)
def test_weights_that_cannot_be_are_named(per_sequence, weights, error, message):
    with pytest.raises(error, match=message):
        Sequences(X, Y if per_sequence else X, per_sequence=per_sequence, weights=weights)


@pytest.mark.parametrize("size", [0, -1, 1.5, True])
def test_batch_sizes_are_whole_numbers(size):
    with pytest.raises(OptionError, match=f"^batch_size is {size}; it must be a whole number, 1 or more$"):
        Sequences(X, Y, size, per_sequence=True)
    with pytest.raises(OptionError, match=f"^batch_size is {size}"):
        Sequences(X, Y, per_sequence=True).once(size)


def test_seed_and_step_are_not_negative():
    for wrong in ({"seed": -1}, {"step": -1}):
        with pytest.raises(OptionError, match="neither may be negative"):
            Sequences(X, Y, per_sequence=True).batches(**wrong)


# ---------------------------------------------------------------------------------------------- class weights


@given(st.lists(st.integers(0, 4), max_size=50))
def test_with_their_weights_all_classes_count_the_same(drawn):
    labels = np.array([0, 1, 2, 3, 4, *drawn], np.uint8)
    weights = class_weights(labels, 5)
    totals = np.bincount(labels, weights=weights[labels])
    np.testing.assert_allclose(totals, len(labels) / 5, rtol=1e-12)


def test_class_weights_are_those_of_scikit_learn():
    # compute_class_weight("balanced", classes=[0, 1, 2], y=[0, 2, 2, 1, 2, 2, 0]) gives 7/6, 7/3, 7/12
    np.testing.assert_allclose(class_weights([0, 2, 2, 1, 2, 2, 0], 3), [7 / 6, 7 / 3, 7 / 12], rtol=1e-15)


@pytest.mark.parametrize(
    ("labels", "classes", "error", "message"),
    [
        ([0, 1, 3], 3, DataError, r"^label 3 is no class; classes run from 0 to 2$"),
        ([0, -1], 2, DataError, r"^label -1 is no class"),
        ([0, 2, 0], 3, DataError, r"^class 1 of 3 has no label, and so no weight; leave it out$"),
        ([], 2, DataError, r"^class 0 of 2 has no label"),
        ([0.0, 1.0], 2, ShapeError, r"^labels is float64 \(2,\); expected symbols"),
        ([[0, 1]], 2, ShapeError, r"^labels is int64 \(1, 2\)"),
        ([0], 0, OptionError, r"^classes is 0; it must be a whole number, 1 or more$"),
    ],
)
def test_labels_without_a_class_and_classes_without_a_label_are_refused(labels, classes, error, message):
    with pytest.raises(error, match=message):
        class_weights(labels, classes)
