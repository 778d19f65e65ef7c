"""The gradient through time of four networks that differ in one number."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import elman
from elman.inspection import gradient_by_lag

LAGS = 50


def norms(g: float) -> np.ndarray:
    """Return the median norm by lag for an orthogonal W times g."""
    x = np.random.default_rng(0).normal(scale=0.3, size=(500, 3))
    network = elman.Network("elman", input_size=3, hidden_size=32, output_size=2, dtype="float64", seed=1)
    network.parameters["layers.0.W"][:] *= g
    return gradient_by_lag(network, x, lags=LAGS).median


def draw() -> Figure:
    """Draw the norms by lag, on a logarithmic axis."""
    figure, ax = plt.subplots()
    lags = np.arange(1, LAGS + 1)
    for g in (0.5, 0.9, 1.0, 1.1, 2.0):
        ax.plot(lags, norms(g), label=f"g = {g}")
    ax.fill_between(lags, 0.9**lags, 1e-16, color="C1", alpha=0.15, linewidth=0)
    ax.set(xlabel="steps back, k", ylabel="norm of ∂h(t) / ∂h(t − k)", yscale="log", ylim=(1e-16, 1e5))
    ax.legend(ncols=2, loc="lower left")
    return figure
