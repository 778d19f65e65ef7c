"""The network's doors: what shapes go in and come out, and what is refused, in words that help."""

from __future__ import annotations

import copy
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from cases import Array, each, pack, random_case, row
from elman import Network, OptionError, ShapeError
from elman.noise import Noise


def small(**changed: object) -> Network:
    """A network of two layers that reads 3 and writes 2."""
    given = {"input_size": 3, "hidden_size": 4, "output_size": 2, "num_layers": 2, "dtype": "float64"}
    return Network(**(given | changed))  # type: ignore[arg-type]


def zeros(*shape: int) -> Array:
    return np.zeros(shape)


X = zeros(5, 6, 3)

# Shapes


@pytest.mark.parametrize(
    ("x", "y_shape", "h_shape"),
    [
        (zeros(5, 6, 3), (5, 6, 2), (6, 4)),
        (zeros(5, 6).astype(int), (5, 6, 2), (6, 4)),
        (zeros(5, 3), (5, 2), (4,)),
        (zeros(5).astype(int), (5, 2), (4,)),
        ([[0.5, 1, 2], [3, 4, 5]], (2, 2), (4,)),
        ([0, 2, 1], (3, 2), (4,)),
        ([[0, 2], [1, 1], [2, 0]], (3, 2, 2), (2, 4)),
        (zeros(0, 6, 3), (0, 6, 2), (6, 4)),
        (zeros(0, 6).astype(int), (0, 6, 2), (6, 4)),
        (zeros(5, 0, 3), (5, 0, 2), (0, 4)),
    ],
    ids=lambda value: str(np.shape(value)) if isinstance(value, np.ndarray | list) else "",
)
def test_shapes_of_a_run(x: Array, y_shape: tuple[int, ...], h_shape: tuple[int, ...]) -> None:
    network = small()
    y, state, tapes = network.forward(x)
    assert y.shape == y_shape
    assert [h.shape for (h,) in state] == [h_shape] * 2
    gradient, dstart = network.backward(np.ones_like(y), tapes)
    assert gradient.shape == network.parameters.flat.shape
    assert [dh.shape for (dh,) in dstart] == [h_shape] * 2


@pytest.mark.parametrize(
    ("x", "y_shape", "h_shape"),
    [
        (zeros(6, 3), (6, 2), (6, 4)),
        (zeros(6).astype(int), (6, 2), (6, 4)),
        (zeros(3), (2,), (4,)),
        (2, (2,), (4,)),
        (np.uint8(2), (2,), (4,)),
    ],
    ids=lambda value: str(np.shape(value)),
)
def test_shapes_of_a_step(x: Array, y_shape: tuple[int, ...], h_shape: tuple[int, ...]) -> None:
    y, state = small().step(x)
    assert y.shape == y_shape
    assert [h.shape for (h,) in state] == [h_shape] * 2


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_everything_is_of_the_networks_type(dtype: str) -> None:
    network = small(dtype=dtype, layer_norm=True, zoneout=0.5, recurrent_dropout=0.5)
    for x in (np.ones((5, 6, 3)), np.ones((5, 6, 3), np.float16), np.ones((5, 6), np.uint8)):
        state, lengths = each(network.init_state(6), np.float64), [5, 0, 3, 3, 1, 2]
        y, state, tapes = network.forward(x, state, lengths, np.ones((5, 6), bool), noise=Noise(0, 0))
        gradient, dstart = network.backward(y.astype("float64"), tapes, state)
        assert {y.dtype, pack(state).dtype, gradient.dtype, pack(dstart).dtype} == {np.dtype(dtype)}
        assert network.step(x[0])[0].dtype == dtype


def test_no_state_is_zeros() -> None:
    case = random_case(layers=2)
    network = case.network
    assert not pack(network.init_state(3)).any()
    assert network.run(case.x)[0].tobytes() == network.run(case.x, network.init_state(3))[0].tobytes()
    assert network.run(case.x)[0].tobytes() != case.run()[0].tobytes()
    assert network.step(case.x[0])[0].tobytes() == network.step(case.x[0], network.init_state(3))[0].tobytes()


@pytest.mark.parametrize("lengths", [3, [3], np.array([3], np.uint8)], ids=["3", "[3]", "array"])
def test_one_sequence_may_end_early(lengths: object) -> None:
    case = random_case()
    state = each(case.state, lambda s: s[0])
    y, finish = case.network.run(case.x[:, 0], state, lengths)  # type: ignore[arg-type]
    cut, right = case.network.run(case.x[:3, 0], state)
    assert np.abs(y[:3] - cut).max() < 1e-14
    assert not y[3:].any()
    assert np.abs(pack(finish) - pack(right)).max() < 1e-14


@pytest.mark.parametrize(
    "x", [np.array([1, 0, 9, -9]), np.eye(4, 2) + np.array([[0], [0], [np.nan], [np.inf]])]
)
def test_nothing_past_the_end_of_one_sequence_is_read(x: Array) -> None:
    network = random_case().network
    y, _ = network.run(x, lengths=2)
    assert np.abs(y[:2] - network.run(x[:2])[0]).max() < 1e-14


READOUTS: list[tuple[dict[str, Any], tuple[int, ...]]] = [
    ({}, (5, 6, 2)),
    ({"readout": "last"}, (6, 2)),
    ({"readout": "mean", "bidirectional": True}, (6, 2)),
    ({"readout": "max", "hidden_size": (4, 7)}, (6, 2)),
    ({"readout": "concat", "bidirectional": True}, (6, 2)),
    ({"readout": "flatten", "steps": 5}, (6, 2)),
    ({"head": "gaussian"}, (5, 6, 4)),
    ({"head": "quantile", "quantiles": (0.1, 0.5, 0.9), "readout": "last"}, (6, 6)),
]


@pytest.mark.parametrize(("options", "shape"), READOUTS, ids=str)
@pytest.mark.parametrize("rows", [6, 1, 0])
def test_shapes_of_outputs(options: dict[str, Any], shape: tuple[int, ...], rows: int) -> None:
    """One at every step or one per sequence; as wide as what the head says of each target."""
    network = small(**options)
    y, _ = network.run(zeros(5, rows, 3))
    assert y.shape == (*shape[:-2], rows, shape[-1])
    assert network.run(zeros(5, 3))[0].shape == (*shape[:-2], shape[-1])


def test_shapes_of_states_follow_layers_and_directions() -> None:
    network = small(cell="lstm", hidden_size=(4, 7), bidirectional=True)
    shapes = [[(6, 4)] * 2] * 2 + [[(6, 7)] * 2] * 2
    _, state = network.run(X)
    for places in (state, network.init_state(6)):
        assert [[s.shape for s in place] for place in places] == shapes
    assert [s.shape for place in network.init_state() for s in place] == [(4,)] * 4 + [(7,)] * 4


def test_what_lies_beside_symbols() -> None:
    """A pair (symbols, features), with a batch axis or without, in a run and in a step."""
    symbols = np.array([0, 2, 1, 1, 0])
    for options in ({}, {"embedding_size": 7}):
        network = small(feature_size=2, **options)
        y, state = network.run((symbols, zeros(5, 2)))
        assert y.shape == (5, 2)
        batch, _ = network.run((symbols[:, None], zeros(5, 1, 2)))
        assert np.allclose(batch[:, 0], y)
        step, _ = network.step((2, zeros(2)), state)
        assert step.shape == (2,)
        assert network.step((symbols, zeros(5, 2)))[0].shape == (5, 2)


def test_a_list_of_pairs_is_a_batch() -> None:
    network = small(feature_size=2)
    pairs = [(np.array([0, 2, 1]), np.ones((3, 2))), (np.array([1]), np.ones((1, 2)))]
    outputs, _ = network.run(pairs)
    assert [y.shape for y in outputs] == [(3, 2), (1, 2)]
    assert np.allclose(outputs[1], network.run(pairs[1])[0])


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_a_learned_state_is_where_sequences_begin(cell: str) -> None:
    case = random_case((cell, "tanh"), layers=2, H=(5, 6), bidirectional=True, learn_initial_state=True)
    network, batch = case.network, case.network.init_state(3)
    for name, place in zip(network.spec.places(), batch, strict=True):
        for letter, s in zip("hs", place, strict=False):
            assert np.array_equal(s, np.tile(network.parameters[f"{name}.{letter}0"], (3, 1)))
    assert network.run(case.x)[0].tobytes() == network.run(case.x, batch)[0].tobytes()


def test_the_tapes_say_what_they_hold() -> None:
    case = random_case(T=11, B=3, H=7, layers=2)
    _, _, tapes = case.network.forward(case.x)
    assert tapes.nbytes == 2 * (11 + 12) * 3 * 7 * 8  # gates and states of each layer, float64


@pytest.mark.parametrize("batched", [True, False], ids=["batch", "no batch axis"])
def test_tapes_serve_once(batched: bool) -> None:
    case = random_case() if batched else row(random_case(), 0)
    y, _, tapes = case.network.forward(case.x)
    case.network.backward(y, tapes)
    with pytest.raises(OptionError, match="used up: each forward run serves one backward run"):
        case.network.backward(y, tapes)


# Parameters


def test_parameters_have_names_and_one_order() -> None:
    parameters = small().parameters
    shapes = {name: view.shape for name, view in parameters.views.items()}
    layers = {"layers.0.U": (4, 3), "layers.0.W": (4, 4), "layers.0.b": (4,)}
    layers |= {"layers.1.U": (4, 4), "layers.1.W": (4, 4), "layers.1.b": (4,)}
    assert list(shapes.items()) == [*layers.items(), ("head.V", (2, 4)), ("head.c", (2,))]


def test_parameters_of_every_option() -> None:
    options: dict[str, Any] = {"layer_norm": True, "learn_initial_state": True, "bidirectional": True}
    options |= {"embedding_size": 5, "feature_size": 1, "readout": "concat", "head": "gaussian"}
    parameters = small(cell="gru", hidden_size=(4, 7), **options).parameters
    shapes = {name: view.shape for name, view in parameters.views.items()}

    def layer(name: str, reads: int, width: int) -> dict[str, tuple[int, ...]]:
        letters = {"U": (reads,), "W": (width,), "b": (), "d": (), "gU": (), "gW": ()}
        gates = {f"{name}.{letter}": (3 * width, *columns) for letter, columns in letters.items()}
        return gates | {f"{name}.h0": (width,)}

    expected = {"embedding.E": (3, 5)} | layer("layers.0", 6, 4) | layer("layers.0.reverse", 6, 4)
    expected |= layer("layers.1", 8, 7) | layer("layers.1.reverse", 8, 7)
    assert list(shapes.items()) == [*expected.items(), ("head.V", (4, 42)), ("head.c", (4,))]


def test_tied_weights_are_one_matrix() -> None:
    network = small(input_size=2, embedding_size=4, tied=True)
    assert "head.V" not in network.parameters
    network.parameters["embedding.E"][:] = 0
    assert not network.run(np.array([0, 1]))[0].any()  # neither reads nor says anything


def test_a_network_is_its_spec_its_seed_and_its_flat() -> None:
    network = small(seed=7, activation="relu")
    assert small(seed=7, activation="relu").parameters.flat.tobytes() == network.parameters.flat.tobytes()
    assert small(seed=8, activation="relu").parameters.flat.tobytes() != network.parameters.flat.tobytes()
    twin = Network.from_spec(network.spec, network.parameters.flat)
    assert twin.run(np.ones((5, 6, 3)))[0].tobytes() == network.run(np.ones((5, 6, 3)))[0].tobytes()
    assert asdict(twin.spec) == asdict(network.spec)
    with pytest.raises(ShapeError):
        Network.from_spec(replace(network.spec, hidden_size=5), network.parameters.flat)


def test_it_says_what_it_is_and_which_options_were_chosen() -> None:
    assert repr(small()) == (
        "Network(cell='elman', activation='tanh', input_size=3, hidden_size=4, output_size=2, "
        "num_layers=2, dtype='float64')  # 78 parameters"
    )
    chosen = repr(small(cell="lstm", hidden_size=[4, 5], zoneout=0.25, bidirectional=True))
    assert chosen.endswith("dtype='float64', bidirectional=True, zoneout=0.25)  # 838 parameters")


def test_hidden_sizes_say_how_many_layers_there_are() -> None:
    assert Network(input_size=3, hidden_size=(4, 5, 6), output_size=2).spec.num_layers == 3
    assert Network(input_size=3, hidden_size=4, output_size=2).spec.num_layers == 1
    assert small(hidden_size=(4, 4)).spec == small(hidden_size=4).spec


def test_a_copy_learns_by_itself() -> None:
    """Its parameters are views of its own flat vector."""
    network = Network("gru", input_size=3, hidden_size=4, output_size=2)
    copied = copy.deepcopy(network)
    assert np.array_equal(copied.parameters.flat, network.parameters.flat)
    copied.parameters.flat[:] += 1
    assert np.array_equal(copied.parameters["layers.0.W"], network.parameters["layers.0.W"] + 1)
    assert not np.array_equal(copied.run(np.array([1, 2]))[0], network.run(np.array([1, 2]))[0])
