"""What the library says of its arguments, in the words of the command line: hidden_size is --hidden-size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from elman.errors import DataError, EngineError, OptionError

from .settings import FLAGS

_TERMS = {
    "per_sequence false": "--readout every",
    "target_kind labels": "--head softmax",
    "name inputs or categories": "name some with --input or --category",
    "(0.1, 0.5, 0.9)": "0.1,0.5,0.9",
    "too few to hold out 0.": "too few for --val-frac 0.",
    "engine='reference'": "--engine reference",
    "None: as many as cores": "left out: as many as cores",
    "leave weights out, or make the network with dtype='float32'": "leave --weights out",
}
_FLAGS = FLAGS | {"threads": "--threads", "weights": "--weights"}
_NAMES = "|".join(sorted(set(_FLAGS) - {"file", "text", "input"}, key=len, reverse=True))
# Names with _ are never words; others are meant where a message begins with them, gives them a value or asks
# for them.
_MEANT = re.compile(
    rf"^(?P<first>{_NAMES})\b"
    r"|(?<!['\w])(?P<joined>[a-z]+(?:_[a-z]+)+)\b"
    r"|\b(?P<valued>window|horizon|stride)(?= \d)"
    r"|(?<=give )(?P<given>window|sequence|text|embedding_size)\b"
)


def in_flags(message: str) -> str:
    """Return a message with the names of arguments as flags.

    >>> in_flags("dropout acts between layers, and there is one: stack more, or use output_dropout")
    '--dropout acts between layers, and there is one: stack more, or use --output-dropout'
    >>> in_flags("a.csv: window 28 and horizon 1 need 29 rows; there are 9: what fits is at most window 8")
    'a.csv: --window 28 and --horizon 1 need 29 rows; there are 9: what fits is at most --window 8'
    """
    for term, words in _TERMS.items():
        message = message.replace(term, words)
    return _MEANT.sub(lambda found: _FLAGS.get(found[0], found[0]), message)


@contextmanager
def told_in_flags(source: str = "") -> Iterator[None]:
    """Let what goes wrong with options or data be told in flags, after the name of the file it is about."""
    try:
        yield
    except (OptionError, DataError, EngineError) as error:
        message = in_flags(str(error))
        if isinstance(error, DataError) and source and not message.startswith(source):
            message = f"{source}: {message}"
        raise type(error)(message) from None
