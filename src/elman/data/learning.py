"""A new vocabulary: which options one may have, and how it is learned from a text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from elman.data import bpe
from elman.data.vocabulary import DEFAULT_MIN_COUNT, Kind, Vocabulary, check_kind
from elman.errors import DataError, OptionError


def choose_kind(
    kind: Kind | None,
    vocabulary: Vocabulary | None,
    *,
    lines: bool,
    min_count: int | None = None,
    vocab_size: int | None = None,
) -> Kind:
    """Return the kind of symbols to read, once the options are known to agree.

    Raises: OptionError when they do not.
    """
    kind = kind or (vocabulary.kind if vocabulary else "chars")
    check_kind(kind)
    if vocabulary and vocabulary.kind != kind:
        raise OptionError(f"kind is {kind!r} but the vocabulary given is of {vocabulary.kind}; leave out one")
    if lines and vocabulary and vocabulary.line_end is None:
        raise OptionError("reading line by line needs a vocabulary with a line end; the one given has none")
    if min_count is not None and (vocabulary or kind not in DEFAULT_MIN_COUNT):
        raise OptionError("min_count is for a new vocabulary of chars or words; leave it out")
    if min_count is not None and min_count < 1:
        raise OptionError(f"min_count is {min_count}; it must be at least 1")
    if vocab_size is not None and (vocabulary or kind != "bpe"):
        raise OptionError("vocab_size is for a new vocabulary of bpe; leave it out")
    if kind == "bpe" and not vocabulary:
        bpe.check_size(vocab_size)
    return kind


def learn(
    kind: Kind,
    counts: Counter[str],
    pieces: Iterable[str] | Iterable[bytes],
    source: str,
    *,
    lines: bool,
    min_count: int | None,
    vocab_size: int | None,
) -> Vocabulary:
    """Build a vocabulary from the counts of a text, or for bpe from its pieces; the options agree.

    Raises: DataError when there is nothing in the text to predict, or less than asked for to learn.
    """
    if len(counts) == 1:
        ((symbol, times),) = counts.items()
        raise DataError(
            f"{source} has only one distinct symbol ({symbol[:40]!r}, {times} x): there is nothing to predict"
        )
    if vocab_size is not None:
        return _trained(map(str, pieces), vocab_size, source)
    vocabulary = Vocabulary.from_counts(kind, counts | Counter("\n") if lines else counts, min_count)
    if vocabulary.size == 1:
        raise DataError(
            f"{source}: each of its {len(counts)} symbols is too rare to be learned; lower min_count"
        )
    return vocabulary


def _trained(pieces: Iterable[str], vocab_size: int, source: str) -> Vocabulary:
    vocabulary = Vocabulary("bpe", (), bpe.train(pieces, vocab_size))
    if vocabulary.size < vocab_size:
        found = f"{vocabulary.size:,} symbols of bpe, where vocab_size is {vocab_size:,}"
        raise DataError(f"{source} gives only {found}; ask for fewer, or take chars or bytes")
    return vocabulary
