"""Traces against the equations written out step by step, against the run itself, and in little memory."""

from __future__ import annotations

import itertools
import re
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cases import TOLERANCE, Case, random_case, row
from checks import distance, worst
from elman import Network, OptionError, ShapeError, inspection
from elman.inspection import Trace, trace, traces
from inspection_cases import every_cell, every_engine, replayed

OPTIONS: dict[str, dict[str, Any]] = {
    "features": {"I": 3},
    "symbols": {"I": 3, "dense": False},
    "an embedding": {"I": 4, "dense": False, "embedding_size": 3},
    "features beside an embedding": {"I": 4, "dense": False, "embedding_size": 3, "feature_size": 2},
    "features beside symbols": {"I": 3, "dense": False, "feature_size": 2},
    "layer norm": {"I": 3, "layer_norm": True},
    "zoneout": {"I": 3, "zoneout": 0.3},
    "a learned start": {"I": 3, "learn_initial_state": True, "own_start": True},
    "a reset": {"I": 3, "reset": 0.4},
    "a reset, learned": {"I": 3, "reset": 0.4, "learn_initial_state": True, "zoneout": 0.2},
    "dropout at rest": {"I": 3, "recurrent_dropout": 0.3, "input_dropout": 0.2, "output_dropout": 0.4},
}
every_option = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)


def one_sequence(cell: tuple[str, str] = ("lstm", "tanh"), **options: Any) -> Case:
    sizes = {"T": 9, "B": 3, "H": (7, 5), "O": 4, "layers": 2}
    return row(random_case(cell, **sizes | options), 1)


def traced(case: Case) -> Trace:
    return trace(case.network, case.x, case.state, reset=case.reset)


def equations_error(case: Case) -> float:
    seen = traced(case)
    return worst(seen.states | seen.gates, replayed(case))


@every_cell
@every_engine
@every_option
def test_states_and_gates_are_those_of_the_equations(cell, engine, options):
    assert equations_error(one_sequence(cell, engine=engine, **options)) < TOLERANCE.equations


@every_cell
@every_engine
@every_option
def test_what_comes_out_is_what_the_run_gives_bit_for_bit(cell, engine, options):
    case = one_sequence(cell, engine=engine, dtype="float32", **options)
    seen = traced(case)
    y, after = case.run()
    np.testing.assert_array_equal(seen.y, y)
    for place, states, last in zip(case.network.spec.places(), seen.after, after, strict=True):
        for name, ended, s in zip(case.network.machine.layers.cell.states, states, last, strict=True):
            np.testing.assert_array_equal(ended, s)
            np.testing.assert_array_equal(seen.states[f"{place}.{name}"][-1], s)
    given = case.x if isinstance(case.x, tuple) else (case.x,)
    read = seen.x if isinstance(seen.x, tuple) else (seen.x,)
    for came, expected in zip(read, given, strict=True):
        np.testing.assert_array_equal(came, expected)


@every_cell
@every_engine
@pytest.mark.parametrize("window", [1, 4, 9, 30])
def test_parts_are_the_whole(cell, engine, window):
    case = one_sequence(cell, engine=engine, reset=0.3, I=3, feature_size=2, dense=False)
    whole = traced(case)
    parts = list(traces(case.network, case.x, case.state, reset=case.reset, window=window))
    assert [len(part) for part in parts] == [min(window, 9 - k) for k in range(0, 9, window)]
    came = {
        name: np.concatenate([(part.states | part.gates)[name] for part in parts])
        for name in whole.states | whole.gates
    }
    assert worst(came, whole.states | whole.gates) < TOLERANCE.law["float64"]
    assert distance(np.concatenate([part.y for part in parts]), whole.y) < TOLERANCE.law["float64"]
    np.testing.assert_array_equal(np.concatenate([part.x[0] for part in parts]), whole.x[0])


def test_a_long_trace_is_its_parts_joined(monkeypatch):
    case = one_sequence(feature_size=2, dense=False)
    whole = traced(case)
    monkeypatch.setitem(traces.__kwdefaults__, "window", 4)
    joined = traced(case)
    assert len(joined) == 9
    assert worst(joined.states | joined.gates, whole.states | whole.gates) < TOLERANCE.law["float64"]
    assert distance(joined.y, whole.y) < TOLERANCE.law["float64"]
    assert [part.shape for part in joined.x] == [part.shape for part in whole.x]
    np.testing.assert_array_equal(joined.x[1], case.x[1])
    assert distance(joined.after[1][1], whole.after[1][1]) < TOLERANCE.law["float64"]


@every_engine
def test_of_a_network_that_speaks_last_every_step_could_be_the_last(engine):
    case = one_sequence(("gru", "tanh"), engine=engine, readout="last")
    seen = traced(case)
    stepped = [case.network.run(case.x[: t + 1], case.state)[0] for t in range(9)]
    assert distance(seen.y, np.array(stepped)) < TOLERANCE.law["float64"]


def test_what_a_trace_holds_is_its_own():
    case = one_sequence()
    x = case.x.copy()
    seen = trace(case.network, x, case.state)
    before = {name: values.copy() for name, values in (seen.states | seen.gates).items()}
    x *= -1
    trace(case.network, x, case.state)
    np.testing.assert_array_equal(seen.x, case.x)
    for name, values in (seen.states | seen.gates).items():
        np.testing.assert_array_equal(values, before[name])


RANGES = {
    ("elman", "tanh"): {"h": (-1, 1)},
    ("elman", "relu"): {"h": (0, np.inf)},
    ("gru", "tanh"): {"h": (-1, 1), "r": (0, 1), "z": (0, 1), "n": (-1, 1)},
    ("lstm", "tanh"): {
        "h": (-1, 1),
        "s": (-np.inf, np.inf),
        "i": (0, 1),
        "f": (0, 1),
        "g": (-1, 1),
        "o": (0, 1),
    },
}


@every_cell
def test_the_ranges_are_where_the_numbers_can_lie(cell):
    case = replace(one_sequence(cell, T=8 if cell[1] == "relu" else 90), state=None)
    case.network.parameters.flat[:] *= 30
    seen = traced(case)
    assert seen.ranges == {f"layers.{k}.{letter}": r for k in (0, 1) for letter, r in RANGES[cell].items()}
    for letter, (low, high) in RANGES[cell].items():
        values = np.concatenate([(seen.states | seen.gates)[f"layers.{k}.{letter}"].ravel() for k in (0, 1)])
        assert low <= values.min()
        assert values.max() <= high
        if np.isfinite(high):  # it is driven to both ends, so that too wide a range would show
            assert values.min() < low + 0.1
            assert values.max() > high - 0.1


@every_engine
def test_nothing_read_is_a_trace_without_steps(engine):
    case = one_sequence(engine=engine)
    seen = trace(case.network, np.zeros((0, 2)), case.state)
    assert len(seen) == 0
    assert seen.y.shape == (0, 4)
    assert {name: values.shape for name, values in seen.gates.items()}["layers.1.f"] == (0, 5)
    np.testing.assert_array_equal(seen.after[0][1], case.state[0][1])


WIDE = 256 * 64 * 4  # bytes of one state or gate in a window


def peak(steps: int, engine: str) -> int:
    """Bytes that traces of so many steps take at most, the text not counted."""
    network = Network("lstm", input_size=5, hidden_size=64, output_size=5, engine=engine)
    symbols = np.arange(steps) % 5
    tracemalloc.start()
    for part in traces(network, symbols, window=256):
        assert len(part.gates["layers.0.f"])
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return taken


@every_engine
def test_memory_does_not_grow_with_the_text(engine):
    few, many = peak(512, engine), peak(8192, engine)
    assert many < few + WIDE
    assert (
        few < 24 * WIDE
    )  # 7 in the run, 6 copied of them, 6 of the part before, and what is made on the way


@every_engine
def test_the_memory_of_a_part_serves_the_next(engine):
    network = Network("lstm", input_size=5, hidden_size=8, output_size=5, engine=engine)
    for part in traces(network, np.arange(60) % 5, window=10):
        assert len(part) == 10
    spare = [network.machine.memory.take((1,)).base for _ in range(4)]
    assert [array.size for array in spare] == [10 * 4 * 8, 11 * 8, 11 * 8, 10 * 8]  # gates, h, s, q


REFUSALS: dict[str, tuple[Any, type[Exception], str]] = {
    "bidirectional": (
        lambda n: trace(n(bidirectional=True), [0]),
        OptionError,
        "bidirectional reads the whole",
    ),
    "readout": (lambda n: trace(n(readout="mean"), [0]), OptionError, "readout 'mean'.*'every' or 'last'"),
    "batch": (lambda n: trace(n(), np.zeros((4, 2), int)), ShapeError, r"shape \(4, 2\).*one sequence"),
    "batch of features": (
        lambda n: trace(n(), np.zeros((4, 2, 3))),
        ShapeError,
        r"\(4, 2, 3\).*one",
    ),
    "ragged": (lambda n: trace(n(), [[0, 1], [2]]), ShapeError, "unequal length"),
    "one symbol": (lambda n: trace(n(), 2), ShapeError, r"shape \(\)"),
    "no symbol": (lambda n: trace(n(), [0, 3]), ShapeError, "symbol 3"),
    "a late one": (lambda n: list(traces(n(), [0, 1, 3], window=2)), ShapeError, "symbol 3"),
    "an early start": (lambda n: traces(n(bidirectional=True), [0]), OptionError, "bidirectional"),
    "unequal parts": (
        lambda n: trace(n(feature_size=2), (np.zeros(4, int), np.zeros((5, 2)))),
        ShapeError,
        r"\[4, 5\] steps",
    ),
    "reset": (lambda n: trace(n(), [0, 1], reset=[True]), ShapeError, r"reset has shape \(1,\).*\(2,\)"),
    "numbers for a reset": (lambda n: trace(n(), [0], reset=[1]), ShapeError, "booleans"),
    "state": (lambda n: trace(n(), [0], ((np.zeros((1, 4)),),)), ShapeError, "state h of layer 0"),
    "window": (lambda n: traces(n(), [0], window=0), OptionError, "window is 0"),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_what_does_not_fit_is_refused_in_one_line(refusal):
    call, error, words = refusal

    def network(**options: Any) -> Network:
        return Network(input_size=3, hidden_size=4, output_size=2, **options)

    with pytest.raises(error) as refused:
        call(network)
    assert re.search(words, str(refused.value))
    assert "\n" not in str(refused.value)


def test_the_names_of_the_room():
    assert inspection.trace is trace
    assert inspection.traces is traces, "the function, not the module of the same name"
    assert set(inspection.__all__) == {
        *itertools.chain(*inspection._HOME.values()),
        "Trace",
        "trace",
        "traces",
    }
    assert [name for name in inspection.__all__ if not callable(getattr(inspection, name))] == []
    assert {"trace", "surprisal", "plots"} <= set(dir(inspection))
    with pytest.raises(AttributeError, match="no attribute 'tarce'"):
        _ = inspection.tarce
