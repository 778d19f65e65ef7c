"""The operators that take parts or join some: rows of an embedding, layers of a state, the last step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .node import Node
from .values import Axis, Flow, Known, Shape, Value, axis, plain_numbers, size_of, whole_numbers


def _gather(node: Node) -> Value:
    data, index = node.input(0), node.input(1)
    if isinstance(data, Known) and isinstance(index, Flow):
        if data.numbers.ndim != 2 or index.what != "input" or not index.whole or node.axis(2) != 0:
            raise node.refuse("expected rows of a matrix, chosen by symbols")
        width = axis("E", data.numbers.shape[1])
        return replace(index, what="embedded", axes=(*index.axes, width), items=(data.numbers,))
    chosen = plain_numbers(index, node.where)
    row = index.numbers.ndim > 0 if isinstance(index, Known) else isinstance(index, Shape) and index.row
    if isinstance(data, Shape):
        sizes = tuple(data.sizes[node.place(k, len(data.sizes))] for k in chosen)
        return Shape(sizes, row)
    flow = node.flow()
    at = node.axis(len(flow.axes))
    if len(chosen) != 1:
        raise node.refuse("of several places is not read")
    cut = _cut(node, flow, at, chosen[0], None)
    return cut if row else replace(cut, axes=cut.axes[:at] + cut.axes[at + 1 :])


def _slice(node: Node) -> Value:
    data = node.input(0)
    starts, ends = (plain_numbers(node.input(k), node.where) for k in (1, 2))
    rank = 1 if isinstance(data, Shape) else len(node.flow().axes)
    axes = [*range(len(starts))] if node.input(3) is None else plain_numbers(node.input(3), node.where)
    steps = [1] * len(starts) if node.input(4) is None else plain_numbers(node.input(4), node.where)
    if not len(starts) == len(ends) == len(axes) == len(steps) == 1 or steps != [1]:
        raise node.refuse("expected a cut along one axis, step 1")
    if isinstance(data, Shape):
        return Shape(data.sizes[starts[0] : ends[0]])
    return _cut(node, node.flow(), node.place(axes[0], rank), starts[0], ends[0])


def _split(node: Node) -> tuple[Value, ...]:
    flow = node.flow()
    at = node.axis(len(flow.axes))
    size = size_of(flow.axes[at])
    parts = node.outputs
    if size.free or not parts or size.number % parts:
        raise node.refuse("into unequal or unknown parts is not read")
    each = size.number // parts
    if node.input(1) is not None and plain_numbers(node.input(1), node.where) != [each] * parts:
        raise node.refuse("into unequal parts is not read")
    return tuple(_cut(node, flow, at, k * each, (k + 1) * each) for k in range(parts))


def _cut(node: Node, flow: Flow, at: int, start: int, stop: int | None) -> Flow:
    """Return a part of what flows along an axis: some layers of a state, or the last step."""
    one, size = flow.axes[at], size_of(flow.axes[at])
    if not one and start in (0, -1):
        return flow
    if [factor.role for factor in one] == [_counting(flow)] and one[0].size:
        numbers = range(one[0].size)[start:stop] if stop is not None else range(one[0].size)[start:][:1]
        items = tuple(flow.items[k] for k in numbers) if flow.items else ()
        return replace(flow, items=items, axes=_put(flow, at, axis(one[0].role, len(numbers))))
    ends = stop is None or (stop >= size.number if not size.free else stop >= 1 << 31)
    last = start == -1 or (not size.free and start == size.number - 1)
    if flow.what == "hidden" and at == _time(flow) and last and ends:
        return replace(flow, last=True, axes=_put(flow, at, ()))
    raise node.refuse("expected layers of a state, or the last step of the outputs")


def _counting(flow: Flow) -> str:
    """Return the role of the axis whose rows are items, "" if there is none."""
    return {"input": f"{flow.origin}.0", "state": "P", "zeros": "P"}.get(flow.what, "")


def _time(flow: Flow) -> int:
    """Return which axis of the outputs of a layer is time, −1 if none."""
    roles = [[factor.role for factor in one] for one in flow.axes]
    return next((k for k, one in enumerate(roles) if one == [flow.origin]), -1)


def _put(flow: Flow, at: int, one: Axis) -> tuple[Axis, ...]:
    return (*flow.axes[:at], one, *flow.axes[at + 1 :])


def _concat(node: Node) -> Value:
    values = node.inputs
    if all(
        isinstance(value, Shape) or (isinstance(value, Known) and value.numbers.dtype.kind in "iu")
        for value in values
    ):
        return Shape(tuple(size for value in values for size in whole_numbers(value, node.where)))
    flows = [node.flow(k) for k in range(len(values))]
    if len(flows) == 1:
        return flows[0]
    first = flows[0]
    at = node.axis(len(first.axes))
    same = all(
        (one.what, one.origin, len(one.axes)) == ("state", first.origin, len(first.axes))
        and one.axes[:at] + one.axes[at + 1 :] == first.axes[:at] + first.axes[at + 1 :]
        for one in flows
    )
    if not same:
        raise node.refuse("expected states after layers, of one kind and size")
    items = tuple(item for one in flows for item in one.items)
    roles = [[factor.role for factor in one.axes[at]] for one in flows]
    if all(role in ([], ["P"]) for role in roles):
        return replace(first, items=items, axes=_put(first, at, axis("P", len(items))))
    if all(role == ["H"] for role in roles) and all(len(one.items) == 1 for one in flows):
        return replace(first, items=items, axes=_put(first, at, (*axis("P", len(items)), *first.axes[at])))
    raise node.refuse("along this axis is not read")


OPERATORS: dict[str, Callable[[Node], Value | tuple[Value, ...]]] = {
    "Gather": _gather,
    "Slice": _slice,
    "Split": _split,
    "Concat": _concat,
}
