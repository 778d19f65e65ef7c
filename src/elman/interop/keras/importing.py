"""A network from a Keras model or file, and what comes out of both, compared."""

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
from elman.spec import Spec

from . import archive, hdf5, live
from .comparing import compared
from .config import Read, read_config
from .exporting import OWN
from .plan import Plan, plan_of, spec_of
from .weights import network_of


def from_keras(
    source: Any, *, loss: str | None = None, engine: str = "auto", threads: int | None = None
) -> Network:
    """Return the network that a Keras model computes; weights are copied.

    source: a keras.Model, or the path of a .keras file: an input, perhaps Embedding, layers of SimpleRNN,
    GRU or LSTM, perhaps Bidirectional, perhaps Dense; Dropout between them is kept for training. The network
    gives logits where an activation of Dense, softmax or sigmoid, makes probabilities of them. `loss` is the
    name of the head where neither that activation nor the compiled loss says it (none: squared).
    Embedding(mask_zero=True) skips symbols 0 in Keras; here they count, and `lengths` says where rows end.
    A stateful layer keeps its state; here the state is handed on.
    Raises: OptionError (a live model) or FormatError (a file) naming the layer and the option that cannot be
            carried over; OptionError when keras is missing; FileError when the file cannot be read;
            NumericError when a weight is not finite.

        network = from_keras("model.keras")
    """
    if isinstance(source, str | os.PathLike):
        return _read(source, loss, engine=engine, threads=threads)[0]
    try:
        found, arrays = live.read_live(source)
        return network_of(
            spec_of(found.plan, found.meant, loss), found.plan, arrays, engine=engine, threads=threads
        )
    except FormatError as error:
        raise OptionError(str(error)) from None


def read(path: str | os.PathLike[str]) -> tuple[Network, Vocabulary | None]:
    """Return the network of a .keras file and, where `export` wrote it, its vocabulary.

    Raises: as `from_keras`.
    """
    return _read(path, None)


def _read(path: str | os.PathLike[str], loss: str | None, **on: Any) -> tuple[Network, Vocabulary | None]:
    metadata, found, arrays = _contents(path)
    try:
        own = metadata.get(OWN)
        spec = spec_of(found.plan, found.meant, loss) if own is None else _own_spec(own, found.plan, loss)
        network = network_of(spec, found.plan, arrays, **on)
        if own is None or "vocabulary" not in own:
            return network, None
        text = np.frombuffer(own["vocabulary"].encode(), np.uint8)
        return network, read_vocabulary(text, spec, predicted=True)
    except (FormatError, UnicodeEncodeError) as error:
        raise FormatError(f"{os.fspath(path)}: {error}") from None


def _own_spec(own: object, plan: Plan, loss: str | None) -> Spec:
    """Return the spec that `export` wrote, when the layers are the ones it would write for it."""
    if loss is not None:
        raise OptionError("the file says itself what it holds; leave out loss")
    if not isinstance(own, dict) or not all(isinstance(text, str) for text in own.values()):
        raise FormatError("metadata.json holds something of elman that it never writes")
    try:
        spec = read_spec(json_object(own, "spec"), len(plan.units) * 10)
        expected = plan_of(spec)
    except OptionError as error:
        raise FormatError(str(error)) from None
    if expected != plan:
        raise FormatError(f"the layers are those of {plan}; the spec in metadata.json expects {expected}")
    return spec


def _contents(path: str | os.PathLike[str]) -> tuple[Mapping[str, Any], Read, dict[str, Array]]:
    try:
        kept = archive.read(path)
        found = read_config(kept.config)
        return kept.metadata, found, hdf5.File(kept.weights).arrays(found.plan.arrays())
    except FormatError as error:
        raise FormatError(f"{os.fspath(path)}: {error}") from None


def check(network: Network, path: str | os.PathLike[str]) -> Checked:
    """Compare a network that was read with what Keras computes from the weights of the file themselves.

    Where Keras cannot be imported, or multiplies float64 in float32, its equations in NumPy stand for it.
    Raises: NumericError when they differ; otherwise as `read`.
    """
    _, found, arrays = _contents(path)
    return compared(network, found.plan, arrays, found.notes)
