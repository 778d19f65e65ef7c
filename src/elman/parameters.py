"""Parameters: one flat vector with named views, so that optimizers, files and gradients need no names."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from . import showing
from .errors import OptionError, ShapeError
from .numerics import Array

Layout = Mapping[str, tuple[int, ...]]
GAINS = ("gU", "gW")  # of layer normalization
STARTS = ("h0", "s0")  # learned initial states


@dataclass(frozen=True, repr=False)
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

    def __repr__(self) -> str:
        arrays = ", ".join(f"{name} {showing.shape(view)}" for name, view in self.views.items())
        return f"Parameters({arrays})  # {len(self):,} in all, {self.flat.dtype}"

    def _repr_html_(self) -> str:
        return showing.arrays("Parameters", self.views)

    def __getitem__(self, name: str) -> Array:
        try:
            return self.views[name]
        except KeyError:
            raise OptionError(f"no parameter {name!r}; there are {', '.join(self.views)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.views)

    def __len__(self) -> int:
        return self.flat.size


Gates = tuple[str, ...]
Fan = Callable[[Parameters, str], float]


def orthogonal(parameters: Parameters, generator: np.random.Generator, gates: Gates) -> None:
    """Draw parameters that train: W orthogonal per gate block, U and V uniform, biases zero.

    Matrices that read symbols or states are uniform in ±1/√H (H: their hidden size; V: how many it reads),
    which keeps the sum of an input column and W h inside the steep part of tanh. The bias of an LSTM's forget
    gate is 1, so that its memory lasts from the start.
    Source: Saxe, McClelland & Ganguli 2014, arXiv:1312.6120; the draw: Mezzadri 2007, arXiv:math-ph/0609050;
            the forget gate: Jozefowicz, Zaremba & Sutskever 2015, proceedings.mlr.press/v37/jozefowicz15.
    """
    _fill(parameters, generator, gates, _fan_read)


def standard_normal(parameters: Parameters, generator: np.random.Generator, gates: Gates) -> None:
    """Draw every parameter from N(0, 1), as the equations' first program did; it does not train well."""
    parameters.flat[:] = generator.standard_normal(parameters.flat.size)


def identity(parameters: Parameters, generator: np.random.Generator, gates: Gates) -> None:
    """Draw as `orthogonal` does, but start W as the identity (IRNN): the state lasts until it learns to move.

    Raises: OptionError for a cell of several gates.
    Source: Le, Jaitly & Hinton 2015, arXiv:1504.00941.
    """
    if len(gates) > 1:
        came = f"{len(gates)}: {', '.join(gates)}"
        raise OptionError(
            f"initialization 'identity' is for a cell of one gate; this one has {came}; take orthogonal"
        )
    _fill(parameters, generator, gates, _fan_read)
    for name, view in parameters.views.items():
        if _letter(name) == "W":
            view[:] = np.eye(*view.shape)


def glorot(parameters: Parameters, generator: np.random.Generator, gates: Gates) -> None:
    """Draw as `orthogonal` does, but U (per gate block) and V uniform in ±√(6 / (inputs + outputs)): Keras.

    Source: Glorot & Bengio 2010, proceedings.mlr.press/v9/glorot10a.
    """
    _fill(parameters, generator, gates, _fan_both)


def uniform(parameters: Parameters, generator: np.random.Generator, gates: Gates) -> None:
    """Draw weights and biases uniform in ±1/√n: n is a layer's hidden size, or how many the head reads.

    Source: what PyTorch does; no bias is set apart.
    """
    for name, view in parameters.views.items():
        letter = _letter(name)
        if letter == "E":
            _embed(parameters, view, generator)
        elif letter in GAINS:
            view[:] = 1
        elif letter not in STARTS:
            _spread(view, _fan_read(parameters, name), generator)


INITIALIZATIONS = {
    "orthogonal": orthogonal,
    "standard_normal": standard_normal,
    "identity": identity,
    "glorot": glorot,
    "uniform": uniform,
}


def initialize(
    parameters: Parameters, name: str, generator: np.random.Generator, *, gates: Gates = ("h",)
) -> None:
    """Fill parameters, all zero, by the initialization called `name`; `gates` are those of the cell.

    Raises: OptionError for a name that does not exist, or one that is not for a cell of these gates.

    >>> p = Parameters.zeros({"layers.0.W": (8, 2), "layers.0.b": (8,)}, "float32")
    >>> initialize(p, "orthogonal", np.random.default_rng(0), gates=("i", "f", "g", "o"))
    >>> p["layers.0.b"]
    array([0., 0., 1., 1., 0., 0., 0., 0.], dtype=float32)
    """
    if name not in INITIALIZATIONS:
        raise OptionError(f"no initialization {name!r}; there are {', '.join(INITIALIZATIONS)}")
    INITIALIZATIONS[name](parameters, generator, gates)


def _fill(parameters: Parameters, generator: np.random.Generator, gates: Gates, fan: Fan) -> None:
    """Draw W by rotations, U and V by their fan, and the embedding; set gains and the forget gate's bias."""
    for name, view in parameters.views.items():
        letter = _letter(name)
        if letter == "W":
            _rotate(view, generator)
        elif letter in "UV":
            _spread(view, fan(parameters, name), generator)
        elif letter == "E":
            _embed(parameters, view, generator)
        elif letter in GAINS:
            view[:] = 1
        elif letter == "b" and "f" in gates:
            view.reshape(len(gates), -1)[gates.index("f")] = 1


def _letter(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def _rotate(W: Array, generator: np.random.Generator) -> None:
    """Draw each gate block from the uniform distribution of orthogonal matrices."""
    hidden = W.shape[1]
    for block in W.reshape(-1, hidden, hidden):
        q, r = np.linalg.qr(generator.standard_normal((hidden, hidden)))
        block[:] = q * np.sign(np.diagonal(r))  # these signs make the draw uniform


def _spread(view: Array, fan: float, generator: np.random.Generator) -> None:
    view[:] = generator.uniform(-1, 1, view.shape) / np.sqrt(fan)


def _embed(parameters: Parameters, E: Array, generator: np.random.Generator) -> None:
    """Draw the embedding from N(0, 1); where it is the head's matrix too, as small as that one."""
    if "head.V" in parameters.views:
        E[:] = generator.standard_normal(E.shape)
    else:
        _spread(E, E.shape[1], generator)


def _fan_read(parameters: Parameters, name: str) -> float:
    """Return the hidden size of a layer, or how many numbers the head reads."""
    letter = _letter(name)
    place = name.removesuffix(letter)
    if letter not in "Vc":
        return float(parameters[place + "W"].shape[1])
    head = place + "V" if place + "V" in parameters.views else "embedding.E"
    return float(parameters[head].shape[1])


def _fan_both(parameters: Parameters, name: str) -> float:
    """Return a sixth of the inputs and outputs of one gate block of U, or of V."""
    rows, columns = parameters[name].shape
    outputs = float(rows) if _letter(name) == "V" else _fan_read(parameters, name)
    return (int(columns) + outputs) / 6
