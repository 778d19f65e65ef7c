"""Eigenvalues and Lyapunov exponents: networks whose answer is known, and trajectories side by side."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cases import TOLERANCE, Array, pack, read, unpack
from elman import Network
from elman.cells import CELLS
from elman.errors import NumericError, OptionError
from elman.inspection import dynamics, jacobians
from elman.inspection.dynamics import lyapunov_exponents, spectral_radius, spectrum
from elman.numerics import generator
from engine_cases import HERE
from test_jacobians import OPTIONS, case_of, measured, one

ROUNDING = 1e-12
SOME = {"input_size": 3, "hidden_size": 4, "output_size": 2, "dtype": "float64"}

# ------------------------------------------------------------------------------------------- eigenvalues


def test_eigenvalues_of_a_matrix_that_turns_and_stretches():
    network = Network(**SOME)
    turn = 2 * np.array([[math.cos(1), -math.sin(1)], [math.sin(1), math.cos(1)]])
    W = np.zeros((4, 4))
    W[:2, :2], W[2, 2], W[3, 3] = turn, -3, 0.5
    basis = np.random.default_rng(0).standard_normal((4, 4))
    network.parameters["layers.0.W"][:] = basis @ W @ np.linalg.inv(basis)
    found = spectrum(network)["layers.0.W"]
    assert found.dtype == np.complex128
    assert np.allclose(found, [-3, 2 * np.exp(1j), 2 * np.exp(-1j), 0.5], rtol=0, atol=1e-10)
    assert math.isclose(spectral_radius(network)["layers.0.W"], 3, rel_tol=1e-10)


@pytest.mark.parametrize("cell", [("gru", "tanh"), ("lstm", "tanh")], ids="-".join)
def test_every_gate_of_every_place_has_its_own(cell):
    network = Network(cell[0], **SOME, num_layers=2, bidirectional=True)
    gates = CELLS[cell].gates
    for k, place in enumerate(network.spec.places()):
        for i in range(len(gates)):
            network.parameters[f"{place}.W"][4 * i : 4 * i + 4] = np.diag([0.1, 0.2, 0.3, k + i / 10 + 1])
    found = spectral_radius(network)
    names = [f"{place}.W.{gate}" for place in network.spec.places() for gate in gates]
    assert list(found) == names
    assert "layers.1.reverse.W.z" in names or "layers.1.reverse.W.o" in names
    expected = [k + i / 10 + 1 for k in range(4) for i in range(len(gates))]
    assert np.allclose(list(found.values()), expected, rtol=ROUNDING, atol=0)


def test_a_weight_that_is_no_number_is_refused():
    network = Network(**SOME)
    network.parameters["layers.0.W"][1, 2] = np.inf
    with pytest.raises(NumericError, match=r"layers\.0\.W is not finite"):
        spectrum(network)


# ------------------------------------------------------------------------------------ Lyapunov exponents


def always_above_zero(W: Array, dtype: str = "float64") -> Network:
    """A net of relu units that never reach 0: each step multiplies by W."""
    network = Network(**SOME | {"hidden_size": len(W), "dtype": dtype}, activation="relu")
    network.parameters["layers.0.W"][:] = W
    network.parameters["layers.0.U"][:] = 0
    network.parameters["layers.0.b"][:] = 1
    return network


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_linear_net_has_the_logarithms_of_its_factors(dtype):
    found = lyapunov_exponents(always_above_zero(np.diag([0.25, 0.9, 0.5]), dtype), [0] * 200, skip=100)
    assert np.allclose(found, np.log([0.9, 0.5, 0.25]), rtol=0, atol=1e-7 if dtype == "float32" else 1e-9)


def test_a_symmetric_matrix_has_those_of_its_eigenvalues():
    root = np.random.default_rng(3).uniform(0.1, 1, (4, 4))
    W = root @ root.T / 6
    factors = np.linalg.eigvalsh(W)[::-1]
    assert factors[-1] > 0
    found = lyapunov_exponents(always_above_zero(W), [0] * 400, skip=200)
    assert np.allclose(found, np.log(factors), rtol=0, atol=1e-9)


@pytest.mark.parametrize(("weight", "cycle"), [(0.7, 1), (-0.9, 1), (2.5, 1), (-1.4, 2)])
def test_one_unit_that_has_settled(weight, cycle):
    """h = tanh(w h + b) for ever: the exponent is log |w (1 − h²)|, where h jumps to and fro its mean."""
    network = Network(**SOME | {"hidden_size": 1})
    network.parameters["layers.0.W"][:] = weight
    network.parameters["layers.0.U"][:] = 0
    network.parameters["layers.0.b"][:] = 0.9
    orbit = [0.5]
    for _ in range(3000):
        orbit.append(math.tanh(weight * orbit[-1] + 0.9))
    assert len({round(h, 9) for h in orbit[-10:]}) == cycle
    (found,) = lyapunov_exponents(network, [0, 1] * 200, ((np.array(orbit[-1:]),),), skip=0)
    expected = sum(math.log(abs(weight * (1 - h * h))) for h in orbit[-cycle:]) / cycle
    assert math.isclose(found, expected, rel_tol=1e-9)


@pytest.mark.parametrize("engine", HERE)
@pytest.mark.parametrize("options", [OPTIONS[name] for name in ("plain", "features", "zoneout, layer norm")])
@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell[1] == "tanh"], ids="-".join)
def test_all_exponents_together_are_the_growth_of_volume(cell, options, engine):
    """Σ λ = mean log |det J|, J by central differences of one step."""
    network, x, state = one(case_of(cell, engine, **options))
    found, volume, now = lyapunov_exponents(network, x, state, skip=1), 0.0, state
    for t in range(4):
        x_t = read(x, lambda part, t=t: part[t])
        if t >= 1:
            volume += np.linalg.slogdet(measured(network, x_t, now)).logabsdet / 3
        now = network.step(x_t, now)[1]
    assert len(found) == sum(s.size for place in state for s in place)
    assert (np.diff(found) <= 0).all()
    assert abs(found.sum() - volume) < TOLERANCE.gradient * max(1, abs(volume))


def separation(network: Network, x: Array, *, skip: int, distance: float = 1e-8) -> float:
    """The growth of a small distance between two runs, made small again after every step."""
    state = network.init_state()
    offset = generator(0, "initialization").standard_normal(len(pack(state)))  # the first axis
    total = 0.0
    for t, symbol in enumerate(x):
        near = unpack(pack(state) + distance * offset / np.linalg.norm(offset), like=state)
        state, near = network.step(symbol, state)[1], network.step(symbol, near)[1]
        offset = pack(near) - pack(state)
        total += math.log(np.linalg.norm(offset) / distance) * (t >= skip)
    return total / (len(x) - skip)


def driven(gain: float) -> tuple[Network, Array]:
    """A net of random weights, W ~ N(0, g²/H): chaotic from about g = 1 on where its input is weak."""
    network = Network(**SOME | {"hidden_size": 30})
    drawn = np.random.default_rng(0)
    network.parameters["layers.0.W"][:] = gain * drawn.standard_normal((30, 30)) / math.sqrt(30)
    network.parameters["layers.0.U"][:] = 0.1 * drawn.standard_normal((30, 3))
    return network, drawn.integers(0, 3, 600)


@pytest.mark.parametrize(("gain", "sign"), [(3.0, 1), (0.5, -1)])
def test_near_runs_come_apart_or_together_as_fast_as_the_largest_exponent_says(gain, sign):
    network, x = driven(gain)
    largest = lyapunov_exponents(network, x, count=1, skip=200)[0]
    assert sign * largest > 0.1
    assert abs(largest - separation(network, x, skip=200)) < 1e-6


def test_a_contraction_has_exponents_below_zero():
    network, x = driven(0.5)
    assert (lyapunov_exponents(network, x[:100]) < 0).all()


def test_a_count_has_the_largest():
    network, x = driven(3.0)
    whole, first = lyapunov_exponents(network, x), lyapunov_exponents(network, x, count=3)
    assert first.shape == (3,)
    assert np.allclose(first, whole[:3], rtol=0, atol=0.05)  # other axes to begin with: 1/T


def test_windows_change_nothing(monkeypatch):
    network, x = driven(1.0)
    whole = lyapunov_exponents(network, x[:50])
    monkeypatch.setattr(dynamics, "WINDOW", 7)
    assert np.allclose(lyapunov_exponents(network, x[:50]), whole, rtol=0, atol=1e-9)


def test_a_direction_that_a_step_makes_to_nothing():
    found = lyapunov_exponents(always_above_zero(np.diag([0.5, 0.0])), [0] * 20)
    assert np.isclose(found[0], math.log(0.5), rtol=0, atol=1e-9)
    assert found[1] == -math.inf


def test_a_transposed_jacobian_would_be_noticed(monkeypatch):
    network, x = driven(3.0)
    right = jacobians.jacobian
    monkeypatch.setattr(jacobians, "jacobian", lambda layers, t: right(layers, t).T)
    largest = lyapunov_exponents(network, x, count=1, skip=200)[0]
    assert abs(largest - separation(network, x, skip=200)) > 1e-4


def test_refusals():
    network = Network(**SOME)
    with pytest.raises(OptionError, match="count is 5; a state of 4 numbers"):
        lyapunov_exponents(network, [0, 1], count=5)
    with pytest.raises(OptionError, match="count is 0"):
        lyapunov_exponents(network, [0, 1], count=0)
    for skip in (2, -1, 0.5):
        with pytest.raises(OptionError, match=f"skip is {skip}; x has 2 steps"):
            lyapunov_exponents(network, [0, 1], skip=skip)
    with pytest.raises(OptionError, match="reads the whole sequence"):
        lyapunov_exponents(Network(**SOME, readout="max"), [0, 1])
    network.parameters["layers.0.b"][:] = np.nan
    with pytest.raises(NumericError, match="not finite"):
        lyapunov_exponents(network, [0, 1])
