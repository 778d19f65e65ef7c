"""From logits to one symbol: weights, and a draw by the inverse of their cumulative distribution.

All in float64 and in the order of the symbols, with one uniform double for each draw; native/generate.hpp
does the same, to the letter. Source: top-p: Holtzman et al. 2020, arXiv:1904.09751.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .errors import NumericError, OptionError
from .numerics import Array

NOT_FINITE = "a logit is not finite: the weights hold, or lead to, NaN or infinity"


@dataclass(frozen=True)
class Weighing:
    """How logits become weights: the options of `weights`; fresh_after: the symbol that ends a state.

    Raises: OptionError for one out of range.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    banned: tuple[int, ...] = ()
    fresh_after: int | None = None

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if not 0 <= self.temperature < math.inf:
            raise OptionError(
                f"temperature is {self.temperature}; it must be 0 (the most probable symbol) or more"
            )
        if self.top_k is not None and self.top_k < 1:
            raise OptionError(f"top_k is {self.top_k}; it must be a number of symbols, 1 or more")
        if self.top_p is not None and not 0 <= self.top_p <= 1:
            raise OptionError(f"top_p is {self.top_p}; it must be a share of the probability, from 0 to 1")

    def draw(self, logits: Array, chance: float) -> int:
        """Return the symbol that a uniform number, 0 ≤ chance < 1, stands for.

        Raises: NumericError when a logit is not finite.

        >>> [Weighing(top_k=2).draw(np.log([0.2, 0.3, 0.5]), chance) for chance in (0.0, 0.37, 0.38)]
        [1, 1, 2]
        """
        weighed = weights(
            logits, temperature=self.temperature, top_k=self.top_k, top_p=self.top_p, banned=self.banned
        )
        # A double below 1 times the sum stays below the sum, and a weight of 0 leaves no room to fall into.
        cumulative = np.add.accumulate(weighed)
        return int(cumulative.searchsorted(chance * cumulative[-1], side="right"))


def weights(
    logits: Array,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    banned: ArrayLike = (),
) -> Array:
    """Return the weights that a symbol is drawn by: float64, in proportion to its probability, the largest 1.

    The options are those of `elman.generate`.

    Shapes: logits: "O" → "O".
    Raises: NumericError when a logit is not finite.

    >>> weights(np.log([0.5, 0.25, 0.2, 0.05]), top_k=3, top_p=0.7)
    array([1. , 0.5, 0. , 0. ])
    """
    z = np.array(logits, np.float64)
    check_finite(z)
    z[np.asarray(banned, np.intp)] = -np.inf
    z -= z.max()
    if temperature == 0:
        top_k = 1
    elif temperature != 1:
        with np.errstate(over="ignore"):  # to −inf, whose weight is 0
            z /= temperature
    if top_k is not None or top_p is not None:
        kept = _most_probable(z, top_k, top_p)
        chosen = np.full_like(z, -np.inf)
        chosen[kept] = z[kept]
        z = chosen
    return np.exp(z)


def _most_probable(z: Array, top_k: int | None, top_p: float | None) -> Array:
    """Return the symbols that top_k and then top_p leave."""
    kept = largest(z, top_k or len(z))
    if top_p is None or top_p == 1:
        return kept
    reached = np.add.accumulate(np.exp(z[kept]))
    return kept[: 1 + int(reached.searchsorted(top_p * reached[-1]))]


def largest(values: Array, count: int) -> Array:
    """Return where the largest values lie, the largest first, equals in the order in which they lie.

    Shapes: values: "N" → "min(count, N)".

    >>> largest(np.array([1.0, 3.0, 2.0, 3.0]), 3)
    array([1, 3, 2])
    """
    count = min(count, len(values))
    candidates = np.flatnonzero(values >= np.partition(values, -count)[-count])
    return candidates[np.argsort(-values[candidates], kind="stable")][:count]


def check_finite(logits: Array) -> None:
    """Raise NumericError when a logit is not finite."""
    if not (math.isfinite(logits.max()) and math.isfinite(logits.min())):
        raise NumericError(NOT_FINITE)
