"""Network: layers of cells, a head and an engine. It runs and differentiates; it does not learn.

The state is a value: a tuple with one entry per layer (two when bidirectional: forward, backward), each a
tuple of arrays "B H" (Elman and GRU: h; LSTM: h and s, its memory).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import cells, engines, inputs, showing
from .circumstances import Circumstances
from .data import Batch, pad
from .errors import OptionError
from .machine import Differentiated, Machine, Run, Tapes
from .noise import Noise
from .numerics import Array, generator
from .parameters import Parameters, initialize
from .shapes import check
from .spec import FIELDS, Spec
from .states import Places, State, each, read_state, zipped
from .streaming import Stored, Stream, check_stepwise
from .streams import Streams


class Network:
    """A recurrent network: layers of one cell, a readout and a head; the parameters are one flat vector.

    What the options mean is said where they are kept, in `elman.spec.Spec`. `seed` and `initialization`
    (orthogonal, identity, glorot, uniform, standard_normal) decide the parameters. `engine` is auto (the
    compiled one where there is one), native (that one, or an error) or reference (NumPy); `threads` how many
    the compiled one uses at most (none: ELMAN_NUM_THREADS, else the cores that this process may use). No
    result depends on threads.
    Raises: OptionError for what does not exist, contradicts itself or would change nothing; EngineError for
            "native" where there is none.

    >>> network = Network("gru", input_size=3, hidden_size=4, output_size=2)
    >>> y, state = network.run(np.zeros((5, 1, 3)))
    >>> y.shape, state[0][0].shape
    ((5, 1, 2), (1, 4))
    """

    def __init__(
        self,
        cell: str = "elman",
        *,
        input_size: int,
        hidden_size: int | tuple[int, ...],
        output_size: int,
        num_layers: int | None = None,
        activation: str = "tanh",
        dtype: str = "float32",
        bidirectional: bool = False,
        embedding_size: int | None = None,
        tied: bool = False,
        feature_size: int = 0,
        readout: str = "every",
        steps: int | None = None,
        head: str = "softmax",
        quantiles: tuple[float, ...] = (),
        layer_norm: bool = False,
        learn_initial_state: bool = False,
        input_dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        dropout: float = 0.0,
        output_dropout: float = 0.0,
        zoneout: float = 0.0,
        seed: int = 0,
        initialization: str = "orthogonal",
        engine: str = "auto",
        threads: int | None = None,
    ) -> None:
        if num_layers is None:
            num_layers = len(hidden_size) if isinstance(hidden_size, tuple | list) else 1
        given = {name: value for name, value in locals().items() if name in FIELDS}  # all of them by name
        self._build(Spec(**given), engine, threads)
        gates = cells.find(cell, activation).gates
        initialize(self.parameters, initialization, generator(seed, "initialization"), gates=gates)

    @classmethod
    def from_spec(
        cls, spec: Spec, flat: Array, *, engine: str = "auto", threads: int | None = None
    ) -> Network:
        """Return the network of a spec with these parameters, copied."""
        network = cls.__new__(cls)
        network._build(spec, engine, threads)
        network.parameters.flat[:] = network.parameters.like(flat).flat
        return network

    def _build(self, spec: Spec, engine: str, threads: int | None) -> None:
        self.spec = spec
        self._on: dict[str, Any] = {"engine": engine, "threads": threads}
        self.parameters = Parameters.zeros(spec.layout(), spec.dtype)
        self.machine = Machine(spec, self.parameters, engines.find(engine, spec.dtype, threads))
        layers = self.machine.layers
        self._places = Places(tuple(layers.widths), layers.cell.states, spec.directions, spec.dtype)
        embedded = spec.embedding_size is not None
        self._reads = inputs.Reads(spec.input_size, spec.feature_size, embedded, spec.dtype)

    def __reduce__(self) -> tuple[Any, ...]:  # a copy, whose parameters are views of one vector again
        return partial(Network.from_spec, **self._on), (self.spec, self.parameters.flat)

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.spec.facts().items())
        return f"Network({fields})  # {len(self.parameters):,} parameters"

    def _repr_html_(self) -> str:
        return showing.arrays(repr(self), self.parameters.views)

    def init_state(self, batch_size: int | None = None) -> State:
        """Return the state from which sequences begin, "B H" (or "H") each: zeros, or what was learned."""
        return self.machine.initial(() if batch_size is None else (batch_size,))

    def reset_state(self, state: State, rows: ArrayLike) -> State:
        """Return a state in which these rows (numbers, or "B" booleans) begin anew.

        >>> network = Network(input_size=3, hidden_size=4, output_size=2)
        >>> _, state = network.run(np.array([[0, 1], [2, 0]]))
        >>> [bool(row.any()) for row in network.reset_state(state, [1])[0][0]]
        [True, False]
        """
        batch = len(state[0][0])
        news, olds = self.init_state(batch), self._read_state(state, batch)
        chosen = inputs.read_rows(rows, batch)[:, None]
        return zipped(olds, news, lambda old, new: np.where(chosen, new, old))

    def run(
        self,
        x: Any,
        state: State | None = None,
        lengths: ArrayLike | None = None,
        reset: ArrayLike | None = None,
    ) -> tuple[Any, State]:
        """Run over whole sequences: return (y, state).

        Shapes: x: "T B" symbols (integers) or "T B I"; state: per layer "B H"; lengths: "B"; reset: "T B"
                booleans: the row begins anew before this step → y: "T B Y", or "B Y" one per sequence.
                One sequence may leave out the batch axis, "T" or "T I", and gets its answer without one.
                A list of arrays is a batch of unequal sequences; y is then a list as well.
        Units:  y are logits, in nats before normalization, or values. No state means the initial one.
        Rows past their end: y is zero there, and the state is the one at the row's true end.
        Raises: ShapeError when x, state, lengths or reset do not fit.

        run(x) = run of any two parts with the state handed on = step repeated, to rounding.
        """
        if inputs.is_sequences(x, lengths, reset):
            padded, ends = pad(x)
            y, after = self.run(padded, state, ends)
            return [y[:end, b] if self.machine.every else y[b] for b, end in enumerate(ends)], after
        run, batched = self.start(x, state, lengths, reset, keep=False)
        y, after = self._read(run, batched)
        self.machine.release(run)
        return y, after

    def forward(
        self,
        x: Any,
        state: State | None = None,
        lengths: ArrayLike | None = None,
        reset: ArrayLike | None = None,
        *,
        noise: Noise | None = None,
    ) -> tuple[Array, State, Tapes]:
        """Run as `run` does and return (y, state, tapes); the tapes serve one `backward`.

        With `noise` units are dropped and held back at the rates of the network, as in training.
        """
        run, batched = self.start(x, state, lengths, reset, noise)
        return *self._read(run, batched), Tapes([run], batched)

    def _read(self, run: Run, batched: bool) -> tuple[Array, State]:
        y, after = self.machine.outputs(run), self.machine.finish(run)
        return (y, after) if batched else (y.squeeze(-2), each(after, lambda s: s[0]))

    def backward(self, dy: Array, tapes: Tapes, dstate: State | None = None) -> tuple[Array, State]:
        """Return (gradient of the flat parameters, gradient of the initial state).

        Shapes: dy: like y, ∂loss/∂y; dstate: like the final state, ∂loss/∂state (none: zero).
        The tapes are used up. What dy holds past a row's end counts for nothing.
        Raises: ShapeError when dy or dstate do not fit; OptionError when the tapes are used up.
        """
        if not tapes.runs:
            raise OptionError("these tapes are used up: each forward run serves one backward run")
        run, batch = tapes.runs[0], tapes.runs[0].passage.outputs.shape[1]
        dy = np.asarray(dy, self.spec.dtype)
        dy = dy if tapes.batched else np.expand_dims(dy, -2)
        sizes = {"T": len(run.passage.outputs), "B": batch}
        axes = "T B Y" if self.machine.every else "B Y"
        check("dy", dy, axes, **{a: sizes.get(a, self.spec.y_size) for a in axes.split()})
        dlast = None if dstate is None else self._read_state(dstate, batch if tapes.batched else None)
        tapes.runs.clear()
        if tapes.batched:
            return self.machine.backward(run, dy, dlast)
        dlast = None if dlast is None else each(dlast, lambda s: s[None])
        flat, start = self.machine.backward(run, dy, dlast)
        return flat, each(start, lambda s: s[0])

    def differentiate(
        self,
        batch: Batch,
        state: State | None = None,
        *,
        noise: Noise | None = None,
        dstate: State | None = None,
        share: float = 1.0,
    ) -> Differentiated:
        """Return (loss, gradient, state, dstate) of a batch: a forward and a backward run in one.

        The loss is the head's mean over the targets that count, by their weights. `dstate` is the gradient
        that reaches the final state from elsewhere, `share` the weight of this loss beside it: the gradients
        are those of share · loss + state · dstate. Outputs and their gradients are never all there at once,
        however large the vocabulary.
        Raises: ShapeError, DataError when batch or state do not fit the network.
        """
        at_once = self.machine.plain.differentiate
        if noise is None and dstate is None and (done := at_once(batch, state, share)):
            return Differentiated(*done)
        run, batched = self.start(batch.x, state, batch.lengths, batch.reset, noise)
        after = self.machine.finish(run)
        dlast = None if dstate is None else self._read_state(dstate, len(after[0][0]) if batched else None)
        if dlast is not None and not batched:
            dlast = each(dlast, lambda s: s[None])
        aim = self.machine.outlet.aim(batch, run.met, batched)
        loss, flat, start = self.machine.differentiate(run, aim, dstate=dlast, share=share)
        if not batched:
            after, start = each(after, lambda s: s[0]), each(start, lambda s: s[0])
        return Differentiated(loss, flat, after, start)

    def step(self, x: Any, state: State | None = None) -> tuple[Array, State]:
        """Run one step, keeping nothing: return (y, state).

        Shapes: x: "B" symbols or "B I", or without the batch one symbol or "I"; state: per layer "B H" or
                "H" → y: "B Y" or "Y".
        Raises: ShapeError as `run`; OptionError when the output needs the whole sequence: bidirectional, or a
                readout other than "every" and "last".

        >>> network = Network(input_size=3, hidden_size=4, output_size=2)
        >>> y, state = network.step(2)
        >>> y, state = network.step(0, state)
        >>> y.shape
        (2,)
        """
        check_stepwise(self.spec)
        batched = inputs.is_batched(x, axes=1)
        parts = inputs.read_parts(x, "B" * batched, self._reads)
        rows = inputs.size(parts, 0) if batched else None
        before = self.init_state(rows) if state is None else self._read_state(state, rows)
        return self.machine.step(parts, before)

    def stream(
        self, state: bytes | State | None = None, *, weights: str | None = None, calibrate: Any = None
    ) -> Stream:
        """Return a stream: a state that stays; it begins from a state, or from the initial one.

        weights:   how the stream stores matrices, "float32", "bfloat16" or "int8" (with a scale for each
                   row); none: as the network. Narrow ones are read faster where there are many, and change
                   what comes out; states stay float32 and go from one kind of stream to the other.
        calibrate: what int8 is fitted to: "T" symbols or "T I", or a pair of them, read from the start.
        Raises: OptionError as `step`, and for narrow weights of a float64 network; FormatError for bytes that
                are no state of this network; ShapeError; NumericError for weights that no number stands for.

        >>> stream = Network(input_size=3, hidden_size=4, output_size=2).stream()
        >>> stream.step(2).shape, stream.run([0, 1, 1]).shape
        ((2,), (3, 2))
        """
        return Stream(self.machine, self._reads, self._places, Stored(weights, calibrate), state)

    def streams(self, count: int = 0, *, weights: str | None = None, calibrate: Any = None) -> Streams:
        """Return many streams that move on together, so many rows to begin with; all else as `stream`."""
        return Streams(self.machine, self._reads, self._places, Stored(weights, calibrate), count)

    def narrowed(self, weights: str, *, calibrate: Any = None) -> Network:
        """Return the network that narrow weights stand for: with it what they cost is measured.

        It is an ordinary network of float32, and says to rounding what a stream of such weights says; of
        bfloat16 to the bit. weights, calibrate: as in `stream`, which reads them narrow, and so faster.
        Raises: OptionError, ShapeError and NumericError as `stream`.

        >>> network = Network(input_size=3, hidden_size=4, output_size=2)
        >>> narrow = network.narrowed("int8")
        >>> shown = network.stream(weights="int8").run([2, 0, 1])
        >>> bool(np.allclose(narrow.stream().run([2, 0, 1]), shown, rtol=0, atol=1e-6))
        True
        """
        stored = Stored(weights, calibrate).narrowed(self.machine, self._reads)
        machine = self.machine if stored is None else stored.machine(self.machine)
        return Network.from_spec(self.spec, machine.parameters.flat, **self._on)

    def start(
        self,
        x: Any,
        state: State | None,
        lengths: Any,
        reset: Any,
        noise: Noise | None = None,
        *,
        keep: bool = True,
    ) -> tuple[Run, bool]:
        """Check what came and run: return (the run, to be read or differentiated; with a batch axis?)."""
        given = inputs.read_run(x, lengths, reset, self._reads)
        around = (given.lengths, given.live, given.reset, given.order)
        anew = self.init_state(given.rows) if state is None or given.reset is not None else ()
        met = Circumstances(given.rows, anew, *around, noise, inputs.size(given.parts, 0))
        if state is not None:
            state = self._read_state(state, given.rows if given.batched else None)
            state = state if given.batched else each(state, lambda s: s[None])
        return self.machine.run(given.parts, state, met, keep), given.batched

    def _read_state(self, state: State, batch: int | None) -> State:
        return read_state(state, batch, self._places)
