"""The inside of a network: layers and outlet put together, for input that the door has checked."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .circumstances import Circumstances
from .engines import Engine, Memory
from .inputs import Parts
from .layers import Layers, Passage
from .numerics import Array
from .outlet import Aim, Outlet, Reading
from .parameters import Parameters
from .plain import Plain
from .spec import Spec
from .states import State, each


@dataclass(frozen=True)
class Run:
    """A forward run, kept for one backward run."""

    passage: Passage
    reading: Reading
    own_start: bool  # it began from the network's own initial state

    @property
    def met(self) -> Circumstances:
        """What the run met."""
        return self.passage.circumstances


@dataclass(frozen=True)
class Tapes:
    """One forward run, kept for one backward run."""

    runs: list[Run]  # one, or none when it is used up
    batched: bool = True

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return sum(run.passage.nbytes for run in self.runs)


class Differentiated(NamedTuple):
    """A loss, its gradients, and the state after the batch."""

    loss: float
    gradient: Array
    state: State
    dstate: State


class Machine:
    """What runs a network and differentiates it. Rows are the caller's, whatever their order inside."""

    def __init__(self, spec: Spec, parameters: Parameters, engine: Engine) -> None:
        self.spec, self.parameters, self.memory, self.engine = spec, parameters, Memory(spec.dtype), engine
        self.layers = Layers(spec, parameters, self.memory, engine)
        self.outlet = Outlet(spec, parameters, self.memory, engine)
        self.plain = Plain(spec, parameters, self.memory, engine)
        self.every = spec.readout == "every"

    def initial(self, rows: tuple[int, ...] = ()) -> State:
        """Return the state from which sequences begin, zeros or learned: "… H" per place and state."""
        views, names = self.parameters.views, self.layers.cell.states
        state = []
        for place, width in zip(self.layers.places, self.layers.widths, strict=True):
            shape = (*rows, width)
            if self.spec.learn_initial_state:
                starts = (np.broadcast_to(views[f"{place}.{name}0"], shape).copy() for name in names)
                state.append(tuple(starts))
            else:
                state.append(tuple(np.zeros(shape, self.spec.dtype) for _ in names))
        return tuple(state)

    def run(self, parts: Parts, state: State | None, met: Circumstances, keep: bool = True) -> Run:
        """Run over all steps; the rows of `state` are the caller's, those of `parts` lie as in the run.

        keep=False: the run will not be differentiated.
        """
        start = met.anew if state is None else each(state, met.ordered)
        with self.running(len(start[0][0])):
            passage = self.layers.forward(parts, start, met, keep)
        return Run(passage, self.outlet.read(passage), state is None)

    def outputs(self, run: Run) -> Array:
        """Return y, zero past each row's end."""
        with self.running(run.passage.outputs.shape[1]):
            y = self.outlet.outputs(run.reading.rows)
        if run.met.live is not None and self.every:
            y[np.arange(y.shape[1]) >= run.met.live[:, None]] = 0
        restored: Array = run.met.restored(y, axis=y.ndim - 2)
        return restored

    def finish(self, run: Run) -> State:
        """Return the states at each row's end."""
        return each(run.passage.last, run.met.restored)

    def release(self, run: Run) -> None:
        """Give back the memory of a run that will not be differentiated."""
        self.memory.give(*(array for tape in run.passage.tapes for array in tape.arrays))

    def backward(self, run: Run, dy: Array, dstate: State | None) -> tuple[Array, State]:
        """Return (flat gradient, gradient of the initial state); the run is used up."""
        rows = run.met.ordered(dy, axis=dy.ndim - 2)
        if run.met.live is not None and self.every:
            rows = np.where((np.arange(dy.shape[1]) < run.met.live[:, None])[..., None], rows, 0)
        gradient = self.parameters.like(np.zeros_like(self.parameters.flat))
        with self.running(run.passage.outputs.shape[1]):
            dh, dlast = self.outlet.backward(rows, run.passage, run.reading, gradient)
            return gradient.flat, self._through_layers(run, dh, dlast, dstate, gradient)

    def differentiate(
        self, run: Run, aim: Aim, *, dstate: State | None, share: float
    ) -> tuple[float, Array, State]:
        """Return (loss, flat gradient, gradient of the initial state); the run is used up."""
        gradient = self.parameters.like(np.zeros_like(self.parameters.flat))
        with self.running(run.passage.outputs.shape[1]):
            loss, dh, dlast = self.outlet.differentiate(run.passage, run.reading, aim, share, gradient)
            return loss, gradient.flat, self._through_layers(run, dh, dlast, dstate, gradient)

    def step(self, parts: Parts, state: State) -> tuple[Array, State]:
        """Run one step, keeping nothing."""
        h, after = self.layers.step(parts, state)
        return self.outlet.outputs(h), after

    def _through_layers(
        self, run: Run, dh: Array, dlast: Array | None, dstate: State | None, gradient: Parameters
    ) -> State:
        """Go on from the head to all layers below; return the gradient of the initial state."""
        ends = None if dstate is None else each(dstate, run.met.ordered)
        if dlast is not None:
            if ends is None:
                ends = each(
                    run.passage.last, np.zeros_like
                )  # the readout has read the last states of the last layer
            first = len(ends) - self.spec.directions
            parts = np.split(dlast, self.spec.directions, axis=1)
            read = ((end[0] + part, *end[1:]) for end, part in zip(ends[first:], parts, strict=True))
            ends = (*ends[:first], *read)
        starts, anews = self.layers.backward(run.passage, dh, ends, gradient)
        if self.spec.learn_initial_state:
            self._learn(starts if run.own_start else (), gradient)
            self._learn(anews if run.met.reset is not None else (), gradient)
        return each(starts, run.met.restored)

    def _learn(self, dstarts: State, gradient: Parameters) -> None:
        """Add what reached the network's own initial state."""
        for place, states in zip(self.layers.places, dstarts, strict=False):
            for name, d in zip(self.layers.cell.states, states, strict=True):
                view = gradient[f"{place}.{name}0"]
                view += d.sum(axis=0)

    def running(self, batch: int) -> AbstractContextManager[None]:
        """Return what surrounds a run of so many rows."""
        return self.engine.running(batch, max(self.spec.widths), len(self.layers.cell.gates))
