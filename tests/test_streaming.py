"""A stream says what the whole run says, to the bit, however it is cut and whatever rows are beside it."""

from __future__ import annotations

import ctypes
from array import array
from itertools import pairwise

import numpy as np
import pytest

from streaming_cases import (
    all_numbers,
    at,
    compiled,
    every_engine,
    on,
    random_network,
    random_x,
    small,
    stacked,
)

CASES = 120
TOLERANCE = {"float64": 1e-11, "float32": 2e-3}  # 5e-14, 4e-5 in 7,200: few units normalized amplify


# ------------------------------------------------------------------------------------------ laws, as bytes


@compiled
@pytest.mark.parametrize("part", range(4))
def test_run_is_steps_is_any_cut_to_the_bit(part, seed):
    for case in range(part, CASES, 4):
        random = np.random.default_rng([seed, case])
        network = random_network(random, "native")
        steps = int(random.choice([1, 2, 9, 70]))
        x = random_x(random, network, steps)
        y, after = network.run(x)
        shown, stream, logits = network.stream().run(x), network.stream(), []
        for t in range(steps):
            assert stream.step(at(x, t)).tobytes() == shown[t].tobytes(), network
            logits.append(stream.logits.copy())
        said = np.array(logits) if network.spec.readout == "every" else logits[-1]
        assert said.tobytes() == y.tobytes(), network
        assert all_numbers(stream.network_state).tobytes() == all_numbers(after).tobytes(), network
        state = None
        cuts = [0, *np.sort(random.integers(0, steps + 1, 3)), steps]
        for begin, end in pairwise(cuts):
            handed_on = network.stream(state)
            if random.random() < 0.3:
                handed_on.read(at(x, slice(begin, end)))
            else:
                came = handed_on.run(at(x, slice(begin, end)))
                assert came.tobytes() == shown[begin:end].tobytes(), network
            state = handed_on.state
        assert state == stream.state


@compiled
@pytest.mark.parametrize("threads", [1, 2])
def test_a_row_among_others_is_the_row_alone_to_the_bit(threads, seed):
    for case in range(CASES // 4):
        random = np.random.default_rng([seed, case, 7])
        network = on("native", random_network(random), threads)
        count, steps = int(random.choice([1, 2, 9, 50, 101])), int(random.choice([1, 3, 12]))
        streams, alone = network.streams(3), {row: network.stream() for row in range(3)}
        for _ in range(4):
            if random.random() < 0.5:
                gone = random.choice(streams.rows)
                streams.drop([gone])
                del alone[gone]
            alone |= {row: network.stream() for row in streams.add(count)}
            rows = random.permutation(streams.rows)[: random.integers(1, len(alone) + 1)]
            first = random_x(random, network, steps)
            xs = [at(first, random.permutation(steps)) for _ in rows]
            ys = streams.run(stacked(xs), rows)
            zs = streams.step(at(stacked(xs), 0), rows, out=np.empty_like(ys[0]))
            for k, row in enumerate(rows):
                assert ys[:, k].tobytes() == alone[row].run(xs[k]).tobytes(), network
                assert zs[k].tobytes() == alone[row].step(at(xs[k], 0)).tobytes(), network
        assert [streams.state(row) for row in streams.rows] == [alone[row].state for row in streams.rows]


@compiled
@pytest.mark.parametrize("name", ["layers.0.U", "layers.0.W", "layers.0.b", "head.V", "head.c"])
def test_the_last_bits_of_weights_would_be_seen(name):
    network, x = small("native"), np.arange(5).repeat(9)
    network.parameters.flat[:] = np.random.default_rng(0).standard_normal(len(network.parameters))
    right = network.stream().run(x)
    network.parameters[name][:] = np.nextafter(network.parameters[name], np.float32(9))
    assert network.stream().run(x).tobytes() != right.tobytes()


@compiled
def test_the_reference_engine_says_the_same_to_rounding(seed):
    for case in range(CASES):
        random = np.random.default_rng([seed, case, 1])
        network = random_network(random, "native")
        x, other = random_x(random, network, 6), on("reference", network)
        one, two = network.stream(), other.stream()
        for _ in range(2):  # each goes on from the other's bytes
            said = [
                [
                    s.run(x),
                    *(s.step(at(x, t)).copy() for t in range(6)),
                    s.logits,
                    all_numbers(s.network_state),
                ]
                for s in (one, two)
            ]
            for a, b in zip(*said, strict=True):
                error = np.abs(a - b).max() / max(1, np.abs(b).max())
                assert error < TOLERANCE[network.spec.dtype], (network, error)
            one, two = network.stream(two.state), other.stream(one.state)


@every_engine
def test_streams_are_streams_to_rounding(engine, seed):
    for case in range(CASES // 4):
        random = np.random.default_rng([seed, case, 2])
        network = random_network(random, engine, dtype="float64")
        streams, x = network.streams(2), random_x(random, network, 5)
        streams.read(stacked([x, x]), [1, 0])
        one = network.stream()
        one.read(x)
        ys, zs = streams.run(stacked([x]), [1]), streams.step(at(stacked([x]), 0), [1])
        np.testing.assert_allclose(ys[:, 0], one.run(x), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(zs[0], one.step(at(x, 0)), rtol=1e-9, atol=1e-9)


# ---------------------------------------------------------------------------------------------- behaviour


@every_engine
def test_a_stream_begins_where_it_is_told_to(engine):
    network, x = small(engine, learn_initial_state=True), [1, 4, 0]
    network.parameters["layers.0.h0"][:] = 0.3
    stream = network.stream()
    fresh, first = stream.state, stream.run(x)
    later = stream.network_state
    stream.reset()
    assert stream.state == fresh
    assert stream.run(x).tobytes() == first.tobytes()
    for state in (later, stream.state, bytearray(stream.state)):
        assert all_numbers(network.stream(state).network_state).tobytes() == all_numbers(later).tobytes()
    stream.state = fresh
    assert stream.run(x).tobytes() == first.tobytes()


@every_engine
def test_what_a_step_returns_is_one_array_that_users_cannot_write_to(engine):
    stream = small(engine).stream()
    first = stream.step(1)
    before = first.copy()
    assert stream.step(2) is first
    assert (first != before).any()
    for shown in (first, stream.logits):
        with pytest.raises(ValueError, match="read-only"):
            shown[0] = 1
    np.testing.assert_allclose(first, np.exp(stream.logits) / np.exp(stream.logits).sum(), rtol=1e-5)


@every_engine
def test_symbols_come_in_any_kind_of_integer(engine):
    stream, expected = small(engine).stream(), small(engine).stream()
    for kind in (int, np.int8, np.uint8, np.int32, np.uint64, np.array):
        assert stream.step(kind(3)).tobytes() == expected.step(3).tobytes()
    values = np.random.default_rng(0).standard_normal(10)
    for x in (values[:5], values.astype(np.float32)[::2], values[5:].tolist()):
        assert stream.step(x).tobytes() == expected.step(np.array(x, np.float32)).tobytes()
    foreign = (ctypes.c_float * 5)(1, 2, 3, 4, 5)  # its element type has the name "<f"
    for x in (
        foreign,
        np.ctypeslib.as_array(foreign),
        np.arange(1, 6, dtype=">f4"),
        array("f", [1, 2, 3, 4, 5]),
    ):
        assert stream.step(x).tobytes() == expected.step(np.arange(1, 6, dtype=np.float32)).tobytes()


@every_engine
def test_nothing_to_read_changes_nothing(engine):
    stream, streams = small(engine).stream(), small(engine).streams()
    before = stream.state
    assert stream.run(np.zeros(0, int)).shape == (0, 4)
    assert stream.state == before
    assert streams.step(np.zeros(0, int)).shape == (0, 4)
    assert streams.run(np.zeros((3, 0), int)).shape == (3, 0, 4)
    assert len(streams) == 0
    assert streams.add(2).tolist() == [0, 1]
    assert streams.run(np.zeros((0, 2), int)).shape == (0, 2, 4)


@every_engine
def test_rows_keep_their_numbers_and_free_ones_are_given_again(engine):
    streams = small(engine).streams(4)
    streams.read(np.array([[1, 2, 3, 4]]))
    fresh, second = small(engine).stream().state, streams.state(1)
    streams.drop([0, 2])
    assert (len(streams), streams.rows.tolist()) == (2, [1, 3])
    assert streams.add(3).tolist() == [0, 2, 4]
    assert [streams.state(row) == fresh for row in range(5)] == [True, False, True, False, True]
    assert streams.state(1) == second
    streams.set_state([0, 4], second)
    assert streams.state(4) == second
    streams.reset([1])
    assert [streams.state(row) == fresh for row in range(5)] == [False, True, True, False, False]
    streams.reset()
    assert all(streams.state(row) == fresh for row in streams.rows)
