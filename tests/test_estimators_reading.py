"""What X may be, that its forms agree, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from elman.errors import DataError, OptionError, ShapeError
from elman.estimators import SequenceClassifier, SequenceTagger
from estimator_cases import LENGTHS, SMALL, X, marks, sequences

Y = marks(X)


def fitted(X: Any, y: Any = Y, lengths: Any = None, **options: Any) -> SequenceClassifier:
    return SequenceClassifier(**(SMALL | options)).fit(X, y, lengths=lengths)


def with_one(value: float, k: int, t: int, i: int) -> list[Any]:
    rows = sequences()
    rows[k][t, i] = value
    return rows


# ------------------------------------------------------------------------------------------ forms that agree


def test_rows_one_below_the_other_with_lengths_are_the_list():
    listed, stacked = fitted(X), fitted(np.concatenate(X), lengths=LENGTHS)
    assert (listed.predict_proba(X) == stacked.predict_proba(np.concatenate(X), lengths=LENGTHS)).all()
    assert (listed.predict(X) == stacked.predict(X)).all()
    assert stacked.score(np.concatenate(X), Y, lengths=LENGTHS) == listed.score(X, Y)
    assert listed.n_features_in_ == stacked.n_features_in_ == 3


def test_a_list_of_frames_and_whole_numbers_are_features():
    whole = [row.round().astype(np.int64) for row in X]
    said = fitted(whole).predict_proba(whole)
    assert (fitted([row.astype(float) for row in whole]).predict_proba(whole) == said).all()
    assert (fitted([pd.DataFrame(row) for row in whole]).predict_proba(whole) == said).all()


def test_a_table_is_a_sequence_of_one_feature_in_each_row():
    table = np.random.default_rng(0).normal(5, 2, (12, 4))
    as_table, as_cube, as_list = fitted(table), fitted(table[:, :, None]), fitted(list(table))
    assert [one.n_features_in_ for one in (as_table, as_cube, as_list)] == [4, 1, 1]
    said = as_table.predict_proba(table)
    assert (as_cube.predict_proba(table[:, :, None]) == said).all()
    assert (as_list.predict_proba(list(table)) == said).all()
    assert (as_list.predict_proba(table) == said).all()
    assert (fitted(table.tolist()).predict_proba(table) == said).all()


def test_a_frame_brings_its_names():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(12, 2)), columns=["mon", "tue"])
    model = fitted(frame)
    assert model.feature_names_in_.tolist() == ["mon", "tue"]
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[["tue", "mon"]])
    frame.loc[3, "tue"] = np.nan
    with pytest.raises(DataError, match=r"row 3, column 'tue' of X is nan"):
        model.predict(frame)


def test_whole_numbers_in_one_axis_are_symbols():
    symbols = [np.arange(n) % 5 for n in LENGTHS]
    model = fitted(symbols)
    assert (model.form_.kind, model.form_.size, hasattr(model, "n_features_in_")) == ("symbols", 5, False)
    table = np.arange(48).reshape(12, 4) % 7
    assert fitted(table).form_.kind == "features"
    embedded = fitted(table, embedding_size=3)
    assert (embedded.form_.kind, embedded.form_.size) == ("symbols", 7)
    assert (embedded.predict_proba(table) == embedded.predict_proba(list(table))).all()


@pytest.mark.parametrize("kind", [list, np.array, pd.Series])
def test_texts_are_read_by_character(kind):
    texts = ["ab", "abab", "ba", "baba"] * 3
    model = fitted(kind(texts), epochs=20)
    assert model.form_.vocabulary.symbols == ("<unk>", "a", "b")
    assert model.predict(kind(["ababab", "xb"])).shape == (2,)
    assert model.score(texts, Y) == fitted(texts, epochs=20).score(texts, Y)


def test_words_that_are_rare_are_unknown():
    rows = [["to", "be"], ["or", "not", "to", "be"]] * 6
    once = [*rows[:-1], ["to", "flee"]]
    assert fitted(once).form_.vocabulary.symbols == ("<unk>", "to", "be", "not", "or")
    model = fitted(once, min_count=1)
    assert "flee" in model.form_.vocabulary.symbols
    assert (model.predict_proba([["to", "x"]]) == model.predict_proba([["to", "y"]])).all()
    assert (model.predict_proba([["to", "x"]]) != model.predict_proba([["to", "be"]])).any()


def test_scales_are_those_of_the_sequences_trained_on():
    far = [*X[:-1], X[-1] + 1e6]
    models = [fitted(far, patience=3, validation_fraction=0.5, random_state=seed) for seed in range(8)]
    assert {max(model.form_.scaler.mean) > 1000 for model in models} == {True, False}
    scaler = fitted(X).form_.scaler
    assert np.concatenate(X).mean(axis=0) == pytest.approx(scaler.mean)
    assert fitted(X, scale=False).form_.scaler is None


# ------------------------------------------------------------------------------------------------ bad input

STACKED = np.concatenate(X)

REFUSED: dict[str, tuple[Any, Any, Any, type[ValueError], str]] = {
    "NaN": (with_one(np.nan, 3, 2, 1), Y, None, DataError, "sequence 3 of X, step 2, feature 1 is nan"),
    "infinity": (with_one(-np.inf, 0, 0, 2), Y, None, DataError, "step 0, feature 2 is -inf"),
    "NaN in a stack": (
        np.concatenate(with_one(np.nan, 1, 1, 0)), Y, LENGTHS, DataError, "row 5, column 0 of X is nan"
    ),
    "NaN in a table": (np.where(np.eye(12), np.nan, 1.5), Y, None, DataError, "row 0, column 0 of X"),
    "empty": ([*X[:2], X[0][:0], *X[3:]], Y, None, DataError, "sequence 2 of X is empty"),
    "none": ([], [], None, DataError, "X has no sequences"),
    "one text": ("abc", Y, None, DataError, "X is one text; expected a list"),
    "constant": ([row * [1, 0, 1] for row in X], Y, None, DataError, "column 'feature 1' is constant"),
    "constant table": (np.ones((12, 4)), Y, None, DataError, "column 'X' is constant"),
    "lengths too few": (STACKED, Y, LENGTHS[:-1], DataError, "X has 46 rows, the lengths add up to 41"),
    "lengths of another kind": (STACKED, Y, [0.5] * 12, ShapeError, "expected a whole number for each"),
    "one length": (STACKED, Y, 46, ShapeError, "expected a whole number for each"),
    "widths": ([*X[:-1], X[-1][:, :2]], Y, None, ShapeError, "sequence 11 of X has 2 features"),
    "a cube in a list": ([row[None] for row in X], Y, None, ShapeError, "sequence 0 of X is float64"),
    "ragged lists": ([[1, 2], [3]] * 6, Y, None, ShapeError, "give a list of arrays"),
    "text among numbers": ([*X[:-1], "ab"], Y, None, ShapeError, "sequence 11 of X is <U2"),
    "number among texts": ([*"abc" * 3, 1, 2, 3], Y, None, ShapeError, "sequence 9 of X is a int"),
    "number among words": ([["a"], ["b", 2]] * 6, Y, None, ShapeError, "expected words .str. alone"),
    "negative symbol": ([np.array([1, -1])] * 12, Y, None, DataError, "the symbol -1 at step 1"),
    "too few labels": (X, Y[:-1], None, DataError, "X has 12 sequences, y has 11 labels"),
    "one class": (X, ["low"] * 12, None, DataError, "y has one class, 'low'"),
    "no labels": (X, None, None, DataError, "requires y to be passed"),
    "NaN label": (X, [np.nan, *[1.0] * 11], None, DataError, "label 0 of y is NaN"),
    "one sequence": (X[:1], Y[:1], None, DataError, "X has 1 sequence"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_learned_from_is_refused(name):
    X, y, lengths, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        fitted(X, y, lengths)


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ([row[:, :2] for row in X], ShapeError, "X has 2 features, but SequenceClassifier is expecting 3"),
        (with_one(np.inf, 1, 0, 0), DataError, "sequence 1 of X, step 0, feature 0 is inf"),
        (["abc"], ShapeError, "X holds text; in fit it held features"),
        ([np.array([1, 2])], ShapeError, "X holds symbols; in fit it held features"),
        ([X[0][:0]], DataError, "sequence 0 of X is empty"),
    ],
)
def test_what_cannot_be_answered_is_refused(asked, error, message):
    model = fitted(X)
    for ask in (model.predict, model.predict_proba, lambda asked: model.score(asked, Y[: len(asked)])):
        with pytest.raises(error, match=message):
            ask(asked)


def test_symbols_that_fit_has_not_seen_are_refused():
    model = fitted([np.arange(n) % 5 for n in LENGTHS])
    with pytest.raises(
        DataError, match="sequence 1 of X has the symbol 7 at step 0; symbols run from 0 to 4"
    ):
        model.predict([np.array([4]), np.array([7])])


def test_options_that_would_change_nothing_are_refused():
    with pytest.raises(OptionError, match="embedding_size is for symbols and texts"):
        fitted(X, embedding_size=4)
    with pytest.raises(OptionError, match="dropout acts between layers"):
        fitted(X, dropout=0.5)
    with pytest.raises(DataError, match="X has sequences of 2 to 7 steps; the readout 'flatten'"):
        fitted(X, readout="flatten")
    with pytest.raises(OptionError, match="batch_size is 0"):
        fitted(X, batch_size=0)
    with pytest.raises(OptionError, match=r"validation fraction is 1.0"):
        fitted(X, patience=1, validation_fraction=1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: y[:-1], "X has 12 sequences, y has 11"),
        (lambda y: [*y[:3], y[3][:-1], *y[4:]], r"sequence 3 has 3 steps in X and labels of shape \(2,\)"),
        (lambda y: ["a" * len(row) for row in y], "sequence 0 has 4 steps in X and labels of shape ()"),
        (lambda y: [np.zeros(len(row)) for row in y], "y has one class"),
        (lambda y: None, "requires y to be passed"),
    ],
)
def test_a_tagger_needs_a_label_for_each_step(change, message):
    y = [row[:, 0] > 50 for row in X]
    with pytest.raises(DataError, match=message):
        SequenceTagger(**SMALL).fit(X, change(y))
