"""Bits depend on no instruction set, threads, chunks, batch or padding: a thousand random cases and more."""

from __future__ import annotations

import pytest

from bit_laws import gradient_laws, run_laws, some_case

PARTS, EACH = 16, 65  # 1,040 cases


@pytest.mark.parametrize("part", range(PARTS))
def test_runs(part: int, seed: int) -> None:
    for number in range(seed + part * EACH, seed + (part + 1) * EACH):
        case = some_case(number)
        for law, wrong in run_laws(case, number):
            assert wrong == [], (number, law)


@pytest.mark.parametrize("part", range(PARTS))
def test_gradients(part: int, seed: int) -> None:
    for number in range(seed + part * EACH, seed + (part + 1) * EACH):
        case = some_case(number)
        for law, wrong in gradient_laws(case, number):
            assert wrong == [], (number, law)


@pytest.mark.parametrize("readout", ["mean", "concat"])
@pytest.mark.parametrize("number", range(8))
def test_a_mean_of_one_unit(readout: str, number: int) -> None:
    """NumPy adds up what lies together in another order than what does not."""
    case = some_case(number, T=20, B=3, H=1, layers=1, readout=readout, bidirectional=False, lengths=None)
    for law, wrong in run_laws(case, number):
        assert wrong == [], law
