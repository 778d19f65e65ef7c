"""What a network is, but for the numbers: the part of it that a file can say in words."""

from __future__ import annotations

from dataclasses import dataclass

from . import cells
from .errors import OptionError
from .parameters import Layout
from .shapes import read_size


@dataclass(frozen=True)
class Spec:
    """Sizes, cell and dtype of a network.

    Raises: OptionError for a size that is no whole number above 0, or a cell or dtype that does not exist.

    >>> Spec("elman", "tanh", 3, 4, 2, 1, "float32").layout()["layers.0.U"]
    (4, 3)
    """

    cell: str
    activation: str
    input_size: int
    hidden_size: int
    output_size: int
    num_layers: int
    dtype: str

    def __post_init__(self) -> None:
        """Refuse what cannot be built; sizes of NumPy become plain ones."""
        cells.find(self.cell, self.activation)
        for name in ("input_size", "hidden_size", "output_size", "num_layers"):
            object.__setattr__(self, name, read_size(name, getattr(self, name)))  # frozen, but for this
        if self.dtype not in ("float32", "float64"):
            raise OptionError(f"dtype is {self.dtype!r}; there are float32 and float64")

    def layout(self) -> Layout:
        """Return the shape of every parameter by name, in the order of the flat vector."""
        gates = len(cells.find(self.cell, self.activation).gates) * self.hidden_size
        layout: dict[str, tuple[int, ...]] = {}
        for k in range(self.num_layers):
            layout[f"layers.{k}.U"] = (gates, self.input_size if k == 0 else self.hidden_size)
            layout[f"layers.{k}.W"] = (gates, self.hidden_size)
            layout[f"layers.{k}.b"] = (gates,)
        layout["head.V"] = (self.output_size, self.hidden_size)
        layout["head.c"] = (self.output_size,)
        return layout
