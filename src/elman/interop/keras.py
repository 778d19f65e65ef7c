"""Keras 3: SimpleRNN, GRU, LSTM, Bidirectional, Embedding in front and Dense behind, both ways.

    from_keras, to_keras        a live model, which needs keras; a .keras file, which needs nothing
    export, read, check         what `elman export` and `elman import` call

Batch comes first there, "B T I", time here. A .keras file is read and written here alone, byte by byte
(`keras_archive`, `hdf5`): nothing that it names is imported, and nothing in it can run.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from elman.cells import find
from elman.data import Vocabulary
from elman.errors import FormatError, OptionError
from elman.files import atomic_write
from elman.forms import json_object, json_text, read_spec, read_vocabulary
from elman.network import Network
from elman.numerics import Array, generator
from elman.persistence import Model
from elman.spec import Spec

from . import hdf5, hdf5_writing, keras_archive, keras_live
from .checking import Checked, compare, difference, judged, random_input
from .keras_config import Read, read_config
from .keras_plan import Plan, plan_of, spec_of
from .keras_running import equations, plain, runner
from .keras_weights import arrays_of, network_of
from .keras_writing import model_config

_OWN = "elman"  # the key of metadata.json that only `export` writes
_VERSION = "3.0.0"  # of Keras, whose form of file this is
_LOGITS = ("softmax", "sigmoid")


def from_keras(
    source: Any, *, loss: str | None = None, engine: str = "auto", threads: int | None = None
) -> Network:
    """Return the network that a Keras model computes; weights are copied.

    source: a keras.Model, or the path of a .keras file: an input, perhaps Embedding, layers of SimpleRNN,
    GRU or LSTM, perhaps Bidirectional, perhaps Dense; Dropout between them is kept for training. The network
    gives logits where an activation of Dense, softmax or sigmoid, makes probabilities of them. `loss` is the
    name of the head where neither that activation nor the compiled loss says it (none: squared).
    Embedding(mask_zero=True) skips symbols 0 in Keras; here they count, and `lengths` says where rows end.
    A stateful layer keeps its state; here the state is handed on.
    Raises: OptionError (a live model) or FormatError (a file) naming the layer and the option that cannot be
            carried over; OptionError when keras is missing; FileError when the file cannot be read;
            NumericError when a weight is not finite.

        network = from_keras("model.keras")
    """
    if isinstance(source, str | os.PathLike):
        return _read(source, loss, engine=engine, threads=threads)[0]
    try:
        found, arrays = keras_live.read_live(source)
        return network_of(
            spec_of(found.plan, found.meant, loss), found.plan, arrays, engine=engine, threads=threads
        )
    except FormatError as error:
        raise OptionError(str(error)) from None


def to_keras(network: Network, *, states: bool = False) -> Any:
    """Return a keras.Model with the weights of a network, copied.

    It reads symbols "B T" where the network has an embedding (beside features "B T I": a list), else
    numbers "B T I", symbols as one-hot. It gives logits, of which keras.layers.Softmax() makes
    probabilities, or values.
    states: it reads a list of the input and the state of each layer, and gives a list of the output and the
    states after it, in the order in which `Network.run` has them: forward before backward, h before s.
    A network in float64 gives a model in float64, but Keras multiplies in float32, except with TensorFlow.
    Raises: OptionError for what Keras does not compute (layer_norm, zoneout, learn_initial_state, readouts
            other than every and last; float64 with jax), or that keras is missing.

        model = to_keras(elman.load("model.safetensors").network)
    """
    plan = plan_of(network.spec)
    return keras_live.build(plan, arrays_of(network, plan), _head_name(network.spec), states=states)


def export(model: Model, path: str | os.PathLike[str]) -> Checked:
    """Write a .keras file that keras.models.load_model takes; the same model gives the same bytes.

    The spec and the vocabulary go into its metadata, so that `read` gives the same network, byte for byte.
    Raises: as `to_keras`, but keras may be missing; NumericError when the answers differ: nothing is written;
            FileError, ResourceError when the file cannot be.
    """
    network, spec = model.network, model.network.spec
    plan = plan_of(spec)
    arrays = arrays_of(network, plan)
    own = {"spec": json_text("spec", spec.facts())}
    if model.vocabulary is not None and model.preparation is None:
        own["vocabulary"] = model.vocabulary.to_bytes().decode()
    weights = hdf5_writing.write(arrays)
    config = model_config(plan, _head_name(spec))
    content = keras_archive.content({"keras_version": _VERSION, _OWN: own}, config, weights)
    checked = _compared(network, plan, arrays, _notes(model), content)
    atomic_write(path, [content])
    return checked


def read(path: str | os.PathLike[str]) -> tuple[Network, Vocabulary | None]:
    """Return the network of a .keras file and, where `export` wrote it, its vocabulary.

    Raises: as `from_keras`.
    """
    return _read(path, None)


def check(network: Network, path: str | os.PathLike[str]) -> Checked:
    """Compare a network that was read with what Keras computes from the weights of the file themselves.

    Where Keras cannot be imported, or multiplies float64 in float32, its equations in NumPy stand for it.
    Raises: NumericError when they differ; otherwise as `read`.
    """
    _, found, arrays = _contents(path)
    return _compared(network, found.plan, arrays, found.notes)


def _contents(path: str | os.PathLike[str]) -> tuple[Mapping[str, Any], Read, dict[str, Array]]:
    try:
        archive = keras_archive.read(path)
        found = read_config(archive.config)
        return archive.metadata, found, hdf5.File(archive.weights).arrays(found.plan.arrays())
    except FormatError as error:
        raise FormatError(f"{os.fspath(path)}: {error}") from None


def _read(path: str | os.PathLike[str], loss: str | None, **on: Any) -> tuple[Network, Vocabulary | None]:
    metadata, found, arrays = _contents(path)
    try:
        own = metadata.get(_OWN)
        spec = spec_of(found.plan, found.meant, loss) if own is None else _own_spec(own, found.plan, loss)
        network = network_of(spec, found.plan, arrays, **on)
        if own is None or "vocabulary" not in own:
            return network, None
        text = np.frombuffer(own["vocabulary"].encode(), np.uint8)
        return network, read_vocabulary(text, spec, predicted=True)
    except (FormatError, UnicodeEncodeError) as error:
        raise FormatError(f"{os.fspath(path)}: {error}") from None


def _own_spec(own: object, plan: Plan, loss: str | None) -> Spec:
    """Return the spec that `export` wrote, when the layers are the ones it would write for it."""
    if loss is not None:
        raise OptionError("the file says itself what it holds; leave out loss")
    if not isinstance(own, dict) or not all(isinstance(text, str) for text in own.values()):
        raise FormatError("metadata.json holds something of elman that it never writes")
    try:
        spec = read_spec(json_object(own, "spec"), len(plan.units) * 10)
        expected = plan_of(spec)
    except OptionError as error:
        raise FormatError(str(error)) from None
    if expected != plan:
        raise FormatError(f"the layers are those of {plan}; the spec in metadata.json expects {expected}")
    return spec


def _compared(
    network: Network,
    plan: Plan,
    arrays: Mapping[str, Array],
    lines: tuple[str, ...],
    content: bytes | None = None,
) -> Checked:
    """Compare with Keras on these weights and, where there is one, with the file as Keras loads it."""
    reads = partial(_random_input, network)
    try:
        version = keras_live.load().__version__
        missing = "" if keras_live.multiplies_in(plan.dtype) == plan.dtype else "multiplies in float32 here"
    except OptionError:
        missing = "cannot be imported"
    if missing:
        what = f"whole runs and single steps in Keras' equations, in NumPy (Keras {missing})"
        return compare(network, equations(plan, arrays), what, reads=reads, lines=lines)
    loaded = None if content is None else keras_live.from_bytes(content)
    arrays = arrays if loaded is None else keras_live.weights(loaded, plan)
    states = len(find(plan.cell, plan.activation).states)
    run = runner(keras_live.build(plan, arrays, "head", states=True), plan, states)
    what = f"whole runs and single steps in Keras {version}"
    checked = compare(network, run, what, reads=reads, lines=lines)
    if loaded is None:
        return checked
    x = reads(generator(0, "sampling"), 12, 3)
    largest = max(checked.largest, difference(network.run(x)[0], plain(loaded, plan, x)))
    return judged(Checked(what, largest, checked.bound, lines))


def _random_input(network: Network, draw: np.random.Generator, steps: int, rows: int) -> Any:
    """Return input at random: numbers where one array of them may come, for symbols are but one row of U."""
    spec = network.spec
    if spec.embedding_size or spec.feature_size:
        return random_input(network, draw, steps, rows)
    return draw.normal(size=(steps, rows, spec.input_size)).astype(spec.dtype)


def _head_name(spec: Spec) -> str:
    return f"{spec.head}_logits" if spec.head in _LOGITS else spec.head


def _notes(model: Model) -> tuple[str, ...]:
    """Return what whoever loads the file should know."""
    spec = model.network.spec
    symbols = "symbols" if spec.embedding_size else f"one_hot(symbols, {spec.input_size})"
    beside = f", and {spec.feature_size} features" if spec.feature_size else ""
    where = "at every step" if spec.readout == "every" else "at the last step"
    gives = f"logits of {spec.head}" if spec.head in _LOGITS else f"values of {spec.head}"
    lines = [
        "loads       keras.models.load_model; batch comes first",
        f"reads       {symbols}{beside}",
        f"gives       {spec.y_size} {gives} {where}",
        "states      begin from zeros; to_keras(network, states=True) takes and gives them",
    ]
    if model.preparation is not None:
        lines.append("left out    how a table becomes input and outputs answers: columns, scales, labels")
    return tuple(lines)
