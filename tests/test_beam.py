"""Beam search against trying every continuation there is."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from elman import Network, heads
from elman.decoding import Beam, beam_search, generate
from elman.errors import NumericError, OptionError, ShapeError

PRIME = [0, 2]


def network(size: int = 3, seed: int = 1, **options: object) -> Network:
    options = {"hidden_size": 5, "dtype": "float64", "num_layers": 2, **options}
    one = Network(input_size=size, output_size=size, seed=seed, **options)
    one.parameters.flat[:] *= 3  # far enough from uniform that greedy is not best
    return one


def nats(one: Network, continuation: tuple[int, ...]) -> float:
    """−log p of a continuation, by one run over all of it."""
    symbols = np.array([*PRIME, *continuation])
    y, _ = one.run(symbols[:-1])
    return float(heads.softmax.nats(y, symbols[1:])[len(PRIME) - 1 :].sum())


def every(one: Network, length: int, symbols: range | list[int], end: int | None = None) -> list[Beam]:
    """All continuations, the best first."""
    cut = {
        all_of[: all_of.index(end) + 1] if end in all_of else all_of
        for all_of in product(symbols, repeat=length)
    }
    return sorted((Beam(one_of, nats(one, one_of)) for one_of in cut), key=lambda beam: beam.nats)


def same(found: list[Beam], expected: list[Beam]) -> bool:
    numbers = [beam.nats for beam in found]
    assert numbers == pytest.approx([beam.nats for beam in expected], abs=1e-12)
    return [beam.symbols for beam in found] == [beam.symbols for beam in expected]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("end", [None, 0, 2])
def test_wide_beams_find_all_continuations_in_order(seed, end):
    one = network(seed=seed)
    expected = every(one, 4, range(3), end)
    assert same(beam_search(one, PRIME, length=4, width=81, end=end), expected)
    assert same(beam_search(one, PRIME, length=4, width=10**6, end=end), expected)


@pytest.mark.parametrize("end", [None, 1])
def test_banned_symbols_are_passed_over(end):
    one = network()
    assert same(beam_search(one, PRIME, length=4, width=81, banned=[2], end=end), every(one, 4, [0, 1], end))


@pytest.mark.parametrize("seed", range(5))
def test_one_beam_is_greedy(seed):
    one = network(seed=seed)
    greedy = generate(one, PRIME, temperature=0)
    symbols = tuple(next(greedy) for _ in range(12))
    assert same(beam_search(one, PRIME, length=12, width=1), [Beam(symbols, nats(one, symbols))])


@pytest.mark.parametrize("width", [2, 3, 7])
@pytest.mark.parametrize("end", [None, 1])
def test_each_step_keeps_the_most_probable(width, end):
    one = network(size=4, seed=2)
    best = [Beam((), 0.0)]
    for _ in range(6):  # the same search without batches, states or tricks
        grown = [
            Beam(symbols, nats(one, symbols))
            for beam in best
            for symbols in (
                [beam.symbols] if beam.symbols[-1:] == (end,) else [(*beam.symbols, k) for k in range(4)]
            )
        ]
        best = sorted(grown, key=lambda beam: beam.nats)[:width]
    assert same(beam_search(one, PRIME, length=6, width=width, end=end), best)


def test_more_beams_find_what_greedy_misses():
    found = [
        beam_search(network(seed=s), PRIME, length=8, width=w)[0].nats for s in range(10) for w in (1, 20)
    ]
    greedy, wide = np.reshape(found, (10, 2)).T
    assert (wide <= greedy + 1e-12).all()
    assert (wide < greedy - 1e-3).any()


def test_equals_come_in_the_order_of_the_symbols():
    one = network()
    one.parameters.flat[:] = 0
    found = beam_search(one, PRIME, length=2, width=4)
    assert [beam.symbols for beam in found] == [(0, 0), (0, 1), (0, 2), (1, 0)]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"length": 0}, OptionError, "length is 0"),
        ({"width": 0}, OptionError, "width is 0"),
        ({"end": 3}, ShapeError, "end holds the symbol 3"),
        ({"banned": [0, 1, 2]}, OptionError, "every symbol is banned"),
        ({"prime": []}, OptionError, "prime is empty"),
    ],
)
def test_options_out_of_range_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        beam_search(network(), **{"prime": PRIME, "length": 2, "width": 2, **options})


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_not_finite_is_an_error(bad):
    one = network()
    one.parameters["head.c"][1] = bad
    with pytest.raises(NumericError, match="not finite"):
        beam_search(one, PRIME, length=2, width=2)
