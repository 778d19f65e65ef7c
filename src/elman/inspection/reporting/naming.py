"""Symbols as they can be read: what has no shape of its own is named by its number."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from elman.data import UNKNOWN, Vocabulary

LONGEST = 40  # characters of a name
_NAMES = {"\n": "⏎ line end", " ": "␣ blank", "\t": "⇥ tab", "": "nothing"}
_SHAPELESS = ("C", "Zl", "Zp")  # controls, marks of direction, halves of pairs, private and unassigned


def is_shapeless(character: str) -> bool:
    """Tell a character that shows nothing, or changes how others are shown.

    >>> [is_shapeless(c) for c in "a\u202e\\0\U0001f600"]
    [False, True, True, False]
    """
    return unicodedata.category(character).startswith(_SHAPELESS)


def code_point(character: str) -> str:
    """Return the number of a character.

    >>> code_point("\u202e")
    'U+202E'
    """
    return f"U+{ord(character):04X}"


def readable(text: str) -> str:
    """Return a text on one line that cannot change how the page around it looks.

    >>> readable("a\\nb\u202e")
    'a⏎bU+202E'
    """
    shown = (c if not is_shapeless(c) else "⏎" if c == "\n" else code_point(c) for c in text)
    return "".join(shown)


def symbol_name(text: str) -> str:
    """Return the name of a symbol that spells this.

    >>> symbol_name("\\n"), symbol_name("Ä"), symbol_name(" the")
    ('⏎ line end', 'Ä', '␣the')
    """
    if text in _NAMES:
        return _NAMES[text]
    name = readable(text[:LONGEST]).replace(" ", "␣")
    if unicodedata.category(name[0]) in ("Mn", "Me"):  # it would join what stands before it
        name = "◌" + name
    return name + "…" * (len(text) > LONGEST)


def symbol_names(vocabulary: Vocabulary | None, symbols: Iterable[int]) -> list[str]:
    """Return names of symbols; without a vocabulary their numbers.

    >>> symbol_names(Vocabulary("bytes", ()), [65, 10, 195]), symbol_names(None, [2])
    (['A', '⏎ line end', 'byte c3'], ['symbol 2'])
    """
    if vocabulary is None:
        return [f"symbol {symbol}" for symbol in symbols]
    if vocabulary.kind in ("chars", "words"):
        listed = vocabulary.symbols
        return [symbol_name(listed[k]) if k or listed[k] != UNKNOWN else "unknown" for k in symbols]
    tokens = vocabulary.tokens or [bytes([k]) for k in range(256)]
    return [_token_name(tokens[k]) for k in symbols]


def _token_name(token: bytes) -> str:
    try:
        return symbol_name(token.decode())
    except UnicodeDecodeError:
        return ("byte " if len(token) == 1 else "bytes ") + token.hex(" ")
