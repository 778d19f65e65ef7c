"""The bookkeeping of time and batch: laws that hold whatever the equations are.

To rounding, not to the bit: one product over T·B rows rounds differently for another T or B.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from cases import Case, each, every_case, every_ragged_case, frozen, law, named, pack, steps
from checks import alone_error, chunks_error, worst
from elman import bptt


@every_case
@pytest.mark.parametrize("cuts", [(1,), (5,), (2, 3), (1, 2, 3, 4, 5), (0, 4, 4)], ids=str)
def test_chunks_are_the_whole(case: Case, cuts: Sequence[int]) -> None:
    assert chunks_error(case, cuts) < law(case)


@every_case
def test_steps_are_a_run(case: Case) -> None:
    case = replace(case, lengths=None)
    state, outputs = case.state, []
    for x in case.x:
        y, state = case.network.step(x, state)
        outputs.append(y)
    whole, finish = case.run()
    assert worst({"y": np.array(outputs), **named("s", state)}, {"y": whole, **named("s", finish)}) < law(
        case
    )


@every_case
def test_steps_of_one_sequence_are_its_run(case: Case) -> None:
    x, state, outputs = case.x[:, 1], each(case.state, lambda s: s[1]), []
    whole, finish = case.network.run(x, state)
    for symbol in x:
        y, state = case.network.step(symbol, state)
        outputs.append(y)
    assert worst({"y": np.array(outputs), **named("s", state)}, {"y": whole, **named("s", finish)}) < law(
        case
    )


@every_case
@pytest.mark.parametrize("batched", [True, False], ids=["batch of one", "no batch axis"])
def test_alone_is_as_in_a_batch(case: Case, batched: bool) -> None:
    """Also: y is zero past a row's end, and the state is the one at its true end."""
    assert alone_error(case, batched=batched) < law(case)


@every_case
def test_the_order_of_the_batch_is_irrelevant(case: Case) -> None:
    order = np.array([3, 0, 4, 2, 1])
    shuffled = replace(
        case,
        x=case.x[:, order],
        dy=case.dy[:, order],
        state=each(case.state, lambda s: s[order]),
        dstate=each(case.dstate, lambda s: s[order]),
        lengths=None if case.lengths is None else case.lengths[order],
    )
    expected = case.answers()
    expected = {name: a if name == "gradient" else a[..., order, :] for name, a in expected.items()}
    assert worst(shuffled.answers(), expected) < law(case)


@every_ragged_case
def test_lengths_of_all_steps_are_no_lengths(case: Case) -> None:
    whole = replace(case, lengths=None)
    full = replace(case, lengths=np.full(5, 6))
    assert worst(full.answers(), whole.answers()) < law(case)


@every_ragged_case
@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint64], ids=lambda kind: kind.__name__)
def test_lengths_of_any_integer_type(case: Case, kind: type) -> None:
    narrow = replace(case, lengths=case.lengths.astype(kind))
    assert worst(narrow.answers(), case.answers()) == 0
    loss, gradient, _ = bptt.truncated(case.network, case.batch, case.state, window=2)
    came = bptt.truncated(narrow.network, narrow.batch, narrow.state, window=2)
    assert (came[0], came[1].tobytes()) == (loss, gradient.tobytes())


@every_case
def test_one_hot_input_is_symbols(case: Case) -> None:
    symbols = replace(case, x=case.x if case.x.ndim == 2 else frozen(np.argmax(case.x, axis=-1)))
    dense = replace(symbols, x=np.eye(3)[symbols.x])
    assert worst(dense.answers(), symbols.answers()) < law(case)


@every_case
def test_no_steps_leave_the_state(case: Case) -> None:
    y, state = replace(case, x=case.x[:0], lengths=None).run()
    assert y.shape == (0, 5, 4)
    assert pack(state).tobytes() == pack(case.state).tobytes()
    none = steps(case, 0, 0, case.state).answers()
    assert not none["gradient"].any()
    assert none["dstart.1.0"].tobytes() == case.dstate[1][0].tobytes()
