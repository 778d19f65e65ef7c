"""Classifier and tagger: they learn what can be learned, and say how sure they are."""

from __future__ import annotations

import numpy as np
import pytest

from elman.errors import DataError, OptionError
from elman.estimators import SequenceClassifier, SequenceTagger
from estimator_cases import LENGTHS, SMALL, X, marks


def first_one(count: int, seed: int) -> tuple[list[np.ndarray], list[str]]:
    """Noise of unequal length; the sign of the first number is the class, to be carried to the end."""
    random = np.random.default_rng(seed)
    rows = [random.normal((3, 100), size=(n, 2)) for n in random.integers(2, 9, count)]
    return rows, ["up" if row[0, 0] > 3 else "down" for row in rows]


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_class_that_only_the_first_step_tells_is_learned(cell):
    rows, y = first_one(300, seed=0)
    model = SequenceClassifier(cell=cell, hidden_size=12, epochs=25, learning_rate=0.02).fit(rows, y)
    others, truth = first_one(200, seed=1)
    assert model.score(others, truth) > 0.9
    assert model.score(others, truth) == np.mean(model.predict(others) == truth)


def test_probabilities_are_those_of_the_classes_in_order():
    model = SequenceClassifier(**SMALL).fit(X, marks(X))
    chances = model.predict_proba(X)
    assert model.classes_.tolist() == ["high", "low"]
    assert chances.shape == (12, 2)
    assert chances.sum(axis=1) == pytest.approx(np.ones(12))
    assert (model.predict(X) == model.classes_[chances.argmax(axis=1)]).all()
    alone = model.network_.run(model.form_.scaler.transform(X[4]).astype(np.float32))[0]
    assert chances[4] == pytest.approx(np.exp(alone) / np.exp(alone).sum(), rel=1e-5)


def unbalanced() -> tuple[list[np.ndarray], list[int]]:
    return [np.array([0, 1])] * 100, [1] * 10 + [0] * 90  # which nothing tells


def test_class_weights_move_what_is_said():
    rows, y = unbalanced()
    options = SMALL | {"epochs": 40, "batch_size": 100, "learning_rate": 0.05}
    plain, balanced, heavy, ten = (
        SequenceClassifier(class_weight=weight, **options).fit(rows, y).predict_proba(rows)[:, 1].mean()
        for weight in (None, "balanced", {1: 1000}, {0: 1, 1: 9})
    )
    assert plain == pytest.approx(0.1, abs=0.01)
    assert balanced == pytest.approx(0.5, abs=0.01)
    assert ten == pytest.approx(balanced, abs=0.01)
    assert heavy > 0.9


@pytest.mark.parametrize("weight", ["equal", 3, {0: -1.0}, {0: np.inf}, {0: 0, 1: 0}])
def test_class_weights_that_are_none_are_refused(weight):
    rows, y = unbalanced()
    with pytest.raises(OptionError, match="class_weight"):
        SequenceClassifier(class_weight=weight, **SMALL).fit(rows, y)


def test_balance_is_not_known_of_a_part():
    for kind in (SequenceClassifier, SequenceTagger):
        with pytest.raises(OptionError, match="'balanced' needs all data at once"):
            kind(class_weight="balanced").partial_fit(X, marks(X), classes=["low", "high"])


def test_labels_unseen_in_training_are_refused():
    model = SequenceClassifier(**SMALL).fit(X, marks(X))
    with pytest.raises(
        DataError, match=r"label 'mid', number 2 of y, was not seen .* known are 'high', 'low'"
    ):
        model.score(X[:3], ["low", "high", "mid"])
    with pytest.raises(DataError, match="label 3, number 0 of y"):
        model.partial_fit(X[:1], [3])
    with pytest.raises(DataError, match="label 'mid'"):
        SequenceClassifier(**SMALL).partial_fit(X[:2], ["low", "mid"], classes=["low", "high"])


def test_a_first_part_may_lack_a_class():
    model = SequenceClassifier(**SMALL).partial_fit(X[:2], ["low", "low"], classes=["low", "mid", "high"])
    assert model.classes_.tolist() == ["high", "low", "mid"]
    assert model.predict_proba(X).shape == (12, 3)


# ------------------------------------------------------------------------------------------------- tagger


def turns(count: int, seed: int) -> tuple[list[str], list[str]]:
    """Random words; a character's label is the character after it, which one direction cannot know."""
    random = np.random.default_rng(seed)
    words = ["".join(random.choice(list("abc"), n)) for n in random.integers(2, 7, count)]
    return words, [word[1:] + "." for word in words]


def test_a_tagger_reads_both_ways():
    words, labels = turns(200, seed=0)
    y = [list(label) for label in labels]
    options = {"hidden_size": 12, "epochs": 15, "learning_rate": 0.03}
    both = SequenceTagger(**options).fit(words, y)
    others, truth = turns(50, seed=1)
    assert both.score(others, [list(label) for label in truth]) > 0.98
    assert ["".join(label) for label in both.predict(others)] == truth
    assert SequenceTagger(bidirectional=False, **options).fit(words, y).score(words, y) < 0.7


def test_tags_have_the_lengths_of_their_sequences():
    y = [row[:, 0] > 50 for row in X]
    model = SequenceTagger(**SMALL).fit(X, y)
    assert [len(tags) for tags in model.predict(X)] == list(LENGTHS)
    assert [chances.shape for chances in model.predict_proba(X)] == [(n, 2) for n in LENGTHS]
    assert model.predict(X)[0].dtype == bool
    right = sum(int((tags == one).sum()) for tags, one in zip(model.predict(X), y, strict=True))
    assert model.score(X, y) == right / sum(LENGTHS)


def test_tags_of_a_stack_are_those_of_the_list():
    y = [(row[:, 0] > 50).astype(int) for row in X]
    stack = np.concatenate(X), np.concatenate(y)
    listed = SequenceTagger(class_weight="balanced", **SMALL).fit(X, y)
    stacked = SequenceTagger(class_weight="balanced", **SMALL).fit(*stack, lengths=LENGTHS)
    assert (stacked.network_.parameters.flat == listed.network_.parameters.flat).all()
    assert stacked.score(*stack, lengths=LENGTHS) == listed.score(X, y)
    plain = SequenceTagger(**SMALL).fit(X, y)
    assert (plain.network_.parameters.flat != listed.network_.parameters.flat).any()


def test_tags_unseen_in_training_are_refused():
    model = SequenceTagger(**SMALL).fit(["ab", "ba"], [["x", "y"], ["y", "x"]])
    with pytest.raises(DataError, match="label 'z', number 1 of y"):
        model.score(["ab"], [["x", "z"]])
    with pytest.raises(DataError, match="X has 1 sequences, y has 2"):
        model.score(["ab"], [["x", "y"], ["x"]])
