"""R21: a stream says what the whole run says, cut anywhere, its state saved and restored, in any company."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from cases import Array
from elman import Network
from elman.streams import Streams
from streaming_cases import all_numbers, at, compiled, random_network, random_x

Kept = Callable[[str, str], None]
ROUNDING = 1e-5  # of the NumPy engine, whose BLAS adds up in another order for each shape
RESTORED = 0.8  # the share of cuts at which the state leaves as bytes and another stream goes on from it


def cuts(random: np.random.Generator, steps: int) -> list[slice]:
    """Pieces of a sequence, some of them empty, some of one step."""
    edges = np.sort(random.integers(0, steps + 1, random.integers(0, 6)))
    return [slice(begin, end) for begin, end in pairwise([0, *edges.tolist(), steps])]


def length(x: Any) -> int:
    return len(x[0] if isinstance(x, tuple) else x)


def in_pieces(
    random: np.random.Generator, network: Network, x: Any, order: Array
) -> tuple[Array, Array, int]:
    """Streams in this order over a batch in pieces: what they show, their last states, and how many cuts."""
    streams, shown = network.streams(len(order)), []
    pieces = cuts(random, length(x))
    for piece in pieces:
        if random.random() < RESTORED:
            states = [streams.state(row) for row in range(len(order))]
            streams = network.streams(len(order))
            for row, state in enumerate(states):
                streams.set_state(row, state)
        parts = at(x, (piece, order))
        shown.append(streams.run(parts, order))
    last = np.array([streams.state(row) for row in range(len(order))], object)
    return np.concatenate(shown)[:, np.argsort(order)], last, len(pieces) - 1


def one_by_one(random: np.random.Generator, network: Network, x: Any) -> tuple[Array, Array]:
    """A stream over one sequence in steps, restored now and then: what it shows, and the logits."""
    stream, shown, logits = network.stream(), [], []
    for t in range(length(x)):
        if random.random() < 0.2:
            stream = network.stream(stream.state)
        shown.append(stream.step(at(x, t)).copy())
        logits.append(stream.logits.copy())
    return np.array(shown), np.array(logits)


def drawn(random: np.random.Generator, engine: str) -> tuple[Network, Any, int]:
    """A network, a batch of 1 to 64 sequences for it, and how many."""
    network = random_network(random, engine, readout="every")
    steps, rows = int(random.choice([1, 5, 30, 70])), int(random.integers(1, 65))
    return network, random_x(random, network, steps, rows), rows


@compiled
def test_cut_anywhere_in_any_order_to_the_bit(full: bool, seed: int, kept: Kept) -> None:
    tried = made = 0
    while made < (3000 if full else 200):
        random = np.random.default_rng([seed, tried, 21])
        network, x, rows = drawn(random, "native")
        y, state = network.run(x)
        shown, last, count = in_pieces(random, network, x, random.permutation(rows))
        row = int(random.integers(rows))
        alone, logits = one_by_one(random, network, at(x, (slice(None), row)))
        assert logits.tobytes() == y[:, row].tobytes(), (tried, network)
        assert alone.tobytes() == shown[:, row].tobytes(), (tried, network)
        for b in range(rows):
            mine = tuple(tuple(s[b] for s in place) for place in state)
            assert network.stream(mine).state == last[b], (tried, network)
        tried, made = tried + 1, made + count
    kept("R21", f"native: {made} cuts of {tried} batches of 1 to 64 rows, no byte differs")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_reference_engine_to_rounding(dtype: str, full: bool, seed: int, kept: Kept) -> None:
    tried, worst = 300 if full else 25, 0.0
    for case in range(tried):
        random = np.random.default_rng([seed, case, 22])
        given = {"readout": "every", "dtype": dtype, "layer_norm": False}  # few units normalized amplify
        network = random_network(random, "reference", **given)
        x, rows = random_x(random, network, 12, 9), 9
        y, state = network.run(x)
        right = network.machine.outlet.head.outputs(y)
        shown, last, _ = in_pieces(random, network, x, random.permutation(rows))
        _, logits = one_by_one(random, network, at(x, (slice(None), 4)))
        ends = [all_numbers(network.stream(bytes(one)).network_state) for one in last]
        whole = np.stack([np.concatenate([s[b] for place in state for s in place]) for b in range(rows)])
        for came, expected in ((shown, right), (logits, y[:, 4]), (np.array(ends), whole)):
            worst = max(worst, float(np.abs(came - expected).max() / max(1, np.abs(expected).max())))
        assert worst <= ROUNDING, (case, network)
    kept("R21", f"NumPy, {dtype}: {tried} batches in pieces, worst difference {worst:.0e}")


@compiled
def test_a_state_that_is_lost_at_a_cut_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    network = random_network(random, "native", readout="every", output_size=5)
    x = random_x(random, network, 70, 9)
    right, *_ = in_pieces(np.random.default_rng(1), network, x, np.arange(9))
    monkeypatch.setattr(Streams, "set_state", lambda self, rows, state: None)
    came, _, count = in_pieces(np.random.default_rng(1), network, x, np.arange(9))
    assert count > 0
    assert came.tobytes() != right.tobytes()
