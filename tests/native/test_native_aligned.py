"""Arrays that lie between the places of their numbers give the answers of those that do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elman import Network, ShapeError
from elman.data import Batch
from elman.drawing import Weighing

rng = np.random.default_rng(5)
NUMBERS = rng.normal(size=(3, 2, 17)).astype(np.float32)
SYMBOLS = rng.integers(0, 17, (3, 2))
STATE = ((rng.normal(size=(2, 17)).astype(np.float32) / 2,),)


def moved(a: Any) -> Any:
    """The same array, a byte farther on."""
    there = np.zeros(a.nbytes + 1, np.uint8)[1:].view(a.dtype).reshape(a.shape)
    there[...] = a
    assert not there.flags.aligned
    return there


def drawn(network: Network, where: Any) -> Any:
    streams = network.streams(1)
    return streams.draw([1], where(np.full((1, 3), 0.5)), Weighing())


@pytest.mark.parametrize(
    "answer",
    [
        lambda network, where: network.run(where(NUMBERS))[0],
        lambda network, where: network.run(where(SYMBOLS))[0],
        lambda network, where: network.run(SYMBOLS, ((where(STATE[0][0]),),))[0],
        lambda network, where: network.stream().step(where(NUMBERS[0, 0])),
        lambda network, where: network.stream().run(where(NUMBERS[:, 0])),
        lambda network, where: network.streams(2).step(where(NUMBERS[0])),
        lambda network, where: network.streams(2).step(where(SYMBOLS[0])),
        lambda network, where: network.differentiate(Batch(where(SYMBOLS), where(SYMBOLS))).gradient,
        lambda network, where: network.differentiate(Batch(where(NUMBERS), SYMBOLS), STATE).gradient,
        lambda network, where: (
            network.differentiate(Batch(SYMBOLS, SYMBOLS), ((where(STATE[0][0]),),)).gradient
        ),
        drawn,
    ],
)
def test_where_an_array_lies_is_of_no_consequence(answer: Any) -> None:
    network = Network(input_size=17, hidden_size=17, output_size=17, engine="native")
    here, there = (np.array(answer(network, where)) for where in (np.array, moved))
    assert here.tobytes() == there.tobytes()


def test_where_rows_are_written_is_checked() -> None:
    network = Network(input_size=17, hidden_size=17, output_size=17, engine="native")
    with pytest.raises(ShapeError, match="not contiguous and aligned"):
        network.streams(2).step(SYMBOLS[0], out=moved(np.zeros((2, 17), np.float32)))
