"""Ask PyTorch what its nn.RNN, nn.GRU and nn.LSTM answer: python make_torch_rnn.py (needs torch).

Inputs are multiples of 1/64: exact in float32 and float64, and short as text. Nothing of elman is imported.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

PATH = Path(__file__).with_name("torch_rnn.json")
SIZES = ("T", "B", "input_size", "hidden_size", "output_size")
GATES = {"elman": 1, "gru": 3, "lstm": 4}
STATES = {"elman": 1, "gru": 1, "lstm": 2}
CONFIGURATIONS: list[dict[str, Any]] = [
    {"cell": "tanh", "layers": 1, "sizes": (6, 3, 2, 5, 4)},
    {"cell": "tanh", "layers": 2, "sizes": (5, 3, 6, 4, 7), "dense": False},
    {"cell": "tanh", "layers": 3, "sizes": (5, 4, 3, 6, 2), "lengths": (2, 5, 4, 1)},
    {"cell": "tanh", "layers": 1, "sizes": (6, 4, 5, 7, 3), "lengths": (1, 4, 6, 3), "dense": False},
    {"cell": "relu", "layers": 1, "sizes": (7, 2, 4, 5, 3), "dense": False},
    {"cell": "relu", "layers": 2, "sizes": (5, 4, 2, 6, 3), "lengths": (3, 1, 5, 4)},
    {"cell": "relu", "layers": 3, "sizes": (4, 3, 5, 4, 2), "lengths": (4, 2, 3), "dense": False},
    {"cell": "gru", "layers": 1, "sizes": (6, 3, 2, 5, 4)},
    {"cell": "gru", "layers": 2, "sizes": (5, 4, 6, 3, 2), "lengths": (3, 1, 5, 4), "dense": False},
    {"cell": "lstm", "layers": 1, "sizes": (6, 3, 2, 5, 4)},
    {"cell": "lstm", "layers": 2, "sizes": (5, 4, 6, 3, 2), "lengths": (3, 1, 5, 4), "dense": False},
    {"cell": "tanh", "layers": 2, "sizes": (5, 4, 2, 3, 6), "lengths": (2, 5, 1, 4), "both": True},
    {"cell": "relu", "layers": 1, "sizes": (4, 3, 5, 4, 2), "dense": False, "both": True},
    {"cell": "gru", "layers": 1, "sizes": (5, 4, 2, 3, 6), "lengths": (2, 5, 1, 4), "both": True},
    {"cell": "gru", "layers": 2, "sizes": (4, 3, 5, 4, 2), "dense": False, "both": True},
    {"cell": "lstm", "layers": 1, "sizes": (4, 3, 5, 4, 2), "dense": False, "both": True},
    {"cell": "lstm", "layers": 2, "sizes": (5, 4, 2, 3, 6), "lengths": (2, 5, 1, 4), "both": True},
]


def draw(
    generator: np.random.Generator,
    *,
    cell: str,
    layers: int,
    sizes: tuple[int, ...],
    dense: bool = True,
    lengths: tuple[int, ...] | None = None,
    both: bool = False,
) -> dict[str, Any]:
    """Draw parameters, inputs and a gradient of the final state; the cells tanh and relu are Elman's."""
    T, B, I, H, O = sizes
    name, activation = (cell, "tanh") if cell in GATES else ("elman", cell)
    places = [f"layers.{k}{way}" for k in range(layers) for way in ("", ".reverse")[: 1 + both]]

    def normal(*shape: int, scale: float = 1.0) -> list[Any]:
        return (np.round(generator.standard_normal(shape) * scale * 64) / 64).tolist()

    shapes = {}
    for k, place in enumerate(places):
        reads = I if k <= both else (1 + both) * H
        shapes |= {f"{place}.{letter}": shape for letter, shape in _layer(name, reads, H).items()}
    shapes |= {"head.V": (O, (1 + both) * H), "head.c": (O,)}
    given = {
        "x": normal(T, B, I) if dense else generator.integers(0, I, (T, B)).tolist(),
        "targets": generator.integers(0, O, (T, B)).tolist(),
        "state": normal(STATES[name], len(places), B, H),
        "dstate": normal(STATES[name], len(places), B, H),
    }
    if lengths is not None:
        given["lengths"] = list(lengths)
    kind = {"cell": name, "activation": activation, "num_layers": layers, "bidirectional": both}
    return {
        "sizes": kind | dict(zip(SIZES[2:], sizes[2:], strict=True)),
        "parameters": {name: normal(*shape, scale=min(0.5, H**-0.5)) for name, shape in shapes.items()},
        "given": given,
    }


def _layer(cell: str, reads: int, hidden: int) -> dict[str, tuple[int, ...]]:
    rows = GATES[cell] * hidden
    second = {"d": (rows,)} if cell == "gru" else {}
    return {"U": (rows, reads), "W": (rows, hidden), "b": (rows,)} | second


def answer(question: dict[str, Any], dtype: str = "float64") -> dict[str, Any]:
    """Return PyTorch's loss, outputs, final state and gradients, as nested lists.

    The objective is the mean cross-entropy over true steps, and the sum of the final state times dstate.
    """
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    given, real = question["given"], getattr(torch, dtype)
    rnn, head = _modules(torch, question["sizes"], real)
    weights = _weights(rnn, head, question["sizes"])
    for name, weight in weights.items():
        weight.data[:] = torch.tensor(question["parameters"][name], dtype=real)
    x = torch.tensor(given["x"])
    x = x.to(real) if x.ndim == 3 else torch.nn.functional.one_hot(x, rnn.input_size).to(real)
    start = torch.tensor(given["state"], dtype=real, requires_grad=True)  # S × P × B × H
    steps, lengths = len(x), given.get("lengths", [len(x)] * x.shape[1])
    packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
    packed, finish = rnn(packed, tuple(start) if len(start) > 1 else start[0])
    finish = torch.stack(finish) if len(start) > 1 else finish[None]
    h, _ = pad_packed_sequence(packed, total_length=steps)
    inside = torch.arange(steps)[:, None] < torch.tensor(lengths)
    y = head(h) * inside[..., None]
    loss = torch.nn.functional.cross_entropy(y[inside], torch.tensor(given["targets"])[inside])
    (loss + (finish * torch.tensor(given["dstate"], dtype=real)).sum()).backward()
    answers = {"y": y, "loss": loss, "state": finish, "dstart": start.grad}
    answers |= {f"d{name}": weight.grad for name, weight in weights.items()}
    return {name: value.detach().tolist() for name, value in answers.items()}


def _modules(torch: Any, sizes: dict[str, Any], real: Any) -> tuple[Any, Any]:
    """Return the layers and nn.Linear; but for nn.GRU, the second of PyTorch's two biases is zero."""
    I, H, O = (sizes[name] for name in SIZES[2:])
    options = {"bidirectional": sizes["bidirectional"], "dtype": real}
    if sizes["cell"] == "elman":
        rnn = torch.nn.RNN(I, H, sizes["num_layers"], nonlinearity=sizes["activation"], **options)
    else:
        rnn = getattr(torch.nn, sizes["cell"].upper())(I, H, sizes["num_layers"], **options)
    for name, weight in rnn.named_parameters():
        if name.startswith("bias_hh"):
            weight.data.zero_()
    return rnn, torch.nn.Linear((1 + sizes["bidirectional"]) * H, O, dtype=real)


def _weights(rnn: Any, head: Any, sizes: dict[str, Any]) -> dict[str, Any]:
    letters = {"U": "weight_ih", "W": "weight_hh", "b": "bias_ih"}
    letters |= {"d": "bias_hh"} if sizes["cell"] == "gru" else {}
    weights = {}
    for k in range(sizes["num_layers"]):
        for way in ("", "_reverse")[: 1 + sizes["bidirectional"]]:
            place = f"layers.{k}{way.replace('_', '.')}"
            weights |= {
                f"{place}.{ours}": getattr(rnn, f"{name}_l{k}{way}") for ours, name in letters.items()
            }
    return weights | {"head.V": head.weight, "head.c": head.bias}


def main() -> None:
    import torch

    generator = np.random.default_rng(1990)
    questions = [draw(generator, **configuration) for configuration in CONFIGURATIONS]
    cases = [json.dumps(question | {"expected": answer(question)}) for question in questions]
    PATH.write_text(f'{{"torch": "{torch.__version__}", "cases": [\n' + ",\n".join(cases) + "\n]}\n")


if __name__ == "__main__":
    main()
