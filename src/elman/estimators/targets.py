"""Numbers as targets: for each sequence, or for each of its steps."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.data.scaling import Scaler, far_from_unit_size, fit_scaler
from elman.errors import DataError, ShapeError
from elman.numerics import Array

from .reading import check_finite, stacked


@dataclass(frozen=True)
class Targets:
    """Targets "N O" of sequences, or for each of these "T O"; shape is () where they had no axis O."""

    values: Array | list[Array]
    shape: tuple[int, ...]

    def scaled(self, scaler: Scaler | None, dtype: str) -> Array | list[Array]:
        """Return them in standard units."""
        if isinstance(self.values, list):
            return [_scaled(part, scaler, dtype) for part in self.values]
        return _scaled(self.values, scaler, dtype)

    def learn_scale(self, kept: Array, scale: bool) -> Scaler | None:
        """Return the scaler of the sequences to train on; without one warn of targets of another size.

        Raises: DataError for targets that are all the same.
        """
        many = isinstance(self.values, list)
        told = np.concatenate([self.values[k] for k in kept]) if many else np.asarray(self.values)[kept]
        names = [f"target {i}" for i in range(told.shape[1])] if self.shape else ["y"]
        return learn_scale(told, names, scale, callers=5)


def learn_scale(told: Array, names: list[str], scale: bool, *, callers: int) -> Scaler | None:
    """Return the scaler of targets "N O"; if they are not to be scaled, warn of those that should.

    The warning points at the user, so many `callers` up.
    Raises: DataError for a column that is constant.
    """
    scaler = fit_scaler(told, names)
    if scale:
        return scaler
    far = far_from_unit_size(told, names)
    if far is not None:
        warnings.warn(f"{far} (scale=True does)", UserWarning, stacklevel=callers + 1)
    return None


def read_targets(estimator: Any, y: Any, rows: Sequence[Any], lengths: Any = None) -> Targets:
    """Return the targets of sequences: one for each, or with the readout "every" one for each step.

    Raises: DataError for another number of them than of sequences or steps, and for NaN or infinity, naming
            the place; ShapeError for what are no numbers.
    """
    if y is None:
        raise DataError(f"{type(estimator).__name__} requires y to be passed, but the target y is None")
    many = estimator.readout == "every"
    parts = (y if lengths is None else stacked("y", y, lengths)) if many else [y]
    arrays = [_numbers(f"sequence {k} of y" if many else "y", part) for k, part in enumerate(parts)]
    count = len(arrays) if many else len(arrays[0])
    if count != len(rows):
        raise DataError(f"X has {len(rows)} sequences, y has {count}; expected as many")
    if not many:
        check_finite([_columns(arrays[0])], lambda _, t, i: f"target {t} of y, column {i}")
        return Targets(_columns(arrays[0]), arrays[0].shape[1:])
    _check_steps(rows, arrays)
    values = [_columns(array) for array in arrays]
    check_finite(values, lambda k, t, i: f"sequence {k} of y, step {t}, column {i}")
    return Targets(values, arrays[0].shape[1:])


def _check_steps(rows: Sequence[Any], arrays: list[Array]) -> None:
    for k, (row, array) in enumerate(zip(rows, arrays, strict=True)):
        if len(array) != len(row):
            raise DataError(f"sequence {k} has {len(row)} steps in X and {len(array)} in y; expected as many")
        if array.shape[1:] != arrays[0].shape[1:]:
            widths = f"{array.shape[1:]} numbers a step, sequence 0 {arrays[0].shape[1:]}"
            raise ShapeError(f"sequence {k} of y has {widths}; expected the same")


def _numbers(name: str, values: Any) -> Array:
    array = np.asarray(values)
    if array.dtype.kind == "O":
        array = array.astype(np.float64)
    if array.ndim not in (1, 2) or array.dtype.kind not in "biuf":
        hint = "Complex data not supported: " if array.dtype.kind == "c" else ""
        raise ShapeError(f"{hint}{name} is {array.dtype} {array.shape}; expected numbers, (N,) or (N, O)")
    return array.astype(np.float64)


def _columns(array: Array) -> Array:
    return array[:, None] if array.ndim == 1 else array


def _scaled(values: Array, scaler: Scaler | None, dtype: str) -> Array:
    return (values if scaler is None else scaler.transform(values)).astype(dtype)
