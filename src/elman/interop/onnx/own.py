"""What `to_onnx` wrote, read back bit for bit: its metadata and its graph are held against each other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from elman import cells
from elman.data import Vocabulary
from elman.errors import FormatError, OptionError
from elman.forms import check_vocabulary, json_object, read_spec, read_vocabulary
from elman.network import Network
from elman.numerics import Array
from elman.spec import Spec

from .reading import assembled
from .values import tensor_array
from .weights import from_operator
from .writing import build, check_exportable

FORM = "1"
DIFFERENT = (
    "the metadata is that of an export of elman, but the graph is not the one it wrote; "
    "take the entries elman.* out of the metadata to have the graph read as it stands"
)


def read_own(
    model: Any, metadata: Mapping[str, str], on: Mapping[str, Any]
) -> tuple[Network, Vocabulary | None]:
    """Return the network and the vocabulary of an export. Raises: FormatError, NumericError."""
    if metadata["elman.form"] != FORM:
        raise FormatError(f"written in form {metadata['elman.form'][:20]!r}; this elman reads {FORM}")
    arrays = {one.name: tensor_array(one) for one in model.graph.initializer}
    try:
        spec = read_spec(json_object({"spec": metadata.get("elman.spec", "")}, "spec"), len(arrays))
        check_exportable(spec)
    except OptionError as error:
        raise FormatError(str(error)) from None
    there, wanted = sum(one.size for one in arrays.values()), spec.layout().values()
    if sum(math.prod(shape) for shape in wanted) > there:
        raise FormatError(f"the spec in the metadata asks for more than the {there:,} numbers of the file")
    network = assembled(spec, _parameters(spec, arrays), on)
    names = {one.name for one in model.graph.input}
    symbols = all(len(one.type.tensor_type.shape.dim) == 2 for one in model.graph.input if one.name == "x")
    if not symbols and (spec.embedding_size is not None or spec.feature_size):
        raise FormatError(DIFFERENT)
    if build(network, symbols=symbols, lengths="lengths" in names) != model.graph:
        raise FormatError(DIFFERENT)
    return network, _vocabulary(metadata, spec)


def _parameters(spec: Spec, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return the parameters by name, of the constants of the graph."""
    cell, found = cells.find(spec.cell, spec.activation), dict(arrays)
    for layer in range(spec.num_layers):
        places = spec.places()[layer * spec.directions : (layer + 1) * spec.directions]
        W, R, B = (arrays.get(f"layers.{layer}.{name}", np.zeros(0)) for name in "WRB")
        _check_weights(layer, len(cell.gates), spec.directions, (W, R, B))
        for k, (place, own) in enumerate(zip(places, from_operator(cell, W, R, B), strict=True)):
            found |= {f"{place}.{name}": part for name, part in own.items()}
            for state in cell.states if spec.learn_initial_state else ():
                found[f"{place}.{state}0"] = _row(arrays, f"layers.{layer}.{state}0", k)
    return found


def _check_weights(layer: int, gates: int, both: int, weights: tuple[Array, Array, Array]) -> None:
    """Refuse weights that do not fall into the directions of the layer and the gates of the cell."""
    for name, part, axes, blocks in zip("WRB", weights, (3, 3, 2), (gates, gates, 2 * gates), strict=True):
        if part.ndim != axes or len(part) != both or part.shape[1] % blocks:
            where = f"layers.{layer}.{name}"
            raise FormatError(
                f"{where} is missing or does not fall into {gates} gates: {list(part.shape)} came"
            )


def _row(arrays: Mapping[str, Array], name: str, k: int) -> Array:
    start = arrays.get(name)
    if start is None or start.ndim != 3 or start.shape[1] != 1 or k >= len(start):
        raise FormatError(f"{name} is missing, or not one row for each direction")
    row: Array = start[k, 0]
    return row


def _vocabulary(metadata: Mapping[str, str], spec: Spec) -> Vocabulary | None:
    if "elman.vocabulary" not in metadata:
        return None
    data = np.frombuffer(metadata["elman.vocabulary"].encode(), np.uint8)
    check_vocabulary(data)
    return read_vocabulary(data, spec, predicted=False)
