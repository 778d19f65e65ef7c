"""The weights of a network as streams store them narrow, and what its products meet in a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from .circumstances import Circumstances
from .engines import Tape, is_symbols
from .errors import NumericError, OptionError, ShapeError
from .inputs import Parts
from .machine import Machine
from .numerics import Array
from .quantization import STORAGES, Narrow, narrow

WINDOW = 1024  # steps that are run at once


@dataclass(frozen=True)
class Narrowed:
    """The matrices U, W, V and E of a network in a narrow storage, by the names of the parameters."""

    storage: str
    matrices: Mapping[str, Narrow]

    def machine(self, machine: Machine) -> Machine:
        """Return what runs the network with the weights that the narrow ones stand for."""
        parameters = machine.parameters.like(machine.parameters.flat.copy())
        for name, matrix in self.matrices.items():
            parameters[name][:] = matrix.wide()
        return Machine(machine.spec, parameters, machine.engine)


def check_storage(weights: str | None, dtype: str, calibrated: bool) -> None:
    """Raise OptionError for weights that a network of this type cannot be streamed with."""
    wanted = ("float32", *STORAGES)
    if weights is not None and weights not in wanted:
        raise OptionError(f"weights is {weights!r}; it must be one of {', '.join(wanted)}, or None")
    if weights is not None and dtype != "float32":
        raise OptionError(
            f"weights {weights!r} are for networks of float32; this one is {dtype}: leave weights out, "
            "or make the network with dtype='float32'"
        )
    if calibrated and weights != "int8":
        raise OptionError(
            f"calibrate is what int8 is fitted to, and weights is {weights!r}: leave calibrate out, "
            "or say weights='int8'"
        )


def narrowed(machine: Machine, weights: str | None, text: Parts | None) -> Narrowed | None:
    """Return the weights in this storage, None for the network's own.

    text: symbols "T 1", features "T 1 I": what int8 is fitted to.
    Raises: NumericError when a weight is not finite, or would not be.
    """
    if weights is None or weights == "float32":
        return None
    met = {} if text is None else _met(machine, text)
    matrices = {}
    for name, matrix in machine.parameters.views.items():
        if name.rsplit(".", 1)[-1] in ("U", "W", "V", "E"):
            try:
                matrices[name] = narrow(matrix, weights, met.get(name))
            except NumericError as error:
                raise NumericError(f"{name}: {error}") from None
    return Narrowed(weights, matrices)


def _met(machine: Machine, text: Parts) -> dict[str, Array]:
    """Return Σ x xᵀ of what each matrix reads in a text; nothing of those that read symbols."""
    steps = next(len(part) for part in text if part is not None)
    if not steps:
        raise ShapeError("calibrate has no steps; give a text that the network would read")
    sums: dict[str, Array] = {}
    state = machine.initial((1,))
    for start in range(0, steps, WINDOW):
        part = slice(start, start + WINDOW)
        parts = (None if text[0] is None else text[0][part], None if text[1] is None else text[1][part])
        met = Circumstances(1, (), steps=min(WINDOW, steps - start))
        run = machine.run(parts, state, met, keep=False)
        state = machine.finish(run)
        for name, x in _read(machine, run.passage.tapes):
            rows = x.reshape(-1, x.shape[-1]).astype(np.float64)
            sums[name] = sums.get(name, 0.0) + rows.T @ rows
        machine.release(run)
    if wrong := [name for name, squares in sums.items() if not np.isfinite(squares).all()]:
        raise NumericError(f"what {wrong[0]} reads is not finite in the text that calibrate gives")
    return sums


def _read(machine: Machine, tapes: list[Tape]) -> Iterator[tuple[str, Array]]:
    """Yield what each matrix reads, "T 1 K"; not symbols, which come alone: none makes up for another."""
    for place, tape in zip(machine.layers.places, tapes, strict=True):
        if not is_symbols(tape.x):
            yield f"{place}.U", tape.x
        yield f"{place}.W", tape.states[0][:-1]
    yield "embedding.E" if machine.spec.tied else "head.V", tapes[-1].outputs
