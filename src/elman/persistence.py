"""One file holds a model: weights, spec, vocabulary, the record of its training; a checkpoint also the run.

The layout is that of safetensors (`files/`), so that others can read the arrays; nothing in it can run.

    layers.0.U …, head.c    the parameters by name, in the dtype of the spec
    vocabulary              U8: the vocabulary's own compact JSON; absent when there is none
    training.…              only in a checkpoint: optimizer memory, hidden state, losses, best parameters
    metadata                format, format_version, sha256; JSON: spec, record, training, preparation
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from reprlib import repr as short
from typing import Any

import numpy as np

from . import engines, showing
from .data import Vocabulary
from .errors import FormatError, NumericError, OptionError
from .files import read_tensors, write_tensors
from .forms import (
    check_parameters,
    check_training,
    check_vocabulary,
    json_object,
    json_text,
    misfit,
    read_spec,
    read_training,
    read_vocabulary,
    training_form,
)
from .network import Network
from .numerics import Array
from .training import Training

FORMAT, VERSION = "elman", 1
PIECE = 1 << 20  # numbers that are looked at at once: no copy as large as the model


@dataclass(frozen=True, repr=False)
class Model:
    """What a file holds."""

    network: Network
    vocabulary: Vocabulary | None = None
    record: Mapping[str, Any] = field(default_factory=dict)  # facts of the training, JSON
    training: Training | None = None  # a checkpoint has one
    preparation: Mapping[str, Any] | None = (
        None  # what turns tables into input and outputs into answers, JSON
    )

    def __repr__(self) -> str:
        told = {"network": repr(self.network).partition("  #")[0]} | self._told()
        return f"Model({', '.join(f'{name}={fact}' for name, fact in told.items())})"

    def _repr_html_(self) -> str:
        return showing.facts("Model", self._told()) + self.network._repr_html_()

    def _told(self) -> dict[str, str]:
        words, run = self.vocabulary, self.training
        told = {
            "vocabulary": f"{words.size:,} {words.kind}" if words else "",
            "record": ", ".join(sorted(self.record)),
            "training": f"step {run.step:,}" if run else "",
            "preparation": ", ".join(sorted(self.preparation or ())),
        }
        return {name: fact for name, fact in told.items() if fact}


def save(
    path: str | os.PathLike[str],
    network: Network,
    vocabulary: Vocabulary | None = None,
    record: Mapping[str, Any] | None = None,
    training: Training | None = None,
    *,
    preparation: Mapping[str, Any] | None = None,
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
    metadata["spec"] = json_text("spec", network.spec.facts())
    metadata["record"] = json_text("record", dict(record or {}))
    if vocabulary is not None:
        if fault := misfit(vocabulary, network.spec, predicted=preparation is None):
            raise OptionError(f"{os.fspath(path)}: not written: {fault}")
        tensors["vocabulary"] = np.frombuffer(vocabulary.to_bytes(), np.uint8)
    if preparation is not None:
        metadata["preparation"] = json_text("preparation", preparation)
    if training is not None:
        arrays, metadata["training"] = training_form(training, network)
        tensors |= arrays
    if fault := _not_finite(tensors):
        raise NumericError(f"{os.fspath(path)}: not written: {fault}")
    write_tensors(path, tensors, metadata)


def load(
    path: str | os.PathLike[str],
    *,
    allow_nonfinite: bool = False,
    engine: str = "auto",
    threads: int | None = None,
) -> Model:
    """Read a model or a checkpoint, trusting nothing in it.

    Engine and threads are as in `Network`; no file says which. What the header says is checked against
    itself and the size of the file first: a file that does not hold together costs neither memory nor time.
    Raises: OptionError, EngineError for those that are not there; FileError when the file cannot be opened;
            FormatError when it is damaged, of another format or version, or does not hold together;
            NumericError when a number is not finite, unless allowed.

    >>> load("no-such-model")
    Traceback (most recent call last):
    elman.errors.FileError: no-such-model: cannot be read: No such file or directory
    """
    engines.find(engine, threads=threads)  # what is wrong with them is no fault of the file
    admitted: list[_Admitted] = []

    def admit(outlines: Mapping[str, Array], metadata: Mapping[str, str]) -> Mapping[str, Array]:
        admitted.append(_admit(outlines, metadata, engine=engine, threads=threads))
        return admitted[0].network.parameters.views

    tensors, _ = read_tensors(path, admit)
    (of,), name = admitted, os.fspath(path)
    vocabulary = None
    if "vocabulary" in tensors:
        try:
            predicted = of.preparation is None
            vocabulary = read_vocabulary(tensors["vocabulary"], of.network.spec, predicted=predicted)
        except FormatError as error:
            raise FormatError(f"{name}: {error}") from None
    if not allow_nonfinite and (fault := _not_finite(tensors)):
        raise NumericError(f"{name}: refused: {fault}; elman.load(..., allow_nonfinite=True) reads it")
    training = None if of.training is None else read_training(tensors, of.training, of.network)
    return Model(of.network, vocabulary, of.record, training, of.preparation)


@dataclass(frozen=True)
class _Admitted:
    """What the header of a file says, all of it checked: a network still without its numbers, and facts."""

    network: Network
    record: Mapping[str, Any]
    training: dict[str, Any] | None
    preparation: Mapping[str, Any] | None


def _admit(
    outlines: Mapping[str, Array], metadata: Mapping[str, str], *, engine: str, threads: int | None
) -> _Admitted:
    _check_version(metadata)
    spec = read_spec(json_object(metadata, "spec"), len(outlines))
    parameters = dict(outlines)
    run = {name: parameters.pop(name) for name in outlines if name.startswith("training.")}
    if (vocabulary := parameters.pop("vocabulary", None)) is not None:
        check_vocabulary(vocabulary)
    check_parameters(parameters, spec)
    record = json_object(metadata, "record")
    preparation, training = (
        json_object(metadata, name) if name in metadata else None for name in ("preparation", "training")
    )
    if run and training is None:
        raise FormatError(f"the array {min(run)!r} is of a training, but the metadata has none")
    zeros = np.broadcast_to(np.zeros((), spec.dtype), sum(part.size for part in parameters.values()))
    network = Network.from_spec(spec, zeros, engine=engine, threads=threads)
    if training is not None:
        check_training(run, training, network)
    return _Admitted(network, record, training, preparation)


def _check_version(metadata: Mapping[str, str]) -> None:
    kind, version = metadata.get("format"), metadata.get("format_version")
    if kind != FORMAT:
        raise FormatError(f"a safetensors file, but not a model of elman: format {short(kind)}")
    if version != str(VERSION):
        raise FormatError(f"format version {short(version)}; this elman reads {VERSION}: a newer is needed")


def _not_finite(tensors: Mapping[str, Array]) -> str | None:
    """Say which is the first number that is not finite, if there is one."""
    for name, array in tensors.items():
        flat, wrong, first = array.reshape(-1), 0, 0
        for at in range(0, flat.size, PIECE):
            places = np.flatnonzero(~np.isfinite(flat[at : at + PIECE]))
            if len(places) and not wrong:
                first = at + int(places[0])
            wrong += len(places)
        if wrong:
            place = [int(k) for k in np.unravel_index(first, array.shape)]
            return f"{name}{place} is {flat[first]}; {wrong:,} of its {flat.size:,} are not finite"
    return None
