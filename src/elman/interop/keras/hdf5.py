"""HDF5 as Keras writes it: groups and whole arrays of float32 or float64, read from bytes.

    superblock 0 ─▶ group: object header ─▶ B-tree ─▶ nodes of (name, address); names in a local heap
                    array: object header ─▶ shape, type, address and size of the numbers, all in one piece

That is the oldest form of the format, which every version of the library reads, and h5py writes unless it is
told otherwise. Nothing else is read: no links out of the file or across it, no chunks, no filters, no types
but two. Nothing is copied: arrays are views of the bytes, so sizes that lie cost no memory.
Source: HDF5 File Format Specification 3.0, II.A.1 superblock, III.A.1 B-trees, III.B groups, III.D heaps, IV.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from elman.errors import FormatError
from elman.numerics import Array

SIGNATURE = b"\x89HDF\r\n\x1a\n"
TYPES: dict[bytes, np.dtype[Any]] = {
    bytes.fromhex("11201f0004000000 00002000 17080017 7f000000"): np.dtype("<f4"),
    bytes.fromhex("11203f0008000000 00004000 340b0034 ff030000"): np.dtype("<f8"),
}
SPACE, TYPE, OUTSIDE, LAYOUT, FILTERS, CONTINUED, GROUP = 0x01, 0x03, 0x07, 0x08, 0x0B, 0x10, 0x11
_KNOWN = (SPACE, TYPE, OUTSIDE, LAYOUT, FILTERS, GROUP)
_SHARED = 2  # the flag of a message that lies elsewhere
CONTIGUOUS = 0x0103  # version 3 of the message, class 1
_DIMENSIONS_AT = {1: 8, 2: 4}  # by version of the message
_LARGEST_RANK = 4
_MOST = 1 << 16  # things that are looked at: a layer has some 50
_LARGEST_PIECE = 1 << 20  # bytes, of names or of a header


class File:
    """The bytes of a file, read by address; every piece once, so that no chain of them is endless.

    >>> from elman.interop.keras.hdf5_writing import write
    >>> content = write({"layers/dense/vars/0": np.ones((2, 3), "float32")})
    >>> File(content).arrays({"layers/dense/vars": ((2, 3),)})["layers/dense/vars/0"].sum()
    np.float32(6.0)
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._seen: set[int] = set()
        self._left = _MOST
        self._taken = 0  # bytes of arrays
        if not content.startswith(SIGNATURE):
            raise FormatError(f"not HDF5: it begins with {content[:8]!r}")
        *versions, base, _, _, _, _, root = self._unpack("<8x5B2Bx8x4Q2Q", 0)
        if versions != [0, 0, 0, 0, 0, 8, 8] or base:
            raise FormatError(
                "HDF5 of another form than h5py's plain one (superblock 0, addresses of 8 bytes)"
            )
        self._groups: dict[str, dict[str, int]] = {"": self._children("/", root)}

    def arrays(self, groups: Mapping[str, tuple[tuple[int, ...], ...]]) -> dict[str, Array]:
        """Return the arrays "0", "1", … of each group by path; each group must hold these and no more.

        Raises: FormatError for what is missing, too much, or not of the shape that is expected.
        """
        found = {}
        for path, shapes in groups.items():
            children = self._group(path)
            if sorted(children) != sorted(str(k) for k in range(len(shapes))):
                raise FormatError(f"{path} holds {sorted(children)[:8]}; expected {len(shapes)} arrays")
            for k, shape in enumerate(shapes):
                name = f"{path}/{k}"
                found[name] = self._array(name, children[str(k)], shape)
        return found

    def _group(self, path: str) -> dict[str, int]:
        if path not in self._groups:
            parent, _, name = path.rpartition("/")
            children = self._group(parent)
            if name not in children:
                raise FormatError(f"{path} is missing; in {parent or '/'} there are {sorted(children)[:8]}")
            self._groups[path] = self._children(path, children[name])
        return self._groups[path]

    def _children(self, path: str, address: int) -> dict[str, int]:
        """Return where the objects of a group lie, by name."""
        messages = self._messages(path, address)
        if GROUP not in messages:
            raise FormatError(f"{path} is no group of the plain form")
        tree, heap = _unpacked(path, "<2Q", messages[GROUP])
        if self._piece(heap, 5) != b"HEAP\0":
            raise FormatError(f"{path}: no heap of names at {heap}")
        size, _, segment = self._unpack("<8x3Q", heap)
        return self._nodes(path, tree, self._piece(segment, size))

    def _nodes(self, path: str, tree: int, names: bytes) -> dict[str, int]:
        found: dict[str, int] = {}
        pending = [tree]
        while pending:
            address = pending.pop()
            self._enter(address)
            mark = self._piece(address, 4)
            if mark == b"TREE":
                kind, count = self._unpack("<4xBxH", address)
                if kind != 0:
                    raise FormatError(f"{path}: a tree of chunks where one of names is expected")
                pending += [self._unpack("<Q", address + 32 + 16 * k)[0] for k in range(count)]
            elif mark == b"SNOD":
                (count,) = self._unpack("<6xH", address)
                for k in range(count):
                    self._entry(path, address + 8 + 40 * k, names, found)
            else:
                raise FormatError(f"{path}: neither a tree nor a node of names at {address}")
        return found

    def _entry(self, path: str, address: int, names: bytes, found: dict[str, int]) -> None:
        self._spend()
        start, header, kind = self._unpack("<2QI", address)
        end = names.find(b"\0", start) if start < len(names) else -1
        if end < 0:
            raise FormatError(f"{path}: a name lies outside the heap")
        name = names[start:end].decode("utf-8", "replace")
        if kind not in (0, 1):
            raise FormatError(f"{path}: {name!r} is a link, which is not followed")
        if not name or "/" in name or name in found:
            raise FormatError(f"{path}: the name {name[:40]!r} is empty, a path, or there twice")
        found[name] = header

    def _array(self, name: str, address: int, shape: tuple[int, ...]) -> Array:
        messages = self._messages(name, address)
        for kind, fault in ((OUTSIDE, "lies in other files"), (FILTERS, "is packed")):
            if kind in messages:
                raise FormatError(f"{name} {fault}; expected whole arrays, as Keras writes them")
        if missing := {SPACE, TYPE, LAYOUT} - set(messages):
            raise FormatError(f"{name} is no array: messages {sorted(missing)} are missing")
        if (dtype := TYPES.get(messages[TYPE][:20])) is None:
            raise FormatError(f"{name} is neither float32 nor float64, little-endian")
        if (there := _shape(name, messages[SPACE])) != shape:
            raise FormatError(f"{name} is {there}; expected {shape}")
        if _unpacked(name, "<H", messages[LAYOUT]) != (CONTIGUOUS,):
            raise FormatError(
                f"{name} does not lie in one piece; expected whole arrays, as Keras writes them"
            )
        (start, size), count = _unpacked(name, "<2x2Q", messages[LAYOUT]), math.prod(shape)
        if size != count * dtype.itemsize:
            raise FormatError(f"{name} has {size} bytes; expected {count} numbers of {dtype.itemsize}")
        self._taken += size
        if self._taken > len(self._content):
            raise FormatError(f"{name}: the arrays claim more than the {len(self._content)} bytes there are")
        self._check(start, size)
        return np.frombuffer(self._content, dtype, count, start).reshape(shape)

    def _messages(self, path: str, address: int) -> dict[int, bytes]:
        """Return what an object's header says, by kind of message."""
        self._enter(address)
        version, size = self._unpack("<Bx2x4xI", address)
        if version != 1:
            raise FormatError(f"{path}: no object header of version 1 at {address}")
        found: dict[int, bytes] = {}
        blocks = [(address + 16, size)]
        for block in blocks:
            for kind, flags, body in self._split(*block):
                if kind == CONTINUED:
                    beyond, more = _unpacked(path, "<2Q", body)
                    self._enter(beyond)
                    blocks.append((beyond, more))
                elif kind in found or (kind in _KNOWN and flags & _SHARED):
                    raise FormatError(f"{path}: message {kind} is there twice, or lies elsewhere")
                elif kind in _KNOWN:
                    found[kind] = body
        return found

    def _split(self, start: int, size: int) -> Iterator[tuple[int, int, bytes]]:
        """Yield kind, flags and body of the messages of a block."""
        at, block = 0, self._piece(start, size)
        while at + 8 <= size:
            self._spend()
            kind, length, flags = struct.unpack_from("<2HB", block, at)
            yield kind, flags, block[at + 8 : at + 8 + length]
            at += 8 + length

    def _enter(self, address: int) -> None:
        self._spend()
        if address in self._seen:
            raise FormatError(f"the piece at {address} is reached twice")
        self._seen.add(address)

    def _spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise FormatError(f"the file has more than {_MOST} names and messages")

    def _check(self, start: int, size: int) -> None:
        if start + size > len(self._content):
            raise FormatError(
                f"{size} bytes at {start} lie outside the {len(self._content)} of the HDF5 file: it was cut, "
                "or its sizes lie"
            )

    def _piece(self, start: int, size: int) -> bytes:
        self._check(start, size)
        if size > _LARGEST_PIECE:
            raise FormatError(f"a piece of {size} bytes at {start}; expected at most {_LARGEST_PIECE}")
        return self._content[start : start + size]

    def _unpack(self, form: str, start: int) -> tuple[int, ...]:
        return struct.unpack(form, self._piece(start, struct.calcsize(form)))


def _unpacked(path: str, form: str, body: bytes) -> tuple[int, ...]:
    if len(body) < struct.calcsize(form):
        raise FormatError(f"{path}: a message of {len(body)} bytes is too short")
    return struct.unpack_from(form, body)


def _shape(path: str, body: bytes) -> tuple[int, ...]:
    version, rank = _unpacked(path, "<2B", body)
    if version not in _DIMENSIONS_AT or rank > _LARGEST_RANK:
        raise FormatError(
            f"{path}: {rank} axes in a form {version} of shapes; expected at most {_LARGEST_RANK}"
        )
    return _unpacked(path, f"<{_DIMENSIONS_AT[version]}x{rank}Q", body)
