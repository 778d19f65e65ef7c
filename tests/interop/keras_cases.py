"""What the tests of Keras share: random networks, planted faults, files as h5py and zipfile write them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from elman import Network
from elman.interop.keras.plan import Plan

SEEN = 1e-3  # a fault moves the answers by far more than rounding does
GOLDENS = Path(__file__).with_name("goldens") / "keras.json"
Tensors = dict[str, np.ndarray]


def drawn_network(seed: int, **chosen: Any) -> Network:
    """A network that Keras can hold, sizes unequal, every weight and bias random."""
    draw = np.random.default_rng(seed)
    sizes = [int(n) for n in draw.choice(np.arange(2, 9), 4, replace=False)]
    layers, both = int(draw.integers(1, 4)), bool(draw.integers(2))
    cell, activation = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")][seed % 4]
    hidden = sizes[1] if draw.integers(2) else tuple(int(n) for n in draw.integers(1, 9, layers))
    last = hidden if isinstance(hidden, int) else hidden[-1]
    drawn = ["softmax", "sigmoid", "squared", "gaussian", "quantile"][draw.integers(5)]
    head = chosen.get("head", drawn)
    tied = bool(draw.integers(4) == 0) and head in ("softmax", "sigmoid", "squared")
    embedded = tied or bool(draw.integers(2))
    rates = {name: float(draw.integers(4)) / 8 for name in ("recurrent_dropout", "output_dropout")}
    options = {
        "activation": activation,
        "input_size": sizes[0],
        "hidden_size": hidden,
        "num_layers": layers,
        "output_size": sizes[0] if tied else sizes[2],
        "bidirectional": both,
        "embedding_size": (1 + both) * last if tied else sizes[3] if embedded else None,
        "tied": tied,
        "feature_size": int(draw.integers(3)),
        "readout": ["every", "last"][draw.integers(2)],
        "head": head,
        "quantiles": (0.1, 0.5, 0.9) if head == "quantile" else (),
        "dtype": ["float32", "float64"][draw.integers(2)],
        "input_dropout": 0.25 if embedded and draw.integers(2) else 0.0,
        "dropout": 0.25 if layers > 1 and draw.integers(2) else 0.0,
        "seed": seed,
        **rates,
        **chosen,
    }
    network = Network(cell, **options)
    spread = 0.2 if activation == "relu" else 0.4  # so that no state of relu grows, and its rounding with it
    network.parameters.flat[:] = draw.normal(0, spread, network.parameters.flat.shape)
    return network


def same(one: Network, other: Network) -> bool:
    return one.spec == other.spec and one.parameters.flat.tobytes() == other.parameters.flat.tobytes()


def swap_gates(tensors: Tensors) -> Tensors:
    """The first two gates one for the other: z and r, i and f."""

    def swapped(array: np.ndarray, gates: int) -> np.ndarray:
        first, second, *rest = np.split(array, gates, axis=-1)
        return np.concatenate([second, first, *rest], axis=-1)

    changed = dict(tensors)
    for name in tensors:
        group = name.rpartition("/")[0]
        if group.endswith("cell/vars") and (gates := _gates(tensors, group)) > 1:
            changed[name] = swapped(tensors[name], gates)
    return changed


def _gates(tensors: Tensors, group: str) -> int:
    units, width = tensors[f"{group}/1"].shape
    return width // units


def swap_biases(tensors: Tensors) -> Tensors:
    """The two biases of GRU one for the other."""
    return {
        name: a[::-1] if name.endswith("cell/vars/2") and a.ndim == 2 else a for name, a in tensors.items()
    }


def swap_directions(tensors: Tensors) -> Tensors:
    """Forward weights read backward, backward ones forward."""
    other = {"forward_layer": "backward_layer", "backward_layer": "forward_layer"}
    changed = {}
    for name, array in tensors.items():
        way = next((way for way in other if way in name), None)
        alike = tensors[name.replace(way, other[way])] if way else array
        changed[name] = alike
    return changed


FAULTS: dict[str, tuple[Callable[[Tensors], Tensors], dict[str, Any], int]] = {
    "gates of gru": (swap_gates, {}, 2),
    "gates of lstm": (swap_gates, {}, 3),
    "biases of gru": (swap_biases, {}, 2),
    "directions": (swap_directions, {"bidirectional": True, "tied": False, "embedding_size": 5}, 3),
}  # each with what makes it felt: options, and a seed whose cell has it


def plain_gru(x: np.ndarray, h: np.ndarray, weights: list[np.ndarray], *, reset_after: bool) -> np.ndarray:
    """One GRU of Keras over "B T I", the reset gate behind or before the product; returns "B T H"."""
    kernel, recurrent, (bias, inner_bias) = weights
    units, outputs = h.shape[1], []
    for x_t in x.swapaxes(0, 1):
        a = x_t @ kernel + bias
        u = h @ recurrent + inner_bias
        z, r = (1 / (1 + np.exp(-(a[:, k : k + units] + u[:, k : k + units]))) for k in (0, units))
        behind = r * u[:, 2 * units :]
        before = (r * h) @ recurrent[:, 2 * units :] + inner_bias[2 * units :]
        h = z * h + (1 - z) * np.tanh(a[:, 2 * units :] + (behind if reset_after else before))
        outputs.append(h)
    return np.stack(outputs, axis=1)


def packed_by_h5py(config: Mapping[str, Any], arrays: Mapping[str, np.ndarray], path: Path) -> Path:
    """A .keras file as Keras makes it: h5py and zipfile."""
    import h5py

    written = io.BytesIO()
    with h5py.File(written, "w") as file:
        file.create_group("vars").attrs["name"] = "model"
        for name, array in arrays.items():
            file.require_group(name.rpartition("/")[0]).attrs["name"] = "layer"
            file.create_dataset(name, data=array)
    return packed(config, written.getvalue(), path)


def packed(config: object, weights: bytes, path: Path, metadata: object = None) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps(metadata or {"keras_version": "3.9.0"}))
        archive.writestr("config.json", config if isinstance(config, str | bytes) else json.dumps(config))
        archive.writestr("model.weights.h5", weights)
    return path


def random_weights(plan: Plan, draw: np.random.Generator) -> Tensors:
    """Weights of a plan in Keras' layout."""
    return {
        f"{group}/{k}": draw.normal(0, 0.2, shape).astype(plan.dtype)
        for group, shapes in plan.arrays().items()
        for k, shape in enumerate(shapes)
    }
