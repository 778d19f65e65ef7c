"""The weights of a network under PyTorch's names, both ways, in NumPy alone.

    embedding.weight            embedding.E                 V × E
    rnn.weight_ih_l0            layers.0.U                  G·H × I, gates stacked alike: i f g o, r z n
    rnn.weight_hh_l0            layers.0.W                  G·H × H
    rnn.bias_ih_l0, bias_hh_l0  layers.0.b; nn.GRU: b and d    their sum; it comes back as b and zeros
    … _reverse, _l1, …          layers.0.reverse, layers.1, …
    rnn.0.weight_ih, …          the same of cells, one for each layer
    head.weight, head.bias      head.V (tied: embedding.E), head.c

The two biases of nn.RNN and nn.LSTM are only ever added, so one is enough; those of nn.GRU's candidate stand
apart: n = tanh(U x + b + r (W h + d)).
Source: the equations in the documentation of torch.nn.RNN, GRU and LSTM.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.errors import FormatError
from elman.interop import checking
from elman.network import Network
from elman.numerics import Array
from elman.spec import Spec

from .naming import Tensors, is_cells, listed

LETTERS = {"weight_ih": "U", "weight_hh": "W", "bias_ih": "b", "bias_hh": "d"}


def refuse(spec: Spec, *, cells: bool = False) -> None:
    """Raise OptionError, by name, for what modules of PyTorch do not compute.

    >>> refuse(Spec("gru", "tanh", 3, 4, 2, 1, "float32", zoneout=0.1))
    Traceback (most recent call last):
    elman.errors.OptionError: zoneout is 0.1, which PyTorch cannot hold: its mean acts in every run, ...
    """
    unequal = len(set(spec.widths)) > 1 and not cells
    own = {
        "hidden_size": (unequal, "all layers have one; cells=True is a list"),
        "bidirectional": (spec.bidirectional and cells, "a list of cells reads forward only"),
    }
    checking.refuse(spec, "PyTorch", **own)


def weights(network: Network, *, cells: bool = False) -> dict[str, Array]:
    """Return the parameters under PyTorch's names, copied; `cells`: of a list with a cell for each layer.

    Raises: OptionError for what PyTorch does not compute.

    >>> network = Network("lstm", input_size=3, hidden_size=4, output_size=2)
    >>> {name: array.shape for name, array in weights(network).items()}
    {'rnn.weight_ih_l0': (16, 3), 'rnn.weight_hh_l0': (16, 4), 'rnn.bias_ih_l0': (16,),
     'rnn.bias_hh_l0': (16,), 'head.weight': (2, 4), 'head.bias': (2,)}
    """
    refuse(network.spec, cells=cells)
    views, found = network.parameters.views, {}
    if "embedding.E" in views:
        found["embedding.weight"] = views["embedding.E"]
    for place, name in zip(network.spec.places(), _names(network.spec, cells), strict=True):
        none = np.zeros_like(views[f"{place}.b"])
        found |= {name.format(key): views.get(f"{place}.{letter}", none) for key, letter in LETTERS.items()}
    found["head.weight"] = views["embedding.E" if network.spec.tied else "head.V"]
    found["head.bias"] = views["head.c"]
    return {name: array.copy() for name, array in found.items()}


def network_of(spec: Spec, tensors: Tensors, **on: Any) -> Network:
    """Return the network of a spec with the weights of canonical tensors, all checked before it is built.

    on: engine and threads.        Raises: FormatError as `completed`.
    """
    arrays = completed(spec, tensors)
    size = sum(math.prod(shape) for shape in spec.layout().values())
    network = Network.from_spec(spec, np.broadcast_to(np.zeros((), spec.dtype), size), **on)
    _fill(network, arrays, is_cells(tensors))
    return network


def completed(spec: Spec, tensors: Tensors) -> dict[str, Array]:
    """Return canonical tensors with what may be absent: biases are zeros, a head gives states as they are.

    Raises: FormatError for a tensor that is missing, too many, or of another shape or type.
    """
    cells = is_cells(tensors)
    shapes, absent = _shapes(spec, cells), _absent_biases(spec, tensors, cells)
    if headless := "head.weight" not in tensors and spec.y_size == spec.read_out:
        absent.append("head.weight")
    _check(tensors, {name: shape for name, shape in shapes.items() if name not in absent}, spec.dtype)
    found = dict(tensors) | {name: np.zeros(shapes[name], spec.dtype) for name in absent}
    if headless:
        np.fill_diagonal(found["head.weight"], 1)
    return {name: found[name] for name in shapes}


def _fill(network: Network, arrays: Tensors, cells: bool) -> None:
    views = network.parameters.views
    for place, name in zip(network.spec.places(), _names(network.spec, cells), strict=True):
        for key, letter in LETTERS.items():
            if f"{place}.{letter}" in views:
                views[f"{place}.{letter}"][:] = arrays[name.format(key)]
        if f"{place}.d" not in views:
            b, more = views[f"{place}.b"], arrays[name.format("bias_hh")]
            b[:] = np.where(more == 0, b, b + more)  # −0 + 0 would not be −0
    if "embedding.E" in views:
        views["embedding.E"][:] = arrays["embedding.weight"]
    if "head.V" in views:
        views["head.V"][:] = arrays["head.weight"]
    elif not np.array_equal(arrays["head.weight"], arrays["embedding.weight"]):
        raise FormatError("head.weight is not embedding.weight, though the two are tied")
    views["head.c"][:] = arrays["head.bias"]


def _names(spec: Spec, cells: bool) -> list[str]:
    """Return what the tensors of each place are called, "{}" in it for which one."""
    both = ("", "_reverse")[: spec.directions]
    if cells:
        return [f"rnn.{k}.{{}}" for k in range(spec.num_layers)]
    return [f"rnn.{{}}_l{k}{way}" for k in range(spec.num_layers) for way in both]


def _shapes(spec: Spec, cells: bool) -> dict[str, tuple[int, ...]]:
    layout, shapes = spec.layout(), {}
    if "embedding.E" in layout:
        shapes["embedding.weight"] = layout["embedding.E"]
    for place, name in zip(spec.places(), _names(spec, cells), strict=True):
        like = {key: letter if letter in "UW" else "b" for key, letter in LETTERS.items()}
        shapes |= {name.format(key): layout[f"{place}.{letter}"] for key, letter in like.items()}
    return shapes | {"head.weight": (spec.y_size, spec.read_out), "head.bias": (spec.y_size,)}


def _absent_biases(spec: Spec, tensors: Tensors, cells: bool) -> list[str]:
    """Return the biases of modules that have none at all (bias=False)."""
    modules = {name.split("{}")[0] for name in _names(spec, cells)} | {"head."}
    without = tuple(m for m in modules if not any(name.startswith(m + "bias") for name in tensors))
    return [name for name in _shapes(spec, cells) if "bias" in name and name.startswith(without)]


def _check(arrays: Tensors, shapes: Mapping[str, tuple[int, ...]], dtype: str) -> None:
    for name in [*shapes, *arrays]:
        if name not in arrays:
            raise FormatError(f"{name} is missing; there are {listed(arrays)}")
        if name not in shapes:
            raise FormatError(f"{name} is not of this network, which has {listed(shapes)}")
        if arrays[name].shape != shapes[name] or arrays[name].dtype != dtype:
            came = f"{arrays[name].dtype} {arrays[name].shape}"
            raise FormatError(f"{name} is {came}; expected {dtype} {shapes[name]}")
