"""A plain batch through a plain network, there and back, in one call of the engine.

Plain: layers of one direction on bare symbols or numbers, softmax at every step, rows of one length, no
weights, no noise. Whatever else a network can be, or a batch can hold, goes through `Machine`, and whoever
asks here is told so by None. Both ways give the same bits; this one spends microseconds outside the loops.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from typing import Any

import numpy as np

from . import cells
from .data import Batch
from .engines import Engine, Memory
from .numerics import Array
from .parameters import Parameters
from .spec import Spec
from .states import State

MOST_LAYERS = 6  # that fit into one call


class Plain:
    """What differentiates plain batches, where the network is plain and its engine can."""

    def __init__(self, spec: Spec, parameters: Parameters, memory: Memory, engine: Engine) -> None:
        self._spec, self._parameters, self._memory = spec, parameters, memory
        self._widths, self._dtype = spec.widths, np.dtype(spec.dtype)
        self._cell = cells.find(spec.cell, spec.activation)
        self._compiled = self._open(engine) if engine.whole is not None and _is_plain(spec) else None

    def differentiate(
        self, batch: Batch, state: State | None, share: float
    ) -> tuple[float, Array, State, State] | None:
        """Return (loss, gradient, state, dstate) as `Network.differentiate`, or None: not plain."""
        compiled, x, targets, reset = self._compiled, batch.x, batch.targets, batch.reset
        if compiled is None or batch.lengths is not None or batch.weights is not None or not self._reads(x):
            return None
        assert isinstance(x, np.ndarray)  # says _reads
        steps, rows = sizes = x.shape[:2]
        starts = self._arrays(rows, np.zeros) if state is None else self._listed(state, rows)
        around = _is(targets, sizes, np.intp) and (reset is None or _is(reset, sizes, np.bool_))
        if not starts or not around:
            return None
        read = (x, None, targets, reset) if x.ndim == 2 else (None, x, targets, reset)
        ends, dstarts = self._arrays(rows, np.empty), self._arrays(rows, np.empty)
        states = (tuple(starts), tuple(ends), tuple(dstarts))
        gradient = np.empty_like(self._parameters.flat)
        memory = self._memory.take((compiled.room(steps, rows),))
        try:
            loss = compiled.differentiate(steps, rows, read, states, (gradient, memory), share)
        except IndexError:  # what is no symbol is named by who reads it
            return None
        finally:
            self._memory.give(memory)
        return loss, gradient, self._state(ends), self._state(dstarts)

    def _open(self, engine: Engine) -> Any:
        spec, views = self._spec, self._parameters.views
        assert engine.whole is not None
        return engine.whole(
            self._cell,
            self._parameters.flat,
            sizes=(spec.input_size, spec.output_size),
            layers=tuple(
                tuple(views.get(f"{place}.{name}") for name in ("U", "W", "b", "d", "gU", "gW"))
                for place in spec.places()
            ),
            outlet=(views["head.V"], views["head.c"]),
        )

    def _reads(self, x: object) -> bool:
        if not isinstance(x, np.ndarray) or not x.size:
            return False
        if x.ndim == 2:
            return _is(x, x.shape, np.intp)
        wanted = (*x.shape[:2], self._spec.input_size)
        return x.ndim == 3 and _is(x, wanted, self._dtype)

    def _arrays(self, rows: int, make: Callable[..., Array]) -> list[Array]:
        return [make((rows, width), self._dtype) for width in self._widths for _ in self._cell.states]

    def _listed(self, state: State, rows: int) -> list[Array]:
        """Return the arrays of a state that can be read as it is, else none."""
        listed = [s for place in state for s in place]
        shapes = [(rows, width) for width in self._widths for _ in self._cell.states]
        fits = len(listed) == len(shapes) and all(map(_is, listed, shapes, repeat(self._dtype)))
        return listed if fits else []

    def _state(self, arrays: list[Array]) -> State:
        count = len(self._cell.states)
        return tuple(tuple(arrays[k : k + count]) for k in range(0, len(arrays), count))


def _is_plain(spec: Spec) -> bool:
    odd = (spec.bidirectional, spec.embedding_size, spec.feature_size, spec.tied, spec.zoneout)
    learned = spec.learn_initial_state
    plain = not any(odd) and not learned and spec.readout == "every" and spec.head == "softmax"
    return plain and spec.num_layers <= MOST_LAYERS


def _is(array: Any, shape: tuple[int, ...], dtype: Any) -> bool:
    """Is it an array that compiled code can read as it lies?"""
    fits = isinstance(array, np.ndarray) and array.shape == shape and array.dtype == dtype
    return bool(fits and array.flags.c_contiguous and array.flags.aligned)
