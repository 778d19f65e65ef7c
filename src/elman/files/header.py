"""The header of a model file: bytes to a description that has been checked, and back.  Opens no file.

    {"__metadata__": {string: string, ..., "sha256": digest},
     name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ...}

The text is measured before it is parsed, so that no parse can grow large; then every word of it must be one
that `encode` could have written.  What comes out of `parse` fits the data exactly: no hole, no overlap, no
byte left over, no empty tensor.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from reprlib import repr as short
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.errors import FormatError

DType = np.dtype[Any]
DTYPES: dict[str, DType] = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
    "U8": np.dtype("u1"),
}

SIZE_LIMIT = 1 << 20  # bytes
METADATA_LIMIT = 1 << 18  # bytes of keys and values
TENSOR_LIMIT = 1024
NAME_LIMIT = 255  # bytes
RANK_LIMIT = 4
DIGITS_LIMIT = 19  # of a number: 2^63
MARKS_LIMIT = 1 << 15  # brackets, colons, commas ...: 1,024 tensors need 20,000

NO_DIGEST = "0" * 64

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+', re.DOTALL)  # an unfinished one too: linear, always


@dataclass(frozen=True)
class Header:
    """What a file holds: dtype and shape by name in the order of the data, the strings, the digest."""

    tensors: dict[str, tuple[DType, tuple[int, ...]]]
    metadata: dict[str, str]
    digest: str


def encode(stored: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """Return the header of arrays laid out in the order given; the digest in it is `NO_DIGEST`.

    >>> encode({}, {"cell": "elman"})[:40]
    b'{"__metadata__":{"cell":"elman","sha256"'
    """
    if "sha256" in metadata or "__metadata__" in stored:
        raise FormatError("the metadata key 'sha256' and the tensor name '__metadata__' belong to the format")
    header: dict[str, Any] = {"__metadata__": dict(sorted({**metadata, "sha256": NO_DIGEST}.items()))}
    codes = {dtype: code for code, dtype in DTYPES.items()}
    end = 0
    for name, array in stored.items():
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": codes[array.dtype], "shape": array.shape, "data_offsets": [begin, end]}
    try:
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise FormatError(f"a name or a metadata string is not Unicode text: {error}") from None
    return text + b" " * (-len(text) % 8)


def replace_digest(raw: bytes, old: str, new: str) -> bytes:
    """Return the header with one digest in the place of another.

    >>> replace_digest(b'{"__metadata__":{"sha256":"00ff"}}', "00ff", "1234")
    b'{"__metadata__":{"sha256":"1234"}}'
    """
    return raw.replace(_digest_field(old), _digest_field(new))


def parse(raw: bytes, data_size: int) -> Header:
    """Return what the header says if every word of it holds for so many bytes of data.

    Raises: FormatError, with what was found and what was expected.

    >>> parse(encode({}, {"cell": "elman"}), data_size=0).metadata
    {'cell': 'elman'}
    >>> parse(encode({}, {}), data_size=4)
    Traceback (most recent call last):
    elman.errors.FormatError: the file has 4 bytes of data, expected 0: it was cut or added to
    """
    entries = _parse_json(raw)
    metadata = _check_metadata(entries.pop("__metadata__", None))
    digest = metadata.pop("sha256", "")
    if not re.fullmatch("[0-9a-f]{64}", digest) or raw.count(_digest_field(digest)) != 1:
        raise FormatError(f"metadata 'sha256' is {short(digest)}, expected 64 hexadecimal digits, unescaped")
    if len(entries) > TENSOR_LIMIT:
        raise FormatError(f"the header has {len(entries)} tensors, expected at most {TENSOR_LIMIT}")
    tensors = {}
    end = 0
    for name, entry in entries.items():
        if not 1 <= _utf8_size(name) <= NAME_LIMIT:
            raise FormatError(f"a tensor's name is {short(name)}, expected 1 to {NAME_LIMIT} bytes")
        dtype, shape = _check_entry(name, entry, end)
        tensors[name] = dtype, shape
        end += math.prod(shape) * dtype.itemsize
    if end != data_size:
        raise FormatError(f"the file has {data_size} bytes of data, expected {end}: it was cut or added to")
    return Header(tensors, metadata, digest)


def _digest_field(digest: str) -> bytes:
    return f'"sha256":"{digest}"'.encode()


def _check_metadata(metadata: object) -> dict[str, str]:
    if not isinstance(metadata, dict):
        raise FormatError("the header has no '__metadata__' object; elman reads only the files it wrote")
    size = 0
    for key, value in metadata.items():
        if not isinstance(value, str):
            raise FormatError(f"metadata {short(key)} is {short(value)}, expected a string")
        size += _utf8_size(key) + _utf8_size(value)
    if size > METADATA_LIMIT:
        raise FormatError(f"the metadata has {size} bytes, expected at most {METADATA_LIMIT}")
    return metadata


def _check_entry(name: str, entry: object, begin: int) -> tuple[DType, tuple[int, ...]]:
    """Return dtype and shape of a tensor whose data must begin where the last one's ended."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise FormatError(
            f"tensor {name!r} is {short(entry)}, expected an object of dtype, shape, data_offsets"
        )
    code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(code, str) or code not in DTYPES:
        raise FormatError(f"tensor {name!r} has dtype {short(code)}, expected one of {', '.join(DTYPES)}")
    if not _are_integers(shape) or len(shape) > RANK_LIMIT or 0 in shape:
        raise FormatError(
            f"tensor {name!r} has shape {short(shape)}, expected at most {RANK_LIMIT} whole numbers from 1"
        )
    end = begin + math.prod(shape) * DTYPES[code].itemsize
    if not _are_integers(offsets) or offsets != [begin, end]:
        raise FormatError(
            f"tensor {name!r} has data_offsets {short(offsets)}, expected [{begin}, {end}] for {code} {shape}"
        )
    return DTYPES[code], tuple(shape)


def _are_integers(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is int for item in value)  # a bool is no number here


def _utf8_size(text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise FormatError(f"{short(text)} is not Unicode text: half of a surrogate pair") from None


def _parse_json(raw: bytes) -> dict[str, Any]:
    if not raw.startswith(b"{"):
        raise FormatError(f"the header begins with {raw[:8]!r}, expected an object, '{{'")
    rest = _STRING.sub(b"", raw, count=MARKS_LIMIT)  # between more strings than that there are more marks
    if len(rest.translate(None, b" 0123456789")) > MARKS_LIMIT:
        raise FormatError(
            f"the header has more than {MARKS_LIMIT} brackets, commas and the like; "
            f"expected at most {TENSOR_LIMIT} tensors, which need fewer"
        )
    try:
        header: dict[str, Any] = json.loads(
            raw.decode(),
            object_pairs_hook=_object_of_distinct_names,
            parse_int=_integer,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise FormatError(f"the header is not JSON text: {error}") from None
    return header


def _object_of_distinct_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise FormatError(f"the header has {short(name)} twice in one object, expected once")
        found[name] = value
    return found


def _integer(digits: str) -> int:
    if len(digits) > DIGITS_LIMIT or not digits.isdigit():
        raise FormatError(f"the header has the number {short(digits)}, expected 0 to 10^{DIGITS_LIMIT}")
    return int(digits)


def _refuse_number(text: str) -> float:
    raise FormatError(f"the header has the number {short(text)}, expected whole numbers only")
