"""The options of the layers of a Keras model, every one of them known.

An option is one that a network has (units), or must have one value (reset_after), or acts in training alone
(initializers, regularizers, constraints), or is off. Anything else, also one that a later Keras adds, is
refused by name.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from elman.cells import CELLS, find
from elman.errors import FormatError

from .graph import RECURRENT, Layer, read_object, short
from .plan import ACTIVATIONS, CLASSES

_TRAINING = ("_initializer", "_regularizer", "_constraint")  # ends of names
_FREE = ("name", "dtype", "trainable", "seed", "unroll", "unit_forget_bias", "zero_output_for_mask")
_RATES = ("dropout", "recurrent_dropout")
_LARGEST = 1 << 31  # of a size: no file has so many numbers


class Recurrent(NamedTuple):
    """The options of a recurrent layer."""

    cell: str
    activation: str
    bidirectional: bool
    units: int
    bias: bool
    every: bool
    dropout: float
    recurrent_dropout: float


class Head(NamedTuple):
    """The options of the Dense layer at the end; units are none where there is no such layer."""

    units: int | None
    activation: str
    bias: bool


def options(layer: Layer, known: set[str]) -> dict[str, Any]:
    """Return the options of a layer. Raises: FormatError for one that is not known and not off."""
    for name, value in layer.config.items():
        if name in known or name in _FREE or name.endswith(_TRAINING) or value is None or value is False:
            continue
        raise FormatError(f"{layer.title}: {name} is {short(value)}, which no network here has")
    return dict(layer.config)


def read_count(layer: Layer, name: str, value: object) -> int:
    """Return a size: a whole number from 1 on."""
    if type(value) is not int or not 0 < value < _LARGEST:
        raise FormatError(f"{layer.title}: {name} is {short(value)}; expected a whole number from 1 on")
    return value


def read_rate(layer: Layer, name: str, value: object) -> float:
    """Return a rate: a number from 0 on and below 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise FormatError(f"{layer.title}: {name} is {short(value)}; expected a number from 0 on and below 1")
    return float(value)


def read_dtype(layers: list[Layer]) -> str:
    """Return the one type in which all layers compute."""
    inner = [found["config"] for layer in layers for found in layer.config.values() if _is_layer(found)]
    types = {_policy(config.get("dtype")) for config in [*(layer.config for layer in layers), *inner]}
    if len(types) > 1 or not types <= {"float32", "float64"}:
        raise FormatError(f"the layers compute in {short(sorted(types))}; expected float32 or float64 alone")
    return types.pop()


def _is_layer(found: object) -> bool:
    return (
        isinstance(found, dict)
        and found.get("class_name") in RECURRENT
        and isinstance(found.get("config"), dict)
    )


def _policy(found: object) -> str:
    if isinstance(found, dict) and isinstance(found.get("config"), dict):
        found = found["config"].get("name") if found.get("class_name") == "DTypePolicy" else found
    return found if isinstance(found, str) else short(found)


def read_head(behind: list[Layer]) -> Head:
    """Return what stands behind the recurrent layers and a Dropout."""
    dense = [layer for layer in behind if layer.kind == "Dense"]
    if len(dense) > 1 or (dense and behind[-1] is not dense[0]):
        raise FormatError(f"{behind[-1].title} is behind {dense[0].title}; expected one Dense, at the end")
    if not dense:
        return Head(None, "linear", False)
    layer = dense[0]
    found = options(layer, {"units", "activation", "use_bias"})
    activation, bias = found.get("activation", "linear"), found.get("use_bias", True)
    activation = "linear" if activation is None else activation
    if not isinstance(activation, str) or activation not in ACTIVATIONS or not isinstance(bias, bool):
        raise FormatError(
            f"{layer.title}: activation is {short(activation)}, use_bias {short(bias)}; "
            f"expected one of {', '.join(ACTIVATIONS)}, and true or false"
        )
    return Head(read_count(layer, "units", found.get("units")), activation, bias)


def check_alike(layers: list[Layer], read: list[Recurrent]) -> None:
    """Check that layers differ in their sizes alone, and that each gives what the next one reads."""
    first = read[0]
    for layer, one in zip(layers, read, strict=True):
        same = one._replace(units=first.units, bias=first.bias, every=first.every, dropout=first.dropout)
        if same != first:
            raise FormatError(f"{layer.title} is not of the kind of {layers[0].title}, but for its size")
        if one.dropout and one is not first:
            raise FormatError(
                f"{layer.title}: dropout is {one.dropout}; networks have it in the first layer alone"
            )
        if not one.every and one is not read[-1]:
            raise FormatError(f"{layer.title}: return_sequences is false, and another layer reads it")


def check_states(layers: list[Layer], read: list[Recurrent], beside: list[Layer]) -> None:
    """Check that states come from inputs of their own."""
    inputs = {layer.name: layer for layer in beside}
    for layer, one in zip(layers, read, strict=True):
        count = (1 + one.bidirectional) * len(find(one.cell, one.activation).states)
        if layer.states and len(layer.states) != count:
            raise FormatError(f"{layer.title} begins from {len(layer.states)} states; expected {count}")
        for name in layer.states:
            if name not in inputs or inputs[name].config.get("batch_shape", [])[1:] != [one.units]:
                raise FormatError(
                    f"{layer.title} begins from {short(name)}; expected an input of {one.units}"
                )


def read_recurrent(layer: Layer, notes: list[str]) -> Recurrent:
    """Return the options of a layer, or of the two directions of one."""
    if layer.kind != "Bidirectional":
        return _read_direction(layer, notes, backward=False)
    found = options(layer, {"merge_mode", "layer", "backward_layer"})
    if found.get("merge_mode") != "concat":
        raise FormatError(f"{layer.title}: merge_mode is {short(found.get('merge_mode'))}; expected 'concat'")
    ways = []
    for key in ("layer", "backward_layer"):
        kind, config = read_object(found.get(key), RECURRENT, f"{key} of {layer.title}")
        inner = Layer(kind, f"{layer.name}.{key}", config)
        ways.append(_read_direction(inner, notes, backward=key == "backward_layer"))
    if ways[0] != ways[1]:
        raise FormatError(f"{layer.title}: its two directions differ, {ways[0]} and {ways[1]}")
    return ways[0]._replace(bidirectional=True)


def _read_direction(layer: Layer, notes: list[str], *, backward: bool) -> Recurrent:
    cell = CLASSES[layer.kind]
    fixed: dict[str, Any] = {"go_backwards": backward}
    if cell != "elman":
        fixed |= {"recurrent_activation": "sigmoid"}
    if cell == "gru":
        fixed["reset_after"] = True
    flags = {"use_bias", "return_sequences", "return_state", "stateful"}
    found = options(layer, {"units", "activation", "implementation", *_RATES, *flags, *fixed})
    for name, value in fixed.items():
        if found.get(name) != value or type(found.get(name)) is not type(value):
            why = ": r before the product is another cell, W (r h)" if name == "reset_after" else ""
            raise FormatError(f"{layer.title}: {name} is {short(found.get(name))}, expected {value!r}{why}")
    activation = found.get("activation")
    if not isinstance(activation, str) or (cell, activation) not in CELLS:
        known = " or ".join(repr(name) for kind, name in CELLS if kind == cell)
        raise FormatError(f"{layer.title}: activation is {short(activation)}; expected {known}")
    for name in flags:
        if not isinstance(found.get(name, False), bool):
            raise FormatError(f"{layer.title}: {name} is {short(found[name])}; expected true or false")
    if found.get("stateful"):
        notes.append(f"states      {layer.title} keeps its state between calls; here hand it on")
    rates = {name: read_rate(layer, name, found.get(name, 0.0)) for name in sorted(_RATES)}
    if cell != "elman" and rates["recurrent_dropout"]:
        notes.append(f"training    {layer.title} drops by a mask for each gate; here one is for all")
    units = read_count(layer, "units", found.get("units"))
    return Recurrent(
        cell,
        activation,
        False,
        units,
        found.get("use_bias", True),
        found.get("return_sequences", False),
        **rates,
    )
