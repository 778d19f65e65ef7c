"""Units: against counts and sums over the whole trace, and networks whose units do what was set."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cases import Array, random_case, row
from elman import DataError, Network, OptionError, ShapeError
from elman.inspection import (
    Trace,
    correlations,
    dead_units,
    probe,
    saturation,
    symbol_signals,
    trace,
    traces,
)
from inspection_cases import every_cell, every_engine

generator = np.random.default_rng


def looked_at(cell: tuple[str, str], *, louder: float = 3.0, **options: Any) -> tuple[Trace, list[Trace]]:
    """A trace of two layers over 40 steps, whole and in parts of 7."""
    case = row(random_case(cell, T=40, I=3, H=(7, 5), layers=2, **options), 0)
    case.network.parameters.flat[:] *= louder
    given = (case.network, case.x, case.state)
    return trace(*given), list(traces(*given, window=7))


def made(**values: Array) -> Trace:
    """A trace of these states, said to lie between −1 and 1."""
    states = {name: np.asarray(value) for name, value in values.items()}
    steps = len(next(iter(states.values())))
    return Trace(
        np.zeros(steps, int), states, {}, np.zeros((steps, 1)), (), dict.fromkeys(states, (-1.0, 1.0))
    )


# ---------------------------------------------------------------------------------------------- saturation


def shares(seen: Trace, near: float) -> dict[str, list[tuple[float, float]]]:
    """The share of steps near each end, number by number."""
    found = {}
    for name, values in (seen.states | seen.gates).items():
        low, high = seen.ranges[name]
        if np.isfinite(high):
            places = [[(v - low) / (high - low) for v in unit] for unit in values.T]
            found[name] = [
                (np.mean([p < near for p in u]), np.mean([1 - p < near for p in u])) for u in places
            ]
        elif np.isfinite(low):
            found[name] = [(np.mean([v == 0 for v in unit]), 0.0) for unit in values.T]
    return found


@every_cell
@every_engine
@pytest.mark.parametrize("near", [0.1, 0.25])
def test_saturation_is_the_share_of_steps_near_an_end(cell, engine, near):
    whole, parts = looked_at(cell, engine=engine, louder=1.2 if cell[1] == "relu" else 3.0)
    expected = shares(whole, near)
    assert any(0 < low < 1 for unit in expected.values() for low, _ in unit)
    for found in (saturation(whole, near=near), saturation(iter(parts), near=near)):
        assert found.keys() == expected.keys()
        for name, ends in expected.items():
            np.testing.assert_allclose(
                np.stack([found[name].low, found[name].high], axis=1), ends, rtol=1e-12
            )


@every_engine
def test_gates_that_are_held_open_and_shut_are_seen_so(engine):
    network = Network("lstm", input_size=3, hidden_size=4, output_size=2, engine=engine)
    network.parameters.flat[:] = 0
    b = network.parameters["layers.0.b"].reshape(4, 4)  # i f g o
    b[0, 1], b[1, 2], b[2, 3], b[3, 0] = -5, 5, 5, -5
    found = saturation(trace(network, [0, 1, 2, 0]))
    assert set(found) == {f"layers.0.{letter}" for letter in "hifgo"}
    assert found["layers.0.i"].low.tolist() == [0, 1, 0, 0]
    assert found["layers.0.f"].high.tolist() == [0, 0, 1, 0]
    assert found["layers.0.g"].high.tolist() == [0, 0, 0, 1]
    assert found["layers.0.o"].low.tolist() == [1, 0, 0, 0]
    assert not found["layers.0.i"].high.any()
    assert not found["layers.0.f"].low.any()


# ---------------------------------------------------------------------------------------------- dead units


@every_cell
@every_engine
def test_a_unit_without_weights_never_moves(cell, engine):
    case = row(random_case(cell, T=12, I=3, engine=engine), 0)
    network = case.network
    for name in ("U", "W"):
        by_gate = network.parameters[f"layers.0.{name}"].reshape(
            -1, 7, network.parameters[f"layers.0.{name}"].shape[1]
        )
        by_gate[:, 4] = 0
    if cell[0] == "lstm":
        network.parameters["layers.0.b"].reshape(4, 7)[1, 4] = -60  # nothing of the start is kept
    if cell[0] == "gru":
        network.parameters["layers.0.b"].reshape(3, 7)[1, 4] = -60
    for parts in (trace(network, case.x), traces(network, case.x, window=5)):
        assert all(dead.tolist() == [k == 4 for k in range(7)] for dead in dead_units(parts).values())


def test_a_unit_that_moves_only_between_parts_moves():
    parts = [made(h=np.full((3, 2), [0.5, value])) for value in (0.1, 0.2)]
    assert dead_units(parts)["h"].tolist() == [True, False]
    assert dead_units(parts, change=0.2)["h"].tolist() == [True, True]
    assert dead_units(parts, change=0)["h"].tolist() == [True, False]


# -------------------------------------------------------------------------------------------- correlations


@every_cell
@every_engine
def test_correlations_are_those_of_the_whole_trace(cell, engine):
    whole, parts = looked_at(cell, engine=engine, louder=1.2)
    signals = generator(1).normal(size=(40, 3)) + np.array([0, 100, -3])
    assert correlations(whole, signals).keys() == (whole.states | whole.gates).keys()
    for name, values in (whole.states | whole.gates).items():
        with np.errstate(invalid="ignore"):
            expected = np.corrcoef(values.T, signals.T)[: values.shape[1], values.shape[1] :]
        for found in (correlations(whole, signals), correlations(iter(parts), signals)):
            np.testing.assert_allclose(found[name], expected, rtol=0, atol=1e-12)


def test_far_from_zero_nothing_is_lost():
    values, signals = generator(2).normal(size=(2, 5000, 1))
    expected = np.corrcoef(values[:, 0], signals[:, 0])[0, 1]
    parts = [made(h=1e7 + values[k : k + 100]) for k in range(0, 5000, 100)]
    found = correlations(parts, 1e7 + signals)["h"][0, 0]
    assert abs(found - expected) < 1e-7  # of the values nine digits are left; of a plain sum of squares, none


def test_of_what_never_moves_there_is_no_correlation():
    parts = [made(h=np.full((n, 2), [0.1, 0.3])) for n in (3, 4)]
    parts[1].states["h"][3, 1] = 0.4
    found = correlations(parts, np.array([[1, 0.7]] * 6 + [[5, 0.7]]))["h"]
    np.testing.assert_allclose(found, [[np.nan, np.nan], [1, np.nan]])


def test_what_moves_only_between_parts_is_correlated():
    parts = [made(h=np.full((n, 2), [0.5, value])) for n, value in ((3, 0.1), (4, 0.2))]
    found = correlations(parts, np.array([1.0] * 3 + [-2.0] * 4))["h"]
    np.testing.assert_allclose(found, [[np.nan], [-1]])


def test_signals_may_be_a_function_or_one_column_or_booleans():
    whole, parts = looked_at(("gru", "tanh"), dense=False, louder=1.0)
    marks = whole.x == 1
    expected = correlations(whole, marks[:, None].astype(float))
    for given, signals in [
        (whole, marks),
        (iter(parts), marks),
        (iter(parts), lambda part: part.x == 1),
        (iter(parts), lambda part: symbol_signals(part.x, 3)[:, 1:2]),
    ]:
        found = correlations(given, signals)
        for name, r in expected.items():
            np.testing.assert_allclose(found[name], r, rtol=0, atol=1e-12)


@every_engine
def test_the_unit_that_counts_is_found(engine):
    network = Network(
        "elman", activation="relu", input_size=4, hidden_size=5, output_size=4, dtype="float64", engine=engine
    )
    U, W, b = (network.parameters[f"layers.0.{name}"] for name in "UWb")
    b[3], W[3], U[3] = 0, np.eye(5)[3], [0, 0, 1, 0]  # h₃ grows by 1 with every symbol 2
    symbols = generator(3).integers(0, 4, 300)
    counts = np.cumsum(symbols == 2)
    for parts in (trace(network, symbols), traces(network, symbols, window=64)):
        r = correlations(parts, counts)["layers.0.h"][:, 0]
        assert np.nanargmax(np.abs(r)) == 3
        assert abs(r[3] - 1) < 1e-12


def test_symbols_as_signals():
    assert symbol_signals(np.array([1, 0, 1], np.uint8), 2).tolist() == [[0, 1], [1, 0], [0, 1]]
    assert symbol_signals(np.array([], int), 2).shape == (0, 2)


# ---------------------------------------------------------------------------------------------------- probe


def least_squares(states: Array, aims: Array, penalty: float) -> tuple[Array, Array]:
    """Ridge regression as least squares with rows for the penalty, the bias among the unknowns."""
    steps, units = states.shape
    rows = np.block([[states, np.ones((steps, 1))], [np.sqrt(penalty) * np.eye(units), np.zeros((units, 1))]])
    found = np.linalg.lstsq(rows, np.concatenate([aims, np.zeros((units, aims.shape[1]))]), rcond=None)[0]
    return found[:-1].T, found[-1]


@pytest.mark.parametrize("penalty", [1e-6, 1.0, 300.0])
def test_a_probe_of_values_is_ridge_regression(penalty):
    states = generator(5).normal(size=(200, 6)) + 3
    aims = states @ generator(6).normal(size=(6, 2)) + generator(7).normal(size=(200, 2))
    found = probe(states, aims, penalty=penalty, held_out=0.25)
    weights, bias = least_squares(states[:150], aims[:150], penalty)
    np.testing.assert_allclose(found.weights, weights, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.bias, bias, rtol=0, atol=1e-9)
    left = aims[150:] - (states[150:] @ weights.T + bias)
    expected = np.mean(1 - (left**2).sum(axis=0) / ((aims[150:] - aims[150:].mean(axis=0)) ** 2).sum(axis=0))
    assert abs(found.score - expected) < 1e-9
    assert (found.classes, found.baseline) == (False, 0)
    np.testing.assert_allclose(found.predict(states), states @ weights.T + bias, rtol=0, atol=1e-8)


@pytest.mark.parametrize("penalty", [1e-6, 50.0])
def test_a_probe_of_classes_is_ridge_regression_on_zeros_and_ones(penalty):
    states = generator(8).normal(size=(150, 4)) + 2
    classes = (states[:, 0] > 2).astype(np.uint8) + 2 * (states[:, 2] > 2.5)  # 1 and 3 may stay empty
    found = probe(states.astype(np.float32), classes, penalty=penalty)
    weights, bias = least_squares(
        states.astype(np.float32)[:120].astype(float), np.eye(4)[classes[:120]], penalty
    )
    np.testing.assert_allclose(found.weights, weights, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.bias, bias, rtol=0, atol=1e-9)
    guesses = (states @ weights.T + bias).argmax(axis=1)
    np.testing.assert_array_equal(found.predict(states), guesses)
    assert found.score == np.mean(guesses[120:] == classes[120:])
    assert found.baseline == np.mean(classes[120:] == np.bincount(classes[:120]).argmax())
    assert 0 < found.baseline < found.score
    assert found.classes


def test_what_was_held_out_is_the_end_and_teaches_nothing():
    states = generator(9).normal(size=(500, 3))
    right = states[:, 1] > 0
    turned = np.where(np.arange(500) < 400, right, ~right)
    assert probe(states, right).score > 0.95
    assert probe(states, turned).score < 0.05
    assert probe(states, turned, held_out=0.4).score == pytest.approx(0.5, abs=0.05)


@every_engine
def test_a_probe_finds_the_symbol_before_the_last_in_a_network_that_holds_it(engine):
    network = Network(input_size=3, hidden_size=6, output_size=3, engine=engine)
    U, W, b = (network.parameters[f"layers.0.{name}"] for name in "UWb")
    U[:], W[:], b[:] = np.eye(6)[:, :3], np.eye(6, k=-3), 0  # units 3..5 hold what units 0..2 held
    symbols = generator(10).integers(0, 3, 400)
    seen = trace(network, symbols)
    before = np.concatenate([[0], symbols[:-1]])
    assert probe(seen.states["layers.0.h"], before).score == 1
    two_before = np.concatenate([[0, 0], symbols[:-2]])
    found = probe(seen.states["layers.0.h"], two_before)
    assert found.score < found.baseline + 0.15


# ------------------------------------------------------------------------------------------------- refusals

SEEN = made(h=np.linspace(0, 1, 8).reshape(4, 2))
EMPTY = made(h=np.zeros((0, 2)))
STATES = np.linspace(0, 1, 20).reshape(10, 2)
REFUSALS: dict[str, tuple[Any, type[Exception], str]] = {
    "near": (lambda: saturation(SEEN, near=0.5), OptionError, "near is 0.5"),
    "no steps": (lambda: saturation(EMPTY), DataError, "0 steps; 1"),
    "no parts": (lambda: saturation([]), DataError, "0 steps; 1"),
    "change": (lambda: dead_units(SEEN, change=-1), OptionError, "change is -1"),
    "NaN for a change": (lambda: dead_units(SEEN, change=np.nan), OptionError, "change is nan"),
    "one step": (lambda: dead_units(made(h=np.zeros((1, 2)))), DataError, "1 steps; 2"),
    "few signals": (lambda: correlations(SEEN, np.zeros(3)), ShapeError, "3 rows for 4 steps"),
    "many signals": (lambda: correlations(SEEN, np.zeros(5)), ShapeError, "5 rows, the trace 4 steps"),
    "odd signals": (lambda: correlations(SEEN, lambda part: np.zeros(2)), ShapeError, "2 rows for 4"),
    "words": (lambda: correlations(SEEN, np.array(["a"] * 4)), ShapeError, "signals are <U1"),
    "infinite": (lambda: correlations(SEEN, np.array([0, 1, np.inf, 2])), DataError, "signals hold NaN"),
    "nothing": (lambda: correlations([EMPTY], np.zeros(0)), DataError, "no step"),
    "symbols": (lambda: symbol_signals([0, 3], 3), ShapeError, "symbols hold 3; .* 0 to 2"),
    "no symbols": (lambda: symbol_signals([0.5], 3), ShapeError, "symbols are float64"),
    "count": (lambda: symbol_signals([0], 0), OptionError, "count is 0"),
    "penalty": (lambda: probe(STATES, STATES[:, 0], penalty=0), OptionError, "penalty is 0"),
    "states": (lambda: probe(STATES[:, 0], STATES[:, 0]), ShapeError, "states has 1 axis"),
    "lengths": (lambda: probe(STATES, STATES[1:, 0]), ShapeError, "targets have 9 rows, states 10"),
    "classes": (lambda: probe(STATES, np.arange(10) - 1), ShapeError, "targets hold -1; .* 0 on"),
    "not finite": (lambda: probe(STATES * np.nan, STATES[:, 0]), DataError, "states are not finite"),
    "no targets": (lambda: probe(STATES, np.full(10, np.nan)), DataError, "targets hold NaN"),
    "constant": (lambda: probe(STATES, np.ones(10)), DataError, "does not vary"),
    "fraction": (lambda: probe(STATES, STATES[:, 0], held_out=1.5), OptionError, "1.5"),
    "too few": (lambda: probe(STATES[:1], np.zeros(1, int)), DataError, "1 rows cannot be cut"),
    "width": (
        lambda: probe(STATES, STATES[:, 0]).predict(STATES[:, :1]),
        ShapeError,
        "H = 1; .* H = 2",
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_what_does_not_fit_is_refused_in_one_line(refusal):
    call, error, words = refusal
    with pytest.raises(error, match=words) as refused:
        call()
    assert "\n" not in str(refused.value)
