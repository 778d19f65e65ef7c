"""Parameters: one flat vector with named views, so that optimizers, files and gradients need no names."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from .errors import OptionError, ShapeError
from .numerics import Array

Layout = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Parameters:
    """A flat vector and its named parts; both share memory, so writing to one changes the other.

    >>> p = Parameters.zeros({"W": (2, 3), "b": (2,)}, "float32")
    >>> p["b"][:] = 7
    >>> p.flat
    array([0., 0., 0., 0., 0., 0., 7., 7.], dtype=float32)
    >>> p.name_at(6)
    'b[0]'
    """

    flat: Array
    layout: Layout
    views: Mapping[str, Array]

    @classmethod
    def zeros(cls, layout: Layout, dtype: str | np.dtype[np.floating]) -> Parameters:
        """Return parameters of this layout, all zero."""
        size = sum(math.prod(shape) for shape in layout.values())
        return cls._around(np.zeros(size, dtype), layout)

    @classmethod
    def _around(cls, flat: Array, layout: Layout) -> Parameters:
        views, start = {}, 0
        for name, shape in layout.items():
            stop = start + math.prod(shape)
            views[name] = flat[start:stop].reshape(shape)
            start = stop
        return cls(flat, layout, views)

    def like(self, flat: Array) -> Parameters:
        """Return another flat vector (a gradient, an optimizer's memory) under the same names."""
        if flat.shape != self.flat.shape:
            raise ShapeError(f"a flat vector of {flat.shape} came; these parameters have {self.flat.shape}")
        return self._around(flat, self.layout)

    def name_at(self, index: int) -> str:
        """Return the name and position, such as "layers.0.W[3, 5]", of entry `index` of the flat vector."""
        start = 0
        for name, view in self.views.items():
            if start <= index < start + view.size:
                place = ", ".join(str(i) for i in np.unravel_index(index - start, view.shape))
                return f"{name}[{place}]"
            start += view.size
        raise IndexError(f"there is no entry {index}; entries run from 0 to {start - 1}")

    def __getitem__(self, name: str) -> Array:
        try:
            return self.views[name]
        except KeyError:
            raise OptionError(f"no parameter {name!r}; there are {', '.join(self.views)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.views)

    def __len__(self) -> int:
        return self.flat.size


def orthogonal(parameters: Parameters, generator: np.random.Generator) -> None:
    """Draw parameters that train: W orthogonal per gate block, U and V uniform, biases zero.

    Matrices that read symbols or states are uniform in ±1/√H (H: their hidden size), which keeps the sum
    of an input column and W h inside the steep part of tanh.
    Source: Saxe, McClelland & Ganguli 2014, arXiv:1312.6120; the draw: Mezzadri 2007, arXiv:math-ph/0609050.
    """
    for name, view in parameters.views.items():
        letter = name.rsplit(".", 1)[-1]
        if letter == "W":
            hidden = view.shape[1]
            for block in view.reshape(-1, hidden, hidden):
                q, r = np.linalg.qr(generator.standard_normal((hidden, hidden)))
                block[:] = q * np.sign(np.diagonal(r))  # these signs make the draw uniform
        elif letter in "UV":
            hidden = view.shape[1] if letter == "V" else _hidden_size(parameters, name)
            view[:] = generator.uniform(-1, 1, view.shape) / np.sqrt(hidden)


def _hidden_size(parameters: Parameters, name: str) -> int:
    return int(parameters[name.removesuffix("U") + "W"].shape[1])


def standard_normal(parameters: Parameters, generator: np.random.Generator) -> None:
    """Draw every parameter from N(0, 1), as the equations' first program did; it does not train well."""
    parameters.flat[:] = generator.standard_normal(parameters.flat.size)


INITIALIZATIONS = {"orthogonal": orthogonal, "standard_normal": standard_normal}


def initialize(parameters: Parameters, name: str, generator: np.random.Generator) -> None:
    """Fill parameters by the initialization called `name`."""
    if name not in INITIALIZATIONS:
        raise OptionError(f"no initialization {name!r}; there are {', '.join(INITIALIZATIONS)}")
    INITIALIZATIONS[name](parameters, generator)
