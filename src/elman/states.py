"""The state of a network as a value: a tuple with one entry per place, each a tuple of arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .cells import States
from .errors import ShapeError
from .numerics import Array

State = tuple[States, ...]  # "B H", or "H" without a batch; places as `Spec.places` lists them


def each(state: State, change: Callable[[Array], Array]) -> State:
    """Return the state with every array changed."""
    return tuple(tuple(change(s) for s in place) for place in state)


def zipped(first: State, second: State, join: Callable[[Array, Array], Array]) -> State:
    """Return the state of every two arrays joined."""
    pairs = zip(first, second, strict=True)
    return tuple(tuple(join(a, b) for a, b in zip(one, other, strict=True)) for one, other in pairs)


def read_state(state: object, like: State, names: tuple[str, ...], directions: int) -> State:
    """Return a state that came from outside, checked against one such as it should be.

    Raises: ShapeError naming the layer, the state and the shape expected.
    """
    if not isinstance(state, tuple | list) or len(state) != len(like):
        layers = f"{len(like) // directions} layers"
        both = f"{layers} and {directions} directions" if directions > 1 else layers
        raise ShapeError(f"state must be a tuple with one entry for each of the {both}, {len(like)} in all")
    places = zip(state, like, strict=True)
    return tuple(
        _read_place(one, zeros, names, _layer(k, directions)) for k, (one, zeros) in enumerate(places)
    )


def _layer(place: int, directions: int) -> str:
    layer, backward = divmod(place, directions)
    return f"layer {layer}" + ", backward" * backward


def _read_place(states: object, like: States, names: tuple[str, ...], where: str) -> States:
    if not isinstance(states, tuple | list) or len(states) != len(names):
        raise ShapeError(f"state of {where} must be a tuple of {len(names)}: {', '.join(names)}")
    arrays = tuple(np.asarray(s, zero.dtype) for s, zero in zip(states, like, strict=True))
    for name, s, zero in zip(names, arrays, like, strict=True):
        if s.shape != zero.shape:
            raise ShapeError(
                f"state {name} of {where} has shape {s.shape}; expected {zero.shape}. "
                "A state belongs to the network and the batch that it came from."
            )
    return arrays
