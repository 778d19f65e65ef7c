"""Byte-level BPE: symbols 0 to 255 are the bytes of UTF-8, each one after them joins two that came before.

The merges say all of it, so they alone are kept in a model file. HF tokenizers (the extra `bpe`) learns them
and applies them; those of a file reach it once they are checked.
Source: Sennrich et al. 2016, arXiv:1508.07909; bytes, and where words begin: Radford et al. 2019, Language
Models are Unsupervised Multitask Learners.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from elman.data.counting import as_bytes
from elman.errors import OptionError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Merges = tuple[tuple[int, int], ...]

LARGEST_SIZE = 1 << 18  # symbols; the largest vocabularies in use have about as many
LONGEST_TOKEN = 128  # bytes; so that neither a line of dashes nor a damaged file makes longer ones
LEAST = 2  # how often two symbols stand side by side before they are joined: once is no pattern

# Where a text may be cut and give the same symbols: after a line end, or before a blank that ends a word.
CUT = r"(?:\n|\S(?= ))"
_PARTS = re.compile(rf".{{16384,}}?(?:{CUT}|\Z)|.+", re.DOTALL)  # tokenizers needs 200 bytes a character

# How tokenizers writes a byte: a printable one as the character of its number, the others as U+0100 and on.
_PRINTED = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
_HIDDEN = sorted(set(range(256)) - _PRINTED)
_LETTERS = [chr(k if k in _PRINTED else 256 + _HIDDEN.index(k)) for k in range(256)]


def check_size(vocab_size: int | None) -> None:
    """Raise OptionError unless a vocabulary can have that many symbols."""
    if vocab_size is None or not 256 < vocab_size <= LARGEST_SIZE:
        what = f"bpe learns as many symbols as you say, 257 to {LARGEST_SIZE:,}, the 256 bytes among them"
        raise OptionError(f"{what}; vocab_size is {vocab_size}")


def train(pieces: Iterable[str], vocab_size: int) -> Merges:
    """Learn merges from a text until there are `vocab_size` symbols, or no two stand side by side twice.

    The same text gives the same merges, wherever `CUT` lets it be cut and however many threads are at work.
    Raises: OptionError when tokenizers is not installed, or for a size out of range.

    >>> train(["the hen, then the tent"], 259)
    ((104, 101), (116, 256), (32, 257))
    """
    check_size(vocab_size)
    tokenizer = _tokenizer()
    from tokenizers.trainers import BpeTrainer

    trainer = BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=LEAST,
        max_token_length=LONGEST_TOKEN,
        initial_alphabet=_LETTERS,
        show_progress=False,
    )
    tokenizer.train_from_iterator(chain.from_iterable(map(_parts, pieces)), trainer=trainer)
    symbols = {letter: k for k, letter in enumerate(_LETTERS)}
    merges = []
    for left, right in json.loads(tokenizer.to_str())["model"]["merges"]:
        merges.append((symbols[left], symbols[right]))
        symbols.setdefault(left + right, len(symbols))
    return tuple(merges)


def spell(merges: Merges) -> tuple[bytes, ...]:
    """Return the bytes of each symbol; a merge that spells what is there already makes no new one.

    Raises: OptionError for merges that `train` does not make.

    >>> spell(((97, 98), (98, 99), (256, 99), (97, 257)))[256:]
    (b'ab', b'bc', b'abc')
    """
    if len(merges) > LARGEST_SIZE or len(set(merges)) < len(merges):
        raise OptionError(f"{len(merges):,} merges came; expected up to {LARGEST_SIZE:,}, none of them twice")
    spelled = {bytes((k,)): k for k in range(256)}
    listed = list(spelled)
    for left, right in merges:
        if not (0 <= left < len(listed) and 0 <= right < len(listed)):
            raise OptionError(f"a merge joins {left} and {right}, where there are {len(listed)} symbols")
        token = listed[left] + listed[right]
        if len(token) > LONGEST_TOKEN or b"\n" in token:
            raise OptionError(
                f"a merge spells {token[:40]!r}; at most {LONGEST_TOKEN} bytes, none of them a line end, go"
            )
        if spelled.setdefault(token, len(listed)) == len(listed):
            listed.append(token)
    return tuple(listed)


def encoder(tokens: tuple[bytes, ...], merges: Merges) -> Tokenizer:
    """Return what `encode` takes: merges, and what they spell, ready for use.

    Raises: OptionError when tokenizers is not installed.
    """
    written = ["".join([_LETTERS[byte] for byte in token]) for token in tokens]
    vocabulary = {token: k for k, token in enumerate(written)}
    return _tokenizer(vocabulary, [(written[left], written[right]) for left, right in merges])


def encode(tokenizer: Tokenizer, text: str) -> Iterator[int]:
    """Yield the symbols of a text, in memory that does not grow with it.

    Raises: DataError for half a surrogate pair, which has no bytes.
    """
    as_bytes(text, "strict")
    return chain.from_iterable(tokenizer.encode(part).ids for part in _parts(text))


def _parts(text: str) -> Iterator[str]:
    return (part[0] for part in _PARTS.finditer(text))


def _tokenizer(
    vocabulary: dict[str, int] | None = None, merges: list[tuple[str, str]] | None = None
) -> Tokenizer:
    try:
        from tokenizers import Tokenizer, models, pre_tokenizers
    except ImportError as error:
        raise OptionError("a vocabulary of bpe needs tokenizers: pip install 'elman[bpe]'") from error
    lines = pre_tokenizers.Split("\n", "isolated")  # a line end is always a symbol of its own
    words = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([lines, words])
    return tokenizer
