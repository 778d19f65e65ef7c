"""A network as an ONNX model, and as a file of it once it has been run and compared."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from elman.data import Vocabulary
from elman.errors import OptionError
from elman.files import atomic_write
from elman.forms import json_text, misfit
from elman.interop.checking import Checked, package
from elman.network import Network

from . import running, writing
from .own import FORM

if TYPE_CHECKING:
    from elman.persistence import Model

SYMBOLS = 7  # int64, as ONNX numbers types


def to_onnx(
    network: Network,
    vocabulary: Vocabulary | None = None,
    *,
    symbols: bool | None = None,
    lengths: bool = False,
) -> Any:
    """Return a network as an onnx.ModelProto that `onnx.checker` has passed in full.

    The names and shapes of inputs and outputs are in `elman.interop.onnx.writing`: x, h0 (s0) …, then logits
    and probabilities, or values, and h0_next (s0_next) …; T and B are free. The weights are in the model; its
    metadata has elman.form, elman.spec and, where there is one, elman.vocabulary, both JSON.

    symbols    x is symbols "T B" (True) or features "T B I" (False); of itself: symbols where the network has
               a vocabulary, an embedding, or features beside them.
    lengths    one more input, the length of each row; past it y is zero, and each state is the one there.
    Raises: OptionError for layer_norm, zoneout and readouts other than "every" and "last", for features where
            the network reads symbols, for a vocabulary that is not of it; where onnx is not installed.
    Source: https://onnx.ai/onnx/operators, opset 17.
    """
    onnx = onnx_package()
    spec = network.spec
    writing.check_exportable(spec)
    needed = spec.embedding_size is not None or spec.feature_size > 0
    if symbols is None:
        symbols = needed or vocabulary is not None
    if needed and not symbols:
        raise OptionError(
            "symbols is False; this network reads symbols (through an embedding, or beside features)"
        )
    metadata = {"elman.form": FORM, "elman.spec": json_text("spec", spec.facts())}
    if vocabulary is not None:
        if fault := misfit(vocabulary, spec, predicted=False):
            raise OptionError(fault)
        metadata["elman.vocabulary"] = vocabulary.to_bytes().decode()
    graph = writing.build(network, symbols=symbols, lengths=lengths)
    opsets = [onnx.helper.make_opsetid("", writing.OPSET)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, producer_name="elman")
    model.ir_version = writing.IR_VERSION
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    return model


def export(
    model: Model, path: str | os.PathLike[str], *, symbols: bool | None = None, lengths: bool = False
) -> Checked:
    """Write a model as an ONNX file, once it has been run and compared; the options are those of `to_onnx`.

    Raises: as `to_onnx`; NumericError when the graph answers otherwise than the network; FileError.
    """
    made = to_onnx(model.network, model.vocabulary, symbols=symbols, lengths=lengths)
    reads = any(door.name == "x" and door.type.tensor_type.elem_type == SYMBOLS for door in made.graph.input)

    def make(network: Network) -> bytes:
        return serialized(to_onnx(network, model.vocabulary, symbols=reads, lengths=lengths))

    checked = running.check_export(
        model.network, make, symbols=reads, lengths=lengths, lines=_notes(made, model)
    )
    atomic_write(path, [serialized(made)])
    return checked


def _notes(made: Any, model: Model) -> tuple[str, ...]:
    """Return what whoever uses the file should know."""
    doors = [", ".join(door.name for door in side) for side in (made.graph.input, made.graph.output)]
    lines = [f"graph       opset {writing.OPSET}, every weight inside; passed by onnx.checker in full"]
    lines += [f"inputs      {doors[0]}", f"outputs     {doors[1]}"]
    if model.preparation is not None:
        lines.append(
            "not in it   how the columns of a table are scaled and read: feed what the network reads"
        )
    return tuple(lines)


def serialized(made: Any) -> bytes:
    """Return the bytes of a model, always the same."""
    data: bytes = made.SerializeToString(deterministic=True)
    return data


def onnx_package() -> Any:
    """Return the onnx package. Raises: OptionError when it is not installed."""
    for part in ("onnx.checker", "onnx.helper", "onnx.defs"):
        package(part, "onnx")
    return package("onnx", "onnx")
