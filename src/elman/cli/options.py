"""What options are made of: numbers with bounds, and the options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from elman.data import ENCODING_ERRORS

LARGEST = 2**63 - 1  # what a model file can hold, and more than anything here is good for


def number(kind: type[int] | type[float], words: str, fits: Callable[[Any], bool]) -> Callable[[Any], Any]:
    """Return the type of an option: a number that fits; the words say which do."""

    def convert(value: Any) -> Any:
        try:
            read = kind(value)
        except ValueError:
            read = None
        too_large = read is not None and read > LARGEST
        if read is None or too_large or not fits(read):  # nothing fits NaN
            most = f" and at most {LARGEST}" * too_large
            raise click.BadParameter(f"{str(value)[:40]} came; expected {words}{most}")
        return read

    convert.__name__ = "n" if kind is int else "x"  # which --help shows
    return convert


WHOLE = number(int, "a whole number, 1 or more", lambda n: n >= 1)
NATURAL = number(int, "a whole number, 0 or more", lambda n: n >= 0)
LAYERS = number(int, "a whole number, 1 to 250, which is what a file holds", lambda n: 1 <= n <= 250)
POSITIVE = number(float, "a number above 0", lambda x: x > 0)
NOT_NEGATIVE = number(float, "a number, 0 or more", lambda x: x >= 0)

encoding_errors = click.option(
    "--encoding-errors",
    type=click.Choice(ENCODING_ERRORS),
    default="strict",
    show_default=True,
    help="What to do with bytes that are not UTF-8.",
)
