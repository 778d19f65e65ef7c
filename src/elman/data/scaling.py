"""Columns brought to unit size: the standard score, learned from training rows and kept with the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from elman.errors import DataError, OptionError
from elman.numerics import Array

FAR, SMALL, LARGE = 10, 1e-2, 1e2  # what is still near unit size: mean in deviations, and deviations


@dataclass(frozen=True)
class Scaler:
    """The standard score z = (x - mean) / scale of each of D columns.

    Raises: OptionError unless there is a scale above 0 for each mean, and all are finite.

    >>> scaler = Scaler(mean=(10.0, 0.0), scale=(2.0, 1.0))
    >>> scaler.transform([[12, 3]]), scaler.inverse([[1, 3]])
    (array([[1., 3.]]), array([[12.,  3.]]))
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]

    def __post_init__(self) -> None:
        if not (len(self.mean) == len(self.scale) and np.isfinite([*self.mean, *self.scale]).all()):
            raise OptionError(f"a scaler has a mean and a scale a column, finite; {self} came")
        if not all(scale > 0 for scale in self.scale):
            raise OptionError(f"the scale of each column must be more than 0; {self.scale} came")

    def transform(self, x: ArrayLike) -> Array:
        """Return x in standard units.

        Shapes: x: "... D" → "... D".
        """
        return (np.asarray(x, np.float64) - self.mean) / self.scale

    def inverse(self, z: ArrayLike) -> Array:
        """Return z in the units of the columns; several blocks of D columns may lie side by side.

        Shapes: z: "... K·D" → "... K·D".
        """
        return (self._blocks(z) * self.scale + self.mean).reshape(np.shape(z))

    def inverse_spread(self, z: ArrayLike) -> Array:
        """Return what is a distance, such as a standard deviation, in the units of the columns.

        Shapes: z: "... K·D" → "... K·D".
        """
        return (self._blocks(z) * self.scale).reshape(np.shape(z))

    def _blocks(self, z: ArrayLike) -> Array:
        z = np.asarray(z, np.float64)
        return z.reshape(*z.shape[:-1], -1, len(self.mean))


def fit_scaler(x: ArrayLike, names: Sequence[str]) -> Scaler:
    """Learn mean and standard deviation of each column, from rows to train on alone.

    Shapes: x: "N D", finite; names: D of them.
    Raises: DataError that names a column which is constant, or whose numbers are too large.

    >>> fit_scaler([[1.0], [3.0]], ["rides"])
    Scaler(mean=(2.0,), scale=(1.0,))
    >>> fit_scaler([[3.0], [3.0]], ["rides"])
    Traceback (most recent call last):
    elman.errors.DataError: column 'rides' is constant (3.0 in all 2 rows to train on): nothing can be learned
    from it; leave it out
    """
    x = np.asarray(x, np.float64)
    if not len(x):
        raise DataError(f"there are no rows to learn the scale of {', '.join(names)} from")
    for name, column in zip(names, x.T, strict=True):
        if column.min() == column.max():
            raise DataError(
                f"column {name!r} is constant ({column[0]} in all {len(column):,} rows to train on): "
                "nothing can be learned from it; leave it out"
            )
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        mean, scale = x.mean(axis=0), x.std(axis=0)
    wrong = np.flatnonzero(~np.isfinite(mean) | ~np.isfinite(scale) | (scale == 0))
    if len(wrong):
        name, size = names[wrong[0]], np.abs(x[:, wrong[0]]).max()
        raise DataError(f"column {name!r} cannot be scaled: its numbers go up to {size:.3g}; change its unit")
    return Scaler(tuple(mean.tolist()), tuple(scale.tolist()))


def far_from_unit_size(targets: ArrayLike, names: Sequence[str]) -> str | None:
    """Say which target is so far from mean 0 and deviation 1 that training will suffer, or None.

    Shapes: targets: "N D"; names: D of them.

    >>> far_from_unit_size([[28_000.0], [29_000.0], [31_000.0]], ["rides"])
    "target 'rides' has mean 2.933e+04 and standard deviation 1247: far from 0 and 1, which slows training or
    stops it; scale the targets"
    >>> far_from_unit_size([[0.5], [-1.0]], ["rides"]) is None
    True
    """
    targets = np.asarray(targets, np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        means, deviations = targets.mean(axis=0), targets.std(axis=0)
    for name, mean, deviation in zip(names, means.tolist(), deviations.tolist(), strict=True):
        if not (abs(mean) <= FAR * deviation and SMALL <= deviation <= LARGE):
            return (
                f"target {name!r} has mean {mean:.4g} and standard deviation {deviation:.4g}: "
                "far from 0 and 1, which slows training or stops it; scale the targets"
            )
    return None
