"""PyTorch: nn.RNN, nn.Linear, cross_entropy, clip_grad_norm_ and the fused Adam, or the loop by hand.

The fastest forms that were found for the same mathematics. nn.RNN has a second bias, which is kept at zero.
Its input is one-hot, looked up in a unit matrix (F.one_hot takes the same time). The loop by hand gathers and
calls addmm and tanh for each step: 5 to 10 % faster than nn.RNN on one thread.
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


class Torch:
    """A network and its optimizer; the threads are those of OMP_NUM_THREADS."""

    def __init__(self, case: Case, start: Array, *, by_hand: bool = False) -> None:
        self._rnn = torch.nn.RNN(case.vocabulary, case.hidden_size)
        self._head = torch.nn.Linear(case.hidden_size, case.vocabulary)
        self._rnn.bias_hh_l0.requires_grad_(False).zero_()
        rnn, head = self._rnn, self._head
        self._trained = [rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0, head.weight, head.bias]
        with torch.no_grad():
            for p, part in zip(self._trained, case.split(start).values(), strict=True):
                p.copy_(torch.from_numpy(part))
        self._optimizer = torch.optim.Adam(self._trained, lr=RATE, betas=BETAS, eps=EPSILON, fused=True)
        self._state = torch.zeros(1, case.batch_size, case.hidden_size)
        self._unit = torch.eye(case.vocabulary)
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
        h = self._run(torch.from_numpy(x))
        self._state = h[-1:].detach()
        loss = F.cross_entropy(self._head(h).flatten(0, 1), torch.from_numpy(targets).flatten())
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._trained, CLIP)
        self._optimizer.step()
        return loss.item()

    def _layer(self, x: torch.Tensor) -> torch.Tensor:
        return self._rnn(self._unit[x], self._state)[0]

    def _loop(self, x: torch.Tensor) -> torch.Tensor:
        U, W, b = self._trained[:3]
        h, states, Wt = self._state[0], [], W.t()
        for a in (F.embedding(x, U.t()) + b).unbind():
            h = torch.tanh(torch.addmm(a, h, Wt))
            states.append(h)
        return torch.stack(states)


make = Torch
make_by_hand = partial(Torch, by_hand=True)
