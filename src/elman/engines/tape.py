"""What an engine is handed, and what it keeps of a forward run: plain arrays, countable in bytes."""

from __future__ import annotations

from dataclasses import dataclass, field

from elman.cells import States
from elman.numerics import Array

from .course import Course


@dataclass(frozen=True)
class Weights:
    """One layer's weights, or their gradients: U "G·H I", W "G·H H", the others "G·H"."""

    U: Array
    W: Array
    b: Array
    d: Array | None = None  # of cells with a recurrent bias
    gU: Array | None = None  # the gains of layer normalization
    gW: Array | None = None


@dataclass(frozen=True)
class Normal:
    """What layer normalization keeps of U x and W h: "T B G·H" and "T B 1"."""

    x: Array
    x_scale: Array
    h: Array
    h_scale: Array


@dataclass(frozen=True)
class Tape:
    """What one layer's forward run keeps for its backward run."""

    x: Array  # "T B" symbols or "T B I"
    course: Course
    gates: Array  # "T B G·H": a, then what the cell makes of it, then da
    states: States  # each "T+1 B H"
    kept: Array  # "T B K·H"
    normal: Normal | None
    restarts: dict[int, States] = field(default_factory=dict)  # the states before a step, where rows restart

    @property
    def outputs(self) -> Array:
        """The hidden states h_1 .. h_T, "T B H"."""
        return self.states[0][1:]

    @property
    def last(self) -> States:
        """The states after the last step, "B H" each, as values of their own."""
        return tuple(s[-1].copy() for s in self.states)

    @property
    def arrays(self) -> tuple[Array, ...]:
        """What the tape took from memory, in this order."""
        return (self.gates, *self.states, self.kept)

    @property
    def nbytes(self) -> int:
        """Memory held, the caller's x not counted."""
        extra = () if self.normal is None else vars(self.normal).values()
        return sum(array.nbytes for array in (*self.arrays, *extra))


@dataclass(frozen=True)
class Flow:
    """The gradients on their way back through one layer."""

    dstates: States  # "T+1 B H" each
    danew: States  # of `Course.anew`, "B H" each
    da: Array  # "T B G·H", as are the next two
    du: Array  # the same array as da where nothing tells a from u
    dr: Array  # of W h before its normalization; the same array as du without one
    read: Array  # what W read, "T B H"
    parts: list[slice]  # of the steps, from the last to the first

    def end(self, t: int, live: int) -> None:
        """Let rows that had ended by step t keep their gradient, and give them no part in the weights'."""
        for gates in (self.da, self.du, self.dr):
            gates[t, live:] = 0
        for slots in self.dstates:
            slots[t, live:] += slots[t + 1, live:]
