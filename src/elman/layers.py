"""Layers on layers, one or two directions each: what enters the first, and what reaches the head.

Time is the engine's; here its runs are put together. "Place" counts layers and directions as `Spec.places`
lists them. Rows lie longest first; what lies past a row's end is of no consequence and gets no gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import cells
from .cells import States
from .circumstances import Circumstances
from .engines import PLAIN, Course, Engine, Memory, Tape, Weights, look_up
from .errors import OptionError
from .inputs import Parts
from .numerics import Array
from .parameters import Parameters
from .spec import Spec
from .states import State


@dataclass(frozen=True)
class Passage:
    """A run through all layers, kept for one way back."""

    parts: Parts
    circumstances: Circumstances
    tapes: list[Tape]  # one per place
    masks: list[Array | None]  # of what each layer reads
    outputs: Array  # "T B D·H" of the last layer

    @property
    def last(self) -> State:
        """The final states of every place."""
        return tuple(tape.last for tape in self.tapes)

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return sum(tape.nbytes for tape in self.tapes)


class Layers:
    """The layers of a network, their weights and the memory of their runs."""

    def __init__(self, spec: Spec, parameters: Parameters, memory: Memory, engine: Engine) -> None:
        self.spec, self.parameters, self.memory, self.engine = spec, parameters, memory, engine
        self.cell = cells.find(spec.cell, spec.activation)
        self.places, self.widths = spec.places(), spec.place_widths()
        self._weights = self._weights_of(parameters)

    def forward(self, parts: Parts, state: State, circumstances: Circumstances, keep: bool = True) -> Passage:
        """Run all layers over all steps; keep=False: not for a way back."""
        both = self.spec.directions
        h, tapes, masks = self.enter(parts), list[Tape](), list[Array | None]()
        for k in range(self.spec.num_layers):
            h, mask = self._dropped(h, k, circumstances)
            masks.append(mask)
            for place in range(k * both, (k + 1) * both):
                x = circumstances.turned(h) if place % both else h
                course = self._course(place, circumstances)
                w, start, memory = self._weights[place], state[place], self.memory
                tape = self.engine.forward(self.cell, w, x, start, memory=memory, course=course, keep=keep)
                tapes.append(tape)
            h = tapes[-1].outputs
            if self.spec.bidirectional:
                h = np.concatenate([tapes[-2].outputs, circumstances.turned(h)], axis=-1)
        return Passage(parts, circumstances, tapes, masks, h)

    def backward(
        self, passage: Passage, dh: Array, dlast: State | None, gradient: Parameters
    ) -> tuple[State, State]:
        """Write the gradients of all layers and of the embedding; return those of start and `anew`.

        Shapes: dh: "T+1 B D·H", taken from the memory: slot t holds what reaches the output of step t from
                the head, slot 0 is free; dlast: like the final states, none means zero.
        """
        spec, both, weights = self.spec, self.spec.directions, self._weights_of(gradient)
        around: list[tuple[States, States]] = []
        for k in reversed(range(spec.num_layers)):
            reads = spec.reads if k == 0 else both * spec.widths[k - 1]
            wanted = k > 0 or spec.embedding_size is not None
            below = self.memory.take((*dh.shape[:2], reads)) if wanted else None
            for place in reversed(range(k * both, (k + 1) * both)):
                part = self._place_backward(passage, place, weights[place], dh=dh, dlast=dlast, below=below)
                around.insert(0, part)
            self.memory.give(dh)
            if below is not None:
                if (mask := passage.masks[k]) is not None:
                    below[1:] *= mask
                dh = below
        if spec.embedding_size is not None:
            self._embedding_gradient(passage.parts, dh[1:], gradient["embedding.E"])
            self.memory.give(dh)
        self.memory.give(*(array for tape in passage.tapes for array in tape.arrays))
        return tuple(start for start, _ in around), tuple(anew for _, anew in around)

    def enter(self, parts: Parts) -> Array:
        """Return what the first layer reads: symbols, or numbers side by side."""
        symbols, features = parts
        if symbols is None:
            assert features is not None
            return features
        if self.spec.input_dropout and self.spec.embedding_size is None and features is None:
            raise OptionError("input_dropout drops features; symbols have none: give embedding_size")
        if self.spec.embedding_size is not None:
            symbols = look_up(self.parameters["embedding.E"], symbols)
        elif features is not None:
            symbols = look_up(np.eye(self.spec.input_size, dtype=features.dtype), symbols)
        return symbols if features is None else np.concatenate([symbols, features], axis=-1)

    def step(self, parts: Parts, state: State) -> tuple[Array, State]:
        """Run one step of one direction, keeping nothing: return (the last layer's output, state)."""
        h, after, course = self.enter(parts), [], Course(zoneout=float(self.spec.zoneout))
        for w, before in zip(self._weights, state, strict=True):
            after.append(self.engine.step(self.cell, w, h, before, course))
            h = after[-1][0]
        return h, tuple(after)

    def _dropped(self, h: Array, k: int, met: Circumstances) -> tuple[Array, Array | None]:
        """Return what layer k reads, and its mask: one for all steps on the input, one a step between."""
        if k == 0:
            mask = met.sequence_mask(0, "input", self.spec.input_dropout, h)
        else:
            mask = met.step_mask(k, "between", self.spec.dropout, h)
        return (h, None) if mask is None else (h * mask, mask)

    def _course(self, place: int, met: Circumstances) -> Course:
        spec = self.spec
        if met.live is None and met.reset is None and met.noise is None and not spec.zoneout:
            return PLAIN
        shape = (met.steps, met.rows, self.widths[place])
        like = np.broadcast_to(np.zeros((), spec.dtype), shape)
        zoneout: float | States = float(spec.zoneout)
        if met.noise is not None and spec.zoneout:
            zoneout = tuple(met.held(place, s, spec.zoneout, like) for s in self.cell.states)
        return Course(
            live=met.live,
            reset=met.turned_reset() if place % spec.directions else met.reset,
            anew=() if met.reset is None else met.anew[place],
            mask=met.sequence_mask(place, "recurrent", spec.recurrent_dropout, like),
            zoneout=zoneout,
        )

    def _place_backward(
        self,
        passage: Passage,
        place: int,
        gradient: Weights,
        *,
        dh: Array,
        dlast: State | None,
        below: Array | None,
    ) -> tuple[States, States]:
        """Run one direction of a layer backward; write or add what reaches the layer below."""
        spec, tape, met = self.spec, passage.tapes[place], passage.circumstances
        layer, turned = divmod(place, spec.directions)
        own = dh
        if spec.bidirectional:
            width = spec.widths[layer]
            half = dh[1:, :, turned * width : (turned + 1) * width]
            own = np.empty((len(dh), *half.shape[1:]), dh.dtype)
            own[1:] = met.turned(half) if turned else half
        own[0] = 0
        others = [self.memory.take(own.shape) for _ in tape.states[1:]]
        for slots in others:
            slots[:] = 0
        dstates = (own, *others)
        if dlast is not None:
            for slots, last in zip(dstates, dlast[place], strict=True):
                slots[-1] += last
        dx = None if below is None else below[1:]
        if dx is not None and spec.bidirectional and not turned:
            dx = np.empty_like(dx)
        w = self._weights[place]
        anew = self.engine.backward(self.cell, w, tape, dstates, gradient, memory=self.memory, dx=dx)
        if below is not None and turned:  # the backward direction comes first here, and writes
            below[1:] = met.turned(below[1:])
        elif below is not None and spec.bidirectional:
            below[1:] += dx
        starts = tuple(slots[0].copy() for slots in dstates)
        self.memory.give(*others)
        return starts, anew

    def _weights_of(self, parameters: Parameters) -> list[Weights]:
        """Return the weights (or their gradients) of every place, as views."""
        views = parameters.views
        return [
            Weights(
                *(views[f"{place}.{name}"] for name in ("U", "W", "b")),
                *(views.get(f"{place}.{name}") for name in ("d", "gU", "gW")),
            )
            for place in self.places
        ]

    def _embedding_gradient(self, parts: Parts, dx: Array, dE: Array) -> None:
        symbols, _ = parts
        assert symbols is not None
        dE += self.engine.sum_by_symbol(symbols, dx[..., : dE.shape[1]], len(dE), self.memory)
