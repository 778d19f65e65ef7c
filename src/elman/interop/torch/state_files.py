"""State dicts of PyTorch from files: .safetensors of any writer, and .pt read with weights_only.

Nothing of a file is believed, and no memory is taken, before its sizes were checked against its own size:
a header of safetensors by the parser of model files, an archive of PyTorch by its list of entries. What would
grow while it is read is refused, and tensors that claim more than the file holds.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from elman.errors import ElmanError, FileError, FormatError
from elman.files import header as headers
from elman.files import read_tensors
from elman.interop.checking import package
from elman.numerics import Array

OWN, VOCABULARY = "elman.spec", "elman.vocabulary"  # the keys of metadata that only `export` writes
_METADATA = re.compile(rb'(?<!\\)"__metadata__"\s*:\s*(\{(?:[^"{}]|"(?:[^"\\]|\\.)*+")*+\})', re.DOTALL)

Read = tuple[dict[str, Array], dict[str, str]]


def read_state_dict(path: str | os.PathLike[str]) -> Read:
    """Return the tensors of a file by name, and the strings that a .safetensors file says of itself.

    Raises: FileError when the path cannot be read or is no regular file; FormatError for what is no state
            dict of float32 or float64; OptionError for a .pt file where PyTorch is not installed.
    """
    name = os.fspath(path)
    try:
        if not Path(path).is_file():
            raise FileError(f"{name}: cannot be read: {'not a file' if Path(path).exists() else 'not there'}")
        with open(path, "rb") as file:
            begin = file.read(4)
        if begin == b"PK\x03\x04":
            return _read_archive(path), {}
        return _read_safetensors(path)
    except FormatError as error:
        raise FormatError(f"{name}: {str(error).removeprefix(f'{name}: ')}") from None
    except ElmanError:
        raise
    except (OSError, ValueError) as error:
        raise FileError(f"{name!r}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _read_safetensors(path: str | os.PathLike[str]) -> Read:
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > headers.SIZE_LIMIT or 8 + length > size:
            raise FormatError(
                f"neither .safetensors nor an archive of torch.save, or cut short: the first 8 of its {size} "
                f"bytes claim a header of {length}, expected at most {headers.SIZE_LIMIT} and inside the file"
            )
        raw = file.read(length)
        raw, metadata = _set_aside(raw)
        if metadata.get("format") == "elman":
            raise FormatError("this is a model already; there is nothing to import")
        if OWN in metadata:
            return read_tensors(path)  # which checks the digest, too
        header = headers.parse(raw, size - 8 - length)
        tensors: dict[str, Array] = {}
        for name, (dtype, shape) in header.tensors.items():
            array: Array = np.empty(shape, dtype)
            if file.readinto(array.reshape(-1).view(np.uint8).data) < array.nbytes:
                raise FormatError(f"the file became shorter while it was read, in tensor {name!r}")
            tensors[name] = array.astype(dtype.newbyteorder("="), copy=False)
    return tensors, metadata


def _set_aside(raw: bytes) -> tuple[bytes, dict[str, str]]:
    """Return a header with only the digest that the strict parser asks for as metadata, and what it had.

    >>> raw, metadata = _set_aside(b'{"__metadata__":{"format":"pt"},"W":{}}')
    >>> raw[:26], raw[-9:], metadata
    (b'{"__metadata__":{"sha256":', b'},"W":{}}', {'format': 'pt'})
    """
    digest = b'"__metadata__":{"sha256":"' + headers.NO_DIGEST.encode() + b'"}'
    match = _METADATA.search(raw)
    if match is None:  # none, or a strange one, which the parser will find beside this one
        return raw.replace(b"{", b"{" + digest + b"," * (raw.strip() != b"{}"), 1), {}
    try:
        metadata: dict[str, Any] = json.loads(match[1])
    except ValueError as error:
        raise FormatError(f"the metadata is not JSON text: {error}") from None
    if wrong := next((key for key, value in metadata.items() if not isinstance(value, str)), None):
        raise FormatError(f"metadata {wrong[:40]!r} is {str(metadata[wrong])[:40]}, expected a string")
    return raw[: match.start()] + digest + raw[match.end() :], metadata


def _read_archive(path: str | os.PathLike[str]) -> dict[str, Array]:
    torch, size = package("torch", "torch"), os.path.getsize(path)
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > size:
            raise FormatError("an archive whose entries are larger than it; torch.save writes none such")
        loaded: Any = torch.load(path, map_location="cpu", weights_only=True)
    except FormatError:
        raise
    except Exception as error:  # what torch.load raises for a damaged file is of many kinds
        reason = str(error).strip().partition("\n")[0][:200]
        raise FormatError(f"torch.load(weights_only=True) refuses it: {reason}") from None
    if not isinstance(loaded, dict) or not all(torch.is_tensor(tensor) for tensor in loaded.values()):
        keys = ", ".join(map(str, list(loaded)[:6])) if isinstance(loaded, dict) else type(loaded).__name__
        raise FormatError(f"not a state dict: it holds {keys}; save model.state_dict() alone")
    if sum(t.numel() * t.element_size() for t in loaded.values()) > 2 * size:  # tied ones count twice
        raise FormatError("its tensors claim more bytes than the file has")
    return arrays(loaded)


def arrays(tensors: Any) -> dict[str, Array]:
    """Return tensors of PyTorch as arrays, sharing memory where they lie on the CPU.

    Raises: FormatError for what is neither float32 nor float64.
    """
    found = {}
    for name, tensor in tensors.items():
        if tensor.is_meta:
            raise FormatError(f"{name} is on the device 'meta', which holds no numbers")
        kind = str(tensor.dtype).removeprefix("torch.")
        if kind not in ("float32", "float64") or str(tensor.layout) != "torch.strided":
            raise FormatError(f"{name} is {kind}; expected float32 or float64: convert with .float()")
        found[str(name)] = tensor.detach().cpu().numpy()
    return found
