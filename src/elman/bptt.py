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

from . import heads
from .data import Batch
from .errors import OptionError, ShapeError
from .inputs import is_batched, read_lengths, read_symbols
from .network import Network, State
from .numerics import Array


def full(network: Network, batch: Batch, state: State | None = None) -> tuple[float, Array, State]:
    """Return (loss, gradient, state) of a whole batch.

    Shapes: batch.x: "T B" symbols or "T B I"; batch.targets: "T B" symbols; gradient: flat, like
            `network.parameters.flat`; state: per layer "B H", none means zeros.
    Units:  the loss is the mean in nats per symbol, padding not counted.
    Raises: ShapeError when batch or state do not fit the network.

    >>> network = Network(input_size=3, hidden_size=4, output_size=3)
    >>> loss, gradient, state = full(network, Batch(np.array([[0], [1]]), np.array([[1], [2]])))
    >>> gradient.shape == network.parameters.flat.shape
    True
    """
    y, after, tapes = network.forward(batch.x, state, batch.lengths)
    loss, dy = heads.softmax.loss(y, _targets(network, batch), _lengths(batch))
    gradient, _ = network.backward(dy, tapes)
    return loss, gradient, after


def truncated(
    network: Network, batch: Batch, state: State | None = None, *, window: int
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
    for part, weight in _windows(batch, window):
        part_loss, part_gradient, state = full(network, part, state)
        loss += weight * part_loss
        part_gradient *= weight
        gradient += part_gradient
    assert state is not None  # there is at least one window
    return loss, gradient, state


def checkpointed(
    network: Network, batch: Batch, state: State | None = None, *, window: int
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
    parts, starts = list(_windows(batch, window)), [state]
    for part, _ in parts:
        starts.append(network.run(part.x, starts[-1], part.lengths)[1])
    loss, gradient, dstate = 0.0, np.zeros_like(network.parameters.flat), None
    for (part, weight), start in reversed(list(zip(parts, starts[:-1], strict=True))):
        y, _, tapes = network.forward(part.x, start, part.lengths)
        part_loss, dy = heads.softmax.loss(y, _targets(network, part), _lengths(part))
        dy *= weight
        part_gradient, dstate = network.backward(dy, tapes, dstate)
        loss += weight * part_loss
        gradient += part_gradient
    assert starts[-1] is not None  # there is at least one window
    return loss, gradient, starts[-1]


def _windows(batch: Batch, window: int) -> Iterator[tuple[Batch, float]]:
    """Cut a batch into windows, each with its share of the symbols."""
    if window < 1:
        raise OptionError(f"window is {window}; it must be a number of steps, 1 or more")
    lengths = _lengths(batch)
    for start in range(0, max(len(batch.x), 1), window):
        stop = start + window
        x, targets = batch.x[start:stop], batch.targets[start:stop]
        inside = None if lengths is None else np.clip(lengths - start, 0, len(x))
        part = Batch(x, targets, inside)
        yield part, part.count / max(batch.count, 1)


def _targets(network: Network, batch: Batch) -> Array:
    axes = "T B" if is_batched(batch.x, axes=2) else "T"
    targets = read_symbols("targets", batch.targets, axes, network.spec.output_size, _lengths(batch))
    if targets.shape != np.shape(batch.x)[: targets.ndim]:
        raise ShapeError(f"targets have shape {targets.shape}, x has {np.shape(batch.x)}: one target a step")
    return targets


def _lengths(batch: Batch) -> Array | None:
    if batch.lengths is None:
        return None
    rows = 1 if np.ndim(batch.targets) == 1 else np.shape(batch.targets)[1]
    return read_lengths(np.reshape(batch.lengths, -1), len(batch.targets), rows)
