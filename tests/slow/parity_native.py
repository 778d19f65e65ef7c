"""The compiled engine asked at length: pytest -m slow tests/slow/parity_native.py, some minutes.

The quick suite, tests/native, has the same questions in smaller numbers. The cases are drawn from the seed
that is told at the end; --hypothesis-seed gives the same again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from elman.engines.loading import native, why_not

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "native")]

from bit_laws import gradient_laws, run_laws, some_case  # noqa: E402
from checks import worst  # noqa: E402
from matrix import Row  # noqa: E402
from native_cases import FUSED, MODULE, twin, unequal, using  # noqa: E402
from scalar import Scalar, scalar_library  # noqa: E402
from test_native_parity import ROWS, decided, everything, sized  # noqa: E402
from test_native_scalar import CORNERS, NAMES, draw_layer, of_engine, of_scalar  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(native() is None, reason=f"the compiled engine is {why_not()}"),
]
SEEDS, LAWS, LAYERS = 8, 200, 250  # of each row of the matrix, of each of 100 parts, of each cell


@pytest.mark.parametrize("row", ROWS, ids=[", ".join(row.values()) for row in ROWS])
def test_the_matrix_with_other_numbers(row: Row, seed: int) -> None:
    name, threads = row["corner"].split(" × ")
    for number in range(seed, seed + SEEDS):
        case, expected, tolerated = decided(lambda k, number=number: sized(row, 100 * number + k))
        with using(name):
            assert worst(everything(twin(case, threads=int(threads))), expected) < tolerated, number


@pytest.mark.parametrize("part", range(100))
def test_laws_of_bits(part: int, seed: int) -> None:
    first = 1_000_000 + seed + part * LAWS
    for number in range(first, first + LAWS):
        case = some_case(number)
        for law, wrong in (*run_laws(case, number), *gradient_laws(case, number)):
            assert wrong == [], (number, law)


@pytest.fixture(scope="module", params=("float32", "float64"))
def scalar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Scalar:
    return scalar_library(request, tmp_path_factory, MODULE)


@pytest.mark.skipif(not FUSED, reason="this CPU has no instruction set with FMA")
@pytest.mark.parametrize("cell", NAMES.values())
def test_layers_are_the_plain_loops(scalar: Scalar, cell: str, seed: int) -> None:
    for number in range(1_000_000 + seed, 1_000_000 + seed + LAYERS):
        layer = draw_layer(cell, scalar.dtype.name, number)
        expected = of_scalar(scalar, layer)
        for name, threads in CORNERS:
            with using(name):
                assert unequal(of_engine(layer, threads), expected) == [], (number, name, threads)
