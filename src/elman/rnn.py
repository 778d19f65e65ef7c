"""The front door: the smallest network, with the letters of the equations as attributes.

z = b + W hidden + U input        h = tanh(z)        a = c + V h        o = softmax(a)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from . import cells, heads, showing
from .network import Network
from .numerics import Array, generator, softmax
from .parameters import Parameters, initialize
from .shapes import check, read_size


def _letter(name: str, meaning: str) -> property:
    """Return the attribute for one parameter: reading gives the array, assigning copies into it."""

    def read(self: RNN) -> Array:
        return self.parameters[name]

    def write(self: RNN, value: ArrayLike) -> None:
        new, old = np.asarray(value, np.float64), self.parameters[name]
        axes = "H I" if name == "U" else "O H" if name == "V" else "H K" if name == "W" else "N"
        check(name, new, axes, f"{meaning}.", **dict(zip(axes.split(), old.shape, strict=True)))
        old[:] = new

    return property(read, write, doc=f"{meaning}, float64.")


class RNN:
    """Elman's network, one step at a time, in float64; the loop over time is yours.

    Shapes: U: "H I", W: "H H", b: "H", V: "O H", c: "O".
    Raises: OptionError for a size below 1 or an unknown initialization.
    Source: Elman 1990, doi:10.1207/s15516709cog1402_1.

    >>> rnn = RNN(input_size=3, hidden_size=4, output_size=2, seed=1)
    >>> inputs, outputs = np.eye(3), np.zeros((3, 2))
    >>> hidden = rnn.init_hidden()
    >>> for t in range(inputs.shape[0]):
    ...     outputs[t], hidden = rnn.forward(inputs[t], hidden)
    >>> outputs.sum(axis=1).round(12)
    array([1., 1., 1.])

    The default initialization, "orthogonal", trains; "standard_normal" draws every parameter from N(0, 1).
    """

    U = _letter("U", "input → hidden")
    W = _letter("W", "hidden → hidden")
    b = _letter("b", "the hidden bias")
    V = _letter("V", "hidden → output")
    c = _letter("c", "the output bias")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        *,
        seed: int = 0,
        initialization: str = "orthogonal",
    ) -> None:
        self.input_size = read_size("input_size", input_size)
        self.hidden_size = read_size("hidden_size", hidden_size)
        self.output_size = read_size("output_size", output_size)
        layout = {
            "U": (hidden_size, input_size),
            "W": (hidden_size, hidden_size),
            "b": (hidden_size,),
            "V": (output_size, hidden_size),
            "c": (output_size,),
        }
        self.parameters = Parameters.zeros(layout, "float64")
        initialize(self.parameters, initialization, generator(seed, "initialization"))

    def __repr__(self) -> str:
        sizes = ("input_size", "hidden_size", "output_size")
        return f"RNN({', '.join(f'{name}={getattr(self, name)}' for name in sizes)})"

    def _repr_html_(self) -> str:
        return showing.arrays(repr(self), self.parameters.views)

    def init_hidden(self) -> Array:
        """Return the hidden state before the first step: zeros, "H"."""
        return np.zeros(self.hidden_size)

    def forward(self, input: ArrayLike, hidden: ArrayLike) -> tuple[Array, Array]:  # noqa: A002
        """Return (output, hidden) after one step; both are new arrays.

        Shapes: input: "I"; hidden: "H" → output: "O" probabilities; hidden: "H".
        Raises: ShapeError when input or hidden have another shape.
        """
        x, h = np.asarray(input, np.float64), np.asarray(hidden, np.float64)
        check("input", x, "I", f"U is {self.hidden_size} × {self.input_size}.", I=self.input_size)
        check("hidden", h, "H", "Start from init_hidden().", H=self.hidden_size)
        h1 = np.empty_like(h)
        cells.elman.forward_tanh(self.b + self.U @ x, self.W @ h, (h,), (h1,), h1)
        return softmax(heads.affine.forward(h1, self.V, self.c)), h1

    def network(self, *, engine: str = "auto", threads: int | None = None) -> Network:
        """Return a Network with a copy of the same parameters, to train, run and save.

        Raises: OptionError, EngineError as `Network`, for an engine or a number of threads that is not there.
        """
        network = Network(
            input_size=self.input_size,
            hidden_size=self.hidden_size,
            output_size=self.output_size,
            dtype="float64",
            engine=engine,
            threads=threads,
        )
        network.parameters.flat[:] = self.parameters.flat
        return network
