"""The model file: named arrays and strings in the safetensors layout, every bit of it under a digest.

    8 bytes   length of the header, little-endian
    header    JSON, padded with spaces to a multiple of 8 (`header.py`)
    data      the arrays, little-endian, row by row, with no hole between, in the order of the header

The digest is the SHA-256 of the whole file with its own 64 digits read as zeros.  Any safetensors reader can
read the file; this one reads no other.  It believes nothing: the header is checked against the size of the
file before anything is allocated, then the data is read once, into arrays of their own.
Source: the layout, https://github.com/huggingface/safetensors#format.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.errors import FileError, FormatError, ResourceError
from elman.files import header as headers
from elman.files.atomic import atomic_write

Array = NDArray[Any]
Admit = Callable[[Mapping[str, Array], Mapping[str, str]], Mapping[str, Array]]


def write_tensors(
    path: str | os.PathLike[str], tensors: Mapping[str, Array], metadata: Mapping[str, str]
) -> None:
    """Write arrays and strings as one file; the same content in the same order gives the same bytes.

    The data is laid out by falling item size, else in the order given: so each array is aligned in the file.

    Units:  float32, float64, int64 and uint8; at least one item and at most four axes each.
    Raises: FormatError for what the format cannot hold; FileError, ResourceError as `atomic_write`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = os.path.join(directory, "model.safetensors")
    ...     write_tensors(path, {"U": np.ones((2, 1))}, {"cell": "elman"})
    ...     read_tensors(path)
    ({'U': array([[1.], [1.]])}, {'cell': 'elman'})
    """
    try:
        stored = {name: _stored(name, array) for name, array in tensors.items()}
        stored = dict(sorted(stored.items(), key=lambda item: -item[1].itemsize))
        raw = headers.encode(stored, metadata)
        headers.parse(raw, sum(array.nbytes for array in stored.values()))  # write only what can be read
    except FormatError as error:
        raise FormatError(f"{path}: not written: {error}") from None
    length = len(raw).to_bytes(8, "little")
    data = [_bytes_of(array) for array in stored.values()]
    digest = hashlib.sha256(length + raw)
    for chunk in data:
        digest.update(chunk)
    raw = headers.replace_digest(raw, headers.NO_DIGEST, digest.hexdigest())
    atomic_write(path, [length, raw, *data])


def read_tensors(
    path: str | os.PathLike[str], admit: Admit | None = None
) -> tuple[dict[str, Array], dict[str, str]]:
    """Read a file that `write_tensors` wrote, and refuse every other.

    The arrays own their memory, are writable and in the byte order of the machine. `admit` is asked before
    memory is taken or data read: it gets an outline of every array, of its shape and dtype but with nothing
    in it, and the strings, none of them yet under the digest.  It refuses the file by a FormatError, and
    returns the arrays that are to be filled in place of new ones.

    Raises: FileError when the path cannot be read or is not a regular file; FormatError when a single bit is
            not as it was written, or the file is none of ours; ResourceError when it does not fit in memory.

    >>> read_tensors("no-such-model")
    Traceback (most recent call last):
    elman.errors.FileError: no-such-model: cannot be read: No such file or directory
    """
    try:
        with _opened(path) as file:
            return _read(file, admit)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    except MemoryError:
        raise ResourceError(f"{path}: is too large for the memory of this machine") from None
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[io.BufferedReader]:
    try:
        _check_regular(path, os.stat(path))  # before the open, which alone can wake a pipe or wind a tape
    except ValueError as error:
        raise FileError(f"{os.fspath(path)!r}: is not a path: {error}") from error
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags), "rb") as file:
        _check_regular(path, os.fstat(file.fileno()))
        yield file


def _check_regular(path: str | os.PathLike[str], status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "a device, pipe or socket"
        raise FileError(f"{path}: is {kind}, expected a model file")


def _read(file: io.BufferedReader, admit: Admit | None) -> tuple[dict[str, Array], dict[str, str]]:
    size = os.fstat(file.fileno()).st_size
    prefix = file.read(8)
    length = int.from_bytes(prefix, "little")
    if length > headers.SIZE_LIMIT or 8 + length > size:
        raise FormatError(
            f"not a model file, or cut short: the first 8 of its {size} bytes claim a header of {length}, "
            f"expected at most {headers.SIZE_LIMIT} and inside the file"
        )
    raw = file.read(length)
    header = headers.parse(raw, size - 8 - length)
    digest = hashlib.sha256(prefix + headers.replace_digest(raw, header.digest, headers.NO_DIGEST))
    outlines = {
        name: np.broadcast_to(kind.newbyteorder("=").type(), shape)
        for name, (kind, shape) in header.tensors.items()
    }
    ready = admit(outlines, header.metadata) if admit else {}
    arrays = {}
    for name, (dtype, shape) in header.tensors.items():
        array = ready[name] if name in ready else np.empty(shape, dtype.newbyteorder("="))
        data = _bytes_of(array)
        if file.readinto(data) < len(data):
            raise FormatError(f"the file became shorter while it was read, in tensor {name!r}")
        digest.update(data)
        if not dtype.isnative:
            array.byteswap(inplace=True)
        arrays[name] = array
    if file.read(1):
        raise FormatError("the file became longer while it was read")
    if digest.hexdigest() != header.digest:
        raise FormatError(
            f"damaged: the SHA-256 of the content is {digest.hexdigest()}, the file was written with "
            f"{header.digest}; restore it from a copy"
        )
    return arrays, header.metadata


def _stored(name: str, array: Array) -> Array:
    dtype = array.dtype.newbyteorder("<")
    if dtype not in headers.DTYPES.values():
        raise FormatError(f"tensor {name!r} is {array.dtype}, expected float32, float64, int64 or uint8")
    return np.asarray(array, dtype=dtype, order="C")


def _bytes_of(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data
