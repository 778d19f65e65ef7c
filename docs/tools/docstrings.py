"""Docstrings are plain text; here they become what Sphinx reads.

Shapes: x: "T B I"        a field, to the next one; so are Units, Raises, Source, Letters
>>> …                     an example
columns, or lines set in  as they stand
all else                  paragraphs, with `code` in single quotes
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.inspect import TypeAliasForwardRef

FIELD = re.compile(r"(Shapes|Units|Raises|Source|Sources|Letters|Returns): +")
SPECIAL = re.compile(r"([\\*|_<>\[\]])")


def converted(lines: list[str]) -> list[str]:
    """Return the lines as reStructuredText."""
    out: list[str] = []
    for blank, group in groupby(lines, key=lambda line: not line.strip()):
        if not blank:
            out += [*paragraph(list(group)), ""]
    return out


def paragraph(lines: list[str]) -> list[str]:
    """Return one paragraph: an example, fields, a table or text."""
    if lines[0].startswith(">>>"):
        return lines
    starts = [k for k, line in enumerate(lines) if FIELD.match(line)]
    if not starts:
        return as_it_stands(lines) if is_set(lines) else [plain(line) for line in lines]
    before = paragraph(lines[: starts[0]]) if starts[0] else []
    out = [*before, ""]
    for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True):
        field, after = fields(lines[start:stop])
        out += [field, *after]
    return out


def fields(lines: list[str]) -> tuple[str, list[str]]:
    """Return a field in one line, and the paragraph that follows it without being set in."""
    first, *rest = lines
    inside = [line for line in rest if line.startswith("  ")]
    outside = [line for line in rest if not line.startswith("  ")]
    name, text = first.split(":", 1)
    field = f":{name}: {plain(' '.join(part.strip() for part in (text, *inside)))}"
    return field, ["", *paragraph(outside), ""] if outside else []


def is_set(lines: list[str]) -> bool:
    """Are these lines set in, or in columns?"""
    return any(line.startswith("  ") or re.search(r"\S {3,}\S", line) for line in lines)


def as_it_stands(lines: list[str]) -> list[str]:
    """Return a literal block."""
    return ["::", "", *(f"    {line}" for line in lines)]


def plain(text: str) -> str:
    """Return text in which only `code` means something."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a quote left open, here or on the next line
        return SPECIAL.sub(r"\\\1", text).replace("`", "\\`")
    return "".join(f"``{part}``" if k % 2 else SPECIAL.sub(r"\\\1", part) for k, part in enumerate(parts))


def process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Convert in place, as autodoc asks for it."""
    lines[:] = converted(lines)


def setup(app: Sphinx) -> dict[str, bool]:
    """Listen to autodoc."""
    app.connect("autodoc-process-docstring", process)
    # Else an alias within another type shows how Sphinx keeps it.
    TypeAliasForwardRef.__repr__ = lambda alias: alias.name
    return {"parallel_read_safe": True, "parallel_write_safe": True}
