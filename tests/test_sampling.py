"""Sampling: the right distribution, the same text for the same seed, nothing illegal, and stops that stop."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman import Network
from elman.data import Vocabulary
from elman.decoding import generate
from elman.errors import OptionError
from elman.numerics import generator
from elman.sampling import read_line, sample, sample_text
from sampling_cases import network, parrot

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


@pytest.mark.parametrize("stored", [{"weights": "bfloat16"}, {"weights": "int8", "calibrate": [2, 3, 4, 2]}])
def test_text_of_narrow_weights(stored):
    one = network(CHARS.size, dtype="float32")
    one.parameters.flat[:] *= 3  # so that roundings tell
    drawn = list(islice(generate(one, CHARS.encode("ab"), banned=[0], seed=4, **stored), 400))
    text = sample(one, CHARS, "ab", length=400, seed=4, **stored)
    assert text == CHARS.decode(drawn) == "".join(sample_text(one, CHARS, "ab", length=400, seed=4, **stored))
    assert text != sample(one, CHARS, "ab", length=400, seed=4)
    others = {name: value for name, value in stored.items() if name != "calibrate"}
    assert (text == sample(one, CHARS, "ab", length=400, seed=4, **others)) == (stored == others)


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
