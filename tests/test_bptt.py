"""Three forms of backpropagation through time, one result: what must agree, and with what."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from cases import TOLERANCE, Answers, Array, Case, each, every_case, law, pack, random_case, steps
from checks import worst
from elman import Batch, bptt
from elman.network import State


def bptt_answers(answer: tuple[float, Array, State]) -> Answers:
    loss, gradient, state = answer
    return {"loss": np.array(loss), "gradient": gradient, "state": pack(state)}


@every_case
@pytest.mark.parametrize("window", [1, 2, 4, 6, 9])
def test_checkpointed_is_full(case: Case, window: int) -> None:
    full = bptt_answers(bptt.full(case.network, case.batch, case.state))
    came = bptt_answers(bptt.checkpointed(case.network, case.batch, case.state, window=window))
    assert worst(came, full) < law(case)


@every_case
@pytest.mark.parametrize("window", [6, 9])
def test_truncated_in_one_window_is_full(case: Case, window: int) -> None:
    full = bptt_answers(bptt.full(case.network, case.batch, case.state))
    came = bptt_answers(bptt.truncated(case.network, case.batch, case.state, window=window))
    assert worst(came, full) < law(case)


@every_case
@pytest.mark.parametrize("window", [1, 2, 4])
def test_truncated_is_full_of_each_window(case: Case, window: int) -> None:
    loss, gradient, state = 0.0, np.zeros_like(case.network.parameters.flat), case.state
    for start in range(0, 6, window):
        part = steps(case, start, min(start + window, 6), state)
        weight = part.batch.count / case.batch.count
        part_loss, part_gradient, state = bptt.full(case.network, part.batch, state)
        loss += weight * part_loss
        gradient += weight * part_gradient
    came = bptt_answers(bptt.truncated(case.network, case.batch, case.state, window=window))
    assert worst(came, bptt_answers((loss, gradient, state))) < law(case)


every_method = pytest.mark.parametrize(
    "method",
    [bptt.full, partial(bptt.truncated, window=2), partial(bptt.checkpointed, window=2)],
    ids=["full", "truncated", "checkpointed"],
)
Method = Callable[..., tuple[float, Array, State]]


@every_method
def test_one_sequence_needs_no_batch_axis(method: Method) -> None:
    case = random_case(dense=False)
    state = each(case.state, lambda s: s[1])
    alone = method(case.network, Batch(case.x[:, 1], case.targets[:, 1]), state)
    state = each(state, lambda s: s[None])
    batch = method(case.network, Batch(case.x[:, 1:2], case.targets[:, 1:2]), state)
    assert worst(bptt_answers(alone), bptt_answers(batch)) < TOLERANCE.law["float64"]


@every_method
@pytest.mark.parametrize("lengths", [3, [3], np.array([3], np.uint8)], ids=["3", "[3]", "array"])
def test_one_sequence_may_end_early(method: Method, lengths: object) -> None:
    case = random_case(dense=False)
    state, x, targets = each(case.state, lambda s: s[1]), case.x[:, 1], case.targets[:, 1]
    cut = method(case.network, Batch(x[:3], targets[:3]), state)
    came = method(case.network, Batch(x, targets, lengths), state)  # type: ignore[arg-type]
    assert worst(bptt_answers(came), bptt_answers(cut)) < TOLERANCE.law["float64"]
