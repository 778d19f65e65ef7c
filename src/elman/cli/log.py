"""`--log`: every step of a run as a line of CSV, from which its loss and learning rate can be drawn.

There is no clock in it: the same run gives the same bytes, and a run that goes on gives those of one that was
never stopped. The checkpoint says which bytes are of its steps; what a killed run wrote beyond is cut off.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from elman.data.reading import display_name
from elman.errors import ElmanError, FileError, ResourceError
from elman.files import atomic_write, check_writable

from .common import LogFacts
from .places import is_one
from .settings import from_text, in_text

if TYPE_CHECKING:
    from elman.training import Progress

COLUMNS = ("step", "epoch", "loss", "validation_loss", "gradient_norm", "learning_rate")
HEADER = (",".join(COLUMNS) + "\n").encode()
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass
class Log:
    """The file that a run tells its steps to."""

    path: str
    size: int = 0  # bytes of whole steps that are there; 0: it begins anew
    digest: Any = field(default_factory=hashlib.sha256)  # of these bytes
    file: BinaryIO | None = None

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Hold the file open for the steps to come; cut off what lies beyond those it has.

        A new one is on the disk, by its name, before the first step: a checkpoint may rely on it.
        """
        with _explained(self.path):
            if not self.size:
                atomic_write(self.path, [HEADER])
                self._took(HEADER)
            file = self.file = open(self.path, "rb+")  # noqa: SIM115
        try:
            with _explained(self.path):
                file.truncate(self.size)
                file.seek(self.size)
            yield
            with _explained(self.path):
                os.fsync(file.fileno())
        finally:
            with suppress(OSError):  # of a line that could not be written, which has been told
                file.close()

    def write(self, progress: Progress) -> None:
        """Add a step.

        Raises: FileError, ResourceError when it cannot be written.
        """
        told = (progress.loss, progress.validation_loss, progress.gradient_norm, progress.learning_rate)
        numbers = ["" if number is None else repr(float(number)) for number in told]
        with _explained(self.path):
            self._append((",".join([str(progress.step), str(progress.epoch), *numbers]) + "\n").encode())

    def facts(self) -> dict[str, Any]:
        """Return what a checkpoint says of the log, all of which is on the disk then."""
        assert self.file is not None
        with _explained(self.path):
            os.fsync(self.file.fileno())
        return {"file": in_text(self.path), "size": self.size, "sha256": self.digest.hexdigest()}

    def _append(self, line: bytes) -> None:
        assert self.file is not None
        self.file.write(line)
        self.file.flush()  # for those who watch, and for who goes on after a kill
        self._took(line)

    def _took(self, line: bytes) -> None:
        self.digest.update(line)
        self.size += len(line)


def new_log(path: str | None) -> Log | None:
    """Return the log of a run that begins, or of one that goes on elsewhere; none where no path is given.

    Raises: FileError when what is there is no log or cannot be written over; ResourceError for no room.
    """
    if path is None:
        return None
    check_writable(path)
    with _explained(path):
        if os.path.exists(path):
            with open(path, "rb+") as file:
                begin = file.read(len(HEADER))
            if not HEADER.startswith(begin):
                raise FileError(
                    f"{display_name(path)}: exists and is not the log of a run; "
                    "move it away, or choose another with --log"
                )
    return Log(path)


def go_on_with(facts: LogFacts | None, path: str | None) -> Log | None:
    """Return the log of a run that goes on: that of its checkpoint, or at another path a new one.

    Raises: as `new_log` does, and FileError when what the run has written is not there any more.
    """
    own = None if facts is None else from_text(facts.file, "the checkpoint")
    if facts is None or own is None or (path is not None and not is_one(path, own)):
        return new_log(path)
    return _same_log(own, facts)


def _same_log(path: str, facts: LogFacts) -> Log:
    """Return the log of a checkpoint, to go on behind its last step.

    A checkpoint may be hostile: nothing is cut off from what does not begin as a log does.
    Raises: FileError when the bytes that the run has written are not there any more, or others.
    """
    log, is_log = Log(path, facts.size), False
    with _explained(log.path), suppress(FileNotFoundError):
        is_log = _taken_in(log)
    if not is_log or log.digest.hexdigest() != facts.sha256:
        raise FileError(
            f"{display_name(log.path)}: does not begin with the {log.size:,} bytes of log that the run has "
            "written; bring them back, or name another file with --log"
        )
    return log


def _taken_in(log: Log) -> bool:
    """Form the digest of what is there, unless it does not begin as a log."""
    if log.size < len(HEADER) or not stat.S_ISREG(os.stat(log.path).st_mode):
        return False
    with open(log.path, "rb+") as file:
        if file.read(len(HEADER)) != HEADER:
            return False
        log.digest.update(HEADER)
        left = log.size - len(HEADER)
        while left and (piece := file.read(min(left, 1 << 20))):
            log.digest.update(piece)
            left -= len(piece)
    return True


@contextmanager
def _explained(path: str) -> Iterator[None]:
    try:
        yield
    except ElmanError:
        raise
    except (OSError, ValueError) as error:  # a name with a NUL character is the latter
        kind = ResourceError if getattr(error, "errno", None) in _NO_ROOM else FileError
        reason = getattr(error, "strerror", None) or error
        raise kind(f"{display_name(path)}: the log cannot be written: {reason}") from error
