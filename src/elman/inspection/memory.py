"""How far back a changed input still changes what a network says.

Source: Khandelwal, He, Qi & Jurafsky 2018, arXiv:1805.04623, who change what a language model has read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from elman import showing
from elman.errors import DataError, NumericError, OptionError, ShapeError
from elman.inputs import Parts
from elman.network import Network
from elman.numerics import Array, generator, log_softmax
from elman.outlet import BLOCK
from elman.shapes import read_size
from elman.spec import Spec
from elman.states import State

from . import jacobians
from .traces import check_one_pass


@dataclass(frozen=True, eq=False, repr=False)
class EffectiveMemory:
    """What changing one input does to the outputs from then on.

    Shapes: lags: "K", 0 .. K − 1: steps from the changed one to that of the output; effect: "K", the mean
            over the changes; effects: "N K"; all float64 but lags.
    unit:   "nats": Kullback-Leibler divergence of the probabilities from what they would have been (softmax);
            "root mean square": of the difference of the outputs (other heads).
    threshold: the share of the greatest effect below which there is none.
    """

    lags: Array
    effect: Array
    effects: Array
    unit: str
    threshold: float

    _told: ClassVar[tuple[str, ...]] = ("steps",)
    __repr__, _repr_html_ = showing.line, showing.fields

    @property
    def steps(self) -> int:
        """How many of the last inputs change the output; K when the memory reaches beyond the lags."""
        above = np.flatnonzero(self.effect >= self.threshold * self.effect.max())
        return int(above[-1]) + 1 if self.effect.any() else 0


def effective_memory(
    network: Network,
    x: Any,
    *,
    lags: int = 128,
    changes: int = 64,
    seed: int = 0,
    threshold: float = 0.01,
) -> EffectiveMemory:
    """Return how much a changed input still changes the output, by the number of steps since.

    At up to `changes` steps spread over x the input is replaced by that of another step, the first that
    differs from a random one on; both sequences then go on alike, and their outputs are compared.
    Shapes: x: one sequence, "T" symbols or "T I", or a pair. With readout "last" the output is what the
            network would say if each step were the last.
    Memory does not grow with T.
    Raises: OptionError when the network is bidirectional or its readout neither "every" nor "last", and for a
            threshold that is no share; ShapeError for an x that does not fit, or of fewer steps than lags;
            DataError when all steps of x are the same; NumericError when an output is not finite.
    Source: Khandelwal, He, Qi & Jurafsky 2018, arXiv:1805.04623.

    >>> network = Network(input_size=3, hidden_size=3, output_size=3)
    >>> network.parameters["layers.0.W"][:] = 0  # it has only the input of the step itself
    >>> effective_memory(network, [0, 1, 2, 0, 2, 1], lags=4).steps
    1
    """
    check_one_pass(network.spec)
    parts = jacobians.read_sequence(network.spec, x)
    steps = jacobians.steps_of(parts)
    read_size("changes", changes)
    if read_size("lags", lags) > steps:
        raise ShapeError(f"x has {steps} steps; effects over {lags} lags need as many: set lags={steps}")
    if not 0 < threshold <= 1:
        raise OptionError(f"threshold is {threshold!r}; it must be a share, above 0 and at most 1")
    places = np.unique(np.linspace(0, steps - lags, changes).round().astype(int))
    others = _others(parts, places, seed)
    spec = replace(network.spec, readout="every")  # of the same layout: an output at every step
    each_step = network if spec == network.spec else _like(network, spec)
    effects = np.concatenate(list(_effects(each_step, parts, places, others, lags))).T
    if not np.isfinite(effects).all():
        raise NumericError("an output is not finite: the weights hold, or lead to, NaN or infinity")
    unit = "nats" if spec.head == "softmax" else "root mean square"
    return EffectiveMemory(np.arange(lags), effects.mean(axis=0), effects, unit, threshold)


def _others(parts: Parts, places: Array, seed: int) -> Array:
    """Return for each place a step that reads something else: the first from a random one on, "N"."""
    steps, drawn = jacobians.steps_of(parts), generator(seed, "sampling")
    return np.array([_differing(parts, place, int(drawn.integers(steps))) for place in places])


def _differing(parts: Parts, place: int, start: int) -> int:
    steps = jacobians.steps_of(parts)
    for first in range(0, steps, jacobians.WINDOW):
        at = (start + np.arange(first, min(first + jacobians.WINDOW, steps))) % steps
        rows = (one[at] != one[place] for one in parts if one is not None)
        different = np.any([row.reshape(len(at), -1).any(axis=1) for row in rows], axis=0)
        if different.any():
            return int(at[different.argmax()])
    raise DataError("all steps of x are the same; a change needs two that differ")


def _like(network: Network, spec: Spec) -> Network:
    engine = network.machine.engine
    threads = getattr(engine, "threads", None)
    return Network.from_spec(spec, network.parameters.flat, engine=engine.name, threads=threads)


def _effects(network: Network, parts: Parts, places: Array, others: Array, lags: int) -> Iterator[Array]:
    """Yield the effect of every change at some of the lags, "K N"."""
    state = _states_before(network, parts, places)
    size = max(BLOCK // (2 * len(places) * network.spec.y_size), 1)
    for first in range(0, lags, size):
        read = places + np.arange(first, min(first + size, lags))[:, None]
        changed = read.copy()
        if not first:
            changed[0] = others
        both = jacobians.part(parts, np.concatenate([read, changed], axis=1))
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is noticed above
            y, state = network.run(jacobians.whole(both), state)
            yield _effect(network, *np.split(y.astype(np.float64), 2, axis=1))


def _states_before(network: Network, parts: Parts, places: Array) -> State:
    """Return the states before these steps, in order, all of them twice: "2N H"."""
    stream, read, states = network.stream(), 0, list[State]()
    for place in places.tolist():
        jacobians.read_on(stream, parts, read, place)
        read = place
        states.append(stream.network_state)
    return tuple(
        tuple(np.tile(np.stack(one), (2, 1)) for one in zip(*layer, strict=True))
        for layer in zip(*states, strict=True)
    )


def _effect(network: Network, y: Array, changed: Array) -> Array:
    """Return how far outputs are from what they would have been, "K N Y" → "K N"."""
    if network.spec.head == "softmax":
        would, does = log_softmax(y), log_softmax(changed)
        nats: Array = (np.exp(would) * (would - does)).sum(axis=-1)
        return nats
    outputs = network.machine.outlet.head.outputs
    root: Array = np.sqrt(np.square(outputs(changed) - outputs(y)).mean(axis=-1))
    return root
