"""A model file gives back what was put in, byte for byte, and whatever else it might hold is refused."""

from __future__ import annotations

import json
import math
import os
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elman import (
    FileError,
    FormatError,
    Network,
    NumericError,
    OptionError,
    Training,
    Vocabulary,
    load,
    save,
    train,
)
from elman.data import Streams
from elman.files import read_tensors, write_tensors
from elman.training import start

GOLDEN = Path(__file__).parent / "goldens/model_v1.safetensors"
SYMBOLS = np.random.default_rng(2).integers(0, 4, 200)
CHARS = Vocabulary("chars", ("<unk>", "a", "ß", "😀"))
VOCABULARIES = {
    "none": None,
    "chars": CHARS,
    "bytes": Vocabulary("bytes", ()),
    "words": Vocabulary("words", ("<unk>", "\n", "Zürich", "時間", '"\\')),
}
RECORD = {
    "text": {"name": "Ærø 時間 😀\n\\\"'", "symbols": 2**70},
    "nats": 1.25,
    "lines": False,
    "best": None,
}


def small(size: int = 4, **options: Any) -> Network:
    options = {"hidden_size": 3, "num_layers": 2} | options
    return Network(input_size=size, output_size=size, **options)


def trained(network: Network, steps: int = 7, **options: Any) -> Training:
    """A run that has everything that a run can have."""
    losses = iter([2.0, 1.5, 1.75, 1.6, 1.7, 1.8, 1.9])
    options = {"validation": lambda _: next(losses), "validate_every": 2, "steps": 30} | options
    data = Streams(SYMBOLS, batch_size=3, seq_length=5)
    return list(islice(train(network, data, **options), steps))[-1].training


def same_run(one: Training, other: Training) -> bool:
    def facts(run: Training) -> Any:
        hidden = None if run.hidden is None else [[s.tobytes() for s in layer] for layer in run.hidden]
        arrays = [None if a is None else (a.dtype, a.shape, a.tobytes()) for a in (run.memory, run.best)]
        return vars(run) | {"memory": arrays[0], "best": arrays[1], "hidden": hidden}

    return facts(one) == facts(other)


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the disk is waited for is tested in test_files_atomic.py; here it is only slow."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with every part that a file can have; not to be changed."""
    path = tmp_path_factory.mktemp("persistence") / "whole.safetensors"
    network = small()
    save(path, network, CHARS, RECORD, trained(network))
    return path


# --------------------------------------------------------------------------------------------- round trips


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
        assert json.loads(file.metadata()["spec"]) == asdict(network.spec)
        assert json.loads(file.metadata()["record"]) == RECORD
        assert (file.metadata()["format"], file.metadata()["format_version"]) == ("elman", "1")


def test_the_golden_file_of_version_1_loads_for_ever(path):
    model = load(GOLDEN)
    spec = {"cell": "elman", "activation": "tanh", "hidden_size": 5, "num_layers": 2, "dtype": "float32"}
    assert asdict(model.network.spec) == spec | {"input_size": 18, "output_size": 18}
    assert model.vocabulary.decode(model.record["symbols"]) == model.record["said"] == "niemand mißt"
    y, _ = model.network.run(np.array(model.record["symbols"]))
    np.testing.assert_allclose(y, model.record["logits"], rtol=0, atol=2e-6)
    assert np.ptp(model.record["logits"]) > 1
    run = model.training
    assert (run.step, run.seconds, run.best_step) == (30, 1.25, 20)
    assert run.validation_losses == [3.5, 2.5, 2.75]
    assert [s.shape for layer in run.hidden for s in layer] == [(3, 5), (3, 5)]
    assert (run.memory.shape, run.best.shape) == ((2, 283), (283,))
    save(path, model.network, model.vocabulary, model.record, run)
    assert path.read_bytes() == GOLDEN.read_bytes()


# -------------------------------------------------------------------------------------------------- record

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(TEXT, JSON, max_size=5))
def test_any_record_comes_back_as_it_was(path, record):
    save(path, small(), record=record)
    first = path.read_bytes()
    loaded = load(path).record
    assert loaded == record
    save(path, small(), record=loaded)
    assert path.read_bytes() == first


CIRCLE: dict[str, Any] = {}
CIRCLE["again"] = CIRCLE
DEEP: list[Any] = []
for _ in range(20_000):
    DEEP = [DEEP]
NO_RECORDS: dict[str, dict[Any, Any]] = {
    "nan": {"x": math.nan},
    "inf": {"x": [1, -math.inf]},
    "a NumPy number": {"x": np.float32(1)},
    "an array": {"x": np.arange(3)},
    "bytes": {"x": b"bytes"},
    "a set": {"x": {1, 2}},
    "a tuple": {"x": (1, 2)},
    "a key that is a number": {1: 2},
    "a key twice as text": {1: 2, "1": 3},
    "keys without order": {"a": 1, 2: 3},
    "half a surrogate pair": {"x": "\ud800"},
    "a number of 5,000 digits": {"x": 10**5000},
    "a circle": CIRCLE,
    "a depth": {"x": DEEP},
}


@pytest.mark.parametrize("name", NO_RECORDS)
def test_a_record_that_is_not_json_is_refused_and_the_old_file_stays(path, name):
    path.write_bytes(b"old")
    with pytest.raises(OptionError, match=r"^the record cannot be written as JSON: "):
        save(path, small(), record=NO_RECORDS[name])
    assert path.read_bytes() == b"old"


def test_a_record_too_large_to_be_read_is_not_written(path):
    with pytest.raises(FormatError, match=r"not written: the metadata has .* bytes"):
        save(path, small(), record={"x": "y" * 300_000})
    assert not path.exists()


# ------------------------------------------------------------------------- what cannot be read is not written


def test_a_vocabulary_of_another_network_is_not_written(path):
    path.write_bytes(b"old")
    for network in (small(5), Network(input_size=4, hidden_size=3, output_size=2)):
        with pytest.raises(
            OptionError, match="not written: the vocabulary has 4 symbols, but the network reads"
        ):
            save(path, network, CHARS)
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize(
    "change",
    [
        {"best": np.zeros(5, np.float32)},
        {"best": np.zeros(61)},
        {"memory": np.zeros((2, 5), np.float32)},
        {"memory": np.ones(61, np.float32)},
        {"hidden": ((np.zeros((3, 3), np.float32),),)},
        {"hidden": ((np.zeros((3, 3), np.float32),), (np.zeros((2, 3), np.float32),))},
        {"step": 3.0},
        {"step": -1},
        {"best_step": True},
        {"seconds": -0.5},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_training_that_does_not_fit_is_not_written(path, change):
    path.write_bytes(b"old")
    network = small()
    run = trained(network)
    for name, value in change.items():
        setattr(run, name, value)
    with pytest.raises(FormatError, match="training"):
        save(path, network, training=run)
    assert path.read_bytes() == b"old"


def spoil_parameters(network: Network, run: Training, value: float) -> str:
    network.parameters["layers.1.W"][1, 2] = value
    return r"layers\.1\.W\[1, 2\]"


def spoil_memory(network: Network, run: Training, value: float) -> str:
    run.memory[1, 7] = value
    return r"training\.memory\[1, 7\]"


def spoil_best(network: Network, run: Training, value: float) -> str:
    run.best[9] = value
    return r"training\.best\[9\]"


def spoil_hidden(network: Network, run: Training, value: float) -> str:
    run.hidden[1][0][2, 0] = value
    return r"training\.hidden\.1\.h\[2, 0\]"


def spoil_losses(network: Network, run: Training, value: float) -> str:
    run.validation_losses[1] = value
    return r"training\.validation_losses\[1\]"


SPOILERS = [spoil_parameters, spoil_memory, spoil_best, spoil_hidden, spoil_losses]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("spoil", SPOILERS)
def test_numbers_that_are_not_finite_are_not_written(path, spoil, value):
    path.write_bytes(b"old")
    network = small()
    run = trained(network)
    place = spoil(network, run, value)
    with pytest.raises(NumericError, match=rf"not written: {place} is {value}; 1 of its \d+ are not finite"):
        save(path, network, training=run)
    assert path.read_bytes() == b"old"


# --------------------------------------------------------------------------------------- what is not loaded

Change = Callable[[dict[str, np.ndarray], dict[str, str]], None]


def rewritten(checkpoint: Path, path: Path, change: Change) -> Path:
    """Write a changed copy, with a checksum that is right."""
    tensors, metadata = read_tensors(checkpoint)
    change(tensors, metadata)
    write_tensors(path, tensors, metadata)
    return path


def refuses(path: Path, words: str = ".") -> bool:
    """Loading ends with one line that begins with the path, quickly and without much memory."""
    began = time.process_time()
    with pytest.raises(FormatError, match=words) as caught:
        load(path)
    message = str(caught.value)
    return (
        message.startswith(f"{path}: ")
        and "\n" not in message
        and len(message) < len(str(path)) + 1000
        and caught.value.exit_code == 3
        and time.process_time() - began < 0.5
    )


def test_the_copy_without_a_change_is_loaded(checkpoint, path):
    rewritten(checkpoint, path, lambda tensors, metadata: None)
    assert path.read_bytes() == checkpoint.read_bytes()
    assert same_run(load(path).training, load(checkpoint).training)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("spoil", SPOILERS)
def test_numbers_that_are_not_finite_are_not_loaded_unless_allowed(checkpoint, path, spoil, value):
    place = ""

    def change(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
        nonlocal place
        model = load(checkpoint)
        place = spoil(model.network, model.training, value)
        spoiled = dict(model.network.parameters.views)
        spoiled |= {"training.memory": model.training.memory, "training.best": model.training.best}
        spoiled |= {f"training.hidden.{k}.h": layer[0] for k, layer in enumerate(model.training.hidden)}
        spoiled["training.validation_losses"] = np.array(model.training.validation_losses)
        tensors |= spoiled

    rewritten(checkpoint, path, change)
    with pytest.raises(NumericError, match=rf"^{path}: refused: {place} is {value}; 1 of its"):
        load(path)
    model = load(path, allow_nonfinite=True)
    flat = np.concatenate(
        [array.reshape(-1) for array in read_tensors(path)[0].values() if array.dtype.kind == "f"]
    )
    assert (~np.isfinite(flat)).sum() == 1
    assert model.network.spec == load(checkpoint).network.spec


def facts(name: str, **changes: Any) -> Change:
    """Change entries of the JSON text `name` in the metadata; an entry that is None is left out."""

    def change(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
        kept = json.loads(metadata[name]) | changes
        kept = {key: value for key, value in kept.items() if value is not None}
        metadata[name] = json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    return change


def text(name: str, edit: Callable[[str], str]) -> Change:
    def change(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
        metadata[name] = edit(metadata[name])

    return change


def array(name: str, edit: Callable[[np.ndarray], np.ndarray] | None) -> Change:
    def change(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
        if edit is None:
            del tensors[name]
        else:
            tensors[name] = np.asarray(edit(tensors.get(name, np.zeros(1, np.float32))), order="C")

    return change


def without(name: str) -> Change:
    return lambda tensors, metadata: metadata.__delitem__(name)


SIZES = ["input_size", "hidden_size", "output_size", "num_layers"]
NO_SIZES = [0, -1, True, False, 5, 10**5, 10**18, 10**30, 10**4000, 3.0, 1e300, "3", [3], {"size": 3}]


@pytest.mark.parametrize(
    "size", NO_SIZES, ids=lambda size: repr(size)[:12] if size != 10**4000 else "10^4000"
)
@pytest.mark.parametrize("name", SIZES)
def test_a_size_that_is_not_that_of_the_arrays_is_refused_fast(checkpoint, path, name, size):
    rewritten(checkpoint, path, facts("spec", **{name: size}))
    load(checkpoint)
    tracemalloc.start()
    try:
        assert refuses(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_sizes_that_are_all_immense_are_refused_fast(checkpoint, path):
    rewritten(checkpoint, path, facts("spec", **dict.fromkeys(SIZES, 10**18)))
    assert refuses(path)


def two_zeros(_: np.ndarray) -> np.ndarray:
    return np.zeros(2, np.float32)


TWICE = b'{"kind":"chars","symbols":["<unk>","a","b","a"]}'
LIES: dict[str, tuple[Change, str]] = {
    "another cell": (facts("spec", cell="gru"), "no cell 'gru' with activation 'tanh'; there are elman"),
    "another activation": (facts("spec", activation="sigmoid"), r"there are elman \(tanh, relu\)"),
    "another dtype": (facts("spec", dtype="float16"), "dtype is 'float16'; there are float32 and float64"),
    "the other dtype": (facts("spec", dtype="float64"), "is float32 .*; expected float64"),
    "a cell that is a number": (facts("spec", cell=3), "cell in the spec is 3; expected a short str"),
    "a cell with a long name": (facts("spec", cell="x" * 50_000), "cell in the spec is 'xxx.*a short str"),
    "a spec with one more": (facts("spec", **{"x\n" * 9999: "0"}), "the spec has .*; expected"),
    "a spec with one less": (facts("spec", cell=None), "the spec has .*; expected"),
    "layers missing": (facts("spec", num_layers=1), "the array .* is not of this network"),
    "layers too many": (facts("spec", num_layers=3), r"the array 'layers\.2\.U' is missing"),
    "no array": (array("layers.0.W", None), r"the array 'layers\.0\.W' is missing"),
    "one more array": (array("layers.0.d", two_zeros), r"layers\.0\.d' is not of this network"),
    "an array named to deceive": (array("head.V is\n\x1b[2Kfine", two_zeros), r"\\n\\x1b\[2Kfine' is not of"),
    "an array transposed": (array("head.V", np.transpose), r"head\.V is float32 \(3, 4\); expected"),
    "an array flattened": (array("head.V", np.ravel), r"head\.V is float32 \(12,\); expected"),
    "an array of float64": (array("head.c", np.float64), r"head\.c is float64 \(4,\); expected float32"),
    "an array of integers": (array("head.c", np.int64), r"head\.c is int64"),
    "another format": (text("format", lambda _: "onnx"), "not a model of elman: format 'onnx'"),
    "no format": (without("format"), "not a model of elman: format None"),
    "a newer version": (text("format_version", lambda _: "2"), "version '2'; this elman reads 1: a newer"),
    "a stranger version": (text("format_version", lambda _: "9" * 9999), "version '9999.*9'; this elman"),
    "no version": (without("format_version"), "version None; this elman reads 1"),
    "version 01": (text("format_version", lambda _: "01"), "version '01'; this elman reads 1"),
    "no spec": (without("spec"), "the metadata has no spec"),
    "no record": (without("record"), "the metadata has no record"),
    "no training": (without("training"), r"training\.best' is of a training, but the metadata has none"),
    "a larger vocabulary": (
        array("vocabulary", lambda _: np.frombuffer(VOCABULARIES["words"].to_bytes(), np.uint8)),
        "the vocabulary has 5 symbols, but the network reads 4 and writes 4",
    ),
    "a damaged vocabulary": (array("vocabulary", lambda a: a[:-1]), "vocabulary is damaged"),
    "a vocabulary of floats": (array("vocabulary", np.float32), "the vocabulary is float32"),
    "a vocabulary in rows": (array("vocabulary", lambda a: a[None]), "expected a row of bytes"),
    "a symbol twice": (
        array("vocabulary", lambda _: np.frombuffer(TWICE, np.uint8)),
        "symbol 'a' is listed twice",
    ),
    "a step of float": (facts("training", step=3.0), "the training is .*; expected step, seconds, best_step"),
    "a step of true": (facts("training", step=True), "the training is"),
    "a step without end": (facts("training", step=10**4000), "the training is"),
    "a step below 0": (facts("training", step=-1), "none negative"),
    "seconds of int": (facts("training", seconds=3), "the training is"),
    "seconds below 0": (facts("training", seconds=-0.1), "none negative"),
    "a fact more": (facts("training", epoch=1), "the training is"),
    "a fact less": (facts("training", best_step=None), "the training is"),
    "best too short": (array("training.best", lambda a: a[:-1]), r"training\.best is float32 \(60,\)"),
    "best of float64": (array("training.best", np.float64), r"training\.best is float64"),
    "memory too wide": (array("training.memory", lambda a: np.tile(a, 2)), r"memory is .* \(2, 122\)"),
    "memory of rank 0": (array("training.memory", lambda a: np.float32(1)), r"memory is .* \(\)"),
    "memory of rank 1": (array("training.memory", np.ravel), r"memory is .* \(122,\)"),
    "memory of rank 3": (array("training.memory", lambda a: a[None]), r"memory is .* \(1, 2, 61\)"),
    "losses of integers": (array("training.validation_losses", np.int64), "losses is int64"),
    "losses in rows": (array("training.validation_losses", lambda a: a[None]), r"losses is float64 \(1, 3\)"),
    "a loss of rank 0": (array("training.validation_losses", lambda a: a[0]), r"losses is float64 \(\)"),
    "hidden of other rows": (array("training.hidden.1.h", lambda a: a[:2]), r"hidden\.1\.h is .* \(2, 3\)"),
    "hidden too wide": (array("training.hidden.1.h", lambda a: np.tile(a, 2)), r"1\.h is .* \(3, 6\)"),
    "hidden of rank 0": (array("training.hidden.0.h", lambda a: a[0, 0]), r"hidden\.0\.h is .* \(\)"),
    "hidden of rank 1": (array("training.hidden.0.h", lambda a: a[0]), r"hidden\.\d\.h is .* \(3,"),
    "hidden of float64": (array("training.hidden.0.h", np.float64), r"hidden\.0\.h is float64"),
    "hidden of one layer": (array("training.hidden.1.h", None), r"holds .*hidden\.0\.h'\]; expected"),
    "hidden of a layer more": (array("training.hidden.2.h", two_zeros), r"holds .*hidden\.2\.h'\]; expected"),
    "hidden of another state": (array("training.hidden.0.s", two_zeros), r"holds .*0\.s.*; expected"),
    "something else": (array("training.x", two_zeros), r"holds .*training\.x'\]; expected"),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_file_that_does_not_hold_together_is_refused(checkpoint, path, lie):
    change, words = LIES[lie]
    assert refuses(rewritten(checkpoint, path, change), words)


DAMAGES: dict[str, Callable[[str], str]] = {
    "empty": lambda text: "",
    "cut": lambda text: text[:-1],
    "more": lambda text: text + "{}",
    "a list": lambda text: f"[{text}]",
    "null": lambda text: "null",
    "a string": json.dumps,
    "a blank": lambda text: text.replace(":", ": ", 1),
    "a blank after": lambda text: text + " ",
    "an order": lambda text: json.dumps(dict(reversed(json.loads(text).items())), separators=(",", ":")),
    "a key twice": lambda text: text[:1] + text[1 : text.index(",") + 1] + text[1:],
    "a key twice, escaped": lambda text: '{"\\u007a":1,' + text[1:-1] + ',"z":1}',
    "an escape": lambda text: text.replace("e", "\\u0065", 1),
    "NaN": lambda text: text[:-1] + ',"z":NaN}',
    "1e999": lambda text: text[:-1] + ',"z":1e999}',
    "a long number": lambda text: text[:-1] + f',"z":{"9" * 5000}}}',
    "a number written long": lambda text: text[:-1] + ',"z":1.50}',
    "half a pair": lambda text: text[:-1] + ',"z":"\\ud800"}',
    "depth": lambda text: text[:-1] + ',"z":' + "[" * 20_000 + "]" * 20_000 + "}",
    "depth of objects": lambda text: text[:-1] + ',"z":' + '{"a":' * 20_000 + "1" + "}" * 20_000 + "}",
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["spec", "record", "training"])
def test_json_in_any_other_form_is_refused(checkpoint, path, name, damage):
    rewritten(checkpoint, path, text(name, DAMAGES[damage]))
    assert refuses(path, rf"the {name} in the metadata is damaged: ")


# ------------------------------------------------------------------------------------- bits and lengths


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("tiny") / "m"
    save(path, small(hidden_size=2, num_layers=1), CHARS, {"nats": 1.5})
    return path.read_bytes()


def unnoticed(path: Path, damaged: Iterator[bytes]) -> int:
    """How many of the files were loaded, or refused in another way than they should be."""
    count = tried = 0
    for data in damaged:
        tried += 1
        path.write_bytes(data)
        try:
            load(path)
        except FormatError as error:
            count += not str(error).startswith(f"{path}: ")
        else:
            count += 1
    assert tried > 100
    return count


def flipped(data: bytes, bits: Iterator[int]) -> Iterator[bytes]:
    for bit in bits:
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


def test_every_flipped_bit_of_the_header_is_noticed(path, tiny):
    header = 8 + int.from_bytes(tiny[:8], "little")
    assert 500 < header < len(tiny)
    assert unnoticed(path, flipped(tiny, iter(range(8 * header)))) == 0


def test_flipped_bits_of_the_data_are_noticed_here_and_by_nobody_else(path, checkpoint):
    data = checkpoint.read_bytes()
    header = 8 + int.from_bytes(data[:8], "little")
    bits = np.random.default_rng(6).integers(8 * header, 8 * len(data), 300).tolist()
    assert unnoticed(path, flipped(data, iter(bits))) == 0
    for changed in flipped(data, iter(bits[:20])):  # why there is a checksum
        safetensors.numpy.load(changed)


def test_every_length_but_its_own_is_noticed(path, tiny):
    cut = (tiny[:length] for length in range(len(tiny)))
    assert unnoticed(path, cut) == 0
    longer = (tiny + bytes([fill]) * more for more in (1, 7, 8, 4096) for fill in (*range(32), 255))
    assert unnoticed(path, longer) == 0


def test_the_teeth_of_these_tests(path, tiny):
    assert unnoticed(path, (tiny for _ in range(101))) == 101


def test_what_is_no_file_is_told_apart_from_what_is_no_model(tmp_path):
    with pytest.raises(FileError, match="cannot be read: No such file"):
        load(tmp_path / "missing")
    with pytest.raises(FileError, match="is a directory"):
        load(tmp_path)
    foreign = tmp_path / "foreign.safetensors"
    safetensors.numpy.save_file({"W": np.zeros((2, 2), np.float32)}, foreign)
    assert refuses(foreign)


def test_a_directory_that_is_not_there_is_said(tmp_path):
    with pytest.raises(FileError, match="there is no directory"):
        save(tmp_path / "no/model.safetensors", small())
