"""PyTorch: nn.RNN, nn.GRU, nn.LSTM and their cells, nn.Embedding in front and nn.Linear behind, both ways.

    from_torch, to_torch, state_to_torch, state_from_torch      live modules and their states; need torch
    from_state_dict                                             .safetensors, or .pt, which needs torch
    export, read, check                                         what `elman export` and `elman import` call

Time comes first, as in modules without batch_first; one with it has the same weights and is read alike.
What else differs, names and two biases where one is enough, is said in `weights`.
"""

from __future__ import annotations

from .exporting import export, state_to_torch, to_torch
from .importing import check, from_state_dict, from_torch, read
from .live import state_from_torch

__all__ = [
    "check",
    "export",
    "from_state_dict",
    "from_torch",
    "read",
    "state_from_torch",
    "state_to_torch",
    "to_torch",
]
