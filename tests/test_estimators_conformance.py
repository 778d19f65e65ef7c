"""What holds for every estimator: the conventions of scikit-learn, where its own checks cannot go."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from elman.errors import DataError, NumericError, OptionError
from elman.estimators import Forecaster, LanguageModel, SequenceClassifier, SequenceRegressor
from estimator_cases import CASES, SMALL


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[Any, tuple[Any, ...], Any]:
    estimator, data, asked = CASES[request.param]
    return clone(estimator), copy.deepcopy(data), asked


def answers(estimator: Any, asked: Any) -> list[Any]:
    """Numbers that the estimator says, one after the other."""
    say = estimator.predict_proba if hasattr(estimator, "predict_proba") else estimator.predict
    return [np.asarray(one).tolist() for one in say(asked)]


def learned(estimator: Any) -> set[str]:
    return {name for name in vars(estimator) if name.endswith("_")}


def test_parameters_go_round(case):
    estimator, _, _ = case
    parameters = estimator.get_params()
    assert {"cell", "hidden_size", "epochs", "random_state"} <= parameters.keys()
    twin = type(estimator)().set_params(**parameters)
    assert twin.get_params() == parameters
    assert clone(estimator).get_params() == parameters
    assert repr(twin) == repr(estimator)
    with pytest.raises(ValueError, match="Invalid parameter 'units'"):
        estimator.set_params(units=3)


def test_nothing_is_checked_or_learned_before_fit(case):
    estimator, data, _ = case
    twin = clone(estimator).set_params(cell="vanilla")  # as a search may do
    assert learned(estimator) == set()
    with pytest.raises(OptionError, match="vanilla"):
        twin.fit(*data)
    assert not hasattr(twin, "network_")


def test_what_is_learned_appears_in_fit_and_no_clone_has_it(case):
    estimator, data, _ = case
    assert estimator.fit(*data) is estimator
    check_is_fitted(estimator)
    expected = {f"{name}_" for name in (*estimator.learns, "network", "n_iter", "loss_curve")}
    assert expected <= learned(estimator)
    assert learned(clone(estimator)) == set()


def test_asking_before_fit_is_refused(case, tmp_path):
    estimator, data, asked = case
    for ask in (lambda: estimator.predict(asked), lambda: estimator.score(*data)):
        with pytest.raises(NotFittedError):
            ask()
    with pytest.raises(NotFittedError):
        estimator.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_the_same_random_state_gives_the_same_bytes(case):
    estimator, data, asked = case
    estimator.set_params(dropout=0.3, num_layers=2, patience=2, random_state=3)
    first = estimator.fit(*data).network_.parameters.flat.tobytes()
    said = answers(estimator, asked)
    assert estimator.fit(*data).network_.parameters.flat.tobytes() == first
    assert answers(estimator, asked) == said
    assert clone(estimator).fit(*data).network_.parameters.flat.tobytes() == first
    other = clone(estimator).set_params(random_state=4)
    assert other.fit(*data).network_.parameters.flat.tobytes() != first


def test_random_states_of_scikit_learn(case):
    estimator, data, _ = case
    one, other = (
        clone(estimator).set_params(random_state=np.random.RandomState(5)).fit(*data).network_.parameters.flat
        for _ in range(2)
    )
    assert (one == other).all()
    new, newer = (
        clone(estimator).set_params(random_state=None).fit(*data).network_.parameters.flat for _ in range(2)
    )
    assert (new != newer).any()


def test_epochs_are_counted(case):
    estimator, data, _ = case
    estimator.fit(*data)
    assert estimator.n_iter_ == len(estimator.loss_curve_) == 3
    assert estimator.validation_losses_ == []
    estimator.set_params(epochs=40).fit(*data)
    assert estimator.n_iter_ == 40
    assert estimator.loss_curve_[-1] < estimator.loss_curve_[0]


def test_patience_ends_a_fit_and_the_best_is_kept(case):
    estimator, data, _ = case
    estimator.set_params(patience=2, epochs=200, learning_rate=0.3, validation_fraction=0.4)
    estimator.set_params(schedule="constant").fit(*data)
    losses = estimator.validation_losses_
    best = losses.index(min(losses))
    assert estimator.n_iter_ == len(losses) == best + 3 < 200
    until_then = clone(estimator).set_params(epochs=best + 1).fit(*data)
    assert (until_then.network_.parameters.flat == estimator.network_.parameters.flat).all()


def same(one: Any, other: Any) -> bool:
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(np.array_equal(one, other))


def test_input_is_left_as_it_was(case):
    estimator, data, asked = case
    before, asked_before = copy.deepcopy(data), copy.deepcopy(asked)
    answers(estimator.fit(*data), asked)
    assert same(data, before)
    assert same(asked, asked_before)


def test_answers_come_in_the_order_of_the_questions(case):
    estimator, data, asked = case
    if isinstance(estimator, Forecaster):
        asked = 3
        assert answers(estimator.fit(*data), 4)[:3] == pytest.approx(answers(estimator, asked), abs=1e-4)
        return
    said = answers(estimator.fit(*data), asked)
    order = np.random.default_rng(0).permutation(len(asked)).tolist()
    for k, found in zip(order, answers(estimator, [asked[k] for k in order]), strict=True):
        assert np.array(found) == pytest.approx(np.array(said[k]), rel=1e-5)
    alone = [answers(estimator, [one])[0] for one in asked]
    for one, found in zip(said, alone, strict=True):
        assert np.array(found) == pytest.approx(np.array(one), rel=1e-5)


def test_a_fit_that_fails_leaves_what_was_learned(case):
    estimator, data, asked = case
    said = answers(estimator.fit(*data), asked)
    with pytest.raises(NumericError):
        estimator.set_params(weight_decay=1e30).fit(*data)  # whose parameters grow beyond all bounds
    assert answers(estimator, asked) == said
    assert estimator.n_iter_ == 3


def test_a_fit_that_fails_leaves_what_was_noted_of_the_features():
    table = np.random.default_rng(0).normal(size=(12, 4))
    model = SequenceClassifier(**SMALL).fit(table, [0, 1] * 6)
    said = model.predict_proba(table)
    for X, y in ((table[:, :2], [0] * 12), (table[:, :2] * np.nan, [0, 1] * 6), (["ab"] * 12, [0] * 12)):
        with pytest.raises(DataError):
            model.fit(X, y)
        assert model.n_features_in_ == 4
        assert (model.predict_proba(table) == said).all()
    model.fit(["ab", "ba"], [0, 1])
    assert not hasattr(model, "n_features_in_")


def test_tags_say_what_is_read(case):
    estimator, _, _ = case
    tags = get_tags(estimator).input_tags
    flat = isinstance(estimator, SequenceClassifier | SequenceRegressor)
    assert (tags.two_d_array, tags.string) == (flat, isinstance(estimator, LanguageModel))
    assert tags.one_d_array == isinstance(estimator, Forecaster)


def test_a_copy_of_a_fitted_estimator_learns_and_answers_alike(case):
    estimator, data, asked = case
    twin = copy.deepcopy(estimator.fit(*data))
    assert answers(twin, asked) == answers(estimator, asked)
    more = {} if not hasattr(estimator, "classes_") else {"classes": estimator.classes_}
    for one in (twin, estimator):
        one.partial_fit(*data, **more)
    assert answers(twin, asked) == answers(estimator, asked)


def test_partial_fit_goes_on_from_where_it_stopped(case):
    estimator, data, asked = case
    more = {}
    if "classes" in estimator.learns:
        with pytest.raises(DataError, match="classes must be passed on the first call"):
            estimator.partial_fit(*data)
        more = {"classes": clone(estimator).fit(*data).classes_}
    for epoch in range(20):
        estimator.partial_fit(*data, **(more if epoch == 0 else {}))
        assert estimator.n_iter_ == len(estimator.loss_curve_) == epoch + 1
    assert estimator.loss_curve_[-1] < estimator.loss_curve_[0]
    before = answers(estimator, asked)
    estimator.partial_fit(*data)
    assert answers(estimator, asked) != before


@pytest.mark.parametrize("name", [name for name in CASES if name != "forecaster"])  # its series goes on
def test_an_epoch_more_is_as_if_fit_had_taken_one_more(name):
    estimator, data, _ = CASES[name]
    whole = clone(estimator).set_params(schedule="constant", epochs=3).fit(*data)
    parts = clone(estimator).set_params(schedule="constant", epochs=1).fit(*data)
    parts.partial_fit(*data).partial_fit(*data)
    assert (parts.network_.parameters.flat == whole.network_.parameters.flat).all()
    assert parts.loss_curve_ == whole.loss_curve_
