"""The gradient through time of five networks of chapter 6, before training."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import elman
from elman.inspection import gradient_by_lag

NETWORKS = {
    "Elman, W uniform": ("elman", "uniform", 0),
    "Elman, W orthogonal": ("elman", "orthogonal", 0),
    "GRU": ("gru", "orthogonal", 0),
    "GRU, z begins at 0.95": ("gru", "orthogonal", 3),
    "LSTM": ("lstm", "orthogonal", 0),
}


def draw() -> Figure:
    """Draw the norms by lag, on a logarithmic axis."""
    x = np.random.default_rng(0).integers(2, 6, 400)
    figure, ax = plt.subplots()
    for name, (cell, initialization, z) in NETWORKS.items():
        network = elman.Network(
            cell,
            input_size=6,
            hidden_size=16,
            output_size=2,
            readout="last",
            seed=3,
            initialization=initialization,
        )
        if z:
            network.parameters["layers.0.b"][16:32] = z
        found = gradient_by_lag(network, x, lags=50)
        ax.plot(found.lags, found.median, label=name)
    ax.set(xlabel="steps back, k", ylabel="norm of ∂state(t) / ∂state(t − k)", yscale="log", ylim=(1e-12, 10))
    ax.legend(loc="lower left")
    return figure
