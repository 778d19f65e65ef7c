"""Network: layers of cells, a head and an engine. It runs and differentiates; it does not learn.

The state is a value: a tuple with one entry per layer, each a tuple of arrays "B H" (Elman: one, h).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from . import cells, heads, inputs
from .cells import States
from .engines import Memory, Tape, Weights, blas_threads, reference
from .errors import OptionError, ShapeError
from .numerics import Array, generator
from .parameters import Parameters, initialize
from .shapes import check
from .spec import Spec

State = tuple[States, ...]


@dataclass(frozen=True)
class Tapes:
    """One forward run, kept for one backward run: a tape per layer, and how the rows were ordered."""

    layers: list[Tape]
    order: Array | None = None
    batched: bool = True

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return sum(tape.nbytes for tape in self.layers)


class Network:
    """A recurrent network with an affine output; the parameters are one flat vector.

    Source: Elman 1990, doi:10.1207/s15516709cog1402_1.
    Raises: OptionError for a size, cell, activation, dtype or initialization that does not exist.

    >>> network = Network("elman", input_size=3, hidden_size=4, output_size=2)
    >>> y, state = network.run(np.zeros((5, 1, 3)))
    >>> y.shape, state[0][0].shape
    ((5, 1, 2), (1, 4))
    """

    def __init__(
        self,
        cell: str = "elman",
        *,
        input_size: int,
        hidden_size: int,
        output_size: int,
        num_layers: int = 1,
        activation: str = "tanh",
        dtype: str = "float32",
        seed: int = 0,
        initialization: str = "orthogonal",
    ) -> None:
        self._build(Spec(cell, activation, input_size, hidden_size, output_size, num_layers, dtype))
        initialize(self.parameters, initialization, generator(seed, "initialization"))

    def _build(self, spec: Spec) -> None:
        self.spec = spec
        self.parameters = Parameters.zeros(spec.layout(), spec.dtype)
        self._cell = cells.find(spec.cell, spec.activation)
        self._layers = self._weights(self.parameters)
        self._memory = Memory(spec.dtype)

    @classmethod
    def from_spec(cls, spec: Spec, flat: Array) -> Network:
        """Return the network of a spec with these parameters, copied."""
        network = cls.__new__(cls)
        network._build(spec)
        network.parameters.flat[:] = network.parameters.like(flat).flat
        return network

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in asdict(self.spec).items())
        return f"Network({fields})  # {len(self.parameters):,} parameters"

    def _weights(self, parameters: Parameters) -> list[Weights]:
        names = (f"layers.{k}." for k in range(self.spec.num_layers))
        return [Weights(*(parameters[name + letter] for letter in "UWb")) for name in names]

    def init_state(self, batch_size: int | None = None) -> State:
        """Return the state in which nothing is remembered: zeros, "B H" (or "H" without a batch)."""
        shape = (self.spec.hidden_size,) if batch_size is None else (batch_size, self.spec.hidden_size)
        return tuple(
            tuple(np.zeros(shape, self.spec.dtype) for _ in self._cell.states)
            for _ in range(self.spec.num_layers)
        )

    def run(
        self, x: ArrayLike, state: State | None = None, lengths: ArrayLike | None = None
    ) -> tuple[Array, State]:
        """Run over whole sequences: return (y, state).

        Shapes: x: "T B" symbols (integers) or "T B I"; state: per layer "B H"; lengths: "B" → y: "T B O".
                One sequence may leave out the batch axis, "T" or "T I", and gets its answer without one.
        Units:  y are logits, in nats before normalization. No state means zeros.
        Rows past their end: y is zero there, and the state is the one at the row's true end.
        Raises: ShapeError when x, state or lengths do not fit; the message says what was read.

        run(x) = run of any two parts with the state handed on = step repeated, to rounding.
        """
        y, after, tapes = self.forward(x, state, lengths)
        self._memory.give(*(array for tape in tapes.layers for array in tape.arrays))
        return y, after

    def forward(
        self, x: ArrayLike, state: State | None = None, lengths: ArrayLike | None = None
    ) -> tuple[Array, State, Tapes]:
        """Run as `run` does and return (y, state, tapes); the tapes serve one `backward`."""
        if not inputs.is_batched(x, axes=2):
            return self._forward_one(x, state, lengths)
        shape = np.shape(x)
        ends = None if lengths is None else inputs.read_lengths(lengths, *shape[:2])
        h = inputs.read_input(x, "T B", self.spec.input_size, self.spec.dtype, ends)
        order, live = (None, None) if ends is None else inputs.longest_first(ends, shape[0])
        h = h if order is None else h[:, order]
        tapes, finish = [], []
        with self._blas_threads(shape[1]):
            for w, start in zip(self._layers, self._read_state(state, shape[1]), strict=True):
                tapes.append(
                    reference.forward(
                        self._cell, w, h, inputs.reorder(start, order), memory=self._memory, live=live
                    )
                )
                finish.append(inputs.restore(tapes[-1].last, order))
                h = tapes[-1].outputs
            y = heads.affine.forward(h, self.parameters["head.V"], self.parameters["head.c"])
        if live is not None:
            y[np.arange(shape[1]) >= live[:, None]] = 0
        y = y if order is None else y[:, np.argsort(order)]
        return y, tuple(finish), Tapes(tapes, order)

    def _forward_one(
        self, x: ArrayLike, state: State | None, lengths: ArrayLike | None
    ) -> tuple[Array, State, Tapes]:
        """Run one sequence without a batch axis."""
        steps = len(np.atleast_1d(x))
        ends = None if lengths is None else inputs.read_lengths(np.atleast_1d(lengths), steps, 1)
        x = inputs.read_input(x, "T", self.spec.input_size, self.spec.dtype, ends)
        start = _each(self._read_state(state, None), lambda s: s[None])
        y, finish, tapes = self.forward(x[:, None], start, ends)
        return y[:, 0], _each(finish, lambda s: s[0]), replace(tapes, batched=False)

    def backward(self, dy: Array, tapes: Tapes, dstate: State | None = None) -> tuple[Array, State]:
        """Return (gradient of the flat parameters, gradient of the initial state).

        Shapes: dy: like y, ∂loss/∂y; dstate: like the final state, ∂loss/∂state (none: zero).
        The tapes are used up. What dy holds past a row's end counts for nothing.
        Raises: ShapeError when dy or dstate do not fit; OptionError when the tapes are used up.
        """
        if not tapes.layers:
            raise OptionError("these tapes are used up: each forward run serves one backward run")
        if not tapes.batched:
            dlast = None if dstate is None else _each(dstate, lambda s: s[None])
            flat, start = self.backward(dy[:, None], replace(tapes, batched=True), dlast)
            return flat, _each(start, lambda s: s[0])
        steps, batch = tapes.layers[-1].outputs.shape[:2]
        check("dy", dy, "T B O", T=steps, B=batch, O=self.spec.output_size)
        dlast = None if dstate is None else self._read_state(dstate, batch)
        with self._blas_threads(batch):
            return self._backward(dy, tapes, dlast)

    def _backward(self, dy: Array, tapes: Tapes, dlast: State | None) -> tuple[Array, State]:
        gradient = self.parameters.like(np.empty_like(self.parameters.flat))
        shape = (len(dy) + 1, dy.shape[1], self.spec.hidden_size)
        dh = self._memory.take(shape)
        self._head_backward(dy, tapes, gradient, dh)
        dstart: list[States] = []
        layers = enumerate(zip(self._layers, self._weights(gradient), tapes.layers, strict=True))
        for k, (w, dw, tape) in reversed(list(layers)):
            dstates = (dh, *(np.zeros_like(dh) for _ in self._cell.states[1:]))
            if dlast is not None:
                for slots, last in zip(dstates, inputs.reorder(dlast[k], tapes.order), strict=True):
                    slots[-1] += last
            below = self._memory.take(shape) if k > 0 else None
            dx = None if below is None else below[1:]
            reference.backward(self._cell, w, tape, dstates, dw, memory=self._memory, dx=dx)
            dstart.insert(0, inputs.restore(tuple(slots[0].copy() for slots in dstates), tapes.order))
            self._memory.give(dh)
            if below is not None:
                dh = below
                dh[0] = 0
        self._memory.give(*(array for tape in tapes.layers for array in tape.arrays))
        tapes.layers.clear()
        return gradient.flat, tuple(dstart)

    def _head_backward(self, dy: Array, tapes: Tapes, gradient: Parameters, dh: Array) -> None:
        """Write the head's gradients, and dh: "T+1 B H", whose slot 0 is the start."""
        tape = tapes.layers[-1]
        rows = dy if tapes.order is None else dy[:, tapes.order]
        if tape.live is not None:
            rows = np.where((np.arange(dy.shape[1]) < tape.live[:, None])[..., None], rows, 0)
        h = tape.outputs.reshape(-1, self.spec.hidden_size)
        dh[0] = 0
        heads.affine.backward(
            rows.reshape(-1, self.spec.output_size),
            h,
            self.parameters["head.V"],
            gradient["head.V"],
            gradient["head.c"],
            dh[1:].reshape(-1, self.spec.hidden_size),
        )

    def step(self, x: ArrayLike, state: State | None = None) -> tuple[Array, State]:
        """Run one step, keeping nothing: return (y, state).

        Shapes: x: "B" symbols or "B I", or without the batch one symbol or "I"; state: per layer "B H" or
                "H" → y: "B O" or "O".
        Raises: ShapeError as `run`.

        >>> network = Network(input_size=3, hidden_size=4, output_size=2)
        >>> y, state = network.step(2)
        >>> y, state = network.step(0, state)
        >>> y.shape
        (2,)
        """
        batched = inputs.is_batched(x, axes=1)
        h = inputs.read_input(x, "B" * batched, self.spec.input_size, self.spec.dtype)
        after: list[States] = []
        for w, before in zip(self._layers, self._read_state(state, len(h) if batched else None), strict=True):
            after.append(reference.step(self._cell, w, h, before))
            h = after[-1][0]
        return heads.affine.forward(h, self.parameters["head.V"], self.parameters["head.c"]), tuple(after)

    def _blas_threads(self, batch: int) -> AbstractContextManager[None]:
        return blas_threads(batch, self.spec.hidden_size, len(self._cell.gates))

    def _read_state(self, state: State | None, batch: int | None) -> State:
        zeros = self.init_state(batch)
        if state is None:
            return zeros
        if not isinstance(state, tuple | list) or len(state) != len(zeros):
            raise ShapeError(f"state must be a tuple with one entry for each of the {len(zeros)} layers")
        names, like = self._cell.states, zeros[0][0]
        return tuple(inputs.read_states(layer, names, like, k) for k, layer in enumerate(state))


def _each(state: State, change: Callable[[Array], Array]) -> State:
    return tuple(tuple(change(s) for s in layer) for layer in state)
