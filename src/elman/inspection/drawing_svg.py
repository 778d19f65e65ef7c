"""Charts as text: SVG that stands in a page, takes its colors from the page and tells in words what it shows.

Colors are CSS variables with a fallback (`--ink`, `--quiet`, `--line`, `--c0` to `--c5`), so that a page can
set them for dark screens and for paper. There is no style and no script in a chart: a strict policy lets it
stand. Curves differ by their dashes and points by their shapes, too, for those who do not see the colors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

import numpy as np

from elman.numerics import Array

WIDTH, HEIGHT = 460, 280
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 10, 42  # of the frame, to the edges
COLORS = ("#1f5fbf", "#b4530a", "#1e7d4f", "#8a3fa0", "#a8322a", "#5a5d66")
DASHES = ("", "7 3", "2 3", "9 3 2 3", "5 2", "1 2")
SHAPES = ("m0 0h0", "m-2.5 2.5v-5h5v5z", "m-3 2.6h6l-3-5.2z", "m0-3.4l3.4 3.4-3.4 3.4-3.4-3.4z")
INK, QUIET, GRID = "var(--ink,#1c1d20)", "var(--quiet,#5a5d66)", "var(--line,#c9ccd3)"
_GUIDE = f'stroke="{QUIET}" stroke-dasharray="3 3"'


@dataclass(frozen=True, eq=False)
class Curve:
    """Numbers side by side, "N" each, drawn as a line, as points, or as a guide in the color of the axes."""

    x: Array
    y: Array
    name: str = ""
    kind: Literal["line", "points", "guide"] = "line"


@dataclass(frozen=True)
class Axes:
    """What the two directions mean; a range that is not given is that of the numbers; log: of y, to base 10.

    square: a step in x is as long as one in y.
    """

    x: str
    y: str
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    log: bool = False
    square: bool = False


def chart(title: str, axes: Axes, curves: Sequence[Curve], about: str = "") -> str:
    """Return a chart as an element <svg>, to stand in a page or in a file of its own.

    title and about are what a screen reader says of it. Points that are not finite are left out, on a
    logarithmic axis those that are not above 0, too.

    >>> line = Curve(np.arange(3.0), np.array([1.0, 0.5, 0.25]))
    >>> chart("a < b", Axes("lag", "norm", log=True), [line]).partition("<title>")[2][:12]
    'a &lt; b</ti'
    """
    shown = [_finite(curve, axes.log) for curve in curves]
    frame = _frame(axes, shown)
    named = [curve for curve in shown if curve.kind != "guide"]
    guides = [_line(curve, frame, _GUIDE) for curve in shown if curve.kind == "guide"]
    drawn = guides + [_drawn(curve, frame, k) for k, curve in enumerate(named)]
    size = f'viewBox="0 0 {frame.width} {frame.height}" width="{frame.width}" height="{frame.height}"'
    return "".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size} font-size="12" ',
            f'font-family="system-ui,sans-serif" fill="{INK}"><title>{_text(title)}</title>',
            f"<desc>{_text(about)}</desc>" if about else "",
            *_axes(axes, frame),
            *drawn,
            *_legend(named, frame),
            "</svg>",
        )
    )


@dataclass(frozen=True)
class _Frame:
    """Where numbers lie in the drawing; y is a logarithm where the axis is."""

    x: tuple[float, float]
    y: tuple[float, float]
    log: bool
    width: int
    height: int

    def across(self, x: Array | float) -> Array:
        low, high = self.x
        return LEFT + (np.asarray(x) - low) / (high - low) * (self.width - LEFT - RIGHT)

    def down(self, y: Array | float) -> Array:
        low, high = self.y
        return self.height - BOTTOM - (np.asarray(y) - low) / (high - low) * (self.height - TOP - BOTTOM)


def _finite(curve: Curve, log: bool) -> Curve:
    x, y = (np.asarray(values, np.float64).reshape(-1) for values in (curve.x, curve.y))
    if log:
        y = np.log10(np.where(y > 0, y, np.nan))
    kept = np.isfinite(x) & np.isfinite(y)
    return Curve(x[kept], y[kept], curve.name, curve.kind)


def _frame(axes: Axes, curves: Sequence[Curve]) -> _Frame:
    x = axes.x_range or _span([curve.x for curve in curves], margin=0.02 if _points(curves) else 0.0)
    y = axes.y_range or _span([curve.y for curve in curves], margin=0.05)
    if not axes.square:
        return _Frame(x, y, axes.log, WIDTH, HEIGHT)
    inner = HEIGHT + 60 - TOP - BOTTOM
    width = round(inner * (x[1] - x[0]) / (y[1] - y[0]))
    return _Frame(x, y, axes.log, width + LEFT + RIGHT, inner + TOP + BOTTOM)


def _points(curves: Sequence[Curve]) -> bool:
    return any(curve.kind == "points" for curve in curves)


def _span(parts: Sequence[Array], margin: float) -> tuple[float, float]:
    values = np.concatenate([np.zeros(0), *parts])
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    extra = margin * (high - low) or (0.5 if low == high else 0.0)
    return low - extra, high + extra


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round numbers from low to high, about so many: multiples of 1, 2 or 5 times a power of ten.

    >>> ticks(0, 1), ticks(-3, 17, 4)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.0, 5.0, 10.0, 15.0])
    """
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((power * factor for factor in (1, 2, 5, 10)), key=lambda size: abs(size - rough))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def _axes(axes: Axes, frame: _Frame) -> Iterator[str]:
    bottom, right = frame.height - BOTTOM, frame.width - RIGHT
    lines, words = [f"M{LEFT} {TOP}V{bottom}H{right}"], []
    for value in ticks(*frame.x):
        at = _short(frame.across(value))
        lines.append(f"M{at} {bottom}v4")
        words.append(f'<text x="{at}" y="{bottom + 16}" text-anchor="middle">{_label(value)}</text>')
    for value in _y_ticks(frame):
        at = _short(frame.down(value))
        lines.append(f"M{LEFT} {at}H{right}")
        label = _label(10.0**value if frame.log else value)
        words.append(f'<text x="{LEFT - 6}" y="{at}" dy=".35em" text-anchor="end">{label}</text>')
    yield f'<path d="{"".join(lines)}" fill="none" stroke="{GRID}"/>'
    yield f'<g fill="{QUIET}" font-size="11">{"".join(words)}</g>'
    middle = (LEFT + right) / 2, (TOP + bottom) / 2
    yield f'<text x="{middle[0]}" y="{frame.height - 6}" text-anchor="middle">{_text(axes.x)}</text>'
    turned = f'transform="translate(13 {middle[1]}) rotate(-90)"'
    yield f'<text {turned} text-anchor="middle">{_text(axes.y)}</text>'


def _y_ticks(frame: _Frame) -> list[float]:
    low, high = frame.y
    if not frame.log:
        return ticks(low, high)
    powers = range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)
    if len(powers) < 2:  # within a decade: round numbers of y itself
        return [math.log10(value) for value in ticks(10.0**low, 10.0**high) if value > 0]
    return [float(power) for power in powers[:: max(1, math.ceil(len(powers) / 6))]]


def _drawn(curve: Curve, frame: _Frame, number: int) -> str:
    if curve.kind == "line":
        return _line(curve, frame, _stroke(number))
    shape, paint = _dot(number)
    places = zip(frame.across(curve.x), frame.down(curve.y), strict=True)
    path = "".join(f"M{_short(x)} {_short(y)}{shape}" for x, y in places)
    return f'<path d="{path}" {paint} opacity=".6"/>' if path else ""


def _line(curve: Curve, frame: _Frame, stroke: str) -> str:
    places = zip(frame.across(curve.x), frame.down(curve.y), strict=True)
    path = "L".join(f"{_short(x)} {_short(y)}" for x, y in places)
    return f'<path d="M{path}" fill="none" {stroke}/>' if path else ""


def _legend(curves: Sequence[Curve], frame: _Frame) -> Iterator[str]:
    """Yield the names of curves at the top right, where there is more than one."""
    right = frame.width - RIGHT - 4
    for k, curve in enumerate(curves if len(curves) > 1 else ()):
        y = TOP + 12 + 16 * k
        yield f'<text x="{right - 26}" y="{y}" dy=".35em" text-anchor="end">{_text(curve.name)}</text>'
        if curve.kind == "line":
            yield f'<path d="M{right - 22} {y}h22" {_stroke(k)}/>'
            continue
        shape, paint = _dot(k)
        yield f'<path d="M{right - 10} {y}{shape}" {paint}/>'


def _stroke(number: int) -> str:
    """Return how the line of a curve looks."""
    dash = DASHES[number % len(DASHES)]
    return f'stroke="{_color(number)}" stroke-width="1.8"' + (f' stroke-dasharray="{dash}"' if dash else "")


def _dot(number: int) -> tuple[str, str]:
    """Return the path of the points of a curve, from where they lie, and how they look."""
    k = number % len(SHAPES)
    width = 5 if k == 0 else 0.5  # a line without length is, with round ends, a dot
    paint = f'fill="{_color(number)}" stroke="{_color(number)}" stroke-width="{width}" stroke-linecap="round"'
    return SHAPES[k], paint


def _color(number: int) -> str:
    k = number % len(COLORS)
    return f"var(--c{k},{COLORS[k]})"


def _short(number: Array | float) -> str:
    return f"{float(number):.1f}".removesuffix(".0")


def _label(number: float) -> str:
    return f"{number:.4g}".replace("-", "−")


def _text(text: str) -> str:
    """Escape, and show what has no place in a file of XML as the mark of what cannot be shown."""
    return escape("".join(c if c.isprintable() else "\ufffd" for c in text))
