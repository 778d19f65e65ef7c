"""Not a rival but the yardstick: what this machine reaches on one large float32 matrix product."""

from __future__ import annotations

from typing import Any

import numpy as np
from harness import Case
from numpy.typing import NDArray

FLOP = 2 * 2048 * 256 * 256


class Product:
    """2048 × 256 by 256 × 256, again and again."""

    def __init__(self, case: Case, start: NDArray[Any]) -> None:
        rng = np.random.default_rng(0)
        self._a, self._b = (rng.standard_normal(shape).astype("f4") for shape in ((2048, 256), (256, 256)))
        self._out = np.empty((2048, 256), "f4")

    def step(self, x: NDArray[Any], targets: NDArray[Any]) -> float:
        """Multiply once."""
        np.matmul(self._a, self._b, out=self._out)
        return 0.0


make = Product
