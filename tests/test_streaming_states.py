"""States travel as bytes, streams notice when their network has changed, and nothing is made in a step."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest

from elman.errors import FormatError, OptionError
from elman.streaming import Stream
from streaming_cases import all_numbers, compiled, every_engine, on, small

# ------------------------------------------------------------------------------------------------- bytes


@every_engine
def test_every_byte_of_a_state_is_guarded(engine):
    network = small(engine, hidden_size=2)
    stream = network.stream()
    stream.read([1, 2, 3])
    right = stream.state
    for k in range(len(right)):
        for wrong in (right[k] ^ 1, right[k] ^ 0x80, 255 - right[k]):
            with pytest.raises(FormatError):
                stream.state = right[:k] + bytes([wrong]) + right[k + 1 :]
        with pytest.raises(FormatError):
            stream.state = right[:k]
    for wrong in (right + b"\0", b"", right * 2, bytes(len(right)), b"\xff" * 1000):
        with pytest.raises(FormatError):
            network.stream(wrong)
    assert stream.state == right


@every_engine
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hidden_size": 7}, r"gru-tanh, layers: 1 \(7 units\)"),
        ({"num_layers": 2}, r"layers: 1, bytes a number: 4; .* layers: 2 \(6, 6 units\)"),
        ({"dtype": "float64"}, "bytes a number: 8"),
    ],
)
def test_the_state_of_another_network_is_refused(engine, options, words):
    state, other = small(engine).stream().state, small(engine, **options)
    for take in (other.stream, lambda state: other.streams(2).set_state(1, state)):
        with pytest.raises(FormatError, match=words):
            take(state)


# magic, version 1, 4 bytes a number, cell, 1 layer of 2 units; 0.5 and −2; the checksum
GOLDEN = (
    "454c4d53 54415445 01000400 6772752d 74616e68 00000000 00000000 01000000 02000000 "
    "0000003f 000000c0 20e89c38"
)


def test_the_bytes_are_what_is_written_of_them():
    network = small("reference", hidden_size=2)
    values = ((np.array([0.5, -2.0], np.float32),),)
    state = network.stream(values).state
    assert state.hex(" ", 4) == GOLDEN
    assert all_numbers(network.stream(bytes.fromhex(GOLDEN)).network_state).tolist() == [0.5, -2.0]


@compiled
def test_a_state_goes_on_in_another_process():
    network = small("native")
    stream = network.stream()
    stream.read([1, 2, 3])
    program = (
        "import sys; from elman import Network; "
        "network = Network('gru', input_size=5, hidden_size=6, output_size=4, seed=3, engine=sys.argv[1]); "
        "print(network.stream(bytes.fromhex(sys.argv[2])).run([4, 0]).tobytes().hex())"
    )
    expected = stream.run([4, 0])
    for engine in ("native", "reference"):
        fresh = network.stream()
        fresh.read([1, 2, 3])
        arguments = [sys.executable, "-c", program, engine, fresh.state.hex()]
        there = subprocess.run(arguments, capture_output=True, text=True, check=True, env=os.environ)
        came = np.frombuffer(bytes.fromhex(there.stdout), np.float32).reshape(2, 4)
        np.testing.assert_allclose(came, expected, rtol=1e-5 if engine == "reference" else 0)


# --------------------------------------------------------------------------------------- changed networks


CALLS = [
    lambda s: s.run([0, 1]),
    lambda s: s.read([0]),
    lambda s: s.reset(),
    lambda s: setattr(s, "state", s.state),
    lambda s: s.step(0),
]


@every_engine
@pytest.mark.parametrize("call", CALLS)
def test_a_network_that_has_changed_throughout_is_noticed_at_once(engine, call):
    network = small(engine)
    stream = network.stream()
    stream.step(1)
    before, logits = stream.state, stream.logits.copy()
    network.parameters.flat[:] *= 1.001
    with pytest.raises(OptionError, match="the network has changed"):
        call(stream)
    assert stream.state == before  # the state can still be had
    assert stream.logits.tobytes() == logits.tobytes()
    network.stream(before).step(0)
    network.parameters.flat[:] = on("reference", small(engine)).parameters.flat  # as it was
    call(stream)


@every_engine
@pytest.mark.parametrize("call", CALLS[:-1])
def test_a_single_number_that_has_changed_is_noticed_by_what_compares_all(engine, call):
    network = small(engine)
    stream = network.stream()
    for place in np.random.default_rng(0).integers(0, len(network.parameters), 10):
        before = network.parameters.flat[place].copy()
        network.parameters.flat[place] += 1e-3
        with pytest.raises(OptionError, match="the network has changed"):
            call(stream)
        network.parameters.flat[place] = before
        call(stream)


def stream_round(stream: Stream, steps: int) -> None:
    for _ in range(steps):
        stream.step(1)


@every_engine
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_notice_any_number_within_one_way_round(engine, dtype):
    network = small(engine, dtype=dtype)
    flat = network.parameters.flat
    around = -(-flat.nbytes // 64)
    for place in (0, 17, flat.size // 2, flat.size - 1):
        stream, before = network.stream(), flat[place].copy()
        for _ in range(place % 7):
            stream.step(1)
        flat[place] += 1e-3
        with pytest.raises(OptionError, match="the network has changed"):
            stream_round(stream, around)
        flat[place] = before
        stream_round(stream, 2 * around)


@every_engine
def test_streams_notice_too(engine):
    network = small(engine)
    streams = network.streams(2)
    network.parameters.flat[-1] += 1
    for call in (
        lambda: streams.step([0, 1]),
        lambda: streams.run([[0, 1]]),
        lambda: streams.reset(),
        lambda: streams.add(1),
        lambda: streams.set_state(0, streams.state(1)),
    ):
        with pytest.raises(OptionError, match="the network has changed"):
            call()
    assert len(streams) == 2


@every_engine
def test_a_stream_outlives_its_network(engine):
    network = small(engine)
    stream, streams, expected = network.stream(), network.streams(2), small(engine).stream().run([1, 2, 3])
    del network
    gc.collect()
    rubbish = [np.ones(262, np.float32) for _ in range(1000)]  # where the network was, if it were free
    assert stream.run([1, 2, 3]).tobytes() == expected.tobytes()
    assert streams.run([[1, 1], [2, 2], [3, 3]]).shape == (3, 2, 4)
    assert stream.step(1) is not None
    assert len(rubbish) == 1000


# ------------------------------------------------------------------------------------- threads and memory


@every_engine
def test_threads_in_one_stream_are_told_and_nothing_is_torn(engine):
    network, times = small(engine, hidden_size=60), 6
    x = np.random.default_rng(0).integers(0, 5, 40_000 if engine == "native" else 4_000)
    stream, alone, refused = network.stream(), network.stream(), 0
    states = [alone.state] + [(alone.read(x), alone.state)[1] for _ in range(times)]

    def work() -> None:
        done = 0
        while done < times:
            with suppress(OptionError):  # the other thread is in its call
                stream.read(x)
                done += 1

    reading = threading.Thread(target=work)
    reading.start()
    while reading.is_alive():
        try:
            state = stream.state
        except OptionError as error:
            refused += "another thread" in str(error)
        else:
            assert state in states
    reading.join()
    assert stream.state == states[-1]
    assert refused


@every_engine
def test_each_thread_may_have_a_stream_of_its_own(engine):
    network = small(engine)
    xs = np.random.default_rng(0).integers(0, 5, (4, 2_000 if engine == "native" else 200))
    expected, came = [network.stream().run(x) for x in xs], [None] * len(xs)

    def work(k: int) -> None:
        stream = network.stream()
        came[k] = np.array([stream.step(symbol).copy() for symbol in xs[k]])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(xs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for a, b in zip(came, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0 if engine == "native" else 1e-5)


@compiled
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "layer_norm": True}, {"embedding_size": 3}])
def test_steps_make_nothing(options):
    stream = small("native", **options).stream()
    symbols = np.random.default_rng(0).integers(0, 5, 10_000).tolist()
    step = stream.step
    step(0)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for symbol in symbols:
            step(symbol)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before <= 64  # the loop's own iterator and number
    assert peak - before <= 256
