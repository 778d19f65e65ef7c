"""Ask PyTorch what its nn.RNN answers, and keep the answers: python make_torch_rnn.py (needs torch).

Inputs are multiples of 1/64: exact in float32 and float64, and short as text. Nothing of elman is imported.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

PATH = Path(__file__).with_name("torch_rnn.json")
SIZES = ("T", "B", "input_size", "hidden_size", "output_size")
CONFIGURATIONS = [  # activation, layers, dense, lengths, sizes
    ("tanh", 1, True, None, (6, 3, 2, 5, 4)),
    ("tanh", 2, False, None, (5, 3, 6, 4, 7)),
    ("tanh", 3, True, (2, 5, 4, 1), (5, 4, 3, 6, 2)),
    ("tanh", 1, False, (1, 4, 6, 3), (6, 4, 5, 7, 3)),
    ("relu", 1, False, None, (7, 2, 4, 5, 3)),
    ("relu", 2, True, (3, 1, 5, 4), (5, 4, 2, 6, 3)),
    ("relu", 3, False, (4, 2, 3), (4, 3, 5, 4, 2)),
]


def draw(
    generator: np.random.Generator,
    activation: str,
    layers: int,
    dense: bool,
    lengths: tuple[int, ...] | None,
    sizes: tuple[int, ...],
) -> dict[str, Any]:
    """Draw parameters, inputs and a gradient of the final state."""
    T, B, I, H, O = sizes

    def normal(*shape: int, scale: float = 1.0) -> list[Any]:
        return (np.round(generator.standard_normal(shape) * scale * 64) / 64).tolist()

    shapes = {f"layers.{k}.{name}": shape for k in range(layers) for name, shape in _layer(k, I, H).items()}
    shapes |= {"head.V": (O, H), "head.c": (O,)}
    given = {
        "x": normal(T, B, I) if dense else generator.integers(0, I, (T, B)).tolist(),
        "targets": generator.integers(0, O, (T, B)).tolist(),
        "state": normal(layers, B, H),
        "dstate": normal(layers, B, H),
    }
    if lengths is not None:
        given["lengths"] = list(lengths)
    return {
        "sizes": dict(zip(SIZES[2:], sizes[2:], strict=True))
        | {"num_layers": layers, "activation": activation},
        "parameters": {name: normal(*shape, scale=min(0.5, H**-0.5)) for name, shape in shapes.items()},
        "given": given,
    }


def _layer(k: int, I: int, H: int) -> dict[str, tuple[int, ...]]:
    return {"U": (H, H if k else I), "W": (H, H), "b": (H,)}


def answer(question: dict[str, Any], dtype: str = "float64") -> dict[str, Any]:
    """Return PyTorch's loss, outputs, final state and gradients, as nested lists.

    The objective is the mean cross-entropy over true steps, and the sum of the final state times dstate.
    """
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    sizes, given, real = question["sizes"], question["given"], getattr(torch, dtype)
    rnn, head = _modules(torch, sizes, real)
    weights = _weights(rnn, head, sizes["num_layers"])
    for name, weight in weights.items():
        weight.data[:] = torch.tensor(question["parameters"][name], dtype=real)
    x = torch.tensor(given["x"])
    x = x.to(real) if x.ndim == 3 else torch.nn.functional.one_hot(x, sizes["input_size"]).to(real)
    start = torch.tensor(given["state"], dtype=real, requires_grad=True)
    steps, lengths = len(x), given.get("lengths", [len(x)] * x.shape[1])
    packed, finish = rnn(pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False), start)
    h, _ = pad_packed_sequence(packed, total_length=steps)
    inside = torch.arange(steps)[:, None] < torch.tensor(lengths)
    y = head(h) * inside[..., None]
    loss = torch.nn.functional.cross_entropy(y[inside], torch.tensor(given["targets"])[inside])
    (loss + (finish * torch.tensor(given["dstate"], dtype=real)).sum()).backward()
    answers = {"y": y, "loss": loss, "state": finish, "dstart": start.grad}
    answers |= {f"d{name}": weight.grad for name, weight in weights.items()}
    return {name: value.detach().tolist() for name, value in answers.items()}


def _modules(torch: Any, sizes: dict[str, Any], real: Any) -> tuple[Any, Any]:
    """Return nn.RNN and nn.Linear; the second of PyTorch's two biases is zero."""
    I, H, O = (sizes[name] for name in SIZES[2:])
    rnn = torch.nn.RNN(I, H, sizes["num_layers"], nonlinearity=sizes["activation"], dtype=real)
    for k in range(sizes["num_layers"]):
        getattr(rnn, f"bias_hh_l{k}").data.zero_()
    return rnn, torch.nn.Linear(H, O, dtype=real)


def _weights(rnn: Any, head: Any, layers: int) -> dict[str, Any]:
    weights = {}
    for k in range(layers):
        for letter, name in (("U", "weight_ih"), ("W", "weight_hh"), ("b", "bias_ih")):
            weights[f"layers.{k}.{letter}"] = getattr(rnn, f"{name}_l{k}")
    return weights | {"head.V": head.weight, "head.c": head.bias}


def main() -> None:
    import torch

    generator = np.random.default_rng(1990)
    questions = [draw(generator, *configuration) for configuration in CONFIGURATIONS]
    cases = [json.dumps(question | {"expected": answer(question)}) for question in questions]
    PATH.write_text(f'{{"torch": "{torch.__version__}", "cases": [\n' + ",\n".join(cases) + "\n]}\n")


if __name__ == "__main__":
    main()
