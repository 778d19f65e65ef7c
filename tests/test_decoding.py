"""Symbols are drawn from the very distribution that the network gives, and the same seed draws the same."""

from __future__ import annotations

import math
from itertools import islice

import numpy as np
import pytest

from elman import Network, decoding, softmax
from elman.decoding import generate
from elman.drawing import weights
from elman.errors import NumericError, OptionError, ShapeError
from elman.numerics import generator
from sampling_cases import V, constant, network


def chi_square_p(observed: np.ndarray, expected: np.ndarray) -> float:
    """The chance of a larger χ², in closed form for an even number of degrees of freedom."""
    half = float(((observed - expected) ** 2 / expected).sum()) / 2
    degrees = len(expected) - 1
    assert degrees % 2 == 0
    return math.exp(-half) * sum(half**j / math.factorial(j) for j in range(degrees // 2))


# --------------------------------------------------------------------------------------- the distribution

P = np.array([0.05, 0.3, 0.1, 0.4, 0.15])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, P),
        ({"temperature": 0.5}, P**2),
        ({"temperature": 2}, np.sqrt(P)),
        ({"temperature": 1e9}, np.ones(5)),
        ({"temperature": 1e300}, np.ones(5)),
        ({"temperature": 1e-9}, [0, 0, 0, 1, 0]),
        ({"temperature": 5e-324}, [0, 0, 0, 1, 0]),
        ({"temperature": 0}, [0, 0, 0, 1, 0]),
        ({"temperature": 0, "top_k": 3, "top_p": 0.9}, [0, 0, 0, 1, 0]),
        ({"top_k": 1}, [0, 0, 0, 1, 0]),
        ({"top_k": 3}, [0, 0.3, 0, 0.4, 0.15]),
        ({"top_k": 5}, P),
        ({"top_k": 10**9}, P),
        ({"top_p": 0}, [0, 0, 0, 1, 0]),
        ({"top_p": 0.39}, [0, 0, 0, 1, 0]),
        ({"top_p": 0.41}, [0, 0.3, 0, 0.4, 0]),
        ({"top_p": 0.8}, [0, 0.3, 0, 0.4, 0.15]),
        ({"top_p": 0.94}, [0, 0.3, 0.1, 0.4, 0.15]),
        ({"top_p": 0.96}, P),
        ({"top_p": 1}, P),
        ({"top_k": 2, "top_p": 0.5}, [0, 0, 0, 0.4, 0]),  # 0.4 of the 0.7 that are left is over a half
        ({"top_k": 2, "top_p": 0.6}, [0, 0.3, 0, 0.4, 0]),
        ({"temperature": 0.5, "top_p": 0.58}, [0, 0.09, 0, 0.16, 0]),  # 0.16 of 0.285 is 0.561
        ({"banned": [3]}, [0.05, 0.3, 0.1, 0, 0.15]),
        ({"banned": [3], "top_k": 2}, [0, 0.3, 0, 0, 0.15]),
        ({"banned": [3, 1], "top_p": 0.4}, [0, 0, 0, 0, 0.15]),
        ({"banned": [3], "temperature": 0}, [0, 1, 0, 0, 0]),
        ({"banned": [0, 1, 2, 3], "temperature": 1e9}, [0, 0, 0, 0, 1]),
    ],
)
@pytest.mark.parametrize("shift", [0, 1e6, -1e6])
def test_what_is_drawn_from(options, expected, shift):
    drawn_from = weights(np.log(P) + shift, **options)
    assert drawn_from.dtype == np.float64
    assert drawn_from.max() == 1
    np.testing.assert_allclose(drawn_from / drawn_from.sum(), expected / np.sum(expected), rtol=0, atol=1e-9)


def test_equals_come_in_the_order_of_the_symbols():
    z = np.zeros(6)
    z[0] = -1
    assert np.flatnonzero(weights(z, top_k=2)).tolist() == [1, 2]
    assert np.flatnonzero(weights(z, temperature=0)).tolist() == [1]
    assert np.flatnonzero(weights(z, top_p=0.45)).tolist() == [1, 2, 3]


def test_top_p_1_keeps_what_no_sum_would_notice():
    assert (weights(np.array([0.0, -60.0]), top_p=1) > 0).all()


def test_huge_logits_and_float32_are_no_danger():
    z = np.array([1e30, -1e30, 1e30], np.float32)
    for temperature in (1e-9, 1.0, 1e9):
        assert weights(z, temperature=temperature).tolist() == [1, 0, 1]
    assert (
        z.tolist() == np.array([1e30, -1e30, 1e30], np.float32).tolist()
    )  # the network's array is left alone


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_not_finite_is_an_error(bad):
    with pytest.raises(NumericError, match="not finite"):
        next(generate(constant(np.array([0, bad, 0])), [0]))


# -------------------------------------------------------------------------------------------------- drawing


def test_draws_have_the_distribution():
    logits = np.array([0.0, -1.0, 2.0, -4.0, 0.5, 1.0, -2.0])
    one, count = constant(logits), 100_000  # the draws are tried, not the network
    drawn = np.fromiter(islice(generate(one, [0], seed=0), count), int)
    p = chi_square_p(np.bincount(drawn, minlength=V), softmax(logits) * count)
    assert p > 1e-3
    assert chi_square_p(np.bincount(drawn, minlength=V), softmax(logits * 0.97) * count) < 1e-3


class Extreme:
    """A stream of random numbers that are all the smallest, or all the largest, that a real one can give."""

    def __init__(self, number: float) -> None:
        self.random = lambda shape: np.full(shape, number)


@pytest.mark.parametrize(("number", "symbol"), [(0.0, 1), (1 - 2**-53, 3)])
@pytest.mark.parametrize(
    "logits", [np.zeros(5), np.array([0.0, 1.0, 0.3, -2.0, 7.0]), np.array([9.0, 0, 0, 0, 9])]
)
def test_the_smallest_and_the_largest_chance_draw_what_may_be_drawn(monkeypatch, number, symbol, logits):
    monkeypatch.setattr(decoding, "generator", lambda *_: Extreme(number))
    assert next(generate(constant(logits), [0], banned=[0, 4])) == symbol


def test_wild_draws_are_uniform():
    one, count = network(), 20_000
    drawn = np.fromiter(islice(generate(one, [0], temperature=1e9, seed=0), count), int)
    assert chi_square_p(np.bincount(drawn, minlength=V), np.full(V, count / V)) > 1e-3


@pytest.mark.parametrize(
    "options", [{}, {"temperature": 1e9}, {"temperature": 1e-9}, {"top_k": 3}, {"top_p": 0.5}]
)
def test_banned_symbols_are_never_drawn(options):
    logits = np.array([0.0, 5.0, 0.0, 5.0, 0.0])
    drawn = set(islice(generate(constant(logits), [1], banned=[1, 3], **options), 2_000))
    assert drawn.isdisjoint({1, 3})
    assert drawn <= {0, 2, 4}


@pytest.mark.parametrize("options", [{"temperature": 0}, {"temperature": 1e-9}, {"top_k": 1}, {"top_p": 0}])
def test_greedy_takes_the_most_probable(options):
    one, prime = network(), [2, 0, 5]
    drawn = list(islice(generate(one, prime, **options), 30))
    y, _ = one.run([*prime, *drawn])
    assert drawn == y[2:-1].argmax(axis=1).tolist()
    assert len(set(drawn)) > 1


def test_each_draw_is_one_double_through_the_distribution_that_run_gives():
    one, prime, count = network(), [1, 4, 4], 300
    drawn = list(islice(generate(one, prime, temperature=0.7, seed=11), count))
    y, _ = one.run([*prime, *drawn])
    chances = generator(11, "sampling").random(count)
    cumulative = softmax(y[2:-1] / 0.7).cumsum(axis=1)
    assert drawn == (chances[:, None] >= cumulative).sum(axis=1).tolist()


def test_a_prime_is_read_in_windows_that_do_not_show(monkeypatch):
    one, prime = network(), np.random.default_rng(0).integers(V, size=50)
    for length in (1, 2, 8, 9, 50):
        monkeypatch.setattr(decoding, "WINDOW", 1024)
        expected = list(islice(generate(one, prime[:length], seed=1), 40))
        monkeypatch.setattr(decoding, "WINDOW", 8)
        assert list(islice(generate(one, prime[:length], seed=1), 40)) == expected


def test_the_same_seed_gives_the_same_symbols():
    runs = [list(islice(generate(network(), [1], seed=seed), 100)) for seed in (5, 5, 6)]
    assert runs[0] == runs[1] != runs[2]


GOLDEN = [int(digit) for digit in "4262052244522144425224224441522552522422"]


def test_golden_symbols():
    logits = np.array([0.0, -1.0, 2.0, -4.0, 0.5, 1.0, -2.0])
    assert list(islice(generate(constant(logits), [0], temperature=1.5, seed=2024), 40)) == GOLDEN


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"temperature": -0.1}, OptionError, "temperature is -0.1"),
        ({"temperature": math.nan}, OptionError, "temperature is nan"),
        ({"temperature": math.inf}, OptionError, "temperature is inf"),
        ({"top_k": 0}, OptionError, "top_k is 0"),
        ({"top_p": 1.01}, OptionError, "top_p is 1.01"),
        ({"top_p": -0.01}, OptionError, "top_p is -0.01"),
        ({"seed": -1}, OptionError, "seed is -1"),
        ({"prime": []}, OptionError, "prime is empty"),
        ({"prime": [0, V]}, ShapeError, "prime holds the symbol 7"),
        ({"prime": [[0]]}, ShapeError, "prime has 2 axes"),
        ({"banned": [V]}, ShapeError, "banned holds the symbol 7"),
        ({"banned": [0.5]}, ShapeError, "banned is an array of float64"),
        ({"banned": [*range(V), 0]}, OptionError, "every symbol is banned"),
    ],
)
def test_options_out_of_range_are_refused_at_once(options, error, words):
    with pytest.raises(error, match=words):
        generate(network(), **{"prime": [0], **options})


def test_a_network_that_reads_other_symbols_than_it_predicts_is_refused():
    with pytest.raises(OptionError, match="reads 3 symbols and predicts 2"):
        generate(Network(input_size=3, hidden_size=2, output_size=2), [0])
