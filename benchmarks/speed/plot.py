"""Line charts with logarithmic axes, two in a row, as SVG text; nothing but Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

COLORS = ("#1b6ca8", "#c2571a", "#3a7d44", "#7a4fa3")
ROW = 2
LEFT, TOP, WIDTH, HEIGHT, RIGHT, BOTTOM = 48, 40, 210, 190, 92, 46  # pixels of a panel, around and inside
NEAR = 13  # pixels between the labels of two lines


@dataclass(frozen=True)
class Line:
    """Points joined; dashed for what was not measured but reckoned."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    color: int = 0
    dashed: bool = False


@dataclass(frozen=True)
class Panel:
    """One chart."""

    title: str
    x: str
    y: str
    lines: Sequence[Line]


@dataclass(frozen=True)
class Scale:
    """From numbers to pixels, logarithmic."""

    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.begin + share * (self.end - self.begin)


def svg(panels: Sequence[Panel]) -> str:
    """Return the picture."""
    one, high = LEFT + WIDTH + RIGHT, TOP + HEIGHT + BOTTOM
    width, height = min(ROW, len(panels)) * one, -(-len(panels) // ROW) * high
    corners = [(LEFT + k % ROW * one, TOP + k // ROW * high) for k in range(len(panels))]
    body = "".join(_panel(panel, *corner) for panel, corner in zip(panels, corners, strict=True))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="11" fill="#333">\n'
        f'<rect width="{width}" height="{height}" fill="#fff"/>\n{body}</svg>\n'
    )


def _panel(panel: Panel, left: float, top: float) -> str:
    xs, ys = ([v for line in panel.lines for v in getattr(line, axis)] for axis in "xy")
    across = Scale(min(xs), max(xs), left, left + WIDTH)
    up = Scale(*_range(ys), top + HEIGHT, top)
    parts = [_text(panel.title, left, top - 22, size=13), _text(panel.y, left, top - 7)]
    parts.append(_text(panel.x, left + WIDTH / 2, top + HEIGHT + 34, "middle"))
    for value in _ticks(up.low, up.high):
        parts.append(f'<path d="M{left} {up(value):.1f}h{WIDTH}" stroke="#e4e4e4"/>\n')
        parts.append(_text(f"{value:g}", left - 6, up(value) + 4, "end"))
    marked = sorted(set(xs), reverse=True)
    marked = marked[:: 1 if len(marked) < 6 else 2]
    parts += [_text(f"{x:g}", across(x), top + HEIGHT + 16, "middle") for x in marked]
    parts += [_line(line, across, up) for line in panel.lines]
    place = top
    for line in sorted(panel.lines, key=lambda line: up(line.y[-1])):
        place = max(up(line.y[-1]) + 4, place + NEAR)  # from above, each below the one before
        parts.append(_text(line.name, across(line.x[-1]) + 6, place, color=COLORS[line.color]))
    return "".join(parts)


def _line(line: Line, across: Scale, up: Scale) -> str:
    points = [(across(x), up(y)) for x, y in zip(line.x, line.y, strict=True)]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    color, dash = COLORS[line.color], ' stroke-dasharray="4 3"' if line.dashed else ""
    drawn = f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="1.6"{dash}/>\n'
    if line.dashed:
        return drawn
    return drawn + "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{color}"/>\n' for x, y in points)


def _text(text: str, x: float, y: float, anchor: str = "start", *, color: str = "", size: int = 0) -> str:
    style = (f' fill="{color}"' if color else "") + (f' font-size="{size}"' if size else "")
    plain = text.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>{plain}</text>\n'


ROUND = [m * 10.0**k for k in range(-9, 12) for m in (1, 2, 5)]


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Return two round numbers that all values lie between."""
    low = max(s for s in ROUND if s <= min(values))
    return low, min(s for s in ROUND if s >= max(values) and s > low)


def _ticks(low: float, high: float) -> list[float]:
    """Return the round numbers of a range; where it is long, the powers of ten."""
    ticks = [s for s in ROUND if low <= s <= high]
    return ticks if len(ticks) < 8 else [s for s in ticks if s in ROUND[::3]]
