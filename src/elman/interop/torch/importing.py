"""A network from modules or a state dict of PyTorch, and what comes out of both, compared."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.data import Vocabulary
from elman.errors import FormatError, OptionError
from elman.forms import json_object, read_spec, read_vocabulary
from elman.interop.checking import Checked
from elman.network import Network
from elman.numerics import Array

from . import live
from .naming import canonical, spec_of
from .state_files import OWN, VOCABULARY, arrays, read_state_dict
from .weights import completed, network_of


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
    parts = live.modules(recurrent, head, embedding)
    tensors = {
        f"{part}.{name}": tensor
        for part, module in parts.items()
        for name, tensor in module.state_dict().items()
    }
    found = canonical(arrays(tensors))
    spec = spec_of(found, readout=readout, loss=loss, **live.facts(parts))
    return network_of(spec, found, engine=engine, threads=threads)


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
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    try:
        if OWN not in metadata:
            return from_state_dict(tensors, **given), None
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
    if (text := metadata.get(VOCABULARY)) is None:
        return network, None
    return network, read_vocabulary(np.frombuffer(text.encode(), np.uint8), spec, predicted=True)


def check(
    network: Network, path: str | os.PathLike[str], *, parts: Mapping[str, str] | None = None
) -> Checked:
    """Compare a network that was read with what PyTorch computes from the tensors of the file themselves.

    Raises: NumericError when they differ; otherwise as `read`.
    """
    tensors = canonical(read_state_dict(path)[0], parts)
    return live.compared(network, completed(network.spec, tensors), ())
