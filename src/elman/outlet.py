"""From the last layer to outputs and losses: readout, dropout, head, and the loss in blocks of rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import heads
from .circumstances import Circumstances
from .data import Batch
from .engines import Engine, Memory
from .errors import DataError, ShapeError
from .inputs import read_symbols
from .layers import Passage
from .numerics import Array
from .parameters import Parameters
from .spec import Spec

BLOCK = 1 << 20  # outputs held at once: the logits of a large vocabulary are never all there


@dataclass(frozen=True)
class Reading:
    """What the head reads, and what its way back needs. Shapes: rows: "T B R", or "B R" one per sequence."""

    rows: Array
    mask: Array | None
    kept: Any


@dataclass(frozen=True)
class Aim:
    """What the outputs should be, a row of the head each. Shapes: targets: "N" or "N O"; weights: "N"."""

    targets: Array
    weights: Array | None
    total: float


@dataclass(frozen=True)
class Outlet:
    """The readout and the head of a network."""

    spec: Spec
    parameters: Parameters
    memory: Memory
    engine: Engine

    @property
    def head(self) -> heads.Head:
        """The losses of this output."""
        return heads.find(self.spec.head, self.spec.quantiles)

    def matrix(self, parameters: Parameters) -> Array:
        """Return V (or its gradient): the embedding's own when they are tied."""
        return parameters["embedding.E" if self.spec.tied else "head.V"]

    def outputs(self, rows: Array) -> Array:
        """Return y = rows Vᵀ + c."""
        return self.engine.outputs(rows, self.matrix(self.parameters), self.parameters["head.c"])

    def judge(self, rows: Array, targets: Array) -> tuple[Array, Array]:
        """Return what symbols cost in nats and the most probable ones, "N" each, of rows "N R"."""
        V, c = self.matrix(self.parameters), self.parameters["head.c"]
        return self.engine.judge(rows, V, c, targets)

    def read(self, passage: Passage) -> Reading:
        """Return what the head reads of a run."""
        met, rows, kept = passage.circumstances, passage.outputs, None
        if self.spec.readout != "every":
            last = np.concatenate([s[0] for s in passage.last[-self.spec.directions :]], axis=-1)
            flat = self.spec.readout == "flatten"  # every row has the same length, or is named: the caller's
            ends = met.restored(met.lengths) if flat else met.lengths
            rows, kept = heads.readout.forward(self.spec.readout, rows, last, ends, steps=self.spec.steps)
        mask = met.step_mask(0, "output", self.spec.output_dropout, timed(rows))
        if mask is None:
            return Reading(rows, None, kept)
        mask = mask.reshape(rows.shape)
        return Reading(rows * mask, mask, kept)

    def aim(self, batch: Batch, met: Circumstances, batched: bool = True) -> Aim:
        """Read the targets and weights of a batch, rows as they lie in the run; padding counts for nothing.

        Shapes: batch.targets: "T B" or "B" symbols, or values with an axis O more; no "B" if not batched.
        Raises: ShapeError, DataError when they do not fit the head.
        """
        every, lengths = self.spec.readout == "every", met.restored(met.lengths)
        shape = (met.steps, met.rows) if every else (met.rows,)
        targets, weights = np.asarray(batch.targets), batch.weights
        weights = None if weights is None else np.asarray(weights, np.float64)
        if not batched:
            targets = np.expand_dims(targets, int(every))
            weights = None if weights is None else np.expand_dims(weights, int(every))
        if weights is not None and weights.shape != shape:
            raise ShapeError(f"weights have shape {weights.shape}; expected {shape}, one for each target")
        if every and lengths is not None:
            weights = np.where(
                np.arange(met.steps)[:, None] < lengths, 1.0 if weights is None else weights, 0
            )
        if weights is not None and (wrong := ~((weights >= 0) & (weights < np.inf))).any():
            at = np.argwhere(wrong)[0]
            raise DataError(
                f"weights hold {weights[tuple(at)]} at {at.tolist()}; expected numbers, 0 or more"
            )
        read = met.ordered(self._targets(targets, shape, lengths if every else None, weights), len(shape) - 1)
        weights = None if weights is None else met.ordered(weights, len(shape) - 1).reshape(-1)
        flat = read.reshape(math.prod(shape), *read.shape[len(shape) :])
        return Aim(flat, weights, float(math.prod(shape) if weights is None else weights.sum()))

    def _targets(
        self, targets: Any, shape: tuple[int, ...], lengths: Array | None, weights: Array | None
    ) -> Array:
        if not self.head.symbols:
            sizes = dict(zip(("T", "B")[2 - len(shape) :], shape, strict=True)) | {"O": self.spec.output_size}
            return heads.read_targets(self.head, targets, sizes, dtype=self.spec.dtype, weights=weights)
        axes = "T B" if len(shape) == 2 else "B"
        read = read_symbols("targets", targets, axes, self.spec.output_size, lengths)
        if read.shape != shape:
            many = "one target a step" if len(shape) == 2 else "one target a sequence"
            raise ShapeError(f"targets have shape {read.shape}; expected {shape}: {many}")
        return read

    def differentiate(
        self, passage: Passage, reading: Reading, aim: Aim, share: float, gradient: Parameters
    ) -> tuple[float, Array, Array | None]:
        """Return (loss, dh, dlast); add the head's gradients, `share` times each.

        Shapes: dh: "T+1 B F", from the memory: slot t for the output of step t, slot 0 free; dlast: "B F",
                or none where every step is read.
        Outputs and their gradients live for one block of rows at a time.
        """
        dh, dr = self._room(passage, reading)
        rows, total = timed(reading.rows), aim.total or 1.0
        if self.head.name == "softmax" and self.engine.cross_entropy is not None:
            V, c = self.matrix(self.parameters), self.parameters["head.c"]
            into = (self.matrix(gradient), gradient["head.c"], dr)
            loss = self.engine.cross_entropy(
                rows, V, c, aim.targets, aim.weights, total=total, share=share, into=into
            )
            return loss, dh, self._leave(dr, passage, reading, dh)
        loss, block, batch = 0.0, max(BLOCK // (self.spec.y_size * rows.shape[1]), 1), rows.shape[1]
        for start in range(0, len(rows), block):
            steps = slice(start, start + block)
            part = slice(start * batch, (start + block) * batch)
            y = self.outputs(rows[steps])
            weights = None if aim.weights is None else aim.weights[part]
            loss += self.head.loss(y.reshape(-1, y.shape[-1]), aim.targets[part], weights, total)
            if share != 1:
                y *= share
            self._head_backward(y, rows[steps], gradient, dr[steps])
        return loss, dh, self._leave(dr, passage, reading, dh)

    def backward(
        self, dy: Array, passage: Passage, reading: Reading, gradient: Parameters
    ) -> tuple[Array, Array | None]:
        """Return (dh, dlast) as `differentiate` does, from the gradient of all outputs."""
        dh, dr = self._room(passage, reading)
        self._head_backward(timed(dy), timed(reading.rows), gradient, dr)
        return dh, self._leave(dr, passage, reading, dh)

    def _room(self, passage: Passage, reading: Reading) -> tuple[Array, Array]:
        """Return dh, and where the gradient of the head's rows goes: into dh if every step is read."""
        dh = self.memory.take((len(passage.outputs) + 1, *passage.outputs.shape[1:]))
        if self.spec.readout == "every":
            return dh, dh[1:]
        return dh, np.empty(timed(reading.rows).shape, reading.rows.dtype)

    def _head_backward(self, dy: Array, rows: Array, gradient: Parameters, dr: Array) -> None:
        """Add to the gradients of V and c; write dr. Shapes: dy: "T B Y"; rows, dr: "T B R"."""
        V, dV, dc = self.matrix(self.parameters), self.matrix(gradient), gradient["head.c"]
        self.engine.outputs_backward(dy, rows, V, dV=dV, dc=dc, drows=dr)

    def _leave(self, dr: Array, passage: Passage, reading: Reading, dh: Array) -> Array | None:
        """Hand the gradient of the head's rows on to the outputs (dh, written) and last states (returned)."""
        if reading.mask is not None:
            dr *= reading.mask.reshape(dr.shape)
        if self.spec.readout == "every":
            return None
        lengths, shape = passage.circumstances.lengths, dh[1:].shape
        dh[1:], dlast = heads.readout.backward(self.spec.readout, dr[0], reading.kept, lengths, shape)
        return dlast


def timed(rows: Array) -> Array:
    """Return rows with an axis of time: "B R" is one step."""
    return rows if rows.ndim == 3 else rows[None]
