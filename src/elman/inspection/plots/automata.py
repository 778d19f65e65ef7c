"""A plot of the automaton that a network behaves like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from elman.inspection.automaton_layout import FONT, Arrow, cut, unit

from .axes import axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from elman.inspection.automaton import Automaton

PIXELS = 96  # of the layout, an inch
POINTS = 72 / PIXELS
ACCENT = "#0a58ca"


def plot_automaton(
    automaton: Automaton,
    symbols: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw an automaton: states with their answers, arrows with their symbols, as `Automaton.svg` does.

    symbols, classes: names by number; none: the numbers. The arrow without a beginning leads to the start;
    where 0 and 1 are the only answers, 1 has a double line.
    Raises: OptionError when a name is missing, or without matplotlib.
    Source: Moore 1956, Gedanken-experiments on sequential machines, Automata Studies, 129-153.

    >>> from elman.inspection import Automaton
    >>> ax = plot_automaton(Automaton((0, 1), 0, ((0, 1), (1, 0)), (0, 1)), classes=["even", "odd"])
    >>> sorted(text.get_text() for text in ax.texts if text.get_text())
    ['0', '0', '1', '1', 'even', 'odd']
    """
    machine = automaton.diagram(symbols, classes)
    least, most = machine.corners
    size = (most - least) / PIXELS
    ax = axis(ax, (size.real, size.imag))
    for arrow in machine.arrows:
        _arrow(ax, arrow)
    begin, end = machine.first
    ax.annotate("", _at(end), _at(begin), arrowprops=_head(ACCENT, 2))
    for state, (place, name) in enumerate(zip(machine.places, machine.names, strict=True)):
        doubled = bool(automaton.accepting) and automaton.accepting[state]
        for radius in (machine.radius, machine.radius - 4)[: 1 + doubled]:
            ax.add_artist(_circle(place, radius))
        _write(ax, place, cut(name), ACCENT)
    ax.set_xlim(least.real, most.real)
    ax.set_ylim(most.imag, least.imag)  # downward
    ax.set_aspect("equal")
    ax.set_axis_off()
    return ax


def _arrow(ax: Axes, arrow: Arrow) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    *curve, end = arrow.curve
    into = unit(end - arrow.curve[2])
    path = Path([_at(point) for point in (*curve, end - into)], [Path.MOVETO, *[Path.CURVE4] * 3])
    ax.add_patch(PathPatch(path, fill=False, edgecolor="0.2", linewidth=1.4 * POINTS))
    ax.annotate("", _at(end), _at(end - 2 * into), arrowprops=_head("0.2", 0))
    _write(ax, arrow.label, arrow.text, "0.2", box={"facecolor": "white", "edgecolor": "none", "pad": 1})


def _head(color: str, width: float) -> dict[str, Any]:
    ends = {"shrinkA": 0, "shrinkB": 0, "mutation_scale": 10}
    return {"arrowstyle": "-|>", "color": color, "linewidth": width * POINTS, **ends}


def _circle(place: complex, radius: float) -> Any:
    from matplotlib.patches import Circle

    return Circle(_at(place), radius, facecolor="white", edgecolor="0.2", linewidth=1.6 * POINTS)


def _write(ax: Axes, place: complex, text: str, color: str, box: dict[str, Any] | None = None) -> None:
    style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": FONT * POINTS, "parse_math": False}
    ax.text(*_at(place), text, color=color, bbox=box, **style)


def _at(point: complex) -> tuple[float, float]:
    return point.real, point.imag
