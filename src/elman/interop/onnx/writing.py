"""A network as an ONNX graph of the standard RNN, GRU and LSTM operators.

    inputs    x           "T B" int64 symbols, or "T B I" features; and features "T B F", where it reads both
              lengths     "B" int32, where asked for
              h0, s0, h1 …  state of each layer, "D B H": h of layer 0, s of layer 0 (LSTM), …; D: directions
    outputs   logits      "T B Y", or "B Y" one per sequence; then probabilities (softmax, sigmoid)
              values      instead of both, for the other heads: what `Network.run` gives
              h0_next …   the state after, to be fed back
              h0_start …  "D 1 H": from where sequences begin, where that was learned (zeros otherwise)

Symbols without an embedding become one-hot rows. That adds nothing to the file and, at a step, G times the
products of the head, which is as wide as the vocabulary itself; rows gathered from Uᵀ would need an identity
for W, of (G·H)² numbers, as the operators insist on their own product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from elman import cells, heads
from elman.errors import OptionError
from elman.network import Network
from elman.numerics import Array
from elman.spec import Spec

from .weights import ACTIVATIONS, OPERATORS, to_operator

OPSET, IR_VERSION = 17, 8  # what ONNX Runtime takes since 1.12
HELD = ("every", "last")
LARGEST = (1 << 31) - (1 << 20)  # bytes: what protobuf can hold, less room for names and the vocabulary


@dataclass
class Sheet:
    """A graph in the making."""

    dtype: str
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    inputs: list[Any] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)

    def node(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add a node of one output; return the output's name."""
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, name: str, value: Any, dtype: Any = np.int64) -> str:
        """Add a constant of this name, once; return the name."""
        from onnx import numpy_helper

        if all(one.name != name for one in self.constants):
            self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def door(
        self, name: str, axes: Sequence[str | int], dtype: str | None = None, *, out: bool = False
    ) -> str:
        """Add an input or output of the graph; return its name."""
        from onnx import helper

        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype or self.dtype))
        (self.outputs if out else self.inputs).append(helper.make_tensor_value_info(name, kind, axes))
        return name


def check_exportable(spec: Spec) -> None:
    """Refuse by name what the operators cannot hold."""
    for name in ("layer_norm", "zoneout"):
        if getattr(spec, name):
            raise OptionError(
                f"every layer has {name} ({getattr(spec, name)}): ONNX's {OPERATORS[spec.cell]} has none; "
                "train a network without it to export it"
            )
    if spec.readout not in HELD:
        raise OptionError(f"readout is {spec.readout!r}; to ONNX go {' and '.join(HELD)}")
    size = sum(int(np.prod(shape)) for shape in spec.layout().values()) * np.dtype(spec.dtype).itemsize
    if size > LARGEST:
        raise OptionError(f"the weights are {size:,} bytes; an ONNX file holds at most {LARGEST:,}")


def build(network: Network, *, symbols: bool, lengths: bool) -> Any:
    """Return the graph, an onnx.GraphProto."""
    from onnx import helper

    sheet, spec = Sheet(network.spec.dtype), network.spec
    rows = _enter(sheet, network, symbols)
    ends = sheet.door("lengths", ["B"], "int32") if lengths else ""
    for layer in range(spec.num_layers):
        rows = _layer(sheet, network, layer, rows, ends)
    after, sheet.outputs = sheet.outputs, []
    _head(sheet, network, rows, ends)
    name = f"elman {spec.cell}"
    return helper.make_graph(sheet.nodes, name, sheet.inputs, sheet.outputs + after, sheet.constants)


def _enter(sheet: Sheet, network: Network, symbols: bool) -> str:
    """Add what the first layer reads, "T B I"."""
    spec = network.spec
    if not symbols:
        return sheet.door("x", ["T", "B", spec.input_size])
    read = sheet.door("x", ["T", "B"], "int64")
    if spec.embedding_size is not None:
        table = sheet.constant("embedding.E", network.parameters["embedding.E"], spec.dtype)
        read = sheet.node("Gather", [table, read], "embedded")
    else:
        depth = sheet.constant("symbols", spec.input_size)
        values = sheet.constant("off_on", [0, 1], spec.dtype)
        read = sheet.node("OneHot", [read, depth, values], "one_hot")
    if not spec.feature_size:
        return read
    features = sheet.door("features", ["T", "B", spec.feature_size])
    return sheet.node("Concat", [read, features], "beside", axis=-1)


def _layer(sheet: Sheet, network: Network, layer: int, rows: str, ends: str) -> str:
    """Add a layer; return its outputs "T B D·H", or where only those are read its last states h, "B D·H"."""
    from onnx import helper

    spec, cell = network.spec, cells.find(network.spec.cell, network.spec.activation)
    width, both = spec.widths[layer], spec.directions
    places = spec.places()[layer * both : (layer + 1) * both]
    own = [_views(network, place, ("U", "W", "b", "d")[: 3 + cell.recurrent_bias]) for place in places]
    names = [f"layers.{layer}.{name}" for name in ("W", "R", "B")]
    for name, part in zip(names, to_operator(cell, own), strict=True):
        sheet.constant(name, part, spec.dtype)
    before = [sheet.door(f"{state}{layer}", [both, "B", width]) for state in cell.states]
    after = [f"{state}{layer}_next" for state in cell.states]
    raw = [f"{name}_raw" for name in after] if ends else after
    attributes: dict[str, Any] = {
        "hidden_size": width,
        "activations": ACTIVATIONS[cell.name, cell.activation] * both,
    }
    attributes["direction"] = "bidirectional" if spec.bidirectional else "forward"
    if cell.name == "gru":
        attributes["linear_before_reset"] = 1
    reads, every = [rows, *names, ends, *before], layer < spec.num_layers - 1 or spec.readout == "every"
    outputs = [f"layers.{layer}.Y" if every else "", *raw]
    sheet.nodes.append(helper.make_node(OPERATORS[cell.name], reads, outputs, **attributes))
    for state, start, found, name in zip(cell.states, before, raw, after, strict=True):
        if ends:  # an empty row keeps its state; the operators leave zeros there
            sheet.node("Where", [_begun(sheet, ends), found, start], name)
        sheet.door(name, [both, "B", width], out=True)
        if spec.learn_initial_state:
            _start(sheet, network, places, layer=layer, state=state)
    if every:
        turned = sheet.node("Transpose", outputs[:1], f"layers.{layer}.turned", perm=[0, 2, 1, 3])
        return sheet.node("Reshape", [turned, sheet.constant("T_B_joined", [0, 0, -1])], f"layers.{layer}.h")
    turned = sheet.node("Transpose", after[:1], "last.turned", perm=[1, 0, 2])
    return sheet.node("Reshape", [turned, sheet.constant("B_joined", [0, -1])], "last")


def _views(network: Network, place: str, names: Sequence[str]) -> dict[str, Array]:
    return {name: network.parameters[f"{place}.{name}"] for name in names}


def _start(sheet: Sheet, network: Network, places: Sequence[str], *, layer: int, state: str) -> None:
    """Add where a layer's learned state begins, as an output."""
    learned = np.stack([network.parameters[f"{place}.{state}0"] for place in places])[:, None]
    constant = sheet.constant(f"layers.{layer}.{state}0", learned, network.spec.dtype)
    sheet.door(sheet.node("Identity", [constant], f"{state}{layer}_start"), learned.shape, out=True)


def _begun(sheet: Sheet, ends: str) -> str:
    """Return the name of which rows have a step at all, "1 B 1"."""
    if all(node.output[0] != "begun" for node in sheet.nodes):
        more = sheet.node("Greater", [ends, sheet.constant("none", 0, np.int32)], "longer")
        sheet.node("Unsqueeze", [more, sheet.constant("around_B", [0, 2])], "begun")
    return "begun"


def _head(sheet: Sheet, network: Network, rows: str, ends: str) -> None:
    """Add the head, and what it says of what it reads."""
    spec, V = network.spec, "embedding.E" if network.spec.tied else "head.V"
    sheet.constant(V, network.parameters[V], spec.dtype)
    sheet.constant("head.c", network.parameters["head.c"], spec.dtype)
    product = sheet.node(
        "MatMul", [rows, sheet.node("Transpose", [V], "head.columns", perm=[1, 0])], "head.product"
    )
    kinds = {"softmax": "Softmax", "sigmoid": "Sigmoid"}
    y = "logits" if spec.head in kinds else "values"
    if ends and spec.readout == "every":
        said = sheet.node("Add", [product, "head.c"], "head.y")
        sheet.node("Where", [_live(sheet, ends), said, sheet.constant("nothing", 0, spec.dtype)], y)
    else:
        sheet.node("Add", [product, "head.c"], y)
    axes: list[str | int] = [
        *("T", "B")[spec.readout == "last" :],
        heads.find(spec.head, spec.quantiles).width * spec.output_size,
    ]
    sheet.door(y, axes, out=True)
    if spec.head in kinds:
        sheet.door(sheet.node(kinds[spec.head], [y], "probabilities"), axes, out=True)


def _live(sheet: Sheet, ends: str) -> str:
    """Return the name of which steps are before their row's end, "T B 1"."""
    steps = sheet.node("Shape", ["x"], "T", start=0, end=1)
    steps = sheet.node("Squeeze", [steps], "T_number")
    steps = sheet.node("Range", [sheet.constant("zero", 0), steps, sheet.constant("one", 1)], "steps")
    steps = sheet.node("Unsqueeze", [steps, sheet.constant("B_axis", [1])], "steps_B")
    many = sheet.node("Cast", [ends], "lengths_wide", to=7)
    live = sheet.node("Less", [steps, many], "live")
    return sheet.node("Unsqueeze", [live, sheet.constant("Y_axis", [2])], "live_Y")
