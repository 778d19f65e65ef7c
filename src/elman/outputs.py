"""What a network says to a batch, beside what it should say: in blocks of rows, never all at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .data import Batch, cut_time
from .inputs import is_batched
from .machine import Machine, Run
from .network import Network
from .numerics import Array
from .outlet import BLOCK, Aim
from .states import State, each

Block = tuple[Array | slice, Array, Array, Array | None]  # which rows; y, targets, weights of them
Judgment = tuple[
    Array | slice, Array, Array, Array, Array | None
]  # which rows; nats, guesses, targets, weights


@dataclass(frozen=True)
class Judged:
    """A batch that a network has read, and what it should have said. The blocks can be taken once."""

    state: State
    machine: Machine
    run: Run
    aim: Aim

    def blocks(self) -> Iterator[Block]:
        """Yield (which rows, y, targets, weights) of the rows that count; weights that are all 1 are None."""
        for which, rows, targets, weights in self._parts():
            with self.machine.running(self.run.met.rows):
                y = self.machine.outlet.outputs(rows)
            yield which, y, targets, weights

    def symbols(self) -> Iterator[Judgment]:
        """Yield (which rows, nats, guesses, targets, weights), as `blocks` does, where outputs are symbols.

        nats: −log p of each target, float64; guesses: the most probable symbols.
        """
        for which, rows, targets, weights in self._parts():
            with self.machine.running(self.run.met.rows):
                nats, guesses = self.machine.outlet.judge(rows, targets)
            yield which, nats, guesses, targets, weights

    def _parts(self) -> Iterator[Block]:
        """Yield (which rows, what the head reads of them, targets, weights), and release the run."""
        rows = self.run.reading.rows
        rows = rows.reshape(-1, rows.shape[-1])
        counted = None if self.aim.weights is None else np.flatnonzero(self.aim.weights)
        size = max(BLOCK // self.machine.spec.y_size, 1)
        for start in range(0, len(rows) if counted is None else len(counted), size):
            part = slice(start, start + size)
            which = part if counted is None else counted[part]
            weights = None if self.aim.weights is None else self.aim.weights[which]
            if weights is not None and (weights == 1).all():
                weights = None
            yield which, rows[which], self.aim.targets[which], weights
        self.machine.release(self.run)

    def of_sequences(self, values: Array) -> Array:
        """Add up over time.

        Shapes: values: "N", one for each row of the blocks → "B", as the batch has them.
        """
        met = self.run.met
        sums: Array = met.restored(values.reshape(-1, met.rows).sum(axis=0))
        return sums


def judge(network: Network, batch: Batch, state: State | None) -> Judged:
    """Run over a batch and read its targets.

    Raises: ShapeError, DataError when batch or state do not fit the network.
    """
    run, batched = network.start(batch.x, state, batch.lengths, batch.reset, keep=False)
    machine = network.machine
    after = machine.finish(run)
    aim = machine.outlet.aim(batch, run.met, batched)
    return Judged(after if batched else each(after, lambda s: s[0]), machine, run, aim)


def windows(network: Network, batch: Batch) -> Iterator[Batch]:
    """Cut a batch in time where it is long and the network allows it; the state flows on from part to part.

    Raises: ShapeError for targets or lengths that do not fit.
    """
    spec, x = network.spec, batch.x[0] if isinstance(batch.x, tuple) else batch.x
    rows = np.shape(x)[1] if is_batched(x, axes=2) else 1
    size = max(BLOCK // (max(rows, 1) * max(spec.widths)), 1)
    if spec.bidirectional or spec.readout != "every" or len(x) <= size:
        return iter([batch])
    return cut_time(batch, size)
