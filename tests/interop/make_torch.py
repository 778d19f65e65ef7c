"""Ask PyTorch what its modules answer: python make_torch.py (needs torch and safetensors).

Writes goldens/torch.json. Weights and input are multiples of 1/64: exact in both types, and short as text.
Nothing of elman is imported. States lie as "layer and direction, state, B, H".
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

PATH = Path(__file__).with_name("goldens") / "torch.json"
T, B = 5, 3
STACKED: list[dict[str, Any]] = [
    {"module": "RNN", "options": {"nonlinearity": "tanh"}},
    {"module": "RNN", "options": {"nonlinearity": "relu", "num_layers": 2, "bidirectional": True}},
    {"module": "RNN", "options": {"nonlinearity": "tanh", "bias": False}, "embedding": 4},
    {"module": "GRU", "options": {}},
    {"module": "GRU", "options": {"num_layers": 2}, "embedding": 4},
    {"module": "GRU", "options": {"num_layers": 2, "bidirectional": True}, "lengths": [5, 1, 3]},
    {"module": "GRU", "options": {"bias": False}, "lengths": [2, 5, 4]},
    {"module": "LSTM", "options": {}},
    {"module": "LSTM", "options": {"num_layers": 3}, "lengths": [4, 5, 1]},
    {"module": "LSTM", "options": {"num_layers": 2, "bidirectional": True}, "embedding": 4},
]
CELLS = [("RNNCell", "tanh"), ("RNNCell", "relu"), ("GRUCell", None), ("LSTMCell", None)]


def exact(tensor: torch.Tensor) -> None:
    """Round to multiples of 1/64."""
    tensor.copy_(torch.round(tensor * 64) / 64)


def randomized(module: nn.Module) -> nn.Module:
    with torch.no_grad():
        for parameter in module.parameters():
            exact(parameter.normal_(0, 0.5))
    return module.double().eval()


def drawn(*shape: int) -> torch.Tensor:
    numbers = torch.randn(*shape, dtype=torch.float64)
    exact(numbers)
    return numbers


def told(parts: nn.Module) -> dict[str, Any]:
    return {name: tensor.tolist() for name, tensor in parts.state_dict().items()}


def stacked(case: dict[str, Any]) -> dict[str, Any]:
    """The answer of nn.RNN, nn.GRU or nn.LSTM: whole, with lengths, from a random state."""
    reads, hidden, options, size = 3, 4, case["options"], case.get("embedding")
    rnn = getattr(nn, case["module"])(size or reads, hidden, **options)
    directions = 1 + options.get("bidirectional", False)
    parts = {"rnn": rnn, "head": nn.Linear(hidden * directions, 2)}
    if size:
        parts["embedding"] = nn.Embedding(6, size)
    randomized(net := nn.ModuleDict(parts))
    x = torch.randint(6, (T, B)) if size else drawn(T, B, reads)
    places, names = directions * options.get("num_layers", 1), 1 + (case["module"] == "LSTM")
    start = [drawn(places, B, hidden) for _ in range(names)]
    inputs = net["embedding"](x) if size else x
    if lengths := case.get("lengths"):
        inputs = pack_padded_sequence(inputs, torch.tensor(lengths), enforce_sorted=False)
    h, after = rnn(inputs, tuple(start) if names > 1 else start[0])
    if lengths:
        h, _ = pad_packed_sequence(h)
    past = torch.arange(T)[:, None] >= torch.tensor(lengths or [T] * B)
    after = after if names > 1 else (after,)
    answer = {
        "x": x,
        "start": torch.stack(start, 1),
        "y": net["head"](h).masked_fill(past[..., None], 0),
        "after": torch.stack(after, 1),
    }
    return {
        "activation": options.get("nonlinearity"),
        "lengths": lengths,
        "tensors": told(net),
        **{name: tensor.tolist() for name, tensor in answer.items()},
    }


def cells(name: str, nonlinearity: str | None) -> dict[str, Any]:
    """The answer of two cells of unequal size, one on the other, step by step; no head."""
    options = {"nonlinearity": nonlinearity} if nonlinearity else {}
    net = randomized(nn.ModuleList([getattr(nn, name)(3, 5, **options), getattr(nn, name)(5, 2, **options)]))
    x, lstm, y = drawn(T, B, 3), name == "LSTMCell", []
    start = [[drawn(B, width) for _ in range(1 + lstm)] for width in (5, 2)]
    states = [tuple(place) for place in start]
    for h in x:
        for k, cell in enumerate(net):
            after = cell(h, states[k] if lstm else states[k][0])
            states[k] = after if lstm else (after,)
            h = states[k][0]
        y.append(h)
    return {
        "activation": nonlinearity,
        "lengths": None,
        "tensors": {f"cells.{key}": value for key, value in told(net).items()},
        "x": x.tolist(),
        "start": [[s.tolist() for s in place] for place in start],
        "y": torch.stack(y).tolist(),
        "after": [[s.tolist() for s in place] for place in states],
    }


def main() -> None:
    torch.manual_seed(6)
    with torch.no_grad():
        cases = [stacked(case) for case in STACKED] + [cells(*case) for case in CELLS]
    plain = {"weight_ih_l0": torch.ones(6, 1), "weight_hh_l0": torch.ones(6, 2)}
    files = {
        name: base64.b64encode(safetensors.torch.save(plain, metadata)).decode()
        for name, metadata in (("bare", None), ("told", {"format": "pt", "note": "ü"}))
    }
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    PATH.write_text(f'{{"torch":"{torch.__version__}","files":{json.dumps(files)},"cases":[\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
