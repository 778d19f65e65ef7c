"""RTNeural out: a network as the JSON that `RTNeural::json_parser::parseJson` reads, for audio in C++.

    {"in_shape": [null, null, I],
     "layers": [{"type": "gru", "activation": "tanh", "shape": [null, null, H], "weights": [...]}, ...]}

gru      weights: kernel "I 3H", recurrent kernel "H 3H", biases "2 3H", gates z r h      the reset after W h
lstm     weights: kernel "I 4H", recurrent kernel "H 4H", bias "4H", gates i f g o
dense    weights: kernel "H O", bias "O"      no activation: the outputs are y, logits where the head has them

The layout is Keras's. RTNeural has no simple recurrent layer (its issue 147), no embedding and no initial
state but zeros; its layers read vectors, so symbols go in as vectors with 1 at their place.
Source: github.com/jatinchowdhury18/RTNeural, RTNeural/model_loader.h, python/model_utils.py.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from elman.cells import find
from elman.errors import NumericError, OptionError
from elman.files.atomic import atomic_write
from elman.interop.checking import Checked, Run, compare
from elman.network import Network
from elman.numerics import Array
from elman.persistence import Model
from elman.spec import Spec
from elman.states import State

GATES = {"gru": ("z", "r", "n"), "lstm": ("i", "f", "g", "o")}  # in the order of Keras


def to_rtneural(network: Network) -> str:
    """Return the JSON text of a network: GRU or LSTM layers and a dense one, each number in full.

    The outputs are y, as `Network.run` has them: logits, values, of a gaussian the means and then s.
    Raises: OptionError naming what RTNeural cannot hold; NumericError when a weight is not finite.

    >>> text = to_rtneural(Network("gru", input_size=1, hidden_size=4, output_size=1, head="squared"))
    >>> [layer["type"] for layer in json.loads(text)["layers"]]
    ['gru', 'dense']
    """
    spec, views = network.spec, network.parameters.views
    if fault := _fault(spec):
        raise OptionError(f"RTNeural cannot hold this network: {fault}")
    for name, values in views.items():
        if not np.isfinite(values).all():
            raise NumericError(f"{name} holds numbers that are not finite; nothing is written")
    layers = [_recurrent(spec, views, k) for k in range(spec.num_layers)]
    layers.append(_layer("dense", "", [views["head.V"].T, views["head.c"]]))
    form = {"in_shape": [None, None, spec.input_size], "layers": layers}
    return json.dumps(form, separators=(",", ":"), allow_nan=False) + "\n"


def export(model: Model, path: str | os.PathLike[str]) -> Checked:
    """Write the JSON, after it was read back and run here by the equations of RTNeural.

    Raises: as `to_rtneural`; NumericError when they differ: nothing is written; FileError, ResourceError.
    """
    network = model.network
    text = to_rtneural(network)
    lines = []
    if network.spec.head in ("softmax", "sigmoid"):
        lines.append(f"outputs     logits: {network.spec.head} is left to whoever reads them")
    if model.vocabulary is not None:
        lines.append("symbols     go in as vectors with 1 at their place; the vocabulary is not in the file")
    if model.preparation is not None:
        lines.append("columns and scales of the table are not in the file: x and y are the network's own")
    what = "4 runs of the JSON, read back, by RTNeural's equations and by the network's, in float64"
    exact = Network.from_spec(replace(network.spec, dtype="float64"), network.parameters.flat.astype(float))
    checked = compare(exact, _run_of(exact, text), what, reads=_vectors(exact), lines=tuple(lines))
    atomic_write(path, [text.encode()])
    return checked


def _fault(spec: Spec) -> str | None:
    """Say what RTNeural has no layer for."""
    if spec.cell not in GATES:
        return f"cell {spec.cell!r}: it has recurrent layers for gru and lstm alone"
    absent = {
        "bidirectional": spec.bidirectional,
        f"embedding_size {spec.embedding_size}": spec.embedding_size,
        f"feature_size {spec.feature_size}, features beside symbols": spec.feature_size,
        "layer_norm": spec.layer_norm,
        "learn_initial_state; sequences begin with zeros there": spec.learn_initial_state,
        f"zoneout {spec.zoneout}, which is part of each step": spec.zoneout,
        f"readout {spec.readout!r}, which reads the whole sequence": spec.readout not in ("every", "last"),
    }
    return next((what for what, there in absent.items() if there), None)


def _recurrent(spec: Spec, views: Mapping[str, Array], k: int) -> dict[str, Any]:
    own = find(spec.cell).gates
    order = [own.index(gate) for gate in GATES[spec.cell]]

    def turned(name: str) -> Array:
        rows = views[f"layers.{k}.{name}"]
        gates: Array = rows.reshape(len(own), -1, *rows.shape[1:])[order].reshape(rows.shape)
        return gates.T

    bias = turned("b") if spec.cell == "lstm" else np.stack([turned("b"), turned("d")])
    return _layer(spec.cell, "tanh", [turned("U"), turned("W"), bias], width=spec.widths[k])


def _layer(kind: str, activation: str, weights: list[Array], width: int | None = None) -> dict[str, Any]:
    size = width or len(weights[-1])
    numbers = [array.tolist() for array in weights]
    return {"type": kind, "activation": activation, "shape": [None, None, size], "weights": numbers}


class Reading:
    """The JSON as RTNeural computes it: layers in their order, each number as a double.

    >>> network = Network("lstm", input_size=2, hidden_size=3, output_size=1, head="squared")
    >>> x = np.ones((4, 1, 2), np.float32)
    >>> there, here = Reading(to_rtneural(network)).run(x)[0], network.run(x)[0]
    >>> bool(np.allclose(there, here, rtol=0, atol=1e-6))
    True
    """

    def __init__(self, text: str) -> None:
        self._layers = [
            (layer["type"], [np.array(one, np.float64) for one in layer["weights"]], layer["shape"][-1])
            for layer in json.loads(text)["layers"]
        ]

    def run(self, x: Array, state: State | None = None) -> tuple[Array, State]:
        """Return (y, state), as `Network.run` with the readout "every": x "T B I", a state perhaps given."""
        rows, after = np.asarray(x, np.float64), []
        for k, (kind, weights, size) in enumerate(self._layers[:-1]):
            zeros = (np.zeros((rows.shape[1], size)),) * (1 + (kind == "lstm"))
            before = zeros if state is None else tuple(np.asarray(s, np.float64) for s in state[k])
            step, outputs = (_lstm if kind == "lstm" else _gru), []
            for given in rows:
                before = step(weights, given, before)
                outputs.append(before[0])
            rows = np.stack(outputs)
            after.append(before)
        kernel, bias = self._layers[-1][1]
        return rows @ kernel + bias, tuple(after)


def _gru(weights: list[Array], x: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
    """z, r = σ(W x + U h + b0 + b1), c = tanh(W x + b0 + r (U h + b1)), h = (1 − z) c + z h."""
    (kernel, recurrent, (b0, b1)), (h,) = weights, state
    a, u = np.split(x @ kernel + b0, 3, axis=1), np.split(h @ recurrent + b1, 3, axis=1)
    z, r = _sigmoid(a[0] + u[0]), _sigmoid(a[1] + u[1])
    return ((1 - z) * np.tanh(a[2] + r * u[2]) + z * h,)


def _lstm(weights: list[Array], x: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
    """i, f, o = σ(W x + U h + b), g = tanh of its own, c = f c + i g, h = o tanh(c)."""
    (kernel, recurrent, bias), (h, c) = weights, state
    i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=1)
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    return _sigmoid(o) * np.tanh(c), c


def _sigmoid(x: Array) -> Array:
    return 0.5 * np.tanh(0.5 * x) + 0.5


def _run_of(network: Network, text: str) -> Run:
    """Return a run that gives y of the last step alone where the network does."""
    reading, last = Reading(text), network.spec.readout == "last"

    def run(x: Array, state: State) -> tuple[Array, State]:
        y, after = reading.run(x, state)
        return (y[-1] if last else y), after

    return run


def _vectors(network: Network) -> Callable[[np.random.Generator, int, int], Array]:
    width, dtype = network.spec.input_size, network.spec.dtype
    return lambda draw, steps, rows: draw.normal(size=(steps, rows, width)).astype(dtype)
