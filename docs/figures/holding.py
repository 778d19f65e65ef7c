"""A unit of a trained GRU holds the first symbol of a sequence: chapter 6."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import elman
from elman.data import Sequences
from elman.inspection import trace


def trained(x: np.ndarray, first: np.ndarray) -> elman.Network:
    """Return a GRU that has learned to tell the first symbol at the end."""
    network = elman.Network("gru", input_size=6, hidden_size=16, output_size=2, readout="last", seed=3)
    network.parameters["layers.0.b"][16:32] = 3
    data = Sequences(list(x), first, batch_size=32, per_sequence=True)
    for _ in elman.train(network, data, steps=400, learning_rate=0.01):
        pass
    return network


def draw() -> Figure:
    """Draw state and update gate of the unit that tells two sequences apart."""
    generator = np.random.default_rng(0)
    x = generator.integers(2, 6, (2000, 60))
    x[:, 0] = generator.integers(0, 2, 2000)
    network = trained(x, x[:, 0].copy())
    other = x[0].copy()
    other[0] = 1 - other[0]
    runs = [trace(network, one) for one in sorted((x[0], other), key=lambda one: one[0])]
    states = [run.states["layers.0.h"] for run in runs]
    unit = np.abs(states[0] - states[1])[-1].argmax()
    figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(7, 3.6), height_ratios=(2, 1))
    for symbol, run, state in zip((0, 1), runs, states, strict=True):
        above.plot(state[:, unit], label=f"first symbol {symbol}")
        below.plot(run.gates["layers.0.z"][:, unit])
    above.set(ylabel=f"state h of unit {unit}", ylim=(-1.1, 1.1))
    below.set(ylabel="gate z", xlabel="step", ylim=(0, 1.05))
    above.legend(loc="center right")
    return figure
