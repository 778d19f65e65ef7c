"""`--config`: options from a TOML file, checked as those of the command line are, which win over them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import click

from elman.data.reading import display_name
from elman.errors import DataError, OptionError

LARGEST = 1 << 20  # bytes; more are no options

_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list"}
_WORDS[dict] = "a table"
# What an option takes, by click's name of its type; all others take text.
_TAKES: dict[str, type] = {"boolean": bool, "n": int, "x": float, "n[,...]": int, "x,...": float}


def use_config(ctx: click.Context, _: click.Parameter, path: str | None) -> None:
    """Give the options of a command the values of a TOML file, where the command line gives none.

    A key is the name of an option without the dashes before it, with those in it as - or _; FILE is `file`.
    Paths are as on the command line. This is the callback of the option, which has to be eager.
    Raises: DataError when the file cannot be read or is not TOML; OptionError for what no option takes.
    """
    if path is None:
        return
    source = display_name(path)
    options = {p.name: p for p in ctx.command.params if p.name and p.expose_value}
    values: dict[str, Any] = {}
    for key, value in _parsed(path, source).items():
        name = key.replace("-", "_")
        if name not in options:
            raise OptionError(f"{source}: {_unknown(key, options)}")
        if name in values:
            raise OptionError(f"{source}: {key} stands there twice, once with - and once with _; keep one")
        values[name] = _checked(value, options[name], f"{source}: {key}")
    ctx.default_map = values


def _checked(value: Any, option: click.Parameter, place: str) -> Any:
    """Return a value of the kind that an option takes; an option that may come several times takes a list."""
    expected = _TAKES.get(option.type.name, str)
    many = option.multiple or "..." in option.type.name
    parts = value if many and type(value) is list else [value]
    for part in parts:
        if type(part) is not expected and (type(part), expected) != (int, float):
            words = _WORDS[expected] + " or a list of such" * many
            came = _WORDS.get(type(part), "a date or time") + " in a list" * (part is not value)
            raise OptionError(f"{place} is {str(value)[:40]!r}, {came}; expected {words}")
    return parts if option.multiple else value


def _parsed(path: str, source: str) -> dict[str, Any]:
    data = _read(path, source)
    lines = data.count(b"\n") + 1
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise DataError(f"{source} is not UTF-8 text (at line {line})") from None
    except tomllib.TOMLDecodeError as error:
        told = str(error).replace("at end of document", f"at its end, line {lines}")
        raise DataError(f"{source} is not TOML: {told}") from None
    except (ValueError, RecursionError):
        raise DataError(f"{source}: a number in it is too long, or a list too deep") from None


def _read(path: str, source: str) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise DataError(f"{source}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # a NUL in it
        raise DataError(f"{source}: is not a path: {error}") from None
    if len(data) > LARGEST:
        raise DataError(f"{source} has more than {LARGEST:,} bytes; a file of options has a few lines")
    return data


def _unknown(key: str, options: Iterable[str]) -> str:
    close = get_close_matches(key.replace("-", "_"), options, n=1)
    hint = f"did you mean {close[0]}?" if close else "elman train --help lists them"
    return f"there is no option {key[:40]!r}; {hint}"
