"""Sampling: the right distribution, the same text for the same seed, nothing illegal, and stops that stop."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman import Network, decoding, softmax
from elman.data import Vocabulary
from elman.decoding import generate, weights
from elman.errors import NumericError, OptionError, ShapeError
from elman.numerics import generator
from elman.sampling import read_line, sample, sample_text

V = 7


def network(size: int = V, **options: object) -> Network:
    options = {"hidden_size": 6, "dtype": "float64", "num_layers": 2, **options}
    return Network(input_size=size, output_size=size, seed=3, **options)


def constant(logits: np.ndarray) -> Network:
    """A network that predicts the same whatever it reads."""
    same = network(len(logits), hidden_size=1, num_layers=1)
    same.parameters.flat[:] = 0
    same.parameters["head.c"][:] = logits
    return same


def parrot(vocabulary: Vocabulary, circle: str | bytes) -> Network:
    """A network that says the symbols of a circle, each after the one before it, and always the same."""
    size = vocabulary.size
    follows = network(size, hidden_size=size, num_layers=1)
    follows.parameters.flat[:] = 0
    follows.parameters["layers.0.U"][:] = 50 * np.eye(size)
    around = vocabulary.encode(circle)
    follows.parameters["head.V"][np.roll(around, -1), around] = 50
    return follows


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


def test_draws_have_the_distribution(monkeypatch):
    logits = np.array([0.0, -1.0, 2.0, -4.0, 0.5, 1.0, -2.0])
    one, count = network(), 100_000
    monkeypatch.setattr(one, "step", lambda _, state: (logits, state))  # the draws are tried, not the network
    drawn = np.fromiter(islice(generate(one, [0], seed=0), count), int)
    p = chi_square_p(np.bincount(drawn, minlength=V), softmax(logits) * count)
    assert p > 1e-3
    assert chi_square_p(np.bincount(drawn, minlength=V), softmax(logits * 0.97) * count) < 1e-3


class Extreme:
    """A stream of random numbers that are all the smallest, or all the largest, that a real one can give."""

    def __init__(self, number: float) -> None:
        self.random = lambda: number


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


# --------------------------------------------------------------------------------------------------- text

CHARS = Vocabulary("chars", ("<unk>", "\n", "a", "b", "c", "é"))
NO_END = Vocabulary("chars", ("<unk>", "a", "b", "c"))
WORDS = Vocabulary("words", ("<unk>", "\n", "to", "be", "or", "not"))
BYTES = Vocabulary("bytes", ())


@pytest.mark.parametrize("vocabulary", [CHARS, WORDS, BYTES], ids=lambda v: v.kind)
@pytest.mark.parametrize("prime", ["", "a", "b\n", "to be", "to be\n"])
def test_prime_and_text_are_what_the_vocabulary_decodes(vocabulary, prime):
    one = network(vocabulary.size)
    before = vocabulary.encode(prime)
    start = before if len(before) else [vocabulary.line_end]
    banned = [] if vocabulary.unknown is None else [0]
    drawn = list(islice(generate(one, start, banned=banned, seed=4), 60))
    text = sample(one, vocabulary, prime, length=60, seed=4)
    known = vocabulary.decode(before)
    assert known + text == vocabulary.decode([*before, *drawn])
    assert vocabulary.kind != "words" or prime != "to be" or text.startswith(" ")


def test_golden_text():
    one = network(CHARS.size)
    assert sample(one, CHARS, "abc", length=30, temperature=0.8, top_k=4, seed=7) == GOLDEN_TEXT


GOLDEN_TEXT = "b\ncébéb\ncabacabcb\n\ncbéb\néééééé"


def test_bytes_are_decoded_as_they_come():
    one = parrot(BYTES, "aé€")
    assert list(sample_text(one, BYTES, "€", length=12, temperature=0)) == ["a", "é", "€"] * 2
    assert sample(one, BYTES, "€", length=5, temperature=0) == "aé\ufffd"


def test_without_a_prime_a_line_end_is_read():
    assert sample(parrot(CHARS, "\nabc"), CHARS, length=6, temperature=0) == "abc\nab"


def test_without_a_prime_and_a_line_end_the_first_symbol_is_drawn_and_written():
    one = parrot(NO_END, "abc")
    texts = [sample(one, NO_END, length=4, temperature=0, seed=seed) for seed in range(300)]
    counts = {text: texts.count(text) for text in set(texts)}
    assert counts.keys() == {"abca", "bcab", "cabc"}
    assert min(counts.values()) > 70
    expected = [NO_END.symbols[1 + int(3 * generator(seed, "sampling", 1).random())] for seed in range(300)]
    assert [text[0] for text in texts] == expected


def test_the_unknown_symbol_stands_for_new_characters_in_the_prime_and_is_never_written():
    one = network(CHARS.size)
    one.parameters["head.c"][0] = 50
    text = sample(one, CHARS, "aXb", length=200, seed=1)
    assert len(text) == 200
    assert set(text) <= set("\nabcé")
    drawn = islice(generate(one, [2, 0, 3], banned=[0], seed=1), 200)
    assert text == CHARS.decode(list(drawn))


def test_text_comes_piece_by_piece_without_end():
    pieces = sample_text(network(CHARS.size), CHARS, "a", length=10**12)
    assert all(len(next(pieces)) == 1 for _ in range(50))


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        ("c", "ab"),
        ("bc", "a"),
        ("a", ""),
        ("abc", ""),
        ("bca", "a"),
        ("cabca", "ab"),
        ("cabcab", "abcabca"),
        ("abd", "abcabca"),
        ("abcabcabc", "abcabca"),
        (None, "abcabca"),
    ],
)
def test_text_ends_before_the_stop(stop, expected):
    assert sample(parrot(CHARS, "abc"), CHARS, "c", length=7, temperature=0, stop=stop) == expected


@pytest.mark.parametrize(
    ("stop", "expected"),
    [("or", "to be "), ("be or", "to "), ("e o", "to b"), ("not\nto", "to be or "), ("t\n", "to be or no")],
)
def test_a_stop_may_begin_and_end_inside_words(stop, expected):
    one = parrot(WORDS, "\nto be or not")
    assert sample(one, WORDS, length=20, temperature=0, stop=stop) == expected


def test_a_stop_may_lie_across_the_bytes_of_a_character():
    assert sample(parrot(BYTES, "aé€"), BYTES, "€", length=50, temperature=0, stop="é€a") == "a"


def test_what_may_begin_a_stop_is_held_back():
    one = parrot(CHARS, "abc")
    assert list(sample_text(one, CHARS, "c", length=7, temperature=0, stop="abd")) == ["abc", "abc", "a"]
    assert list(sample_text(one, CHARS, "c", length=9, temperature=0, stop="a")) == []


@given(st.lists(st.text("ab", max_size=3), max_size=12), st.text("ab", min_size=1, max_size=5))
def test_text_before_a_stop_is_the_text_before_its_first_place(pieces, stop):
    from elman.sampling import _until

    def read() -> Iterator[str]:
        yield from pieces

    given_out = list(_until(read(), stop))
    assert "".join(given_out) == "".join(pieces).partition(stop)[0]
    assert all(given_out)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"length": -1}, "length is -1"),
        ({"stop": ""}, "stop is empty"),
        ({"vocabulary": NO_END}, "the vocabulary has 4 symbols, the network predicts 6"),
        ({"temperature": -1}, "temperature is -1"),
        (
            {"network": network(1), "vocabulary": Vocabulary("chars", ("<unk>",)), "prime": "a"},
            "every symbol is banned",
        ),
    ],
)
def test_text_options_out_of_range_are_refused_at_once(options, words):
    with pytest.raises(OptionError, match=words):
        sample_text(**{"network": network(6), "vocabulary": CHARS, **options})


def test_no_symbols_are_no_text():
    assert sample(network(6), CHARS, "a", length=0) == ""


# --------------------------------------------------------------------------------------- models of lines

LINE_VOCABULARY = Vocabulary("chars", ("<unk>", "\n", "a", "b", "c"))


def line_network():
    network = Network(input_size=5, hidden_size=6, output_size=5, dtype="float64", seed=4)
    network.parameters.flat[:] *= 3  # so that the state decides much
    return network


def test_each_line_is_written_from_a_fresh_state():
    network = line_network()
    text = sample(network, LINE_VOCABULARY, length=200, lines=True, seed=3)
    assert text.count("\n") > 9
    assert text != sample(network, LINE_VOCABULARY, length=200, seed=3)
    greedy = sample(network, LINE_VOCABULARY, length=60, lines=True, top_k=2, seed=3)
    for line in greedy.split("\n")[:-1]:
        state = network.init_state()
        before = 1
        for symbol in LINE_VOCABULARY.encode(line + "\n").tolist():
            logits, state = network.step(before, state)
            allowed = np.argsort(-np.delete(logits, 0))[:2] + 1  # the unknown symbol is never drawn
            assert symbol in allowed
            before = symbol


def test_of_a_prime_a_model_of_lines_reads_the_last_line_from_the_line_end_before_it():
    assert read_line(LINE_VOCABULARY, "").tolist() == [1]
    assert read_line(LINE_VOCABULARY, "ab").tolist() == [1, 2, 3]
    assert read_line(LINE_VOCABULARY, "ab\nca").tolist() == [1, 4, 2]
    assert read_line(LINE_VOCABULARY, "ab\n").tolist() == [1]
    network = line_network()
    first, last = (
        sample(network, LINE_VOCABULARY, prime, length=50, lines=True) for prime in ("cc\nab", "ab")
    )
    assert first == last


def test_lines_need_a_line_end():
    with pytest.raises(OptionError, match="line end"):
        sample(line_network(), Vocabulary("chars", ("<unk>", *"abcd")), lines=True)
