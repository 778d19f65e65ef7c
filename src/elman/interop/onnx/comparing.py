"""A graph of another writer and the network that was read from it, run side by side."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from elman import heads
from elman.interop.checking import BOUNDS, ROWS, STEPS, Checked, difference, judged, random_state
from elman.network import Network
from elman.numerics import Array, generator
from elman.states import State

from .layers import Layer
from .reading import Graph
from .running import session
from .values import Axis, Factor, Flow

LARGEST = 1 << 24  # numbers of an input, where the graph says how many


def check_graph(network: Network, graph: Graph, data: bytes) -> Checked:
    """Compare a graph with its network. Raises: NumericError when they differ."""
    bound = BOUNDS[network.spec.dtype]
    run_there, kind = session(data, network)
    first = graph.layers[0]
    cases = list(_cases(first, network))
    if run_there is None or not cases:
        return Checked(
            kind if cases else "not run: the graph is of a fixed size, and that is large", math.nan, bound
        )
    draw, largest, compared = generator(0, "sampling"), 0.0, set()
    for steps, rows in cases:
        x = draw.integers(network.spec.input_size, size=(steps, rows))
        if first.reads.what == "input":
            x = draw.normal(size=(steps, rows, network.spec.input_size)).astype(network.spec.dtype)
        state = random_state(network, draw, rows)
        named, state = _feeds(network, graph, x, state)
        found = run_there(named)
        y, after = network.run(x, state)
        for name, flow in graph.outputs.items():
            ours = _expected(network, flow, graph, y, after)
            if ours is not None:
                compared.add(name)
                largest = max(largest, difference(ours, found[name]))
    if not compared:
        return Checked(
            "not compared: no output of the graph is one of the network, as it is", math.nan, bound
        )
    what = f"{', '.join(sorted(compared))} of {len(cases)} runs, {kind}"
    return judged(Checked(what, largest, bound))


def _cases(first: Layer, network: Network) -> Iterator[tuple[int, int]]:
    """Yield the steps and rows of runs: as many as the graph says, else more and fewer."""
    seen = set()
    for steps, rows in ((STEPS, ROWS), (STEPS, 1), (1, ROWS), (1, 1)):
        case = _count(first.time, steps), _count(first.batch, rows)
        if case not in seen and math.prod(case) * max(network.spec.reads, network.spec.y_size) <= LARGEST:
            yield case
        seen.add(case)


def _count(one: Axis, free: int) -> int:
    if not one:
        return 1
    return free if one[0].size is None else one[0].size


def _feeds(network: Network, graph: Graph, x: Array, state: State) -> tuple[dict[str, Array], State]:
    """Return the inputs of the graph, and the state that they give (zeros where the graph begins so)."""
    first, named = graph.layers[0], dict[str, Array]()
    kinds = {6: np.int32, 7: np.int64, 1: np.float32, 11: np.float64}
    for name, door in graph.inputs.items():
        kind = kinds[door.type.tensor_type.elem_type]
        if name == first.reads.origin:
            rank = len(door.type.tensor_type.shape.dim)
            order = _input_order(first, name, rank)
            named[name] = x.transpose([*order, *range(2, rank)]).astype(kind)
        elif name == first.lengths:
            named[name] = np.full(x.shape[1], x.shape[0], kind)
    stacks, value = _states(network, graph, state)
    return named | stacks, value


def _input_order(first: Layer, name: str, rank: int) -> tuple[int, int]:
    """Return which of (T, B) each of the first two axes of the input is."""
    batch_first = first.batch == (Factor(f"{name}.0", _size(first.batch)),)
    batch_first |= first.time == (Factor(f"{name}.1", _size(first.time)),)
    return (1, 0) if batch_first else (0, 1)


def _size(one: Axis) -> int | None:
    return one[0].size if one else None


def _states(network: Network, graph: Graph, state: State) -> tuple[dict[str, Array], State]:
    """Return the states under the names of their inputs, and as a value, zeros where nothing comes in."""
    named, value = dict[str, dict[int, Array]](), []
    both = network.spec.directions
    for k, place in enumerate(state):
        flows = zip(graph.layers[k // both].states, place, strict=True)
        value.append(tuple(_state(flow, part, k % both, named) for flow, part in flows))
    stacks = {name: np.stack([parts[k] for k in sorted(parts)]) for name, parts in named.items()}
    return stacks, tuple(value)


def _state(flow: Flow | None, part: Array, direction: int, named: dict[str, dict[int, Array]]) -> Array:
    """Return where a direction of a layer begins: what its input was given already, or now is."""
    if flow is None:
        return np.zeros_like(part)
    item = flow.items[direction] if flow.items else direction
    return named.setdefault(flow.origin, {}).setdefault(item, part)


def _expected(network: Network, flow: Flow, graph: Graph, y: Array, after: State) -> Array | None:
    """Return what an output of the graph should be, its axes in the graph's order; None: not compared."""
    factors, first = [factor for one in flow.axes for factor in one], graph.layers[0]
    both = network.spec.directions
    if flow.what == "state":
        k = network.machine.layers.cell.states.index(flow.origin)
        ours = np.stack([after[layer * both + direction][k] for layer, direction in flow.items])
        kinds = {"P": 0, "H": 2} | {factor.role: 1 for factor in first.batch}
    elif flow.what == "y":
        ours = {"softmax": _softmax, "log_softmax": _log_softmax, "sigmoid": _sigmoid}.get(flow.said, _same)(
            y
        )
        kinds = {factor.role: ours.ndim - 2 for factor in first.batch} | {"O": ours.ndim - 1}
        kinds |= {factor.role: 0 for factor in first.time} if ours.ndim == 3 else {}
    elif graph.head.V is None and flow.items == (len(graph.layers) - 1,) and y.ndim == 3 and not flow.last:
        ours = y.reshape(*y.shape[:2], both, -1)  # without a head the outputs are the states
        kinds = {factor.role: k for k, one in enumerate((first.time, first.batch)) for factor in one}
        kinds |= {"D": 2, "H": 3}
    else:
        return None
    order = [kinds[factor.role] for factor in factors if factor.role in kinds]
    if len(order) != len(factors):
        return None
    rest = [k for k in range(ours.ndim) if k not in order]
    if any(ours.shape[k] != 1 for k in rest):
        return ours  # of another shape: infinitely different
    sizes = [math.prod(ours.shape[kinds[factor.role]] for factor in one) for one in flow.axes]
    return ours.transpose([*rest, *order]).reshape(sizes)


def _same(y: Array) -> Array:
    return y


def _softmax(y: Array) -> Array:
    return heads.find("softmax").outputs(y)


def _log_softmax(y: Array) -> Array:
    logs: Array = np.log(_softmax(y.astype(np.float64)))
    return logs


def _sigmoid(y: Array) -> Array:
    return heads.find("sigmoid").outputs(y)
