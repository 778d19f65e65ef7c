"""Plots over a text or a series: states, surprisal, saliency, the path of the state, a training run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from elman.errors import OptionError
from elman.numerics import Array

from .axes import LABELED, axis, check_text, chosen, map_of, name_steps, name_units, shown, visible, wide

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from elman.inspection.geometry import Principal
    from elman.inspection.surprise import Surprisal
    from elman.inspection.traces import Trace
    from elman.training import Progress


def plot_states(
    trace: Trace,
    text: Sequence[str] | None = None,
    *,
    name: str | None = None,
    units: Sequence[int] | None = None,
    steps: slice | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a state or a gate over a text: a row for each unit, a column for each step; return the axis.

    `name` is one of `trace.states` or `trace.gates`, the first state unless said; `units` and `steps` say
    which are drawn. What takes both signs is blue below 0 and red above.

    Shapes: text: "T", the symbol read at each step; a string is one.
    Raises: OptionError for a name, units or steps that are not there, and when matplotlib is not;
            ShapeError for a text of another length.

    >>> from elman import Network
    >>> from elman.inspection import trace
    >>> ax = plot_states(trace(Network(input_size=3, hidden_size=4, output_size=3), [0, 2, 1]), "abc")
    >>> ax.images[0].get_array().shape
    (4, 3)
    """
    name, values = chosen({**trace.states, **trace.gates}, name)
    columns, rows = shown(len(values), steps, text), _units(units, values.shape[1])
    picture = values[columns.start : columns.stop : columns.step].T[rows]
    ax = axis(ax, (wide(len(columns)), min(8.0, 2.0 + 0.1 * len(rows))))
    map_of(ax, picture, columns, name)
    name_units(ax, rows)
    name_steps(ax, text, columns)
    return ax


def plot_surprisal(
    surprisal: Surprisal,
    text: Sequence[str] | None = None,
    *,
    steps: slice | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how surprising each symbol was, and how uncertain the network was before it, in bits.

    Shapes: text: "T", the symbol that was predicted at each step.
    Raises: OptionError for steps that are not there, and without matplotlib; ShapeError for the text.

    >>> from elman import Network
    >>> from elman.inspection import surprisal
    >>> network = Network(input_size=3, hidden_size=4, output_size=3)
    >>> ax = plot_surprisal(surprisal(network, [0, 2, 1], [2, 1, 0]), "cba")
    >>> len(ax.patches), ax.get_ylabel()
    (3, 'bits')
    """
    bits, columns = surprisal.bits, shown(len(surprisal), steps, text)
    part = slice(columns.start, columns.stop, columns.step)
    entropy = surprisal.entropy[part] / np.log(2)
    ax = axis(ax, (wide(len(columns)), 3.0))
    ax.bar(list(columns), bits[part], width=0.9 * columns.step, color="C0", label="surprisal")
    ax.step(list(columns), entropy, where="mid", color="C1", label="entropy")
    ax.set_ylabel("bits")
    ax.margins(x=0)
    ax.legend(loc="upper right")
    name_steps(ax, text, columns, "symbol predicted")
    return ax


def plot_saliency(
    saliency: Array,
    text: Sequence[str] | None = None,
    *,
    at: Sequence[int] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how much the loss at each step (row) depends on what was read at each step (column).

    Shapes: saliency: "N T", as `elman.inspection.saliency` returns it; text: "T", the symbol read; at: "N",
            the steps that were asked for, none: all.
    Units:  those of the loss, for softmax nats, per unit of the input.
    Raises: OptionError without matplotlib; ShapeError for the text.

    >>> plot_saliency(np.tri(3), "abc").get_xlabel()
    'symbol read'
    """
    losses, inputs = np.shape(saliency)
    check_text(text, inputs)
    ax = axis(ax, (wide(inputs), 1.5 + 0.75 * min(wide(losses) - 1.5, 0.2 * losses)))
    map_of(ax, np.asarray(saliency), range(inputs), "∂ loss / ∂ input, norm")
    name_units(ax, range(losses) if at is None else list(at))
    name_steps(ax, text, range(inputs))
    ax.set_ylabel("step of the loss")
    return ax


def plot_path(
    principal: Principal,
    states: Array,
    text: Sequence[str] | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw the path of the state in its first two principal directions, from dark to light in time.

    Shapes: states: "T H", as the directions were found in; text: "T", written where the state is.
    Raises: OptionError when there are fewer than two directions, and without matplotlib; ShapeError.

    >>> from elman.inspection import principal_directions
    >>> states = np.random.default_rng(0).normal(size=(20, 3))
    >>> plot_path(principal_directions(states), states).get_xlabel()[:19]
    'direction 1, share '
    """
    if len(principal.directions) < 2:
        raise OptionError("a path is drawn in two directions, and there is one; find 2 or more")
    x, y = principal.path(states).T[:2]
    check_text(text, len(x))
    ax = axis(ax, (6.0, 5.0))
    ax.plot(x, y, color="0.8", linewidth=0.8, zorder=1)
    dots = ax.scatter(x, y, c=np.arange(len(x)), cmap="viridis", s=14, zorder=2)
    ax.figure.colorbar(dots, ax=ax, label="step")
    for k, symbol in enumerate(text if text is not None and len(text) <= LABELED else ()):
        ax.annotate(
            visible(symbol),
            (x[k], y[k]),
            xytext=(2, 2),
            textcoords="offset points",
            fontsize="small",
            parse_math=False,
        )
    ax.set_xlabel(f"direction 1, share {principal.shares[0]:.0%}")
    ax.set_ylabel(f"direction 2, share {principal.shares[1]:.0%}")
    return ax


def plot_progress(history: Iterable[Progress], *, ax: Axes | None = None, label: str = "loss") -> Axes:
    """Draw a run of training: the loss of every step, and of every validation.

    Units: those of the head's loss; softmax: nats per symbol.
    Raises: OptionError when there is no step, and without matplotlib.

    >>> from elman import Network, train
    >>> from elman.data import Streams
    >>> data = Streams(np.arange(200) % 3, batch_size=2, seq_length=10)
    >>> run = train(Network(input_size=3, hidden_size=8, output_size=3), data, steps=9)
    >>> len(plot_progress(run).lines[0].get_xdata())
    9
    """
    told = [(p.step, p.loss, p.validation_loss) for p in history]
    if not told:
        raise OptionError("there is no step of training to draw; give what `elman.train` yields")
    ax = axis(ax)
    (line,) = ax.plot([step for step, *_ in told], [loss for _, loss, _ in told], linewidth=1, label=label)
    validated = [(step, loss) for step, _, loss in told if loss is not None]
    if validated:
        ax.plot(*zip(*validated, strict=True), "o--", color=line.get_color(), label=f"{label}, validation")
    ax.set_xlabel("step")
    ax.set_ylabel("loss")
    ax.legend()
    return ax


def _units(units: Sequence[int] | None, count: int) -> list[int]:
    rows = list(range(count)) if units is None else [int(unit) for unit in units]
    if not rows or not all(0 <= unit < count for unit in rows):
        raise OptionError(f"units are {rows}; expected some of 0 to {count - 1}")
    return rows
