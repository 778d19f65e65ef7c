"""A fair contest: answers are compared before any time is told, and rivals alternate within one run.

A round lets every rival take one block of steps, one rival after the other: what slows the machine for a
while slows all.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice, pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Batches = Sequence[tuple[Array, Array]]  # (x, targets), "T B" symbols each; the state flows on

RATE, BETAS, EPSILON, CLIP = 4e-3, (0.9, 0.99), 1e-8, 1.0  # Adam and the largest norm of a gradient
COMPARED = 3  # steps taken before answers are compared
# loss in nats; gradients: of a tensor's largest entry; parameters: of a tensor's norm. After the first step
# rivals drift apart: Adam divides what is almost zero by what is almost zero. Largest seen in the comment.
TOLERANCE = {
    "loss": 1e-4,  # 4e-6
    "first gradient": 1e-5,  # 2e-6
    "last gradient": 1e-3,  # 9e-5
    "parameters": 1e-4,  # 3e-5
}
BLOCK = 0.15  # seconds that a rival runs before the next one has its turn
PAUSE = 0.05  # seconds after a block: threads that wait for more work have gone to sleep


GATES = {"elman": 1, "gru": 3, "lstm": 4}  # in PyTorch's order: r z n, i f g o


@dataclass(frozen=True)
class Case:
    """A cell, the sizes of its network and of its batches."""

    vocabulary: int
    hidden_size: int
    batch_size: int
    seq_length: int
    cell: str = "elman"

    def __str__(self) -> str:
        return f"V={self.vocabulary}, H={self.hidden_size}, B={self.batch_size}, T={self.seq_length}"

    @property
    def flop(self) -> int:
        """Of a training step: 6 G H² + 4 H V a token, for a symbol costs no product."""
        a_token = 6 * GATES[self.cell] * self.hidden_size**2 + 4 * self.hidden_size * self.vocabulary
        return a_token * self.batch_size * self.seq_length

    @property
    def states(self) -> int:
        """How many arrays "B H" the cell remembers: h, and the memory of the LSTM."""
        return 2 if self.cell == "lstm" else 1

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of the tensors, in the order that all rivals use; the GRU's W h has a bias of its own, d."""
        n_v, n_h, n_g = self.vocabulary, self.hidden_size, GATES[self.cell] * self.hidden_size
        layer = {"U": (n_g, n_v), "W": (n_g, n_h), "b": (n_g,)}
        own = {"d": (n_g,)} if self.cell == "gru" else {}
        return {**layer, **own, "V": (n_v, n_h), "c": (n_v,)}

    def split(self, flat: Array) -> dict[str, Array]:
        """Cut a flat vector into its tensors, views."""
        ends = np.cumsum([0, *map(math.prod, self.shapes.values())])
        return {
            name: flat[begin:end].reshape(shape)
            for (name, shape), (begin, end) in zip(self.shapes.items(), pairwise(ends), strict=True)
        }


class Rival(Protocol):
    """What the file of a rival makes by `make(case, start)`; start are the flat parameters."""

    @property
    def parameters(self) -> Array:
        """All of them, flat."""

    @property
    def gradient(self) -> Array:
        """That of the last step, clipped, flat."""

    def step(self, x: Array, targets: Array) -> float:
        """Take one training step; return the loss before it, in nats."""


@dataclass(frozen=True)
class Answers:
    """What must be equal, to rounding."""

    losses: list[float]
    tensors: Mapping[str, Array]  # flat, by what they are


@dataclass(frozen=True)
class Block:
    """The time of one step, in seconds: on the clock, and of all the process's threads."""

    wall: float
    cpu: float


class Disagreement(Exception):
    """Rivals do not compute the same: their times mean nothing."""


class Player:
    """A rival with the batches it is to learn."""

    def __init__(self, rival: Rival, batches: Batches) -> None:
        self._rival, self._compared, self._endless = rival, batches[:COMPARED], cycle(batches)
        self._steps = 0

    def answers(self) -> Answers:
        """Take the first steps and show the results."""
        first, *others = self._compared
        losses = [self._rival.step(*first)]
        tensors = {"first gradient": self._rival.gradient.copy()}
        losses += [self._rival.step(*batch) for batch in others]
        tensors |= {"last gradient": self._rival.gradient.copy(), "parameters": self._rival.parameters.copy()}
        return Answers(losses, tensors)

    def block(self) -> Block:
        """Take steps for about BLOCK seconds."""
        if not self._steps:
            self._take(2)
            self._steps = max(1, round(BLOCK / max(self._take(3).wall, 1e-6)))
        self._take(1)
        return self._take(self._steps)

    def _take(self, steps: int) -> Block:
        cpu, wall = time.process_time(), time.perf_counter()
        for batch in islice(self._endless, steps):
            self._rival.step(*batch)
        return Block((time.perf_counter() - wall) / steps, (time.process_time() - cpu) / steps)


def check(case: Case, answers: Mapping[str, Answers]) -> dict[str, float]:
    """Return the largest error of each kind; raise Disagreement when one is beyond TOLERANCE."""
    (first, expected), *others = answers.items()
    worst = dict.fromkeys(TOLERANCE, 0.0)
    for name, got in others:
        errors = {("loss", ""): float(np.abs(np.subtract(got.losses, expected.losses)).max())}
        for kind, tensors in expected.tensors.items():
            size = np.linalg.norm if kind == "parameters" else _largest
            ours, theirs = case.split(tensors), case.split(got.tensors[kind])
            errors |= {(kind, f" of {k}"): float(size(theirs[k] - ours[k]) / size(ours[k])) for k in ours}
        for (kind, part), error in errors.items():
            if not error <= TOLERANCE[kind]:  # NaN, too
                raise Disagreement(f"{case}: {kind}{part} of {name} differs from {first} by {error:.1e}")
            worst[kind] = max(worst[kind], error)
    return worst


def _largest(tensor: Array) -> Any:
    return np.abs(tensor).max()


def contest(players: Mapping[str, Any], rounds: int) -> dict[str, list[Block]]:
    """Let the players take blocks in turn, A B C A B C …"""
    blocks: dict[str, list[Block]] = {name: [] for name in players}
    for number in range(rounds + 1):
        for name, player in players.items():
            block = player.block()
            time.sleep(PAUSE)
            if number:  # the first round warms up
                blocks[name].append(block)
    return blocks
