"""Plots of what lasts: gradients by lag, spectra, Lyapunov exponents, the memory of a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from elman.numerics import Array

from .axes import axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from elman.inspection.gradients import GradientByLag
    from elman.inspection.memory import EffectiveMemory


def plot_gradient_by_lag(
    gradient: GradientByLag, *, ax: Axes | None = None, label: str | None = None
) -> Axes:
    """Draw ‖∂state_t / ∂state_{t−k}‖ by the lag k: the median, and between which values 80 % of the t lie.

    The scale is logarithmic: an exponential decay is a straight line. Several networks go on one axis, each
    with its `label`.
    Raises: OptionError without matplotlib.
    Source: Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063.

    >>> from elman import Network
    >>> from elman.inspection import gradient_by_lag
    >>> network = Network(input_size=3, hidden_size=4, output_size=3)
    >>> ax = plot_gradient_by_lag(gradient_by_lag(network, np.arange(40) % 3, lags=8))
    >>> ax.get_yscale()
    'log'
    """
    ax = axis(ax)
    (line,) = ax.plot(gradient.lags, gradient.median, label=label)
    low, high = np.quantile(gradient.norms, (0.1, 0.9), axis=0)
    ax.fill_between(gradient.lags, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
    ax.set_yscale("log")
    ax.set_xlabel("lag, steps")
    ax.set_ylabel("norm of ∂state / ∂earlier state")
    if label is not None:
        ax.legend()
    return ax


def plot_spectrum(spectrum: Mapping[str, Array], *, ax: Axes | None = None) -> Axes:
    """Draw the eigenvalues of each W in the complex plane, with the unit circle.

    Raises: OptionError without matplotlib.

    >>> from elman import Network
    >>> from elman.inspection import spectrum
    >>> ax = plot_spectrum(spectrum(Network(input_size=3, hidden_size=4, output_size=3)))
    >>> ax.get_xlabel()
    'real part'
    """
    ax = axis(ax, (5.2, 4.8))
    angles = np.linspace(0, 2 * np.pi, 181)
    ax.plot(np.cos(angles), np.sin(angles), color="0.6", linewidth=0.8, label="unit circle")
    for name, values in spectrum.items():
        ax.scatter(values.real, values.imag, s=16, alpha=0.7, label=name)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_xlabel("real part")
    ax.set_ylabel("imaginary part")
    ax.legend(loc="upper left", bbox_to_anchor=(1.02, 1))
    return ax


def plot_lyapunov(exponents: Array, *, ax: Axes | None = None, label: str | None = None) -> Axes:
    """Draw Lyapunov exponents, the largest first: above 0 a small difference grows, below it fades.

    Shapes: exponents: "K", in nats a step.
    Raises: OptionError without matplotlib.

    >>> plot_lyapunov(np.array([0.1, -0.5])).get_ylabel()
    'Lyapunov exponent, nats a step'
    """
    ax = axis(ax)
    ax.axhline(0, color="0.6", linewidth=0.8)
    ax.plot(np.arange(1, len(exponents) + 1), exponents, "o-", markersize=3, label=label)
    ax.set_xlabel("number")
    ax.set_ylabel("Lyapunov exponent, nats a step")
    if label is not None:
        ax.legend()
    return ax


def plot_memory(memory: EffectiveMemory, *, ax: Axes | None = None, label: str | None = None) -> Axes:
    """Draw how much a changed input still changes the output, by the number of steps since.

    The dotted lines are the threshold, and the last lag at which it is reached: the memory ends there.
    Units:  of the output's change, as `memory.unit` says.
    Raises: OptionError without matplotlib.

    >>> from elman import Network
    >>> from elman.inspection import effective_memory
    >>> network = Network(input_size=3, hidden_size=4, output_size=3)
    >>> ax = plot_memory(effective_memory(network, np.arange(200) % 3))
    >>> ax.get_ylabel()
    'change of the output, nats'
    """
    ax = axis(ax)
    (line,) = ax.plot(memory.lags, memory.effect, label=label)
    ax.axhline(memory.threshold * memory.effect.max(), color=line.get_color(), linestyle=":", linewidth=1)
    ax.axvline(memory.steps - 1, color=line.get_color(), linestyle=":", linewidth=1)
    ax.set_yscale("log")
    ax.set_xlabel("lag, steps since the changed input")
    ax.set_ylabel(f"change of the output, {memory.unit}")
    if label is not None:
        ax.legend()
    return ax
