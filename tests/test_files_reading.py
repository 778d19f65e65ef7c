"""Reading: what is not a file is refused without waiting.  What reading a file does not do: R11."""

from __future__ import annotations

import errno
import os
import re
import socket

import numpy as np
import pytest

from elman.errors import FileError, ResourceError
from elman.files import header as headers
from elman.files import read_tensors, write_tensors


def unopenable(kind, directory):
    path = directory / "x"
    if kind == "directory":
        path.mkdir()
    elif kind == "FIFO":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    elif kind == "loop of links":
        path.symlink_to(path)
    elif kind == "link to nothing":
        path.symlink_to(directory / "nothing")
    return {
        "device": "/dev/zero",
        "below a file": f"{__file__}/x",
        "NUL in the path": "a\0b",
        "half a surrogate": "\ud800",
        "no path": "",
        "endless name": "n" * 300,
    }.get(kind, str(path))


@pytest.mark.parametrize(
    ("kind", "said"),
    {
        "missing": "cannot be read: No such file or directory",
        "directory": "is a directory, expected a model file",
        "FIFO": "is a device, pipe or socket, expected a model file",
        "socket": "is a device, pipe or socket, expected a model file",
        "device": "is a device, pipe or socket, expected a model file",
        "loop of links": "cannot be read: .* symbolic links.*",
        "link to nothing": "cannot be read: No such file or directory",
        "below a file": "cannot be read: Not a directory",
        "NUL in the path": "is not a path: .*",
        "half a surrogate": "is not a path: .*",
        "no path": "cannot be read: No such file or directory",
        "endless name": "cannot be read: File name too long",
    }.items(),
)
def test_what_cannot_be_opened_is_refused_without_waiting(tmp_path, kind, said):
    with pytest.raises(FileError) as caught:
        read_tensors(unopenable(kind, tmp_path))
    assert re.fullmatch(said, str(caught.value).split(": ", maxsplit=1)[1])


def test_a_file_that_becomes_a_pipe_is_refused_without_waiting(tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.touch()
    real_open = os.open

    def swap_first(name, flags):
        path.unlink()
        os.mkfifo(path)
        return real_open(name, flags)

    monkeypatch.setattr(os, "open", swap_first)
    with pytest.raises(FileError, match="pipe"):
        read_tensors(path)


def test_an_error_of_the_disk_is_a_file_error():
    with pytest.raises(FileError, match=f"/proc/self/mem: cannot be read: {os.strerror(errno.EIO)}"):
        read_tensors("/proc/self/mem")  # a regular file whose first page is never mapped


def test_a_file_larger_than_memory_is_refused_in_one_line(tmp_path):
    path = tmp_path / "sparse"
    size = 1 << 43
    header = headers.encode({"W": np.broadcast_to(np.float32(0), size >> 2)}, {})
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    os.truncate(path, 8 + len(header) + size)
    with pytest.raises(ResourceError, match="is too large for the memory"):
        read_tensors(path)


def test_a_link_to_a_model_is_read(tmp_path):
    write_tensors(tmp_path / "real", {}, {"a": "1"})
    (tmp_path / "link").symlink_to("real")
    assert read_tensors(tmp_path / "link") == ({}, {"a": "1"})
