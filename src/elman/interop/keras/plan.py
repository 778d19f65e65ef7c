"""What a Keras model is, in as many words as it and a network of elman have in common.

    config.json ─read_config─▶ Plan ─spec_of─▶ Spec      Spec ─plan_of─▶ Plan ─model_config─▶ config.json

    inputs          one: symbols "B T", or features "B T I"; two: symbols and features, side by side
    Embedding       of symbols
    LSTM, GRU, SimpleRNN, or Bidirectional of one       one for each layer; Dropout between them
    Dense           the head

What of a model no run here knows (masks, a state that stays in a layer) is said beside the plan: its notes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from elman import heads
from elman.errors import FormatError, OptionError
from elman.interop import checking
from elman.spec import Spec

CLASSES = {"SimpleRNN": "elman", "GRU": "gru", "LSTM": "lstm"}
LAYERS = {cell: name for name, cell in CLASSES.items()}
GROUPS = {"elman": "simple_rnn", "gru": "gru", "lstm": "lstm"}  # in model.weights.h5
GATES = {"elman": "h", "gru": "zrn", "lstm": "ifgo"}  # Keras' order, in elman's letters
ACTIVATIONS = {"softmax": "softmax", "sigmoid": "sigmoid", "linear": None}  # of Dense, and the head they mean
_UNSAID = "squared"
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """Sizes and options of a Keras model that a network can be.

    reads: numbers a step that the first layer reads, those of the embedding (symbols, size) among them.
    units, biases: of each layer.       head: how many units Dense has, none: there is no Dense.
    """

    cell: str
    activation: str
    reads: int
    units: tuple[int, ...]
    dtype: str
    bidirectional: bool = False
    every: bool = True
    embedding: tuple[int, int] | None = None
    biases: tuple[bool, ...] = ()
    head: int | None = None
    head_bias: bool = True
    input_dropout: float = 0.0
    recurrent_dropout: float = 0.0
    dropout: float = 0.0
    output_dropout: float = 0.0

    @property
    def features(self) -> int:
        """How many features lie beside the embedding."""
        return self.reads - self.embedding[1] if self.embedding else 0

    @property
    def states(self) -> int:
        """How many numbers the last layer writes."""
        return (1 + self.bidirectional) * self.units[-1]

    def places(self) -> list[tuple[str, int, int, bool]]:
        """Return (group of the weights, numbers read, units, bias?) of each layer and direction."""
        both = ("/forward_layer", "/backward_layer") if self.bidirectional else ("",)
        found, reads = [], self.reads
        for k, (units, bias) in enumerate(zip(self.units, self.biases, strict=True)):
            kind = "bidirectional" if self.bidirectional else GROUPS[self.cell]
            group = f"layers/{kind}" + f"_{k}" * (k > 0)
            found += [(f"{group}{way}/cell/vars", reads, units, bias) for way in both]
            reads = len(both) * units
        return found

    def arrays(self) -> dict[str, tuple[Shape, ...]]:
        """Return the shapes of the weights of each group, in the order in which layers have them.

        >>> plan_of(Spec("gru", "tanh", 3, 4, 2, 1, "float32")).arrays()["layers/gru/cell/vars"]
        ((3, 12), (4, 12), (2, 12))
        """
        found: dict[str, tuple[Shape, ...]] = {}
        if self.embedding:
            found["layers/embedding/vars"] = (self.embedding,)
        for group, reads, units, bias in self.places():
            width = len(GATES[self.cell]) * units
            biases: Shape = (2, width) if self.cell == "gru" else (width,)
            found[group] = ((reads, width), (units, width), *[biases] * bias)
        if self.head:
            found["layers/dense/vars"] = ((self.states, self.head), *[(self.head,)] * self.head_bias)
        return found


def plan_of(spec: Spec) -> Plan:
    """Return the plan of a network.

    Raises: OptionError, by name, for what layers of Keras do not compute.

    >>> plan_of(Spec("gru", "tanh", 3, 4, 2, 1, "float32", zoneout=0.1))
    Traceback (most recent call last):
    elman.errors.OptionError: zoneout is 0.1, which Keras cannot hold: its mean acts in every run, ...
    """
    checking.refuse(spec, "Keras")
    embedded = spec.embedding_size is not None
    return Plan(
        cell=spec.cell,
        activation=spec.activation,
        reads=spec.reads,
        units=spec.widths,
        dtype=spec.dtype,
        bidirectional=spec.bidirectional,
        every=spec.readout == "every",
        embedding=(spec.input_size, spec.reads - spec.feature_size) if embedded else None,
        biases=(True,) * spec.num_layers,
        head=spec.y_size,
        **{name: getattr(spec, name) for name in RATES},
    )


RATES = ("input_dropout", "recurrent_dropout", "dropout", "output_dropout")


def spec_of(plan: Plan, meant: str | None, loss: str | None) -> Spec:
    """Return the spec of the network that a plan describes.

    meant: the head that the model itself means, if it says one; loss: the one that its reader says.
    Raises: OptionError when the two contradict each other, or for what no network can be.

    >>> spec_of(Plan("gru", "tanh", 3, (4,), "float32", head=2, biases=(True,)), "softmax", None).output_size
    2
    """
    if meant and loss and meant != loss:
        raise OptionError(f"loss is {loss!r}, but the model says {meant!r}: leave it out")
    head = loss or meant or _UNSAID
    y_size, width = plan.head or plan.states, heads.find(head).width
    if y_size % width:
        raise OptionError(f"the model gives {y_size} numbers; {head!r} has {width} for each target")
    sizes: dict[str, Any] = {"input_size": plan.reads}
    if plan.embedding:
        symbols, size = plan.embedding
        sizes = {"input_size": symbols, "embedding_size": size, "feature_size": plan.features}
    if plan.features < 0:
        raise FormatError(f"the embedding has {plan.embedding}; the first layer reads {plan.reads} numbers")
    return Spec(
        cell=plan.cell,
        activation=plan.activation,
        hidden_size=plan.units[0] if len(set(plan.units)) == 1 else plan.units,
        output_size=y_size // width,
        num_layers=len(plan.units),
        dtype=plan.dtype,
        bidirectional=plan.bidirectional,
        readout="every" if plan.every else "last",
        head=head,
        **sizes,
        **{name: getattr(plan, name) for name in RATES},
    )
