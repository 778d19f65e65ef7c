"""Where the files of a run lie, and that writing there loses nothing."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from elman.data.reading import display_name
from elman.errors import FileError, OptionError
from elman.files import check_writable

MARK = ".checkpoint"


def checkpoint_of(output: str) -> str:
    """Return where a run is kept while it is not done: next to the model.

    Raises: OptionError when the output is no name of a file.

    >>> checkpoint_of("plays/model.safetensors")
    'plays/model.checkpoint.safetensors'
    """
    path = Path(output)
    if not path.name:
        raise OptionError(f"-o {output!r} is not the name of a file")
    return str(path.with_name(f"{path.stem}{MARK}{path.suffix}"))


def model_of(checkpoint: str) -> str:
    """Return where the model of a checkpoint goes.

    Raises: OptionError when the name does not say so.

    >>> model_of("plays/model.checkpoint.safetensors")
    'plays/model.safetensors'
    """
    path = Path(checkpoint)
    stem, mark, rest = path.name.rpartition(MARK)
    if not (stem and mark):
        raise OptionError(
            f"{display_name(checkpoint)}: has no {MARK} in its name; say with -o where the model goes"
        )
    return str(path.with_name(stem + rest))


def check_places(output: str, inputs: Mapping[str, str | None]) -> None:
    """Find out now, not after an hour, whether the model and the checkpoint can be written.

    Raises: OptionError when one of the inputs would be written over; FileError when a file that is no model
            would be, or nothing can be written; ResourceError when there is no room.
    """
    for place in (output, checkpoint_of(output)):
        for name, path in inputs.items():
            check_other(place, name, path)
        check_writable(place)
        if _precious(place):
            raise FileError(
                f"{display_name(place)}: exists and is not a model; move it away, or choose another with -o"
            )


def check_anew(output: str) -> None:
    """Raise OptionError when an interrupted run is kept where a new one would be: it may be hours of work."""
    checkpoint = checkpoint_of(output)
    if os.path.exists(checkpoint) and os.path.getsize(checkpoint):
        raise OptionError(
            f"{display_name(checkpoint)}: an interrupted run is kept there; elman train --resume "
            f"{shlex.quote(checkpoint)} goes on with it. To start anew, remove it, or choose another -o"
        )


def check_beside(flag: str, place: str, others: Mapping[str, str | None]) -> None:
    """Raise OptionError when a log or a report would lie over what the run reads, or over its own files."""
    for name, path in others.items():
        if path is not None and path != "-" and is_one(place, path):
            raise OptionError(f"{flag} {display_name(place)}: {name} is the same file; choose another")


def is_one(one: str, other: str) -> bool:
    """Tell whether two paths lead to one file, that may not be there yet."""
    with suppress(OSError, ValueError):  # one of them does not exist yet
        return os.path.samefile(one, other)
    return os.path.abspath(one) == os.path.abspath(other)


def check_other(place: str, name: str, path: str | None) -> None:
    """Raise OptionError when a place to write to is the file that an option reads."""
    same = False
    with suppress(OSError, ValueError):  # one of them does not exist
        same = path is not None and os.path.samefile(place, path)
    if same:
        raise OptionError(f"{display_name(place)}: {name} is read from there; choose another with -o")


def _precious(path: str) -> bool:
    """Whether there is something that does not begin like a model: the length of a header, then its brace."""
    try:
        with open(path, "rb") as file:
            head = file.read(9)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return head != b"" and head[8:] != b"{"
