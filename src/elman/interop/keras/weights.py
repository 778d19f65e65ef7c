"""The weights of a network in the layout of Keras, both ways, in NumPy alone.

    embeddings          V × E         embedding.E
    kernel              I × G·H       U, transposed; gates stacked i f g o as here, but z r n for r z n
    recurrent_kernel    H × G·H       W, likewise
    bias                G·H           b; GRU: 2 × 3H, b and d
    kernel, bias        of Dense      head.V (tied: embedding.E), transposed, head.c

Source: the equations in keras.layers.SimpleRNN, GRU (reset_after=True) and LSTM.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.cells import find
from elman.errors import FormatError, NumericError
from elman.network import Network
from elman.numerics import Array
from elman.spec import Spec

from .plan import GATES, Plan

Arrays = Mapping[str, Array]


def arrays_of(network: Network, plan: Plan) -> dict[str, Array]:
    """Return the weights by their path in a .keras file.

    >>> from elman.interop.keras.plan import plan_of
    >>> network = Network("gru", input_size=3, hidden_size=4, output_size=2)
    >>> {path: array.shape for path, array in arrays_of(network, plan_of(network.spec)).items()}
    {'layers/gru/cell/vars/0': (3, 12), 'layers/gru/cell/vars/1': (4, 12), 'layers/gru/cell/vars/2': (2, 12),
     'layers/dense/vars/0': (4, 2), 'layers/dense/vars/1': (2,)}
    """
    views, found = network.parameters.views, {}
    if plan.embedding:
        found["layers/embedding/vars/0"] = views["embedding.E"]
    to = _order(find(plan.cell, plan.activation).gates, tuple(GATES[plan.cell]))
    for place, (group, *_) in zip(network.spec.places(), plan.places(), strict=True):
        U, W, *biases = (to(views[name]) for letter in "UWbd" if (name := f"{place}.{letter}") in views)
        bias = np.stack(biases) if len(biases) > 1 else biases[0]
        found |= {f"{group}/{k}": array for k, array in enumerate((U.T, W.T, bias))}
    V = views["embedding.E" if network.spec.tied else "head.V"]
    found |= {"layers/dense/vars/0": V.T, "layers/dense/vars/1": views["head.c"]}
    return {path: np.array(array, order="C") for path, array in found.items()}


def network_of(spec: Spec, plan: Plan, arrays: Arrays, **on: Any) -> Network:
    """Return the network of a spec with these weights, copied; what has no bias gets zeros.

    on: engine and threads.
    Raises: FormatError for types that are not the model's, and tied weights that differ; NumericError for
            numbers that are not finite.
    """
    for path, array in arrays.items():
        if array.dtype != spec.dtype:
            raise FormatError(f"{path} is {array.dtype}; the layers say {spec.dtype}")
        if wrong := int(np.count_nonzero(~np.isfinite(array))):
            raise NumericError(f"{path}: {wrong:,} of its {array.size:,} numbers are not finite")
    size = sum(int(np.prod(shape)) for shape in spec.layout().values())
    network = Network.from_spec(spec, np.broadcast_to(np.zeros((), spec.dtype), size), **on)
    views = network.parameters.views
    if plan.embedding:
        views["embedding.E"][:] = arrays["layers/embedding/vars/0"]
    back = _order(tuple(GATES[plan.cell]), find(plan.cell, plan.activation).gates)
    for place, (group, *_, biased) in zip(spec.places(), plan.places(), strict=True):
        views[f"{place}.U"][:] = back(arrays[f"{group}/0"].T)
        views[f"{place}.W"][:] = back(arrays[f"{group}/1"].T)
        if biased:
            rows = np.atleast_2d(arrays[f"{group}/2"])
            for letter, row in zip("bd", rows, strict=False):
                views[f"{place}.{letter}"][:] = back(row)
    _fill_head(spec, plan, arrays, views)
    return network


def _fill_head(spec: Spec, plan: Plan, arrays: Arrays, views: Arrays) -> None:
    V = arrays["layers/dense/vars/0"].T if plan.head else np.eye(plan.states, dtype=spec.dtype)
    if not spec.tied:
        views["head.V"][:] = V
    elif not np.array_equal(V, views["embedding.E"]):
        raise FormatError("the kernel of dense is not the embedding, though the two are tied")
    if plan.head and plan.head_bias:
        views["head.c"][:] = arrays["layers/dense/vars/1"]


def _order(there: tuple[str, ...], here: tuple[str, ...]) -> Any:
    """Return what puts rows stacked by gates in one order into another, by name."""
    chosen = [there.index(gate) for gate in here]
    return lambda rows: np.concatenate([np.split(rows, len(there))[k] for k in chosen])
