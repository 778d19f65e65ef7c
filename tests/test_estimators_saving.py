"""An estimator in a file: nothing is lost, nothing is trusted."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

import elman
from elman import persistence
from elman.errors import FormatError, OptionError
from elman.estimators import ESTIMATORS, Forecaster, SequenceClassifier, SequenceRegressor, load
from elman.optimizers import sgd
from estimator_cases import CASES, SMALL, TEXTS, X, marks


def attributes(estimator: Any) -> dict[str, Any]:
    """What fit has left, in a form that compares; but for what only partial_fit knows."""
    found = {name: value for name, value in vars(estimator).items() if name != "training_"}
    found["network_"] = (estimator.network_.spec, estimator.network_.parameters.flat.tobytes())
    return {
        name: (value.dtype.kind, value.tolist()) if isinstance(value, np.ndarray) else value
        for name, value in found.items()
    }


def said(estimator: Any, asked: Any) -> list[Any]:
    return [np.asarray(one).tolist() for one in estimator.predict(asked)]


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_lost(name, tmp_path):
    estimator, data, asked = CASES[name]
    estimator = clone(estimator).fit(*data)
    estimator.save(tmp_path / "model")
    for back in (load(tmp_path / "model"), type(estimator).load(tmp_path / "model")):
        assert type(back) is type(estimator)
        assert attributes(back) == attributes(estimator)
        assert back.score(*data) == estimator.score(*data)
        assert said(back, asked) == said(estimator, asked)
    back.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


@pytest.mark.parametrize("name", CASES)
def test_what_was_loaded_learns_on(name, tmp_path):
    estimator, data, _ = CASES[name]
    clone(estimator).fit(*data).save(tmp_path / "model")
    back = load(tmp_path / "model")
    before = back.network_.parameters.flat.copy()
    back.partial_fit(*data)
    assert (back.network_.parameters.flat != before).any()
    assert back.n_iter_ == 4
    assert np.isfinite(back.score(*data))


LABELS = {
    "text": ["häufig", "b"],
    "wide text": np.array(["a", "bb"], "U9"),
    "objects": np.array(["a", "b"], object),
    "whole": [-3, 2**40],
    "small": np.array([1, 2], np.uint8),
    "booleans": [False, True],
    "floats": [1.0, 2.0],
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_keep_their_type(name, tmp_path):
    classes = np.asarray(LABELS[name])
    model = SequenceClassifier(**SMALL).fit(X, classes[np.arange(12) % 2])
    model.save(tmp_path / "model")
    back = load(tmp_path / "model")
    assert back.classes_.dtype.kind == classes.dtype.kind
    assert back.classes_.dtype == classes.dtype or classes.dtype.kind == "U"
    assert [type(one) for one in back.predict(X).tolist()] == [type(one) for one in model.predict(X).tolist()]
    assert (back.predict(X) == model.predict(X)).all()


@pytest.mark.parametrize(
    "parameters",
    [
        {"hidden_size": (5, 4), "dropout": 0.25},
        {"class_weight": {"low": 1, "high": 2.5}, "random_state": None},
        {"hidden_size": np.int64(5), "learning_rate": np.float64(0.01)},
        {"readout": "concat", "bidirectional": True},
    ],
)
def test_parameters_come_back(parameters, tmp_path):
    model = SequenceClassifier(**(SMALL | parameters)).fit(X, marks(X))
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").get_params() == model.get_params()


def test_whole_numbers_as_keys_of_class_weight_come_back(tmp_path):
    model = SequenceClassifier(class_weight={0: 1.0, 1: 3.0}, **SMALL).fit(X, [0, 1] * 6)
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").class_weight == {0: 1.0, 1: 3.0}


def test_a_table_keeps_its_names(tmp_path):
    import pandas

    frame = pandas.DataFrame(np.random.default_rng(0).normal(size=(12, 2)), columns=["mon", "tue"])
    SequenceRegressor(**SMALL).fit(frame, np.arange(12)).save(tmp_path / "model")
    back = load(tmp_path / "model")
    assert back.feature_names_in_.tolist() == ["mon", "tue"]
    assert back.predict(frame).shape == (12,)


def test_what_no_file_holds_is_refused(tmp_path):
    model = SequenceClassifier(**(SMALL | {"optimizer": sgd(0.9)})).fit(X, marks(X))
    with pytest.raises(OptionError, match=r"optimizer is Optimizer\("):
        model.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []
    model.set_params(optimizer="momentum").save(tmp_path / "model")


def test_the_command_line_reads_language_models(tmp_path):
    model = clone(CASES["language model"][0]).set_params(epochs=30).fit(TEXTS)
    model.save(tmp_path / "model")
    loaded = elman.load(tmp_path / "model")
    assert loaded.vocabulary == model.vocabulary_
    command = [sys.executable, "-m", "elman", "sample", str(tmp_path / "model"), "--temperature", "0"]
    done = subprocess.run([*command, "-n", "6", "--prime", "ab"], capture_output=True, check=True, text=True)
    assert done.stdout.splitlines()[0] == "ab" + model.sample("ab", length=6, temperature=0)


# ------------------------------------------------------------------------------------------------ lies


def saved(path: Any, name: str = "classifier") -> persistence.Model:
    estimator, data, _ = CASES[name]
    clone(estimator).fit(*data).save(path)
    return persistence.load(path)


def test_a_model_that_is_no_estimator_and_the_other_way_round(tmp_path):
    persistence.save(tmp_path / "plain", elman.Network(input_size=3, hidden_size=4, output_size=2))
    with pytest.raises(FormatError, match="plain: holds no estimator"):
        load(tmp_path / "plain")
    saved(tmp_path / "model")
    with pytest.raises(FormatError, match="holds the estimator 'SequenceClassifier'; expected Forecaster"):
        Forecaster.load(tmp_path / "model")
    assert elman.load(tmp_path / "model").network.spec.output_size == 2


def put(*path: str, value: Any) -> Any:
    """Return a change of the preparation: this value at this place; None takes it away."""

    def change(facts: dict[str, Any]) -> None:
        *outer, last = path
        for name in outer:
            facts = facts[name]
        if value is None:
            del facts[last]
        else:
            facts[last] = value

    return change


LIES: dict[str, tuple[str, Any, str]] = {
    "no parameters": ("classifier", put("parameters", value=None), "holds no estimator"),
    "another class": ("classifier", put("estimator", value="os.system"), "holds the estimator 'os.system'"),
    "a class that learns more": ("tagger", put("estimator", value="Forecaster"), "the parameters are"),
    "a parameter too few": ("classifier", put("parameters", "cell", value=None), "the parameters are"),
    "a parameter too many": ("classifier", put("parameters", "units", value=3), "the parameters are"),
    "a strange parameter": ("classifier", put("parameters", "cell", value={"a": 1}), "parameters .* damaged"),
    "no classes": ("classifier", put("learned", "classes", value=None), "did not learn classes"),
    "more classes": (
        "classifier",
        put("learned", "classes", "values", value=["a", "b", "c"]),
        "3 classes, the network 2",
    ),
    "a huge type": (
        "classifier",
        put("learned", "classes", "dtype", value="U999999999"),
        "classes .* damaged",
    ),
    "another type": ("classifier", put("learned", "classes", "dtype", value="<i8"), "classes .* damaged"),
    "another size": ("classifier", put("learned", "form", "size", value=4), "parts are for others"),
    "another width": (
        "classifier",
        put("learned", "form", value={"kind": "symbols", "size": 4, "table": False}),
        "not in the one form",
    ),
    "another kind": ("classifier", put("learned", "form", "kind", value="sound"), "learned is damaged"),
    "a long kind": ("classifier", put("learned", "form", "kind", value="x" * 100_000), "learned is damaged"),
    "no epochs": ("classifier", put("learned", "n_iter", value=None), "learned is damaged"),
    "more learned": ("classifier", put("learned", "soul", value=1), "not in the one form"),
    "no columns": ("regressor", put("learned", "target_shape", value=[0]), "targets have 0 columns"),
    "more columns": ("regressor", put("learned", "target_shape", value=[2]), "targets have 2 columns"),
    "a ragged past": ("forecaster", put("learned", "past", 0, value=[1.0, 2.0]), "past .* damaged"),
    "no lines": ("language model", put("learned", "lines", value=None), "did not learn lines"),
}


@pytest.mark.parametrize("lie", LIES)
def test_lies_are_refused(lie, tmp_path):
    name, change, message = LIES[lie]
    model = saved(tmp_path / "model", name)
    facts = dict(model.preparation)
    change(facts)
    persistence.save(tmp_path / "lie", model.network, model.vocabulary, preparation=facts)
    with pytest.raises(FormatError, match=f"lie: .*{message}") as caught:
        load(tmp_path / "lie")
    assert len(str(caught.value)) < len(str(tmp_path)) + 500


def test_a_language_model_needs_its_vocabulary(tmp_path):
    model = saved(tmp_path / "model", "language model")
    persistence.save(tmp_path / "lie", model.network, preparation=model.preparation)
    with pytest.raises(FormatError, match="did not learn vocabulary"):
        load(tmp_path / "lie")


def test_every_estimator_is_in_the_table():
    assert {type(estimator).__name__ for estimator, _, _ in CASES.values()} == ESTIMATORS.keys()
