"""The door of a network: what users hand in becomes arrays that inner code can trust."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .cells import States
from .errors import ShapeError
from .numerics import Array
from .shapes import check


def read_input(x: ArrayLike, axes: str, input_size: int, dtype: str, lengths: Array | None = None) -> Array:
    """Return x as symbols (intp) of `axes`, or as features (dtype) of `axes` and I; padding becomes zero.

    Raises: ShapeError for other kinds, other axes, another width, or a symbol that is none.
    """
    x = np.asarray(x)
    if x.dtype.kind in "iu":
        return read_symbols("x", x, axes, input_size, lengths)
    if x.dtype.kind != "f":
        raise ShapeError(f"x is an array of {x.dtype}; expected integers (symbols) or floats (features)")
    hint = f"The first layer reads {input_size} features. Is the batch axis first?"
    check("x", x, f"{axes} I".strip(), hint, I=input_size)
    x = x.astype(dtype, copy=False)
    return x if lengths is None else np.where(_ended(x.shape[:-1], lengths)[..., None], x.dtype.type(0), x)


def read_symbols(name: str, x: ArrayLike, axes: str, size: int, lengths: Array | None = None) -> Array:
    """Return symbols 0 .. size-1 as intp; those past a row's end become zero.

    Raises: ShapeError for another kind, other axes, or a number that is no symbol.
    """
    x = np.asarray(x)
    if x.dtype.kind not in "iu":
        raise ShapeError(f"{name} is an array of {x.dtype}; expected integers (symbols)")
    check(name, x, axes, f"Integers are symbols, one a step; {size} features a step would be floats.")
    x = x.astype(np.intp, copy=False)
    if lengths is not None:
        x = np.where(_ended(x.shape, lengths), 0, x)
    if x.size and x.view(np.uintp).max() >= size:  # a negative one is huge without its sign
        wrong = int(x.min()) if x.min() < 0 else int(x.max())
        raise ShapeError(f"{name} holds the symbol {wrong}; symbols run from 0 to {size - 1}")
    return x


def _ended(shape: tuple[int, ...], lengths: Array) -> Array:
    """Return where rows have ended: "T B", or "T" of a sequence without a batch axis."""
    return (np.arange(shape[0])[:, None] >= lengths).reshape(shape)


def is_batched(x: ArrayLike, axes: int) -> bool:
    """Tell x with its batch axis from x without; axes counts those of a batch of symbols."""
    x = np.asarray(x)
    return x.ndim == axes + (x.dtype.kind not in "iu")


def read_lengths(lengths: ArrayLike, steps: int, batch: int) -> Array:
    """Return lengths as integers 0 .. T, one for each sequence."""
    read = np.asarray(lengths)
    if read.dtype.kind not in "iu":
        raise ShapeError(f"lengths is an array of {read.dtype}; expected whole numbers")
    check("lengths", read, "B", f"x is T={steps} B={batch}.", B=batch)
    if read.size and not (read.min() >= 0 and read.max() <= steps):
        raise ShapeError(f"lengths run from {read.min()} to {read.max()}; x has T={steps} steps")
    return read.astype(np.int64)  # signed: they will be subtracted from


def read_states(states: object, names: tuple[str, ...], like: Array, layer: int) -> States:
    """Return one layer's states, each checked against an array of zeros like it should be."""
    if not isinstance(states, tuple | list) or len(states) != len(names):
        raise ShapeError(f"state of layer {layer} must be a tuple of {len(names)}: {', '.join(names)}")
    read = tuple(np.asarray(s, like.dtype) for s in states)
    for name, s in zip(names, read, strict=True):
        if s.shape != like.shape:
            raise ShapeError(
                f"state {name} of layer {layer} has shape {s.shape}; expected {like.shape}. "
                "A state belongs to the network and the batch that it came from."
            )
    return read


def longest_first(lengths: Array, steps: int) -> tuple[Array | None, Array]:
    """Return (the order of rows that puts the longest first, None if they lie so; live: "T")."""
    live = (lengths > np.arange(steps)[:, None]).sum(axis=1)
    if (lengths[:-1] >= lengths[1:]).all():
        return None, live
    return np.argsort(-lengths, kind="stable"), live


def reorder(arrays: States, order: Array | None) -> States:
    """Return the rows ("B …") in this order."""
    return arrays if order is None else tuple(a[order] for a in arrays)


def restore(arrays: States, order: Array | None) -> States:
    """Return the rows in the order from which `reorder` took them."""
    return arrays if order is None else tuple(a[np.argsort(order)] for a in arrays)
