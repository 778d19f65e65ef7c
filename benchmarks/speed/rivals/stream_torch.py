"""PyTorch: nn.RNNCell, nn.GRUCell or nn.LSTMCell, nn.Linear and softmax, in inference mode.

Also the same as frozen TorchScript, and for Elman's cell a step by hand: a row of Uᵀ, addmm, tanh, addmm.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from harness import Case
from numpy.typing import NDArray

Array = NDArray[Any]

CELLS = {"elman": torch.nn.RNNCell, "gru": torch.nn.GRUCell, "lstm": torch.nn.LSTMCell}


class Layers(torch.nn.Module):
    """One step; the state of an LSTM is a pair."""

    def __init__(self, case: Case, start: Array) -> None:
        super().__init__()
        self.cell = CELLS[case.cell](case.vocabulary, case.hidden_size)
        self.head = torch.nn.Linear(case.hidden_size, case.vocabulary)
        self.register_buffer("unit", torch.eye(case.vocabulary))
        parts = {name: torch.from_numpy(np.array(part)) for name, part in case.split(start).items()}
        of_cell = {"weight_ih": parts["U"], "weight_hh": parts["W"], "bias_ih": parts["b"]}
        of_cell["bias_hh"] = parts.get("d", torch.zeros_like(parts["b"]))
        self.cell.load_state_dict(of_cell)
        self.head.load_state_dict({"weight": parts["V"], "bias": parts["c"]})


class OneState(Layers):
    """A cell that remembers h alone."""

    def forward(self, symbol: int, h: torch.Tensor):
        """Return (probabilities, h)."""
        h = self.cell(self.unit[symbol : symbol + 1], h)
        return torch.softmax(self.head(h), 1), h


class TwoStates(Layers):
    """The LSTM."""

    def forward(self, symbol: int, state: tuple[torch.Tensor, torch.Tensor]):
        """Return (probabilities, (h, memory))."""
        h, s = self.cell(self.unit[symbol : symbol + 1], state)
        return torch.softmax(self.head(h), 1), (h, s)


class Torch:
    """A network and its state."""

    def __init__(self, case: Case, start: Array) -> None:
        self._forward: Any = (TwoStates if case.cell == "lstm" else OneState)(case, start).eval()
        zeros = (torch.zeros(1, case.hidden_size),) * case.states
        self._state: Any = zeros if case.cell == "lstm" else zeros[0]

    def step(self, symbol: int) -> torch.Tensor:
        """Return the probabilities of the next symbol."""
        with torch.inference_mode():
            p, self._state = self._forward(symbol, self._state)
        return p

    def draw(self, p: torch.Tensor) -> int:
        """Return a symbol."""
        return int(torch.multinomial(p, 1))


class ByHand(Torch):
    """Elman's cell without modules."""

    def __init__(self, case: Case, start: Array) -> None:
        U, W, b, V, c = (torch.from_numpy(np.array(part)) for part in case.split(start).values())
        rows, Wt, Vt = (U.T + b)[:, None].contiguous().unbind(), W.t(), V.t()
        self._state = torch.zeros(1, case.hidden_size)

        def forward(symbol: int, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            h = torch.tanh(torch.addmm(rows[symbol], h, Wt))
            return torch.softmax(torch.addmm(c, h, Vt), 1), h

        self._forward = forward


class Frozen(Torch):
    """The same, scripted, frozen and optimized for inference."""

    def __init__(self, case: Case, start: Array) -> None:
        super().__init__(case, start)
        self._forward = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.script(self._forward)))


make, frozen, by_hand = Torch, Frozen, ByHand
