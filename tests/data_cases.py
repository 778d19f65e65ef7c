"""What the tests of streams and lines share: epochs as lists, and the law of their order."""

from __future__ import annotations

from itertools import islice

import numpy as np
from hypothesis import strategies as st

from elman.data import Batch, Data

SIZES = {"batch_size": st.integers(1, 5), "seq_length": st.integers(1, 7)}


def take(data: Data, count: int, seed: int = 0, step: int = 0) -> list[Batch]:
    return list(islice(data.batches(seed, step), count))


def epoch(data: Data, number: int = 0, seed: int = 0) -> list[Batch]:
    return take(data, data.steps_per_epoch, seed, number * data.steps_per_epoch)


def same(one: Batch, other: Batch) -> bool:
    pairs = [
        (one.x, other.x),
        (one.targets, other.targets),
        (one.lengths, other.lengths),
        (one.rows, other.rows),
    ]
    return one.fresh == other.fresh and all(np.array_equal(a, b) for a, b in pairs)


def assert_order_depends_on_seed_and_step_alone(data: Data, seed: int, step: int) -> None:
    whole = take(data, step + 2 * data.steps_per_epoch, seed)
    part = take(data, 2 * data.steps_per_epoch, seed, step)
    assert all(same(one, other) for one, other in zip(whole[step:], part, strict=True))
