"""What options are made of: numbers with bounds, lists of them, sections of --help."""

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
            raise click.BadParameter(f"{str(value)[:40] or 'nothing'} came; expected {words}{most}")
        return read

    convert.__name__ = "n" if kind is int else "x"  # which --help shows
    return convert


def several(one: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    """Return the type of an option of numbers joined by commas, or in a file a list of them."""

    def convert(value: Any) -> tuple[Any, ...]:
        parts = value if isinstance(value, list | tuple) else str(value).split(",")
        return tuple(one(part) for part in parts)

    convert.__name__ = f"{one.__name__},..."
    return convert


def one_or_several(one: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the type of an option that is a number, or several joined by commas."""
    read = several(one)

    def convert(value: Any) -> Any:
        numbers = read(value)
        return numbers[0] if len(numbers) == 1 else numbers

    convert.__name__ = f"{one.__name__}[,...]"
    return convert


WHOLE = number(int, "a whole number, 1 or more", lambda n: n >= 1)
NATURAL = number(int, "a whole number, 0 or more", lambda n: n >= 0)
LAYERS = number(int, "a whole number, 1 to 250, which is what a file holds", lambda n: 1 <= n <= 250)
POSITIVE = number(float, "a number above 0", lambda x: x > 0)
NOT_NEGATIVE = number(float, "a number, 0 or more", lambda x: x >= 0)
RATE = number(float, "a share from 0 on and below 1", lambda x: 0 <= x < 1)
SIZES = one_or_several(
    number(int, "a whole number, 1 or more, or several joined by commas", lambda n: n >= 1)
)
QUANTILES = several(number(float, "numbers between 0 and 1, such as 0.1,0.5,0.9", lambda x: 0 < x < 1))


class Option(click.Option):
    """An option that knows under which heading --help lists it."""

    def __init__(self, *names: Any, section: str = "Files", **options: Any) -> None:
        super().__init__(*names, **options)
        self.section = section


class Command(click.Command):
    """A command whose --help groups its options."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the options section by section, in the order in which sections first occur."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:
                sections.setdefault(getattr(param, "section", "Help"), []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


def was_given(name: str) -> bool:
    """Tell whether an option came, on the command line or in a file of options."""
    source = click.get_current_context().get_parameter_source(name)
    return source is not click.core.ParameterSource.DEFAULT


output_option = click.option(
    "-o",
    "--output",
    cls=Option,
    default="model.safetensors",
    show_default=True,
    metavar="MODEL",
    help="Where the model goes.",
)


encoding_errors = click.option(
    "--encoding-errors",
    cls=Option,
    section="Texts",
    type=click.Choice(ENCODING_ERRORS),
    default="strict",
    show_default=True,
    help="What to do with bytes that are not UTF-8.",
)
