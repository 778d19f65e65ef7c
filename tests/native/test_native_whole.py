"""A plain batch in one call of the engine: the bits of the long way, which all that is not plain goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from elman import Network, ShapeError
from elman.data import Batch
from elman.states import each
from native_cases import ISAS, MODULE, using

CELLS = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")]


def drawn(seed: int, cell: str, activation: str, **given: Any) -> tuple[Network, Batch, Any]:
    """A plain network, batch and state of random sizes."""
    rng = np.random.default_rng(seed)
    T, B, inputs, outputs = (int(n) for n in rng.integers(1, [40, 20, 9, 80]))
    widths = tuple(int(n) for n in rng.integers(1, 40, rng.integers(1, 4)))
    options = {"layer_norm": bool(rng.random() < 0.3), "dtype": str(rng.choice(["float32", "float64"]))}
    sizes = {"input_size": inputs, "hidden_size": widths, "output_size": outputs}
    made = {"seed": seed, "initialization": "uniform", "engine": "native"}
    network = Network(cell, activation=activation, **sizes, **made, **(options | given))
    symbols, numbers = (
        rng.integers(0, inputs, (T, B)),
        rng.normal(size=(T, B, inputs)).astype(network.spec.dtype),
    )
    reset = rng.random((T, B)) < 0.1 if rng.random() < 0.5 else None
    x = symbols if rng.random() < 0.5 else numbers
    state = each(network.init_state(B), lambda s: rng.normal(size=s.shape).astype(s.dtype) / 2)
    return network, Batch(x, rng.integers(0, outputs, (T, B)), reset=reset), state


def the_long_way(batch: Batch) -> Batch:
    """The same batch, with weights that change nothing."""
    return replace(batch, weights=np.ones(batch.targets.shape))


def as_bytes(told: Any) -> list[bytes]:
    states = [s for state in (told.state, told.dstate) for place in state for s in place]
    return [np.float64(told.loss).tobytes(), told.gradient.tobytes(), *(s.tobytes() for s in states)]


@pytest.mark.parametrize(("cell", "activation"), CELLS)
@pytest.mark.parametrize("threads", [1, 2])
def test_the_bits_of_the_long_way(cell: str, activation: str, threads: int, seed: int) -> None:
    for number in range(seed, seed + 20):
        network, batch, state = drawn(number, cell, activation, threads=threads)
        for start in (state, None):
            assert network.machine.plain.differentiate(batch, start, 1.0) is not None, number
            for share in (1.0, 0.3):
                came = network.differentiate(batch, start, share=share)
                expected = network.differentiate(the_long_way(batch), start, share=share)
                assert as_bytes(came) == as_bytes(expected), number


@pytest.mark.parametrize("isa", ISAS)
def test_every_instruction_set(isa: str, seed: int) -> None:
    for cell, activation in CELLS:
        network, batch, state = drawn(seed, cell, activation)
        with using(isa):
            there = Network.from_spec(network.spec, network.parameters.flat, engine="native")
            came = there.differentiate(batch, state)
        expected = network.differentiate(the_long_way(batch), state)
        assert as_bytes(came) == as_bytes(expected)


@pytest.mark.parametrize(
    "options",
    [
        {"bidirectional": True},
        {"embedding_size": 5},
        {"feature_size": 2},
        {"learn_initial_state": True},
        {"readout": "last"},
        {"head": "sigmoid"},
        {"zoneout": 0.2},
        {"engine": "reference"},
        {"num_layers": 7},
    ],
)
def test_what_is_not_plain_goes_the_long_way(options: dict[str, Any]) -> None:
    network = Network(**({"input_size": 4, "hidden_size": 5, "output_size": 3, "engine": "native"} | options))
    batch = Batch(np.zeros((6, 2), int), np.zeros((6, 2), int))
    assert network.machine.plain.differentiate(batch, None, 1.0) is None


@pytest.mark.parametrize(
    "change",
    [
        {"x": [[0, 1], [2, 3]]},
        {"x": np.zeros((2, 2), np.int32)},
        {"x": np.zeros((2, 4), int)[:, ::2]},
        {"x": np.zeros((2, 2, 4), np.float64)},
        {"x": np.zeros((2, 2, 5), np.float32)},
        {"x": np.zeros(2, int), "targets": np.zeros(2, int)},
        {"x": np.zeros((0, 2), int), "targets": np.zeros((0, 2), int)},
        {"targets": np.zeros((2, 2), np.uint8)},
        {"targets": np.zeros((3, 2), int)},
        {"lengths": np.array([2, 1])},
        {"weights": np.ones((2, 2))},
        {"reset": np.zeros((2, 2), int)},
        {"reset": np.zeros((1, 2), bool)},
    ],
)
def test_so_does_a_batch(change: dict[str, Any]) -> None:
    network = Network(input_size=4, hidden_size=5, output_size=3, engine="native")
    plain = Batch(np.zeros((2, 2), int), np.zeros((2, 2), int))
    assert network.machine.plain.differentiate(plain, None, 1.0) is not None
    assert network.machine.plain.differentiate(replace(plain, **change), None, 1.0) is None


@pytest.mark.parametrize(
    ("name", "x", "targets"), [("x", 4, 0), ("x", -1, 0), ("targets", 0, 3), ("targets", 0, -1)]
)
def test_a_symbol_that_is_none_is_named(name: str, x: int, targets: int) -> None:
    network = Network(input_size=4, hidden_size=5, output_size=3, engine="native")
    batch = Batch(np.full((2, 2), x), np.full((2, 2), targets))
    with pytest.raises(ShapeError, match=f"{name} holds the symbol {x or targets}"):
        network.differentiate(batch)


@pytest.mark.parametrize("shape", [(5, 2), (3, 5), (2, 4), (10,)])
def test_a_state_that_does_not_fit_is_refused(shape: tuple[int, ...]) -> None:
    network = Network(input_size=4, hidden_size=5, output_size=3, engine="native")
    batch = Batch(np.zeros((2, 2), int), np.zeros((2, 2), int))
    with pytest.raises(ShapeError, match="has shape"):
        network.differentiate(batch, ((np.zeros(shape, np.float32),),))


def test_parameters_that_changed_are_read() -> None:
    network, batch, state = drawn(5, "gru", "tanh")
    before = network.differentiate(batch, state)
    network.parameters.flat[:] *= 0.5
    after = network.differentiate(batch, state)
    assert as_bytes(after) == as_bytes(network.differentiate(the_long_way(batch), state))
    assert as_bytes(before) != as_bytes(after)


def compiled(**changes: Any) -> Any:
    """What the engine is handed for a net of 3 symbols, 4 units and 2 outputs, but for what changes."""
    flat = np.zeros(12 + 16 + 4 + 8 + 2, np.float32)
    U, W, b, V, c = np.split(flat, np.cumsum([12, 16, 4, 8]))
    given = {"flat": flat, "sizes": (0, 3, 2), "layers": ((U, W, b, None, None, None),), "outlet": (V, c)}
    return MODULE.float32.Whole(*(given | changes).values(), 1)


def called(**changes: Any) -> Any:
    whole = compiled()
    symbols, state = np.zeros((5, 2), np.int64), np.zeros((2, 4), np.float32)
    memory = np.empty(whole.room(5, 2), np.float32)
    states = ((state,), (state.copy(),), (state.copy(),))
    given = {"steps": 5, "batch": 2, "read": (symbols, None, symbols, None), "states": states}
    given |= {"into": (np.empty(42, np.float32), memory), "share": 1.0}
    return whole.differentiate(*(given | changes).values())


one = np.zeros(1, np.float32)
longs = np.zeros((5, 2), np.int64)
rows = np.zeros((2, 4), np.float32)


@pytest.mark.parametrize(
    "changes",
    [
        {"sizes": (4, 3, 2)},
        {"sizes": (0, 0, 2)},
        {"sizes": (0, 1 << 41, 2)},
        {"sizes": (0, 3)},
        {"layers": ()},
        {"layers": ((one,) * 5,)},
        {"layers": ((one, one, np.zeros(0, np.float32), None, None, None),)},
        {
            "layers": (
                (
                    np.zeros(12, np.float32),
                    np.zeros(16, np.float32),
                    np.zeros(4, np.float32),
                    None,
                    None,
                    None,
                ),
            )
        },
        {"outlet": (None, None)},
        {"outlet": (one, one)},
        {"flat": np.zeros(42)},
    ],
)
def test_the_engine_refuses_what_is_no_network(changes: dict[str, Any]) -> None:
    assert called() == pytest.approx(np.log(2))
    with pytest.raises(ValueError, match=r"[a-z]"):
        compiled(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 0},
        {"steps": 6},
        {"batch": -1},
        {"batch": 1 << 50},
        {"read": (longs, None, longs)},
        {"read": (None, None, longs, None)},
        {"read": (longs, None, None, None)},
        {"read": (longs, rows, longs, None)},
        {"read": (longs, None, longs, np.zeros(3, bool))},
        {"states": ((rows,), (rows,))},
        {"states": ((rows,), (rows,), ())},
        {"states": ((rows,), (rows,), (None,))},
        {"states": ((rows,), (rows,), (rows[:1],))},
        {"into": (np.empty(42, np.float32), np.empty(9, np.float32))},
        {"into": (np.empty(41, np.float32), np.empty(99, np.float32))},
        {"into": (None, None)},
    ],
)
def test_the_engine_refuses_what_does_not_fit(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"[a-z]"):
        called(**changes)
