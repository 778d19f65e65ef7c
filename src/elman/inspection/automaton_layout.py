"""Where the parts of an automaton's graph lie: states on a circle, arrows between them, names beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from elman.numerics import Array

FONT, LETTER = 14, 8  # pixels: the size of letters, and about how wide one is
LONGEST, MOST = 12, 4  # letters of a name, symbols beside an arrow; the rest is told when pointed at
Point = complex  # x + y i, y downward


@dataclass(frozen=True)
class Arrow:
    """A cubic Bézier curve, with the symbols beside it and where they are centered."""

    curve: tuple[Point, Point, Point, Point]
    text: str
    label: Point
    told: str


@dataclass(frozen=True)
class Diagram:
    """A machine laid out, in pixels.

    places, names   of each state, the center of its circle and its answer; the circles are of one radius.
    first           the arrow that comes from nowhere, from and to.
    corners         what the drawing reaches to: least and most x + y i.
    told            the machine in words, for those who do not see it.
    """

    places: list[Point]
    names: list[str]
    radius: float
    arrows: list[Arrow]
    first: tuple[Point, Point]
    corners: tuple[Point, Point]
    told: str


def diagram(
    transitions: Sequence[Sequence[int]], start: int, symbols: Sequence[str], answers: Sequence[str]
) -> Diagram:
    """Lay out a machine: the names of symbols beside arrows, of answers in states.

    Shapes: transitions: "Q A"; symbols: "A"; answers: "Q".
    """
    labels: dict[tuple[int, int], list[str]] = {}
    for state, row in enumerate(transitions):
        for symbol, after in zip(symbols, row, strict=True):
            labels.setdefault((state, after), []).append(_shown(symbol))
    names = [_shown(answer) for answer in answers]
    radius = max(20.0, 8 + max(_half(cut(name)) for name in names))
    widest = max((_half(_listed(some)) for (q, after), some in labels.items() if q != after), default=0)
    gap = max(46, min(2 * widest + 46, 1200 / len(names)))  # many states lie close, whatever their labels
    places = _places(_order(len(names), set(labels), start), 2 * radius + gap)
    arrows = [_arrow(places, pair, labels, radius) for pair in labels]
    end = places[start] - radius - 2
    reached = [end - 38]
    for arrow in arrows:
        half = _half(arrow.text) + 0.7j * FONT
        reached += [*arrow.curve, arrow.label - half, arrow.label + half]
    for place in places:
        reached += [place - radius * (1 + 1j), place + radius * (1 + 1j)]
    x, y = [p.real for p in reached], [p.imag for p in reached]
    corners = complex(min(x), min(y)) - (8 + 8j), complex(max(x), max(y)) + (8 + 8j)
    told = _told(labels, names, start)
    return Diagram(places, names, radius, arrows, (end - 36, end), corners, told)


def _places(order: list[int], apart: float) -> list[Point]:
    """Return where states lie: on a circle, neighbors this far apart, the first one on the left."""
    count = len(order)
    radius = apart / 2 / math.sin(math.pi / count) if count > 1 else 0
    rank = {state: k for k, state in enumerate(order)}
    return [-radius * _turn(math.tau * rank[state] / count) for state in range(count)]


def _order(count: int, pairs: set[tuple[int, int]], start: int) -> list[int]:
    """Return states in the order in which they lie on the circle: swapped as long as that shortens arrows."""
    joined = np.zeros((count, count))
    for state, after in pairs:
        joined[state, after] += 1
        joined[after, state] += 1
    steps = abs(np.arange(count)[:, None] - np.arange(count))
    apart = np.minimum(steps, count - steps).astype(float)
    order = np.array([start, *(q for q in range(count) if q != start)])
    length = _length(joined, apart, order)
    shorter = True
    while shorter:
        shorter = False
        for one, other in combinations(range(1, count), 2):
            order[[one, other]] = order[[other, one]]
            swapped = _length(joined, apart, order)
            if swapped < length:
                length, shorter = swapped, True
            else:
                order[[one, other]] = order[[other, one]]
    return [int(q) for q in order]


def _length(joined: Array, apart: Array, order: Array) -> float:
    return float((joined[np.ix_(order, order)] * apart).sum())


def _arrow(
    places: list[Point], pair: tuple[int, int], labels: dict[tuple[int, int], list[str]], radius: float
) -> Arrow:
    """Return the arrow from one state to another; two that go back and forth bend away from each other."""
    state, after = pair
    text = _listed(labels[pair])
    told = f"{state} → {after}: {', '.join(labels[pair])}"
    if state == after:
        return _loop(places[state], radius, text, told)
    along, back = places[after] - places[state], (after, state) in labels
    bend = (places[state] + places[after]) / 2 + along * 1j * (0.16 if back else 0)
    begin = places[state] + radius * unit(bend - places[state])
    end = places[after] + (radius + 2) * unit(bend - places[after])
    # Straight arrows cross in the middle: their labels lie nearer to the beginning.
    t = 0.5 if back or abs(along) < 4 * radius else 0.4
    on = (1 - t) ** 3 * begin + 3 * t * (1 - t) * bend + t**3 * end
    return Arrow((begin, bend, bend, end), text, on, told)


def _loop(place: Point, radius: float, text: str, told: str) -> Arrow:
    """Return the arrow from a state to itself, on the outside, but for where the start's arrow comes in."""
    outward = unit(place) if abs(place) else -1j
    outward = outward if outward.real > -0.95 else -_turn(0.8)
    begin, end = place + radius * outward * _turn(-0.4), place + (radius + 2) * outward * _turn(0.4)
    bends = [place + (radius + 44) * outward * _turn(side) for side in (-0.5, 0.5)]
    beside = place + (radius + 42) * outward + _half(text) * outward.real
    return Arrow((begin, bends[0], bends[1], end), text, beside, told)


def _turn(angle: float) -> Point:
    return complex(math.cos(angle), math.sin(angle))


def unit(vector: Point) -> Point:
    """Return the direction of a vector."""
    return vector / abs(vector)


def _told(labels: dict[tuple[int, int], list[str]], names: list[str], start: int) -> str:
    """Return the machine in words, for those who do not see it."""
    told = [f"Automaton with {len(names)} state{'s' * (len(names) > 1)}, start {start}."]
    for state, name in enumerate(names):
        leads = [f"{', '.join(s)} to {after}" for (q, after), s in labels.items() if q == state]
        told.append(f"State {state} answers {name}: {'; '.join(leads)}.")
    return " ".join(told)


def _listed(symbols: list[str]) -> str:
    more = f" + {len(symbols) - MOST} more" if len(symbols) > MOST else ""
    return ", ".join(map(cut, symbols[:MOST])) + more


def cut(name: str) -> str:
    """Return so much of a name as there is room for."""
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def _shown(name: str) -> str:
    """Return a name in letters that can be seen: a blank and what is not printable get signs of their own."""
    seen = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name)
    return seen.replace(" ", "␣") or "∅"


def _half(text: str) -> float:
    """Return about half the width of a text."""
    return LETTER * len(text) / 2
