"""R13: gradients are right: central differences of random shapes on both engines; faults are seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import cell_mutants as c
import mutants as m
from cases import TOLERANCE, Case
from cell_mutants import ELMAN, GRU, LSTM, Key
from checks import differentiate_error, distance, gradient_error, truncated_error
from elman import bptt
from elman.cells import CELLS
from elman.engines import choice
from elman.engines.loading import native
from elman.noise import Noise
from mutants import Plant
from native_cases import draw, twin

ENGINES = ("reference", "native") if native() else ("reference",)
Kept = Callable[[str, str], None]
NARROW = 1e-3  # of float32 against float64
OPTIONS: tuple[dict[str, Any], ...] = (
    {"bidirectional": True},
    {"learn_initial_state": True, "own_start": True},
    {"layer_norm": True},
    {"zoneout": 0.3},
    {"dropout": 0.3, "layers": 2},
    {"recurrent_dropout": 0.3},
    {"weighted": True},
    {"reset": 0.3},
    {"embedding_size": 3, "dense": False},
)


def shape(cell: tuple[str, str], number: int, **given: Any) -> Case:
    """A random network and batch; any size may be 1, rows have lengths of their own, some are empty."""
    random = np.random.default_rng([number, 13])
    sizes = {name: int(random.choice([1, 1, 2, 3, 4, 6])) for name in "TBIHO"}
    options: dict[str, Any] = {"dense": bool(random.random() < 0.5), "layers": int(random.integers(1, 3))}
    for option in OPTIONS:
        options |= option if random.random() < 0.15 else {}
    if random.random() < 0.5:
        options["lengths"] = random.integers(0, sizes["T"] + 1, sizes["B"])
    if options.get("layer_norm"):
        sizes["H"] = 6  # fewer units amplify so much that differences, not derivatives, are wrong
    options["noise"] = Noise(seed=number, step=number)
    return draw(cell, seed=number, kink=1e-3, **sizes | options | given)


def errors(case: Case) -> Iterator[float]:
    """Of backward, of loss and gradient in one, and of windows that hand their state on."""
    yield gradient_error(case, along=2)
    yield differentiate_error(case, along=2)
    spec = case.network.spec
    whole = spec.bidirectional or spec.learn_initial_state or case.reset is not None
    if not whole and case.batch.total > 0:
        yield truncated_error(case, 2, along=2)


def narrow_error(case: Case, engine: str) -> float:
    """Of float32 against float64."""
    (_, wide, _), (_, came, _) = (
        bptt.full(one.network, one.batch, one.state, noise=one.noise)
        for one in (case, twin(case, engine, dtype="float32"))
    )
    return distance(came, wide)


@pytest.mark.parametrize("engine", ENGINES)
def test_backward_is_the_derivative(
    engine: str, full: bool, seed: int, kept: Callable[[str, str], None]
) -> None:
    count, wide, narrow = 100 if full else 6, 0.0, 0.0
    for cell in CELLS:
        for number in range(seed, seed + count):
            case = twin(shape(cell, number), engine)
            wide, narrow = max(wide, *errors(case)), max(narrow, narrow_error(case, engine))
            assert wide < TOLERANCE.gradient, (cell, number)
            assert narrow < NARROW, (cell, number)
    what = f"{engine}: {len(CELLS)} cells × {count} shapes"
    kept("R13", f"{what}, worst error {wide:.0e}, of float32 {narrow:.0e}")


# ----------------------------------------------------------------------------------- faults that must be seen

FAULTS: dict[str, tuple[Plant, Key]] = {
    "the recurrent bias is forgotten": (m.recurrent_bias_forgotten, GRU),
    "the state after instead of before": (m.after_instead_of_before, LSTM),
    "the start is forgotten": (m.start_forgotten, ELMAN),
    "the last gradient is dropped": (m.final_gradient_ignored, GRU),
    "the last memory's gradient is dropped": (m.final_memory_ignored, LSTM),
    "another gate's line, GRU": (c.copied_line[GRU], GRU),
    "another gate's line, LSTM": (c.copied_line[LSTM], LSTM),
    "the wrong state in a line": (c.wrong_state_in_the_line, ELMAN),
    "a derivative 0.1 % off": (c.slightly_off[GRU], GRU),
    "W transposed": (m.transposed_backward, ELMAN),
    "a symbol's gradient overwritten": (m.same_symbol_overwritten, ELMAN),
    "the state is not detached": (m.gradient_not_cut_at_windows, ELMAN),
}


def test_planted_faults_are_seen(monkeypatch: pytest.MonkeyPatch, seed: int, kept: Kept) -> None:
    """By a few shapes."""
    monkeypatch.setattr(choice, "native", lambda: None)  # they are in the reference engine
    missed = []
    for fault, (plant, cell) in FAULTS.items():
        with monkeypatch.context() as patch:
            plant(patch)
            cases = (twin(shape(cell, number), "reference") for number in range(seed, seed + 12))
            if not any(error > 100 * TOLERANCE.gradient for case in cases for error in errors(case)):
                missed.append(fault)
    assert missed == []
    kept("R13", f"{len(FAULTS)} of {len(FAULTS)} planted faults seen")
