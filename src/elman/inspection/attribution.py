"""Which inputs a loss depends on: its gradient by what the first layer reads at every step.

The network is run again as one whose embedding holds the vectors x_1 .. x_T themselves, once for each loss:
the gradient of their rows is ∂loss_t/∂x_s, by the engine's own way back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elman.data import Batch
from elman.engines import is_symbols
from elman.errors import NumericError, OptionError, ShapeError
from elman.inputs import Parts
from elman.network import Network
from elman.numerics import Array
from elman.parameters import Parameters
from elman.states import Places, State, each, read_state

from . import jacobians

ROOM = 1 << 22  # numbers that one run holds, about


def saliency(
    network: Network, x: Any, targets: ArrayLike, state: State | None = None, *, at: ArrayLike | None = None
) -> Array:
    """Return the map ‖∂loss_t/∂x_s‖₂: how much each step of the input matters to each loss.

    x_s is the vector that the first layer reads at step s: the embedding of a symbol, features, both side by
    side, or, where symbols select columns of U, a 1 in the place of the symbol.
    Shapes: x: one sequence, "T" symbols or "T I", or a pair; targets: "T" symbols or "T O", as the head wants
            them, or one target where there is one a sequence; state: "H" per layer, none means the initial
            one; at: the steps t whose losses are asked for, "N", none means all → "N T", a row for each loss,
            0 after step t unless the network is bidirectional; one row where there is one target.
    Units:  nats (softmax, sigmoid, gaussian), or those of the head's loss, per unit of x.
    The work grows with N · T; memory beside the map does not grow with N.
    Raises: ShapeError, DataError for x, state or targets that do not fit; OptionError for an `at` that is no
            step; NumericError when a gradient is not finite.
    Source: Simonyan, Vedaldi & Zisserman 2014, arXiv:1312.6034; for text: Li, Chen, Hovy & Jurafsky 2016,
            arXiv:1506.01066.

    >>> network = Network(input_size=3, hidden_size=4, output_size=3)
    >>> map = saliency(network, [0, 2, 1, 1], [2, 1, 1, 0])
    >>> map.shape, bool((map[np.tril_indices(4)] > 0).all()), bool(np.triu(map, 1).any())
    ((4, 4), True, False)
    """
    parts = _input_gradients(network, x, targets, state, at)
    return np.concatenate([np.linalg.norm(gradient, axis=-1) for gradient, _ in parts])


def gradient_times_input(
    network: Network, x: Any, targets: ArrayLike, state: State | None = None, *, at: ArrayLike | None = None
) -> Array:
    """Return the map ∂loss_t/∂x_s · x_s: what each input adds to each loss, to first order, with its sign.

    Shapes, units, what is raised: as `saliency`.
    Source: Shrikumar, Greenside, Shcherbina & Kundaje 2016, arXiv:1605.01713.

    >>> network = Network(input_size=3, hidden_size=4, output_size=3)
    >>> gradient_times_input(network, [0, 2, 1, 1], [2, 1, 1, 0], at=[3]).shape
    (1, 4)
    """
    parts = _input_gradients(network, x, targets, state, at)
    return np.concatenate([np.einsum("nti,ti->nt", gradient, vectors) for gradient, vectors in parts])


def _input_gradients(
    network: Network, x: Any, targets: ArrayLike, state: State | None, at: ArrayLike | None
) -> Iterator[tuple[Array, Array]]:
    """Yield (∂loss_t/∂x_s "N T I", x "T I") for some of the losses that are asked for, in order."""
    vectors = _vectors(network, jacobians.read_sequence(network.spec, x))
    chosen = _read_at(at, len(vectors), network)
    start = None if state is None else read_state(state, None, _places(network))
    gates = sum(len(network.parameters[f"{place}.b"]) for place in network.spec.places())
    size = max(ROOM // (len(vectors) * (vectors.shape[1] + gates)), 1)
    reader = _reader(network, vectors, min(size, len(chosen)))
    for first in range(0, len(chosen), size):
        ends = chosen[first : first + size]
        begin = None if start is None else _repeated(start, len(ends))
        batch = _batch(network, len(vectors), np.asarray(targets), ends)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is noticed below
            flat = reader.differentiate(batch, begin, share=float(len(ends))).gradient
        rows = reader.parameters.like(flat)["embedding.E"][: len(ends) * len(vectors)]
        if not np.isfinite(rows).all():
            raise NumericError("a gradient is not finite: the weights hold, or lead to, NaN or infinity")
        yield rows.reshape(len(ends), *vectors.shape), vectors


def _repeated(state: State, rows: int) -> State:
    return each(state, lambda s: np.repeat(s[None], rows, axis=0))


def _batch(network: Network, steps: int, targets: Array, ends: Array) -> Batch:
    """Return the sequence once for each loss, "T N": row n has the symbols nT .. nT + T - 1 of its own."""
    every, count = network.spec.readout == "every", len(ends)
    x = np.arange(steps)[:, None] + steps * np.arange(count)
    if targets.ndim < every:
        raise ShapeError(f"targets are one, {targets}; expected one a step, {steps}")
    told = np.repeat(np.expand_dims(targets, int(every)), count, axis=int(every))
    if not every:
        return Batch(x, told, per_sequence=True)
    only = (np.arange(steps)[:, None] == ends).astype(float)
    return Batch(x, told, None if network.spec.bidirectional else ends + 1, weights=only)


def _reader(network: Network, vectors: Array, rows: int) -> Network:
    """Return the network with an embedding of these vectors, "T I", once for each row."""
    spec = replace(
        network.spec,
        input_size=rows * len(vectors),
        embedding_size=vectors.shape[1],
        feature_size=0,
        tied=False,
    )
    parameters = Parameters.zeros(spec.layout(), spec.dtype)
    for name in parameters:
        if name == "embedding.E":
            parameters[name].reshape(rows, *vectors.shape)[:] = vectors
        elif name == "head.V":
            parameters[name][:] = network.machine.outlet.matrix(network.parameters)
        else:
            parameters[name][:] = network.parameters[name]
    engine = network.machine.engine
    threads = getattr(engine, "threads", None)
    return Network.from_spec(spec, parameters.flat, engine=engine.name, threads=threads)


def _vectors(network: Network, parts: Parts) -> Array:
    """Return what the first layer reads at every step, "T I"."""
    read = network.machine.layers.enter(parts)
    return np.eye(network.spec.input_size, dtype=network.spec.dtype)[read] if is_symbols(read) else read


def _read_at(at: ArrayLike | None, steps: int, network: Network) -> Array:
    """Return the steps whose losses are asked for, "N"."""
    if network.spec.readout != "every":
        if at is not None:
            raise OptionError(f"readout {network.spec.readout!r} has one loss a sequence: leave out at")
        return np.array([steps - 1])
    chosen = np.arange(steps) if at is None else np.atleast_1d(np.asarray(at))
    whole = chosen.ndim == 1 and chosen.dtype.kind in "iu" and chosen.size
    if not whole or chosen.min() < 0 or chosen.max() >= steps:
        raise OptionError(f"at is {at!r}; expected steps, whole numbers from 0 to {steps - 1}")
    return chosen.astype(np.int64)


def _places(network: Network) -> Places:
    spec, states = network.spec, network.machine.layers.cell.states
    return Places(tuple(spec.place_widths()), states, spec.directions, spec.dtype)
