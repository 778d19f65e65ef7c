"""Ask Keras what its SimpleRNN, GRU and LSTM answer: KERAS_BACKEND=jax python make_keras.py (keras, jax).

Questions are drawn as for PyTorch, in our names; padded steps are masked. Nothing of elman is imported.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from make_torch_rnn import GATES, STATES, draw

PATH = Path(__file__).with_name("keras.json")
KERAS_ORDER = {"elman": [0], "gru": [1, 0, 2], "lstm": [0, 1, 2, 3]}  # z r h, where we say r z n; i f c o
CONFIGURATIONS: list[dict[str, Any]] = [
    {"cell": "tanh", "layers": 1, "sizes": (5, 4, 2, 6, 3), "lengths": (2, 5, 1, 4)},
    {"cell": "relu", "layers": 2, "sizes": (4, 3, 5, 2, 6), "dense": False, "both": True},
    {"cell": "gru", "layers": 1, "sizes": (5, 3, 2, 4, 6)},
    {"cell": "gru", "layers": 2, "sizes": (5, 4, 2, 3, 6), "lengths": (2, 5, 1, 4), "both": True},
    {"cell": "lstm", "layers": 2, "sizes": (4, 3, 5, 2, 6), "dense": False},
    {"cell": "lstm", "layers": 1, "sizes": (5, 4, 2, 3, 6), "lengths": (2, 5, 1, 4), "both": True},
]


def build(sizes: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return Keras' layers, and our name of each of its variables: "layers.0" stands for three."""
    import jax.numpy as jnp
    import keras

    kinds = {"elman": "SimpleRNN", "gru": "GRU", "lstm": "LSTM"}
    kind = getattr(keras.layers, kinds[sizes["cell"]])
    options = {"activation": sizes["activation"], "return_sequences": True, "return_state": True}
    layers, places = [], {}
    for k in range(sizes["num_layers"]):
        layer = kind(sizes["hidden_size"], **options)
        if sizes["bidirectional"]:
            layer = keras.layers.Bidirectional(layer)
        reads = sizes["input_size"] if k == 0 else (1 + sizes["bidirectional"]) * sizes["hidden_size"]
        layer.build((None, None, reads))
        layers.append(layer)
        if sizes["bidirectional"]:
            places |= {f"layers.{k}": layer.forward_layer, f"layers.{k}.reverse": layer.backward_layer}
        else:
            places[f"layers.{k}"] = layer
    for layer in places.values():
        if sizes["activation"] == "tanh":
            layer.cell.activation = jnp.tanh  # keras.ops.tanh of Keras 3.15 rounds float64 to float32
    return layers, {place: layer.cell.trainable_variables for place, layer in places.items()}


def to_keras(cell: str, letters: dict[str, Any]) -> list[Any]:
    """Turn U, W, b (and d) into kernel, recurrent_kernel and bias, their gates in Keras' order."""
    import jax.numpy as jnp

    def ordered(rows: Any) -> Any:
        gates = jnp.split(rows, GATES[cell])
        return jnp.concatenate([gates[k] for k in KERAS_ORDER[cell]])

    U, W, *biases = (ordered(letters[name]) for name in ("U", "W", "b", "d")[: len(letters)])
    return [U.T, W.T, jnp.stack(biases) if len(biases) > 1 else biases[0]]


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Return Keras' loss, outputs, final state and gradients, as nested lists.

    The objective is the mean cross-entropy over true steps, and the sum of the final state times dstate.
    """
    import jax
    import jax.numpy as jnp
    import keras

    sizes, given = question["sizes"], question["given"]
    layers, variables = build(sizes)
    x = jnp.array(given["x"])
    x = x if x.ndim == 3 else jax.nn.one_hot(x, sizes["input_size"], dtype=float)
    lengths = jnp.array(given.get("lengths", [len(x)] * x.shape[1]))
    inside = jnp.arange(len(x))[:, None] < lengths

    def objective(parameters: dict[str, Any], start: Any) -> Any:
        mapping = []
        for place, own in variables.items():
            letters = {n: parameters[f"{place}.{n}"] for n in "UWbd" if f"{place}.{n}" in parameters}
            mapping += zip(own, to_keras(sizes["cell"], letters), strict=True)
        h, finish = x.swapaxes(0, 1), []  # Keras puts the batch first
        with keras.StatelessScope(state_mapping=mapping):
            for k, layer in enumerate(layers):
                both = 1 + sizes["bidirectional"]
                states = [s[place] for place in range(k * both, (k + 1) * both) for s in start]
                h, *states = layer(h, initial_state=states, mask=inside.T)
                finish += states
        y = h.swapaxes(0, 1) @ parameters["head.V"].T + parameters["head.c"]
        chosen = jnp.take_along_axis(jax.nn.log_softmax(y), jnp.array(given["targets"])[..., None], -1)
        loss = -(chosen[..., 0] * inside).sum() / inside.sum()
        finish = jnp.stack(finish).reshape(-1, STATES[sizes["cell"]], *start.shape[2:]).swapaxes(0, 1)
        total = loss + (finish * jnp.array(given["dstate"])).sum()
        return total, {"y": y * inside[..., None], "loss": loss, "state": finish}

    parameters = {name: jnp.array(value) for name, value in question["parameters"].items()}
    differentiate = jax.grad(objective, argnums=(0, 1), has_aux=True)
    (gradients, dstart), answers = differentiate(parameters, jnp.array(given["state"]))
    answers |= {"dstart": dstart} | {f"d{name}": value for name, value in gradients.items()}
    return {name: np.asarray(value).tolist() for name, value in answers.items()}


def main() -> None:
    import jax
    import keras

    jax.config.update("jax_enable_x64", True)
    keras.config.set_floatx("float64")
    generator = np.random.default_rng(2015)
    questions = [draw(generator, **configuration) for configuration in CONFIGURATIONS]
    cases = [json.dumps(question | {"expected": answer(question)}) for question in questions]
    PATH.write_text(f'{{"keras": "{keras.__version__}", "cases": [\n' + ",\n".join(cases) + "\n]}\n")


if __name__ == "__main__":
    main()
