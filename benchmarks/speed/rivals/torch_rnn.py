"""PyTorch: nn.RNN, nn.GRU or nn.LSTM, nn.Linear, cross_entropy, clip_grad_norm_ and the fused Adam.

The fastest forms that were found for the same mathematics. nn.RNN and nn.LSTM have a second bias, which is
kept at zero. The input is one-hot, looked up in a unit matrix (F.one_hot takes the same time). For the Elman
cell there is a loop by hand, too, which gathers and calls addmm and tanh for each step: 5 to 10 % faster than
nn.RNN on one thread. For the others there is none: it was no faster than nn.GRU and far slower than nn.LSTM.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from harness import BETAS, CLIP, EPSILON, RATE, Case
from numpy.typing import NDArray

Array = NDArray[Any]
Tensors = tuple[torch.Tensor, ...]

LAYERS = {"elman": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}


class Torch:
    """A network and its optimizer; the threads are those of OMP_NUM_THREADS."""

    def __init__(self, case: Case, start: Array, *, by_hand: bool = False) -> None:
        self._cell, dtype = case.cell, torch.from_numpy(start).dtype
        self._rnn = LAYERS[case.cell](case.vocabulary, case.hidden_size, dtype=dtype)
        self._head = torch.nn.Linear(case.hidden_size, case.vocabulary, dtype=dtype)
        rnn, head = self._rnn, self._head
        layer = [rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0]
        if case.cell == "gru":
            layer.append(rnn.bias_hh_l0)
        else:
            rnn.bias_hh_l0.requires_grad_(False).zero_()
        self._trained = [*layer, head.weight, head.bias]
        with torch.no_grad():
            for p, part in zip(self._trained, case.split(start).values(), strict=True):
                p.copy_(torch.from_numpy(part))
        self._optimizer = torch.optim.Adam(self._trained, lr=RATE, betas=BETAS, eps=EPSILON, fused=True)
        zeros = torch.zeros(case.states, 1, case.batch_size, case.hidden_size, dtype=dtype)
        self._state: Tensors = zeros.unbind()
        self._unit = torch.eye(case.vocabulary, dtype=dtype)
        self._run = self._loop if by_hand else self._layer

    @property
    def parameters(self) -> Array:
        """The flat parameters."""
        return np.concatenate([p.detach().numpy().ravel() for p in self._trained])

    @property
    def gradient(self) -> Array:
        """The last gradient as the optimizer got it, clipped."""
        return np.concatenate([p.grad.numpy().ravel() for p in self._trained])

    def step(self, x: Array, targets: Array) -> float:
        """Take one training step; return the loss before it."""
        h, state = self._run(torch.from_numpy(x))
        self._state = tuple(s.detach() for s in state)
        loss = F.cross_entropy(self._head(h).flatten(0, 1), torch.from_numpy(targets).flatten())
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._trained, CLIP)
        self._optimizer.step()
        return loss.item()

    def _layer(self, x: torch.Tensor) -> tuple[torch.Tensor, Tensors]:
        lstm = self._cell == "lstm"
        h, state = self._rnn(self._unit[x], self._state if lstm else self._state[0])
        return h, state if lstm else (state,)

    def _loop(self, x: torch.Tensor) -> tuple[torch.Tensor, Tensors]:
        U, W, b = self._trained[:3]
        h, states, Wt = self._state[0][0], [], W.t()
        for a in (F.embedding(x, U.t()) + b).unbind():
            h = torch.tanh(torch.addmm(a, h, Wt))
            states.append(h)
        return torch.stack(states), (h[None],)


make = Torch
make_by_hand = partial(Torch, by_hand=True)
