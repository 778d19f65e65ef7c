"""From the last layer to outputs and losses: readout, dropout, head, and the loss in blocks of rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import heads
from .circumstances import Circumstances
from .data import Batch
from .engines import Memory
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

    @property
    def head(self) -> heads.Head:
        """The losses of this output."""
        return heads.find(self.spec.head, self.spec.quantiles)

    def matrix(self, parameters: Parameters) -> Array:
        """Return V (or its gradient): the embedding's own when they are tied."""
        return parameters["embedding.E" if self.spec.tied else "head.V"]

    def outputs(self, rows: Array) -> Array:
        """Return y = rows Vᵀ + c."""
        return heads.affine.forward(rows, self.matrix(self.parameters), self.parameters["head.c"])

    def read(self, passage: Passage) -> Reading:
        """Return what the head reads of a run."""
        met, rows, kept = passage.circumstances, passage.outputs, None
        if self.spec.readout != "every":
            last = np.concatenate([s[0] for s in passage.last[-self.spec.directions :]], axis=-1)
            flat = self.spec.readout == "flatten"  # every row has the same length, or is named: the caller's
            ends = met.restored(met.lengths) if flat else met.lengths
            rows, kept = heads.readout.forward(self.spec.readout, rows, last, ends, steps=self.spec.steps)
        timed = rows if rows.ndim == 3 else rows[None]
        mask = met.step_mask(0, "output", self.spec.output_dropout, timed)
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
    ) -> tuple[float, Array, Array]:
        """Return (loss, dh, dlast); add the head's gradients, `share` times each.

        Shapes: dh: "T+1 B F", from the memory: slot t for the output of step t, slot 0 free; dlast: "B F".
        Outputs and their gradients live for one block of rows at a time.
        """
        dh, dr = self._room(passage, reading)
        rows, loss = reading.rows.reshape(dr.shape), 0.0
        block = max(BLOCK // self.spec.y_size, 1)
        for start in range(0, len(rows), block):
            part = slice(start, start + block)
            y = self.outputs(rows[part])
            weights = None if aim.weights is None else aim.weights[part]
            loss += self.head.loss(y, aim.targets[part], weights, aim.total or 1.0)
            if share != 1:
                y *= share
            self._head_backward(y, rows[part], gradient, dr[part])
        return loss, dh, self._leave(dr, passage, reading, dh)

    def backward(
        self, dy: Array, passage: Passage, reading: Reading, gradient: Parameters
    ) -> tuple[Array, Array]:
        """Return (dh, dlast) as `differentiate` does, from the gradient of all outputs."""
        dh, dr = self._room(passage, reading)
        dy = np.ascontiguousarray(dy).reshape(len(dr), self.spec.y_size)
        self._head_backward(dy, reading.rows.reshape(dr.shape), gradient, dr)
        return dh, self._leave(dr, passage, reading, dh)

    def _room(self, passage: Passage, reading: Reading) -> tuple[Array, Array]:
        """Return dh, and where the gradient of the head's rows goes, "N R": into dh if every step is read."""
        steps, batch, width = passage.outputs.shape
        dh = self.memory.take((steps + 1, batch, width))
        if self.spec.readout == "every":
            return dh, dh[1:].reshape(-1, width)
        return dh, np.empty_like(reading.rows)

    def _head_backward(self, dy: Array, rows: Array, gradient: Parameters, dr: Array) -> None:
        """Add to the gradients of V and c; write dr. Shapes: dy: "N Y"; rows, dr: "N R"."""
        V, dV, dc = self.matrix(self.parameters), self.matrix(gradient), gradient["head.c"]
        partV, partc = np.empty_like(dV), np.empty_like(dc)
        heads.affine.backward(dy, rows, V, partV, partc, dr)
        dV += partV
        dc += partc

    def _leave(self, dr: Array, passage: Passage, reading: Reading, dh: Array) -> Array:
        """Hand the gradient of the head's rows on to the outputs (dh, written) and last states (returned)."""
        if reading.mask is not None:
            dr *= reading.mask.reshape(dr.shape)
        if self.spec.readout == "every":
            return np.zeros_like(dh[0])
        lengths, shape = passage.circumstances.lengths, dh[1:].shape
        dh[1:], dlast = heads.readout.backward(self.spec.readout, dr, reading.kept, lengths, shape)
        return dlast
