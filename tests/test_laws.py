"""The bookkeeping of time, batch and memory: laws that hold whatever the equations are.

To rounding: one product over T·B rows rounds differently for another T or B. Exact: what must not be read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from cases import (
    Array,
    Case,
    each,
    every_case,
    every_ragged_case,
    frozen,
    law,
    named,
    pack,
    random_case,
    steps,
)
from checks import alone_error, chunks_error, distance, worst
from elman import Network, OptionError, bptt


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


# Exact: nothing is read that is not given


def padded(case: Case, x: float, target: int, dy: float) -> Case:
    """The case with other numbers past the rows' ends."""
    ended = np.arange(6)[:, None] >= case.lengths
    changed = {name: getattr(case, name).copy() for name in ("x", "targets", "dy")}
    for name, value in {"x": x, "targets": target, "dy": dy}.items():
        changed[name][ended] = value
    return replace(case, **changed)


@every_ragged_case
def test_noise_in_padding_changes_nothing(case: Case) -> None:
    noise = np.nan if case.x.ndim == 3 else -(10**9)
    noisy, quiet = padded(case, noise, 10**9, np.nan), padded(case, 0, 0, 0.0)
    for name, value in noisy.answers().items():
        assert value.tobytes() == quiet.answers()[name].tobytes(), name
    for method, options in (
        (bptt.full, {}),
        (bptt.truncated, {"window": 4}),
        (bptt.checkpointed, {"window": 4}),
    ):
        loss, gradient, state = method(case.network, noisy.batch, case.state, **options)
        right = method(case.network, quiet.batch, case.state, **options)
        assert (loss, gradient.tobytes()) == (right[0], right[1].tobytes())
        assert pack(state).tobytes() == pack(right[2]).tobytes()


@every_case
@pytest.mark.parametrize("noise", [np.nan, 1e30])
def test_noise_in_scratch_changes_nothing(case: Case, noise: float, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet, filled = case.answers(), []

    def noisy(make: Callable[..., Array]) -> Callable[..., Array]:
        def filled_with_noise(*given: object, **options: object) -> Array:
            array = make(*given, **options)
            if array.dtype.kind == "f":
                array.fill(noise)
                filled.append(array.size)
            return array

        return filled_with_noise

    monkeypatch.setattr(np, "empty", noisy(np.empty))
    monkeypatch.setattr(np, "empty_like", noisy(np.empty_like))
    loud = case.answers()
    steps = case.network.step(case.x[0], case.state)
    monkeypatch.undo()
    assert sum(filled) > 2 * 6 * 5 * 7  # the engine's scratch was reached
    assert all(loud[name].tobytes() == quiet[name].tobytes() for name in quiet)
    assert steps[0].tobytes() == case.network.step(case.x[0], case.state)[0].tobytes()


@pytest.mark.parametrize("noise", [np.nan, 1e300])
def test_memory_that_served_another_run_leaves_no_trace(noise: float) -> None:
    case = random_case(layers=2, lengths=(2, 0, 5))
    quiet = case.answers()
    memory = case.network._memory
    arrays = [memory.take((1,)).base for _ in range(len(memory._spare))]
    assert sum(a.size for a in arrays) > 2 * 6 * 5 * 7  # the engine's memory came back
    for array in arrays:
        array.fill(noise)
        memory.give(array[:1])
    loud = case.answers()
    assert all(loud[name].tobytes() == quiet[name].tobytes() for name in quiet)


def test_memory_does_not_grow_with_the_shapes_it_served() -> None:
    case = random_case(layers=2)
    held = set()
    for length in (3, 5, 1, 4, 5, 2, 5):
        y, _, tapes = case.network.forward(case.x[:length])
        case.network.backward(y, tapes)
        held.add(len(case.network._memory._spare))
    assert held == {max(held)}
    most = max(held) * 6 * 7 * case.x.shape[1]  # arrays × (T + 1) × H × B
    assert sum(a.size for a in case.network._memory._spare) <= most


def test_tapes_serve_one_backward_run() -> None:
    case = random_case()
    y, _, tapes = case.network.forward(case.x)
    case.network.backward(y, tapes)
    with pytest.raises(OptionError, match="used up"):
        case.network.backward(y, tapes)


# The flat vector is the truth, and a state is a value


def test_writing_to_flat_changes_the_network() -> None:
    one, other = random_case(layers=2, seed=1), random_case(layers=2, seed=2)
    one.network.parameters.flat[:] = other.network.parameters.flat
    assert other.run()[0].tobytes() == replace(other, network=one.network).run()[0].tobytes()


def test_every_view_shares_memory_with_flat() -> None:
    parameters = random_case(layers=3).network.parameters
    assert all(np.shares_memory(view, parameters.flat) for view in parameters.views.values())
    assert sum(view.size for view in parameters.views.values()) == len(parameters)
    for name in parameters:
        parameters[name][...] = 0
    assert not parameters.flat.any()


@pytest.mark.parametrize("lengths", [None, (2, 0, 5)], ids=["whole", "ragged"])
def test_a_state_is_a_value(lengths: tuple[int, ...] | None) -> None:
    case = random_case(layers=2, lengths=lengths)
    y, state, tapes = case.network.forward(case.x, case.state, case.lengths)
    stepped = case.network.step(case.x[0], state)[1]
    kept = [a.tobytes() for a in (y, pack(state), pack(stepped))]
    case.network.step(case.x[1], stepped)
    case.network.backward(case.dy, tapes, case.dstate)
    replace(case, state=state).answers()
    assert [a.tobytes() for a in (y, pack(state), pack(stepped))] == kept


def test_what_was_handed_out_is_not_held() -> None:
    """Writing to outputs and state changes no gradient that is still to come."""
    case = random_case(layers=2)
    expected = case.answers()
    y, state, tapes = case.network.forward(case.x, case.state)
    assert not any(np.shares_memory(h, tape.outputs) for (h,), tape in zip(state, tapes.layers, strict=True))
    y[:] = np.nan
    for (h,) in state:
        h[:] = np.nan
    gradient, dstart = case.network.backward(case.dy, tapes, case.dstate)
    assert gradient.tobytes() == expected["gradient"].tobytes()
    assert np.isfinite(pack(dstart)).all()


def test_what_comes_in_is_not_written_to() -> None:
    case = random_case(layers=2, lengths=(2, 0, 5))
    given = (case.x, case.dy, case.targets, case.lengths, pack(case.state), pack(case.dstate))
    before = [a.tobytes() for a in given]
    case.answers()
    bptt.truncated(case.network, case.batch, case.state, window=2)
    bptt.checkpointed(case.network, case.batch, case.state, window=2)
    assert [a.tobytes() for a in given] == before
    assert not case.x.flags.writeable  # so a write would have raised, too


def test_a_run_gives_the_same_bytes_again() -> None:
    case = random_case(layers=2, lengths=(2, 0, 5), dtype="float32")
    first, second = case.answers(), case.answers()
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)


def test_two_networks_do_not_share() -> None:
    case = random_case()
    twin = Network.from_spec(case.network.spec, case.network.parameters.flat)
    expected = case.run()[0].copy()
    twin.parameters.flat[:] = 0
    assert distance(case.run()[0], expected) == 0
