"""The network's doors: what does not fit is refused, in words that say what came and what to do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cases import Array
from elman import Batch, ElmanError, Network, OptionError, ShapeError, bptt
from elman.states import State


def small(**changed: object) -> Network:
    """A network of two layers that reads 3 and writes 2."""
    given = {"input_size": 3, "hidden_size": 4, "output_size": 2, "num_layers": 2, "dtype": "float64"}
    return Network(**(given | changed))  # type: ignore[arg-type]


def zeros(*shape: int) -> Array:
    return np.zeros(shape)


def refusal(act: Callable[[], object], kind: type[ElmanError] = ShapeError) -> str:
    with pytest.raises(kind) as refused:
        act()
    return str(refused.value)


X, ZEROS = zeros(5, 6, 3), zeros(5, 6).astype(int)
READ: dict[str, tuple[object, str]] = {
    "another width": (
        zeros(5, 6, 7),
        "x has shape (5, 6, 7), I = 7; expected I = 3. "
        "The first layer reads 3 features. Is the batch axis first?",
    ),
    "one axis too many": (
        zeros(5, 6, 3, 1),
        "x has 4 axes, shape (5, 6, 3, 1); expected (T I=3). "
        "The first layer reads 3 features. Is the batch axis first?",
    ),
    "floats where symbols were meant": (
        zeros(5, 6),
        "x has shape (5, 6), I = 6; expected I = 3. "
        "The first layer reads 3 features. Is the batch axis first?",
    ),
    "one-hot integers": (
        zeros(5, 6, 3).astype(int),
        "x has 3 axes, shape (5, 6, 3); expected (T). "
        "Integers are symbols, one a step; 3 features a step would be floats.",
    ),
    "truth values": (
        np.zeros((5, 6), bool),
        "x is an array of bool; expected integers (symbols) or floats (features)",
    ),
    "objects": (
        np.array([["a", None]], object),
        "x is an array of object; expected integers (symbols) or floats (features)",
    ),
    "text": (
        "abc",
        "x is an array of <U3; expected integers (symbols) or floats (features)",
    ),
    "complex numbers": (
        np.zeros((5, 6, 3), complex),
        "x is an array of complex128; expected integers (symbols) or floats (features)",
    ),
    "a symbol too large": ([[0, 3]], "x holds the symbol 3; symbols run from 0 to 2"),
    "a negative symbol": ([[0, -1]], "x holds the symbol -1; symbols run from 0 to 2"),
}


@pytest.mark.parametrize(("x", "message"), READ.values(), ids=READ)
def test_inputs_that_do_not_fit(x: object, message: str) -> None:
    assert refusal(lambda: small().run(x)) == message  # type: ignore[arg-type]


@pytest.mark.parametrize("x", [zeros(5, 6, 3), zeros(4), 3, -1, True, "a", [0.5], [[0, 1]]], ids=str)
def test_steps_that_do_not_fit(x: object) -> None:
    assert refusal(lambda: small().step(x)).startswith("x ")  # type: ignore[arg-type]


LENGTHS: dict[str, tuple[object, str]] = {
    "too few": ([5], "lengths has shape (1,), B = 1; expected B = 6. x is T=5 B=6."),
    "no axis": (3, "lengths has 0 axes, shape (); expected (B=6). x is T=5 B=6."),
    "too long": ([5, 6, 0, 1, 2, 3], "lengths run from 0 to 6; x has T=5 steps"),
    "negative": ([5, -1, 0, 1, 2, 3], "lengths run from -1 to 5; x has T=5 steps"),
    "not whole": ([5.0] * 6, "lengths is an array of float64; expected whole numbers"),
    "truth values": ([True] * 6, "lengths is an array of bool; expected whole numbers"),
}


@pytest.mark.parametrize(("lengths", "message"), LENGTHS.values(), ids=LENGTHS)
def test_lengths_that_do_not_fit(lengths: object, message: str) -> None:
    assert refusal(lambda: small().run(X, lengths=lengths)) == message  # type: ignore[arg-type]


def test_one_sequence_has_one_length() -> None:
    assert "lengths has shape (2,), B = 2; expected B = 1" in refusal(
        lambda: small().run(zeros(5, 3), lengths=[3, 3])
    )


STATES: dict[str, tuple[Callable[[Network], object], str]] = {
    "another batch": (
        lambda network: network.init_state(3),
        "state h of layer 0 has shape (3, 4); expected (6, 4). "
        "A state belongs to the network and the batch that it came from.",
    ),
    "no batch": (
        lambda network: network.init_state(),
        "state h of layer 0 has shape (4,); expected (6, 4). "
        "A state belongs to the network and the batch that it came from.",
    ),
    "the second layer's": (
        lambda network: (network.init_state(6)[0], (zeros(6, 5),)),
        "state h of layer 1 has shape (6, 5); expected (6, 4). "
        "A state belongs to the network and the batch that it came from.",
    ),
    "a layer missing": (
        lambda network: network.init_state(6)[:1],
        "state must be a tuple with one entry for each of the 2 layers, 2 in all",
    ),
    "PyTorch's array": (
        lambda network: zeros(2, 6, 4),
        "state must be a tuple with one entry for each of the 2 layers, 2 in all",
    ),
    "arrays, not tuples": (
        lambda network: (zeros(6, 4), zeros(6, 4)),
        "state of layer 0 must be a tuple of 1: h",
    ),
    "two arrays a layer": (
        lambda network: ((zeros(6, 4), zeros(6, 4)),) * 2,
        "state of layer 0 must be a tuple of 1: h",
    ),
}


@pytest.mark.parametrize(("make", "message"), STATES.values(), ids=STATES)
def test_states_that_do_not_fit(make: Callable[[Network], State], message: str) -> None:
    network = small()
    assert refusal(lambda: network.run(X, make(network))) == message
    assert refusal(lambda: network.step(X[0], make(network))) == message
    y, _, tapes = network.forward(X)
    assert refusal(lambda: network.backward(y, tapes, make(network))) == message


@pytest.mark.parametrize("dy", [zeros(5, 6, 3), zeros(4, 6, 2), zeros(6, 5, 2), zeros(5, 2)], ids=np.shape)
def test_gradients_that_do_not_fit(dy: Array) -> None:
    network = small()
    _, _, tapes = network.forward(X)
    assert refusal(lambda: network.backward(dy, tapes)).startswith("dy has ")


TARGETS: dict[str, tuple[Array, str]] = {
    "too few steps": (zeros(4, 6).astype(int), "targets"),
    "too few rows": (zeros(5, 5).astype(int), "targets"),
    "no batch axis": (zeros(5).astype(int), "targets"),
    "one-hot": (zeros(5, 6, 2).astype(int), "targets has 3 axes, shape (5, 6, 2); expected (T B)."),
    "floats": (zeros(5, 6), "targets is an array of float64; expected integers (symbols)"),
    "no such symbol": (np.full((5, 6), 2), "targets holds the symbol 2; symbols run from 0 to 1"),
    "negative": (np.full((5, 6), -1), "targets holds the symbol -1; symbols run from 0 to 1"),
}


@pytest.mark.parametrize(("targets", "message"), TARGETS.values(), ids=TARGETS)
def test_targets_that_do_not_fit(targets: Array, message: str) -> None:
    assert refusal(lambda: bptt.full(small(), Batch(X, targets))).startswith(message)
    assert refusal(lambda: bptt.truncated(small(), Batch(X, targets), window=9)).startswith(message)


@pytest.mark.parametrize("method", [bptt.truncated, bptt.checkpointed])
@pytest.mark.parametrize("window", [0, -1])
def test_windows_are_one_step_or_more(method: Callable[..., object], window: int) -> None:
    batch = Batch(X, zeros(5, 6).astype(int))
    message = refusal(lambda: method(small(), batch, window=window), OptionError)
    assert message == f"window is {window}; it must be a number of steps, 1 or more"
