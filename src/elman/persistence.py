"""One file holds a model: weights, spec, vocabulary, the record of its training; a checkpoint also the run.

The layout is that of safetensors (`files/`), so that others can read the arrays; nothing in it can run.

    layers.0.U …, head.c    the parameters by name, in the dtype of the spec
    vocabulary              U8: the vocabulary's own compact JSON; absent when there is none
    training.…              only in a checkpoint: optimizer memory, hidden state, losses, best parameters
    metadata                format, format_version, spec (JSON), record (JSON), training (JSON), sha256
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from reprlib import repr as short
from typing import Any

import numpy as np

from .cells import find
from .data import Vocabulary
from .errors import FormatError, NumericError, OptionError
from .files import read_tensors, write_tensors
from .network import Network, State
from .numerics import Array
from .spec import Spec
from .training import ENDLESS, Training

FORMAT, VERSION = "elman", 1


@dataclass(frozen=True)
class Model:
    """What a file holds."""

    network: Network
    vocabulary: Vocabulary | None = None
    record: Mapping[str, Any] = field(default_factory=dict)  # facts of the training, JSON
    training: Training | None = None  # a checkpoint has one


def save(
    path: str | os.PathLike[str],
    network: Network,
    vocabulary: Vocabulary | None = None,
    record: Mapping[str, Any] | None = None,
    training: Training | None = None,
) -> None:
    """Write a model, or with `training` a checkpoint: aside, synced and renamed, so never half.

    The same content gives the same bytes. Whatever is written can be read again.
    Raises: FileError, ResourceError when the path cannot be written; OptionError when the record is not JSON
            or the vocabulary is not of the network; FormatError for what else the file cannot hold;
            NumericError when a number is not finite. What was there before then stays.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = os.path.join(directory, "model.safetensors")
    ...     save(path, Network(input_size=3, hidden_size=4, output_size=3))
    ...     load(path).network.spec.hidden_size
    4
    """
    tensors: dict[str, Array] = dict(network.parameters.views)
    metadata = {"format": FORMAT, "format_version": str(VERSION)}
    metadata["spec"] = _json("spec", asdict(network.spec))
    metadata["record"] = _json("record", dict(record or {}))
    if vocabulary is not None:
        if fault := _misfit(vocabulary, network.spec):
            raise OptionError(f"{os.fspath(path)}: not written: {fault}")
        tensors["vocabulary"] = np.frombuffer(vocabulary.to_bytes(), np.uint8)
    if training is not None:
        arrays, metadata["training"] = _training_form(training, network)
        tensors |= arrays
    _check_finite(tensors, f"{os.fspath(path)}: not written")
    write_tensors(path, tensors, metadata)


def load(path: str | os.PathLike[str], *, allow_nonfinite: bool = False) -> Model:
    """Read a model or a checkpoint, trusting nothing in it.

    Raises: FileError when the file cannot be opened; FormatError when it is damaged, of another format or
            version, or does not hold together; NumericError when a number is not finite, unless allowed.

    >>> load("no-such-model")
    Traceback (most recent call last):
    elman.errors.FileError: no-such-model: cannot be read: No such file or directory
    """
    tensors, metadata = read_tensors(path)
    rest, name = dict(tensors), os.fspath(path)
    try:
        _check_version(metadata)
        spec = _spec(_object(metadata, "spec"))
        vocabulary = _vocabulary(rest.pop("vocabulary", None), spec)
        run = {key: rest.pop(key) for key in tensors if key.startswith("training.")}
        network = _network(rest, spec)
        training = _training(run, _object(metadata, "training"), network) if "training" in metadata else None
        if run and training is None:
            raise FormatError(f"the array {min(run)!r} is of a training, but the metadata has none")
        record = _object(metadata, "record")
    except (FormatError, OptionError) as error:
        raise FormatError(f"{name}: {error}") from None
    if not allow_nonfinite:
        _check_finite(tensors, f"{name}: refused")
    return Model(network, vocabulary, record, training)


def _check_version(metadata: Mapping[str, str]) -> None:
    kind, version = metadata.get("format"), metadata.get("format_version")
    if kind != FORMAT:
        raise FormatError(f"a safetensors file, but not a model of elman: format {short(kind)}")
    if version != str(VERSION):
        raise FormatError(f"format version {short(version)}; this elman reads {VERSION}: a newer is needed")


def _json(name: str, facts: Mapping[str, Any]) -> str:
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


def _object(metadata: Mapping[str, str], name: str) -> dict[str, Any]:
    if name not in metadata:
        raise FormatError(f"the metadata has no {name}")
    try:
        return _parsed(metadata[name])
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise FormatError(f"the {name} in the metadata is damaged: {error}") from None


def _spec(facts: dict[str, Any]) -> Spec:
    kinds = {f.name: int if f.name.endswith(("size", "layers")) else str for f in fields(Spec)}
    if set(facts) != set(kinds):
        raise FormatError(f"the spec has {short(sorted(facts))}; expected {', '.join(sorted(kinds))}")
    for name, kind in kinds.items():
        if type(facts[name]) is not kind or len(str(facts[name])) > 32:
            raise FormatError(f"{name} in the spec is {short(facts[name])}; expected a short {kind.__name__}")
    return Spec(**facts)


def _vocabulary(data: Array | None, spec: Spec) -> Vocabulary | None:
    if data is None:
        return None
    if data.dtype != np.uint8 or data.ndim != 1:
        raise FormatError(f"the vocabulary is {data.dtype} {data.shape}; expected a row of bytes")
    vocabulary = Vocabulary.from_bytes(data.tobytes())
    if fault := _misfit(vocabulary, spec):
        raise FormatError(fault)
    return vocabulary


def _misfit(vocabulary: Vocabulary, spec: Spec) -> str | None:
    if vocabulary.size == spec.input_size == spec.output_size:
        return None
    sizes = f"reads {spec.input_size} and writes {spec.output_size}"
    return f"the vocabulary has {vocabulary.size} symbols, but the network {sizes}"


def _network(tensors: dict[str, Array], spec: Spec) -> Network:
    """Check every name, shape and dtype against the spec before the network is built."""
    if spec.num_layers > len(tensors):  # before anything grows with a number from the file
        raise FormatError(f"the spec says {spec.num_layers} layers; the file has {len(tensors)} arrays")
    layout = spec.layout()
    for name in [*layout, *tensors]:
        if name not in layout:
            raise FormatError(f"the array {name!r} is not of this network")
        if name not in tensors:
            raise FormatError(f"the array {name!r} is missing")
        _expect(name, tensors[name], layout[name], spec.dtype)
    return Network.from_spec(spec, np.concatenate([tensors[name].reshape(-1) for name in layout]))


def _expect(name: str, array: Array, shape: tuple[int, ...], dtype: str) -> Array:
    if array.shape != shape or array.dtype != dtype:
        raise FormatError(f"{name} is {array.dtype} {array.shape}; expected {dtype} {shape}")
    return array


def _check_finite(tensors: Mapping[str, Array], consequence: str) -> None:
    for name, array in tensors.items():
        wrong = np.argwhere(~np.isfinite(array))
        if len(wrong):
            first = f"{name}{wrong[0].tolist()} is {array[tuple(wrong[0])]}"
            raise NumericError(f"{consequence}: {first}; {len(wrong):,} of its {array.size:,} are not finite")


def _training_form(training: Training, network: Network) -> tuple[dict[str, Array], str]:
    """Return the arrays and the facts of a run, as `_training` reads them."""
    names = find(network.spec.cell, network.spec.activation).states
    losses = np.array(training.validation_losses, np.float64)
    parts = {"memory": training.memory, "validation_losses": losses, "best": training.best}
    arrays = {f"training.{name}": part for name, part in parts.items() if part is not None and part.size}
    for k, layer in enumerate(training.hidden or ()):
        arrays |= {f"training.hidden.{k}.{name}": s for name, s in zip(names, layer, strict=True)}
    facts = {"step": training.step, "seconds": float(training.seconds), "best_step": training.best_step}
    _training(arrays, facts, network)  # what is written can be read again
    return arrays, _json("training", facts)


def _training(arrays: Mapping[str, Array], facts: dict[str, Any], network: Network) -> Training:
    """Check the parts of a run against its network."""
    kinds = {"step": int, "seconds": float, "best_step": int}
    right = {name: type(value) for name, value in facts.items()} == kinds
    if not right or not all(0 <= value < ENDLESS for value in facts.values()):
        raise FormatError(f"the training is {short(facts)}; expected {', '.join(kinds)}, none negative")
    (size,), dtype, rest = network.parameters.flat.shape, network.spec.dtype, dict(arrays)
    memory = rest.pop("training.memory", np.zeros((0, size), dtype))
    losses = rest.pop("training.validation_losses", np.zeros(0))
    best = rest.pop("training.best", None)
    _expect("training.memory", memory, (*memory.shape[:1], size), dtype)
    _expect("training.validation_losses", losses, (losses.size,), "float64")
    if best is not None:
        _expect("training.best", best, (size,), dtype)
    hidden = _hidden(rest, network.spec)
    return Training(memory=memory, hidden=hidden, validation_losses=losses.tolist(), best=best, **facts)


def _hidden(arrays: Mapping[str, Array], spec: Spec) -> State | None:
    if not arrays:
        return None
    states = find(spec.cell, spec.activation).states
    names = [[f"training.hidden.{k}.{state}" for state in states] for k in range(spec.num_layers)]
    known = [name for layer in names for name in layer]
    if set(arrays) != set(known):
        raise FormatError(f"the training holds {short(sorted(arrays))}; expected {short(known)}")
    shape = (*arrays[known[0]].shape[:1], spec.hidden_size)
    return tuple(tuple(_expect(n, arrays[n], shape, spec.dtype) for n in layer) for layer in names)
