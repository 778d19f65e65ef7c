"""The compiled loop draws what the loop in Python draws: the same weights, doubles and symbols."""

from __future__ import annotations

import math
from itertools import islice
from typing import Any

import numpy as np
import pytest

from elman import Network, decoding
from elman.decoding import generate, generate_many
from elman.drawing import Weighing, weights
from elman.engines.loading import native
from elman.errors import NumericError, OptionError, ShapeError
from elman.numerics import generator
from sampling_cases import constant
from streaming_cases import compiled, every_engine, on, random_network

OPTIONS: list[dict[str, Any]] = [
    {},
    {"temperature": 0.6},
    {"temperature": 3.0},
    {"temperature": 0},
    {"temperature": 5e-324},
    {"top_k": 1},
    {"top_k": 4},
    {"top_k": 10**30},
    {"top_p": 0.0},
    {"top_p": 0.7},
    {"top_p": 1.0},
    {"top_k": 5, "top_p": 0.5, "temperature": 0.8},
    {"banned": [0, 3]},
    {"banned": [1], "top_k": 3},
    {"fresh_after": 2},
    {"fresh_after": 10**30},
]


def talker(random: np.random.Generator, engine: str, **fixed: Any) -> Network:
    size = int(random.integers(5, 12))
    sizes = {"input_size": size, "output_size": size, "head": "softmax", "feature_size": 0}
    return random_network(random, engine, **sizes | fixed)


def said(network: Network, prime: list[int], count: int, **options: Any) -> list[int]:
    return list(islice(generate(network, prime, **options), count))


def told(network: Network, prime: list[int], count: int, margin: float, **options: Any) -> list[int]:
    """What a plain loop draws, up to the first draw that rounding may turn."""
    seed, fresh_after = options.pop("seed"), options.pop("fresh_after", None)
    state, drawn = None, []
    for symbol in prime[:-1]:
        _, state = network.step(symbol, state)
    symbol = prime[-1]
    for chance in generator(seed, "sampling").random(count):
        y, state = network.step(symbol, state)
        draws, lean = set[int](), margin * np.arange(len(y))
        for near in (y, y * (1 + margin), y * (1 - margin), y + lean, y - lean):
            w = weights(near, **options)
            edges = np.cumsum(w) / w.sum()
            draws |= {int((chance + move >= edges).sum()) for move in (-margin, 0, margin)}
        if len(draws) > 1:
            break
        (symbol,) = draws
        drawn.append(symbol)
        if symbol == fresh_after:
            state = None
    return drawn


@every_engine
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_loop_is_the_loop_in_python(engine, options, seed):
    sharp = 0
    for case in range(6):
        random = np.random.default_rng([seed, case])
        network = talker(random, engine)
        prime = random.integers(0, network.spec.input_size, random.integers(1, 4)).tolist()
        margin = 1e-9 if network.spec.dtype == "float64" else 1e-4
        expected = told(on("reference", network), prime, 60, margin, seed=case, **options)
        assert said(network, prime, len(expected), seed=case, **options) == expected, network
        sharp += len(expected)
    assert sharp > 60  # most draws are far from every edge


STORED: list[dict[str, Any]] = [
    {"weights": "float32"},
    {"weights": "bfloat16"},
    {"weights": "int8"},
    {"weights": "int8", "calibrate": np.arange(40) * 7 % 5},
]


@every_engine
@pytest.mark.parametrize("stored", STORED, ids=str)
def test_narrow_weights_draw_what_a_network_of_such_weights_draws(engine, stored, seed):
    sharp = 0
    for case in range(6):
        random = np.random.default_rng([seed, case])
        network = talker(random, engine, dtype="float32")
        there = on("reference", network.narrowed(**stored))
        expected = told(there, [1, 0], 60, 1e-4, seed=case, fresh_after=2)
        assert said(network, [1, 0], len(expected), seed=case, fresh_after=2, **stored) == expected, network
        many = generate_many(network, [1, 0], count=3, length=60, seed=case, fresh_after=2, **stored)
        alone = [said(network, [1, 0], 60, seed=case + k, fresh_after=2, **stored) for k in range(3)]
        assert many.tolist() == alone
        sharp += len(expected)
    assert sharp > 60


@every_engine
def test_each_storage_draws_something_of_its_own(engine):
    network = Network("gru", input_size=9, hidden_size=40, output_size=9, seed=1, engine=engine)
    network.parameters.flat[:] *= 3
    came = [generate_many(network, [1, 0], count=40, length=50, **given).tobytes() for given in ({}, *STORED)]
    assert came[0] == came[1]
    assert len(set(came)) == len(STORED)


@compiled
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_weights_are_weighed_to_the_letter(options):
    """Networks that always predict the same: equals, gaps, huge and tiny numbers; all chances that matter."""
    options = {name: value for name, value in options.items() if name != "fresh_after"}
    weighing = Weighing(**options | {"banned": tuple(options.get("banned", ()))})
    for logits in (
        np.zeros(6),
        np.array([-1.0, 0, 0, 0, 0, -1]),
        np.array([1e30, -1e30, 1e30, 0, 1e-30, 5]),
        np.array([0.0, -700, -745, -746, -1e5, 1e-300]),
        np.array([0.1, 0.7, -2.3, 0.7, 1.1, 0.6999999999999999]),
    ):
        streams = constant(logits).streams(1)
        w = weights(logits, **options)
        edges = np.cumsum(w) / w.sum()
        moved = [edges + far for far in (-1e-9, 1e-9, -1e-3, 1e-3)]
        chances = np.concatenate([np.linspace(0, 1 - 2**-53, 50), *moved])
        chances = chances[(chances >= 0) & (chances < 1)]
        if (w % 1 == 0).all():  # then the sums are exact, and so is the edge
            chances = np.append(chances, edges[:-1][edges[:-1] < 1])
        came = streams.draw([0], chances[None], weighing)[0]
        assert came.tolist() == [weighing.draw(logits, chance) for chance in chances]


@every_engine
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_many_samples_are_the_samples_alone(engine, options, seed):
    random = np.random.default_rng(seed)
    count, length = (60, 70) if engine == "native" else (3, 20)
    network = talker(random, engine)
    prime = random.integers(0, network.spec.input_size, 4).tolist()
    samples = generate_many(network, prime, count=count, length=length, seed=5, **options)
    assert samples.shape == (count, length)
    for k in range(0, count, 7):
        assert samples[k].tolist() == said(network, prime, length, seed=5 + k, **options), network
    primes = [prime[: 1 + k % 4] for k in range(count)]
    samples = generate_many(network, primes, length=length, seed=5, **options)
    for k in range(0, count, 7):
        assert samples[k].tolist() == said(network, primes[k], length, seed=5 + k, **options), network


@compiled
def test_threads_and_instruction_sets_draw_the_same(seed):
    module, sets = native(), [name for name in native().instruction_sets() if name != "baseline"]
    used = module.in_use()
    for case in range(12):
        random = np.random.default_rng([seed, case])
        network = talker(random, "native")
        options = OPTIONS[random.integers(len(OPTIONS))]
        came = set()
        try:
            for name in sets:
                module.use(name)
                for threads in (1, 2, 3):
                    other = on("native", network, threads)
                    came.add(generate_many(other, [1, 2], count=99, length=30, **options).tobytes())
        finally:
            module.use(used)
        assert len(came) <= 1, network


@every_engine
@pytest.mark.parametrize("block", [1, 3, 256])
def test_blocks_do_not_show(engine, block, monkeypatch):
    network = talker(np.random.default_rng(1), engine)
    expected = said(network, [1, 0], 40, seed=3)
    many = generate_many(network, [1, 0], count=2, length=40, seed=2)
    monkeypatch.setattr(decoding, "BLOCK", block)
    assert said(network, [1, 0], 40, seed=3) == expected
    assert many[1].tolist() == expected
    assert generate_many(network, [1, 0], count=2, length=40, seed=2).tobytes() == many.tobytes()


@every_engine
def test_a_logit_that_is_not_finite_ends_the_text_where_it_comes(engine):
    circle = Network(input_size=5, hidden_size=5, output_size=5, engine=engine)
    flat, views = circle.parameters.flat, circle.parameters
    flat[:] = 0
    views["layers.0.U"][:] = 50 * np.eye(5)
    views["head.V"][[1, 2, 3, 4, 0], [0, 1, 2, 3, 4]] = 50
    assert said(circle, [0], 6, temperature=0) == [1, 2, 3, 4, 0, 1]
    views["head.c"][0] = views["head.V"][0, 3] = -3e38  # together more than a float32 can hold
    for prime in ([0], [2, 0]):
        symbols = generate(circle, prime, temperature=0)
        assert [next(symbols) for _ in range(3)] == [1, 2, 3]
        with pytest.raises(NumericError, match="not finite"), np.errstate(over="ignore"):
            next(symbols)
    with pytest.raises(NumericError, match="not finite"), np.errstate(over="ignore"):
        generate_many(circle, [0], count=3, length=9, temperature=0)


@compiled
def test_numbers_that_a_run_flushes_are_flushed():
    network = Network(input_size=3, hidden_size=2, num_layers=2, output_size=3, engine="native")
    flat, views = network.parameters.flat, network.parameters
    flat[:] = 0
    views["layers.0.U"][:] = views["layers.1.U"][:] = 1e-20  # product: no normal number
    views["head.V"][1] = 1e38
    assert not network.run([0])[0].any()
    stream = network.stream()
    stream.step(0)
    assert not stream.logits.any()
    assert said(network, [0], 5, temperature=0) == [0] * 5
    assert said(on("reference", network), [0], 5, temperature=0) == [1] * 5  # flushes nothing


@every_engine
def test_a_network_that_changes_ends_the_text(engine):
    network = talker(np.random.default_rng(1), engine)
    symbols = generate(network, [0])
    next(symbols)
    network.parameters.flat[:] += 1
    with pytest.raises(OptionError, match="the network has changed"):
        list(islice(symbols, 3))


@every_engine
@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"length": -1}, OptionError, "length is -1"),
        ({"count": -1}, OptionError, "count is -1"),
        ({"count": None}, OptionError, "count is missing"),
        ({"prime": [[0], [1]], "count": 3}, OptionError, "there are 2 primes"),
        ({"prime": [[0], []], "count": None}, OptionError, "prime is empty"),
        ({"prime": [[0], [99]], "count": None}, ShapeError, "symbol 99"),
        ({"prime": []}, OptionError, "prime is empty"),
        ({"temperature": math.nan}, OptionError, "temperature is nan"),
        ({"seed": -1}, OptionError, "seed is -1"),
        ({"weights": "int4"}, OptionError, "weights is 'int4'; it must be one of float32, bfloat16, int8"),
        ({"calibrate": [0, 1]}, OptionError, "calibrate is what int8 is fitted to"),
        ({"weights": "int8", "calibrate": [99]}, ShapeError, "calibrate is read as x is: .*symbol 99"),
    ],
)
def test_bad_options_are_refused(engine, given, error, words):
    network = talker(np.random.default_rng(1), engine, dtype="float32")
    with pytest.raises(error, match=words):
        generate_many(network, **{"prime": [0], "count": 2, "length": 3, **given})


@every_engine
def test_nothing_asked_for_is_nothing(engine):
    network = talker(np.random.default_rng(1), engine)
    assert generate_many(network, [0], count=0, length=5).shape == (0, 5)
    assert generate_many(network, [0], count=3, length=0).shape == (3, 0)


@every_engine
def test_what_cannot_be_fed_back_is_refused(engine):
    sizes = {"input_size": 4, "hidden_size": 3, "engine": engine}
    with pytest.raises(ShapeError, match="x must be a pair"):
        next(generate(Network(output_size=4, feature_size=2, **sizes), [0]))
    with pytest.raises(OptionError, match="predicts 8"):
        next(generate(Network(output_size=4, head="gaussian", **sizes), [0]))
    with pytest.raises(OptionError, match="reads the whole sequence"):
        next(generate(Network(output_size=4, bidirectional=True, **sizes), [0]))
