"""Memory that was never written has no part in any answer: where it holds NaN, nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bit_laws import some_case
from cases import Array, Case
from elman.engines import Memory
from native_cases import differentiated, twin, unequal


def noisy(right: Callable[..., Array]) -> Callable[..., Array]:
    """Hand out what is full of NaN, where it can be."""

    def make(*given: Any, **named: Any) -> Array:
        array = right(*given, **named)
        if array.dtype.kind == "f":
            array.fill(np.nan)
        return array

    return make


def poison(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Memory, "take", noisy(Memory.take))
    monkeypatch.setattr(np, "empty", noisy(np.empty))
    monkeypatch.setattr(np, "empty_like", noisy(np.empty_like))


def all_answers(case: Case) -> dict[str, Array]:
    return differentiated(case) | {f"backward.{name}": a for name, a in case.answers().items()}


def test_noise_in_memory_is_never_read(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    cases = [some_case(number) for number in range(seed, seed + 120)]
    expected = [all_answers(twin(case)) for case in cases]
    poison(monkeypatch)
    for number, (case, right) in enumerate(zip(cases, expected, strict=True), seed):
        assert unequal(all_answers(twin(case)), right) == [], number


def test_memory_from_a_larger_run_serves_a_smaller_one(seed: int) -> None:
    """The same network, one case after the other: each leaves its numbers to the next."""
    for number in range(seed, seed + 30):
        case = some_case(number, lengths=None, dtype="float64")
        own = twin(case)
        first = all_answers(own)
        half = (
            own.network.run(own.x[:1] if not isinstance(own.x, tuple) else own.x, own.state)
            if case.every
            else None
        )
        assert half is None or np.isfinite(half[0]).all()
        assert unequal(all_answers(own), first) == [], number


def test_noise_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an engine counts on zeros, noise in their place changes the answers."""
    case = twin(some_case(0, reset=0.5, lengths=None, noise=None))
    expected = all_answers(case)
    monkeypatch.setattr(np, "zeros_like", noisy(np.zeros_like))
    assert unequal(all_answers(case), expected) != []


def test_the_poison_works(monkeypatch: pytest.MonkeyPatch) -> None:
    poison(monkeypatch)
    assert np.isnan(np.empty(3)).all()
    assert np.isnan(Memory("float32").take((2, 2))).all()
    assert np.empty(3, int).dtype.kind == "i"
