"""engine= and threads=: they reach what computes, and no file depends on them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from elman import RNN, Network, load, save
from elman.errors import EngineError, FormatError, OptionError
from elman.estimators import Forecaster, SequenceClassifier
from elman.estimators import load as load_estimator
from engine_cases import HERE, AskedFor, needs_compiled
from engine_cases import no_reference as no_reference
from engine_cases import without as without
from estimator_cases import CASES, SMALL, X, marks

WRONG = [
    ({"engine": "fast"}, "no engine 'fast'; there are auto, native, reference"),
    ({"threads": 100_000}, "threads is 100000"),
    ({"threads": 0}, "threads is 0"),
]


def told(answers: Any) -> list[Any]:
    return [np.asarray(one).tolist() for one in answers]


def engine_of(network: Network) -> str:
    return network.machine.engine.name


# ------------------------------------------------------------------------------------------- files and RNN


@pytest.mark.parametrize("engine", HERE)
def test_a_file_is_read_on_the_engine_that_is_asked_for_whoever_wrote_it(engine, tmp_path):
    inputs = np.arange(40) % 3
    for writer in ("reference", "auto"):
        network = Network(input_size=3, hidden_size=4, output_size=3, dtype="float64", engine=writer)
        save(tmp_path / writer, network)
        back = load(tmp_path / writer, engine=engine).network
        assert engine_of(back) == engine
        assert back.run(inputs)[0] == pytest.approx(network.run(inputs)[0], rel=1e-12)
    assert (tmp_path / "reference").read_bytes() == (tmp_path / "auto").read_bytes()


@needs_compiled
def test_the_number_of_threads_reaches_the_engine(tmp_path):
    save(tmp_path / "model", Network(input_size=3, hidden_size=4, output_size=3))
    engines = [load(tmp_path / "model", threads=3).network.machine.engine]
    engines.append(RNN(2, 3, 2).network(threads=3).machine.engine)
    assert [(engine.name, engine.threads) for engine in engines] == [("native", 3)] * 2


@pytest.mark.parametrize(("wrong", "said"), WRONG, ids=str)
def test_what_is_wrong_with_engine_or_threads_is_no_fault_of_the_file(wrong, said, tmp_path):
    save(tmp_path / "model", Network(input_size=3, hidden_size=4, output_size=3))
    for call in (lambda: load(tmp_path / "model", **wrong), lambda: RNN(2, 3, 2).network(**wrong)):
        with pytest.raises(OptionError, match=said) as told:
            call()
        assert not isinstance(told.value, FormatError)
        assert str(tmp_path) not in str(told.value)


def test_without_the_compiled_engine_auto_is_the_reference_and_native_an_error(without, tmp_path):
    save(tmp_path / "model", Network(input_size=3, hidden_size=4, output_size=3))
    assert engine_of(load(tmp_path / "model").network) == "reference"
    assert engine_of(RNN(2, 3, 2).network()) == "reference"
    for call in (
        lambda: load(tmp_path / "model", engine="native"),
        lambda: RNN(2, 3, 2).network(engine="native"),
    ):
        with pytest.raises(EngineError, match=r"the compiled engine is .*; engine='reference'"):
            call()


@pytest.mark.parametrize("engine", HERE)
def test_the_network_of_the_equations_runs_on_either(engine):
    rnn = RNN(3, 5, 2, seed=1)
    network = rnn.network(engine=engine)
    assert engine_of(network) == engine
    y, state = network.step(np.eye(3)[1])
    output, hidden = rnn.forward(np.eye(3)[1], rnn.init_hidden())
    assert state[0][0] == pytest.approx(hidden, rel=1e-12)
    assert np.exp(y) / np.exp(y).sum() == pytest.approx(output, rel=1e-12)


# --------------------------------------------------------------------------------------------- estimators


def calls(fitted: Any, data: Any, asked: Any) -> dict[str, Callable[[], Any]]:
    """All that has the network of a fitted estimator run."""
    classes = {"classes": fitted.classes_} if hasattr(fitted, "classes_") else {}
    found: dict[str, Callable[[], Any]] = {
        "predict": lambda: fitted.predict(asked),
        "score": lambda: fitted.score(*data),
        "partial_fit": lambda: fitted.partial_fit(*data, **classes),
    }
    if hasattr(fitted, "sample"):
        found |= {"sample": lambda: fitted.sample("a", length=3)}
        found |= {"score_samples": lambda: fitted.score_samples(asked)}
    if isinstance(fitted, Forecaster):
        found |= {"predict_quantiles": lambda: fitted.predict_quantiles(2)}
    return found


@needs_compiled
@pytest.mark.parametrize("name", CASES)
def test_whatever_runs_does_so_on_the_engine_that_the_parameters_say_by_now(name, no_reference):
    estimator, data, asked = CASES[name]
    estimator = clone(estimator)
    if isinstance(estimator, Forecaster):
        estimator.set_params(head="gaussian")  # which knows quantiles
    with pytest.raises(AskedFor):
        clone(estimator).set_params(engine="reference").fit(*data)
    fitted = estimator.set_params(engine="native", threads=2).fit(*data)
    assert fitted.network_.machine.engine.threads == 2
    for call in calls(fitted, data, asked).values():
        call()
    fitted.set_params(engine="reference")
    for what, call in calls(fitted, data, asked).items():
        with pytest.raises(AskedFor):
            pytest.fail(f"{what} ran elsewhere: {call()}")


@needs_compiled
@pytest.mark.parametrize("name", CASES)
def test_threads_change_nothing_that_is_learned(name):
    estimator, data, _ = CASES[name]
    one, two = (clone(estimator).set_params(engine="native", threads=n).fit(*data) for n in (1, 2))
    assert one.network_.parameters.flat.tobytes() == two.network_.parameters.flat.tobytes()


@pytest.mark.parametrize("name", CASES)
def test_no_file_of_an_estimator_says_engine_or_threads(name, tmp_path):
    estimator, data, asked = CASES[name]
    fitted = clone(estimator).set_params(engine="reference", threads=1).fit(*data)
    fitted.save(tmp_path / "one")
    fitted.set_params(engine="native", threads=7).save(tmp_path / "other")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    back = load_estimator(tmp_path / "one")
    assert (back.engine, back.threads) == ("auto", None)
    back = type(fitted).load(tmp_path / "one", engine="reference", threads=2)
    assert (back.engine, back.threads, engine_of(back.network_)) == ("reference", 2, "reference")
    assert told(back.predict(asked)) == told(fitted.set_params(engine="reference").predict(asked))


@needs_compiled
def test_an_estimator_of_the_compiled_engine_is_loaded_where_there_is_none(tmp_path, request):
    fitted = SequenceClassifier(engine="native", **SMALL).fit(X, marks(X))
    fitted.save(tmp_path / "model")
    said = fitted.predict_proba(X)
    request.getfixturevalue("without")
    assert load_estimator(tmp_path / "model").predict_proba(X) == pytest.approx(said, rel=1e-4)
    with pytest.raises(EngineError):
        load_estimator(tmp_path / "model", engine="native")
    with pytest.raises(EngineError):
        clone(fitted).fit(X, marks(X))


@pytest.mark.parametrize(("wrong", "said"), WRONG, ids=str)
def test_a_fitted_estimator_refuses_what_is_not_there(wrong, said):
    estimator = SequenceClassifier(**SMALL)
    with pytest.raises(OptionError, match=said):
        clone(estimator).set_params(**wrong).fit(X, marks(X))
    with pytest.raises(OptionError, match=said):
        estimator.fit(X, marks(X)).set_params(**wrong).predict(X)


@pytest.mark.parametrize("engine", HERE)
def test_a_copy_keeps_the_engine(engine):
    network = Network(input_size=3, hidden_size=4, output_size=3, engine=engine)
    for twin in (copy.copy(network), copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert twin.machine.engine == network.machine.engine
        assert twin.parameters.flat.tobytes() == network.parameters.flat.tobytes()
