"""Ask Keras what its models answer: KERAS_BACKEND=torch python make_keras_models.py (needs keras).

Writes goldens/keras.json and goldens/keras.keras. Weights are multiples of 1/64, short when packed. Nothing
of elman is imported. Arrays lie as Keras has them, "B T I"; states in the order of the layers.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

PATH = Path(__file__).with_name("goldens") / "keras.json"
B, T, F = 2, 4, 3
DRAW = np.random.default_rng(0)
QUIET = ("_initializer", "_regularizer", "_constraint", "build_config")


def drawn(shape: tuple[int, ...]) -> np.ndarray:
    return (np.round(DRAW.normal(0, 0.5, shape) * 64) / 64).astype("float32")


def told(array: Any) -> dict[str, Any]:
    found = np.ascontiguousarray(keras.ops.convert_to_numpy(array))
    text = base64.b64encode(found.tobytes()).decode()
    return {"dtype": str(found.dtype), "shape": list(found.shape), "base64": text}


def short(found: Any) -> Any:
    """The config without what acts in training alone."""
    if isinstance(found, dict):
        return {name: short(one) for name, one in found.items() if not name.endswith(QUIET)}
    return [short(one) for one in found] if isinstance(found, list) else found


def weights(model: Any) -> Iterator[tuple[str, Any]]:
    """The weights by their path in a file, as saving names them: by class, counted in order."""
    counts: dict[str, int] = {}
    for layer in model.layers:
        kind = {"SimpleRNN": "simple_rnn"}.get(type(layer).__name__, type(layer).__name__.lower())
        group = f"layers/{kind}" + (f"_{counts[kind]}" if kind in counts else "")
        counts[kind] = counts.get(kind, 0) + 1
        if kind == "bidirectional":
            for way in ("forward_layer", "backward_layer"):
                for k, array in enumerate(getattr(layer, way).weights):
                    yield f"{group}/{way}/cell/vars/{k}", array
        else:
            inner = "vars" if kind in ("dense", "embedding") else "cell/vars"
            for k, array in enumerate(layer.weights):
                yield f"{group}/{inner}/{k}", array


def case(name: str, model: Any, inputs: list[np.ndarray], states: list[np.ndarray]) -> dict[str, Any]:
    for layer in model.layers:
        layer.set_weights([drawn(weight.shape) for weight in layer.weights])
    given = [*inputs, *states]
    answers = model(given if len(given) > 1 else given[0])
    answers = answers if isinstance(answers, list | tuple) else [answers]
    dense = model.layers[-1]
    return {
        "name": name,
        "config": short(json.loads(model.to_json())),
        "weights": {path: told(array) for path, array in weights(model)},
        "inputs": [told(one) for one in inputs],
        "states": [told(one) for one in states],
        "answers": [told(one) for one in answers],
        "probabilities": getattr(dense, "activation", None) is keras.activations.softmax,
    }


def with_states(make: Any, units: int, count: int) -> dict[str, Any]:
    """A model that takes states and gives them."""
    x, states = keras.Input((None, F)), [keras.Input((units,)) for _ in range(count)]
    y, *after = make(x, initial_state=states)
    model = keras.Model([x, *states], [layers.Dense(2)(y), *after])
    return case(
        f"{make.name} with states", model, [drawn((B, T, F))], [drawn((B, units)) for _ in range(count)]
    )


def sequential(name: str, *stacked: Any) -> dict[str, Any]:
    return case(name, keras.Sequential([keras.Input((None, F)), *stacked]), [drawn((B, T, F))], [])


def symbols_and_features() -> dict[str, Any]:
    symbols, features = keras.Input((None,), dtype="int32"), keras.Input((None, 2))
    x = layers.Concatenate()([layers.Embedding(5, 3)(symbols), features])
    model = keras.Model([symbols, features], layers.Dense(2)(layers.GRU(4)(x)))
    return case("symbols and features", model, [DRAW.integers(5, size=(B, T)), drawn((B, T, 2))], [])


def main() -> None:
    options = {"return_sequences": True, "return_state": True}
    cases = [
        with_states(layers.SimpleRNN(4, **options), 4, 1),
        with_states(layers.GRU(4, **options), 4, 1),
        with_states(layers.LSTM(4, **options), 4, 2),
        with_states(layers.Bidirectional(layers.LSTM(4, **options)), 4, 4),
        sequential("relu, no bias", layers.SimpleRNN(4, activation="relu", use_bias=False), layers.Dense(2)),
        sequential("gru, no bias", layers.GRU(4, use_bias=False), layers.Dense(2, use_bias=False)),
        sequential("stacked", layers.LSTM(3, return_sequences=True), layers.Dropout(0.25),
                   layers.LSTM(5), layers.Dense(3, activation="softmax")),
        sequential("both ways, no head", layers.Bidirectional(layers.GRU(3, return_sequences=True)),
                   layers.Bidirectional(layers.GRU(2))),
        symbols_and_features(),
    ]  # fmt: skip
    model = keras.Sequential([
        keras.Input((None,), dtype="int32"), layers.Embedding(5, 3),
        layers.Bidirectional(layers.LSTM(3, return_sequences=True)), layers.Dropout(0.2), layers.Dense(5),
    ])  # fmt: skip
    model.compile(optimizer="sgd", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = DRAW.integers(5, size=(B, T))
    model.fit(x, x, verbose=0)
    model.save(PATH.with_suffix(".keras"))
    file = {"input": told(x), "answer": told(model(x))}
    found = {"keras": keras.__version__, "file": file, "models": cases}
    PATH.write_text(json.dumps(found, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main()
