"""Plots for notebooks: each takes what a measure returned, draws on a matplotlib axis and returns that axis.

`ax=None` makes a figure. matplotlib is an extra, imported when the first figure is made:
pip install 'elman[plot]'.
"""

from .automata import plot_automaton
from .dynamics import plot_gradient_by_lag, plot_lyapunov, plot_memory, plot_spectrum
from .sequences import plot_path, plot_progress, plot_saliency, plot_states, plot_surprisal
from .units import plot_calibration, plot_correlations, plot_probe, plot_saturation

__all__ = [
    "plot_automaton",
    "plot_calibration",
    "plot_correlations",
    "plot_gradient_by_lag",
    "plot_lyapunov",
    "plot_memory",
    "plot_path",
    "plot_probe",
    "plot_progress",
    "plot_saliency",
    "plot_saturation",
    "plot_spectrum",
    "plot_states",
    "plot_surprisal",
]
