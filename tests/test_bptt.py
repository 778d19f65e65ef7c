"""Three forms of backpropagation through time, one result: what must agree, and with what."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from cases import TOLERANCE, Answers, Array, Case, each, every_case, law, pack, random_case, steps
from checks import checkpoints_error, distance, loss_gradient_error, truncated_error, worst
from elman import Batch, bptt, outlet
from elman.outlet import Outlet
from elman.states import State
from matrix import ONE_WAY, Row, case_of, every_row

every_windowed = every_row(stack=ONE_WAY, readout=["every"])


def bptt_answers(answer: tuple[float, Array, State]) -> Answers:
    loss, gradient, state = answer
    return {"loss": np.array(loss), "gradient": gradient, "state": pack(state)}


@every_case
@pytest.mark.parametrize("window", [1, 2, 4, 6, 9])
def test_checkpointed_is_full(case: Case, window: int) -> None:
    assert checkpoints_error(case, window) < law(case)


@every_windowed
@pytest.mark.parametrize("window", [1, 3])
def test_checkpointed_is_full_whatever_the_options(row: Row, window: int) -> None:
    assert checkpoints_error(case_of(row), window) < TOLERANCE.law["float64"]


@every_windowed
def test_checkpointed_is_the_derivative_of_its_loss(row: Row) -> None:
    error = loss_gradient_error(case_of(row), bptt.checkpointed, along=1, window=3)
    assert error < TOLERANCE.gradient


@every_windowed
def test_truncated_is_the_derivative_with_each_start_held_fixed(row: Row) -> None:
    assert truncated_error(case_of(row), 3, along=1) < TOLERANCE.gradient


@every_windowed
def test_truncated_in_one_window_is_full_whatever_the_options(row: Row) -> None:
    case = case_of(row)
    full = bptt_answers(bptt.full(case.network, case.batch, case.state, noise=case.noise))
    came = bptt.truncated(case.network, case.batch, case.state, window=4, noise=case.noise)
    assert worst(bptt_answers(came), full) < TOLERANCE.law["float64"]


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


@every_row(noise=["quiet"])
def test_differentiate_is_forward_head_and_backward(row: Row) -> None:
    """The loss is the weighted mean of what the head says of each target."""
    case = case_of(row)
    loss, gradient, state, dstart = case.network.differentiate(case.batch, case.state)
    y, finish, tapes = case.forward()
    weights = np.ones(y.shape[:-1]) if case.weights is None else case.weights.copy()
    if case.every and case.lengths is not None:
        weights[np.arange(len(y))[:, None] >= case.lengths] = 0
    head, dy, many = case.network.machine.outlet.head, y.reshape(-1, y.shape[-1]).copy(), weights.size
    targets = case.targets.reshape(many, *case.targets.shape[weights.ndim :])
    right = head.loss(dy, targets, weights.ravel(), float(weights.sum()))
    assert distance(np.array(loss), np.array(right)) < TOLERANCE.law["float64"]
    expected, start = case.network.backward(dy.reshape(y.shape), tapes)
    came = {"gradient": gradient, "state": pack(state), "dstart": pack(dstart)}
    other = {"gradient": expected, "state": pack(finish), "dstart": pack(start)}
    assert worst(came, other) < TOLERANCE.law["float64"]


def test_outputs_in_blocks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The logits of all rows are never stored; how many are does not matter."""
    shape = {"T": 5, "B": 3, "O": 4, "lengths": (5, 2, 4)}
    case = random_case(**shape, dense=False, weighted=True, engine="reference")
    whole, seen = bptt_answers(bptt.full(case.network, case.batch, case.state)), []
    right = Outlet.outputs
    monkeypatch.setattr(outlet, "BLOCK", 2 * 3 * 4)
    monkeypatch.setattr(Outlet, "outputs", lambda self, rows: seen.append(len(rows)) or right(self, rows))
    assert worst(bptt_answers(bptt.full(case.network, case.batch, case.state)), whole) < law(case)
    assert seen == [2, 2, 1]
