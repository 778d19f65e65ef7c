"""BPE: lossless, the same wherever the text is cut and whatever threads do; no file of it is trusted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from itertools import chain, pairwise, product

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from elman import Network, load, persistence
from elman.data import Vocabulary, bpe, corpus_from_text, opened_symbols, read_corpus, reading, shakespeare
from elman.errors import DataError, OptionError
from elman.evaluation import score_lines
from elman.sampling import sample

SIZE = 320
PLAYS = shakespeare.text()[:60_000]
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
# What the rules for the beginnings of words make a difference between, and what looks like a blank.
LETTERS = "the'll st 12 -é中😀\n\n  \t\r\x0b\x1c\x85\xa0\u2028\u3000\u200b"
AWKWARD = st.text(st.sampled_from(LETTERS))
# Joins whatever stands side by side, so that a cut in a wrong place shows.
JOINING = Vocabulary("bpe", (), tuple(product(sorted({*LETTERS.encode()} - {10}), repeat=2)))
without_deadline = settings(deadline=None)
with_monkeypatch = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)


@pytest.fixture(scope="module")
def plays() -> Vocabulary:
    return corpus_from_text(PLAYS, kind="bpe", vocab_size=SIZE).vocabulary


@pytest.fixture
def file(tmp_path):
    return tmp_path / "text.txt"


# ── text to symbols and back ──


@without_deadline
@given(text=TEXT | AWKWARD)
@example("\0\x7f\x80\xff\u0100\u0142\ud7ff\ue000\ufffd\ufeff\U0010ffff")
def test_any_text_comes_back(plays, text):
    symbols = plays.encode(text)
    assert symbols.dtype == np.uint16
    assert plays.decode(symbols) == text


def test_every_byte_of_utf8_has_its_own_symbol():
    nothing_joined = Vocabulary("bpe", ())
    text = "".join(map(chr, chain(range(0x300), range(0x1000, 0xD800, 97), range(0xE000, 0x110000, 997))))
    assert nothing_joined.encode(text).tolist() == list(text.encode())


def test_what_is_frequent_takes_few_symbols(plays):
    assert plays.size == SIZE
    assert len(plays.encode(PLAYS)) < 0.7 * len(PLAYS)
    assert {b"he", b" the", b"ou"} < set(plays.tokens)


def test_merges_are_applied_in_their_order():
    vocabulary = Vocabulary("bpe", (), ((98, 99), (97, 98), (256, 100)))  # bc, ab, bcd
    assert [vocabulary.tokens[k] for k in vocabulary.encode("abcd ab")] == [b"a", b"bcd", b" ", b"ab"]


@without_deadline
@given(text=AWKWARD)
def test_a_line_end_is_always_a_symbol_of_its_own(plays, text):
    ends = plays.encode(text) == plays.line_end
    assert ends.sum() == text.count("\n")
    assert all(b"\n" not in token for token in plays.tokens[:10] + plays.tokens[11:])


@without_deadline
@given(text=AWKWARD, cut=st.integers(0, 99))
def test_a_text_may_be_cut_where_it_is_said_to(text, cut):
    places = [place.end() for place in re.finditer(bpe.CUT, text)] or [0]
    place = places[cut % len(places)]
    parts = [JOINING.encode(text[:place]), JOINING.encode(text[place:])]
    assert np.concatenate(parts).tolist() == JOINING.encode(text).tolist()


@pytest.mark.parametrize("text", [PLAYS, "abc" * 20_000, " " * 40_000, "é ü\n" * 9_000], ids=range(4))
def test_a_long_text_is_encoded_in_parts_that_are_those_of_the_whole(monkeypatch, plays, text):
    parts = list(bpe._parts(text))
    assert "".join(parts) == text
    symbols = plays.encode(text).tolist()
    monkeypatch.setattr(bpe, "_PARTS", re.compile(".+", re.DOTALL))
    assert len(list(bpe._parts(text))) == 1
    assert plays.encode(text).tolist() == symbols


def test_half_a_surrogate_pair_is_refused(plays):
    for text in ("a\ud800", "a\udcff"):
        with pytest.raises(DataError, match="character 1 is half a surrogate pair"):
            plays.encode(text)


# ── learning ──


@with_monkeypatch
@given(
    text=AWKWARD.map(lambda text: text + "the st the st"), piece_bytes=st.sampled_from([1, 2, 3, 7, 1 << 20])
)
def test_pieces_change_neither_merges_nor_symbols(monkeypatch, file, text, piece_bytes):
    file.write_bytes(text.encode())
    whole = read_corpus(file, kind="bpe", vocab_size=257)
    monkeypatch.setattr(reading, "PIECE_BYTES", piece_bytes)
    read = read_corpus(file, kind="bpe", vocab_size=257)
    assert read.vocabulary.to_bytes() == whole.vocabulary.to_bytes()
    assert read.symbols.tolist() == whole.symbols.tolist()
    assert read.vocabulary.decode(read.symbols) == text.replace("\r\n", "\n")
    assert read.unknown == 0


LEARN = """
from elman.data import corpus_from_text, shakespeare
print(corpus_from_text(shakespeare.text()[:300_000], kind="bpe", vocab_size=500).vocabulary.merges)
"""


def test_neither_threads_nor_the_process_change_what_is_learned():
    told = set()
    for threads, seed in (("1", "0"), ("2", "1"), ("5", "2")):
        environment = {**os.environ, "RAYON_NUM_THREADS": threads, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", LEARN], env=environment, capture_output=True, check=True, encoding="utf-8"
        )
        assert done.stderr == ""
        told.add(done.stdout)
    assert len(told) == 1


def test_learning_does_not_touch_the_environment(monkeypatch):
    monkeypatch.delenv("TOKENIZERS_PARALLELISM", raising=False)
    before = dict(os.environ)
    bpe.train([PLAYS], 300)
    assert dict(os.environ) == before


def joined(word: list[bytes], pair: tuple[bytes, bytes]) -> list[bytes]:
    """Join each occurrence of a pair, from left to right."""
    done: list[bytes] = []
    for token in word:
        if done and (done[-1], token) == pair:
            done[-1] = b"".join(pair)
        else:
            done.append(token)
    return done


@without_deadline
@given(text=st.text(st.sampled_from("ab \n"), max_size=40))
def test_merges_are_those_of_plain_counting(text):
    words = [word for line in text.split("\n") for word in re.findall(r" ?[ab]+| +(?!\S)| +", line)]
    apart = [[bytes((byte,)) for byte in word.encode()] for word in words]
    merges = bpe.train([text], 262)
    tokens = bpe.spell(merges)
    for left, right in merges:
        counts = Counter(chain.from_iterable(map(pairwise, apart)))
        pair = (tokens[left], tokens[right])
        assert counts[pair] == max(counts.values()) >= bpe.LEAST
        apart = [joined(word, pair) for word in apart]
    left_over = Counter(chain.from_iterable(map(pairwise, apart)))
    assert len(tokens) == 262 or max(left_over.values(), default=0) < bpe.LEAST
    encoded = Vocabulary("bpe", (), merges).encode(text)
    assert [tokens[k] for k in encoded if k != 10] == list(chain.from_iterable(apart))


def test_no_token_is_longer_than_a_file_may_hold():
    learned = bpe.train(["-" * 5_000 + "\n"] * 3, 1000)
    assert bpe.LONGEST_TOKEN / 2 < max(map(len, bpe.spell(learned))) <= bpe.LONGEST_TOKEN


@pytest.mark.parametrize(
    ("raw", "options", "expected"),
    [
        (b"", {}, "is empty"),
        (b"aaaa", {}, "only one distinct symbol ('a', 4 x)"),
        (b"to be or not to be", {}, "gives only 259 symbols of bpe, where vocab_size is 300; ask for fewer"),
        (b"to be \xff", {}, "byte 0xff at byte offset 6"),
        (b"to be \xff", {"encoding_errors": "ignore", "vocab_size": 257}, "gives only 256 symbols"),
    ],
)
def test_a_text_that_cannot_be_learned_from_is_refused(file, raw, options, expected):
    file.write_bytes(raw)
    with pytest.raises(DataError) as caught:
        read_corpus(file, kind="bpe", **{"vocab_size": 300} | options)
    assert expected in str(caught.value)
    assert str(caught.value).startswith(str(file))


def test_a_text_that_breaks_while_it_is_learned_from_is_refused_in_the_usual_way():
    def pieces():
        yield "the the the"
        raise DataError("byte 0xff")

    with pytest.raises(DataError, match="byte 0xff"):
        bpe.train(pieces(), 257)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"kind": "bpe"}, "257 to 262,144, the 256 bytes among them; vocab_size is None"),
        ({"kind": "bpe", "vocab_size": 256}, "vocab_size is 256"),
        ({"kind": "bpe", "vocab_size": bpe.LARGEST_SIZE + 1}, "vocab_size is 262145"),
        ({"vocab_size": 300}, "vocab_size is for a new vocabulary of bpe; leave it out"),
        ({"kind": "words", "vocab_size": 300}, "leave it out"),
        ({"vocabulary": Vocabulary("bpe", ()), "vocab_size": 300}, "leave it out"),
        ({"kind": "bpe", "vocab_size": 300, "min_count": 2}, "min_count is for a new vocabulary of chars"),
    ],
)
def test_options_that_do_not_agree_are_refused_before_reading(options, expected):
    with pytest.raises(OptionError, match=expected):
        read_corpus("no such file", **options)


def test_without_tokenizers_the_extra_is_named_and_decoding_goes_on(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    vocabulary = Vocabulary("bpe", (), ((97, 98),))
    assert vocabulary.decode([256, 10]) == "ab\n"
    for attempt in (lambda: bpe.train(["to be"], 257), lambda: vocabulary.encode("ab")):
        with pytest.raises(OptionError, match=r"pip install 'elman\[bpe\]'"):
            attempt()


def test_a_word_without_end_is_refused(monkeypatch, file):
    monkeypatch.setattr(reading, "LONGEST_WORD", 10)
    monkeypatch.setattr(reading, "PIECE_BYTES", 4)
    known = Vocabulary("bpe", ())
    file.write_bytes(b"to be to be " + b"x" * 9 + b" be")
    assert read_corpus(file, vocabulary=known).symbols.size == 24
    file.write_bytes(b"to be to be " + b"x" * 15 + b" be")
    with pytest.raises(DataError, match="a word of over 10 characters; try --vocab chars"):
        read_corpus(file, vocabulary=known)


# ── lines, model files, sampling ──


def test_lines_stand_between_line_ends(file):
    file.write_bytes(b"the hen\r\n\nthe ten")
    read = read_corpus(file, kind="bpe", vocab_size=258, lines=True)
    assert read.vocabulary.decode(read.symbols) == "\nthe hen\n\nthe ten\n"
    with opened_symbols(file, read.vocabulary, lines=True) as symbols:
        assert np.concatenate(list(symbols())).tolist() == read.symbols.tolist()


def test_the_vocabulary_lives_in_the_model_file(tmp_path, plays):
    path = tmp_path / "model.safetensors"
    persistence.save(path, Network(input_size=SIZE, hidden_size=3, output_size=SIZE), plays)
    vocabulary = load(path).vocabulary
    assert vocabulary == plays
    assert vocabulary.encode("To be, or not to be").tolist() == plays.encode("To be, or not to be").tolist()


def test_a_damaged_file_cannot_make_a_token_without_bound(monkeypatch):
    doubling = ((97, 97), *((k, k) for k in range(256, 262)))
    assert len(Vocabulary("bpe", (), doubling).tokens[-1]) == 128
    with pytest.raises(OptionError, match="at most 128 bytes"):
        Vocabulary("bpe", (), (*doubling, (262, 97)))
    monkeypatch.setattr(bpe, "LARGEST_SIZE", 6)
    with pytest.raises(OptionError, match="7 merges came; expected up to 6"):
        Vocabulary("bpe", (), doubling)


def test_a_sample_joins_characters_that_tokens_cut():
    accents = Vocabulary("bpe", (), ((97, 195), (169, 98)))  # "a" and half of "é", the other half and "b"
    network = Network(input_size=258, hidden_size=2, output_size=258)
    network.parameters.flat[:] = 0
    bias = network.parameters["head.c"]
    bias[[256, 257]] = 40
    text = sample(network, accents, prime="x", length=40, seed=3)
    assert "aéb" in text
    assert set(text) <= set("aéb\ufffd")


def test_a_line_is_scored_with_its_end(plays):
    network = Network(input_size=SIZE, hidden_size=3, output_size=SIZE)
    lines = ["To be, or not to be", "", "é"]
    scores = list(score_lines(network, plays, lines, carry=False))
    assert [score.count for score in scores] == [len(plays.encode(line + "\n")) for line in lines]
