"""The operators of symbols and of a head: one-hot rows, V h + c, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from elman.numerics import Array

from .node import Node
from .values import Flow, Known, Size, Value, axis, plain_numbers, size_of


def _one_hot(node: Node) -> Value:
    flow = node.flow()
    (depth,) = plain_numbers(node.input(1), node.where)
    if (
        node.known(2).tolist() != [0, 1]
        or not flow.whole
        or node.axis(len(flow.axes) + 1, -1) != len(flow.axes)
    ):
        raise node.refuse("expected rows of zeros with a one at the symbol")
    return replace(flow, what="one_hot", axes=(*flow.axes, axis("E", depth)), items=(depth,))


def _matmul(node: Node) -> Value:
    return _product(node, node.flow(0), node.known(1).T)


def _gemm(node: Node) -> Value:
    plain = {"alpha": 1.0, "beta": 1.0, "transA": 0}
    if any(node.attributes.get(name, one) != one for name, one in plain.items()):
        raise node.refuse("expected alpha 1, beta 1, transA 0")
    V = node.known(1) if node.attributes.get("transB") else node.known(1).T
    y = _product(node, node.flow(0), V)
    return y if node.input(2) is None else _biased(node, y, node.known(2))


def _product(node: Node, flow: Flow, V: Array) -> Flow:
    if node.head.V is not None:
        raise node.refuse("a second matrix product; a network has one head, V h + c")
    features = size_of(flow.axes[-1]) if flow.axes else Size(0)
    if flow.what not in ("hidden", "state") or V.ndim != 2 or features != Size(V.shape[1]):
        raise node.refuse(
            f"expected the outputs of the last layer by a matrix; {flow.what} by {list(V.shape)} came"
        )
    node.head.V = V
    return replace(flow, what="y", axes=(*flow.axes[:-1], axis("O", V.shape[0])), items=(flow,))


def _add(node: Node) -> Value:
    sides = node.input(0), node.input(1)
    flow, other = sides if isinstance(sides[0], Flow) else sides[::-1]
    if not isinstance(flow, Flow) or not isinstance(other, Known) or flow.what != "y" or flow.said:
        raise node.refuse("expected the head's product and its bias")
    return _biased(node, flow, other.numbers)


def _biased(node: Node, flow: Flow, c: Array) -> Flow:
    """Return the head's outputs with its bias, one number for each of them."""
    if node.head.c is not None:
        raise node.refuse("a second bias; a network has one head, V h + c")
    size = size_of(flow.axes[-1]).number
    if not _is_outputs(flow) or c.size != size or c.shape[-1:] not in ((size,), ()):
        raise node.refuse(
            f"expected a bias for each of {size} outputs, along the last axis; {list(c.shape)} came"
        )
    node.head.c = c.reshape(-1)
    return replace(flow, biased=True)


def _is_outputs(flow: Flow) -> bool:
    """Is the last axis that of the outputs, and nothing else?"""
    return [factor.role for factor in flow.axes[-1]] in (["O"], [])


def _said(name: str) -> Callable[[Node], Value]:
    def activation(node: Node) -> Value:
        flow = node.flow()
        along = name == "sigmoid" or node.axis(len(flow.axes), -1) == len(flow.axes) - 1
        if flow.what != "y" or flow.said or not along or not _is_outputs(flow):
            raise node.refuse("expected the head's outputs, along their last axis")
        return replace(flow, said=name)

    return activation


OPERATORS: dict[str, Callable[[Node], Value | tuple[Value, ...]]] = {
    "OneHot": _one_hot,
    "MatMul": _matmul,
    "Gemm": _gemm,
    "Add": _add,
    "Softmax": _said("softmax"),
    "LogSoftmax": _said("log_softmax"),
    "Sigmoid": _said("sigmoid"),
}
