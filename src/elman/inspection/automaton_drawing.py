"""The graph of an automaton as SVG text, with no style sheet and no ids.

Colors are CSS variables with values to fall back on, so that one drawing serves light pages and dark ones.
Many can stand on one page, because nothing in them is referred to by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .automaton_layout import FONT, Arrow, Diagram, Point, cut, unit

INK, PAPER, ACCENT = "var(--ink, #222)", "var(--paper, #fff)", "var(--accent, #0a58ca)"
HEAD = 9  # length of an arrow's head


def draw(machine: Diagram, *, doubled: Sequence[bool] = ()) -> str:
    """Return the drawing of a machine; doubled: "Q", which states have a double line."""
    shapes = [_first(machine.first), *map(_line, machine.arrows), *map(_label, machine.arrows)]
    for state, (place, name) in enumerate(zip(machine.places, machine.names, strict=True)):
        radius = machine.radius
        rings = (radius, radius - 4) if doubled and doubled[state] else (radius,)
        shapes.append(_state(place, rings, name, f"state {state}: {name}"))
    return _sheet(shapes, machine.corners, machine.told)


def _line(arrow: Arrow) -> str:
    begin, out, back, end = arrow.curve
    into = unit(end - back)
    curve = f"M{_at(begin)} C{_at(out)} {_at(back)} {_at(end - HEAD * into)}"
    line = f'<path d="{curve}" fill="none" stroke="{INK}" stroke-width="1.4"/>'
    return f"<g><title>{escape(arrow.told)}</title>{line}{_head(end, into, INK)}</g>"


def _head(end: Point, into: Point, color: str) -> str:
    corners = (end, end + into * (4j - HEAD), end - into * (4j + HEAD))
    return f'<polygon points="{" ".join(map(_at, corners))}" fill="{color}"/>'


def _label(arrow: Arrow) -> str:
    around = f'stroke="{PAPER}" stroke-width="5" paint-order="stroke"'
    return f"<g><title>{escape(arrow.told)}</title>{_text(arrow.label, arrow.text, INK, around)}</g>"


def _first(arrow: tuple[Point, Point]) -> str:
    """Return the arrow that comes from nowhere."""
    begin, end = arrow
    line = f'<path d="M{_at(begin)} L{_at(end - HEAD)}" stroke="{ACCENT}" stroke-width="2"/>'
    return f"<g><title>start</title>{line}{_head(end, 1, ACCENT)}</g>"


def _state(place: Point, rings: Sequence[float], name: str, told: str) -> str:
    where = f'cx="{place.real:.1f}" cy="{place.imag:.1f}" fill="{PAPER}" stroke="{INK}" stroke-width="1.6"'
    circles = "".join(f'<circle {where} r="{r:.1f}"/>' for r in rings)
    return f"<g><title>{escape(told)}</title>{circles}{_text(place, cut(name), ACCENT)}</g>"


def _text(place: Point, text: str, color: str, around: str = "") -> str:
    where = f'x="{place.real:.1f}" y="{place.imag:.1f}" text-anchor="middle" dominant-baseline="central"'
    return f'<text {where} fill="{color}" {around}>{escape(text)}</text>'


def _sheet(shapes: list[str], corners: tuple[Point, Point], told: str) -> str:
    """Return the whole drawing."""
    left, top, size = corners[0].real, corners[0].imag, corners[1] - corners[0]
    width, height = size.real, size.imag
    sizes = (
        f'width="{width:.0f}" height="{height:.0f}" viewBox="{left:.1f} {top:.1f} {width:.1f} {height:.1f}"'
    )
    ground = f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{PAPER}"/>'
    letters = f'font-family="system-ui, sans-serif" font-size="{FONT}"'
    inside = f"<title>{escape(told)}</title>{ground}{''.join(shapes)}"
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {sizes} {letters}>{inside}</svg>'


def _at(point: Point) -> str:
    return f"{point.real:.1f} {point.imag:.1f}"
