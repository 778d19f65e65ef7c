"""The recurrent operators: what of them a network holds, and what is refused, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from elman import cells
from elman.errors import FormatError
from elman.numerics import Array

from .node import Node
from .values import Axis, Flow, Known, Size, axis, size_of
from .weights import ACTIVATIONS, GATES, OPERATORS, from_operator

CELLS = {operator: cell for cell, operator in OPERATORS.items()}
_ATTRIBUTES = ("hidden_size", "direction", "activations", "linear_before_reset", "layout", "input_forget")
_SCALES = ("activation_alpha", "activation_beta", "clip")
_BEFORE = (
    "linear_before_reset is 0: its reset gate acts before the product, W (r h), and elman's after it, "
    "r (W h), which is another cell; export with linear_before_reset 1 (Keras: reset_after=True)"
)
_PEEPHOLES = "has peepholes, through which an LSTM's gates see its memory; elman's have none"


@dataclass(frozen=True)
class Layer:
    """A layer that was read: its cell, its parameters for each direction, and what goes in."""

    cell: cells.Cell
    places: list[dict[str, Array]]
    reads: Flow
    states: tuple[Flow | None, ...]  # where h (and s) begin: an input, or zeros (none)
    lengths: str
    time: Axis
    batch: Axis


def read_layer(node: Node, operator: str) -> Layer:
    """Return the layer of a node RNN, GRU or LSTM. Raises: FormatError for what elman has not."""
    both = _check_attributes(node, operator)
    cell = _cell(node, operator, both)
    if node.input(7) is not None:
        raise node.refuse(_PEEPHOLES)
    W, R = node.known(1), node.known(2)
    gates = len(GATES[operator])
    width = R.shape[-1] if R.ndim == 3 else 0
    reads = W.shape[-1] if W.ndim == 3 else 0
    B = (
        node.known(3)
        if node.input(3) is not None
        else np.broadcast_to(np.zeros((), W.dtype), (both, 2 * gates * width))
    )
    wanted = (both, gates * width, reads), (both, gates * width, width), (both, 2 * gates * width)
    if (
        (W.shape, R.shape, B.shape) != wanted
        or not width
        or node.attributes.get("hidden_size", width) != width
    ):
        came = ", ".join(str(list(part.shape)) for part in (W, R, B))
        raise node.refuse(f"W, R and B are {came}; expected {', '.join(str(list(one)) for one in wanted)}")
    x = node.flow(0)
    if len(x.axes) != 3 or size_of(x.axes[2]) != Size(reads):
        raise node.refuse(f"reads {len(x.axes)} axes; expected time, batch and the {reads} numbers of W")
    states = tuple(_state(node, 5 + k, both=both, width=width) for k in range(len(cell.states)))
    return Layer(cell, from_operator(cell, W, R, B), x, states, _lengths(node), x.axes[0], x.axes[1])


def after(layer: Layer, number: int) -> tuple[Flow, ...]:
    """Return what the operator gives: its outputs "T D B H", and its states after "D B H"."""
    both, width = len(layer.places), layer.places[0]["W"].shape[1]
    end = axis("H", width)
    role = layer.time[0].role if layer.time else ""
    hidden = Flow("hidden", (layer.time, axis("D", both), layer.batch, end), role, (number,))
    items = tuple((number, direction) for direction in range(both))
    states = (Flow("state", (axis("P", both), layer.batch, end), name, items) for name in layer.cell.states)
    return (hidden, *states)


def _check_attributes(node: Node, operator: str) -> int:
    """Refuse attributes that change the cell; return the number of directions."""
    attributes: Mapping[str, object] = node.attributes
    for name in attributes:
        if name not in _ATTRIBUTES + _SCALES:
            raise node.refuse(f"the attribute {name} is not one of {operator}")
        if name in _SCALES and attributes[name]:
            raise node.refuse(f"{name} is {attributes[name]}; elman's cells have none")
    if attributes.get("layout", 0) != 0:
        raise node.refuse("layout is 1, the batch first; ONNX Runtime has none either: export with layout 0")
    if attributes.get("input_forget", 0) != 0:
        raise node.refuse("input_forget is 1, which couples two gates; elman's LSTM has them apart")
    if operator == "GRU" and attributes.get("linear_before_reset", 0) != 1:
        raise node.refuse(_BEFORE)
    direction = attributes.get("direction", "forward")
    if direction not in ("forward", "bidirectional"):
        raise node.refuse(
            f"direction is {direction!r}; elman's layers read forward, or both ways in one node"
        )
    return 2 if direction == "bidirectional" else 1


def _cell(node: Node, operator: str, both: int) -> cells.Cell:
    """Return the cell of an operator and its activations."""
    known = {
        activations: names for names, activations in ACTIVATIONS.items() if OPERATORS[names[0]] == operator
    }
    default = ACTIVATIONS[CELLS[operator], "tanh"] * both
    came = tuple(node.attributes.get("activations", default))
    for activations, names in known.items():
        if came == activations * both:
            return cells.find(*names)
    choices = " or ".join(", ".join(one) for one in known)
    raise node.refuse(f"activations are {', '.join(map(str, came))[:80]}; elman has {choices}")


def _state(node: Node, k: int, *, both: int, width: int) -> Flow | None:
    """Return the input from which a state comes, or None for zeros."""
    value = node.input(k)
    if value is None or (isinstance(value, Known) and not value.numbers.any()):
        return None
    if isinstance(value, Known):
        raise node.refuse("begins from a state in the file that is not zero; make it an input of the graph")
    if not isinstance(value, Flow) or value.what not in ("zeros", "input") or value.whole:
        raise node.refuse("begins from a state that is neither an input of the graph nor zeros")
    if value.what == "zeros":
        return None
    sizes = [size_of(one) for one in value.axes]
    roles = [[f"{value.origin}.{k}"] for k in range(3)]
    as_it_came = all(
        [f.role for f in one] in ([], role) for one, role in zip(value.axes, roles, strict=False)
    )
    if len(sizes) != 3 or sizes[0] != Size(both) or sizes[2] != Size(width) or not as_it_came:
        raise node.refuse(f"its initial state is not an input of {both} × batch × {width}, as it comes")
    return value


def _lengths(node: Node) -> str:
    """Return the name of the input that has the lengths of rows, "" for none."""
    value = node.input(4)
    if value is None:
        return ""
    if not isinstance(value, Flow) or value.what != "input" or not value.whole or len(value.axes) != 1:
        raise node.refuse("sequence_lens is not an input of the graph")
    return value.origin


def check_chain(layers: list[Layer]) -> None:
    """Check that each layer reads all of the one before, and that all are of one kind."""
    first = layers[0]
    if first.reads.what not in ("input", "embedded", "one_hot"):
        raise FormatError(f"the first layer reads {first.reads.what}, not an input of the graph")
    for number, layer in enumerate(layers[1:], start=1):
        whole = (first.time, first.batch, after(layers[number - 1], number - 1)[0].axes)
        joined = (*whole[:2], whole[2][1] + whole[2][3])
        if (layer.reads.what, layer.reads.items, layer.reads.axes) != (
            "hidden",
            (number - 1,),
            joined,
        ) or layer.reads.last:
            raise FormatError(f"layer {number} does not read every output of layer {number - 1}, as it is")
        kinds = (layer.cell, len(layer.places), layer.lengths, layer.places[0]["W"].dtype)
        if kinds != (first.cell, len(first.places), first.lengths, first.places[0]["W"].dtype):
            raise FormatError(
                f"layer {number} is another kind than layer 0 (cell, activation, direction, lengths or type)"
            )
