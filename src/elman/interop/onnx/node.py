"""A node of an ONNX graph as it is read: what comes in, its attributes, and how its faults are said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from elman.errors import FormatError
from elman.numerics import Array

from .values import Flow, Known, Value

NUMBER, WHOLE, TEXT, TENSOR, NUMBERS, WHOLES, TEXTS = 1, 2, 3, 4, 6, 7, 8  # as ONNX numbers their types
_FIELDS = {
    NUMBER: "f",
    WHOLE: "i",
    TEXT: "s",
    TENSOR: "t",
    NUMBERS: "floats",
    WHOLES: "ints",
    TEXTS: "strings",
}
_ATTRIBUTES = {
    **dict.fromkeys(("axis", "to", "start", "end", "allowzero", "num_outputs", "saturate", "seed"), WHOLE),
    **dict.fromkeys(
        ("hidden_size", "linear_before_reset", "layout", "input_forget", "transA", "transB"), WHOLE
    ),
    **dict.fromkeys(("alpha", "beta", "clip"), NUMBER),
    **dict.fromkeys(("activation_alpha", "activation_beta"), NUMBERS),
    "direction": TEXT,
    "activations": TEXTS,
    "perm": WHOLES,
    "value": TENSOR,
    "value_int": WHOLE,
    "value_ints": WHOLES,
}


def attribute(one: Any, where: str) -> Any:
    """Return the value of an AttributeProto. Raises: FormatError when it is not known, or of another type."""
    kind = _ATTRIBUTES.get(one.name)
    if kind is None:
        raise FormatError(f"{where}: the attribute {one.name[:60]} is not known")
    if one.type != kind or (kind == TENSOR and not one.HasField("t")):
        raise FormatError(f"{where}: the attribute {one.name} is of another type than ONNX has it")
    value = getattr(one, _FIELDS[kind])
    if kind in (TEXT, TEXTS):
        texts = [text.decode("utf-8", "replace") for text in ([value] if kind == TEXT else value)]
        return texts[0] if kind == TEXT else texts
    return list(value) if kind in (NUMBERS, WHOLES) else value


@dataclass
class Head:
    """The product and the sum after the last layer, as they are met."""

    V: Array | None = None
    c: Array | None = None


@dataclass(frozen=True)
class Node:
    """A node of the graph: its operator, what it reads, and its attributes."""

    where: str
    inputs: Sequence[Value | None]
    attributes: Mapping[str, Any]
    outputs: int
    head: Head = field(repr=False)

    def flow(self, k: int = 0) -> Flow:
        """Return an input that must flow."""
        value = self.input(k)
        if not isinstance(value, Flow):
            raise FormatError(
                f"{self.where}: input {k} is a constant where something that was read is expected"
            )
        return value

    def input(self, k: int) -> Value | None:
        """Return an input, none where it is left out."""
        return self.inputs[k] if k < len(self.inputs) else None

    def known(self, k: int) -> Array:
        """Return an input that must be numbers of the file."""
        value = self.input(k)
        if not isinstance(value, Known):
            raise FormatError(f"{self.where}: input {k} is not a constant of the file")
        return value.numbers

    def axis(self, rank: int, default: int = 0) -> int:
        """Return the attribute axis, counted from the front."""
        return self.place(int(self.attributes.get("axis", default)), rank)

    def place(self, one: int, rank: int) -> int:
        """Return the number of an axis, counted from the front."""
        if not -rank <= one < rank:
            raise FormatError(f"{self.where}: axis {one} of {rank}")
        return one % rank

    def refuse(self, what: str) -> FormatError:
        """Return the error that says what of this node is not read."""
        return FormatError(f"{self.where}: {what}")
