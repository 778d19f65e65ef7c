"""A network from an ONNX file or model, and what comes out of both, compared."""

from __future__ import annotations

import os
from typing import Any

from elman.data import Vocabulary
from elman.errors import FormatError, NumericError, OptionError
from elman.interop.checking import Checked, package
from elman.network import Network

from . import running
from .comparing import check_graph
from .exporting import SYMBOLS, onnx_package, serialized, to_onnx
from .own import read_own
from .reading import follow, network_of
from .wire import check_bytes, read_bytes


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
    onnx = onnx_package()
    is_path = isinstance(model, str | os.PathLike)
    try:
        data = read_bytes(model) if is_path else model.SerializeToString()
        parsed = _parse(onnx, data)
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


def _parse(onnx: Any, data: bytes) -> Any:
    """Return the ModelProto of bytes that have been walked through first. Raises: FormatError."""
    check_bytes(data)
    try:
        return onnx.ModelProto.FromString(data)
    except package("google.protobuf.message", "onnx").DecodeError as error:
        raise FormatError(f"not an ONNX model: {error}") from None


def check(network: Network, path: str | os.PathLike[str]) -> Checked:
    """Compare a network that was read from a file with the file itself, run there.

    Raises: NumericError when they differ; otherwise as `read`.
    """
    data = read_bytes(path)
    parsed = _parse(onnx_package(), data)
    metadata = {one.key: one.value for one in parsed.metadata_props}
    if "elman.form" not in metadata:
        return check_graph(network, follow(parsed), data)
    doors = {door.name: door.type.tensor_type.elem_type for door in parsed.graph.input}
    symbols, lengths = doors["x"] == SYMBOLS, "lengths" in doors

    def make(same: Network) -> bytes:
        return data if same is network else serialized(to_onnx(same, symbols=symbols, lengths=lengths))

    return running.check_export(network, make, symbols=symbols, lengths=lengths, lines=())
