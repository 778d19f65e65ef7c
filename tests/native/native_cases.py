"""What the tests of the compiled engine share: cases for both engines, and every instruction set in turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest

from cases import Answers, Array, Case, each, frozen, kink_distance, named, random_case, read
from elman import Network
from elman.engines.loading import native

MODULE = native()
SETS = () if MODULE is None else tuple(MODULE.instruction_sets())
FUSED = tuple(name for name in SETS if name != "baseline")  # those that promise each other's bits
ISAS = FUSED or SETS  # a baseline alone promises its own

two_sets = pytest.mark.skipif(len(FUSED) < 2, reason="this CPU has no two instruction sets with FMA")


@contextmanager
def using(name: str) -> Iterator[None]:
    """Run on one instruction set."""
    before = MODULE.in_use()
    MODULE.use(name)
    try:
        yield
    finally:
        MODULE.use(before)


def twin(case: Case, engine: str = "native", threads: int = 1, **changes: Any) -> Case:
    """The same case on another engine; or on another number of threads, in another element type, ..."""
    spec = replace(case.network.spec, **changes)
    network = Network.from_spec(
        spec, case.network.parameters.flat.astype(spec.dtype), engine=engine, threads=threads
    )

    def cast(a: Array) -> Array:
        return a if a.dtype.kind != "f" else frozen(a.astype(spec.dtype))

    state = None if case.state is None else each(case.state, cast)
    targets = cast(case.targets)
    return replace(
        case,
        network=network,
        x=read(case.x, cast),
        state=state,
        dy=cast(case.dy),
        dstate=each(case.dstate, cast),
        targets=targets,
    )


def draw(cell: tuple[str, str], *, kink: float = 1e-5, seed: int = 0, **given: Any) -> Case:
    """Draw a case on the reference engine, of any size; relu stays farther from its kink than this."""
    for attempt in count():
        given |= {"engine": "reference", "initialization": "uniform", "seed": seed + 10_000 * attempt}
        case = random_case((cell[0], "tanh"), **given)
        if cell[1] == "relu":
            case = twin(case, "reference", activation="relu")
            if kink_distance(case) < kink:
                continue
        return case
    raise AssertionError("unreachable")


def differentiated(case: Case) -> Answers:
    """Loss and gradients of a batch, a share of the loss beside what reaches the final state."""
    told = case.network.differentiate(case.batch, case.state, noise=case.noise, dstate=case.dstate, share=0.7)
    named_states = named("state", told.state) | named("dstart", told.dstate)
    return {"loss": np.array(told.loss), "gradient": told.gradient, **named_states}


def unequal(came: Answers, expected: Answers) -> list[str]:
    """The names of what is not the same, byte for byte."""
    assert came.keys() == expected.keys()
    return [
        name
        for name, a in came.items()
        if a.shape != expected[name].shape or a.tobytes() != expected[name].tobytes()
    ]
