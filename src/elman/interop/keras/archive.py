"""The archive that a .keras file is: three members, stored as they are.

    metadata.json       who wrote it; here also the spec and the vocabulary, under "elman"
    config.json         the layers, and how they follow each other
    model.weights.h5    the weights: `hdf5`

Sizes are checked against the file's own before anything is read, and a text before it is parsed. Whatever is
packed, encrypted, there twice or anything else than these three is refused: no path in the file is followed,
nothing is unpacked, nothing in it can run.
"""

from __future__ import annotations

import io
import json
import os
import re
import stat
import struct
import zipfile
from collections.abc import Mapping
from reprlib import repr as short
from typing import Any, BinaryIO, NamedTuple

from elman.data.vocabulary import LARGEST_FORM
from elman.errors import FileError, FormatError

METADATA, CONFIG, WEIGHTS = MEMBERS = ("metadata.json", "config.json", "model.weights.h5")
LIMITS = {METADATA: (1 << 16) + 2 * LARGEST_FORM, CONFIG: 1 << 20}  # bytes; a layer has some 3,000
MARKS_LIMIT = 1 << 16  # what is left of a text without its strings, digits and blanks: some 300 of a layer
DIGITS_LIMIT = 25
_END = struct.Struct("<4s4HIIH")  # of a zip archive: its directory's place
_DIRECTORY_LIMIT = 4096  # bytes
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+', re.DOTALL)
_BROKEN = (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, ValueError, OverflowError)


class Archive(NamedTuple):
    """What a file holds: two texts, parsed, and the bytes of the weights."""

    metadata: dict[str, Any]
    config: dict[str, Any]
    weights: bytes


def read(path: str | os.PathLike[str]) -> Archive:
    """Return what a .keras file holds.

    Raises: FileError when the path cannot be read or is no regular file; FormatError for anything but the
            three members as Keras 3 stores them.

    >>> read("no-such.keras")
    Traceback (most recent call last):
    elman.errors.FileError: no-such.keras: cannot be read: No such file or directory
    """
    try:
        with open(path, "rb", opener=_patient) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise FileError(f"{os.fspath(path)}: cannot be read: not a file")
            return _read(file)
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{os.fspath(path)}: cannot be read: {error.strerror or error}") from None


def _patient(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe without a writer does not wait


def _read(file: BinaryIO) -> Archive:
    size = os.fstat(file.fileno()).st_size
    _check_end(file, size)
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _check_members(members, size)
            metadata, config, weights = (archive.read(name) for name in MEMBERS)
    except FormatError:
        raise
    except _BROKEN as error:
        raise FormatError(f"the archive is damaged: {error}") from None
    return Archive(parse(METADATA, metadata), parse(CONFIG, config), weights)


def _check_end(file: BinaryIO, size: int) -> None:
    """Check the last bytes, which say how much of the file is directory, before it is read."""
    file.seek(max(0, size - _END.size))
    end = file.read(_END.size)
    if len(end) < _END.size or not end.startswith(b"PK\5\6"):
        raise FormatError("not a .keras file of Keras 3: no zip archive, or cut, or something follows it")
    _, disk, first, here, count, length, start, comment = _END.unpack(end)
    if disk or first or comment or here != count or count > 2 * len(MEMBERS) or length > _DIRECTORY_LIMIT:
        raise FormatError(f"the archive says it has {count} members; expected {', '.join(MEMBERS)}")
    if start + length + _END.size != size:
        raise FormatError(
            f"the directory is {length} bytes at {start} of {size}: the file was cut or added to"
        )


def _check_members(members: list[zipfile.ZipInfo], size: int) -> None:
    names = sorted(member.filename for member in members)
    if names != sorted(MEMBERS):
        raise FormatError(f"the archive holds {short(names)}; expected {', '.join(MEMBERS)}, each once")
    for member in members:
        name, mode = member.filename, member.external_attr >> 16
        if member.flag_bits & 1 or stat.S_ISLNK(mode):
            raise FormatError(f"{name} is encrypted or a link; Keras writes neither")
        if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
            raise FormatError(f"{name} is packed; Keras stores it as it is: zip -0 does, too")
        if member.file_size > LIMITS.get(name, size):
            raise FormatError(
                f"{name} has {member.file_size} bytes; at most {LIMITS.get(name, size)} are read"
            )
    if sum(member.file_size for member in members) > size:
        raise FormatError(f"the members claim more than the {size} bytes of the file")


def parse(name: str, raw: bytes) -> dict[str, Any]:
    """Return a JSON object of distinct names and finite numbers.

    Raises: FormatError for anything else, before it can take much more memory than the text itself.

    >>> parse("config.json", b'{"a": [1, 0.5, null], "a": 2}')
    Traceback (most recent call last):
    elman.errors.FormatError: config.json has 'a' twice in one object
    """
    rest = _STRING.sub(b"", raw, count=MARKS_LIMIT)  # between more strings than that there are more marks
    marks = rest.translate(None, b" \t\r\n0123456789")
    if len(marks) > MARKS_LIMIT:
        raise FormatError(
            f"{name} has {len(marks)} brackets, commas and the like: more than any such network"
        )
    try:
        found = json.loads(
            raw.decode(),
            object_pairs_hook=lambda pairs: _distinct(name, pairs),
            parse_int=lambda digits: _whole(name, digits),
            parse_constant=lambda text: _refuse(name, text),
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise FormatError(f"{name} is not JSON text: {error}") from None
    if not isinstance(found, dict):
        raise FormatError(f"{name} is {short(found)}; expected an object")
    return found


def _distinct(name: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise FormatError(f"{name} has {short(key)} twice in one object")
        found[key] = value
    return found


def _whole(name: str, digits: str) -> int:
    return int(digits) if len(digits) <= DIGITS_LIMIT else _refuse(name, digits)


def _refuse(name: str, text: str) -> int:
    raise FormatError(f"{name} has the number {short(text)}")


def content(metadata: Mapping[str, Any], config: Mapping[str, Any], weights: bytes) -> bytes:
    """Return a .keras file; the same content gives the same bytes, so no date is in it."""
    texts = (json.dumps(facts, ensure_ascii=False).encode() for facts in (metadata, config))
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for name, data in zip(MEMBERS, (*texts, weights), strict=True):
            member = zipfile.ZipInfo(name)  # of 1980, whenever it is written
            member.create_system, member.external_attr = 3, 0o600 << 16  # as if written on Unix, everywhere
            archive.writestr(member, data)
    return written.getvalue()
