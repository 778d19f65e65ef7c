"""Task 7: the adding problem, two marked numbers among hundreds are to be added.

Source: Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; drawn as in Bai et al. 2018,
arXiv:1803.01271, whose table 1 has the published number, that of a GRU at T = 600: values from U[0, 1], a
mask with two ones anywhere, the target their sum, the loss the squared error. To say 1 always costs 1/6.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from fitting import Array, Fresh, fit
from suite import Contender, Metric, Score, Task

from elman import Batch, Network

TESTED, BATCH, HIDDEN = 1_000, 50, 64
SHORTEST, GROWTH = 10, 0.6  # of the sequences, and the part of the run in which they grow
TEST_SEED = 1_000_000  # of the test part: the same for all


def draw(random: np.random.Generator, steps: int, count: int) -> tuple[Array, Array]:
    """Return (x "T B 2": values and mask, targets "B 1")."""
    values = random.random((steps, count))
    places = np.argsort(random.random((steps, count)), axis=0)[:2]
    mask = np.zeros((steps, count))
    np.put_along_axis(mask, places, 1, axis=0)
    return np.stack([values, mask], axis=-1), (values * mask).sum(axis=0)[:, None]


@dataclass(frozen=True)
class Sums:
    """Test sequences for each length."""

    tests: dict[int, tuple[Array, Array]]


def load(folder: Path | None, seed: int) -> Sums:
    tests = {600: draw(np.random.default_rng(TEST_SEED), 600, TESTED)}
    return Sums(tests)


def baselines(sums: Sums) -> dict[str, float]:
    return {f"always 1, T={steps}": float(np.square(1 - y).mean()) for steps, (_, y) in sums.tests.items()}


def remember(network: Network, steps: int, seed: int) -> None:
    """Spread the times over which the units of a GRU forget from 1 to T: b_z = ln U(1, T - 1).

    Source: Tallec & Ollivier 2018, arXiv:1804.11188.
    """
    size = network.spec.hidden_size
    times = np.random.default_rng(seed).uniform(1, steps - 1, size)
    network.parameters["layers.0.b"][size : 2 * size] = np.log(times)


def length_at(fraction: float, steps: int) -> int:
    """Return how long sequences are: from 10 to `steps` in a geometric course over 0.6 of the run."""
    return math.ceil(SHORTEST * (steps / SHORTEST) ** min(1.0, fraction / GROWTH))


def train(sums: Sums, seed: int, *, steps: int, updates: int = 6_000, rate: float = 1e-2) -> Score:
    network = Network(
        "gru", input_size=2, hidden_size=HIDDEN, output_size=1, readout="last", head="squared", seed=seed
    )
    remember(network, steps, seed)

    def batch(random: np.random.Generator, step: int) -> Batch:
        return Batch(*draw(random, length_at(step / updates, steps), BATCH), per_sequence=True)

    fit(network, Fresh(batch), steps=updates, learning_rate=rate, seed=seed)
    x, targets = sums.tests[steps]
    return Score(float(np.square(network.run(x)[0] - targets).mean()), TESTED)


TASK = Task(
    title="Adding problem",
    split=f"Drawn anew at every step; {TESTED:,} fresh sequences to test.",
    symbols="none, a value and a mark a step",
    counted="sequences",
    metric=Metric("squared error", digits=7),
    load=load,
    baselines=baselines,
    contenders=(Contender("GRU 64, T=600", partial(train, steps=600), 5.3e-5, "GRU"),),
    remarks="Other than published: sequences grow from 10 to T steps over the first 0.6 of the run, the "
    "biases of the update gate are drawn for memories of 1 to T steps, and the rate falls along a cosine.",
)
