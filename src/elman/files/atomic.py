"""One way to write a file: aside, synced, renamed.  A reader sees the old bytes or the new, never a mixture.

    .NAME.PID-RANDOM.elman-tmp    the file aside, in the same directory: a rename cannot cross file systems
    flock on it                   tells a writer at work from one that was killed.  The number of a process
                                  cannot: in a container it means another one, after a restart the same one
    write, fsync, close           the bytes are on the disk before they have the name
    rename, fsync of directory    the name is on the disk before the caller goes on

Rules: a symbolic link stays, and what it points to is replaced.  The new file has mode 0666 less the umask,
whatever the old one had; other hard links keep the old bytes.  On any failure the old file is as it was.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from elman.errors import ElmanError, FileError, ResourceError

if sys.platform != "win32":
    import fcntl

SUFFIX = ".elman-tmp"
PIECE = 1 << 26  # macOS refuses to write more than 2 GiB in one call

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFELY


def atomic_write(path: str | os.PathLike[str], chunks: Iterable[bytes | memoryview]) -> None:
    """Write the chunks, one after the other, as the whole new content of a file.

    When this returns, the new file is on the disk.  When it raises, the old one is as it was and nothing is
    left beside it; only if the directory cannot be synced is the new one there, and the message says so.
    What killed writers of the same file left is removed first.

    Raises: FileError when the path cannot be written, ResourceError when there is no room (disk, quota,
            size limit of the process).

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = pathlib.Path(directory, "name.txt")
    ...     atomic_write(path, [b"Jeffrey ", b"Elman"])
    ...     path.read_bytes()
    b'Jeffrey Elman'
    """
    with _explained(path):
        target = _target(path)
        _clear_stale(target)
        with _temporary(target) as name:
            _fill(name, chunks)
            os.replace(name, target)
        try:
            _sync_directory(os.path.dirname(target))
        except OSError as error:
            raise FileError(
                f"{path}: written, but its directory cannot be synced ({error.strerror}): "
                "the new file may not survive a power cut"
            ) from error


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise now what `atomic_write` would raise later; a file is created beside the target and removed.

    Raises: FileError, ResourceError, as `atomic_write`.

    >>> check_writable("no/such/directory/model.safetensors")
    Traceback (most recent call last):
    elman.errors.FileError: no/such/directory/model.safetensors: there is no directory ...
    """
    with _explained(path):
        target = _target(path)
        _clear_stale(target)
        with _temporary(target):
            pass


@contextmanager
def _explained(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except ElmanError:
        raise
    except OSError as error:
        kind = ResourceError if error.errno in _NO_ROOM else FileError
        raise kind(
            f"{path}: cannot be written: {error.strerror or error}; what was there is unchanged"
        ) from error


def _target(path: str | os.PathLike[str]) -> str:
    try:
        target = os.path.realpath(path)
    except ValueError as error:
        raise FileError(f"{os.fspath(path)!r}: not a path: {error}") from error
    parent, name = os.path.split(target)
    if not os.path.isdir(parent):
        raise FileError(f"{path}: there is no directory {parent}; create it, or write elsewhere")
    if not os.path.basename(path) or not name:
        raise FileError(f"{path}: names a directory; add the name of a file")
    if os.path.lexists(target) and not stat.S_ISREG(os.lstat(target).st_mode):
        raise FileError(
            f"{path}: not a regular file (a directory, device, pipe or loop of links); choose another"
        )
    return target


@contextmanager
def _temporary(target: str) -> Iterator[str]:
    """Create an empty file beside the target, locked until the block ends; remove what is then left of it."""
    parent, name = os.path.split(target)
    temporary = os.path.join(parent, f".{name}.{os.getpid()}-{os.urandom(8).hex()}{SUFFIX}")
    try:
        lock = _create_locked(temporary)
        try:
            if sys.platform == "win32":  # what is open can be neither renamed nor removed there
                os.close(lock)
            yield temporary
        finally:
            if sys.platform != "win32":
                with suppress(OSError):  # nothing was written through it
                    os.close(lock)
    finally:
        with suppress(OSError):  # renamed, or out of reach: the error under way says more
            os.unlink(temporary)


def _create_locked(temporary: str) -> int:
    while True:
        descriptor = os.open(temporary, _CREATE, 0o666)
        if sys.platform != "win32":
            with suppress(OSError):  # a file system without locks: nobody can take the file for a stale one
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.path.lexists(temporary):
            return descriptor
        os.close(descriptor)  # another writer's `_clear_stale` came between creation and lock


def _clear_stale(target: str) -> None:
    """Remove what dead writers left beside the target; litter is no reason to fail, so errors are let go."""
    parent, name = os.path.split(target)
    stale = re.compile(rf"\.{re.escape(name)}\.\d+-[0-9a-f]{{16}}{re.escape(SUFFIX)}")
    with suppress(OSError):
        for entry in filter(stale.fullmatch, os.listdir(parent)):
            _remove_unlocked(os.path.join(parent, entry))


def _remove_unlocked(temporary: str) -> None:
    if sys.platform == "win32":
        with suppress(OSError):
            os.unlink(temporary)
        return
    with suppress(OSError), _opened(temporary, os.O_WRONLY | _SAFELY) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(temporary)


def _fill(temporary: str, chunks: Iterable[bytes | memoryview]) -> None:
    with _opened(temporary, os.O_WRONLY | _SAFELY) as descriptor:
        for chunk in chunks:
            rest = memoryview(chunk).cast("B")
            while rest:
                written = os.write(descriptor, rest[:PIECE])
                if written == 0:
                    raise OSError(errno.EIO, "the file system accepts no more bytes and does not say why")
                rest = rest[written:]
        os.fsync(descriptor)


def _sync_directory(parent: str) -> None:
    if sys.platform == "win32":  # directories cannot be opened there
        return
    with _opened(parent, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # POSIX: this object cannot be synced
                raise


@contextmanager
def _opened(path: str, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
