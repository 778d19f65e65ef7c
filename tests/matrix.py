"""The matrix of what a network can be, and rows of it in which every two choices meet at least once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from cases import Case, random_case
from elman.cells import CELLS
from elman.heads import HEADS
from elman.heads.readout import READOUTS
from elman.noise import Noise

T, B, O = 4, 3, 2
RAGGED = (2, 0, 4)  # one empty, one whole; the order that puts the longest first is a cycle of three
DROPS = {"input_dropout": 0.3, "recurrent_dropout": 0.4, "dropout": 0.3, "output_dropout": 0.25}
ALL = {"layer_norm": True, "zoneout": 0.2} | DROPS

# Of each kind of choice: what it gives to `random_case`, by name.
CHOICES: dict[str, dict[str, dict[str, Any]]] = {
    "cell": {"-".join(cell): {"cell": cell} for cell in CELLS},
    "stack": {
        "one": {"H": 5},
        "two widths": {"H": (6, 5), "layers": 2},
        "both ways": {"H": 5, "bidirectional": True},
        "two widths, both ways": {"H": (5, 6), "layers": 2, "bidirectional": True},
    },
    "rows": {
        "whole": {},
        "ragged": {"lengths": RAGGED},
        "reset": {"reset": 0.4},
        "ragged, reset": {"lengths": RAGGED, "reset": 0.4},
    },
    "input": {
        "features": {"I": 3},
        "symbols": {"I": 3, "dense": False},
        "embedding": {"I": 4, "dense": False, "embedding_size": 3},
        "tied": {"dense": False, "tied": True},  # I and embedding_size follow from the rest
        "beside symbols": {"I": 3, "dense": False, "feature_size": 2},
        "beside an embedding": {"I": 4, "dense": False, "embedding_size": 3, "feature_size": 2},
    },
    "option": {"no option": {}, "all": ALL} | {name: {name: value} for name, value in ALL.items()},
    "noise": {"quiet": {}, "noisy": {"noise": Noise(seed=3, step=5)}},
    "start": {
        "given": {},
        "zero": {"own_start": True},
        "learned": {"own_start": True, "learn_initial_state": True},
        "given, learned": {"learn_initial_state": True},
    },
    "readout": {name: {"readout": name} for name in READOUTS}
    | {"flatten": {"readout": "flatten", "steps": T}},
    "head": {name: {"head": name} for name in HEADS}
    | {"quantile": {"head": "quantile", "quantiles": (0.2, 0.7)}},
    "weights": {"no weights": {}, "weights": {"weighted": True}},
}
ONE_WAY = ("one", "two widths")
BOTH_WAYS = ("both ways", "two widths, both ways")
Row = dict[str, str]


def exists(row: Row) -> bool:
    """Some choices contradict each other, and some would change nothing."""
    return not (
        (row["option"] in ("dropout", "all") and not row["stack"].startswith("two"))
        or (row["option"] in ("input_dropout", "all") and row["input"] == "symbols")
        or (row["option"] in ("no option", "layer_norm") and row["noise"] == "noisy")
        or (row["readout"] == "flatten" and "ragged" in row["rows"])
    )


def covering_rows(**only: Sequence[str]) -> list[Row]:
    """Draw many rows, and keep the one with most new pairs until every pair that was drawn is there.

    `only` narrows a kind of choice to these names.
    """
    generator = np.random.default_rng(0)
    names = {kind: only.get(kind, list(choices)) for kind, choices in CHOICES.items()}
    numbers = generator.integers(0, 2**31, (3000, len(names)))
    drawn = [
        {kind: of[n % len(of)] for (kind, of), n in zip(names.items(), line, strict=True)} for line in numbers
    ]
    drawn = [row for row in drawn if exists(row)]
    each = [(kind, name) for kind, of in names.items() for name in of]
    chosen = np.array([[row[kind] == name for kind, name in each] for row in drawn], float)
    missing, rows = chosen.T @ chosen > 0, list[Row]()
    while missing.any():
        best = ((chosen @ missing) * chosen).sum(axis=1).argmax()
        missing &= np.outer(chosen[best], chosen[best]) == 0
        rows.append(drawn[best])
    return rows


def every_row(**only: Sequence[str]) -> pytest.MarkDecorator:
    """Try a test on rows that cover the matrix, narrowed to these choices."""
    rows = covering_rows(**only)
    return pytest.mark.parametrize("row", rows, ids=[", ".join(row.values()) for row in rows])


def case_of(row: Row, **changed: Any) -> Case:
    """Draw the case that a row of the matrix describes."""
    given: dict[str, Any] = {"T": T, "B": B, "O": O}
    for kind, name in row.items():
        given |= CHOICES[kind][name]
    given |= changed
    if given.pop("tied", False):
        spec = random_case(**given, embedding_size=1).network.spec
        given |= {"tied": True, "I": spec.y_size, "embedding_size": spec.read_out}
    return random_case(**given)
