"""What the network asks of an engine, and which there are."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from elman.cells import Cell, States
from elman.numerics import Array

from .course import Course
from .memory import Memory
from .tape import Tape, Weights


class Engine(Protocol):
    """The loop over time, and all products of matrices; `engines.reference` says what each function does."""

    @property
    def name(self) -> str:
        """What users call it."""

    @property
    def cross_entropy(self) -> Callable[..., float] | None:
        """Softmax, cross-entropy and the way back at once, where the engine has it: see `Native`."""

    @property
    def whole(self) -> Callable[..., Any] | None:
        """A plain network there and back in one call, where the engine has it: see `Native`."""

    @property
    def stream(self) -> Callable[..., Any] | None:
        """Rows of states that stay in compiled code, where the engine has them: see `Native`."""

    def running(self, batch: int, hidden_size: int, gates: int) -> AbstractContextManager[None]:
        """Return what surrounds a run."""

    def forward(
        self,
        cell: Cell,
        w: Weights,
        x: Array,
        state: States,
        *,
        memory: Memory,
        course: Course = ...,
        keep: bool = True,
    ) -> Tape:
        """Run one layer over all steps; keep=False: not for a way back."""

    def backward(
        self,
        cell: Cell,
        w: Weights,
        tape: Tape,
        dstates: States,
        gradient: Weights,
        *,
        memory: Memory,
        dx: Array | None = None,
    ) -> States:
        """Run one layer backward."""

    def step(self, cell: Cell, w: Weights, x: Array, state: States, course: Course = ...) -> States:
        """Run one layer for one step, keeping nothing."""

    def judge(self, rows: Array, V: Array, c: Array, targets: Array) -> tuple[Array, Array]:
        """Return what symbols cost in nats, and which were the most probable."""

    def outputs(self, rows: Array, V: Array, c: Array) -> Array:
        """Return y = rows Vᵀ + c."""

    def outputs_backward(
        self, dy: Array, rows: Array, V: Array, *, dV: Array, dc: Array, drows: Array
    ) -> None:
        """Add to dV and dc; write drows."""

    def sum_by_symbol(self, symbols: Array, rows: Array, count: int, memory: Memory) -> Array:
        """Return Σ rows of each symbol."""

    def square_sum(self, gradient: Array) -> float:
        """Return Σ g², in float64."""

    @property
    def update(self) -> Callable[..., bool] | None:
        """A step of an optimizer, where the engine has it: see `Native`."""
