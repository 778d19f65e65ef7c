"""HDF5 in its oldest form, of groups and whole arrays: `hdf5.File` reads it, and every HDF5 library.

    superblock | for each group, the root first: header, B-tree of one node, node of names, heap | arrays

The same arrays give the same bytes: nothing in them knows the time. Every group has one node of names,
however many there are: the superblock says how many a node can hold.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from elman.errors import OptionError
from elman.numerics import Array

from .hdf5 import CONTIGUOUS, GROUP, LAYOUT, SIGNATURE, SPACE, TYPE, TYPES

_FILL = 0x05
_NOWHERE = 2**64 - 1  # an address
_TREE_HALF = 16  # half the children of a node of a tree, as the library has it
_NODE_HALF = 4
_HEADER, _TREE, _NODE, _HEAP, _ENTRY = 40, 24 + 16 * 2 * _TREE_HALF + 8, 8, 32, 40  # bytes
_LAYOUT = 8 + 24  # bytes of the message that says where an array lies
_START = 96  # the superblock
_NO_FILL = bytes([2, 2, 2, 0])  # version 2, space taken late, written if set, not defined


@dataclass
class _Group:
    children: dict[str, _Group | Array] = field(default_factory=dict)
    address: int = 0

    @property
    def names(self) -> list[str]:
        return sorted(self.children)  # ASCII: as the library compares them


def write(arrays: Mapping[str, Array], groups: tuple[str, ...] = ()) -> bytes:
    """Return a file of arrays by path, such as "layers/dense/vars/0"; `groups` are there, even if empty.

    Raises: OptionError for an array that is neither float32 nor float64.

    >>> write({"a/b": np.zeros(3)}) == write({"a/b": np.zeros(3)})
    True
    """
    root = _Group()
    for path in groups:
        _descend(root, path)
    for path, array in arrays.items():
        parent, _, name = path.rpartition("/")
        if array.dtype not in TYPES.values():
            raise OptionError(f"{path} is {array.dtype}; expected float32 or float64")
        _descend(root, parent).children[name] = np.ascontiguousarray(array)
    every = _listed(root)
    half = max(_NODE_HALF, *((len(group.children) + 1) // 2 for group in every))
    end = _START
    for group in every:
        group.address = end
        end += _HEADER + _TREE + _NODE + 2 * half * _ENTRY + _HEAP + len(_names(group)[0])
    content = _Content(bytearray(end), half)
    for group in every:
        content.put_group(group)
    content.put_superblock(root)
    return bytes(content.written)


def _descend(group: _Group, path: str) -> _Group:
    for name in path.split("/") if path else ():
        child = group.children.setdefault(name, _Group())
        if not isinstance(child, _Group):
            raise OptionError(f"{path} goes through {name}, which is an array")
        group = child
    return group


def _listed(group: _Group) -> list[_Group]:
    below = [child for name in group.names if isinstance(child := group.children[name], _Group)]
    return [group, *(one for child in below for one in _listed(child))]


def _names(group: _Group) -> tuple[bytes, list[int]]:
    """Return the heap of a group's names, each on a multiple of 8, and where each lies in it."""
    heap, places = bytearray(8), []
    for name in group.names:
        places.append(len(heap))
        heap += name.encode("ascii") + b"\0"
        heap += bytes(-len(heap) % 8)
    return bytes(heap), places


@dataclass
class _Content:
    """The file so far: the groups have their places, arrays go to its end."""

    written: bytearray
    half: int  # of the names that a node can hold

    def put_superblock(self, root: _Group) -> None:
        tree, heap = self._places(root)
        sizes = struct.pack("<5B2Bx2HI", 0, 0, 0, 0, 0, 8, 8, self.half, _TREE_HALF, 0)
        addresses = struct.pack("<4Q", 0, _NOWHERE, len(self.written), _NOWHERE)
        entry = struct.pack("<2QI4x2Q", 0, root.address, 1, tree, heap)
        self._put(0, SIGNATURE + sizes + addresses + entry)

    def put_group(self, group: _Group) -> None:
        tree, heap = self._places(group)
        node, (names, places) = tree + _TREE, _names(group)
        self._put(group.address, _header([(GROUP, struct.pack("<2Q", tree, heap))]))
        last = places[-1] if places else 0
        self._put(tree, struct.pack("<4s2BH2Q", b"TREE", 0, 0, bool(places), _NOWHERE, _NOWHERE))
        self._put(tree + 24, struct.pack("<3Q", 0, node, last))
        self._put(node, struct.pack("<4sBxH", b"SNOD", 1, len(places)))
        for k, (name, place) in enumerate(zip(group.names, places, strict=True)):
            self._put(node + _NODE + k * _ENTRY, self._entry(place, group.children[name]))
        self._put(heap, struct.pack("<4sB3x3Q", b"HEAP", 0, len(names), 1, heap + _HEAP) + names)

    def _entry(self, place: int, child: _Group | Array) -> bytes:
        if isinstance(child, _Group):
            return struct.pack("<2QI4x2Q", place, child.address, 1, *self._places(child))
        return struct.pack("<2QI4x16x", place, self._append(child), 0)

    def _append(self, array: Array) -> int:
        """Write an array to the end and return the address of its header."""
        form = next(form for form, dtype in TYPES.items() if dtype == array.dtype)
        space = struct.pack(f"<3B5x{array.ndim}Q", 1, array.ndim, 0, *array.shape)
        before = _header(
            [(SPACE, space), (TYPE, form + bytes(4)), (_FILL, _NO_FILL + bytes(4))], more=_LAYOUT
        )
        address = len(self.written)
        start = address + len(before) + _LAYOUT
        layout = struct.pack("<H2Q6x", CONTIGUOUS, start, array.nbytes)
        self.written += before + _message(LAYOUT, layout) + array.tobytes()
        self.written += bytes(-len(self.written) % 8)
        return address

    def _places(self, group: _Group) -> tuple[int, int]:
        tree = group.address + _HEADER
        return tree, tree + _TREE + _NODE + 2 * self.half * _ENTRY

    def _put(self, address: int, piece: bytes) -> None:
        self.written[address : address + len(piece)] = piece


def _header(messages: list[tuple[int, bytes]], more: int = 0) -> bytes:
    """Return an object header; `more` bytes of messages come after it."""
    bodies = b"".join(_message(*one) for one in messages)
    return struct.pack("<BxH2I4x", 1, len(messages) + bool(more), 1, len(bodies) + more) + bodies


def _message(kind: int, body: bytes) -> bytes:
    """Return a message; all bodies here are multiples of 8 bytes."""
    return struct.pack("<2HB3x", kind, len(body), 0) + body
