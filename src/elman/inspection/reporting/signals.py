"""What a unit of a network on texts may follow: signals of each step, for correlations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from elman.numerics import Array

from .passage import Passage

MOST = 60  # symbols that are signals, the most frequent of a text
LEAST = 5  # steps at which a symbol must stand to be one
OPENING, CLOSING = "([{", ")]}"
QUOTES = {"\u201c": True, "\u201d": False, "\u00ab": True, "\u00bb": False}


def text_signals(passage: Passage, names: Mapping[int, str], cost: Array | None) -> tuple[list[str], Array]:
    """Return the names of signals and their values, "K" and "T K" float32.

    They tell what was read at a step (a symbol, a kind of letter), where in the text it lies (in quotation
    marks, in brackets, how far into the line), and what it cost. What is always the same is left out.

    >>> text_signals(Passage(np.arange(4), None, ("a", '"', "b", '"')), {}, None)[0]
    ['inside quotation marks', 'place in the line', 'punctuation']
    """
    first = [piece[:1] for piece in passage.shown]
    signals: dict[str, Array] = {
        "inside quotation marks": _quoted(passage.shown),
        "inside brackets": _bracketed(passage.shown),
        "place in the line": _place(passage.shown),
        "capital letter": _each(first, str.isupper),
        "digit": _each(first, str.isdigit),
        "blank or line end": _each(first, str.isspace),
        "punctuation": _each(first, _is_punctuation),
    }
    if cost is not None:
        signals["surprisal"] = np.nan_to_num(cost)
    symbols, counts = np.unique(passage.x, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST]
    for k in order[counts[order] >= LEAST]:
        signals[names[int(symbols[k])]] = passage.x == symbols[k]
    kept = {name: values for name, values in signals.items() if values.min() < values.max()}
    if not kept:
        return [], np.zeros((len(passage), 0), np.float32)
    return list(kept), np.stack([values.astype(np.float32) for values in kept.values()], axis=1)


def _each(first: list[str], question: Callable[[str], bool]) -> Array:
    return np.array([bool(c) and question(c) for c in first], np.uint8)


def _is_punctuation(character: str) -> bool:
    return not (character.isalnum() or character.isspace())


def _quoted(pieces: Sequence[str]) -> Array:
    """Return which steps lie in quotation marks, "T": from an opening mark on, up to the one that closes."""
    inside, found = False, []
    for piece in pieces:
        for character in piece:
            inside = (not inside) if character == '"' else QUOTES.get(character, inside)
        found.append(inside)
    return np.array(found, np.uint8)


def _bracketed(pieces: Sequence[str]) -> Array:
    """Return which steps lie in brackets, "T"; one that closes nothing counts for nothing."""
    depth, found = 0, []
    for piece in pieces:
        for character in piece:
            depth = max(depth + (character in OPENING) - (character in CLOSING), 0)
        found.append(depth > 0)
    return np.array(found, np.uint8)


def _place(pieces: Sequence[str]) -> Array:
    """Return how many symbols of its line stand before each, "T"."""
    place, found = 0, []
    for piece in pieces:
        found.append(place)
        place = 0 if "\n" in piece else place + 1
    return np.array(found)
