"""How values look: one line at a prompt, a small table in a notebook; what comes from outside is escaped.

A notebook shows what `_repr_html_` of a value returns. The tables have no style of their own, so they take
that of the notebook, in light and dark.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from .numerics import Array

LONGEST = 60  # characters of a fact that is told in words
FEW = 6  # numbers of an array that are told one by one


def line(value: Any) -> str:
    """Return a dataclass in one line: its fields that have a repr and are not None. It serves as `__repr__`.

    Before them come the properties that the class names in `_told`, a tuple, if it has one.

    >>> @dataclasses.dataclass(repr=False)
    ... class Epoch:
    ...     step: int
    ...     loss: float
    ...     validation_loss: float | None = None
    ...     __repr__ = line
    >>> Epoch(12000, 1.23456789)
    Epoch(step=12000, loss=1.235)
    """
    told = ", ".join(f"{name}={words(fact)}" for name, fact in _facts(value).items())
    return f"{type(value).__name__}({told})"


def fields(value: Any) -> str:
    """Return a dataclass as an HTML table of the same fields. It serves as `_repr_html_`."""
    return facts(type(value).__name__, _facts(value))


def facts(caption: str, told: Mapping[str, object]) -> str:
    """Return an HTML table of names and values, those that are None left out.

    >>> facts("<b>", {"count": 1200, "nats": None})
    '<table><caption>&lt;b&gt;</caption>...<th scope="row">count</th><td>1,200</td></tr></tbody></table>'
    """
    rows = (f"{_header(key, 'row')}{_cell(value)}" for key, value in told.items() if value is not None)
    return _table(caption, f"<tbody>{_rows(rows)}</tbody>")


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return an HTML table with a row of names above; the first column names its rows.

    >>> table("F1", ["symbol", "F1"], [["a", 0.5]]).count("<th ")
    3
    """
    names = "".join(_header(name, "col") for name in head)
    body = (_header(words(first), "row") + "".join(map(_cell, rest)) for first, *rest in rows)
    return _table(caption, f"<thead><tr>{names}</tr></thead><tbody>{_rows(body)}</tbody>")


def arrays(caption: str, views: Mapping[str, Array]) -> str:
    """Return an HTML table of the parameters: the shape of each array, its numbers and bytes, and their sums.

    >>> "<td>3 × 4</td><td>12</td><td>96</td>" in arrays("U", {"layers.0.U": np.zeros((3, 4))})
    True
    """
    rows = [(name, shape(view), view.size, view.nbytes) for name, view in views.items()]
    total = ("in all", "", sum(row[2] for row in rows), sum(row[3] for row in rows))
    return table(caption, ("array", "shape", "parameters", "bytes"), [*rows, total])


def shape(array: Array) -> str:
    """Return the shape of an array as people write it.

    >>> shape(np.zeros((3, 4)))
    '3 × 4'
    """
    return " × ".join(map(str, array.shape))


def words(fact: object) -> str:
    """Return a fact in few words: four digits of a number, few numbers of an array, text cut short.

    >>> words(0.000123456), words(np.array([0.5, 1 / 3])), words(np.zeros((40, 8), np.float32))
    ('0.0001235', '[0.5, 0.3333]', 'float32 40 × 8')
    """
    if isinstance(fact, float | np.floating):
        large = 1e4 <= abs(float(fact)) < math.inf
        return f"{fact:.0f}" if large else f"{fact:.4g}"
    if isinstance(fact, np.ndarray) and (fact.ndim != 1 or fact.size > FEW):
        return f"{fact.dtype} {shape(fact)}"
    if isinstance(fact, np.ndarray | list | tuple) and len(fact) <= FEW:
        return f"[{', '.join(map(words, fact))}]"
    if isinstance(fact, Mapping) and fact:
        return _cut(f"{len(fact)}: {', '.join(map(str, fact))}")
    return _cut(str(fact))


def _facts(value: Any) -> dict[str, object]:
    names = [f.name for f in dataclasses.fields(value) if f.repr]
    told = {name: getattr(value, name) for name in (*getattr(value, "_told", ()), *names)}
    return {name: fact for name, fact in told.items() if fact is not None}


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _table(caption: str, inner: str) -> str:
    return f"<table><caption>{escape(caption)}</caption>{inner}</table>"


def _rows(rows: Iterable[str]) -> str:
    return "".join(f"<tr>{row}</tr>" for row in rows)


def _header(text: str, scope: str) -> str:
    return f'<th scope="{scope}">{escape(text)}</th>'


def _cell(value: object) -> str:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return f"<td>{escape(f'{value:,}' if whole else words(value))}</td>"
