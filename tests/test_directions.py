"""Layers upon layers and both ways: a network against smaller ones put together by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from cases import TOLERANCE, Array, Case, named, random_case
from checks import distance, worst
from elman import Network
from elman.cells import CELLS
from elman.circumstances import Circumstances
from elman.states import State

LAW = TOLERANCE.law["float64"]
RAGGED = (0, 3, 5, 1)
STACKS: dict[str, dict[str, Any]] = {
    "one, both ways": {"bidirectional": True, "H": 5},
    "two widths": {"layers": 2, "H": (7, 5)},
    "three, both ways": {"layers": 3, "H": (3, 5, 2), "bidirectional": True},
    "with options": {"layers": 2, "H": (7, 5), "bidirectional": True, "layer_norm": True, "zoneout": 0.2},
}
CASES = {
    "-".join([*cell, stack, "dense" if dense else "symbols", "ragged" if lengths else "whole"]): random_case(
        cell, T=5, B=4, I=3, O=6, dense=dense, lengths=lengths, **STACKS[stack]
    )
    for cell, stack, dense, lengths in product(CELLS, STACKS, (True, False), (None, RAGGED))
}
BOTH_WAYS = {name: case for name, case in CASES.items() if "one, both ways" in name}
every_stack = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
every_both_ways = pytest.mark.parametrize("case", BOTH_WAYS.values(), ids=BOTH_WAYS)


def alone(network: Network, place: int) -> Network:
    """One layer in one direction as a network of its own, whose output is its hidden state."""
    spec, name = network.spec, network.spec.places()[place]
    own = {key: view for key, view in network.parameters.views.items() if key.rpartition(".")[0] == name}
    width = spec.place_widths()[place]
    sizes = {"input_size": own[f"{name}.U"].shape[1], "hidden_size": width, "output_size": width}
    options = {"activation": spec.activation, "layer_norm": spec.layer_norm, "zoneout": spec.zoneout}
    single = Network(spec.cell, dtype=spec.dtype, **sizes, **options)
    for key, view in own.items():
        single.parameters[key.replace(name, "layers.0")][:] = view
    single.parameters["head.V"][:], single.parameters["head.c"][:] = np.eye(width), 0
    return single


def turned(a: Array, lengths: Array | None) -> Array:
    """Every row backward, up to its end."""
    a = a.copy()
    for b in range(a.shape[1]):
        end = len(a) if lengths is None else lengths[b]
        a[:end, b] = a[:end, b][::-1]
    return a


def inside(y: Array, lengths: Array | None) -> Array:
    """The same, zero past each row's end."""
    return y if lengths is None else np.where((np.arange(len(y))[:, None] < lengths)[..., None], y, 0)


def by_hand(case: Case) -> tuple[Array, State]:
    """Run every place by itself, one on the other."""
    both, finish, h = case.network.spec.directions, list[Any](), case.x
    for k in range(case.network.spec.num_layers):
        outputs = []
        for place in range(k * both, (k + 1) * both):
            x = turned(h, case.lengths) if place % both else h
            y, last = alone(case.network, place).run(x, (case.state[place],), case.lengths)
            outputs.append(turned(y, case.lengths) if place % both else y)
            finish += last
        h = np.concatenate(outputs, axis=-1)
    y = h @ case.network.parameters["head.V"].T + case.network.parameters["head.c"]
    return inside(y, case.lengths), tuple(finish)


@every_stack
def test_a_stack_is_layers_one_on_the_other(case: Case) -> None:
    (y, state), (right, finish) = case.run(), by_hand(case)
    assert worst({"y": y, **named("s", state)}, {"y": right, **named("s", finish)}) < LAW


@every_both_ways
def test_a_backward_layer_is_a_forward_layer_on_reversed_input(case: Case) -> None:
    """Each direction has the gradients of a network of its own, whose outputs are half of what is read."""
    answers, network, lengths = case.answers(), case.network, case.lengths
    dh = case.dy @ network.parameters["head.V"]
    came = network.parameters.like(answers["gradient"])
    for place, name in enumerate(network.spec.places()):
        half = dh[..., place * 5 : (place + 1) * 5]
        x, half = (turned(a, lengths) if place else a for a in (case.x, half))
        own = alone(network, place)
        _, _, tapes = own.forward(x, (case.state[place],), lengths)
        flat, (dstart,) = own.backward(half, tapes, (case.dstate[place],))
        right = own.parameters.like(flat)
        for key in ("U", "W", "b", "d"):
            if f"layers.0.{key}" in right:
                assert distance(came[f"{name}.{key}"], right[f"layers.0.{key}"]) < LAW, key
        for k, d in enumerate(dstart):
            assert distance(answers[f"dstart.{place}.{k}"], d) < LAW


@every_both_ways
def test_reversed_input_exchanges_the_directions(case: Case) -> None:
    """With the weights exchanged, too, the same comes out the other way round."""
    network, (y, state) = case.network, case.run()
    mirror = Network.from_spec(network.spec, network.parameters.flat)
    for key, view in network.parameters.views.items():
        there = key.replace("layers.0.", "layers.0.reverse.").replace(".reverse.reverse", "")
        mirror.parameters[there][:] = np.roll(view, 5, axis=1) if key == "head.V" else view
    x = turned(case.x, case.lengths)
    other, finish = replace(case, network=mirror, x=x, state=case.state[::-1]).run()
    came = {"y": turned(other, case.lengths), **named("s", finish[::-1])}
    assert worst(came, {"y": y, **named("s", state)}) < LAW


@pytest.mark.parametrize("cell", CELLS, ids="-".join)
@pytest.mark.parametrize("lengths", [None, RAGGED], ids=["whole", "ragged"])
def test_the_last_state_is_of_each_direction_its_own(cell: tuple[str, str], lengths: Any) -> None:
    """Forward at the row's true end, backward at its beginning: where each has read all."""
    sizes: dict[str, Any] = {"T": 5, "B": 4, "I": 3, "H": 7, "O": 6, "layers": 2, "bidirectional": True}
    case = random_case(cell, lengths=lengths, readout="last", **sizes)
    y, state = case.run()
    r = np.concatenate([state[-2][0], state[-1][0]], axis=-1)
    expected = r @ case.network.parameters["head.V"].T + case.network.parameters["head.c"]
    assert distance(y, expected) < LAW


@pytest.mark.parametrize("cell", CELLS, ids="-".join)
def test_each_direction_has_read_all_at_its_end(cell: tuple[str, str]) -> None:
    """A change at the far end is seen in both final states, and one past the end in none."""
    case = random_case(cell, T=6, lengths=(4, 4, 4), bidirectional=True)
    _, state = case.run()
    for step, seen in ((0, True), (3, True), (4, False), (5, False)):
        x = case.x.copy()
        x[step] += 1
        _, other = replace(case, x=x).run()
        assert all((a[0] != b[0]).any() == seen for a, b in zip(state, other, strict=True))


@pytest.mark.parametrize("lengths", [None, np.array(RAGGED)], ids=["whole", "ragged"])
def test_turning_twice_gives_it_back(lengths: Array | None) -> None:
    case = random_case(T=5, B=4)
    met = Circumstances(4, case.state, lengths=lengths, steps=5)
    assert np.array_equal(met.turned(case.x), turned(case.x, lengths))
    assert np.array_equal(met.turned(met.turned(case.x)), case.x)
