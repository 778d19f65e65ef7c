"""Live models of Keras 3: built from a plan, and taken apart. Needs keras, with any of its backends."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from elman.errors import OptionError
from elman.numerics import Array

from .config import Read, read_config
from .plan import Plan
from .writing import model_config


def load() -> Any:
    """Import keras. Raises: OptionError when it or its backend is not installed."""
    try:
        return import_module("keras")
    except ImportError as error:
        if error.name == "keras":
            raise OptionError(
                "keras is not installed; pip install 'elman[keras]' brings it, but for a backend"
            ) from None
        raise OptionError(
            f"keras is installed, but not its backend ({error}): install it, or set KERAS_BACKEND to another"
        ) from None


def multiplies_in(dtype: str) -> str:
    """Return the type in which the backend of Keras multiplies: in float64 with TensorFlow alone."""
    return dtype if load().backend.backend() == "tensorflow" else "float32"


def build(plan: Plan, arrays: Mapping[str, Array], head: str, *, states: bool = False) -> Any:
    """Return the live model of a plan with these weights.

    Raises: OptionError when keras is missing, or its backend cannot hold weights of this type.
    """
    keras = load()
    if plan.dtype == "float64" and (backend := keras.backend.backend()) == "jax":
        raise OptionError(
            f"dtype is float64, in which the {backend} backend of Keras cannot run these layers; "
            "take another, such as KERAS_BACKEND=torch"
        )
    model = keras.saving.deserialize_keras_object(model_config(plan, head, states=states))
    for layer, group, shapes in _layers(model, plan):
        layer.set_weights([arrays[f"{one}/{k}"] for one in group for k in range(len(shapes) // len(group))])
    return model


def from_bytes(content: bytes) -> Any:
    """Return the model of a .keras file that was written here."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "model.keras")
        path.write_bytes(content)
        return load().models.load_model(path, compile=False)


def read_live(model: Any) -> tuple[Read, dict[str, Array]]:
    """Return what a live model says it is, and copies of its weights by their path in a .keras file.

    Raises: FormatError as `read_config`; OptionError for what is no model of Keras, or was never built.
    """
    keras = load()
    if not isinstance(model, keras.Model):
        raise OptionError(
            f"{type(model).__name__} came; expected a keras.Model, or the path of a .keras file"
        )
    if not model.built:
        raise OptionError(f"the model {model.name!r} was never built: give it an Input, or call it once")
    try:
        config = json.loads(json.dumps(keras.saving.serialize_keras_object(model)))
    except (NotImplementedError, TypeError, ValueError) as error:
        raise OptionError(f"{type(model).__name__} does not say what it is: {error}") from None
    read = read_config(config)
    return read, weights(model, read.plan)


def weights(model: Any, plan: Plan) -> dict[str, Array]:
    """Return copies of the weights of a model by their path in a .keras file."""
    found: dict[str, Array] = {}
    for layer, group, shapes in _layers(model, plan):
        arrays = _arrays(layer)
        if [array.shape for array in arrays] != shapes:
            raise OptionError(
                f"layer {layer.name!r} has weights of {[a.shape for a in arrays]}; expected {shapes}"
            )
        names = [f"{one}/{k}" for one in group for k in range(len(shapes) // len(group))]
        found |= dict(zip(names, arrays, strict=True))
    return found


def _arrays(layer: Any) -> list[Array]:
    return [np.array(load().ops.convert_to_numpy(weight.value)) for weight in layer.weights]


def _layers(model: Any, plan: Plan) -> list[tuple[Any, list[str], list[tuple[int, ...]]]]:
    """Return the layers that have weights, with the groups and the shapes of theirs."""
    layers, arrays = [layer for layer in model.layers if layer.weights], plan.arrays()
    names, per = list(arrays), 1 + plan.bidirectional
    split = [[name] for name in names if "/cell/" not in name]
    cells = [name for name in names if "/cell/" in name]
    groups = [cells[k : k + per] for k in range(0, len(cells), per)]
    if plan.embedding:
        groups.insert(0, split.pop(0))
    groups += split
    return [
        (layer, group, [shape for name in group for shape in arrays[name]])
        for layer, group in zip(layers, groups, strict=True)
    ]
