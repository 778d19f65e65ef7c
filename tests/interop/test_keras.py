"""Keras both ways, without Keras: its equations in NumPy on what the files hold, and answers it once gave."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import numpy as np
import pytest
from keras_cases import (
    FAULTS,
    GOLDENS,
    SEEN,
    drawn_network,
    packed_by_h5py,
    plain_gru,
    random_weights,
    same,
)

import elman
from elman import Network
from elman.data import corpus_from_text
from elman.errors import FormatError, NumericError, OptionError
from elman.interop import keras as land
from elman.interop.checking import BOUNDS, compare, difference, random_input, random_state
from elman.interop.keras import hdf5
from elman.interop.keras.config import read_config
from elman.interop.keras.plan import plan_of
from elman.interop.keras.running import equations
from elman.interop.keras.weights import arrays_of
from elman.interop.keras.writing import model_config
from elman.persistence import Model


@pytest.fixture
def count(request: pytest.FixtureRequest) -> int:
    return 300 if request.config.getoption("--full") else 60


@pytest.fixture(autouse=True)
def without_keras(monkeypatch):
    def missing():
        raise OptionError("keras is not installed")

    monkeypatch.setattr(land.live, "load", missing)


def in_the_file(path):
    """The plan and the weights that a file holds."""
    archive = land.archive.read(path)
    plan = read_config(archive.config).plan
    return plan, hdf5.File(archive.weights).arrays(plan.arrays())


def test_what_is_exported_gives_the_same_numbers(tmp_path, count):
    """Whole runs and single steps from random states, state too, of what stands in the file."""
    for seed in range(count):
        network, path = drawn_network(seed), tmp_path / "model.keras"
        checked = land.export(Model(network), path)
        assert checked.largest <= checked.bound == BOUNDS[network.spec.dtype]
        compare(network, equations(*in_the_file(path)), f"network {seed}")


def test_out_and_in_again_is_byte_equal(tmp_path, count):
    for seed in range(count):
        network, path, again = drawn_network(seed), tmp_path / "model.keras", tmp_path / "again.keras"
        land.export(Model(network), path)
        back, vocabulary = land.read(path)
        assert same(network, back)
        assert vocabulary is None
        land.export(Model(back), again)
        assert path.read_bytes() == again.read_bytes()


def test_what_h5py_packed_is_read_and_gives_the_same_numbers(tmp_path, count):
    pytest.importorskip("h5py", reason="h5py is not installed")
    for seed in range(count):
        spec, draw = drawn_network(seed, tied=False).spec, np.random.default_rng(seed)
        plan = plan_of(spec)
        plan = replace(plan, biases=tuple(bool(n) for n in draw.integers(2, size=len(plan.units))))
        plan = replace(plan, head=[None, plan.head][draw.integers(2)], head_bias=bool(draw.integers(2)))
        plan = plan if plan.head else replace(plan, head_bias=False)
        arrays = random_weights(plan, draw)
        config = model_config(plan, "out", states=bool(draw.integers(2)))
        path = packed_by_h5py(config, arrays, tmp_path / "model.keras")
        network, _ = land.read(path)
        compare(network, equations(plan, arrays), f"model {seed}")
        assert land.check(network, path).largest <= BOUNDS[spec.dtype]
        again = tmp_path / "again.keras"
        land.export(Model(network), again)
        assert same(land.read(again)[0], network)


def test_the_vocabulary_travels(tmp_path):
    vocabulary = corpus_from_text("to be or not to be, “that” is the \n question").vocabulary
    network = drawn_network(
        2, input_size=vocabulary.size, output_size=vocabulary.size, head="softmax", tied=False
    )
    land.export(Model(network, vocabulary), tmp_path / "model.keras")
    assert land.read(tmp_path / "model.keras")[1].to_bytes() == vocabulary.to_bytes()


def golden_cases():
    return json.loads(GOLDENS.read_text("utf-8"))["models"]


def array(found):
    return np.frombuffer(base64.b64decode(found["base64"]), found["dtype"]).reshape(found["shape"])


@pytest.mark.parametrize("case", golden_cases(), ids=lambda case: case["name"])
def test_what_keras_answered(tmp_path, case):
    """Files in the words of Keras itself, and what it answered: outputs and states."""
    pytest.importorskip("h5py", reason="h5py is not installed")
    weights = {name: array(found) for name, found in case["weights"].items()}
    network, _ = land.read(packed_by_h5py(case["config"], weights, tmp_path / "model.keras"))
    x = tuple(array(one).swapaxes(0, 1) for one in case["inputs"])
    given = [array(one) for one in case["states"]]
    per = len(network.init_state(1)[0])
    state = tuple(tuple(given[k : k + per]) for k in range(0, len(given), per)) or None
    y, after = network.run(x if len(x) > 1 else x[0], state)
    answers = [array(one) for one in case["answers"]]
    ours = y.swapaxes(0, 1) if network.spec.readout == "every" else y
    if case["probabilities"]:
        ours = elman.softmax(ours)
    assert difference(ours, answers[0]) <= BOUNDS[network.spec.dtype]
    if len(answers) > 1:
        assert difference(tuple(s for place in after for s in place), tuple(answers[1:])) <= 2e-6


def test_a_file_that_keras_wrote_is_read():
    """Byte for byte as Keras 3 saved it, compiled and trained; and what it answered."""
    found = json.loads(GOLDENS.read_text("utf-8"))["file"]
    network = land.from_keras(GOLDENS.with_suffix(".keras"))
    assert network.spec.head == "softmax"
    assert network.spec.bidirectional
    y, _ = network.run(array(found["input"]).T)
    assert difference(y.swapaxes(0, 1), array(found["answer"])) <= 2e-6


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(tmp_path, fault):
    change, options, seed = FAULTS[fault]
    network = drawn_network(seed, **{"dtype": "float64", "head": "squared", **options})
    plan = plan_of(network.spec)
    arrays = arrays_of(network, plan)
    assert compare(network, equations(plan, arrays), "as it is").largest <= 1e-12
    with pytest.raises(NumericError, match="not the same network"):
        compare(network, equations(plan, change(arrays)), fault)


def test_reset_before_the_product_is_seen():
    plain = {"embedding_size": None, "feature_size": 0, "tied": False, "bidirectional": False}
    quiet = {"dropout": 0.0, "input_dropout": 0.0}
    network = drawn_network(
        2, num_layers=1, hidden_size=5, readout="every", dtype="float64", **plain, **quiet
    )
    plan, draw = plan_of(network.spec), np.random.default_rng(0)
    found = list(arrays_of(network, plan).values())
    weights, (V, c) = found[:3], found[3:]
    x, state = random_input(network, draw, 9, 2), random_state(network, draw, 2)
    numbers = np.eye(network.spec.input_size)[x].swapaxes(0, 1)
    y, _ = network.run(x, state)
    answers = [
        (plain_gru(numbers, state[0][0], weights, reset_after=after) @ V + c).swapaxes(0, 1)
        for after in (True, False)
    ]
    assert difference(y, answers[0]) < 1e-12
    assert difference(y, answers[1]) > SEEN


def test_time_read_backward_is_seen():
    network = drawn_network(3, bidirectional=False, readout="every", tied=False, feature_size=0)
    run = equations(plan_of(network.spec), arrays_of(network, plan_of(network.spec)))
    with pytest.raises(NumericError, match="not the same network"):
        compare(network, lambda x, state: run(x[::-1], state), "read backward")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"layer_norm": True}, "layer_norm is True, which Keras cannot hold"),
        ({"zoneout": 0.1}, "zoneout is 0.1, which Keras cannot hold"),
        ({"learn_initial_state": True}, "learn_initial_state is True, which Keras cannot hold"),
        ({"readout": "mean"}, "readout is 'mean', which Keras cannot hold"),
    ],
)
def test_what_keras_cannot_hold_is_refused_by_name(tmp_path, options, named):
    network = Network("gru", input_size=3, hidden_size=4, output_size=2, **options)
    with pytest.raises(OptionError, match=named):
        land.export(Model(network), tmp_path / "model.keras")
    assert not list(tmp_path.iterdir())


def test_dropout_of_features_alone_goes_out_and_comes_back(tmp_path):
    network = Network("gru", input_size=3, hidden_size=4, output_size=2, input_dropout=0.25)
    land.export(Model(network), tmp_path / "model.keras")
    assert same(land.read(tmp_path / "model.keras")[0], network)


def test_a_wrong_answer_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(
        land.comparing, "equations", lambda plan, arrays: lambda x, state: (np.zeros(1), state)
    )
    with pytest.raises(NumericError, match="not the same network"):
        land.export(Model(drawn_network(0)), tmp_path / "model.keras")
    assert not list(tmp_path.iterdir())


def test_a_spec_of_other_layers_is_refused(tmp_path):
    network, other = drawn_network(2), drawn_network(6)
    metadata = {"elman": {"spec": json.dumps(other.spec.facts(), sort_keys=True, separators=(",", ":"))}}
    land.export(Model(network), tmp_path / "model.keras")
    archive = land.archive.read(tmp_path / "model.keras")
    (tmp_path / "lies.keras").write_bytes(land.archive.content(metadata, archive.config, archive.weights))
    with pytest.raises(FormatError, match=r"the spec in metadata\.json expects"):
        land.read(tmp_path / "lies.keras")


def test_the_head_is_what_the_model_says_or_its_reader(tmp_path):
    network = drawn_network(2, head="squared", tied=False, output_size=4, dtype="float32")
    plan = plan_of(network.spec)
    config = model_config(plan, "out")
    arrays = arrays_of(network, plan)

    def read(activation="linear", compiled=None, **said):
        config["config"]["layers"][-1]["config"]["activation"] = activation
        config["compile_config"] = {"loss": compiled}
        path = tmp_path / "model.keras"
        path.write_bytes(land.archive.content({}, config, land.hdf5_writing.write(arrays)))
        return land.from_keras(path, **said).spec

    logits = {"class_name": "SparseCategoricalCrossentropy", "config": {"from_logits": True}}
    probabilities = {"class_name": "SparseCategoricalCrossentropy", "config": {"from_logits": False}}
    assert read().head == "squared"
    assert read("softmax").head == "softmax"
    assert read("sigmoid").head == "sigmoid"
    assert read(compiled=logits).head == "softmax"
    assert read(compiled=probabilities).head == "squared"
    assert read(compiled="mae").head == "absolute"
    assert read(compiled={"class_name": []}).head == "squared"
    assert (read(loss="gaussian").head, read(loss="gaussian").output_size) == ("gaussian", 2)
    with pytest.raises(OptionError, match="the model says 'softmax'"):
        read("softmax", loss="squared")
