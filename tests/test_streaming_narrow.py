"""Streams of narrow weights: what rounding does, what is refused; the rest is as for other streams."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest

from elman import Network
from elman.drawing import Weighing
from elman.errors import NumericError, OptionError, ShapeError
from elman.narrowing import narrowed
from elman.quantization import STORAGES, narrow
from streaming_cases import all_numbers, at, every_engine, on, random_network, random_x, small

every_storage = pytest.mark.parametrize("weights", STORAGES)
BOUND = {"bfloat16": 2.0**-8, "int8": 1 / 254}


# ---------------------------------------------------------------------------------------------- rounding


def test_bfloat16_is_the_nearest_and_ties_go_to_even(seed):
    random = np.random.default_rng([seed, 31])
    bits = random.integers(0, 1 << 32, 20_000, dtype=np.uint32)
    values = bits.view(np.float32)
    values = values[np.abs(values) < 3e38][:, None]  # no NaN, and nothing that would round to infinity
    came = narrow(values, "bfloat16").wide().astype(np.float64)
    upper = (values.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    beyond = ((upper.view(np.uint32) + np.uint32(0x10000)).view(np.float32)).astype(np.float64)
    below, above = np.abs(values - upper.astype(np.float64)), np.abs(beyond - values)
    even = (upper.view(np.uint32) >> 16 & 1) == 0
    expected = np.where((below < above) | ((below == above) & even), upper, beyond)
    assert (came == expected).all()
    halves = np.float32([[1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-8, 0.0, -0.0]])
    assert narrow(halves, "bfloat16").wide().tolist() == [[1, 1 + 2**-6, -1, 0, 0]]


def test_int8_is_within_half_a_scale_of_every_weight(seed):
    random = np.random.default_rng([seed, 32])
    for size in (1e-45, 1e-40, 1e-37, 1e-5, 1.0, 1e5, 3e38):
        w = np.clip(random.standard_normal((50, 37)) * size / 4, -size, size).astype(np.float32)
        w[3] = 0
        came = narrow(w, "int8")
        s, q = came.scales[:, None].astype(np.float64), came.values.astype(np.float64)
        assert (np.abs(w - s * q) <= s / 2).all()
        assert np.abs(q).max() <= 127
        assert (s >= np.finfo(np.float32).tiny).all()
        assert not q[3].any()
        np.testing.assert_allclose(came.wide(), s * q, rtol=2**-23, atol=1e-44)
    ties = np.float32([[127, 0.5, 1.5, 2.5, -0.5, -1.5]])
    assert narrow(ties, "int8").values.tolist() == [[127, 0, 2, 2, 0, -2]]


def test_fitted_products_are_nearer_for_such_inputs(seed):
    for case in range(4):
        random = np.random.default_rng([seed, case, 33])
        w = random.standard_normal((20, 150)).astype(np.float32)
        x = random.standard_normal((4000, 150)) @ random.standard_normal((150, 150)) / 4 + 1
        seen, unseen = x[:3000], x[3000:]
        errors = []
        for inputs in (None, seen.T @ seen):
            came = narrow(w, "int8", inputs)
            assert came.scales.tobytes() == narrow(w, "int8").scales.tobytes()
            errors.append(np.square(unseen @ (came.wide() - w.astype(np.float64)).T).sum())
        assert errors[1] < 0.7 * errors[0]


def test_inputs_that_never_come_change_nothing():
    w = np.random.default_rng(0).standard_normal((5, 70)).astype(np.float32)
    expected = narrow(w, "int8").values
    for inputs in (np.zeros((70, 70)), np.eye(70), np.diag(np.arange(70.0))):
        assert (narrow(w, "int8", inputs).values == expected).all()


# ----------------------------------------------------------------------------------------------- streams


@every_engine
@every_storage
def test_a_stream_says_what_a_network_of_such_weights_says(engine, weights, seed):
    for case in range(20):
        random = np.random.default_rng([seed, case, 34])
        network = random_network(random, engine, dtype="float32", layer_norm=False)
        x = random_x(random, network, 4)
        there = on("reference", network.narrowed(weights))
        came, expected = network.stream(weights=weights), there.stream()
        for t in range(4):
            came.step(at(x, t))
            expected.step(at(x, t))
            pairs = (
                (came.logits, expected.logits),
                (all_numbers(came.network_state), all_numbers(expected.network_state)),
            )
            for a, b in pairs:
                assert np.abs(a - b).max() <= 2e-6 * max(1, np.abs(b).max()) * (t + 1), network


@every_engine
def test_the_network_of_such_weights_is_an_ordinary_one(engine):
    network, x = small(engine), np.array([1, 4, 0, 2, 3])
    before, text = network.parameters.flat.tobytes(), np.arange(300) * 7 % 5
    for given in ({"weights": "bfloat16"}, {"weights": "int8"}, {"weights": "int8", "calibrate": text}):
        there = network.narrowed(**given)
        shown = network.stream(**given).run(x)
        apart = np.abs(there.stream().run(x) - shown).max()
        assert apart <= (0 if given["weights"] == "bfloat16" else 1e-6)
        assert (there.spec, there.machine.engine.name) == (network.spec, engine)
        assert there.parameters.flat.tobytes() != before == network.parameters.flat.tobytes()
        for name in ("layers.0.b", "head.c"):
            assert there.parameters[name].tobytes() == network.parameters[name].tobytes()
    assert len({network.narrowed("int8", calibrate=c).parameters.flat.tobytes() for c in (None, text)}) == 2
    assert network.narrowed("float32").parameters.flat.tobytes() == before


@every_engine
@every_storage
def test_a_matrix_is_off_by_no_more_than_its_storage(engine, weights, seed):
    network = small(engine, hidden_size=50)
    for name, matrix in narrowed(network.machine, weights, None).matrices.items():
        given = network.parameters[name].astype(np.float64)
        size = np.abs(given) if weights == "bfloat16" else np.abs(given).max(axis=1, keepdims=True)
        assert (np.abs(matrix.wide() - given) <= BOUND[weights] * size * (1 + 1e-6)).all()


@every_engine
@every_storage
def test_states_go_from_one_kind_of_stream_to_the_other(engine, weights):
    network, x = small(engine), [1, 4, 0, 2]
    plain, narrow_one = network.stream(), network.stream(weights=weights)
    plain.read(x)
    narrow_one.state = plain.state
    assert narrow_one.state == plain.state
    shown = narrow_one.run(x)
    assert shown.tobytes() != network.stream(plain.state).run(x).tobytes()  # or the weights were not narrow
    assert network.stream(plain.state, weights=weights).run(x).tobytes() == shown.tobytes()
    assert network.stream(narrow_one.state).state == narrow_one.state
    streams = network.streams(2, weights=weights)
    streams.set_state([1], plain.state)
    np.testing.assert_allclose(streams.run(np.array(x)[:, None], [1])[:, 0], shown, rtol=1e-5)


@every_engine
@every_storage
def test_a_changed_network_is_noticed(engine, weights):
    network = small(engine)
    stream, streams = network.stream(weights=weights), network.streams(2, weights=weights)
    network.parameters["layers.0.W"][:] += 1
    for call in (lambda: stream.run([1, 2]), lambda: streams.step([1, 2])):
        with pytest.raises(OptionError, match="has changed"):
            call()


@every_engine
def test_float32_is_the_network_itself(engine):
    network, x = small(engine), [1, 4, 0]
    expected = network.stream().run(x)
    assert network.stream(weights="float32").run(x).tobytes() == expected.tobytes()


@every_engine
@every_storage
def test_symbols_are_drawn_from_narrow_streams(engine, weights):
    """As those that each row alone would draw from what the stream shows."""
    network = small(engine, input_size=4)
    chances = np.random.default_rng(5).random((2, 30))
    drawn = network.streams(2, weights=weights).draw([0, 3], chances, Weighing())
    for row, first in enumerate([0, 3]):
        stream, last = network.stream(weights=weights), first
        for t in range(30):
            stream.step(int(last))
            last = Weighing().draw(stream.logits, chances[row, t])
            assert drawn[row, t] == last


# ------------------------------------------------------------------------------------------- calibration


def of_a_text(symbols: np.ndarray, network: Network, **how: object) -> float:
    """The mean Kullback-Leibler divergence, in bits, of what a stream says from what the network says."""
    p, q = (stream.run(symbols).astype(np.float64) for stream in (network.stream(), network.stream(**how)))
    return float((p * np.log2(p / q)).sum(axis=1).mean())


@every_engine
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_calibration_brings_answers_nearer(engine, cell):
    symbols = np.random.default_rng(2).integers(7, size=3000) % np.tile([7, 3, 5], 1000)
    text, other, without, fitted = symbols[:2000], symbols[2000:], 0.0, 0.0
    for seed in range(3):
        network = Network(cell, input_size=7, hidden_size=(40, 30), output_size=7, seed=seed, engine=engine)
        for place in (0, 1):
            network.parameters[f"layers.{place}.W"][:] *= 0.7  # or what rounding does would grow in an elman
        network.parameters["head.V"][:] *= 5
        without += of_a_text(other, network, weights="int8")
        fitted += of_a_text(other, network, weights="int8", calibrate=text)
    assert fitted < 0.75 * without


@every_engine
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_calibration_meets_what_each_matrix_reads(engine, cell):
    """In a text of one symbol, W meets only the state that all sequences begin with: zero, or learned."""
    for learned in (False, True):
        network = small_of(cell, engine, learned)
        fitted, plain = (narrowed(network.machine, "int8", text) for text in ((np.array([[1]]), None), None))
        changed = {
            name: (matrix.values != plain.matrices[name].values).any()
            for name, matrix in fitted.matrices.items()
        }
        expected = {"layers.0.U": False, "layers.0.W": learned, "layers.1.U": True}
        assert changed == expected | {"layers.1.W": learned, "head.V": True}


def small_of(cell: str, engine: str, learned: bool) -> Network:
    network = Network(
        cell,
        input_size=5,
        hidden_size=(60, 40),
        output_size=9,
        learn_initial_state=learned,
        seed=3,
        engine=engine,
    )
    for place in (0, 1) if learned else ():
        network.parameters[f"layers.{place}.h0"][:] = np.linspace(-1, 1, (60, 40)[place])
    return network


@every_engine
def test_calibration_reads_whatever_the_network_reads(engine, seed):
    for case in range(10):
        random = np.random.default_rng([seed, case, 36])
        network = random_network(random, engine, dtype="float32")
        x = random_x(random, network, 40)
        shown = network.stream(weights="int8", calibrate=x).run(x)
        assert np.isfinite(shown).all()
        streams = network.streams(1, weights="int8", calibrate=x)
        again = streams.run(tuple(a[:, None] for a in x) if isinstance(x, tuple) else x[:, None])
        np.testing.assert_allclose(again[:, 0], shown, rtol=1e-3, atol=1e-3)


def test_a_tied_matrix_is_one_matrix():
    network = Network(
        "gru", input_size=6, hidden_size=8, output_size=6, embedding_size=8, tied=True, engine="auto"
    )
    for how in ({}, {"calibrate": np.arange(60) % 6}):
        came = network.stream(weights="int8", **how).run([1, 5, 2])
        there = on("reference", network).stream(weights="int8", **how).run([1, 5, 2])
        np.testing.assert_allclose(came, there, rtol=2e-6, atol=1e-7)


# ---------------------------------------------------------------------------------------------- refusals


@every_engine
@pytest.mark.parametrize(
    ("dtype", "given", "error", "words"),
    [
        ("float32", {"weights": "int4"}, OptionError, "weights is 'int4'; it must be one of float32"),
        ("float32", {"weights": 8}, OptionError, "weights is 8"),
        ("float64", {"weights": "int8"}, OptionError, "weights 'int8' are for networks of float32"),
        ("float64", {"weights": "float32"}, OptionError, "this one is float64: leave weights out"),
        ("float32", {"calibrate": [1, 2]}, OptionError, "calibrate is what int8 is fitted to"),
        ("float32", {"weights": "bfloat16", "calibrate": [1]}, OptionError, "weights is 'bfloat16'"),
        ("float32", {"weights": "int8", "calibrate": [1, 9]}, ShapeError, "symbol 9"),
        ("float32", {"weights": "int8", "calibrate": []}, ShapeError, "calibrate"),
    ],
)
def test_what_cannot_be_is_refused(engine, dtype, given, error, words):
    network = small(engine, dtype=dtype)
    for make in (network.stream, network.streams, partial(network.narrowed, **{"weights": None, **given})):
        with pytest.raises(error, match=words):
            make(**given)


@every_engine
@every_storage
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_weights_that_are_no_numbers_are_refused_by_name(engine, weights, value):
    network = small(engine)
    network.parameters["head.V"][2, 1] = value
    with pytest.raises(NumericError, match=r"head\.V: the weights are not all finite"):
        network.stream(weights=weights)


def test_what_no_bfloat16_holds_is_refused():
    with pytest.raises(NumericError, match="too large for bfloat16"):
        narrow(np.float32([[3.4e38]]), "bfloat16")
    with pytest.raises(OptionError, match="no storage 'int4'"):
        narrow(np.float32([[1]]), "int4")


def test_a_text_that_leads_to_no_number_is_refused():
    network = small("auto")
    x = np.zeros((3, 5), np.float32)
    x[1, 1] = math.nan
    with pytest.raises(NumericError, match="calibrate"):
        network.stream(weights="int8", calibrate=x)
