"""Backpropagation through time, in three forms: (network, batch, state) → (loss, gradient, state).

full            every step remembers: exact, memory grows with T.
checkpointed    the same gradient; keeps the state of every `window`-th step and runs each window again.
truncated       the state flows on from window to window, the gradient stops there.

Source: Werbos 1990, doi:10.1109/5.58337; truncation: Williams & Peng 1990, doi:10.1162/neco.1990.2.4.490;
checkpoints: Griewank & Walther 2000, doi:10.1145/347837.347846.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .data import Batch, cut_time
from .errors import OptionError
from .network import Network
from .noise import Noise
from .numerics import Array
from .states import State


def full(
    network: Network, batch: Batch, state: State | None = None, *, noise: Noise | None = None
) -> tuple[float, Array, State]:
    """Return (loss, gradient, state) of a whole batch.

    Shapes: batch: what the network reads, and targets for its head; gradient: flat, like
            `network.parameters.flat`; state: per layer "B H", none means the network's own.
    Units:  the loss is the head's mean over the targets that count (softmax: nats per symbol).
    With `noise` the network drops units as in training.
    Raises: ShapeError, DataError when batch or state do not fit the network.

    >>> network = Network(input_size=3, hidden_size=4, output_size=3)
    >>> loss, gradient, state = full(network, Batch(np.array([[0], [1]]), np.array([[1], [2]])))
    >>> gradient.shape == network.parameters.flat.shape
    True
    """
    loss, gradient, after, _ = network.differentiate(batch, state, noise=noise)
    return loss, gradient, after


def truncated(
    network: Network,
    batch: Batch,
    state: State | None = None,
    *,
    window: int,
    noise: Noise | None = None,
) -> tuple[float, Array, State]:
    """Return (loss, gradient, state) with the gradient cut every `window` steps, the state carried on.

    The gradient is that of the windows' losses, each with its starting state held fixed, weighted by their
    symbols. window ≥ T gives `full`.
    Raises: OptionError for a window below 1; else as `full`.

    >>> network = Network(input_size=3, hidden_size=4, output_size=3)
    >>> batch = Batch(np.zeros((6, 1), int), np.ones((6, 1), int))
    >>> exact, cut = full(network, batch)[1], truncated(network, batch, window=2)[1]
    >>> bool(abs(exact - cut).max() > 1e-4)
    True
    """
    loss, gradient = 0.0, np.zeros_like(network.parameters.flat)
    for part, weight, part_noise in _windows(network, batch, window, noise):
        part_loss, part_gradient, state = full(network, part, state, noise=part_noise)
        loss += weight * part_loss
        part_gradient *= weight
        gradient += part_gradient
    assert state is not None  # there is at least one window
    return loss, gradient, state


def checkpointed(
    network: Network,
    batch: Batch,
    state: State | None = None,
    *,
    window: int,
    noise: Noise | None = None,
) -> tuple[float, Array, State]:
    """Return what `full` returns, in the memory of one window and one state for each window.

    It costs one more forward run; memory is O(window + T / window) instead of O(T).
    Raises: OptionError for a window below 1; else as `full`.

    >>> network = Network(input_size=3, hidden_size=4, output_size=3)
    >>> batch = Batch(np.zeros((6, 1), int), np.ones((6, 1), int))
    >>> exact, rebuilt = full(network, batch)[1], checkpointed(network, batch, window=2)[1]
    >>> bool(abs(exact - rebuilt).max() < 1e-6)
    True
    """
    parts, starts = list(_windows(network, batch, window, noise)), [state]
    for part, _, part_noise in parts:
        run = network.forward(part.x, starts[-1], part.lengths, part.reset, noise=part_noise)
        starts.append(run[1])
    loss, gradient, dstate = 0.0, np.zeros_like(network.parameters.flat), None
    for (part, share, part_noise), start in reversed(list(zip(parts, starts[:-1], strict=True))):
        step = network.differentiate(part, start, noise=part_noise, dstate=dstate, share=share)
        loss += share * step.loss
        gradient += step.gradient
        dstate = step.dstate
    assert starts[-1] is not None  # there is at least one window
    return loss, gradient, starts[-1]


def _windows(
    network: Network, batch: Batch, window: int, noise: Noise | None
) -> Iterator[tuple[Batch, float, Noise | None]]:
    """Cut a batch into windows, each with its share of the loss and its part of the noise."""
    if window < 1:
        raise OptionError(f"window is {window}; it must be a number of steps, 1 or more")
    if network.spec.bidirectional or network.spec.readout != "every":
        raise OptionError(
            "time is cut into windows where each step has its output and is read forward; use bptt.full"
        )
    whole, start = batch.total, 0
    for part in cut_time(batch, window):
        yield part, part.total / (whole or 1), noise and noise.later(start)
        start += window
