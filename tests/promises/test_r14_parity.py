"""R14: outputs, losses and gradients are those of PyTorch and Keras, on both engines."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cases import TOLERANCE
from checks import parity_errors
from elman.engines import choice
from elman.engines.loading import native

GOLDENS = Path(__file__).parents[1] / "goldens"
ENGINES = ("reference", "native") if native() else ("reference",)
CELLS = ("tanh", "relu", "gru", "lstm")
FORWARD = ("y", "loss", "state")
Kept = Callable[[str, str], None]

dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


def worst(goldens: Iterable[dict[str, Any]], dtype: str) -> dict[str, float]:
    """Of what goes forward and of gradients, on either engine, in units of the largest number of an array."""
    errors: dict[str, float] = defaultdict(float)
    for golden, engine in product(goldens, ENGINES):
        with pytest.MonkeyPatch.context() as patch:
            if engine == "reference":
                patch.setattr(choice, "native", lambda: None)  # what networks take when nobody asks
            found = parity_errors(golden, dtype)
        for name, error in found.items():
            kind = "forward" if name in FORWARD else "gradients"
            errors[kind] = max(errors[kind], error)
    return errors


def within(errors: dict[str, float], dtype: str) -> bool:
    allowed = {"forward": TOLERANCE.parity[dtype], "gradients": TOLERANCE.parity_gradient[dtype]}
    return all(errors[kind] < allowed[kind] for kind in allowed)


def told(errors: dict[str, float]) -> str:
    return ", ".join(f"{kind} {error:.0e}" for kind, error in errors.items())


@dtypes
@pytest.mark.parametrize("library", ["torch_rnn", "keras"])
def test_numbers_that_others_gave(library: str, dtype: str, kept: Kept) -> None:
    goldens = json.loads((GOLDENS / f"{library}.json").read_text("utf-8"))["cases"]
    errors = worst(goldens, dtype)
    assert within(errors, dtype), errors
    name = {"torch_rnn": "PyTorch", "keras": "Keras"}[library]
    kept("R14", f"{len(goldens)} kept cases of {name}, {dtype}: {told(errors)}")


def random_question(draw: Callable[..., dict[str, Any]], seed: int) -> dict[str, Any]:
    """A quarter of the questions for each cell, half of them in both directions, packed, dense."""
    generator = np.random.default_rng(seed)
    sizes = tuple(int(n) for n in generator.integers(1, [40, 9, 12, 33, 12]))  # T B I H O
    lengths = tuple(generator.integers(1, sizes[0], sizes[1], endpoint=True).tolist())
    return draw(
        generator,
        cell=CELLS[seed % 4],
        layers=int(generator.integers(1, 4)),
        dense=bool(generator.integers(2)),
        lengths=lengths if generator.integers(2) else None,
        both=bool(generator.integers(2)),
        sizes=sizes,
    )


@pytest.mark.skipif(find_spec("torch") is None, reason="there is no PyTorch here; nox -s parity installs it")
@dtypes
def test_pytorch_asked_anew(dtype: str, full: bool, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(GOLDENS)])
    from make_torch_rnn import answer, draw

    questions = (random_question(draw, number) for number in range(240 if full else 24))
    asked = [question | {"expected": answer(question, dtype)} for question in questions]
    errors = worst(asked, dtype)
    assert within(errors, dtype), errors
    kept("R14", f"{len(asked)} random configurations, PyTorch live, {dtype}: {told(errors)}")
