"""Saliency against central differences of the loss by what the first layer reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cases import TOLERANCE, Array
from checks import distance
from elman import Batch, Network, gradcheck, numerical_gradient
from elman.cells import CELLS
from elman.errors import NumericError, OptionError, ShapeError
from elman.inspection import attribution
from elman.inspection.attribution import gradient_times_input, saliency
from elman.parameters import Parameters
from elman.states import State
from engine_cases import HERE

T = 5
SYMBOLS = np.array([2, 0, 1, 1, 2])
SIZES: dict[str, Any] = {"input_size": 3, "hidden_size": (6, 4), "num_layers": 2, "output_size": 2}
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "squared": {"head": "squared"},
    "gaussian": {"head": "gaussian"},
    "sigmoid": {"head": "sigmoid"},
    "layer norm, zoneout": {"layer_norm": True, "zoneout": 0.2},
    "learned start": {"learn_initial_state": True},
    "both directions": {"bidirectional": True},
    "last": {"readout": "last"},
    "mean": {"readout": "mean"},
    "concat, both directions": {"readout": "concat", "bidirectional": True},
}


def random_network(cell: tuple[str, str] = ("elman", "tanh"), **options: Any) -> Network:
    network = Network(cell[0], activation=cell[1], dtype="float64", **SIZES | options)
    generator = np.random.default_rng(5)
    network.parameters.flat[:] = 0.4 * generator.standard_normal(len(network.parameters))
    return network


def random_state(network: Network) -> State:
    generator = np.random.default_rng(6)
    return tuple(tuple(generator.standard_normal(s.shape) for s in place) for place in network.init_state())


def random_targets(network: Network) -> Array:
    """For every step, or for the sequence."""
    generator = np.random.default_rng(7)
    shape = (T,) if network.spec.readout == "every" else ()
    symbols = network.spec.head == "softmax"
    return generator.integers(0, 2, shape) if symbols else generator.uniform(0, 1, (*shape, 2))


def losses(network: Network, x: Array, targets: Array, state: State | None) -> Array:
    """Each loss alone."""
    if network.spec.readout != "every":
        return np.array([network.differentiate(Batch(x, targets, per_sequence=True), state).loss])
    batch = Batch(x, targets)
    alone = (replace(batch, weights=np.eye(T)[t]) for t in range(T))
    return np.array([network.differentiate(one, state).loss for one in alone])


def measured(network: Network, x: Array, targets: Array, state: State | None) -> Array:
    """∂loss_t/∂x_s by central differences, "N T I"."""
    count = len(losses(network, x, targets, state))
    return np.stack(
        [
            numerical_gradient(lambda moved, t=t: losses(network, moved, targets, state)[t], x.copy())
            for t in range(count)
        ]
    )


def without_embedding(network: Network) -> Network:
    """The same network, reading the vectors that the symbols stand for."""
    spec = network.spec
    reads = replace(spec, input_size=spec.reads, embedding_size=None, feature_size=0, tied=False)
    parameters = Parameters.zeros(reads.layout(), reads.dtype)
    for name in parameters:
        tied = name == "head.V" and spec.tied
        parameters[name][:] = network.parameters["embedding.E" if tied else name]
    return Network.from_spec(reads, parameters.flat, engine="reference")


def assert_right(network: Network, x: Any, vectors: Array, state: State | None) -> None:
    targets = random_targets(network)
    numbers = measured(without_embedding(network), vectors, targets, state)
    norms, products = np.linalg.norm(numbers, axis=-1), (numbers * vectors).sum(axis=-1)
    assert distance(saliency(network, x, targets, state), norms) < TOLERANCE.gradient
    errors = np.abs(gradient_times_input(network, x, targets, state) - products)
    assert errors.max() < TOLERANCE.gradient * norms.max()  # layer norm: gradients at right angles to x


def features(width: int = 3) -> Array:
    return np.random.default_rng(8).standard_normal((T, width))


@pytest.mark.parametrize("engine", HERE)
@pytest.mark.parametrize("cell", CELLS, ids="-".join)
def test_the_map_of_features_is_what_differences_say(cell, engine):
    network = random_network(cell, engine=engine)
    assert_right(network, features(), features(), random_state(network))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_map_is_right_for_every_kind_of_network(kind):
    network = random_network(("gru", "tanh"), **kind)
    assert_right(network, features(), features(), None)
    assert_right(network, features(), features(), random_state(network))


@pytest.mark.parametrize("engine", HERE)
def test_symbols_are_read_as_a_one_among_zeros(engine):
    network = random_network(engine=engine)
    assert_right(network, SYMBOLS, np.eye(3)[SYMBOLS], random_state(network))


@pytest.mark.parametrize("tied", [False, True])
def test_symbols_are_read_as_their_embedding(tied):
    options = {"hidden_size": (6, 4), "input_size": 3, "output_size": 3 if tied else 2}
    network = random_network(embedding_size=4, tied=tied, **options)
    assert_right(network, SYMBOLS, network.parameters["embedding.E"][SYMBOLS], random_state(network))


@pytest.mark.parametrize("embedded", [False, True])
def test_symbols_and_features_lie_side_by_side(embedded):
    network = random_network(embedding_size=4 if embedded else None, feature_size=2)
    symbols = (network.parameters["embedding.E"] if embedded else np.eye(3))[SYMBOLS]
    vectors = np.concatenate([symbols, features(2)], axis=1)
    assert_right(network, (SYMBOLS, features(2)), vectors, random_state(network))


def test_a_loss_depends_on_no_later_input_but_in_both_directions():
    network, both = random_network(), random_network(bidirectional=True)
    targets = random_targets(network)
    map_ = saliency(network, SYMBOLS, targets)
    assert not np.triu(map_, 1).any()
    assert (map_[np.tril_indices(T)] > 0).all()
    assert (saliency(both, SYMBOLS, targets) > 0).all()


def test_at_chooses_rows_in_the_order_asked_for():
    network = random_network()
    targets, whole = random_targets(network), saliency(network, SYMBOLS, random_targets(network))
    assert distance(saliency(network, SYMBOLS, targets, at=[4, 1, 4]), whole[[4, 1, 4]]) < 1e-13
    assert distance(saliency(network, SYMBOLS, targets, at=2), whole[[2]]) < 1e-13


def test_rows_in_blocks_are_those_at_once(monkeypatch):
    network = random_network()
    targets, state = random_targets(network), random_state(network)
    whole = saliency(network, SYMBOLS, targets, state)
    monkeypatch.setattr(attribution, "ROOM", 2 * T * (3 + 10))  # two losses at a time; the last alone
    assert distance(saliency(network, SYMBOLS, targets, state), whole) < 1e-13


@pytest.mark.parametrize("engine", HERE)
def test_a_float32_network_has_the_same_map_to_its_precision(engine):
    network = random_network()
    spec = replace(network.spec, dtype="float32")
    narrow = Network.from_spec(spec, network.parameters.flat.astype(np.float32), engine=engine)
    targets = random_targets(network)
    map_ = saliency(narrow, SYMBOLS, targets)
    assert map_.dtype == np.float32
    assert distance(map_, saliency(network, SYMBOLS, targets)) < TOLERANCE.float32_gradient


def test_a_wrong_map_would_be_noticed():
    network = random_network()
    targets, x = random_targets(network), features()
    numbers = measured(network, x, targets, None)
    norms = np.linalg.norm(numbers, axis=-1)
    for fault in (1.001 * norms, norms.T, norms * T, np.abs(numbers).sum(axis=-1)):
        assert distance(saliency(network, x, targets), fault) > 100 * TOLERANCE.gradient
    assert gradcheck(lambda moved: losses(network, moved, targets, None)[3], x, numbers[3]) < 1e-9


def test_the_network_is_left_as_it_was():
    network = random_network()
    before = network.parameters.flat.copy()
    saliency(network, SYMBOLS, random_targets(network))
    assert (network.parameters.flat == before).all()


def test_refusals():
    network = random_network()
    targets = random_targets(network)
    for wrong in ([5], [-1], [0.5], [], [[0]]):
        with pytest.raises(OptionError, match="whole numbers from 0 to 4"):
            saliency(network, SYMBOLS, targets, at=wrong)
    with pytest.raises(OptionError, match="leave out at"):
        saliency(random_network(readout="last"), SYMBOLS, 1, at=[4])
    with pytest.raises(ShapeError, match="targets"):
        saliency(network, SYMBOLS, targets[:3])
    with pytest.raises(ShapeError, match="targets"):
        saliency(network, SYMBOLS, 1)
    with pytest.raises(ShapeError, match="batch axis"):
        saliency(network, SYMBOLS[:, None], targets)
    with pytest.raises(ShapeError, match="state"):
        saliency(network, SYMBOLS, targets, network.init_state(2))
    network.parameters["layers.0.W"][0, 0] = np.nan
    with pytest.raises(NumericError, match="gradient is not finite"):
        saliency(network, SYMBOLS, targets)
