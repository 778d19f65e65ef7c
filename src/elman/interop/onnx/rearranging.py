"""The operators that rearrange whole values: what each makes of numbers, shapes and what flows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from .node import Node
from .values import (
    Factor,
    Flow,
    Known,
    Shape,
    Size,
    Value,
    axis,
    plain_numbers,
    reshaped,
    tensor_array,
    whole_numbers,
)


def _constant(node: Node) -> Value:
    if len(node.attributes) != 1:
        raise node.refuse("expected one attribute, its value")
    ((name, value),) = node.attributes.items()
    return Known(tensor_array(value) if name == "value" else np.asarray(value, np.int64))


def _same(node: Node) -> Value:
    value = node.input(0)
    if value is None:
        raise node.refuse("nothing comes in")
    return value


def _dropout(node: Node) -> Value:
    if node.input(2) is not None and node.known(2).any():
        raise node.refuse("in training mode; export the model in evaluation mode")
    return _same(node)


def _cast(node: Node) -> Value:
    value = _same(node)
    whole = node.attributes.get("to") in (6, 7)  # int32, int64
    if isinstance(value, Known):
        if not whole or value.numbers.dtype.kind not in "iu":
            raise node.refuse("of weights to another type is not read")
        return value
    if isinstance(value, Flow) and value.whole != whole:
        raise node.refuse("between symbols and numbers is not read")
    return value


def _shape(node: Node) -> Value:
    value = node.input(0)
    sizes = (
        node.flow().shape().sizes if not isinstance(value, Known) else tuple(map(Size, value.numbers.shape))
    )
    return Shape(sizes[node.attributes.get("start", 0) : node.attributes.get("end", len(sizes))])


def _constant_of_shape(node: Node) -> Value:
    value = node.attributes.get("value")
    if value is not None and tensor_array(value).any():
        raise node.refuse("of other numbers than zeros is not read")
    return _zeros(whole_numbers(node.input(0), node.where))


def _zeros(sizes: Sequence[Size]) -> Flow:
    axes = tuple(
        tuple(Factor(name) for name in size.free) + axis("P" if k == 0 else "zeros", size.number)
        for k, size in enumerate(sizes)
    )
    return Flow("zeros", axes)


def _expand(node: Node) -> Value:
    value = node.input(0)
    if isinstance(value, Known) and not value.numbers.any():
        return _zeros(whole_numbers(node.input(1), node.where))
    if isinstance(value, Flow) and value.what == "zeros":
        return _zeros(whole_numbers(node.input(1), node.where))
    raise node.refuse("of other numbers than zeros is not read")


def _transpose(node: Node) -> Value:
    value = _same(node)
    rank = value.numbers.ndim if isinstance(value, Known) else len(node.flow().axes)
    order = list(node.attributes.get("perm", range(rank)[::-1]))
    if sorted(order) != list(range(rank)):
        raise node.refuse(f"perm {order[:8]} of {rank} axes")
    if isinstance(value, Known):
        return Known(value.numbers.transpose(order))
    flow = node.flow()
    return replace(flow, axes=tuple(flow.axes[k] for k in order))


def _squeeze(node: Node) -> Value:
    value = _same(node)
    if isinstance(value, Shape):
        return replace(value, row=False)
    which = None if node.input(1) is None else plain_numbers(node.input(1), node.where)
    sizes = value.numbers.shape if isinstance(value, Known) else value.axes
    ones = {k for k, one in enumerate(sizes) if one in (1, ())}
    gone = ones if which is None else {node.place(k, len(sizes)) for k in which}
    if not gone <= ones:
        raise node.refuse("of an axis that is not 1")
    if isinstance(value, Known):
        return Known(value.numbers.squeeze(tuple(gone)))
    return replace(value, axes=tuple(one for k, one in enumerate(value.axes) if k not in gone))


def _unsqueeze(node: Node) -> Value:
    value = _same(node)
    which = plain_numbers(node.input(1), node.where)
    if isinstance(value, Shape):
        return replace(value, row=True)
    if isinstance(value, Known):
        return Known(np.expand_dims(value.numbers, tuple(which)))
    flow = node.flow()
    rank = len(flow.axes) + len(which)
    new, olds = {node.place(k, rank) for k in which}, iter(flow.axes)
    return replace(flow, axes=tuple(() if k in new else next(olds) for k in range(rank)))


def _reshape(node: Node) -> Value:
    value, target = _same(node), whole_numbers(node.input(1), node.where)
    if isinstance(value, Known):
        return Known(value.numbers.reshape(plain_numbers(node.input(1), node.where)))
    if node.attributes.get("allowzero") and Size(0) in target:
        raise node.refuse("to an axis of size 0")
    return reshaped(node.flow(), target, node.where)


OPERATORS: dict[str, Callable[[Node], Value | tuple[Value, ...]]] = {
    "Constant": _constant,
    "Identity": _same,
    "Dropout": _dropout,
    "Cast": _cast,
    "Shape": _shape,
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Reshape": _reshape,
}
