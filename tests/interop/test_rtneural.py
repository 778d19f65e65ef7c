"""The JSON of RTNeural: its layout, and what its equations make of it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from elman import Network
from elman.data import Vocabulary
from elman.errors import NumericError, OptionError
from elman.interop.checking import BOUNDS, difference, random_state
from elman.interop.rtneural import Reading, export, to_rtneural
from elman.persistence import Model

SAMPLE, WHOLE = 40, 300


def random_network(random: np.random.Generator, number: int) -> Network:
    dtype, layers = ("float32", "float64")[number // 2 % 2], int(random.integers(1, 4))
    network = Network(
        ("gru", "lstm")[number % 2],
        input_size=int(random.integers(1, 9)),
        hidden_size=tuple(random.integers(1, 12, layers).tolist()),
        output_size=int(random.integers(1, 7)),
        head=random.choice(["softmax", "sigmoid", "squared", "huber", "gaussian"]).item(),
        dtype=dtype,
    )
    network.parameters.flat[:] = 0.5 * random.standard_normal(len(network.parameters))
    return network


def shape(nested) -> tuple[int, ...]:
    """The shape of nested lists, which must not be ragged."""
    return np.array(nested).shape


# ------------------------------------------------------------------------------ a reader of its own, by units


class Parsed:
    """What `parseJson` builds, written unit by unit from RTNeural's gru.h and lstm.h, not from elman."""

    def __init__(self, text: str) -> None:
        parent = json.loads(text)
        width, self.layers = parent["in_shape"][-1], []
        for layer in parent["layers"]:
            size = layer["shape"][-1]
            of = {"gru": _gru, "lstm": _lstm, "dense": _dense}[layer["type"]]
            self.layers.append((of, layer["weights"], width, size))
            width = size
        self.reset()

    def reset(self) -> None:
        self.states = [([0.0] * size, [0.0] * size) for *_, size in self.layers]

    def forward(self, x: list[float]) -> list[float]:
        for k, (of, weights, width, size) in enumerate(self.layers):
            assert len(x) == width
            x, self.states[k] = of(weights, x, self.states[k], size)
        return x


def _sum(matrix, column, vector):
    return sum(matrix[i][column] * value for i, value in enumerate(vector))


def _sigmoid(x):
    return 1 / (1 + math.exp(-x))


def _gru(weights, x, state, size):
    (W, U, (b0, b1)), (h, _), new = weights, state, []
    for k in range(size):
        r_at, c_at = k + size, k + 2 * size
        z = _sigmoid(_sum(W, k, x) + _sum(U, k, h) + b0[k] + b1[k])
        r = _sigmoid(_sum(W, r_at, x) + _sum(U, r_at, h) + b0[r_at] + b1[r_at])
        c = math.tanh(_sum(W, c_at, x) + r * (_sum(U, c_at, h) + b1[c_at]) + b0[c_at])
        new.append((1 - z) * c + z * h[k])
    return new, (new, [])


def _lstm(weights, x, state, size):
    (W, U, b), (h, c), new, memory = weights, state, [], []
    for k in range(size):
        i, f, g, o = (_sum(W, at, x) + _sum(U, at, h) + b[at] for at in range(k, 4 * size, size))
        memory.append(_sigmoid(f) * c[k] + _sigmoid(i) * math.tanh(g))
        new.append(_sigmoid(o) * math.tanh(memory[k]))
    return new, (new, memory)


def _dense(weights, x, state, size):
    W, b = weights
    return [_sum(W, k, x) + b[k] for k in range(size)], state


def test_what_rtneural_computes_is_what_the_network_computes(request, seed):
    random = np.random.default_rng(seed)
    for number in range(WHOLE if request.config.getoption("--full") else SAMPLE):
        network = random_network(random, number)
        x = random.standard_normal((5, network.spec.input_size)).astype(network.spec.dtype)
        parsed = Parsed(to_rtneural(network))
        y = [parsed.forward(row.tolist()) for row in x]
        assert difference(network.run(x[:, None])[0][:, 0], np.array(y)) <= BOUNDS[network.spec.dtype]
        ends = [
            state for (of, *_), state in zip(parsed.layers, parsed.states, strict=True) if of is not _dense
        ]
        names = 1 + (network.spec.cell == "lstm")
        after = tuple(tuple(np.array([s]) for s in one[:names]) for one in ends)
        assert difference(network.run(x[:, None])[1], after) <= BOUNDS[network.spec.dtype]


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_the_reader_of_export_is_the_reader_here(seed, cell):
    random = np.random.default_rng(seed)
    network = Network(cell, input_size=3, hidden_size=(4, 5), output_size=2, seed=seed)
    text, x = to_rtneural(network), random.standard_normal((6, 1, 3))
    parsed = Parsed(text)
    assert difference(Reading(text).run(x)[0][:, 0], np.array([parsed.forward(row[0]) for row in x])) < 1e-12
    state = random_state(network, random, 1)
    ours = network.run(x.astype(np.float32), state)
    assert difference(ours, Reading(text).run(x.astype(np.float32), state)) <= 2e-6


def test_the_layout_is_that_of_keras():
    network = Network("gru", input_size=3, hidden_size=(4, 5), output_size=2)
    form = json.loads(to_rtneural(network))
    assert form["in_shape"] == [None, None, 3]
    first, second, dense = form["layers"]
    assert [layer["type"] for layer in form["layers"]] == ["gru", "gru", "dense"]
    assert [layer["shape"] for layer in form["layers"]] == [[None, None, size] for size in (4, 5, 2)]
    assert [layer["activation"] for layer in form["layers"]] == ["tanh", "tanh", ""]
    assert [shape(one) for one in first["weights"]] == [(3, 12), (4, 12), (2, 12)]
    assert [shape(one) for one in second["weights"]] == [(4, 15), (5, 15), (2, 15)]
    assert [shape(one) for one in dense["weights"]] == [(5, 2), (2,)]
    first, dense = json.loads(to_rtneural(Network("lstm", input_size=3, hidden_size=4, output_size=2)))[
        "layers"
    ]
    assert [shape(one) for one in first["weights"]] == [(3, 16), (4, 16), (16,)]


def test_every_number_is_there_in_full(seed):
    random = np.random.default_rng(seed)
    network = random_network(random, 1)
    layers = json.loads(to_rtneural(network))["layers"]
    there = sorted(x for layer in layers for one in layer["weights"] for x in np.array(one).ravel().tolist())
    assert there == sorted(network.parameters.flat.tolist())


def swapped(layer: dict, one: int, other: int) -> None:
    for weights in layer["weights"]:
        rows = weights if isinstance(weights[0], list) else [weights]
        size = layer["shape"][-1]
        for row in rows:
            a, b = slice(one * size, (one + 1) * size), slice(other * size, (other + 1) * size)
            row[a], row[b] = row[b], row[a]


def gates_swapped(layer):
    swapped(layer, 0, 1)


def last_gates_swapped(layer):
    gates = {"gru": 3, "lstm": 4}[layer["type"]]
    swapped(layer, gates - 2, gates - 1)


def biases_swapped(layer):
    layer["weights"][2].reverse()


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("fault", [gates_swapped, last_gates_swapped, biases_swapped])
def test_a_fault_would_be_seen(seed, cell, fault, monkeypatch, tmp_path):
    network = Network(cell, input_size=3, hidden_size=4, output_size=2, seed=seed)
    network.parameters.flat[:] = np.random.default_rng(seed).standard_normal(len(network.parameters))
    form = json.loads(to_rtneural(network))
    fault(form["layers"][0])
    x = np.random.default_rng(seed).standard_normal((5, 3))
    parsed = Parsed(json.dumps(form))
    apart = difference(network.run(x[:, None])[0][:, 0], np.array([parsed.forward(row) for row in x]))
    assert apart > 1e-4
    monkeypatch.setattr("elman.interop.rtneural.to_rtneural", lambda network: json.dumps(form))
    with pytest.raises(NumericError, match="not the same network"):
        export(Model(network), tmp_path / "model.json")
    assert list(tmp_path.iterdir()) == []


def test_export_writes_the_text_and_says_what_it_means(tmp_path):
    network = Network("lstm", input_size=3, hidden_size=4, output_size=3, readout="last")
    model = Model(network, Vocabulary("chars", ("<unk>", "a", "b")), preparation={})
    checked = export(model, tmp_path / "model.json")
    assert (tmp_path / "model.json").read_text("utf-8") == to_rtneural(network)
    assert checked.largest <= checked.bound == 1e-12
    assert [line.split()[0] for line in checked.lines] == ["outputs", "symbols", "columns"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "elman"}, "cell 'elman': it has recurrent layers for gru and lstm alone"),
        ({"bidirectional": True}, "bidirectional"),
        ({"embedding_size": 2}, "embedding_size 2"),
        ({"feature_size": 2}, "feature_size 2"),
        ({"layer_norm": True}, "layer_norm"),
        ({"learn_initial_state": True}, "learn_initial_state"),
        ({"zoneout": 0.25}, "zoneout 0.25"),
        ({"readout": "mean"}, "readout 'mean'"),
    ],
)
def test_what_rtneural_cannot_hold_is_refused_by_name(options, message):
    given = {"cell": "gru", "input_size": 3, "hidden_size": 4, "output_size": 2} | options
    with pytest.raises(OptionError, match=f"RTNeural cannot hold this network: {message}"):
        to_rtneural(Network(**given))


def test_numbers_that_are_not_finite_are_refused():
    network = Network("gru", input_size=3, hidden_size=4, output_size=2)
    network.parameters["head.c"][1] = np.inf
    with pytest.raises(NumericError, match=r"head\.c holds numbers that are not finite"):
        to_rtneural(network)
