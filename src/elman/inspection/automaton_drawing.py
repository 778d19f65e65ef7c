"""The graph of an automaton as SVG text: states on a circle, arrows between them, no style sheet and no ids.

Colors are CSS variables with values to fall back on, so that one drawing serves light pages and dark ones.
Many can stand on one page, because nothing in them is referred to by name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import combinations

import numpy as np

from elman.numerics import Array

INK, PAPER, ACCENT = "var(--ink, #222)", "var(--paper, #fff)", "var(--accent, #0a58ca)"
FONT, LETTER = 14, 8  # pixels: the size of letters, and about how wide one is
LONGEST, MOST = 12, 4  # letters of a name, symbols beside an arrow; the rest is told when pointed at
HEAD = 9  # length of an arrow's head
Point = complex  # x + y i, y downward


@dataclass(frozen=True)
class Arrow:
    """A cubic Bézier curve, with the symbols beside it and where they are centered."""

    curve: tuple[Point, Point, Point, Point]
    text: str
    label: Point
    told: str


def draw(
    transitions: Sequence[Sequence[int]],
    start: int,
    symbols: Sequence[str],
    answers: Sequence[str],
    *,
    doubled: Sequence[bool] = (),
) -> str:
    """Return the drawing of a machine: the names of symbols beside arrows, of answers in states.

    Shapes: transitions: "Q A"; symbols: "A"; answers, doubled: "Q"; doubled: which states have a double line.
    """
    labels: dict[tuple[int, int], list[str]] = {}
    for state, row in enumerate(transitions):
        for symbol, after in zip(symbols, row, strict=True):
            labels.setdefault((state, after), []).append(_shown(symbol))
    names = [_shown(answer) for answer in answers]
    radius = max(20.0, 8 + max(_half(_cut(name)) for name in names))
    widest = max((_half(_listed(some)) for (q, after), some in labels.items() if q != after), default=0)
    gap = max(46, min(2 * widest + 46, 1200 / len(names)))  # many states lie close, whatever their labels
    places = _places(_order(len(names), set(labels), start), 2 * radius + gap)
    arrows = [_arrow(places, pair, labels, radius) for pair in labels]
    corners = [places[start] - radius - 40]
    for arrow in arrows:
        half = _half(arrow.text) + 0.7j * FONT
        corners += [*arrow.curve, arrow.label - half, arrow.label + half]
    for place in places:
        corners += [place - radius * (1 + 1j), place + radius * (1 + 1j)]
    shapes = [_first(places[start], radius), *map(_line, arrows), *map(_label, arrows)]
    for state, (place, name) in enumerate(zip(places, names, strict=True)):
        rings = (radius, radius - 4) if doubled and doubled[state] else (radius,)
        shapes.append(_state(place, rings, name, f"state {state}: {name}"))
    return _sheet(shapes, corners, _told(labels, names, start))


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
    begin = places[state] + radius * _unit(bend - places[state])
    end = places[after] + (radius + 2) * _unit(bend - places[after])
    # Straight arrows cross in the middle: their labels lie nearer to the beginning.
    t = 0.5 if back or abs(along) < 4 * radius else 0.4
    on = (1 - t) ** 3 * begin + 3 * t * (1 - t) * bend + t**3 * end
    return Arrow((begin, bend, bend, end), text, on, told)


def _loop(place: Point, radius: float, text: str, told: str) -> Arrow:
    """Return the arrow from a state to itself, on the outside, but for where the start's arrow comes in."""
    outward = _unit(place) if abs(place) else -1j
    outward = outward if outward.real > -0.95 else -_turn(0.8)
    begin, end = place + radius * outward * _turn(-0.4), place + (radius + 2) * outward * _turn(0.4)
    bends = [place + (radius + 44) * outward * _turn(side) for side in (-0.5, 0.5)]
    beside = place + (radius + 42) * outward + _half(text) * outward.real
    return Arrow((begin, bends[0], bends[1], end), text, beside, told)


def _turn(angle: float) -> Point:
    return complex(math.cos(angle), math.sin(angle))


def _unit(vector: Point) -> Point:
    return vector / abs(vector)


def _line(arrow: Arrow) -> str:
    begin, out, back, end = arrow.curve
    into = _unit(end - back)
    curve = f"M{_at(begin)} C{_at(out)} {_at(back)} {_at(end - HEAD * into)}"
    line = f'<path d="{curve}" fill="none" stroke="{INK}" stroke-width="1.4"/>'
    return f"<g><title>{escape(arrow.told)}</title>{line}{_head(end, into, INK)}</g>"


def _head(end: Point, into: Point, color: str) -> str:
    corners = (end, end + into * (4j - HEAD), end - into * (4j + HEAD))
    return f'<polygon points="{" ".join(map(_at, corners))}" fill="{color}"/>'


def _label(arrow: Arrow) -> str:
    around = f'stroke="{PAPER}" stroke-width="5" paint-order="stroke"'
    return f"<g><title>{escape(arrow.told)}</title>{_text(arrow.label, arrow.text, INK, around)}</g>"


def _first(place: Point, radius: float) -> str:
    """Return the arrow that comes from nowhere."""
    end = place - radius - 2
    line = f'<path d="M{_at(end - 36)} L{_at(end - HEAD)}" stroke="{ACCENT}" stroke-width="2"/>'
    return f"<g><title>start</title>{line}{_head(end, 1, ACCENT)}</g>"


def _state(place: Point, rings: Sequence[float], name: str, told: str) -> str:
    where = f'cx="{place.real:.1f}" cy="{place.imag:.1f}" fill="{PAPER}" stroke="{INK}" stroke-width="1.6"'
    circles = "".join(f'<circle {where} r="{r:.1f}"/>' for r in rings)
    return f"<g><title>{escape(told)}</title>{circles}{_text(place, _cut(name), ACCENT)}</g>"


def _text(place: Point, text: str, color: str, around: str = "") -> str:
    where = f'x="{place.real:.1f}" y="{place.imag:.1f}" text-anchor="middle" dominant-baseline="central"'
    return f'<text {where} fill="{color}" {around}>{escape(text)}</text>'


def _sheet(shapes: list[str], corners: list[Point], told: str) -> str:
    """Return the whole drawing around what reaches farthest."""
    left, top = min(p.real for p in corners) - 8, min(p.imag for p in corners) - 8
    width = max(p.real for p in corners) + 8 - left
    height = max(p.imag for p in corners) + 8 - top
    size = (
        f'width="{width:.0f}" height="{height:.0f}" viewBox="{left:.1f} {top:.1f} {width:.1f} {height:.1f}"'
    )
    ground = f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{PAPER}"/>'
    letters = f'font-family="system-ui, sans-serif" font-size="{FONT}"'
    inside = f"<title>{escape(told)}</title>{ground}{''.join(shapes)}"
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size} {letters}>{inside}</svg>'


def _told(labels: dict[tuple[int, int], list[str]], names: list[str], start: int) -> str:
    """Return the machine in words, for those who do not see it."""
    told = [f"Automaton with {len(names)} state{'s' * (len(names) > 1)}, start {start}."]
    for state, name in enumerate(names):
        leads = [f"{', '.join(s)} to {after}" for (q, after), s in labels.items() if q == state]
        told.append(f"State {state} answers {name}: {'; '.join(leads)}.")
    return " ".join(told)


def _listed(symbols: list[str]) -> str:
    more = f" + {len(symbols) - MOST} more" if len(symbols) > MOST else ""
    return ", ".join(map(_cut, symbols[:MOST])) + more


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def _shown(name: str) -> str:
    """Return a name in letters that can be seen: a blank and what is not printable get signs of their own."""
    seen = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name)
    return seen.replace(" ", "␣") or "∅"


def _half(text: str) -> float:
    """Return about half the width of a text."""
    return LETTER * len(text) / 2


def _at(point: Point) -> str:
    return f"{point.real:.1f} {point.imag:.1f}"
