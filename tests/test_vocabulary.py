"""Vocabularies: text to symbols and back, and the strict form in a model file."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data import KINDS, UNKNOWN, Vocabulary, counting, vocabulary
from elman.errors import DataError, FormatError, OptionError

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
CHARS = Vocabulary("chars", (UNKNOWN, "\n", "a", "é", "😀"))
WORDS = Vocabulary("words", (UNKNOWN, "\n", "to", "be"))
BYTES = Vocabulary("bytes", ())
BPE = Vocabulary("bpe", (), ((97, 98), (256, 32), (195, 169), (98, 32), (97, 259)))  # ab, "ab ", é, "b "
COUNTED = [kind for kind in KINDS if kind != "bpe"]


def build(kind: str, text: str, min_count: int | None = None) -> Vocabulary:
    pieces = [text.encode()] if kind == "bytes" else [text]
    return Vocabulary.from_counts(kind, counting.count(kind, pieces), min_count)


@settings(deadline=None)
@given(TEXT)
def test_chars_come_back(text):
    chars = build("chars", text)
    symbols = chars.encode(text)
    assert chars.decode(symbols) == text
    assert [chars.symbols[k] for k in symbols] == list(text)
    assert 0 not in symbols


@settings(deadline=None)
@given(TEXT)
def test_bytes_come_back(text):
    assert BYTES.encode(text).tobytes() == text.encode()
    assert BYTES.decode(BYTES.encode(text)) == text


@settings(deadline=None)
@given(st.lists(st.sampled_from(["to", "be", "\n", "naïve", "😀"])))
def test_words_come_back_with_single_blanks(words):
    text = re.sub(" ?\n ?", "\n", " ".join(words))
    vocab = build("words", "  " + text.replace(" ", " \t\u3000"), min_count=1)
    assert vocab.decode(vocab.encode(text)) == text
    assert [vocab.symbols[k] for k in vocab.encode(text)] == words


def test_unknown_symbols_are_zero_and_can_be_read():
    assert CHARS.encode("a\U0010ffff\0b\ud800é").tolist() == [2, 0, 0, 0, 0, 3]
    assert CHARS.decode([2, 0, 4]) == "a\ufffd😀"
    assert WORDS.encode("to thine be").tolist() == [2, 0, 3]
    assert WORDS.decode([2, 0, 1, 3]) == "to <unk>\nbe"
    assert WORDS.encode("<unk>").tolist() == [0]
    assert Vocabulary("chars", (UNKNOWN,)).encode("ab\0").tolist() == [0, 0, 0]


@pytest.mark.parametrize("vocab", [CHARS, WORDS, BYTES, BPE])
def test_no_text_is_no_symbols(vocab):
    assert vocab.encode("").shape == (0,)
    assert vocab.decode([]) == ""
    assert vocab.missing("") == []


def test_missing_names_each_new_symbol_once_in_order():
    assert CHARS.missing("xaéyxz\n") == ["x", "y", "z"]
    assert WORDS.missing("not to\nbe  or not") == ["not", "or"]
    assert BYTES.missing("anything 😀") == []
    assert BPE.missing("anything 😀") == []


def test_properties():
    assert [(v.size, v.unknown, v.line_end) for v in (CHARS, WORDS, BYTES, BPE)] == [
        (5, 0, 1),
        (4, 0, 1),
        (256, None, 10),
        (260, None, 10),
    ]
    assert BYTES.tokens == tuple(bytes((k,)) for k in range(256)) == BPE.tokens[:256]
    assert BPE.tokens[256:] == (b"ab", b"ab ", "é".encode(), b"b ")
    assert CHARS.tokens == WORDS.tokens == ()
    assert Vocabulary("chars", (UNKNOWN, "a")).line_end is None


@pytest.mark.parametrize(
    ("size", "dtype"), [(2, "u1"), (256, "u1"), (257, "u2"), (65536, "u2"), (65537, "u4")]
)
def test_symbols_take_the_smallest_type(size, dtype):
    chars = Vocabulary("chars", (UNKNOWN, *map(chr, range(0x10000, 0x10000 + size - 1))))
    symbols = chars.encode(chars.symbols[-1] + "a")
    assert chars.size == size
    assert symbols.dtype == dtype
    assert symbols.tolist() == [size - 1, 0]


def test_order_is_by_code_point_for_chars_and_by_count_for_words():
    assert build("chars", "bé a\nb").symbols == (UNKNOWN, "\n", " ", "a", "b", "é")
    assert build("words", "b a a\nc b b c once").symbols == (UNKNOWN, "b", "a", "c", "\n")
    assert build("bytes", "abc") == BYTES


def test_rare_symbols_become_the_unknown_one():
    assert build("chars", "aabbc\n", min_count=2).symbols == (UNKNOWN, "\n", "a", "b")
    assert build("words", "a b b b c c\n", min_count=3).symbols == (UNKNOWN, "b", "\n")
    assert build("words", "<unk> a a <unk>").symbols == (UNKNOWN, "a")


@settings(deadline=None)
@given(st.lists(TEXT))
def test_counting_does_not_depend_on_the_pieces(pieces):
    counts = counting.count("chars", pieces)
    assert counts == {c: "".join(pieces).count(c) for c in set("".join(pieces))}


def test_bytes_are_counted_as_characters_of_the_same_number():
    assert counting.count("bytes", [b"a\xff", b"\xff"]) == {"a": 1, "ÿ": 2}


@pytest.mark.parametrize("symbols", [[-1], [5], [0, 99], [1.0], [300]])
def test_decode_refuses_what_is_no_symbol(symbols):
    with pytest.raises(DataError, match="whole numbers, 0 to 4"):
        CHARS.decode(symbols)


@pytest.mark.parametrize("vocab", [BYTES, BPE])
def test_bytes_that_are_not_text_decode_to_the_replacement_character(vocab):
    assert vocab.decode([97, 255, 98]) == "a\ufffdb"


def test_only_bytes_read_bytes():
    assert BYTES.encode(b"\xff\n").tolist() == [255, 10]
    for vocab in (CHARS, WORDS, BPE):
        with pytest.raises(DataError, match=f"a vocabulary of {vocab.kind} reads text"):
            vocab.encode(b"a")


def test_bytes_from_the_command_line_come_back_and_other_surrogates_are_refused():
    assert BYTES.encode(b"\xff".decode("utf-8", "surrogateescape")).tolist() == [255]
    with pytest.raises(DataError, match="character 1 is half a surrogate pair"):
        BYTES.encode("a\ud800")


@pytest.mark.parametrize(
    ("kind", "symbols", "message"),
    [
        ("letters", (), "chars, bytes, words, bpe"),
        ("chars", (), "symbol 0 must be '<unk>'"),
        ("chars", ("a",), "symbol 0 must be '<unk>'"),
        ("chars", (UNKNOWN, "a", "a"), "'a' is listed twice"),
        ("chars", (UNKNOWN, UNKNOWN), "listed twice"),
        ("chars", (UNKNOWN, ""), "cannot be a symbol"),
        ("chars", (UNKNOWN, "ab"), "cannot be a symbol"),
        ("chars", (UNKNOWN, "\ud800"), "cannot be a symbol"),
        ("words", (UNKNOWN, ""), "cannot be a symbol"),
        ("words", (UNKNOWN, "a b"), "cannot be a symbol"),
        ("words", (UNKNOWN, "a\n"), "cannot be a symbol"),
        ("words", (UNKNOWN, "a\udc80"), "cannot be a symbol"),
        ("bytes", ("a",), "lists no symbols"),
        ("bpe", ("a",), "lists no symbols"),
    ],
)
def test_a_vocabulary_that_cannot_be_is_refused(kind, symbols, message):
    with pytest.raises(OptionError, match=message):
        Vocabulary(kind, symbols)


def test_an_unknown_kind_is_refused_when_counts_are_given():
    with pytest.raises(OptionError, match="chars, bytes, words"):
        Vocabulary.from_counts("letters", {})
    with pytest.raises(OptionError, match="read_corpus"):
        Vocabulary.from_counts("bpe", {"a": 2})


@pytest.mark.parametrize("vocab", [CHARS, WORDS, BYTES])
def test_only_bpe_has_merges(vocab):
    with pytest.raises(OptionError, match=f"a vocabulary of {vocab.kind} has no merges; 1 came"):
        Vocabulary(vocab.kind, vocab.symbols, ((97, 98),))


@pytest.mark.parametrize("kind", COUNTED)
@settings(deadline=None)
@given(TEXT)
def test_the_form_comes_back_and_is_the_same_each_time(kind, text):
    vocab = build(kind, text, min_count=1)
    assert Vocabulary.from_bytes(vocab.to_bytes()) == vocab
    assert Vocabulary.from_bytes(vocab.to_bytes()).to_bytes() == vocab.to_bytes()


def test_the_form_is_golden():
    assert CHARS.to_bytes() == '{"kind":"chars","symbols":["<unk>","\\n","a","é","😀"]}'.encode()
    merges = b"[[97,98],[256,32],[195,169],[98,32],[97,259]]"
    assert BPE.to_bytes() == b'{"kind":"bpe","symbols":[],"merges":%s}' % merges
    assert Vocabulary.from_bytes(BPE.to_bytes()) == BPE


HOSTILE = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'{"kind":"chars"}',
    b'{"kind":"letters","symbols":[]}',
    b'{"kind":"bytes","symbols":["a"]}',
    b'{"kind":"bytes","symbols":[]} ',
    b'{"symbols":[],"kind":"bytes"}',
    b'{"kind":"bytes","symbols":[],"more":1}',
    b'{"kind":"bytes","kind":"bytes","symbols":[]}',
    b'{"kind":"words","kind":"bytes","symbols":[]}',
    b'{"kind":"bytes","symbols":null}',
    b'{"kind":"chars","symbols":"<unk>"}',
    b'{"kind":"chars","symbols":["<unk>",7]}',
    b'{"kind":"chars","symbols":["<unk>",NaN]}',
    b'{"kind":"chars","symbols":["a"]}',
    b'{"kind":"chars","symbols":["<unk>","a","a"]}',
    b'{"kind":"chars","symbols":["<unk>",""]}',
    b'{"kind":"chars","symbols":["<unk>","ab"]}',
    b'{"kind":"chars","symbols":["<unk>","\\u0061"]}',
    b'{"kind":"chars","symbols":["<unk>","\\ud800"]}',
    b'{"kind":"chars","symbols":["<unk>","\xed\xa0\x80"]}',
    b'{"kind":"chars","symbols":["<unk>","\xff"]}',
    b'{"kind":"words","symbols":["<unk>","a b"]}',
    b'{"kind":"chars","symbols":["<unk>"],"merges":[]}',
    b'{"kind":"bytes","symbols":[],"merges":[[97,98]]}',
    *(
        b'{"kind":"bpe","symbols":[],"merges":%s}' % merges
        for merges in [
            b"null",
            b"[97,98]",
            b"[[97]]",
            b"[[97,98,99]]",
            b"[[97,98],[97,98]]",
            b"[[97,256]]",
            b"[[-1,98]]",
            b"[[97,1e3]]",
            b"[[97,true]]",
            b'[["a","b"]]',
            b"[[97, 98]]",
            b"[[97,10]]",
            b"[[97,18446744073709551616]]",
            b"[[97," + b"9" * 5_000 + b"]]",
            b"[" + b",".join(b"[%d,%d]" % (k, k) for k in (97, *range(256, 300))) + b"]",
            b"[" * 100_000,
        ]
    ),
    b'{"kind":"bpe","symbols":[]}',
    b'{"kind":"bpe","merges":[],"symbols":[]}',
    b'{"kind":"bpe","symbols":["a"],"merges":[]}',
    b'{"kind":"bpe","symbols":[],"merges":[],"model":{}}',
    b"\xef\xbb\xbf" + BYTES.to_bytes(),
    BYTES.to_bytes().decode().encode("utf-16"),
    b"[" * 100_000,
    b'{"kind":"words","symbols":' + b"[" * 100_000,
    b'{"kind":' + b"9" * 5_000 + b',"symbols":[]}',
]


@pytest.mark.parametrize("data", HOSTILE, ids=lambda data: repr(data[:40]))
def test_a_damaged_form_is_refused(data):
    with pytest.raises(FormatError, match=r"^vocabulary is damaged: .+"):
        Vocabulary.from_bytes(data)


@pytest.mark.parametrize("vocab", [WORDS, BPE])
def test_every_truncation_and_an_appended_byte_are_refused(vocab):
    data = vocab.to_bytes()
    for k in range(len(data)):
        with pytest.raises(FormatError):
            Vocabulary.from_bytes(data[:k])
    with pytest.raises(FormatError):
        Vocabulary.from_bytes(data + b"\0")


def test_a_form_too_large_is_refused_unread(monkeypatch):
    monkeypatch.setattr(vocabulary, "LARGEST_FORM", 20)
    with pytest.raises(FormatError, match="at most 20 are read"):
        Vocabulary.from_bytes(BYTES.to_bytes())


def test_a_hundred_thousand_distinct_characters_come_back():
    points = np.random.default_rng(0).permutation(np.arange(0x10000, 0x10000 + 100_000))
    text = "".join(map(chr, points))
    chars = build("chars", text)
    assert chars.decode(chars.encode(text)) == text
