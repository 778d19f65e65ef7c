"""A network as modules of PyTorch, and as a state dict of them once it has been run and compared."""

from __future__ import annotations

import os
from typing import Any

from elman.errors import OptionError
from elman.files import write_tensors
from elman.forms import json_text
from elman.interop.checking import Checked
from elman.network import Network
from elman.persistence import Model
from elman.spec import Spec
from elman.states import State

from . import live
from .state_files import OWN, VOCABULARY
from .weights import weights

_IN_TRAINING = ("input_dropout", "recurrent_dropout", "output_dropout")


def to_torch(network: Network, *, cells: bool = False) -> tuple[Any, Any, Any]:
    """Return (embedding or None, recurrent module, head) with the weights of a network, copied, in eval mode.

    cells: the recurrent module is an nn.ModuleList with a cell for each layer, so layers may differ in size.
    Without an embedding symbols go in as one_hot(symbols, input_size); features come after them. The head
    gives logits, or values. A learned initial state is refused: modules begin from zeros, or from what
    `state_to_torch` gives. Of the dropouts only `dropout` has a place; the others act in training alone.
    Raises: OptionError for what PyTorch does not compute (layer_norm, zoneout, learn_initial_state, readouts
            other than every and last), or that torch is missing.

        embedding, lstm, head = to_torch(elman.load("model.safetensors").network)
    """
    parts = live.build(network.spec, weights(network, cells=cells))
    return dict(parts.items()).get("embedding"), parts["rnn"], parts["head"]


def state_to_torch(network: Network, state: State) -> Any:
    """Return a state as nn.RNN and nn.GRU ("D·L B H") or nn.LSTM (two of them: h and c) take it.

    Raises: OptionError when layers differ in size: each cell then takes its own entry of the state.
    """
    if len(set(network.spec.widths)) > 1:
        raise OptionError(f"hidden_size is {network.spec.widths}: a state of PyTorch has one for all layers")
    return live.state_to_torch(network.spec, state)


def export(model: Model, path: str | os.PathLike[str]) -> Checked:
    """Write a .safetensors state dict that `load_state_dict` takes; layers of unequal sizes as cells.

    The spec and the vocabulary go into its metadata, so that `read` gives the same network, byte for byte.
    Raises: as `to_torch`; NumericError when PyTorch's answers differ from the network's: nothing is written;
            FileError, ResourceError when the file cannot be.
    """
    network, spec = model.network, model.network.spec
    cells = len(set(spec.widths)) > 1
    tensors = weights(network, cells=cells)
    checked = live.compared(network, tensors, _notes(model, path, cells))
    metadata = {"format": "pt", OWN: json_text("spec", spec.facts())}
    if model.vocabulary is not None and model.preparation is None:
        metadata[VOCABULARY] = model.vocabulary.to_bytes().decode()
    write_tensors(path, tensors, metadata)
    return checked


def _notes(model: Model, path: str | os.PathLike[str], cells: bool) -> tuple[str, ...]:
    """Return what whoever loads the file should know."""
    spec = model.network.spec
    lines = [f"modules     {live.described(spec, cells=cells)}"]
    lines.append(f"weights     .load_state_dict(safetensors.torch.load_file({os.fspath(path)!r}))")
    lines.append(f"reads       {_reads(spec)}")
    where = "every step" if spec.readout == "every" else "the last step of each sequence"
    lines.append(f"gives       vectors of {spec.y_size} {_gives(spec)} at {where}")
    left = [f"{name} {getattr(spec, name)}" for name in _IN_TRAINING if getattr(spec, name)]
    if cells and spec.dropout:
        left.append(f"dropout {spec.dropout}")
    if left:
        lines.append(f"left out    {', '.join(left)}: in training alone")
    if model.preparation is not None:
        lines.append("left out    how a table becomes input and outputs answers: columns, scales, labels")
    return tuple(lines)


def _reads(spec: Spec) -> str:
    symbols = "symbols" if spec.embedding_size else f"symbols as one_hot(x, {spec.input_size})"
    if spec.feature_size:
        return f"{symbols}, with vectors of {spec.feature_size} features after them"
    return symbols if spec.embedding_size else f"vectors of {spec.input_size} features, or {symbols}"


def _gives(spec: Spec) -> str:
    return f"logits of {spec.head}" if spec.head in ("softmax", "sigmoid") else f"values of {spec.head}"
