"""Plots of what units do: how often they are at the ends of their range, and what they follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from elman.errors import ShapeError
from elman.numerics import Array

from .axes import LABELED, ROWS, axis, chosen, map_of, name_columns, name_units, visible, wide

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from elman.inspection.following import Probe
    from elman.inspection.surprise import Calibration
    from elman.inspection.units import Saturation


def plot_saturation(saturation: Mapping[str, Saturation], *, ax: Axes | None = None) -> Axes:
    """Draw each unit of each state and gate: how often it is at the lower end, and how often at the upper.

    A unit in the corner at 0 always works in between; one on the diagonal never does.
    Units: shares of the steps.
    Raises: OptionError without matplotlib.
    Source: the plot of Karpathy, Johnson & Fei-Fei 2015, arXiv:1506.02078.

    >>> from elman import Network
    >>> from elman.inspection import saturation, trace
    >>> network = Network("gru", input_size=3, hidden_size=4, output_size=3)
    >>> ax = plot_saturation(saturation(trace(network, [0, 2, 1])))
    >>> len(ax.collections)
    4
    """
    ax = axis(ax, (5.5, 5.0))
    for name, ends in saturation.items():
        ax.scatter(ends.low, ends.high, s=22, alpha=0.6, label=name)
    ax.plot([0, 1], [1, 0], color="0.6", linewidth=0.8)
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    ax.set_xlabel("share of steps at the lower end")
    ax.set_ylabel("share of steps at the upper end")
    ax.legend()
    return ax


def plot_correlations(
    correlations: Mapping[str, Array],
    names: Sequence[str] | None = None,
    *,
    name: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what the units of a state or gate follow: a row for each unit, a column for each signal.

    `names` are those of the signals; `name` is that of the state or gate, the first unless said.
    Units: Pearson's correlation, −1 blue to 1 red.
    Raises: OptionError for a name that is not there, and without matplotlib; ShapeError for other names than
            signals.

    >>> ax = plot_correlations({"layers.0.h": np.array([[0.5, -1.0]])}, ["vowel", "line end"])
    >>> ax.images[0].get_clim()
    (-1.0, 1.0)
    """
    name, values = chosen(correlations, name)
    if names is not None and len(names) != values.shape[1]:
        raise ShapeError(f"names has {len(names)} entries, there are {values.shape[1]} signals")
    units, signals = values.shape
    ax = axis(ax, (max(4.0, 2.0 + 0.16 * signals), min(8.0, 2.0 + 0.1 * units)))
    map_of(ax, values, range(signals), f"correlation of {name}", most=1.0)
    name_units(ax, range(units))
    ax.set_xlabel("signal")
    if names is not None and signals <= LABELED:
        name_columns(ax, names, range(signals))
    return ax


def plot_probe(probe: Probe, names: Sequence[str] | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw the weights of a probe: a row for each class or column of the targets, a column for each unit.

    `names` are those of the rows. The title says how well it does on steps that it has not seen.
    Raises: OptionError without matplotlib; ShapeError for other names than rows.

    >>> from elman.inspection import probe
    >>> states = np.random.default_rng(0).normal(size=(100, 3))
    >>> plot_probe(probe(states, states[:, 1]), ["unit 1"]).get_title()[:10]
    'R² on what'
    """
    rows, units = probe.weights.shape
    if names is not None and len(names) != rows:
        raise ShapeError(f"names has {len(names)} entries; the probe tells {rows} apart")
    ax = axis(ax, (wide(units), min(8.0, 1.8 + 0.2 * rows)))
    map_of(ax, probe.weights, range(units), "weight", most=float(np.abs(probe.weights).max()) or 1.0)
    name_units(ax, range(rows))
    if names is not None and rows <= ROWS:
        ax.set_yticks(range(rows), list(map(visible, names)), parse_math=False)
    ax.set(xlabel="unit", ylabel="class" if probe.classes else "column of the targets")
    known = f"right on what was held out: {probe.score:.1%}, the most frequent class {probe.baseline:.1%}"
    told = known if probe.classes else f"R² on what was held out: {probe.score:.3f}"
    ax.set_title(told, fontsize="medium")
    return ax


def plot_calibration(calibration: Calibration, *, ax: Axes | None = None) -> Axes:
    """Draw how often the most probable symbol was right, against how probable it was said to be.

    On the diagonal a probability means what it says; below it, the network is too sure. Dots are as large as
    the share of symbols that they stand for; bins without any are left out.
    Raises: OptionError without matplotlib.
    Source: Guo et al. 2017, arXiv:1706.04599.

    >>> from elman import Network, whole
    >>> from elman.inspection import calibration
    >>> network = Network(input_size=3, hidden_size=4, output_size=3)
    >>> ax = plot_calibration(calibration(network, whole(np.arange(50) % 3)))
    >>> ax.get_title()[:26]
    'expected calibration error'
    """
    ax = axis(ax, (5.0, 4.6))
    there = calibration.count > 0
    share = calibration.count[there] / calibration.count.sum()
    ax.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
    ax.plot(calibration.confidence[there], calibration.accuracy[there], color="C0", linewidth=1)
    ax.scatter(calibration.confidence[there], calibration.accuracy[there], s=20 + 400 * share, alpha=0.6)
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    ax.set_xlabel("probability of the most probable symbol")
    ax.set_ylabel("share that was right")
    ax.set_title(f"expected calibration error {calibration.expected_error:.3f}", fontsize="medium")
    return ax
