"""The layers of a Keras model in the order in which they follow each other, from what config.json says.

A model is a chain: one layer after the other, from the input to the output. Beside the chain there may be
features that a Concatenate puts beside the embedding, and states that come in and go out. Any other shape,
a model inside a model, and a class that is not of Keras, is refused by name: nothing is ever looked up by
the names that the file gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from reprlib import repr as shortened
from typing import Any

from elman.errors import FormatError

RECURRENT = ("SimpleRNN", "GRU", "LSTM")
KNOWN = ("InputLayer", "Embedding", "Concatenate", "Dropout", "Bidirectional", "Dense", *RECURRENT)
_MODULES = ("keras", "keras.layers", "keras.src")
_LONGEST = 100  # characters of what a message quotes
_QUIET = {"mask": None, "training": None}  # arguments of a call that say nothing


def short(found: object) -> str:
    """Return what stands in a file as text that fits into a line."""
    text = shortened(found)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


@dataclass(frozen=True)
class Layer:
    """One layer: what it is, its options, and which layers it reads (a Concatenate reads two)."""

    kind: str
    name: str
    config: Mapping[str, Any]
    reads: tuple[str, ...] = ()
    states: tuple[str, ...] = ()  # the inputs from which it begins

    @property
    def title(self) -> str:
        """How messages call it."""
        return f"layer {short(self.name)} ({self.kind})"


def read_object(found: object, known: tuple[str, ...], where: str) -> tuple[str, Mapping[str, Any]]:
    """Return class name and options of a serialized object of Keras itself.

    Raises: FormatError for everything else; what it is called is only ever compared.

    >>> read_object({"module": "builtins", "class_name": "exec", "config": {}}, KNOWN, "layer 0")
    Traceback (most recent call last):
    elman.errors.FormatError: layer 0 is of class 'exec' of module 'builtins'; there are InputLayer, ...
    """
    if not isinstance(found, dict) or not isinstance(found.get("config"), dict):
        raise FormatError(f"{where} is {short(found)}; expected a class and its config")
    kind, module, registered = (found.get(key) for key in ("class_name", "module", "registered_name"))
    ours = isinstance(module, str) and (module in _MODULES or module.startswith("keras.src."))
    if kind not in known or not ours or registered not in (None, kind):
        named = "" if registered in (None, kind) else f", registered as {short(registered)}"
        raise FormatError(
            f"{where} is of class {short(kind)} of module {short(module)}{named}; "
            f"there are {', '.join(known)}"
        )
    return str(kind), found["config"]


def read_chain(model: object) -> tuple[list[Layer], list[Layer]]:
    """Return (the layers of a model, the first an input; the inputs beside them).

    Raises: FormatError naming the layer that is not of a chain.
    """
    kind, config = read_object(model, ("Sequential", "Functional"), "the model")
    layers = config.get("layers")
    if not isinstance(layers, list) or not layers:
        raise FormatError(f"the model has the layers {short(layers)}; expected a list")
    read = [_layer(found, k, sequential=kind == "Sequential") for k, found in enumerate(layers)]
    by_name = {layer.name: layer for layer in read}
    if len(by_name) < len(read):
        raise FormatError("two layers of the model have the same name")
    chain = read if kind == "Sequential" else _followed(by_name, _main_output(config, by_name))
    if chain[0].kind != "InputLayer":
        raise FormatError(f"{chain[0].title} comes first; expected an InputLayer: was the model never built?")
    used = {layer.name for layer in chain}
    beside = [layer for layer in read if layer.name not in used]
    needed = {name for layer in chain for name in (*layer.reads, *layer.states)}
    for layer in beside:
        if layer.kind != "InputLayer" or layer.name not in needed:
            raise FormatError(f"{layer.title} is beside the chain of layers that leads to the output")
    if [layer for layer in read if layer.name in used and layer.kind != "InputLayer"] != chain[1:]:
        raise FormatError("the layers are not listed in the order in which they follow each other")
    return chain, beside


def _layer(found: object, place: int, *, sequential: bool) -> Layer:
    inner = found.get("config") if isinstance(found, dict) else None
    name = inner.get("name") if isinstance(inner, dict) else None
    kind, config = read_object(found, KNOWN, f"layer {place}" if name is None else f"layer {short(name)}")
    if not isinstance(name, str):
        raise FormatError(f"layer {place} ({kind}) has the name {short(name)}")
    if sequential or kind == "InputLayer":
        return Layer(kind, name, config)
    assert isinstance(found, dict)
    calls = found.get("inbound_nodes")
    if found.get("name", name) != name or not isinstance(calls, list) or len(calls) != 1:
        raise FormatError(f"layer {short(name)} ({kind}) is used {short(calls)}; expected once")
    return _called(Layer(kind, name, config), calls[0])


def _called(layer: Layer, call: object) -> Layer:
    """Return a layer with what it reads."""
    args = call.get("args") if isinstance(call, dict) else None
    kwargs = call.get("kwargs") if isinstance(call, dict) else None
    if not isinstance(args, list) or not isinstance(kwargs, dict) or len(args) != 1:
        raise FormatError(f"{layer.title} is called with {short(call)}; expected what it reads, alone")
    begins = kwargs.get("initial_state") or []
    for name, value in kwargs.items():
        if name != "initial_state" and value is not _QUIET.get(name, value is None) and value is not False:
            raise FormatError(f"{layer.title} is called with {short(name)} {short(value)}")
    both = layer.kind == "Concatenate" and isinstance(args[0], list) and len(args[0]) == 2
    reads = tuple(_source(layer, one) for one in (args[0] if both else args))
    begins = begins if isinstance(begins, list) else [begins]
    states = tuple(_source(layer, one) for one in begins)
    return Layer(layer.kind, layer.name, layer.config, reads, states)


def _source(layer: Layer, tensor: object) -> str:
    """Return the layer whose first output a reference means."""
    config = tensor.get("config") if isinstance(tensor, dict) else None
    if (
        isinstance(tensor, dict)
        and tensor.get("class_name") == "__keras_tensor__"
        and isinstance(config, dict)
    ):
        history = config.get("keras_history")
        if isinstance(history, list) and len(history) == 3 and history[1:] == [0, 0]:
            return str(history[0])
    raise FormatError(f"{layer.title} reads {short(tensor)}; expected the first output of another layer")


def _main_output(config: Mapping[str, Any], by_name: Mapping[str, Layer]) -> str:
    """Return the layer that gives the output; what else the model gives are states."""
    ends = config.get("output_layers")
    if isinstance(ends, list) and len(ends) == 3 and isinstance(ends[0], str):
        ends = [ends]
    if not isinstance(ends, list) or not all(_is_end(end) and end[0] in by_name for end in ends):
        raise FormatError(f"the outputs of the model are {short(ends)}; expected a list of layers")
    main = [name for name, _, number in ends if number == 0]
    if len(main) != 1 or any(
        number and by_name[name].kind not in (*RECURRENT, "Bidirectional") for name, _, number in ends
    ):
        raise FormatError(f"the model has the outputs {short(ends)}; expected one, and states")
    return str(main[0])


def _is_end(end: object) -> bool:
    return (
        isinstance(end, list)
        and len(end) == 3
        and isinstance(end[0], str)
        and end[1] == 0
        and type(end[2]) is int
        and end[2] >= 0
    )


def _followed(by_name: Mapping[str, Layer], name: str) -> list[Layer]:
    """Return the layers that lead to an output, the input first."""
    chain: list[Layer] = []
    while True:
        if name not in by_name or len(chain) >= len(by_name):
            raise FormatError(f"layer {short(name)} is read, but is not there, or reads itself")
        layer = by_name[name]
        chain.append(layer)
        if not layer.reads:
            return chain[::-1]
        name = layer.reads[0]
