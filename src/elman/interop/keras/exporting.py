"""A network as a model of Keras, and as a file of it once it has been run and compared."""

from __future__ import annotations

import os
from typing import Any

from elman.files import atomic_write
from elman.forms import json_text
from elman.interop.checking import Checked
from elman.network import Network
from elman.persistence import Model
from elman.spec import Spec

from . import archive, hdf5_writing, live
from .comparing import compared
from .plan import plan_of
from .weights import arrays_of
from .writing import model_config

OWN = "elman"  # the key of metadata.json that only `export` writes
_VERSION = "3.0.0"  # of Keras, whose form of file this is
_LOGITS = ("softmax", "sigmoid")


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
    return live.build(plan, arrays_of(network, plan), _head_name(network.spec), states=states)


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
    content = archive.content({"keras_version": _VERSION, OWN: own}, config, weights)
    checked = compared(network, plan, arrays, _notes(model), content)
    atomic_write(path, [content])
    return checked


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
