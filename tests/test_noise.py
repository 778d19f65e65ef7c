"""To the bit: nothing is read that was not given, nothing is written that was not made here."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from cases import GRID, Array, Case, every_case, every_ragged_case, pack, random_case
from checks import distance
from elman import Network, bptt


def twin(network: Network) -> Network:
    """The same network, but new: no run has used its memory."""
    return Network.from_spec(network.spec, network.parameters.flat)


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
    new = twin(case.network)
    loud = replace(case, network=new).answers()
    step = new.step(case.x[0], case.state)
    monkeypatch.undo()
    assert sum(filled) > 2 * 6 * 5 * 7  # the engine's scratch was reached
    assert all(loud[name].tobytes() == quiet[name].tobytes() for name in quiet)
    assert step[0].tobytes() == case.network.step(case.x[0], case.state)[0].tobytes()


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
    came = case.answers()
    assert all(came[name].tobytes() == expected[name].tobytes() for name in expected)


@every_case
def test_what_runs_later_changes_nothing(case: Case) -> None:
    """Neither what was handed out, nor tapes that wait for their backward run."""
    expected, held = case.answers(), case.answers()
    _, _, tapes = case.network.forward(case.x, case.state, case.lengths)
    leave_noise(case.network)
    gradient, dstart = case.network.backward(case.dy, tapes, case.dstate)
    assert gradient.tobytes() == expected["gradient"].tobytes()
    assert pack(dstart).tobytes() == b"".join(expected[f"dstart.{k}.0"].tobytes() for k in range(2))
    leave_noise(case.network)
    fresh = replace(
        case, network=Network.from_spec(case.network.spec, case.network.parameters.flat)
    ).answers()
    assert all(held[name].tobytes() == fresh[name].tobytes() for name in fresh)


def test_threads_do_not_meet() -> None:
    case = GRID["elman-tanh-symbols-ragged-float32"]
    expected = case.answers()
    with ThreadPoolExecutor(4) as pool:
        for came in pool.map(lambda _: case.answers(), range(100)):
            assert all(came[name].tobytes() == expected[name].tobytes() for name in expected)


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
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)
    assert stepped[0] == stepped[1]
    assert pack(state).tobytes() == before


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
    expected, other = case.run()[0].copy(), twin(case.network)
    other.parameters.flat[:] = 0
    assert distance(case.run()[0], expected) == 0


def test_memory_does_not_grow_with_the_shapes_it_served() -> None:
    case = random_case(layers=2)
    held = []
    for length in (3, 5, 1, 4, 5, 2, 5):
        y, _, tapes = case.network.forward(case.x[:length])
        case.network.backward(y, tapes)
        held.append(len(case.network._memory._spare))
    assert held == held[:1] * 7
    largest = (5 + 1) * case.x.shape[1] * case.network.spec.hidden_size
    assert max(array.size for array in case.network._memory._spare) <= largest
