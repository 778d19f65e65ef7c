"""∂state_t/∂state_{t-1} against central differences of `Network.step`: every cell, and what changes one."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cases import TOLERANCE, Array, Case, pack, random_case, read, unpack
from checks import EPSILON, distance
from elman import Network
from elman.cells import CELLS
from elman.errors import NumericError, OptionError, ShapeError
from elman.inspection import dynamics, gradients, jacobians, memory
from elman.inspection.traces import check_one_pass
from elman.states import State, each
from engine_cases import HERE

OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "symbols": {"dense": False},
    "embedding": {"dense": False, "embedding_size": 5},
    "features": {"dense": False, "feature_size": 2},
    "layer norm": {"layer_norm": True},
    "zoneout": {"zoneout": 0.3},
    "zoneout, layer norm": {"zoneout": 0.3, "layer_norm": True},
    "learned start": {"learn_initial_state": True, "own_start": True},
    "last": {"readout": "last"},
}


def one(case: Case) -> tuple[Network, Any, State | None]:
    """The network of a case, its first sequence and the state that it begins from."""
    x = read(case.x, lambda part: part[:, 0])
    return case.network, x, None if case.state is None else each(case.state, lambda s: s[0])


def case_of(cell: tuple[str, str], engine: str, **options: Any) -> Case:
    return random_case(cell, T=4, B=1, I=3, H=(5, 2), O=6, layers=2, engine=engine, **options)


def measured(network: Network, x: Any, state: State) -> Array:
    """∂state after / ∂state by central differences of one step, column after column."""
    here, columns = pack(state), []
    for k in range(len(here)):
        ends = []
        for sign in (1, -1):
            moved = here.copy()
            moved[k] += sign * EPSILON
            ends.append(pack(network.step(x, unpack(moved, like=state))[1]))
        columns.append((ends[0] - ends[1]) / (2 * EPSILON))
    return np.stack(columns, axis=1)


def jacobians_of(network: Network, x: Any, state: State | None) -> list[Array]:
    parts = jacobians.read_sequence(network.spec, x)
    before, _ = jacobians.states_along(network, parts, state)
    layers = jacobians.linearize(jacobians.exact(network), parts, before)
    return [jacobians.jacobian(layers, t) for t in range(jacobians.steps_of(parts))]


@pytest.mark.parametrize("engine", HERE)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("cell", CELLS, ids="-".join)
def test_the_jacobian_of_every_step_is_what_differences_say(cell, options, engine):
    network, x, state = one(case_of(cell, engine, **options))
    now = network.init_state() if state is None else state
    found = jacobians_of(network, x, state)
    assert len(found) == 4
    for t, J in enumerate(found):
        x_t = read(x, lambda part, t=t: part[t])
        assert distance(J, measured(network, x_t, now)) < TOLERANCE.gradient
        now = network.step(x_t, now)[1]


def test_a_wrong_jacobian_would_be_noticed():
    network, x, state = one(case_of(("lstm", "tanh"), "reference"))
    J = jacobians_of(network, x, state)[0]
    numbers = measured(network, read(x, lambda part: part[0]), state)
    for fault in (1.001 * J, J.T, J * (np.abs(J) > np.abs(J).max() / 1000), np.roll(J, 5, axis=0)):
        assert distance(fault, numbers) > 100 * TOLERANCE.gradient


@pytest.mark.parametrize("cell", CELLS, ids="-".join)
def test_a_layer_above_depends_on_the_one_below_and_never_the_other_way_round(cell):
    network, x, state = one(case_of(cell, "reference"))
    below = 5 * len(network.init_state()[0])
    for J in jacobians_of(network, x, state):
        assert not J[:below, below:].any()
        assert J[below:, :below].any()


@pytest.mark.parametrize("engine", HERE)
@pytest.mark.parametrize("cell", CELLS, ids="-".join)
def test_a_float32_network_has_the_same_jacobians_to_its_precision(cell, engine):
    wide = case_of(cell, engine)
    network, x, state = one(wide)
    narrow = Network.from_spec(
        random_case(cell, I=3, H=(5, 2), O=6, layers=2, dtype="float32").network.spec,
        network.parameters.flat.astype(np.float32),
        engine=engine,
    )
    for found, right in zip(jacobians_of(narrow, x, state), jacobians_of(network, x, state), strict=True):
        assert found.dtype == np.float64
        assert distance(found, right) < TOLERANCE.float32_gradient


def test_the_states_of_a_run_are_those_of_its_steps():
    network, x, state = one(case_of(("gru", "tanh"), "auto"))
    before, after = jacobians.states_along(network, jacobians.read_sequence(network.spec, x), state)
    for t in range(4):
        assert distance(pack(each(before, lambda s, t=t: s[t])), pack(state)) < TOLERANCE.law["float64"]
        state = network.step(x[t], state)[1]
    assert distance(pack(after), pack(state)) < TOLERANCE.law["float64"]


SIZES = {"input_size": 3, "hidden_size": 4, "output_size": 2}


def test_refusals():
    network = Network(**SIZES)
    with pytest.raises(OptionError, match="bidirectional reads the whole"):
        check_one_pass(Network(**SIZES, bidirectional=True).spec)
    with pytest.raises(OptionError, match="readout 'mean' reads the whole"):
        check_one_pass(Network(**SIZES, readout="mean").spec)
    with pytest.raises(ShapeError, match="batch axis"):
        jacobians.read_sequence(network.spec, np.zeros((5, 1), int))
    with pytest.raises(ShapeError, match="no step"):
        jacobians.read_sequence(network.spec, np.zeros(0, int))
    with pytest.raises(ShapeError, match="symbol 3"):
        jacobians.read_sequence(network.spec, [0, 3])
    network.parameters["layers.0.b"][1] = np.nan
    with pytest.raises(NumericError, match="state is not finite"):
        jacobians.states_along(network, jacobians.read_sequence(network.spec, [0, 1]), None)


# Each with the steps of a long sequence, and far fewer bytes than it would hold more of them: of x that is
# copied 68,000, of slopes 1,400,000.
MEASURES = {
    "gradients": (lambda network, x: gradients.gradient_by_lag(network, x, lags=16, starts=2), 9000, 20_000),
    "memory": (lambda network, x: memory.effective_memory(network, x, lags=16, changes=2), 9000, 20_000),
    "exponents": (lambda network, x: dynamics.lyapunov_exponents(network, x, count=1), 1500, 300_000),
}


def most_held(measure: Callable[[Network, Array], Any], network: Network, steps: int) -> int:
    """The most bytes that a measure holds at once, beside x; of three runs, since others hold some, too."""
    x, peaks = np.random.default_rng(0).integers(0, 3, steps), []
    for _ in range(3):
        tracemalloc.start()
        measure(network, x)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return min(peaks)


@pytest.mark.parametrize(("measure", "steps", "few"), MEASURES.values(), ids=MEASURES)
def test_memory_does_not_grow_with_the_sequence(measure, steps, few, monkeypatch):
    monkeypatch.setattr(jacobians, "WINDOW", 256)
    monkeypatch.setattr(dynamics, "WINDOW", 64)
    network = Network("lstm", **SIZES)
    short, long = (most_held(measure, network, count) for count in (500, steps))
    assert long < short + few
