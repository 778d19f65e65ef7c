"""elman as a user gets it: `elman.train`, with its checks of input and of finite numbers, as it is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from harness import CLIP, RATE, Case
from numpy.typing import NDArray

import elman
from elman import Batch, Network

Array = NDArray[Any]


class Feed:
    """Data for `elman.train` that yields what was put into `batch`."""

    steps_per_epoch = 1 << 30

    def __init__(self) -> None:
        self.batch: Batch | None = None

    def batches(self, seed: int = 0, step: int = 0) -> Iterator[Batch]:
        """Yield the batch of the moment, without end."""
        while True:
            assert self.batch is not None
            yield self.batch


class Elman:
    """A run of training, one step at a time; the threads are those of ELMAN_NUM_THREADS, or of BLAS."""

    def __init__(self, case: Case, start: Array, engine: str = "auto") -> None:
        sizes = {"input_size": case.vocabulary, "output_size": case.vocabulary, "engine": engine}
        network = Network(case.cell, hidden_size=case.hidden_size, dtype=start.dtype.name, **sizes)
        network.parameters.flat[:] = start
        self.parameters, self.gradient = network.parameters.flat, start
        self._feed, self._fresh = Feed(), True
        self._progress = elman.train(
            network,
            self._feed,
            steps=1 << 30,
            optimizer="adam",
            learning_rate=RATE,
            schedule="constant",
            clip=CLIP,
            reduce=self._keep,
        )

    def _keep(self, gradient: Array) -> None:
        self.gradient = gradient  # it is clipped in place after this

    def step(self, x: Array, targets: Array) -> float:
        """Take one training step; return the loss before it."""
        self._feed.batch = Batch(x, targets, fresh=self._fresh)
        self._fresh = False
        return next(self._progress).loss


compiled, reference = (partial(Elman, engine=engine) for engine in ("native", "reference"))
