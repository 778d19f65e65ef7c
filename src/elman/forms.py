"""The parts of a model file: how each is written, and read with trust in nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from reprlib import repr as short
from typing import Any

import numpy as np

from .cells import find
from .data import Vocabulary
from .data.bpe import LARGEST_SIZE
from .data.vocabulary import LARGEST_FORM
from .errors import FormatError, OptionError
from .limits import ENDLESS
from .network import Network
from .numerics import Array
from .spec import Spec
from .training import Training

LONGEST = 2048  # characters of one entry of a spec
LONGEST_QUOTE = 400
HIDDEN = "training.hidden."


def json_text(name: str, facts: Mapping[str, Any]) -> str:
    """Return facts as the one text that `_parsed` takes."""
    try:
        text = _form(facts)
        if _parsed(text) != facts:
            raise TypeError("it would be read as something else")
    except (TypeError, ValueError, RecursionError) as error:
        raise OptionError(
            f"the {name} cannot be written as JSON: {error}; give text, finite numbers, lists, and "
            "dictionaries with text as keys"
        ) from None
    return text


def _form(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def _parsed(text: str) -> dict[str, Any]:
    import msgspec

    facts: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
    if _form(facts) != text:  # so no key stands twice and nothing is written another way
        raise ValueError("not in the one form that is ever written")
    return facts


def json_object(metadata: Mapping[str, str], name: str) -> dict[str, Any]:
    """Return the facts under a name, in the one form that `json_text` writes."""
    if name not in metadata:
        raise FormatError(f"the metadata has no {name}")
    try:
        return _parsed(metadata[name])
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise FormatError(f"the {name} in the metadata is damaged: {error}") from None


def shortened(text: str) -> str:
    """Return a text without its middle if it is long: what a message quotes may come from a file."""
    return (
        text
        if len(text) <= LONGEST_QUOTE
        else f"{text[: LONGEST_QUOTE // 2]} … {text[-LONGEST_QUOTE // 2 :]}"
    )


def read_spec(facts: dict[str, Any], places: int) -> Spec:
    """Return the spec; `places` is how many layers there can be at most, before anything grows with a number.

    What is at its default must be left out: a spec is written in one form.
    """
    import msgspec

    known = {f.name: f.default is MISSING for f in fields(Spec)}
    if not set(facts) <= set(known) or any(needed and name not in facts for name, needed in known.items()):
        raise FormatError(f"the spec has {short(sorted(facts))}; expected those of {', '.join(known)}")
    if long := [name for name, value in facts.items() if len(str(value)) > LONGEST]:
        raise FormatError(f"{long[0]} in the spec is {short(facts[long[0]])}: too long")
    layers = facts["num_layers"]
    if isinstance(layers, int) and layers > places:
        raise FormatError(f"the spec says {layers} layers; the file has {places} arrays")
    try:
        spec = msgspec.convert(facts, Spec)
    except msgspec.ValidationError as error:
        raise FormatError(f"the spec in the metadata is none: {shortened(str(error))}") from None
    if spec.facts() != facts:
        raise FormatError("the spec in the metadata is not in the one form that is ever written")
    return spec


def check_vocabulary(data: Array) -> None:
    """Check what an array must be before its symbols are read."""
    if data.dtype != np.uint8 or data.ndim != 1:
        raise FormatError(f"the vocabulary is {data.dtype} {data.shape}; expected a row of bytes")
    if data.size > LARGEST_FORM:
        raise FormatError(f"the vocabulary has {data.size:,} bytes; at most {LARGEST_FORM:,} are read")


def read_vocabulary(data: Array, spec: Spec, *, predicted: bool) -> Vocabulary:
    """Return the vocabulary, checked against the spec."""
    text = data.tobytes()
    _check_length(text, spec)
    vocabulary = Vocabulary.from_bytes(text)
    if fault := misfit(vocabulary, spec, predicted=predicted):
        raise FormatError(fault)
    return vocabulary


def _check_length(text: bytes, spec: Spec) -> None:
    """Refuse what lists far more symbols than the network reads: read, four bytes of it take a hundred."""
    quotes = text.count(b'"') - text.count(b'\\"')  # two of a symbol, or one where a backslash ends it
    merges = text.count(b"[") if b'"merges":' in text else 0  # inside a symbol that quote has a backslash
    if quotes > 2 * spec.input_size + 8 or merges > LARGEST_SIZE + 2:
        raise FormatError(f"the vocabulary lists more than the {spec.input_size} symbols of the network")


def misfit(vocabulary: Vocabulary, spec: Spec, *, predicted: bool) -> str | None:
    """Say why a network does not read this vocabulary, or write it where symbols are `predicted`."""
    if vocabulary.size == spec.input_size and (vocabulary.size == spec.output_size or not predicted):
        return None
    sizes = f"reads {spec.input_size}" + f" and writes {spec.output_size}" * predicted
    return f"the vocabulary has {vocabulary.size} symbols, but the network {sizes}"


def check_parameters(tensors: Mapping[str, Array], spec: Spec) -> None:
    """Check every name, shape and dtype against the spec."""
    layout = spec.layout()
    for name in [*layout, *tensors]:
        if name not in layout:
            raise FormatError(f"the array {name!r} is not of this network")
        if name not in tensors:
            raise FormatError(f"the array {name!r} is missing")
        expect(name, tensors[name], layout[name], spec.dtype)


def expect(name: str, array: Array, shape: tuple[int, ...], dtype: str) -> Array:
    """Return an array that is what it must be."""
    if array.shape != shape or array.dtype != dtype:
        raise FormatError(f"{name} is {array.dtype} {array.shape}; expected {dtype} {shape}")
    return array


def training_form(training: Training, network: Network) -> tuple[dict[str, Array], str]:
    """Return the arrays and the facts of a run, as `_training` reads them."""
    names = find(network.spec.cell, network.spec.activation).states
    losses = np.array(training.validation_losses, np.float64)
    parts = {"memory": training.memory, "validation_losses": losses, "best": training.best}
    arrays = {f"training.{name}": part for name, part in parts.items() if part is not None and part.size}
    for k, layer in enumerate(training.hidden or ()):
        arrays |= {f"{HIDDEN}{k}.{name}": s for name, s in zip(names, layer, strict=True)}
    facts = {"step": training.step, "seconds": float(training.seconds), "best_step": training.best_step}
    check_training(arrays, facts, network)  # what is written can be read again
    return arrays, json_text("training", facts)


def check_training(arrays: Mapping[str, Array], facts: dict[str, Any], network: Network) -> None:
    """Check the parts of a run against its network: names, shapes and dtypes, not what is in the arrays."""
    kinds = {"step": int, "seconds": float, "best_step": int}
    right = {name: type(value) for name, value in facts.items()} == kinds
    if not right or not all(0 <= value < ENDLESS for value in facts.values()):
        raise FormatError(f"the training is {short(facts)}; expected {', '.join(kinds)}, none negative")
    (size,), spec, rest = network.parameters.flat.shape, network.spec, dict(arrays)
    if (memory := rest.pop("training.memory", None)) is not None:
        expect("training.memory", memory, (*memory.shape[:1], size), spec.dtype)
    if (losses := rest.pop("training.validation_losses", None)) is not None:
        expect("training.validation_losses", losses, (losses.size,), "float64")
    if (best := rest.pop("training.best", None)) is not None:
        expect("training.best", best, (size,), spec.dtype)
    _check_hidden(rest, spec)


def read_training(arrays: Mapping[str, Array], facts: dict[str, Any], network: Network) -> Training:
    """Return the run of parts that `check_training` has let through."""
    memory = arrays.get("training.memory", np.zeros((0, len(network.parameters)), network.spec.dtype))
    losses = arrays.get("training.validation_losses", np.zeros(0)).tolist()
    hidden = None
    if any(name.startswith(HIDDEN) for name in arrays):
        hidden = tuple(tuple(arrays[name] for name in place) for place in _hidden_names(network.spec))
    best = arrays.get("training.best")
    return Training(memory=memory, hidden=hidden, validation_losses=losses, best=best, **facts)


def _hidden_names(spec: Spec) -> list[list[str]]:
    states = find(spec.cell, spec.activation).states
    return [[f"{HIDDEN}{k}.{state}" for state in states] for k in range(len(spec.place_widths()))]


def _check_hidden(arrays: Mapping[str, Array], spec: Spec) -> None:
    if not arrays:
        return
    names = _hidden_names(spec)
    known = [name for place in names for name in place]
    if set(arrays) != set(known):
        raise FormatError(f"the training holds {short(sorted(arrays))}; expected {short(known)}")
    for place, width in zip(names, spec.place_widths(), strict=True):
        for name in place:
            expect(name, arrays[name], (*arrays[known[0]].shape[:1], width), spec.dtype)
