"""An ONNX graph read as a network: followed value by value, never run, and nothing of it guessed.

What `to_onnx` wrote says so in its metadata, and is held to it: the graph must be the very one that the spec
there gives with the weights of the file. Any other graph is followed from its inputs through embedding and
layers to V h + c; an operator that is not known, or stands where a network has none, is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman import heads
from elman.errors import FormatError, NumericError
from elman.network import Network
from elman.numerics import Array
from elman.spec import Spec

from . import outlet, parts, rearranging
from .layers import CELLS, Layer, after, check_chain, read_layer
from .node import Head, Node, attribute
from .values import Axis, Flow, Known, Value, axis, size_of, tensor_array

OPERATORS = rearranging.OPERATORS | parts.OPERATORS | outlet.OPERATORS
LOWEST_OPSET = 13  # before it, axes were attributes
DOMAINS = ("", "ai.onnx")
UNROLLED = (
    "the graph has no RNN, GRU or LSTM: Keras, and PyTorch's newer exporter for nn.RNN, write every step "
    "out, for one length; read the .keras file, or export with torch.onnx.export(..., dynamo=False)"
)


@dataclass(frozen=True)
class Graph:
    """A graph that was followed: its layers and its head, and what each of its outputs is."""

    layers: list[Layer]
    head: Head
    outputs: Mapping[str, Flow]
    inputs: Mapping[str, Any]


def follow(model: Any) -> Graph:
    """Follow every node of a model. Raises: FormatError for what is not a network."""
    _check_opset(model)
    if all(node.op_type not in CELLS for node in model.graph.node):
        raise FormatError(UNROLLED)
    values: dict[str, Value] = {one.name: Known(tensor_array(one)) for one in model.graph.initializer}
    if len(values) < len(model.graph.initializer):
        raise FormatError("two constants of the graph have one name")
    doors = {one.name: one for one in model.graph.input if one.name not in values}
    values |= {name: _input(door) for name, door in doors.items()}
    layers, head = list[Layer](), Head()
    for number, node in enumerate(model.graph.node):
        where = f"node {number} ({node.op_type}{', ' + node.name[:60] if node.name else ''})"
        read = _node(node, where, values, head)
        if node.op_type in CELLS:
            layers.append(read_layer(read, node.op_type))
            found: Sequence[Value] = after(layers[-1], len(layers) - 1)
        else:
            found = _rearranged(node.op_type, read)
        for name, value in zip(node.output, found, strict=False):
            if name in values:
                raise FormatError(f"{where}: writes {name[:60]!r}, which is there already")
            if name:
                values[name] = value
    check_chain(layers)
    outputs = {one.name: values.get(one.name) for one in model.graph.output}
    flows = {name: value for name, value in outputs.items() if isinstance(value, Flow)}
    return Graph(layers, head, flows, doors)


def _rearranged(operator: str, node: Node) -> Sequence[Value]:
    """Return what an operator makes, its faults named with the node."""
    try:
        made = OPERATORS[operator](node)
    except (FormatError, IndexError, TypeError, ValueError, OverflowError) as error:
        if str(error).startswith(node.where):
            raise
        raise FormatError(f"{node.where}: not as ONNX has it: {error}") from None
    return made if isinstance(made, tuple) else (made,)


def _node(node: Any, where: str, values: Mapping[str, Value], head: Head) -> Node:
    if node.domain not in DOMAINS or (node.op_type not in OPERATORS and node.op_type not in CELLS):
        domain = f" of {node.domain[:60]!r}" if node.domain not in DOMAINS else ""
        known = ", ".join([*CELLS, *OPERATORS])
        raise FormatError(f"{where}: the operator{domain} is not read; those that are: {known}")
    for name in node.input:
        if name and name not in values:
            raise FormatError(f"{where}: reads {name[:60]!r}, which nothing before it writes")
    attributes = {one.name: attribute(one, where) for one in node.attribute}
    inputs = [values[name] if name else None for name in node.input]
    return Node(where, inputs, attributes, len(node.output), head)


def _input(door: Any) -> Flow:
    """Return what an input of the graph is."""
    kind = door.type.tensor_type
    if kind.elem_type not in (1, 6, 7, 11):
        raise FormatError(
            f"the input {door.name[:60]!r} is of ONNX's type {kind.elem_type}; expected numbers or symbols"
        )
    axes, rows = list[Axis](), tuple[int, ...]()
    for k, one in enumerate(kind.shape.dim):
        size = one.dim_value if one.HasField("dim_value") and one.dim_value > 0 else None
        axes.append(axis(f"{door.name}.{k}", size))
    whole = kind.elem_type in (6, 7)
    if len(axes) == 3 and not whole and size_of(axes[0]).number <= 64 and not size_of(axes[0]).free:
        rows = tuple(range(size_of(axes[0]).number))  # perhaps a state, whose layers will be taken apart
    return Flow("input", tuple(axes), door.name, rows, whole=whole)


def _check_opset(model: Any) -> None:
    import onnx

    opsets = {one.domain: one.version for one in model.opset_import if one.domain in DOMAINS}
    version, highest = max(opsets.values(), default=0), onnx.defs.onnx_opset_version()
    if not LOWEST_OPSET <= version <= highest:
        raise FormatError(
            f"the model is of opset {version}; {LOWEST_OPSET} to {highest} are read: export it anew"
        )


def network_of(graph: Graph, *, loss: str | None, on: Mapping[str, Any]) -> Network:
    """Return the network of a graph. Raises: FormatError, NumericError."""
    layers, (source, said) = graph.layers, _source(graph)
    first, top = layers[0], layers[-1]
    both, width = len(top.places), top.places[0]["W"].shape[1]
    V = graph.head.V
    tables: dict[str, Array] = {}
    if V is None:
        V = np.eye(both * width, dtype=top.places[0]["W"].dtype)  # the outputs are the states
    c = np.zeros(len(V), V.dtype) if graph.head.c is None else graph.head.c
    tables |= {"head.V": V, "head.c": c}
    embedded = first.reads.what == "embedded"
    if embedded:
        tables["embedding.E"] = first.reads.items[0]
    one_hot = (first.reads.items or (0,))[0]
    reads: dict[str, int] = {"embedded": len(tables.get("embedding.E", ())), "one_hot": one_hot}
    head = loss or said or ("softmax" if graph.head.V is not None else "squared")
    spec = Spec(
        cell=top.cell.name,
        activation=top.cell.activation,
        input_size=reads.get(first.reads.what) or first.places[0]["U"].shape[1],
        hidden_size=tuple(layer.places[0]["W"].shape[1] for layer in layers),
        output_size=len(V) // heads.find(head).width,
        num_layers=len(layers),
        dtype=str(top.places[0]["W"].dtype),
        bidirectional=both == 2,
        embedding_size=tables["embedding.E"].shape[1] if embedded else None,
        readout=_readout(source, graph),
        head=head,
    )
    for place, own in zip(spec.places(), (one for layer in layers for one in layer.places), strict=True):
        tables |= {f"{place}.{name}": part for name, part in own.items()}
    return assembled(spec, tables, on)


def assembled(spec: Spec, tables: Mapping[str, Array], on: Mapping[str, Any]) -> Network:
    """Return the network of a spec with these parameters. Raises: FormatError, NumericError."""
    for name, shape in spec.layout().items():
        part = tables.get(name)
        if part is None or part.shape != shape or part.dtype != spec.dtype:
            came = "missing" if part is None else f"{part.dtype} {part.shape}"
            raise FormatError(f"{name} is {came}; expected {spec.dtype} {shape}")
        if not np.isfinite(part).all():
            raise NumericError(f"{name} holds numbers that are not finite")
    flat = np.concatenate([tables[name].reshape(-1) for name in spec.layout()])
    return Network.from_spec(spec, flat, **on)


def _source(graph: Graph) -> tuple[Flow, str]:
    """Return what the head reads (without one, what goes out), and what the outputs are called."""
    flows = [flow for flow in graph.outputs.values() if flow.what == "y"]
    names = {flow.said.removeprefix("log_") for flow in flows} - {""}
    if len(names) > 1 or any(flow.biased != (graph.head.c is not None) for flow in flows):
        raise FormatError(
            "outputs of the graph contradict each other: with and without c, or softmax and sigmoid"
        )
    if flows:
        return flows[0].items[0], next(iter(names), "")
    if graph.head.V is not None:
        raise FormatError("no output of the graph comes from its last matrix product, V h + c")
    for what in ("hidden", "state"):
        for flow in graph.outputs.values():
            if flow.what == what and (what == "hidden" or flow.origin == "h"):
                return flow, ""
    raise FormatError("no output of the graph comes from its last layer")


def _readout(source: Flow, graph: Graph) -> str:
    """Return which steps the head reads. Raises: FormatError for what is no readout of elman."""
    number, top = len(graph.layers) - 1, graph.layers[-1]
    both = len(top.places)
    features = after(top, number)[0].axes
    if source.what == "state":
        whole = axis("P", both) + features[3]
        items = tuple((number, direction) for direction in range(both))
        if (source.origin, source.items, source.axes[-1]) == ("h", items, whole):
            return "last"
        raise FormatError("the head reads a part of the state that is not all of the last layer's h")
    if source.items != (number,) or source.axes[-1] != features[1] + features[3]:
        raise FormatError("the head reads outputs that are not all of the last layer's")
    if not source.last:
        return "every"
    if both == 2:
        raise FormatError(
            "the head reads the last step of a bidirectional layer, where its backward half has seen one "
            "step; elman's readout 'last' takes each direction where it ends"
        )
    if top.lengths:
        raise FormatError(
            "the head reads the last step of rows of unequal lengths; take the state after, Y_h"
        )
    return "last"
