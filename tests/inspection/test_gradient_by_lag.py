"""Gradients through time against central differences of whole runs, and nets whose answer is known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from cases import TOLERANCE, Array, pack, unpack
from checks import EPSILON, distance
from elman import Network
from elman.cells import CELLS
from elman.errors import NumericError, OptionError, ShapeError
from elman.inspection import gradients, jacobians
from elman.inspection.gradients import GradientByLag, gradient_by_lag, spectral_norm
from elman.states import State
from engine_cases import HERE
from test_jacobians import OPTIONS, case_of, one

ROUNDING = 1e-12  # 7e-16 measured
SOME = {"input_size": 3, "hidden_size": 4, "output_size": 2}


def span(network: Network, x: Any, state: State) -> Array:
    """∂(state after a run) / ∂(state before it), by central differences."""
    here, columns = pack(state), []
    for k in range(len(here)):
        ends = []
        for sign in (1, -1):
            moved = here.copy()
            moved[k] += sign * EPSILON
            ends.append(pack(network.run(x, unpack(moved, like=state))[1]))
        columns.append((ends[0] - ends[1]) / (2 * EPSILON))
    return np.stack(columns, axis=1)


def part(x: Any, chosen: slice) -> Any:
    return tuple(one[chosen] for one in x) if isinstance(x, tuple) else x[chosen]


def worst_norm(found: GradientByLag, network: Network, x: Any, state: State | None) -> float:
    """The largest relative error of the norms, each against differences of a run of so many steps."""
    errors = []
    for row, time in zip(found.norms, found.times, strict=True):
        for lag, norm in zip(found.lags, row, strict=True):
            _, begin = network.run(part(x, slice(0, time - lag)), state) if time > lag else (None, state)
            begin = network.init_state() if begin is None else begin
            matrix = span(network, part(x, slice(time - lag, time)), begin)
            right = np.linalg.norm(matrix, 2)
            errors.append(abs(norm - right) / right)
    return float(max(errors))


@pytest.mark.parametrize("engine", HERE)
@pytest.mark.parametrize("options", [OPTIONS[name] for name in ("plain", "features", "zoneout, layer norm")])
@pytest.mark.parametrize("cell", CELLS, ids="-".join)
def test_norms_are_those_of_differences_of_runs(cell, options, engine):
    network, x, state = one(case_of(cell, engine, **options))
    found = gradient_by_lag(network, x, state, lags=3, starts=9)
    assert found.times.tolist() == [3, 4]
    assert found.lags.tolist() == [1, 2, 3]
    assert found.norms.shape == (2, 3)
    assert worst_norm(found, network, x, state) < TOLERANCE.gradient


def test_a_product_in_the_wrong_order_would_be_noticed(monkeypatch):
    network, x, state = one(case_of(("lstm", "tanh"), "reference"))
    right = jacobians.jacobian
    monkeypatch.setattr(jacobians, "jacobian", lambda layers, t: right(layers, (t + 1) % 3))
    found = gradient_by_lag(network, x, state, lags=3, starts=9)
    assert worst_norm(found, network, x, state) > 100 * TOLERANCE.gradient


def test_the_state_matters_and_none_means_the_learned_one():
    case = case_of(("gru", "tanh"), "auto", learn_initial_state=True)
    network, x, state = one(case)
    own, given = gradient_by_lag(network, x, lags=4), gradient_by_lag(network, x, state, lags=4)
    assert worst_norm(own, network, x, network.init_state()) < TOLERANCE.gradient
    assert distance(own.norms, given.norms) > 1e-3


def test_the_run_goes_on_from_one_time_to_the_next():
    network = Network("lstm", **SOME, dtype="float64", seed=2)
    network.parameters.flat[:] *= 3
    x = np.random.default_rng(0).integers(0, 3, 14)
    found = gradient_by_lag(network, x, lags=2, starts=5)
    assert found.times.tolist() == [2, 5, 8, 11, 14]
    assert worst_norm(found, network, x, network.init_state()) < TOLERANCE.gradient


def rotating(shrinks: float, dtype: str = "float64") -> Network:
    """A net of relu units that are always above 0: h_t = W h_{t-1} + b, W a cyclic shift times `shrinks`."""
    network = Network(**SOME, activation="relu", dtype=dtype)
    network.parameters["layers.0.W"][:] = shrinks * np.roll(np.eye(4), 1, axis=0)
    network.parameters["layers.0.b"][:] = 100
    return network


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_rotation_that_shrinks_has_the_powers_of_its_factor(dtype):
    found = gradient_by_lag(rotating(0.75, dtype), [0, 1, 2] * 10, lags=20, starts=5)
    assert found.times.tolist() == [20, 22, 25, 28, 30]
    tolerance = ROUNDING if dtype == "float64" else 1e-5
    assert np.allclose(found.norms, 0.75**found.lags, rtol=tolerance, atol=0)
    assert math.isclose(found.half_life, math.log(0.5) / math.log(0.75), rel_tol=tolerance)


def test_what_never_fades_has_no_half_life():
    assert gradient_by_lag(rotating(1.0), [0, 1, 2] * 4, lags=12).half_life == math.inf


def test_the_half_life_is_the_last_crossing():
    norms = np.array([[0.25, 1.0, 0.25, 0.0], [0.25, 4.0, 0.25, 0.0]])
    lags = np.arange(1, 5)
    found = GradientByLag(lags, np.array([4, 5]), norms)
    assert found.median.tolist() == [0.25, 2.5, 0.25, 0]
    # From 2.5 at lag 2 to a tenth of that at lag 3: a half lies log 5 / log 10 of the way.
    assert math.isclose(found.half_life, 2 + math.log10(5), rel_tol=ROUNDING)
    gone = GradientByLag(lags, np.array([4]), np.zeros((1, 4)))
    assert gone.half_life == 0


@pytest.mark.parametrize("factor", [1e-9, 1e9])
def test_norms_beyond_float64_become_zero_or_infinity_and_never_nan(factor):
    network = rotating(1.0)
    network.parameters["layers.0.W"][:] = factor * np.eye(4)
    network.parameters["layers.0.b"][:] = 1e-300  # above 0 and finite for as long as the state is
    network.parameters["layers.0.U"][:] = 0
    state = ((np.full(4, 1e-290),),)
    found = gradient_by_lag(network, np.zeros(60, int), state, lags=60, starts=1)
    assert np.allclose(found.norms[0, :30], factor ** np.arange(1.0, 31), rtol=1e-9, atol=0)
    assert found.norms[0, -1] == (0 if factor < 1 else math.inf)


def test_a_dead_network_has_no_gradient():
    network = rotating(1.0)
    network.parameters["layers.0.b"][:] = -100
    assert not gradient_by_lag(network, [0, 1, 2] * 4, lags=5).norms.any()


def matrices() -> dict[str, Array]:
    generator = np.random.default_rng(0)
    square = generator.standard_normal((90, 90))
    rotation, _ = np.linalg.qr(square)
    decay = np.exp(-np.arange(90.0))
    return {
        "small": generator.standard_normal((7, 7)),
        "random": square,
        "rotation": rotation,
        "near each other": rotation * np.linspace(0.99, 1, 90),
        "one direction": np.outer(square[0], square[1]),
        "decay": rotation * decay @ rotation,
        "tiny": 1e-200 * square,
        "huge": 1e200 * square,
        "one entry": np.outer(np.eye(90)[3], 2 * np.eye(90)[5]),
        "nothing": np.zeros((90, 90)),
    }


@pytest.mark.parametrize("small", [0, 90], ids=["by iteration", "all at once"])
@pytest.mark.parametrize("name", matrices())
def test_the_spectral_norm_is_the_largest_singular_value(name, small, monkeypatch):
    monkeypatch.setattr(gradients, "SMALL", small)
    matrix = matrices()[name]
    right = np.linalg.svd(matrix, compute_uv=False)[0]
    tolerance = ROUNDING if small else gradients.CLOSE / 2  # 7e-16, 5e-7 measured
    assert math.isclose(spectral_norm(matrix), right, rel_tol=tolerance, abs_tol=0)


def test_an_iteration_that_gives_up_leaves_it_to_all_singular_values(monkeypatch):
    monkeypatch.setattr(gradients, "SMALL", 0)
    monkeypatch.setattr(gradients, "ENOUGH", 4)
    matrix = matrices()["random"]
    right = np.linalg.svd(matrix, compute_uv=False)[0]
    assert math.isclose(spectral_norm(matrix), right, rel_tol=ROUNDING)
    monkeypatch.setattr(gradients, "CLOSE", 1.0)  # content with anything, it is wrong
    assert not math.isclose(spectral_norm(matrix), right, rel_tol=1e-3)


def test_a_large_state_goes_the_same_way(monkeypatch):
    network = Network("lstm", input_size=3, hidden_size=40, output_size=2, dtype="float64", seed=1)
    x = np.random.default_rng(0).integers(0, 3, 12)
    exact = gradient_by_lag(network, x, lags=12, starts=2)
    monkeypatch.setattr(gradients, "SMALL", 64)
    found = gradient_by_lag(network, x, lags=12, starts=2)
    assert 0 < np.abs(found.norms / exact.norms - 1).max() < gradients.CLOSE / 2


def test_refusals():
    network = Network(**SOME)
    with pytest.raises(ShapeError, match=r"x has 2 steps.*set lags=2"):
        gradient_by_lag(network, [0, 1], lags=3)
    with pytest.raises(OptionError, match="starts is 0"):
        gradient_by_lag(network, [0, 1], lags=1, starts=0)
    with pytest.raises(OptionError, match="lags is 0"):
        gradient_by_lag(network, [0, 1], lags=0)
    with pytest.raises(OptionError, match="reads the whole sequence"):
        gradient_by_lag(Network(**SOME, bidirectional=True), [0, 1], lags=1)
    with pytest.raises(ShapeError, match="state"):
        gradient_by_lag(network, [0, 1], ((np.zeros(5),),), lags=1)
    network.parameters["layers.0.U"][0, 1] = np.nan
    with pytest.raises(NumericError, match="not finite"):
        gradient_by_lag(network, [0, 1, 0], lags=1)
