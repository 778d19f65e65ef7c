"""The state of a network as a value: a tuple with one entry per place, each a tuple of arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .cells import States
from .errors import ShapeError
from .numerics import Array

State = tuple[States, ...]  # "B H", or "H" without a batch; places as `Spec.places` lists them


@dataclass(frozen=True)
class Places:
    """What the states of a network look like."""

    widths: tuple[int, ...]  # of each place
    names: tuple[str, ...]  # of the states of its cell
    directions: int
    dtype: str


def each(state: State, change: Callable[[Array], Array]) -> State:
    """Return the state with every array changed."""
    return tuple(tuple(change(s) for s in place) for place in state)


def zipped(first: State, second: State, join: Callable[[Array, Array], Array]) -> State:
    """Return the state of every two arrays joined."""
    pairs = zip(first, second, strict=True)
    return tuple(tuple(join(a, b) for a, b in zip(one, other, strict=True)) for one, other in pairs)


def read_state(state: object, rows: int | None, places: Places) -> State:
    """Return a state that came from outside, "B H" each, or "H" for rows None, in the type of `places`.

    Raises: ShapeError naming the layer, the state and the shape expected.
    """
    if not isinstance(state, tuple | list) or len(state) != len(places.widths):
        layers = f"{len(places.widths) // places.directions} layers"
        both = f"{layers} and {places.directions} directions" if places.directions > 1 else layers
        raise ShapeError(
            f"state must be a tuple with one entry for each of the {both}, {len(places.widths)} in all"
        )
    return tuple(_read_place(one, k, rows, places) for k, one in enumerate(state))


def _read_place(states: object, k: int, rows: int | None, places: Places) -> States:
    names, shape = places.names, (places.widths[k],) if rows is None else (rows, places.widths[k])
    if not isinstance(states, tuple | list) or len(states) != len(names):
        raise ShapeError(f"state of {_layer(k, places)} must be a tuple of {len(names)}: {', '.join(names)}")
    arrays = tuple(np.asarray(s, places.dtype) for s in states)
    for name, s in zip(names, arrays, strict=True):
        if s.shape != shape:
            raise ShapeError(
                f"state {name} of {_layer(k, places)} has shape {s.shape}; expected {shape}. "
                "A state belongs to the network and the batch that it came from."
            )
    return arrays


def _layer(place: int, places: Places) -> str:
    layer, backward = divmod(place, places.directions)
    return f"layer {layer}" + ", backward" * backward
