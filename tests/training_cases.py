"""What the tests of training share: small data and networks, and what a run tells and consists of."""

from __future__ import annotations

import copy
from itertools import islice
from typing import Any

import numpy as np
import pytest

from elman import Network, Progress, Training, train
from elman.data import Data, Lines, Streams
from elman.optimizers import Optimizer

SYMBOLS = np.random.default_rng(1).integers(0, 5, 260)
LINE_ENDS = [0, 30, 31, 50, 53, 90, 99, 140, 180, 195, 259]  # the longest line takes several windows
SYMBOLS[LINE_ENDS] = 0
SYMBOLS.setflags(write=False)


def streams() -> Streams:
    return Streams(SYMBOLS, batch_size=3, seq_length=10)


def lines() -> Lines:
    return Lines(SYMBOLS, end=0, batch_size=4, seq_length=8)


either_data = pytest.mark.parametrize("data", [streams(), lines()], ids=["streams", "lines"])


def small(dtype: str = "float64", **options: Any) -> Network:
    return Network(input_size=5, hidden_size=6, output_size=5, dtype=dtype, **options)


def take(network: Network, data: Data, count: int, **options: Any) -> list[Progress]:
    return list(islice(train(network, data, **{"steps": 1000} | options), count))


def told(progress: Progress) -> dict[str, Any]:
    """What a step tells, but for the clock."""
    hidden = {"training", "seconds", "symbols_per_second"}
    return {name: value for name, value in vars(progress).items() if name not in hidden}


def snapshot(network: Network, run: Training) -> dict[str, Any]:
    """All that a run consists of, by bytes."""
    facts = {name: value for name, value in vars(run).items() if name != "seconds"}
    facts |= {"memory": run.memory.tobytes(), "best": None if run.best is None else run.best.tobytes()}
    facts["hidden"] = None if run.hidden is None else [s.tobytes() for layer in run.hidden for s in layer]
    return copy.deepcopy(facts) | {"parameters": network.parameters.flat.tobytes()}


def keeping(kept: list[np.ndarray]) -> Optimizer:
    """An optimizer that moves nothing and keeps the gradients it is given."""

    def update(x: np.ndarray, g: np.ndarray, memory: np.ndarray, t: int, rate: float) -> None:
        kept.append(g.copy())

    return Optimizer("keeping", update, 1, 1.0)
