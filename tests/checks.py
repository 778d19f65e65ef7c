"""How wrong an answer is: each check returns one number.

So that test_mutants.py can demand that it be large when a fault is planted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from cases import Answers, Array, Case, named, pack, row, steps, unpack
from elman import Network, bptt, gradcheck, heads
from elman.network import State


def distance(came: Array, expected: Array) -> float:
    """The worst difference, in units of the largest expected entry; infinite unless the shapes agree."""
    came, expected = np.asarray(came), np.asarray(expected)
    if came.shape != expected.shape:
        return float("inf")
    difference = np.abs(came - expected).max(initial=0.0)
    return float(difference / np.abs(expected).max(initial=1e-300)) if difference else 0.0


def worst(came: Answers, expected: Answers) -> float:
    assert came.keys() == expected.keys()
    return worst_of({name: distance(came[name], expected[name]) for name in expected})


def worst_of(errors: dict[str, float]) -> float:
    """The largest; infinite when one is NaN, which no comparison would see."""
    return float("inf") if np.isnan(list(errors.values())).any() else max(errors.values())


def gradient_error(case: Case) -> float:
    """Backward against central differences, of every parameter and the initial state.

    The loss is Σ y dy + Σ state dstate: random gradients reach every output and the final state.
    """
    network = case.network
    _, _, tapes = network.forward(case.x, case.state, case.lengths)
    flat, dstart = network.backward(case.dy, tapes, case.dstate)
    parameters = network.parameters.flat.copy()

    def loss(everything: Array) -> float:
        network.parameters.flat[:] = everything[: len(parameters)]
        y, finish = network.run(case.x, unpack(everything[len(parameters) :], like=case.state), case.lengths)
        return float((y * case.dy).sum() + pack(finish) @ pack(case.dstate))

    everything = np.concatenate([parameters, pack(case.state)])
    error = gradcheck(loss, everything, np.concatenate([flat, pack(dstart)]))
    network.parameters.flat[:] = parameters
    return error


def loss_gradient_error(
    case: Case, method: Callable[..., tuple[float, Array, State]], **options: int
) -> float:
    """A function of bptt against central differences of its own loss."""
    network = case.network
    _, gradient, _ = method(network, case.batch, case.state, **options)

    def loss(_: Array) -> float:
        return method(network, case.batch, case.state, **options)[0]

    return gradcheck(loss, network.parameters.flat, gradient)


def truncated_error(case: Case, window: int) -> float:
    """bptt.truncated against central differences of the windows' losses, their starts held fixed."""
    network, total = case.network, case.batch.count
    parts, state = [], case.state
    for start in range(0, len(case.x), window):
        parts.append(steps(case, start, min(start + window, len(case.x)), state))
        state = parts[-1].run()[1]

    def loss(_: Array) -> float:
        return sum(bptt.full(network, p.batch, p.state)[0] * p.batch.count / total for p in parts)

    value, gradient, finish = bptt.truncated(network, case.batch, case.state, window=window)
    error = gradcheck(loss, network.parameters.flat, gradient)
    return max(error, abs(value - loss(gradient)), distance(pack(finish), pack(state)))


def chunks_error(case: Case, cuts: Sequence[int]) -> float:
    """A run in parts, the state handed on, against the whole."""
    edges, state, parts = [0, *cuts, len(case.x)], case.state, []
    for start, stop in pairwise(edges):
        y, state = steps(case, start, stop, state).run()
        parts.append(y)
    whole, finish = case.run()
    came = {"y": np.concatenate(parts), **named("state", state)}
    return worst(came, {"y": whole, **named("state", finish)})


def alone_error(case: Case, *, batched: bool = False) -> float:
    """Every sequence in its batch against the same sequence alone: outputs, states and all gradients."""
    together, total, errors = case.answers(), np.zeros_like(case.network.parameters.flat), []
    for b in range(case.x.shape[1]):
        single = row(case, b, batched=batched)
        keep: Any = slice(b, b + 1) if batched else b
        alone, end = single.answers(), len(single.x)
        total += alone.pop("gradient")
        came = {name: a[keep] for name, a in together.items() if name not in ("y", "gradient")}
        errors.append(worst({"y": together["y"][:end, keep], **came}, alone))
        errors.append(float(np.abs(together["y"][end:, b]).max(initial=0.0)))
    return max(*errors, distance(together["gradient"], total))


def parity_errors(golden: dict[str, Any], dtype: str = "float64") -> dict[str, float]:
    """Another library's numbers against ours: loss, outputs, final state and every gradient (d...)."""
    sizes, given = golden["sizes"], {name: np.array(value) for name, value in golden["given"].items()}
    network = Network(dtype=dtype, **sizes)
    for name in network.parameters:
        network.parameters[name][:] = golden["parameters"][name]
    lengths = given.get("lengths")
    start, dstate = (tuple((layer.astype(dtype),) for layer in given[name]) for name in ("state", "dstate"))
    y, state, tapes = network.forward(given["x"], start, lengths)
    value, dy = heads.softmax.loss(y.copy(), given["targets"], lengths)
    flat, dstart = network.backward(dy, tapes, dstate)
    came = {"y": y, "loss": np.array(value), "state": np.array(state)[:, 0], "dstart": np.array(dstart)[:, 0]}
    came |= {f"d{name}": view for name, view in network.parameters.like(flat).views.items()}
    return {name: distance(came[name], np.array(value)) for name, value in golden["expected"].items()}


def parity_error(golden: dict[str, Any], dtype: str = "float64") -> float:
    return worst_of(parity_errors(golden, dtype))
