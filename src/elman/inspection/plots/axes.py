"""What all plots share: an axis to draw on, and symbols below it that can be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from elman.errors import OptionError, ShapeError
from elman.numerics import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

T = TypeVar("T")

LABELED = 120  # columns: the names of more could not be read
ROWS = 24  # rows that are numbered
SIGNS = {"\n": "↵", "\t": "⇥", "\r": "␍"}


def axis(ax: Axes | None, size: tuple[float, float] = (6.4, 4.0)) -> Axes:
    """Return the axis that was given, or that of a new figure, in inches.

    Raises: OptionError, with the extra to install, when matplotlib is not there.
    """
    if ax is not None:
        return ax
    try:
        pyplot = import_module("matplotlib.pyplot")
    except ImportError:
        raise OptionError("matplotlib is not installed; pip install 'elman[plot]' brings it") from None
    new: Axes = pyplot.subplots(figsize=size, layout="constrained")[1]
    return new


def wide(steps: int) -> float:
    """Return the inches in which so many steps can be told apart."""
    return min(16.0, max(6.4, 1.5 + 0.13 * steps))


def shown(count: int, steps: slice | None, text: Sequence[str] | None) -> range:
    """Return the numbers of the steps to draw.

    Raises: OptionError when there are none; ShapeError when the text has another length.
    """
    check_text(text, count)
    found = range(count)[slice(None) if steps is None else steps]
    if not found:
        raise OptionError(f"steps are {steps}, and none of the {count:,} is there to draw")
    return found


def check_text(text: Sequence[str] | None, count: int) -> None:
    """Raise ShapeError unless there is no text, or a symbol for each step."""
    if text is not None and len(text) != count:
        raise ShapeError(f"text has {len(text):,} symbols, there are {count:,} steps; give one for each")


def visible(symbol: str) -> str:
    r"""Return a symbol as it can stand below an axis: line ends and tabs as signs, nothing invisible.

    >>> [visible(symbol) for symbol in ("a", "\n", "\x1b")]
    ['a', '↵', '\ufffd']
    """
    return "".join(SIGNS.get(c, c if c.isprintable() else "\ufffd") for c in symbol)


def name_steps(ax: Axes, text: Sequence[str] | None, steps: range, what: str = "symbol read") -> None:
    """Write below the axis the symbol of each step, where it can be read; else the number of the step."""
    if text is None or len(steps) > LABELED:
        ax.set_xlabel("step")
    else:
        name_columns(ax, [text[k] for k in steps], steps)
        ax.set_xlabel(what)


def name_columns(ax: Axes, names: Sequence[str], places: Sequence[int]) -> None:
    """Write names below an axis as they are: nothing in them is read as mathematics."""
    style: dict[str, Any] = {"parse_math": False, "fontsize": "small"}
    ax.set_xticks(places, list(map(visible, names)), **style)
    for label in ax.get_xticklabels():
        label.set_rotation(90 if len(label.get_text()) > 1 else 0)
    ax.tick_params(axis="x", length=0)


def name_units(ax: Axes, units: Sequence[int]) -> None:
    """Number the rows of a map by the units that they are, so many that the numbers can be read."""
    every = -(-len(units) // ROWS)
    ax.set_yticks(range(0, len(units), every), [str(k) for k in units[::every]], fontsize="small")
    ax.set_ylabel("unit")


def map_of(ax: Axes, values: Array, columns: range, label: str, *, most: float | None = None) -> None:
    """Draw values by color, 0 in white: those of one sign in one color, of both in two.

    With `most` the two colors are at their strongest at ±most, else where the largest value is.
    """
    top = (float(np.nanmax(np.abs(values), initial=0)) or 1.0) if most is None else most
    both = most is not None or bool((values < 0).any())
    image = ax.imshow(
        values,
        aspect="auto",
        interpolation="nearest",
        cmap="RdBu_r" if both else "Reds",
        vmin=-top if both else 0.0,
        vmax=top,
        extent=(columns.start - 0.5, columns.stop - 0.5, len(values) - 0.5, -0.5),
    )
    ax.set_facecolor("0.85")  # what is NaN is gray, not 0
    ax.figure.colorbar(image, ax=ax, label=label)


def chosen(named: Mapping[str, T], name: str | None) -> tuple[str, T]:
    """Return a name and what it stands for; none: the first.

    Raises: OptionError when it is not there.
    """
    found = next(iter(named), None) if name is None else name
    if found is None or found not in named:
        raise OptionError(f"there is no {found!r}; there are {', '.join(named)}")
    return found, named[found]
