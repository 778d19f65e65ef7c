"""Sequences of unequal length, side by side: read and checked one by one, then laid into one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.errors import DataError, ShapeError

Array = NDArray[Any]
Forms = dict[str, tuple[int, str]]  # in words: the number of axes, and the kinds of numbers

SYMBOLS: Forms = {"symbols (whole numbers, 1 axis)": (1, "iu")}
FEATURES: Forms = {"features (floats, 2 axes; [:, None] makes one feature of 1 axis)": (2, "f")}


def pad(sequences: Sequence[Any]) -> tuple[Array | tuple[Array, Array], Array]:
    """Lay sequences of unequal length side by side, with zeros after the end of each: (x, lengths).

    Shapes: sequences: each "T" symbols (whole numbers), or each "T I" features (floats), or each a tuple of
            both; T may be 0 → x: "T B", "T B I" or a tuple of both; lengths: "B".
    Raises: DataError when there is none, or a tuple's parts differ in length; ShapeError; both name the first
            sequence that is wrong, counted from 0.

    >>> x, lengths = pad([np.array([5, 6]), np.array([7])])
    >>> x.T, lengths
    (array([[5, 6], [7, 0]]), array([2, 1]))
    """
    columns = read_sequences("x", sequences)
    x = [side_by_side(column) for column in columns]
    return x[0] if len(x) == 1 else (x[0], x[1]), lengths_of(columns[0])


def read_sequences(name: str, sequences: Sequence[Any]) -> tuple[list[Array], ...]:
    """Return the arrays of all sequences; of tuples (symbols, features) first those of all symbols."""
    if len(sequences) == 0:
        raise DataError(f"{name} has no sequences; expected 1 or more")
    both = [isinstance(s, tuple) and len(s) == 2 for s in sequences]
    if not any(isinstance(s, tuple) for s in sequences):
        return (read_arrays(name, sequences, SYMBOLS | FEATURES),)
    if not all(both):
        raise ShapeError(
            f"{name}: sequence {both.index(False)} is no tuple (symbols, features), as others are"
        )
    symbols = read_arrays(f"symbols of {name}", [s for s, _ in sequences], SYMBOLS)
    features = read_arrays(f"features of {name}", [f for _, f in sequences], FEATURES)
    check_steps(f"features of {name}", features, f"symbols of {name}", lengths_of(symbols))
    return symbols, features


def read_arrays(name: str, sequences: Sequence[Any], forms: Forms) -> list[Array]:
    """Return sequences as arrays, each of one of the forms, all of the same one and of the same width."""
    arrays = [read_array(f"{name}: sequence {k}", s, forms) for k, s in enumerate(sequences)]
    first = next((k for k, a in enumerate(arrays) if len(a)), 0)
    like = arrays[first]
    arrays = [a if len(a) else like[:0] for a in arrays]  # no steps are of every kind
    unlike = [k for k, a in enumerate(arrays) if a.shape[1:] != like.shape[1:]]
    if unlike:
        wrong, k = arrays[unlike[0]], unlike[0]
        raise ShapeError(
            f"{name}: sequence {k} is {wrong.dtype} {wrong.shape}, sequence {first} is {like.dtype} "
            f"{like.shape}; expected all of one kind and width"
        )
    return arrays


def read_array(name: str, values: Any, forms: Forms) -> Array:
    """Return an array of one of the forms, or an empty list's."""
    try:
        array: Array = np.asarray(values)
    except ValueError as error:  # lists within lists, of unequal length
        raise ShapeError(f"{name} is no array: {error}") from error
    fits = [array.ndim == axes and array.dtype.kind in kinds for axes, kinds in forms.values()]
    if not any(fits) and array.shape != (0,):
        raise ShapeError(f"{name} is {array.dtype} {array.shape}; expected {' or '.join(forms)}")
    return array


def check_steps(name: str, arrays: list[Array], other: str, lengths: Array) -> None:
    """Raise DataError, naming the first sequence with another number of steps than it has elsewhere."""
    wrong = np.flatnonzero(lengths_of(arrays) != lengths)
    if len(wrong):
        k = int(wrong[0])
        raise DataError(
            f"sequence {k} has {lengths[k]} steps in {other} and {len(arrays[k])} in {name}; expected as many"
        )


def lengths_of(arrays: list[Array]) -> Array:
    """Return the number of steps of each, "B"."""
    return np.array([len(a) for a in arrays])


def side_by_side(arrays: Sequence[Array]) -> Array:
    """Return one array "T B …", zero where a sequence has ended; symbols become intp."""
    kinds = {a.dtype for a in arrays}
    dtype = np.intp if all(kind.kind in "iu" for kind in kinds) else np.result_type(*kinds)
    padded = np.zeros((max(map(len, arrays)), len(arrays), *arrays[0].shape[1:]), dtype)
    for b, a in enumerate(arrays):
        padded[: len(a), b] = a
    return padded
