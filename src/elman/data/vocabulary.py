"""Vocabularies: from text to symbols and back. A symbol is a number for a character, byte, word or token."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from reprlib import repr as short
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elman.data import bpe
from elman.data.counting import as_bytes, code_points, words
from elman.errors import DataError, FormatError, OptionError

Kind = Literal["chars", "bytes", "words", "bpe"]
KINDS: tuple[Kind, ...] = get_args(Kind)
UNKNOWN = "<unk>"
LARGEST_FORM = 64 << 20  # bytes of the JSON form; 1.1 million words take about 10 MiB

# A new character is rare, so all seen ones are kept; new words come all the time, so words seen once
# are given up to train the unknown word: it then has the probability of a word not seen before.
DEFAULT_MIN_COUNT: dict[Kind, int] = {"chars": 1, "words": 2}

_REPLACEMENT = 0xFFFD  # U+FFFD, what Unicode prints for a character it does not know
_LEGAL = {"chars": re.compile(r"[^\ud800-\udfff]", re.DOTALL), "words": re.compile(r"\n|[^\s\ud800-\udfff]+")}

Array = NDArray[Any]


@dataclass(frozen=True, repr=False)
class Vocabulary:
    r"""The symbols of a text: symbol k stands for `symbols[k]`.

    chars: Unicode code points; bytes: the 256 bytes of UTF-8 (`symbols` is empty, nothing is ever new);
    words: what stands between blanks, and each line end "\n" is a word of its own; bpe: the 256 bytes and
    what `merges` join, one pair of symbols after the other (`symbols` is empty; "\n" is never joined).
    Symbol 0 of chars and words is always `<unk>`, the unknown symbol, which stands for whatever is new.

    Raises: OptionError when `symbols` or `merges` do not fit the kind.

    >>> vocabulary = Vocabulary("chars", ("<unk>", "a", "b"))
    >>> vocabulary.encode("abba!")
    array([1, 2, 2, 1, 0], dtype=uint8)
    >>> vocabulary.decode([2, 1, 0])
    'ba\ufffd'
    """

    kind: Kind
    symbols: tuple[str, ...]
    merges: bpe.Merges = ()

    def __post_init__(self) -> None:
        check_kind(self.kind)
        if self.merges and self.kind != "bpe":
            raise OptionError(f"a vocabulary of {self.kind} has no merges; {len(self.merges)} came")
        fault = _fault(self.kind, self.symbols)
        if fault:
            raise OptionError(fault)
        _ = self.tokens  # checks the merges

    def __repr__(self) -> str:
        return f"Vocabulary({self.kind!r}, {short(self.symbols)})  # {self.size:,} symbols"

    @classmethod
    def from_counts(cls, kind: Kind, counts: Mapping[str, int], min_count: int | None = None) -> Vocabulary:
        r"""Build the vocabulary of a text from the counts of its symbols (see `count`).

        What occurs fewer than `min_count` times becomes the unknown symbol; the default is 1 for chars and 2
        for words. A line end is structure, never rare: it is always kept. Characters are ordered by code
        point, words by falling count, then text. For bytes there is nothing to choose.

        Raises: OptionError for bpe, which counts do not make: `read_corpus` learns it from a text.

        >>> Vocabulary.from_counts("words", {"b": 2, "once": 1, "a": 2, "the": 9}).symbols
        ('<unk>', 'the', 'a', 'b')
        """
        check_kind(kind)
        if kind == "bytes":
            return cls(kind, ())
        if kind == "bpe":
            raise OptionError("bpe is learned from a text, not from counts; read_corpus does")
        least = DEFAULT_MIN_COUNT[kind] if min_count is None else min_count
        kept = [s for s, n in counts.items() if (n >= least or s == "\n") and s != UNKNOWN]
        kept.sort(key=(lambda s: (-counts[s], s)) if kind == "words" else None)
        return cls(kind, (UNKNOWN, *kept))

    @classmethod
    def from_bytes(cls, data: bytes) -> Vocabulary:
        """Read what `to_bytes` wrote, and nothing else: only that exact form is accepted.

        Raises: FormatError on anything else: another kind, a repeated or empty symbol, a lone surrogate,
                a merge of what is not there, a repeated key, a stray blank, more than 64 MiB.
        """
        import msgspec

        if len(data) > LARGEST_FORM:
            raise FormatError(f"vocabulary of {len(data):,} bytes; at most {LARGEST_FORM:,} are read")
        try:
            vocabulary = msgspec.json.decode(data, type=cls)
            same = vocabulary.to_bytes() == data
        except (ValueError, RecursionError) as error:  # msgspec's and Unicode's errors are ValueErrors
            raise FormatError(f"vocabulary is damaged: {error}") from error
        if not same:
            raise FormatError("vocabulary is damaged: not in the one form that is ever written")
        return vocabulary

    def to_bytes(self) -> bytes:
        """Return the vocabulary as compact JSON in UTF-8; the same vocabulary always gives the same bytes.

        >>> Vocabulary("bytes", ()).to_bytes()
        b'{"kind":"bytes","symbols":[]}'
        """
        form: dict[str, Any] = {"kind": self.kind, "symbols": self.symbols}
        if self.kind == "bpe":
            form["merges"] = self.merges
        return json.dumps(form, ensure_ascii=False, separators=(",", ":")).encode()

    @property
    def size(self) -> int:
        """The number of symbols, the unknown one included: what a network reads and predicts."""
        return len(self.tokens or self.symbols)

    @property
    def unknown(self) -> int | None:
        """The symbol that stands for what is new; None for bytes and bpe, where nothing can be new."""
        return None if self.tokens else 0

    @property
    def line_end(self) -> int | None:
        r"""The symbol of "\n", or None when the vocabulary has none."""
        return 10 if self.tokens else self._index.get("\n")

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest unsigned type that holds every symbol."""
        return np.min_scalar_type(self.size - 1)

    @cached_property
    def tokens(self) -> tuple[bytes, ...]:
        """What each symbol of bytes or bpe spells, perhaps a part of a character; none for chars and words.

        >>> Vocabulary("bpe", (), ((97, 98),)).tokens[97:99], Vocabulary("bpe", (), ((97, 98),)).tokens[256]
        ((b'a', b'b'), b'ab')
        """
        return bpe.spell(self.merges) if self.kind in ("bytes", "bpe") else ()

    def encode(self, text: str | bytes) -> Array:
        """Return the symbols of a text; what is new becomes the unknown symbol.

        Shapes: text of N symbols → "N", in the smallest unsigned type that holds `size`.
        Raises: DataError when text of another kind is given: only a vocabulary of bytes reads `bytes`;
                OptionError for bpe when tokenizers is not installed.
        """
        if self.kind == "bytes":
            return np.frombuffer(as_bytes(text), np.uint8)
        if isinstance(text, bytes):
            raise DataError(f"a vocabulary of {self.kind} reads text (str), not bytes; decode them first")
        if self.kind == "chars":
            points = code_points(text)
            symbols: Array = self._table[np.minimum(points, len(self._table) - 1)]
            return symbols
        if self.kind == "bpe":
            return np.fromiter(bpe.encode(self._encoder, text), self.dtype)
        return np.fromiter(map(self._index.get, words(text), repeat(0)), self.dtype)

    def decode(self, symbols: ArrayLike) -> str:
        r"""Return the text of symbols ("N"); words are joined by one blank, without one around a line end.

        An unknown character becomes U+FFFD, as do bytes that are not UTF-8.
        Raises: DataError for a number that is not a symbol.

        >>> words = Vocabulary("words", ("<unk>", "\n", "to", "be"))
        >>> words.decode(words.encode("to  be or\nto be"))
        'to be <unk>\nto be'
        """
        symbols = self._checked(symbols)
        if self.tokens:
            return b"".join([self.tokens[k] for k in symbols.tolist()]).decode(errors="replace")
        if self.kind == "chars":
            return self._points[symbols].tobytes().decode("utf-32-le")
        text = " ".join([self.symbols[k] for k in symbols.tolist()])
        return text.replace(" \n", "\n").replace("\n ", "\n")

    def missing(self, text: str) -> list[str]:
        """Return the distinct characters or words of the text that are not in the vocabulary, in order.

        >>> Vocabulary("chars", ("<unk>", "a", "b")).missing("cabbage")
        ['c', 'g', 'e']
        """
        if self.tokens:
            return []
        pieces: Iterable[str] = text if self.kind == "chars" else words(text)
        return [piece for piece in dict.fromkeys(pieces) if piece not in self._index]

    def _checked(self, symbols: ArrayLike) -> Array:
        symbols = np.asarray(symbols)
        if symbols.size == 0:
            return symbols.astype(np.intp)
        low, high, top = symbols.min(), symbols.max(), self.size - 1
        if symbols.dtype.kind not in "iu" or low < 0 or high > top:
            raise DataError(f"symbols are whole numbers, 0 to {top}; {symbols.dtype} {low} to {high} came")
        return symbols

    @cached_property
    def _encoder(self) -> Any:
        return bpe.encoder(self.tokens, self.merges)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {symbol: k for k, symbol in enumerate(self.symbols) if k}

    @cached_property
    def _points(self) -> Array:
        return np.array([_REPLACEMENT, *map(ord, self.symbols[1:])], "<u4")

    @cached_property
    def _table(self) -> Array:
        """Code point to symbol; the last entry stands for every code point beyond the largest known."""
        points = self._points[1:]
        table = np.zeros(int(points.max(initial=0)) + 2, self.dtype)
        table[points] = np.arange(1, self.size)
        return table


def check_kind(kind: str) -> None:
    """Raise OptionError, with the choices, when `kind` is not a kind of vocabulary."""
    if kind not in KINDS:
        raise OptionError(f"unknown kind of vocabulary {kind!r}; choose one of {', '.join(KINDS)}")


def _fault(kind: Kind, symbols: tuple[str, ...]) -> str | None:
    """Say what is wrong with the symbols of a vocabulary, or None."""
    if kind in ("bytes", "bpe"):
        return f"a vocabulary of {kind} lists no symbols; {len(symbols)} came" if symbols else None
    if not symbols or symbols[0] != UNKNOWN:
        return f"symbol 0 must be {UNKNOWN!r}, the unknown symbol; came {symbols[:1]!r}"
    if len(set(symbols)) != len(symbols):
        twice = next(s for s, n in Counter(symbols).items() if n > 1)
        return f"symbol {twice!r} is listed twice"
    wrong = next((s for s in symbols[1:] if not _LEGAL[kind].fullmatch(s)), None)
    return None if wrong is None else f"{wrong[:40]!r} cannot be a symbol of a vocabulary of {kind}"
