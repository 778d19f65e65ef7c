"""What a network is, but for the numbers: the part of it that a file can say in words."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from . import cells, heads
from .errors import OptionError
from .parameters import Layout
from .shapes import read_size

FLAGS = ("bidirectional", "tied", "layer_norm", "learn_initial_state")
_NOTHING = {"embedding_size": (None,), "steps": (None,), "feature_size": (0,)}  # sizes of what is not there
RATES = ("input_dropout", "recurrent_dropout", "dropout", "output_dropout", "zoneout")


@dataclass(frozen=True)
class Spec:
    """Sizes, cell, options and dtype of a network.

    cell               elman (activation tanh or relu), gru (reset-after), lstm (forget bias 1).
    input_size         the number of symbols, or of features a step. With `embedding_size` symbols go through
                       an embedding (`tied`: which is the head's matrix too); with `feature_size` that many
                       features lie beside the symbols, and x is a pair (symbols, features).
    hidden_size        one for all of `num_layers` layers, or one for each. `bidirectional`: each layer reads
                       both ways.
    readout            "every": an output at every step; one per sequence: "last" (at each row's true end; of
                       both directions where they end), "mean", "max", "concat" (last, mean and max side by
                       side, Howard & Ruder 2018), "flatten" (all `steps` outputs side by side).
    head               softmax, sigmoid (several labels), squared, absolute, huber, gaussian, quantile (with
                       `quantiles`): the loss, and how many outputs each of `output_size` targets has.
    layer_norm         layer normalization of U x and W h in every cell (Ba, Kiros & Hinton 2016).
    learn_initial_state  the state from which sequences begin is learned; otherwise it is zero.
    input_dropout, recurrent_dropout   one mask for a whole sequence, on what the first layer reads and
                       on what W reads (Gal & Ghahramani 2016, arXiv:1512.05287).
    dropout, output_dropout   a fresh mask at every step, between layers and before the head.
    zoneout            a unit keeps its old state with this chance (Krueger et al. 2017, arXiv:1606.01305).


    Dropout and zoneout act where a run is given noise, as `train` gives it; elsewhere nothing is dropped, and
    zoneout is its mean.
    Raises: OptionError for a size that is no whole number above 0, a name that does not exist, a rate outside
            0 ≤ rate < 1, options that contradict each other, and one that would change nothing.

    >>> Spec("elman", "tanh", 3, 4, 2, 1, "float32").layout()["layers.0.U"]
    (4, 3)
    >>> Spec("lstm", "tanh", 3, 4, 2, 1, "float32", dropout=0.5)
    Traceback (most recent call last):
    elman.errors.OptionError: dropout acts between layers, and there is one: stack more, or use output_dropout
    """

    cell: str
    activation: str
    input_size: int
    hidden_size: int | tuple[int, ...]
    output_size: int
    num_layers: int
    dtype: str
    bidirectional: bool = False
    embedding_size: int | None = None
    tied: bool = False
    feature_size: int = 0
    readout: str = "every"
    steps: int | None = None
    head: str = "softmax"
    quantiles: tuple[float, ...] = ()
    layer_norm: bool = False
    learn_initial_state: bool = False
    input_dropout: float = 0.0
    recurrent_dropout: float = 0.0
    dropout: float = 0.0
    output_dropout: float = 0.0
    zoneout: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be built; sizes of NumPy become plain ones."""
        cells.find(self.cell, self.activation)
        heads.find(self.head, self.quantiles)
        self._set("num_layers", read_size("num_layers", self.num_layers))
        self._set("hidden_size", _hidden_size(self.hidden_size, self.num_layers))
        for name in ("input_size", "output_size", "embedding_size", "steps", "feature_size"):
            value, unless = getattr(self, name), _NOTHING.get(name, ())
            if not any(value is nothing for nothing in unless):
                self._set(name, read_size(name, value))
        for name in FLAGS:
            if not isinstance(getattr(self, name), bool):
                raise OptionError(f"{name} is {getattr(self, name)!r}; it must be True or False")
        for name in RATES:
            _check_rate(name, getattr(self, name))
        if self.dtype not in ("float32", "float64"):
            raise OptionError(f"dtype is {self.dtype!r}; there are float32 and float64")
        if fault := _disagreement(self):
            raise OptionError(fault)
        heads.readout.size(self.readout, 1, self.steps)

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)  # frozen, but for this

    @property
    def widths(self) -> tuple[int, ...]:
        """The hidden size of every layer."""
        one = self.hidden_size
        return (one,) * self.num_layers if isinstance(one, int) else one

    @property
    def directions(self) -> int:
        """1, or 2 when bidirectional."""
        return 1 + self.bidirectional

    @property
    def whole_only(self) -> str:
        """What makes the output wait for the whole sequence: "bidirectional", "readout 'mean'"; or nothing.

        >>> Spec("gru", "tanh", 3, 4, 1, 2, "float32", readout="mean").whole_only
        "readout 'mean'"
        """
        if self.bidirectional:
            return "bidirectional"
        return "" if self.readout in ("every", "last") else f"readout {self.readout!r}"

    @property
    def noisy(self) -> bool:
        """Does training draw noise?"""
        return any(getattr(self, name) for name in RATES)

    @property
    def reads(self) -> int:
        """How many numbers a step the first layer reads, or how many symbols."""
        return (self.embedding_size or self.input_size) + self.feature_size

    @property
    def read_out(self) -> int:
        """How many numbers the head reads."""
        return heads.readout.size(self.readout, self.directions * self.widths[-1], self.steps)

    @property
    def y_size(self) -> int:
        """How many numbers the head writes."""
        return self.output_size * heads.find(self.head, self.quantiles).width

    def facts(self) -> dict[str, Any]:
        """Return the spec as plain data, options that are at their defaults left out.

        >>> Spec("gru", "tanh", 3, (4, 5), 2, 2, "float32", zoneout=0.1).facts()["hidden_size"]
        [4, 5]
        """
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        kept = {f.name for f in fields(self) if plain[f.name] != f.default}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items() if k in kept}

    def layout(self) -> Layout:
        """Return the shape of every parameter by name, in the order of the flat vector."""
        layout: dict[str, tuple[int, ...]] = {}
        if self.embedding_size is not None:
            layout["embedding.E"] = (self.input_size, self.embedding_size)
        reads = self.reads
        for place, width in zip(self.places(), self.place_widths(), strict=True):
            layout |= {f"{place}.{name}": shape for name, shape in self._layer(reads, width).items()}
            if place.endswith("reverse") or not self.bidirectional:
                reads = self.directions * width
        if not self.tied:
            layout["head.V"] = (self.y_size, self.read_out)
        layout["head.c"] = (self.y_size,)
        return layout

    def places(self) -> list[str]:
        """Return where the parameters of each layer and direction lie, such as "layers.0.reverse"."""
        both = ("", ".reverse")[: self.directions]
        return [f"layers.{k}{direction}" for k in range(self.num_layers) for direction in both]

    def place_widths(self) -> list[int]:
        """Return the hidden size of each layer and direction, in the order of `places`."""
        return [width for width in self.widths for _ in range(self.directions)]

    def _layer(self, reads: int, width: int) -> dict[str, tuple[int, ...]]:
        cell = cells.find(self.cell, self.activation)
        gates = len(cell.gates) * width
        layer: dict[str, tuple[int, ...]] = {"U": (gates, reads), "W": (gates, width), "b": (gates,)}
        if cell.recurrent_bias:
            layer["d"] = (gates,)
        if self.layer_norm:
            layer |= {"gU": (gates,), "gW": (gates,)}
        if self.learn_initial_state:
            layer |= {f"{state}0": (width,) for state in cell.states}
        return layer


FIELDS = tuple(f.name for f in fields(Spec))


def _hidden_size(value: object, num_layers: int) -> int | tuple[int, ...]:
    """Read one size for all layers, or one for each; equal ones become one."""
    if not isinstance(value, tuple | list):
        return read_size("hidden_size", value)
    if len(value) != num_layers:
        raise OptionError(f"hidden_size has {len(value)} entries, {list(value)}; num_layers is {num_layers}")
    sizes = tuple(read_size("hidden_size", one) for one in value)
    return sizes[0] if len(set(sizes)) == 1 else sizes


def _check_rate(name: str, value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1:
        raise OptionError(f"{name} is {value!r}; it must be a number from 0 on and below 1")


def _disagreement(spec: Spec) -> str | None:
    """Say which options contradict each other, or would change nothing."""
    if spec.dropout and spec.num_layers == 1:
        return "dropout acts between layers, and there is one: stack more, or use output_dropout"
    if (spec.steps is not None) != (spec.readout == "flatten"):
        return f"steps is {spec.steps} and readout {spec.readout!r}: steps belongs to readout 'flatten' alone"
    if spec.quantiles and spec.head != "quantile":
        return f"quantiles are for the head 'quantile'; the head is {spec.head!r}"
    if not spec.tied:
        return None
    if spec.embedding_size is None:
        return "tied shares the embedding with the output; give embedding_size"
    shapes = (spec.y_size, spec.read_out), (spec.input_size, spec.embedding_size)
    if shapes[0] != shapes[1]:
        return (
            f"tied needs an output as large as the embedding: the head is {shapes[0][0]} × {shapes[0][1]}, "
            f"the embedding {shapes[1][0]} × {shapes[1][1]}"
        )
    return None
