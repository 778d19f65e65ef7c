"""How wrong an answer is: each check returns one number.

So that test_mutants.py can demand that it be large when a fault is planted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from cases import TOLERANCE, Answers, Array, Case, named, pack, row, rows, steps, unpack
from elman import Batch, Network, bptt, gradcheck
from elman.states import State, each

SHARE = 0.7  # of a batch's loss beside the gradient that reaches its final state
EPSILON = 3e-6  # small beside the spread of a row that layer normalization divides by


def distance(came: Array, expected: Array) -> float:
    """The worst difference, in units of the largest expected entry; infinite for NaN, or another shape."""
    came, expected = np.asarray(came), np.asarray(expected)
    if came.shape != expected.shape or np.isnan(came).any():
        return float("inf")
    difference = np.abs(came - expected).max(initial=0.0)
    return float(difference / np.abs(expected).max(initial=1e-300)) if difference else 0.0


def worst(came: Answers, expected: Answers) -> float:
    assert came.keys() == expected.keys()
    return max(distance(came[name], expected[name]) for name in expected)


def slope_error(case: Case, loss: Callable[[Case], float], gradient: Array, *, along: int | None) -> float:
    """A gradient of the parameters (and, behind them, of the start) against central differences of the loss.

    Of every entry, or `along` so many random directions within each array: there a wrong entry shows as well,
    and a network of a thousand entries is checked in some dozens.
    """
    flat = case.network.parameters.flat
    everything = np.concatenate([flat, pack(case.state)])[: len(gradient)]
    sections = [view.size for view in case.network.parameters.views.values()]
    if len(gradient) > len(flat):
        sections += [s.size for place in case.state or () for s in place]
    directions = np.eye(len(everything)) if along is None else _directions(sections, along)

    def moved(far: Array) -> float:
        here = everything + directions @ far
        flat[:] = here[: len(flat)]
        start = unpack(here[len(flat) :], like=case.state) if len(here) > len(flat) else case.state
        return loss(replace(case, state=start))

    error = gradcheck(moved, np.zeros(directions.shape[1]), directions.T @ gradient, epsilon=EPSILON)
    flat[:] = everything[: len(flat)]
    return error


def _directions(sections: Sequence[int], along: int) -> Array:
    """Directions of length 1 as columns, each within one section."""
    generator, columns = np.random.default_rng(len(sections)), []
    for start, stop in pairwise(np.cumsum([0, *sections])):
        part = np.zeros((sum(sections), min(along, stop - start)))
        part[start:stop] = generator.standard_normal((stop - start, part.shape[1]))
        columns.append(part / np.linalg.norm(part, axis=0))
    return np.concatenate(columns, axis=1)


def gradient_error(case: Case, *, along: int | None = None) -> float:
    """Backward against central differences, of every parameter and the initial state.

    The loss is Σ y dy + Σ state dstate: random gradients reach every output and the final state.
    """
    _, _, tapes = case.forward()
    flat, dstart = case.network.backward(case.dy, tapes, case.dstate)

    def loss(moved: Case) -> float:
        y, finish = moved.run()
        return float((y * case.dy).sum() + pack(finish) @ pack(case.dstate))

    start = () if case.state is None else dstart
    return slope_error(case, loss, np.concatenate([flat, pack(start)]), along=along)


def differentiate_error(case: Case, *, along: int | None = None) -> float:
    """Loss and gradients of a batch in one, a share of the loss beside the gradient of the final state."""

    def answer(moved: Case) -> Any:
        options: dict[str, Any] = {"noise": case.noise, "dstate": case.dstate, "share": SHARE}
        return case.network.differentiate(case.batch, moved.state, **options)

    def loss(moved: Case) -> float:
        loss, _, finish, _ = answer(moved)
        return SHARE * float(loss) + float(pack(finish) @ pack(case.dstate))

    _, flat, _, dstart = answer(case)
    start = () if case.state is None else dstart
    return slope_error(case, loss, np.concatenate([flat, pack(start)]), along=along)


def loss_gradient_error(
    case: Case,
    method: Callable[..., tuple[float, Array, State]],
    *,
    along: int | None = None,
    **options: int,
) -> float:
    """A function of bptt against central differences of its own loss."""

    def answer(moved: Case) -> tuple[float, Array, State]:
        return method(moved.network, moved.batch, moved.state, noise=moved.noise, **options)

    return slope_error(case, lambda moved: answer(moved)[0], answer(case)[1], along=along)


def truncated_error(case: Case, window: int, *, along: int | None = None) -> float:
    """bptt.truncated against central differences of the windows' losses, their starts held fixed."""
    network, total, parts, state = case.network, case.batch.total, list[Case](), case.state
    for start in range(0, len(case.dy), window):
        parts.append(steps(case, start, min(start + window, len(case.dy)), state))
        state = parts[-1].run()[1]

    def loss(_: Case) -> float:
        losses = (bptt.full(network, p.batch, p.state, noise=p.noise)[0] for p in parts)
        return sum(loss * p.batch.total / total for loss, p in zip(losses, parts, strict=True))

    value, gradient, finish = bptt.truncated(network, case.batch, case.state, noise=case.noise, window=window)
    error = slope_error(case, loss, gradient, along=along)
    return max(error, abs(value - loss(case)), distance(pack(finish), pack(state)))


def chunks_error(case: Case, cuts: Sequence[int]) -> float:
    """A run in parts, the state handed on, against the whole."""
    edges, state, parts = [0, *cuts, len(case.dy)], case.state, []
    for start, stop in pairwise(edges):
        y, state = steps(case, start, stop, state).run()
        parts.append(y)
    whole, finish = case.run()
    assert state is not None
    came = {"y": np.concatenate(parts), **named("state", state)}
    return worst(came, {"y": whole, **named("state", finish)})


def alone_error(case: Case, *, batched: bool = False) -> float:
    """Every sequence in its batch against the same sequence alone: outputs, states and all gradients."""
    together = case.answers()
    alone = [row(case, b, batched=batched).answers() for b in range(len(case.dstate[0][0]))]

    def joined(name: str) -> Array:
        whole = np.zeros_like(together[name])  # y past a row's end, too
        for b, part in enumerate(answers[name] for answers in alone):
            place = whole[: len(part), b] if name == "y" and case.every else whole[b]
            place[...] = part.reshape(place.shape)
        return whole

    came = {name: joined(name) for name in together if name != "gradient"}
    came["gradient"] = np.sum([answers["gradient"] for answers in alone], axis=0)
    return worst(came, together)


def first_rows_error(case: Case, many: int) -> float:
    """The first rows of a batch against a batch of them alone: noise is a row's own, wherever it lies."""

    def first(a: Array) -> Array:
        return np.where(np.arange(a.shape[-2])[:, None] < many, a, 0)

    together = replace(case, dy=first(case.dy), dstate=each(case.dstate, first)).answers()
    came = {name: a if name == "gradient" else a[..., :many, :] for name, a in together.items()}
    return worst(came, rows(case, slice(0, many)).answers())


def pieces_error(case: Case) -> float:
    """Rows that begin again against their pieces, run one by one: outputs, last states and the gradient.

    Read backward, the last piece begins with the state that was given, and the first has the last word.
    """
    assert case.reset is not None
    own, whole, errors = case.network.init_state(), case.answers(), list[float]()
    gradients = case.network.parameters.like(whole["gradient"])
    total = gradients.like(np.zeros_like(gradients.flat))
    backward = [place % case.network.spec.directions for place in range(len(own))]
    for b in range(len(case.dstate[0][0])):
        single = row(case, b)
        edges = [0, *(np.flatnonzero(single.reset[1:]) + 1), len(single.dy)]
        for start, stop in pairwise(edges):
            begins, ends = start == 0, stop == edges[-1]
            first = [ends if way else begins and not single.reset[:1].any() for way in backward]
            last = [begins if way else ends for way in backward]
            piece = steps(single, start, stop, _where(first, single.state or own, own))
            dstate = _where(last, single.dstate, each(own, np.zeros_like))
            came = replace(piece, reset=None, dstate=dstate).answers()
            total.flat[:] += came["gradient"]
            errors.append(distance(came["y"], whole["y"][start:stop, b]))
            for place in np.flatnonzero(last):
                names = [name for name in came if name.startswith(f"state.{place}.")]
                errors += [distance(came[name], whole[name][b]) for name in names]
    weights = [
        name for name in total if name[-2:] not in ("h0", "s0")
    ]  # a start that is given is not learned
    return max(*errors, *(distance(total[name], gradients[name]) for name in weights))


def _where(chosen: Sequence[bool], these: State, those: State) -> State:
    """For each place these states, or those."""
    return tuple(a if take else b for take, a, b in zip(chosen, these, those, strict=True))


def checkpoints_error(case: Case, window: int = 2) -> float:
    """bptt.checkpointed against bptt.full: loss, gradient and state."""
    answers = []
    for method, options in ((bptt.checkpointed, {"window": window}), (bptt.full, {})):
        loss, gradient, state = method(case.network, case.batch, case.state, noise=case.noise, **options)
        answers.append({"loss": np.array(loss), "gradient": gradient, "state": pack(state)})
    return worst(*answers)


def parity_errors(golden: dict[str, Any], dtype: str = "float64") -> dict[str, float]:
    """Another library's numbers against ours: loss, outputs, final state and every gradient (d...).

    States lie as "S P B H": one array for each name, in it one for each layer and direction.
    """
    network = Network(dtype=dtype, **golden["sizes"])
    given = {name: np.array(value) for name, value in golden["given"].items()}
    for name in network.parameters:
        network.parameters[name][:] = golden["parameters"][name]
    start, dstate = (tuple(zip(*given[name].astype(dtype), strict=True)) for name in ("state", "dstate"))
    lengths = given.get("lengths")
    y, _ = network.run(given["x"], start, lengths)
    batch = Batch(given["x"], given["targets"], lengths)
    loss, flat, state, dstart = network.differentiate(batch, start, dstate=dstate)
    came = {"y": y, "loss": np.array(loss)}
    came |= {"state": np.array(list(zip(*state, strict=True)))}
    came |= {"dstart": np.array(list(zip(*dstart, strict=True)))}
    came |= {f"d{name}": view for name, view in network.parameters.like(flat).views.items()}
    return {name: distance(came[name], np.array(value)) for name, value in golden["expected"].items()}


def parity_error(golden: dict[str, Any], dtype: str = "float64") -> float:
    """The worst of them, in units of what is tolerated: 1 is too much."""
    errors, forward = parity_errors(golden, dtype), ("y", "loss", "state")
    tolerated = {name: TOLERANCE.parity if name in forward else TOLERANCE.parity_gradient for name in errors}
    return max(error / tolerated[name][dtype] for name, error in errors.items())
