"""To the bit: nothing is read that was not given, nothing is written that was not made here."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cases import GRID, Array, Case, every_case, every_ragged_case, named, pack, random_case, read
from checks import distance
from elman import Network, bptt
from elman.states import State
from matrix import Row, case_of, every_row


def twin(network: Network) -> Network:
    """The same network, but new: no run has used its memory."""
    return Network.from_spec(network.spec, network.parameters.flat)


def padded(case: Case, *, noisy: bool) -> Case:
    """The case with zeros, or the worst that there is, past the rows' ends."""
    ended = np.arange(len(case.x[0] if isinstance(case.x, tuple) else case.x))[:, None] >= case.lengths

    def filled(a: Array | None) -> Any:
        if a is None:
            return None
        a = a.copy()
        a[ended] = {"f": np.nan, "i": -(10**9), "b": True}[a.dtype.kind] if noisy else 0
        return a

    changed = {"x": read(case.x, filled), "reset": filled(case.reset)}
    if case.every:
        changed |= {name: filled(getattr(case, name)) for name in ("targets", "dy", "weights")}
    return replace(case, **changed)


def same_bytes(came: dict[str, Array], expected: dict[str, Array]) -> bool:
    return all(came[name].tobytes() == expected[name].tobytes() for name in expected)


def bytes_of(answer: tuple[float, Array, State]) -> tuple[float, bytes, bytes]:
    loss, gradient, state = answer
    return loss, gradient.tobytes(), pack(state).tobytes()


@every_ragged_case
def test_noise_in_padding_changes_nothing(case: Case) -> None:
    noisy, quiet = (padded(case, noisy=noisy) for noisy in (True, False))
    assert same_bytes(noisy.answers(), quiet.answers())
    for method, options in (
        (bptt.full, {}),
        (bptt.truncated, {"window": 4}),
        (bptt.checkpointed, {"window": 4}),
    ):
        came = method(case.network, noisy.batch, case.state, **options)
        assert bytes_of(came) == bytes_of(method(case.network, quiet.batch, case.state, **options))


@every_row(rows=["ragged", "ragged, reset"])
def test_noise_in_padding_changes_nothing_whatever_the_options(row: Row) -> None:
    """Of x, targets, weights, resets and gradients."""
    noisy, quiet = (padded(case_of(row), noisy=noisy) for noisy in (True, False))
    assert same_bytes(noisy.answers(), quiet.answers())
    came, right = (bytes_of(bptt.full(c.network, c.batch, c.state, noise=c.noise)) for c in (noisy, quiet))
    assert came == right


def scratch_of_noise(monkeypatch: pytest.MonkeyPatch, noise: float) -> list[int]:
    """Let NumPy hand out noise where it hands out memory; return the sizes that it will have filled."""
    filled = []

    def noisy(make: Callable[..., Array]) -> Callable[..., Array]:
        def filled_with_noise(*given: object, **options: object) -> Array:
            array = make(*given, **options)
            if array.dtype.kind == "f":
                array.fill(noise)
                filled.append(array.size)
            return array

        return filled_with_noise

    for name in ("empty", "empty_like"):
        monkeypatch.setattr(np, name, noisy(getattr(np, name)))
    return filled


@every_case
@pytest.mark.parametrize("noise", [np.nan, 1e30])
def test_noise_in_scratch_changes_nothing(case: Case, noise: float, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet, filled = case.answers(), scratch_of_noise(monkeypatch, noise)
    new = twin(case.network)
    loud = replace(case, network=new).answers()
    step = new.step(case.x[0], case.state)
    monkeypatch.undo()
    assert sum(filled) > 2 * 6 * 5 * 7  # the engine's scratch was reached
    assert same_bytes(loud, quiet)
    assert step[0].tobytes() == case.network.step(case.x[0], case.state)[0].tobytes()


@every_row()
def test_noise_in_scratch_changes_nothing_whatever_the_options(
    row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = case_of(row)
    quiet, filled = case.answers(), scratch_of_noise(monkeypatch, np.nan)
    new = replace(case, network=twin(case.network))
    loud, came = new.answers(), bptt.full(new.network, new.batch, new.state, noise=new.noise)
    monkeypatch.undo()
    assert sum(filled) > 4 * 3 * 5
    assert same_bytes(loud, quiet)
    assert bytes_of(came) == bytes_of(bptt.full(case.network, case.batch, case.state, noise=case.noise))


def leave_noise(network: Network) -> None:
    """Run sequences of NaN, longer and shorter, forward and backward, so that all used memory holds NaN."""
    for T, B in ((9, 5), (6, 5), (2, 8)):
        x = np.full((T, B, network.spec.input_size), np.nan)
        y, _, tapes = network.forward(x)
        network.backward(y, tapes)
        network.run(x)


@every_case
def test_what_ran_before_changes_nothing(case: Case) -> None:
    expected = case.answers()
    leave_noise(case.network)
    assert same_bytes(case.answers(), expected)


@every_row()
def test_what_ran_before_changes_nothing_whatever_the_options(row: Row) -> None:
    """Not even a backward run of NaN."""
    case = case_of(row)
    expected = case.answers()
    replace(case, dy=np.full_like(case.dy, np.nan)).answers()
    assert same_bytes(case.answers(), expected)


@every_case
def test_what_runs_later_changes_nothing(case: Case) -> None:
    """Neither what was handed out, nor tapes that wait for their backward run."""
    expected, held = case.answers(), case.answers()
    _, _, tapes = case.forward()
    leave_noise(case.network)
    gradient, dstart = case.network.backward(case.dy, tapes, case.dstate)
    dstart = named("dstart", dstart)
    assert gradient.tobytes() == expected["gradient"].tobytes()
    assert same_bytes(expected, dstart)
    leave_noise(case.network)
    fresh = replace(
        case, network=Network.from_spec(case.network.spec, case.network.parameters.flat)
    ).answers()
    assert same_bytes(held, fresh)


def test_threads_do_not_meet() -> None:
    case = GRID["elman-tanh-symbols-ragged-float32"]
    expected = case.answers()
    with ThreadPoolExecutor(4) as pool:
        for came in pool.map(lambda _: case.answers(), range(100)):
            assert same_bytes(came, expected)


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


def test_a_state_is_a_value() -> None:
    """The caller's state is left as it was, and going on from it twice gives the same twice."""
    case = random_case(layers=2)
    _, state = case.run()
    before = pack(state).tobytes()
    first, second = (replace(case, state=state).answers() for _ in range(2))
    stepped = [pack(case.network.step(case.x[0], state)[1]).tobytes() for _ in range(2)]
    assert same_bytes(first, second)
    assert stepped[0] == stepped[1]
    assert pack(state).tobytes() == before


def test_what_was_handed_out_is_not_held() -> None:
    """Writing to outputs and state changes no gradient that is still to come."""
    case = random_case(layers=2)
    expected = case.answers()
    y, state, tapes = case.network.forward(case.x, case.state)
    (run,) = tapes.runs
    assert not any(
        np.shares_memory(h, tape.outputs) for (h,), tape in zip(state, run.passage.tapes, strict=True)
    )
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
    assert same_bytes(first, second)


def test_two_networks_do_not_share() -> None:
    case = random_case()
    expected, other = case.run()[0].copy(), twin(case.network)
    other.parameters.flat[:] = 0
    assert distance(case.run()[0], expected) == 0


def test_memory_does_not_grow_with_the_shapes_it_served() -> None:
    case = random_case(layers=2)
    held = []
    for length in (3, 5, 1, 4, 5, 2, 5):
        y, _, tapes = case.network.forward(case.x[:length])
        case.network.backward(y, tapes)
        held.append(len(case.network.machine.memory._spare))
    assert held == held[:1] * 7
    largest = (5 + 1) * case.x.shape[1] * case.network.spec.hidden_size
    assert max(array.size for array in case.network.machine.memory._spare) <= largest
