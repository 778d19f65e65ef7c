"""Noise for regularization, as a pure function of place and time: nothing about it need be kept.

A number depends on (seed, step of training, kind, layer, row, time, unit) alone, not on how many rows there
are or how time is cut into windows. Each (seed, step, kind, layer) has a stream of Philox, which can be
entered anywhere: row b has the 2⁶⁴ blocks of 256 bits from b · 2⁶⁴ on, time t in it ⌈F / 16⌉ blocks, a unit
16 bits. A unit is hit when these, as a whole number, are below rate · 2¹⁶: the rate is in effect rounded
down to a multiple of 2⁻¹⁶, and masks are scaled by what the rounded rate lets through, so their mean is 1.

Source: Salmon et al. 2011, doi:10.1145/2063384.2063405.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import DTypeLike

from .errors import OptionError
from .numerics import Array, generator

KINDS = (
    "input",
    "recurrent",
    "between",
    "output",
    "zoneout h",
    "zoneout s",
)  # append only: the position is part of each stream

LEVELS = 1 << 16  # of a unit's number
UNITS = 16  # whose numbers fill a block
WORDS = 4  # of 64 bits in a block
ROW = 1 << 64  # blocks from the start of a row to that of the next


@dataclass(frozen=True)
class Noise:
    """The noise of one step of training, from time `offset` on.

    `layer` is any number that tells apart those who draw the same kind: layers, and their directions.
    Raises: OptionError for a negative number, a kind that does not exist, a rate outside 0 ≤ rate < 1.

    >>> noise = Noise(seed=0, step=7)
    >>> mask = noise.per_step(0, "between", (6, 2, 3), 0.5, "float32")
    >>> window = noise.later(4).per_step(0, "between", (2, 2, 3), 0.5, "float32")
    >>> (mask[4:] == window).all(), sorted(set(mask.ravel().tolist()))
    (np.True_, [0.0, 2.0])
    """

    seed: int
    step: int
    offset: int = 0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 0:
                raise OptionError(f"{name} of noise is {value}; it must be 0 or more")

    def later(self, steps: int) -> Noise:
        """Return the same noise from `steps` later on: what the window that begins there meets.

        >>> Noise(seed=0, step=7).later(4).later(2)
        Noise(seed=0, step=7, offset=6)
        """
        return replace(self, offset=self.offset + steps)

    def per_sequence(
        self, layer: int, kind: str, shape: tuple[int, int], rate: float, dtype: DTypeLike
    ) -> Array:
        """Return a mask that a sequence keeps for all its time: 0, or 1 / (1 − rate); whatever the offset.

        Shapes: "B F".
        Source: Gal & Ghahramani 2016, arXiv:1512.05287.

        >>> Noise(seed=0, step=7).per_sequence(0, "recurrent", (2, 3), 0.5, "float32").shape
        (2, 3)
        """
        mask: Array = replace(self, offset=0).per_step(layer, kind, (1, *shape), rate, dtype)[0]
        return mask

    def per_step(
        self, layer: int, kind: str, shape: tuple[int, int, int], rate: float, dtype: DTypeLike
    ) -> Array:
        """Return a mask for every step: 0, or 1 / (1 − rate).

        Shapes: "T B F".
        Source: Srivastava et al. 2014, JMLR 15, 1929-1958.

        >>> Noise(seed=0, step=7).per_step(0, "output", (2, 1, 3), 0.5, "float32").tolist()
        [[[0.0, 0.0, 0.0]], [[0.0, 0.0, 2.0]]]
        """
        limit = _limit(rate)
        mask = (self._numbers(layer, kind, shape) >= limit).astype(dtype, order="C")
        mask *= LEVELS / (LEVELS - limit)
        return mask

    def keep(
        self, layer: int, kind: str, shape: tuple[int, int, int], rate: float, dtype: DTypeLike
    ) -> Array:
        """Return 1 where a unit keeps its old state, else 0: the mask of zoneout.

        Shapes: "T B F".
        Source: Krueger et al. 2017, arXiv:1606.01305.

        >>> Noise(seed=0, step=7).keep(0, "zoneout h", (1, 1, 4), 0.5, "float32")
        array([[[0., 0., 0., 1.]]], dtype=float32)
        """
        return (self._numbers(layer, kind, shape) < _limit(rate)).astype(dtype, order="C")

    def _numbers(self, layer: int, kind: str, shape: tuple[int, int, int]) -> Array:
        """Return whole numbers 0 .. 2¹⁶ − 1, "T B F"."""
        if kind not in KINDS:
            raise OptionError(f"no kind of noise {kind!r}; there are {', '.join(KINDS)}")
        steps, rows, units = shape
        blocks = -(-units // UNITS)
        stream = generator(self.seed, "dropout", self.step, KINDS.index(kind), layer).bit_generator
        assert isinstance(stream, np.random.Philox)
        stream.advance(self.offset * blocks)
        words = np.empty((rows, steps * blocks * WORDS), "<u8")  # the same numbers on every machine
        for row in words:
            row[:] = stream.random_raw(row.size)
            stream.advance(ROW - steps * blocks)
        return words.view("<u2").reshape(rows, steps, blocks * UNITS)[..., :units].transpose(1, 0, 2)


def _limit(rate: float) -> int:
    if not 0 <= rate < 1:
        raise OptionError(f"a rate of noise is {rate!r}; it must be at least 0 and less than 1")
    return int(rate * LEVELS)
