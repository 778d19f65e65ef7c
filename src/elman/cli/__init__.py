"""The command line. Results go to standard output, all else to standard error.

Exit codes: 0 done; 2 usage or data; 3 a file; 4 numbers; 5 memory or disk; 128 + the signal that ended it,
so 130 after Ctrl-C and 143 after SIGTERM.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn, TextIO

from elman.errors import ElmanError, FileError, ResourceError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main() -> NoReturn:
    """Run the command line; every expected failure is one line on stderr and a documented exit code."""
    with _mortal():
        _open_streams()
        code = _run()
        for stream in (sys.stdout, sys.stderr):
            _flush(stream)
    sys.exit(code)


@contextmanager
def _mortal() -> Iterator[None]:
    """Let Ctrl-C end the process at once, as it ends other programs; `train` takes care of itself.

    A KeyboardInterrupt would not do: raised while a module is imported, it can get lost.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # else it is ignored, and stays so
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _run() -> int:
    try:
        from .group import run  # its imports take a while, in which Ctrl-C should already do what it does

        code = run()
        sys.stdout.flush()
        return code
    except ElmanError as error:
        return _say(str(error), error.exit_code)
    except MemoryError as error:
        reason = str(error) or "no figure was given"
        return _say(
            f"not enough memory: {reason}; a smaller network or batch may fit", ResourceError.exit_code
        )
    except ImportError as error:  # no room to load NumPy, say, which then tells a page; the reason comes last
        reason = (str(error).strip().splitlines() or ["no reason was given"])[-1]
        return _say(
            f"a module cannot be loaded: {reason}; free memory, or install elman anew",
            ResourceError.exit_code,
        )
    except BrokenPipeError:
        return 0  # whoever read our output has gone (`elman sample … | head`): not an error
    except OSError as error:
        code = (ResourceError if error.errno in _NO_ROOM else FileError).exit_code
        return _say(f"{error.filename or 'standard output'}: {error.strerror or error}", code)


def _open_streams() -> None:
    """Make the standard streams take any text: UTF-8 in any locale, and nowhere when they are closed."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # how Python starts when they are closed
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):  # bytes of the command line go out as they came in
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")


def _say(message: str, code: int) -> int:
    """Print one line that no name of a file can break or color; return the code."""
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(message.split()))
    with suppress(OSError):
        print(f"elman: {line}", file=sys.stderr)
    return code


def _flush(stream: TextIO) -> None:
    """Flush now; what cannot be written then goes nowhere, so that Python does not stumble at its exit."""
    try:
        stream.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
