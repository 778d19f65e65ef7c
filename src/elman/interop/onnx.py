"""ONNX: a network out as a graph of the standard operators, and in from one.

The graph is described in `onnx_writing`; docs/lands/onnx.md has complete examples.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from elman.data import Vocabulary
from elman.errors import FormatError, NumericError, OptionError
from elman.files import atomic_write
from elman.forms import json_text, misfit
from elman.network import Network

from . import onnx_running, onnx_writing
from .checking import Checked, package
from .onnx_comparing import check_graph
from .onnx_own import FORM, read_own
from .onnx_reading import follow, network_of
from .onnx_wire import check_bytes, read_bytes

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

    The names and shapes of inputs and outputs are in `elman.interop.onnx_writing`: x, h0 (s0) …, then logits
    and probabilities, or values, and h0_next (s0_next) …; T and B are free. The weights are in the model; its
    metadata has elman.form, elman.spec and, where there is one, elman.vocabulary, both JSON.

    symbols    x is symbols "T B" (True) or features "T B I" (False); of itself: symbols where the network has
               a vocabulary, an embedding, or features beside them.
    lengths    one more input, the length of each row; past it y is zero, and each state is the one there.
    Raises: OptionError for layer_norm, zoneout and readouts other than "every" and "last", for features where
            the network reads symbols, for a vocabulary that is not of it; where onnx is not installed.
    Source: https://onnx.ai/onnx/operators, opset 17.
    """
    onnx = _package()
    spec = network.spec
    onnx_writing.check_exportable(spec)
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
    graph = onnx_writing.build(network, symbols=symbols, lengths=lengths)
    opsets = [onnx.helper.make_opsetid("", onnx_writing.OPSET)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, producer_name="elman")
    model.ir_version = onnx_writing.IR_VERSION
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
        return _bytes(to_onnx(network, model.vocabulary, symbols=reads, lengths=lengths))

    checked = onnx_running.check_export(
        model.network, make, symbols=reads, lengths=lengths, lines=_notes(made, model)
    )
    atomic_write(path, [_bytes(made)])
    return checked


def _notes(made: Any, model: Model) -> tuple[str, ...]:
    """Return what whoever uses the file should know."""
    doors = [", ".join(door.name for door in side) for side in (made.graph.input, made.graph.output)]
    lines = [f"graph       opset {onnx_writing.OPSET}, every weight inside; passed by onnx.checker in full"]
    lines += [f"inputs      {doors[0]}", f"outputs     {doors[1]}"]
    if model.preparation is not None:
        lines.append(
            "not in it   how the columns of a table are scaled and read: feed what the network reads"
        )
    return tuple(lines)


def _bytes(made: Any) -> bytes:
    data: bytes = made.SerializeToString(deterministic=True)
    return data


def check(network: Network, path: str | os.PathLike[str]) -> Checked:
    """Compare a network that was read from a file with the file itself, run there.

    Raises: NumericError when they differ; otherwise as `read`.
    """
    data = read_bytes(path)
    parsed = parse(_package(), data)
    metadata = {one.key: one.value for one in parsed.metadata_props}
    if "elman.form" not in metadata:
        return check_graph(network, follow(parsed), data)
    doors = {door.name: door.type.tensor_type.elem_type for door in parsed.graph.input}
    symbols, lengths = doors["x"] == SYMBOLS, "lengths" in doors

    def make(same: Network) -> bytes:
        return data if same is network else _bytes(to_onnx(same, symbols=symbols, lengths=lengths))

    return onnx_running.check_export(network, make, symbols=symbols, lengths=lengths, lines=())


def from_onnx(
    model: Any, *, loss: str | None = None, engine: str = "auto", threads: int | None = None
) -> Network:
    """Return the network of an ONNX file, or of an onnx.ModelProto.

    An export of elman comes back bit for bit. Of other writers graphs are read that are symbols or features,
    an embedding, RNN, GRU or LSTM in layers, and V h + c at every step or at the last; two biases of a cell
    that has one become their sum. Batch first or time first, the network reads "T B".

    loss     the name of the head, which no graph says (none: softmax or sigmoid as the graph ends, else
             softmax, or squared where there is no head: the outputs are then the states).
    engine, threads   as in `Network`.
    Raises: FormatError, naming the node, for whatever cannot be carried over exactly, and for files that are
            damaged or hostile; FileError; NumericError for weights that are not finite; OptionError.
    """
    return _read(model, loss=loss, on={"engine": engine, "threads": threads})[0]


def read(
    path: str | os.PathLike[str], *, loss: str | None = None, engine: str = "auto", threads: int | None = None
) -> tuple[Network, Vocabulary | None]:
    """Return the network of an ONNX file, and the vocabulary that elman wrote. Raises: as `from_onnx`."""
    return _read(path, loss=loss, on={"engine": engine, "threads": threads})


def _read(model: Any, *, loss: str | None, on: dict[str, Any]) -> tuple[Network, Vocabulary | None]:
    onnx = _package()
    is_path = isinstance(model, str | os.PathLike)
    try:
        data = read_bytes(model) if is_path else model.SerializeToString()
        parsed = parse(onnx, data)
        metadata = {one.key: one.value for one in parsed.metadata_props}
        if "elman.form" in metadata:
            if loss is not None:
                raise OptionError(f"loss is {loss!r}; an export of elman says itself what its head is")
            return read_own(parsed, metadata, on)
        return network_of(follow(parsed), loss=loss, on=on), None
    except (FormatError, NumericError) as error:
        if not is_path or str(error).startswith(os.fspath(model)):
            raise
        raise type(error)(f"{os.fspath(model)}: {error}") from None


def parse(onnx: Any, data: bytes) -> Any:
    """Return the ModelProto of bytes that have been walked through first. Raises: FormatError."""
    check_bytes(data)
    try:
        return onnx.ModelProto.FromString(data)
    except package("google.protobuf.message", "onnx").DecodeError as error:
        raise FormatError(f"not an ONNX model: {error}") from None


def _package() -> Any:
    """Return the onnx package. Raises: OptionError when it is not installed."""
    for part in ("onnx.checker", "onnx.helper", "onnx.defs"):
        package(part, "onnx")
    return package("onnx", "onnx")
