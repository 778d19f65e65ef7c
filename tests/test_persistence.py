"""A model file gives back what was put in, byte for byte, to this library and to others.  Old files: R12."""

from __future__ import annotations

import json
from itertools import islice

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elman import Network, Vocabulary, load, save, train
from elman.data import Streams
from elman.files import read_tensors
from elman.optimizers import Optimizer
from elman.training import start
from persistence_cases import CHARS, RECORD, SYMBOLS, WORDS, same_run, small, trained
from persistence_cases import checkpoint as checkpoint
from persistence_cases import path as path

VOCABULARIES = {"none": None, "chars": CHARS, "bytes": Vocabulary("bytes", ()), "words": WORDS}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("kind", VOCABULARIES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_comes_back_as_it_was(path, kind, dtype):
    vocabulary = VOCABULARIES[kind]
    size = 4 if vocabulary is None else vocabulary.size
    network = small(size, dtype=dtype, activation="relu", initialization="standard_normal")
    save(path, network, vocabulary, RECORD)
    model = load(path)
    assert model.network.spec == network.spec
    assert model.network.parameters.flat.dtype == dtype
    assert model.network.parameters.flat.tobytes() == network.parameters.flat.tobytes()
    assert model.vocabulary == vocabulary
    assert model.record == RECORD
    assert model.training is None
    x = np.arange(6) % 4
    assert model.network.run(x)[0].tobytes() == network.run(x)[0].tobytes()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(TEXT, JSON, max_size=5))
def test_any_record_comes_back_as_it_was(path, record):
    save(path, small(), record=record)
    first = path.read_bytes()
    loaded = load(path).record
    assert loaded == record
    save(path, small(), record=loaded)
    assert path.read_bytes() == first


def test_a_network_without_symbols_needs_no_vocabulary_and_no_record(path):
    network = Network(input_size=3, hidden_size=4, output_size=2)
    save(path, network)
    model = load(str(path))
    assert model.network.parameters.flat.tobytes() == network.parameters.flat.tobytes()
    assert (model.vocabulary, model.record, model.training) == (None, {}, None)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd", "adagrad"])
def test_a_checkpoint_comes_back_as_it_was(path, optimizer, dtype):
    network = small(dtype=dtype)
    run = trained(network, optimizer=optimizer)
    assert run.best_step == 4
    assert run.hidden is not None
    save(path, network, CHARS, RECORD, run)
    model = load(path)
    assert same_run(model.training, run)
    assert [type(value) for value in (model.training.step, model.training.seconds)] == [int, float]
    assert model.network.parameters.flat.tobytes() == network.parameters.flat.tobytes()


def test_a_run_of_an_optimizer_without_memory_comes_back_too(path):
    def rule(x, g, memory, t, rate):
        x -= rate * g

    network = small()
    run = trained(network, optimizer=Optimizer("descent", rule, 0, 0.5))
    assert run.memory.shape == (0, len(network.parameters))
    save(path, network, training=run)
    assert same_run(load(path).training, run)


def test_a_run_that_has_not_begun_comes_back_too(path):
    network = small()
    save(path, network, training=start(network, "adam"))
    assert same_run(load(path).training, start(network, "adam"))


def test_what_is_loaded_can_be_trained_further_and_is_not_shared(checkpoint):
    one, two = load(checkpoint), load(checkpoint)
    before = two.network.parameters.flat.tobytes()
    trained(one.network, training=one.training)
    assert two.network.parameters.flat.tobytes() == before
    assert one.network.parameters.flat.tobytes() != before


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
@pytest.mark.parametrize("stop", [1, 5, 13, 14, 26, 29])
def test_resumed_from_a_file_is_uninterrupted(path, optimizer, dtype, stop):
    data = Streams(SYMBOLS, batch_size=3, seq_length=5)
    assert data.steps_per_epoch == 13
    validation = lambda network: float(np.abs(network.parameters.flat).sum()) % 1  # noqa: E731
    options = {"optimizer": optimizer, "schedule": "plateau", "validation": validation, "validate_every": 2}
    whole = small(dtype=dtype)
    end = list(train(whole, data, steps=30, **options))[-1].training
    half = small(dtype=dtype)
    run = list(islice(train(half, data, steps=30, **options), stop))[-1].training
    save(path, half, training=run)
    model = load(path)
    last = list(train(model.network, data, steps=30, training=model.training, **options))[-1].training
    assert model.network.parameters.flat.tobytes() == whole.parameters.flat.tobytes()
    end.seconds = last.seconds
    assert same_run(last, end)


def test_the_same_content_gives_the_same_bytes(checkpoint, path):
    model = load(checkpoint)
    for record in (dict(model.record), dict(reversed(model.record.items()))):
        save(path, model.network, model.vocabulary, record, model.training)
        assert path.read_bytes() == checkpoint.read_bytes()


def test_the_safetensors_library_reads_the_same_arrays(checkpoint):
    theirs = safetensors.numpy.load_file(checkpoint)
    ours = read_tensors(checkpoint)[0]
    network = load(checkpoint).network
    assert theirs.keys() == ours.keys()
    assert theirs.keys() > set(network.parameters)
    for name, array in theirs.items():
        assert (array.dtype, array.shape) == (ours[name].dtype, ours[name].shape)
        assert array.tobytes() == ours[name].tobytes()
    assert all((theirs[name] == view).all() for name, view in network.parameters.views.items())
    with safetensors.safe_open(checkpoint, "np") as file:
        assert json.loads(file.metadata()["spec"]) == network.spec.facts()
        assert json.loads(file.metadata()["record"]) == RECORD
        assert (file.metadata()["format"], file.metadata()["format_version"]) == ("elman", "1")


def test_symbols_of_quotes_and_backslashes_come_back(path):
    words = Vocabulary("words", ("<unk>", "\\", '"', '\\"', "a\\", '","', '"merges":[', "[[["))
    chars = Vocabulary("chars", ("<unk>", '"', ",", "[", "\\"))
    for vocabulary in (words, chars, Vocabulary("bpe", (), ((34, 34), (92, 34), (256, 91)))):
        save(path, small(vocabulary.size), vocabulary)
        assert load(path).vocabulary == vocabulary
