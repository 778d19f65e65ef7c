"""What the tests of PyTorch share: random networks, planted faults, and a GRU written out."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from elman import Network

SEEN = 1e-3  # a fault moves the answers by far more than rounding does
Tensors = dict[str, np.ndarray]


def drawn_network(seed: int, *, stepwise: bool = False) -> Network:
    """A network that PyTorch can hold, sizes unequal, every weight and bias random."""
    draw = np.random.default_rng(seed)
    sizes = [int(n) for n in draw.choice(np.arange(2, 9), 4, replace=False)]
    layers, both = int(draw.integers(1, 4)), bool(draw.integers(2)) and not stepwise
    cell, activation = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")][seed % 4]
    embedded = bool(draw.integers(2))
    hidden: int | tuple[int, ...] = sizes[1]
    if not both and draw.integers(3) == 0:
        hidden = tuple(int(n) for n in draw.integers(1, 9, layers))
    last = hidden if isinstance(hidden, int) else hidden[-1]
    tied = bool(draw.integers(3) == 0)
    return Network(
        cell,
        activation=activation,
        input_size=sizes[0],
        hidden_size=hidden,
        num_layers=layers,
        output_size=sizes[0] if tied else sizes[2],
        bidirectional=both,
        embedding_size=(1 + both) * last if tied else sizes[3] if embedded else None,
        tied=tied,
        feature_size=int(draw.integers(3)) if embedded or tied else 0,
        readout=["every", "last"][draw.integers(2)],
        head=["softmax", "squared"][draw.integers(2)],
        dtype=["float32", "float64"][draw.integers(2)],
        dropout=0.25 if layers > 1 and draw.integers(2) else 0.0,
        initialization="uniform",
        seed=seed,
    )


def uneven(network: Network) -> bool:
    return len(set(network.spec.widths)) > 1


def same(one: Network, other: Network) -> bool:
    return one.spec == other.spec and one.parameters.flat.tobytes() == other.parameters.flat.tobytes()


def swap_gates(tensors: Tensors) -> Tensors:
    """The first two gates one for the other: r and z, i and f."""

    def swapped(name: str, array: np.ndarray) -> np.ndarray:
        hidden = array.shape[0] // {"GRU": 3, "LSTM": 4}[cell]
        return np.concatenate([array[hidden : 2 * hidden], array[:hidden], array[2 * hidden :]])

    W = next(array for name, array in tensors.items() if "weight_hh" in name)
    cell = {3: "GRU", 4: "LSTM"}.get(len(W) // W.shape[1])
    if cell is None:
        return tensors
    return {name: swapped(name, a) if "_ih" in name or "_hh" in name else a for name, a in tensors.items()}


def swap_biases(tensors: Tensors) -> Tensors:
    other = {"bias_ih": "bias_hh", "bias_hh": "bias_ih"}
    return {re.sub("bias_(ih|hh)", lambda m: other[m[0]], name): array for name, array in tensors.items()}


def swap_directions(tensors: Tensors) -> Tensors:
    """Forward weights read backward, backward ones forward."""
    back = {name for name in tensors if name.endswith("_reverse")}

    def renamed(name: str) -> str:
        return (
            name.removesuffix("_reverse") if name in back else name + "_reverse" * (name + "_reverse" in back)
        )

    return {renamed(name): array for name, array in tensors.items()}


FAULTS: dict[str, tuple[Callable[[Tensors], Tensors], str]] = {  # and the cases that they touch
    "gates": (swap_gates, "GRU|LSTM"),
    "biases": (swap_biases, "GRU"),
    "directions": (swap_directions, "_reverse"),
}


def plain_gru(tensors: Tensors, x: np.ndarray, h: np.ndarray, *, before: bool) -> np.ndarray:
    """One layer of GRU with a head, written out; `before`: the reset gate acts on h, not on W h + d."""
    U, W, b, d = (tensors[f"rnn.{name}_l0"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    n_of, outputs = slice(2 * h.shape[1], None), []
    for row in x:
        a, u = row @ U.T + b, h @ W.T + d
        r, z, _ = np.split(1 / (1 + np.exp(-(a + u))), 3, axis=1)
        inner = (r * h) @ W[n_of].T + d[n_of] if before else r * u[:, n_of]
        h = (1 - z) * np.tanh(a[:, n_of] + inner) + z * h
        outputs.append(h @ tensors["head.weight"].T + tensors["head.bias"])
    return np.stack(outputs)
