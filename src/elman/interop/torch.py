"""PyTorch: nn.RNN, nn.GRU, nn.LSTM and their cells, nn.Embedding in front and nn.Linear behind, both ways.

    from_torch, to_torch, state_to_torch, state_from_torch      live modules and their states; need torch
    from_state_dict                                             .safetensors, or .pt, which needs torch
    export, read, check                                         what `elman export` and `elman import` call

Time comes first, as in modules without batch_first; one with it has the same weights and is read alike.
What else differs, names and two biases where one is enough, is said in `torch_weights`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.data import Vocabulary
from elman.errors import FormatError, OptionError
from elman.files import write_tensors
from elman.forms import json_object, json_text, read_spec, read_vocabulary
from elman.network import Network
from elman.numerics import Array
from elman.persistence import Model
from elman.spec import Spec
from elman.states import State

from . import torch_modules
from .checking import Checked, compare, package
from .state_files import OWN, arrays, read_state_dict
from .torch_naming import canonical, spec_of
from .torch_weights import completed, network_of, weights

_VOCABULARY = "elman.vocabulary"
_IN_TRAINING = ("input_dropout", "recurrent_dropout", "output_dropout")


def from_torch(
    recurrent: Any,
    head: Any = None,
    embedding: Any = None,
    *,
    readout: str = "every",
    loss: str | None = None,
    engine: str = "auto",
    threads: int | None = None,
) -> Network:
    """Return the network that modules of PyTorch compute; weights are copied.

    recurrent: nn.RNN, nn.GRU, nn.LSTM, one of their cells, or a list of cells, one on the other.
    head:      nn.Linear; without one the outputs are the states.    embedding: nn.Embedding.
    Two things are in no module: `readout`, whether the head reads "every" step or the "last", and `loss`, the
    name of the head (none: softmax, or squared where there is no head). Where head.weight is
    embedding.weight, the network is tied. Dropout between layers is kept for training.
    Raises: OptionError naming the module and the option that cannot be carried over (proj_size, max_norm,
            hooks, a class of another's making), or that torch is missing; FormatError for weights that do not
            fit together.

        network = from_torch(model.lstm, model.decoder, model.encoder)
    """
    parts = torch_modules.modules(recurrent, head, embedding)
    tensors = {
        f"{part}.{name}": tensor
        for part, module in parts.items()
        for name, tensor in module.state_dict().items()
    }
    found = canonical(arrays(tensors))
    spec = spec_of(found, readout=readout, loss=loss, **torch_modules.facts(parts))
    return network_of(spec, found, engine=engine, threads=threads)


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
    parts = torch_modules.build(network.spec, weights(network, cells=cells))
    return dict(parts.items()).get("embedding"), parts["rnn"], parts["head"]


def state_to_torch(network: Network, state: State) -> Any:
    """Return a state as nn.RNN and nn.GRU ("D·L B H") or nn.LSTM (two of them: h and c) take it.

    Raises: OptionError when layers differ in size: each cell then takes its own entry of the state.
    """
    if len(set(network.spec.widths)) > 1:
        raise OptionError(f"hidden_size is {network.spec.widths}: a state of PyTorch has one for all layers")
    return torch_modules.state_to_torch(network.spec, state)


def state_from_torch(hx: Any) -> State:
    """Return the state that nn.RNN, nn.GRU ("D·L B H") or nn.LSTM (two of them) gave, for `run` or `step`."""
    return torch_modules.state_from_torch(hx)


def from_state_dict(
    source: str | os.PathLike[str] | Mapping[str, Array],
    *,
    parts: Mapping[str, str] | None = None,
    activation: str | None = None,
    readout: str = "every",
    loss: str | None = None,
) -> Network:
    """Return the network of a state dict: arrays by name, or a .safetensors or .pt file of them.

    parts: how it calls embedding, rnn and head, where not so: {"head": "decoder"}; the recurrent part is
    found by itself. `activation` (tanh or relu) is needed for nn.RNN, whose weights do not say it; readout
    and loss are those of `from_torch`.
    Raises: as `from_torch`; FileError when the file cannot be read.

    >>> W, U, V = np.zeros((12, 4)), np.zeros((12, 3)), np.zeros((2, 4))
    >>> network = from_state_dict(
    ...     {"gru.weight_ih_l0": U, "gru.weight_hh_l0": W, "fc.weight": V}, parts={"head": "fc"}
    ... )
    >>> network.spec.cell, network.spec.input_size, network.spec.output_size
    ('gru', 3, 2)
    """
    tensors = source if isinstance(source, Mapping) else read_state_dict(source)[0]
    found = canonical(tensors, parts)
    return network_of(spec_of(found, activation=activation, readout=readout, loss=loss), found)


def export(model: Model, path: str | os.PathLike[str]) -> Checked:
    """Write a .safetensors state dict that `load_state_dict` takes; layers of unequal sizes as cells.

    The spec and the vocabulary go into its metadata, so that `read` gives the same network, byte for byte.
    Raises: as `to_torch`; NumericError when PyTorch's answers differ from the network's: nothing is written;
            FileError, ResourceError when the file cannot be.
    """
    network, spec = model.network, model.network.spec
    cells = len(set(spec.widths)) > 1
    tensors = weights(network, cells=cells)
    checked = _compared(network, tensors, _notes(model, path, cells))
    metadata = {"format": "pt", OWN: json_text("spec", spec.facts())}
    if model.vocabulary is not None and model.preparation is None:
        metadata[_VOCABULARY] = model.vocabulary.to_bytes().decode()
    write_tensors(path, tensors, metadata)
    return checked


def read(
    path: str | os.PathLike[str],
    *,
    parts: Mapping[str, str] | None = None,
    activation: str | None = None,
    readout: str | None = None,
    loss: str | None = None,
) -> tuple[Network, Vocabulary | None]:
    """Return the network of a state dict and, where `export` wrote it, its vocabulary.

    Raises: as `from_state_dict`; OptionError for options that a file of `export` answers itself.
    """
    tensors, metadata = read_state_dict(path)
    options = {"parts": parts, "activation": activation, "readout": readout, "loss": loss}
    given = {name: value for name, value in options.items() if value is not None}
    try:
        if OWN not in metadata:
            return from_state_dict(tensors, **given), None  # type: ignore[arg-type]
        if given:
            raise OptionError(f"the file says itself what it holds; leave out {', '.join(given)}")
        return _read_own(tensors, metadata)
    except (FormatError, OptionError) as error:
        raise type(error)(f"{os.fspath(path)}: {error}") from None


def _read_own(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> tuple[Network, Vocabulary | None]:
    try:
        spec = read_spec(json_object(metadata, OWN), len(tensors))
        network = network_of(spec, tensors)
    except OptionError as error:
        raise FormatError(str(error)) from None
    if (text := metadata.get(_VOCABULARY)) is None:
        return network, None
    return network, read_vocabulary(np.frombuffer(text.encode(), np.uint8), spec, predicted=True)


def check(
    network: Network, path: str | os.PathLike[str], *, parts: Mapping[str, str] | None = None
) -> Checked:
    """Compare a network that was read with what PyTorch computes from the tensors of the file themselves.

    Raises: NumericError when they differ; otherwise as `read`.
    """
    tensors = canonical(read_state_dict(path)[0], parts)
    return _compared(network, completed(network.spec, tensors), ())


def _compared(network: Network, tensors: Mapping[str, Array], lines: tuple[str, ...]) -> Checked:
    modules = torch_modules.build(network.spec, tensors)
    what = f"whole runs and single steps in PyTorch {package('torch', 'torch').__version__}"
    return compare(network, torch_modules.runner(modules, network.spec), what, lines=lines)


def _notes(model: Model, path: str | os.PathLike[str], cells: bool) -> tuple[str, ...]:
    """Return what whoever loads the file should know."""
    spec = model.network.spec
    lines = [f"modules     {torch_modules.described(spec, cells=cells)}"]
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
