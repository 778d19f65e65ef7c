"""The text of a report as HTML: every symbol an element of its own, in the color of what it cost.

Whatever the text holds is shown and never run: letters are escaped, what has no shape is named by its number
in a small frame, and no mark of direction gets into the page.
"""

from __future__ import annotations

from html import escape

import numpy as np

from elman.numerics import Array

from .naming import code_point, is_shapeless
from .passage import Passage

CLASSES = (1, 2, 4, 6, 8)  # bits from which a symbol is of the next class
LONG = 500  # symbols of a line


def text_html(passage: Passage, cost: Array | None) -> str:
    """Return the elements of a text, one <i> for each step, in its order; each line is a block of its own.

    A browser lays out a block at once, and those that nobody sees not at all: a page of 20,000 symbols in one
    block takes a browser four times as long to open. So a long line is broken after a blank.

    >>> text_html(Passage(np.array([1, 2]), None, ("a", "<")), np.array([np.nan, 4.5]))
    '<div><i>a</i><i class=s3>&lt;</i></div>'
    """
    classes = [0] * len(passage) if cost is None else cost_classes(cost).tolist()
    parts, length = ["<div>"], 0
    for piece, level in zip(passage.shown, classes, strict=True):
        parts.append(f"<i{_class(piece, level)}>{shown(piece)}</i>")
        length += 1
        if piece == "\n" or (length > LONG and piece.isspace()) or length > 2 * LONG:
            parts.append("</div><div>")
            length = 0
    return "".join([*parts, "</div>"]).removesuffix("<div></div>")


def cost_classes(cost: Array) -> Array:
    """Return the class of each cost in bits, 0 to 5; what is not known is of class 0.

    >>> cost_classes(np.array([np.nan, 0.5, 1.0, 3.9, 12.0]))
    array([0, 0, 1, 2, 5])
    """
    known: Array = np.digitize(np.nan_to_num(cost), CLASSES)
    return known


def shown(piece: str) -> str:
    """Return a piece of text as HTML.

    >>> shown("<b>"), shown("x\u202ey")
    ('&lt;b&gt;', 'x<b>U+202E</b>y')
    """
    if piece.isalnum():
        return piece
    parts = (f"<b>{code_point(c)}</b>" if c not in "\n\t" and is_shapeless(c) else escape(c) for c in piece)
    return "".join(parts)


def _class(piece: str, level: int) -> str:
    if piece == "\n":
        return f' class="n s{level}"' if level else " class=n"
    return f" class=s{level}" if level else ""
