"""From config.json to a plan: which layers there are, and what the model says of its loss."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from elman.errors import FormatError

from .graph import RECURRENT, Layer, read_chain, short
from .options import (
    check_alike,
    check_states,
    options,
    read_count,
    read_dtype,
    read_head,
    read_rate,
    read_recurrent,
)
from .plan import ACTIVATIONS, Plan

_LOSSES = {
    "MeanSquaredError": "squared", "mse": "squared", "mean_squared_error": "squared",
    "MeanAbsoluteError": "absolute", "mae": "absolute", "mean_absolute_error": "absolute",
}  # fmt: skip
_LOSSES_OF_LOGITS = {
    "SparseCategoricalCrossentropy": "softmax",
    "CategoricalCrossentropy": "softmax",
    "BinaryCrossentropy": "sigmoid",
}


class Read(NamedTuple):
    """What config.json says: a plan, the head that it means (none: it does not say), what else to know."""

    plan: Plan
    meant: str | None
    notes: tuple[str, ...]


def read_config(model: Mapping[str, Any]) -> Read:
    """Return the plan of a model.

    Raises: FormatError naming the layer and the option that no network has.
    """
    chain, beside = read_chain(model)
    notes: list[str] = []
    embedding, reads, rest = _read_begin(chain, beside, notes)
    places = [k for k, layer in enumerate(rest) if layer.kind in (*RECURRENT, "Bidirectional")]
    if not places:
        raise FormatError("the model has no SimpleRNN, GRU or LSTM")
    recurrent, behind = [rest[k] for k in places], rest[places[-1] + 1 :]
    layers = [read_recurrent(layer, notes) for layer in recurrent]
    check_alike(recurrent, layers)
    check_states(recurrent, layers, beside)
    head = read_head(behind)
    first, last = layers[0], layers[-1]
    plan = Plan(
        cell=first.cell,
        activation=first.activation,
        reads=reads,
        units=tuple(layer.units for layer in layers),
        dtype=read_dtype([layer for layer in chain if layer.kind not in ("InputLayer", "Dropout")]),
        bidirectional=first.bidirectional,
        every=last.every,
        embedding=embedding,
        biases=tuple(layer.bias for layer in layers),
        head=head.units,
        head_bias=head.bias,
        input_dropout=first.dropout,
        recurrent_dropout=first.recurrent_dropout,
        dropout=_read_between(rest, places, notes),
        output_dropout=_read_dropout(behind[:1]),
    )
    return Read(plan, ACTIVATIONS[head.activation] or _compiled(model), tuple(notes))


def _read_begin(
    chain: list[Layer], beside: list[Layer], notes: list[str]
) -> tuple[tuple[int, int] | None, int, list[Layer]]:
    """Return (embedding, numbers a step that the first layer reads, the layers behind)."""
    first, rest = chain[0], chain[1:]
    shape = _input(first)
    if not rest or rest[0].kind != "Embedding":
        if len(shape) != 3:
            raise FormatError(f"{first.title} has the shape {shape}; expected batch, time, features")
        return None, read_count(first, "batch_shape", shape[2]), rest
    embedding, rest = rest[0], rest[1:]
    found = options(embedding, {"input_dim", "output_dim", "mask_zero", "input_length"})
    if found.get("mask_zero", False) is not False:
        notes.append(f"masks       {embedding.title} takes 0 for the end of a row; here give lengths")
    count, size = (read_count(embedding, name, found.get(name)) for name in ("input_dim", "output_dim"))
    if len(shape) != 2:
        raise FormatError(f"{first.title} has the shape {shape}; expected batch, time")
    features = 0
    if rest and rest[0].kind == "Concatenate":
        features = _read_beside(rest[0], beside)
        rest = rest[1:]
    return (count, size), size + features, rest


def _read_beside(layer: Layer, beside: list[Layer]) -> int:
    """Return how many features a Concatenate puts beside the embedding."""
    axis = options(layer, {"axis"}).get("axis", -1)
    inputs = [one for one in beside if one.name == layer.reads[-1]]
    if len(layer.reads) != 2 or axis not in (-1, 2) or not inputs:
        raise FormatError(f"{layer.title}: expected an embedding, then an input, and the last axis")
    shape = _input(inputs[0])
    if len(shape) != 3:
        raise FormatError(f"{inputs[0].title} has the shape {shape}; expected batch, time, features")
    return read_count(inputs[0], "batch_shape", shape[2])


def _input(layer: Layer) -> list[Any]:
    shape = options(layer, {"batch_shape"}).get("batch_shape")
    if not isinstance(shape, list) or not all(one is None or type(one) is int for one in shape):
        raise FormatError(f"{layer.title} has batch_shape {short(shape)}")
    return shape


def _read_between(rest: list[Layer], places: list[int], notes: list[str]) -> float:
    """Return the rate of the Dropout between layers, when there is one rate between all of them."""
    if before := rest[: places[0]]:
        rate = _read_dropout(before)
        notes.append(f"left out    {before[0].title}, {rate}, before the first layer: in training alone")
    gaps = [_read_dropout(rest[a + 1 : b]) for a, b in pairwise(places)]
    if len(set(gaps)) > 1:
        notes.append(f"left out    the unequal rates of Dropout between layers, {gaps}: in training alone")
        return 0.0
    return gaps[0] if gaps else 0.0


def _read_dropout(layers: list[Layer]) -> float:
    """Return the rate of the one Dropout that there may be."""
    if not layers or (layers[0].kind == "Dense" and len(layers) == 1):
        return 0.0
    if len(layers) > 1 or layers[0].kind != "Dropout":
        odd = next((layer for layer in layers if layer.kind != "Dropout"), layers[-1])
        raise FormatError(f"{odd.title} stands where no network has a layer, or a second Dropout")
    return read_rate(layers[0], "rate", options(layers[0], {"rate"}).get("rate"))


def _compiled(model: Mapping[str, Any]) -> str | None:
    """Return the head that the compiled loss means, where it leaves no doubt."""
    compiled = model.get("compile_config")
    loss = compiled.get("loss") if isinstance(compiled, dict) else None
    if isinstance(loss, str):
        return _LOSSES.get(loss)
    if not isinstance(loss, dict) or not isinstance(loss.get("config"), dict):
        return None
    name = str(loss.get("class_name"))
    return _LOSSES_OF_LOGITS.get(name) if loss["config"].get("from_logits") is True else _LOSSES.get(name)
