"""Text of any size from anywhere, in pieces; what is read does not depend on where the pieces are cut."""

from __future__ import annotations

import codecs
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import BinaryIO, Literal, Protocol, get_args

from elman.data.bpe import CUT
from elman.data.vocabulary import Kind
from elman.errors import DataError, ResourceError

EncodingErrors = Literal["strict", "replace", "ignore"]
ENCODING_ERRORS: tuple[EncodingErrors, ...] = get_args(EncodingErrors)
PIECE_BYTES = 1 << 20
LONGEST_WORD = 1 << 20  # characters; more than this without a blank is not a text of words
_WHOLE: dict[Kind, re.Pattern[str]] = {
    "words": re.compile(r".*\s", re.DOTALL),
    "bpe": re.compile(f".*{CUT}", re.DOTALL),
}


class Digest(Protocol):
    """What hashlib.sha256() returns."""

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""


_REASONS: dict[type[OSError], str] = {
    FileNotFoundError: "there is no such file; check the path ('-' reads standard input)",
    IsADirectoryError: "is a directory; name one text file in it",
    PermissionError: "may not be read: permission denied",
}
_MAGIC = {
    b"\x1f\x8b": "it looks compressed (gzip): unpack it first",
    b"PK\x03\x04": "it looks compressed (zip): unpack it first",
    b"\x28\xb5\x2f\xfd": "it looks compressed (zstd): unpack it first",
    b"\xfd7zXZ": "it looks compressed (xz): unpack it first",
    b"BZh": "it looks compressed (bzip2): unpack it first",
    b"\xff\xfe": "it looks like UTF-16: convert it to UTF-8 first",
    b"\xfe\xff": "it looks like UTF-16: convert it to UTF-8 first",
}
_OTHER_WAYS = "--encoding-errors replace (or ignore) reads on, --vocab bytes reads any bytes"


def display_name(path: str | os.PathLike[str]) -> str:
    """Return the path as one printable line, for messages."""
    name = os.fspath(path)
    if name == "-":
        return "standard input"
    return name if name.isprintable() else repr(name)


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Lend a file that can be read twice; standard input ("-") and pipes are copied to a temporary file.

    Raises: DataError when there is nothing to read; ResourceError when the copy finds no room.
    """
    source = display_name(path)
    with ExitStack() as stack:
        if os.fspath(path) == "-":
            yield stack.enter_context(spooled(raw_pieces(_standard_input(), source)))
            return
        try:
            file = stack.enter_context(open(path, "rb"))
        except OSError as error:
            raise _unreadable(source, error) from error
        except ValueError as error:  # a NUL in it
            raise DataError(f"{source}: is not a path: {error}") from error
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            yield file
        else:
            yield stack.enter_context(spooled(raw_pieces(file, source)))


@contextmanager
def spooled(pieces: Iterable[bytes | memoryview]) -> Iterator[BinaryIO]:
    """Lend a temporary file without a name that holds the pieces; it vanishes with its last user.

    Raises: ResourceError when there is no room for it.
    """
    try:
        with tempfile.TemporaryFile() as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            yield file
    except OSError as error:
        reason = error.strerror or str(error)
        raise ResourceError(f"temporary file: {reason}; TMPDIR can name a directory with room") from error


def raw_pieces(file: BinaryIO, source: str) -> Iterator[bytes]:
    """Yield the rest of a file in pieces of PIECE_BYTES."""
    while True:
        try:
            piece = file.read(PIECE_BYTES)
        except OSError as error:
            raise _unreadable(source, error) from error
        if not piece:
            return
        yield piece


def pieces(
    file: BinaryIO, source: str, kind: Kind, errors: EncodingErrors, digest: Digest
) -> Iterator[str] | Iterator[bytes]:
    """Yield a whole file from its start, as bytes or text (words whole); `digest` takes in the raw bytes."""
    file.seek(0)
    raw = _followed(raw_pieces(file, source), digest)
    if kind == "bytes":
        return raw
    return whole_words(decoded(raw, source, errors), source, kind)


def decoded(raw: Iterable[bytes], source: str, errors: EncodingErrors) -> Iterator[str]:
    """Decode UTF-8; a byte order mark at the start is dropped and CR LF is read as LF.

    Raises: DataError with the offset of the first bad byte, when `errors` is "strict".
    """
    head, held = "", ""
    start = True
    for text in _utf8(raw, source, errors):
        head = held + text
        if start and head:
            head, start = head.removeprefix("\ufeff"), False
        held = "\r" if head.endswith("\r") else ""  # it may be half a line end
        yield head[: len(head) - len(held)].replace("\r\n", "\n")
    if held:
        yield held


def whole_words(texts: Iterable[str], source: str, kind: Kind = "words") -> Iterator[str]:
    """Cut the same text elsewhere, so that the symbols of its pieces are those of the whole.

    Characters may be cut anywhere; no piece ends inside a word, nor where a token of bpe could go on.
    Raises: DataError when more than LONGEST_WORD characters may not be cut.

    >>> list(whole_words(["to b", "e or", " not"], "a text"))
    ['to ', 'be ', 'or ', 'not']
    """
    if kind not in _WHOLE:
        yield from texts
        return
    tail = ""
    for text in texts:
        joined = tail + text
        whole = _WHOLE[kind].match(joined)
        end = whole.end() if whole else 0
        if len(joined) - end > LONGEST_WORD:
            raise DataError(f"{source} has a word of over {LONGEST_WORD:,} characters; try --vocab chars")
        yield joined[:end]
        tail = joined[end:]
    yield tail


def _standard_input() -> BinaryIO:
    if sys.stdin is None:  # how Python starts when standard input is closed
        raise DataError("standard input is closed; name a file")
    return sys.stdin.buffer


def _followed(raw: Iterable[bytes], digest: Digest) -> Iterator[bytes]:
    for piece in raw:
        digest.update(piece)
        yield piece


def _utf8(raw: Iterable[bytes], source: str, errors: EncodingErrors) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")(errors)
    position, head = 0, b""
    for piece in chain(raw, [b""]):
        head = head if len(head) >= 8 else head + piece[:8]
        pending = len(decoder.getstate()[0])  # bytes of a character begun in the piece before
        try:
            yield decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            offset = position - pending + error.start
            raise DataError(_not_utf8(source, error, offset, head)) from error
        position += len(piece)


def _not_utf8(source: str, error: UnicodeDecodeError, offset: int, head: bytes) -> str:
    advice = next((hint for magic, hint in _MAGIC.items() if head.startswith(magic)), _OTHER_WAYS)
    byte = error.object[error.start]
    return f"{source} is not UTF-8 text: byte 0x{byte:02x} at byte offset {offset} ({error.reason}); {advice}"


def _unreadable(source: str, error: OSError) -> DataError:
    return DataError(f"{source}: {_REASONS.get(type(error), error.strerror or str(error))}")
