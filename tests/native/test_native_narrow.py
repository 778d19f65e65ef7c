"""Streams of narrow weights: equal bits on every instruction set, in any rows and cuts; NumPy's rounding."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from elman import Network
from elman.narrowing import narrowed
from elman.quantization import STORAGES, narrow
from elman.states import each
from native_cases import FUSED, SETS, two_sets, using
from streaming_cases import all_numbers, at, on, random_network, random_x, stacked

CASES = 40
WIDTHS = (1, 2, 3, 15, 16, 17, 31, 33, 48, 63, 64, 65, 80, 100)
every_storage = pytest.mark.parametrize("weights", STORAGES)


def some_network(random: np.random.Generator, **fixed: Any) -> Network:
    """A network of any cell and options, its widths around those of vectors and panels."""
    layers = int(random.integers(1, 4))
    given: dict[str, Any] = {
        "dtype": "float32",
        "num_layers": layers,
        "hidden_size": tuple(random.choice(WIDTHS, layers).tolist()),
        "input_size": int(random.choice([1, 2, 5, 16, 17, 70])),
    }
    return random_network(random, "native", **given | fixed)


def wide(network: Network, weights: str) -> Network:
    """The network of the numbers that the narrow weights stand for."""
    stored = narrowed(network.machine, weights, None)
    return Network.from_spec(network.spec, stored.machine(network.machine).parameters.flat, engine="native")


@every_storage
def test_steps_cuts_and_rows_have_the_bits_of_a_run(weights, seed):
    for case in range(CASES):
        random = np.random.default_rng([seed, case, 21])
        network = some_network(random)
        steps = int(random.choice([1, 3, 70]))
        x = random_x(random, network, steps)
        stream = network.stream(weights=weights)
        shown, after = stream.run(x), stream.state
        one = network.stream(weights=weights)
        assert all(one.step(at(x, t)).tobytes() == shown[t].tobytes() for t in range(steps)), network
        assert one.state == after
        state = None
        for begin, end in pairwise([0, *np.sort(random.integers(0, steps + 1, 2)), steps]):
            part = network.stream(state, weights=weights)
            assert part.run(at(x, slice(begin, end))).tobytes() == shown[begin:end].tobytes(), network
            state = part.state
        assert state == after
        count = int(random.choice([2, 5, 9, 50]))
        others = [at(x, random.permutation(steps)) for _ in range(count - 1)]
        streams = on("native", network, threads=2).streams(count, weights=weights)
        place = int(random.integers(count))
        rows = streams.run(stacked([*others[:place], x, *others[place:]]))
        assert rows[:, place].tobytes() == shown.tobytes(), network
        assert streams.state(place) == after


@two_sets
@every_storage
def test_instruction_sets_have_the_same_bits(weights, seed):
    for case in range(CASES):
        random = np.random.default_rng([seed, case, 22])
        network = some_network(random)
        x, count = random_x(random, network, 9), int(random.choice([1, 2, 4, 7]))
        said = []
        for name in FUSED:
            with using(name):
                streams = network.streams(count, weights=weights)
                said.append([streams.run(stacked([x] * count)).tobytes(), streams.state(0)])
        assert all(other == said[0] for other in said), network


@pytest.mark.parametrize("name", SETS)
def test_bfloat16_has_the_bits_of_a_network_of_such_weights(name, seed):
    for case in range(CASES // 2):
        random = np.random.default_rng([seed, case, 23])
        network = some_network(random)
        x = random_x(random, network, 5)
        with using(name):
            came, expected = network.stream(weights="bfloat16"), wide(network, "bfloat16").stream()
            assert came.run(x).tobytes() == expected.run(x).tobytes(), network
            assert came.state == expected.state, network


@pytest.mark.parametrize("name", SETS)
def test_int8_is_a_network_of_such_weights_to_rounding(name, seed):
    for case in range(CASES):
        random = np.random.default_rng([seed, case, 24])
        network = some_network(random, layer_norm=False)  # which amplifies where units are few
        x = random_x(random, network, 1)
        before = each(network.init_state(), lambda s, r=random: r.standard_normal(s.shape).astype("f4"))
        with using(name):
            one, two = network.stream(before, weights="int8"), wide(network, "int8").stream(before)
            for stream in (one, two):
                stream.step(at(x, 0))
        pairs = ((one.logits, two.logits), (all_numbers(one.network_state), all_numbers(two.network_state)))
        for a, b in pairs:
            assert np.abs(a - b).max() <= 2e-6 * max(1, np.abs(b).max()), network


@every_storage
def test_a_symbol_is_its_unit_vector_to_the_bit(weights, seed):
    for case in range(CASES // 2):
        random = np.random.default_rng([seed, case, 25])
        network = some_network(random, embedding_size=None, feature_size=0)
        x = random.integers(network.spec.input_size, size=9)
        vectors = np.eye(network.spec.input_size, dtype=np.float32)[x]
        one, two = network.stream(weights=weights), network.stream(weights=weights)
        assert one.run(x).tobytes() == two.run(vectors).tobytes(), network
        assert one.state == two.state


@every_storage
@pytest.mark.parametrize("name", ["layers.0.U", "layers.0.W", "layers.1.U", "head.V", "embedding.E"])
def test_every_matrix_is_narrow(weights, name):
    """What rounds to the same changes no bit, though the plain stream sees it; what rounds otherwise does."""
    network = Network("gru", input_size=5, hidden_size=(20, 7), output_size=4, embedding_size=3, seed=3)
    network.parameters.flat[:] = np.random.default_rng(0).standard_normal(len(network.parameters))
    matrix = network.parameters[name]
    other = np.where(np.abs(matrix) < np.abs(matrix).max(axis=1, keepdims=True), matrix * 1.00001, matrix)
    same = narrow(other.astype("f4"), weights).values == narrow(matrix, weights).values
    x = np.arange(5).repeat(9)
    before = network.stream(weights=weights).run(x), network.stream().run(x)
    matrix[same] = other[same]
    after = network.stream(weights=weights).run(x), network.stream().run(x)
    assert before[0].tobytes() == after[0].tobytes()
    assert before[1].tobytes() != after[1].tobytes()
    matrix[0] += np.float32(0.5)
    assert network.stream(weights=weights).run(x).tobytes() != before[0].tobytes()


def test_the_door_of_compiled_code_refuses_what_does_not_fit():
    network = Network(input_size=3, hidden_size=4, output_size=3, engine="native")
    stored = narrowed(network.machine, "int8", None)
    views, module = network.parameters.views, network.machine.engine.module
    good = {name: (m.values, m.scales) for name, m in stored.matrices.items()}

    def make(storage: int = 2, **other: Any) -> Any:
        U, W, V = ({**good, **other}[name] for name in ("layers.0.U", "layers.0.W", "head.V"))
        layer = (U, W, views["layers.0.b"], None, None, None, None, None)
        outlet = (V, views["head.c"], None)
        sizes = (0, 1, 3, 0, 0, 3)
        return module.Stream(network.parameters.flat, sizes, (layer,), outlet, 0.0, storage, 1, False)

    make()
    values, scales = good["layers.0.W"]
    wrong: tuple[dict[str, Any], ...] = (
        {"storage": 3}, {"storage": -1}, {"storage": 1}, {"layers.0.W": (values[:3], scales)},
        {"layers.0.W": (values, scales[:3])}, {"layers.0.W": (values, None)}, {"layers.0.W": (values,)},
        {"layers.0.W": (values.astype(np.int16), scales)}, {"layers.0.W": None}, {"head.V": (None, scales)},
    )  # fmt: skip
    for change in wrong:
        with pytest.raises((ValueError, RuntimeError)):
            make(**change)
    flat = network.parameters.flat.astype(np.float64)
    twice = Network(input_size=3, hidden_size=4, output_size=3, engine="native", dtype="float64")
    with pytest.raises(ValueError, match="no such storage"):
        twice.machine.engine.module.Stream(flat, (0, 1, 3, 0, 0, 3), (), (None,) * 3, 0.0, 2, 1, False)
