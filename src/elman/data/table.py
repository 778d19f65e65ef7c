"""A table: columns by name, each of numbers or of text, and for every row the place that it came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

import numpy as np
from numpy.typing import ArrayLike

from elman.errors import DataError
from elman.numerics import Array

SHOWN = 20  # names in a message; a table may have thousands


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of one length: numbers are float64 with NaN where a field is missing, text is str with "".

    Shapes: columns: "N" each; places: "N", where each row came from, counted in `unit`: the "line" of a file
            (1 is the header), or the "row" of a frame or array (0 is the first).

    >>> table = Table({"day": np.array(["Mo", "Tu"], object), "rides": np.array([4.0, 7.0])}, np.arange(2))
    >>> table.numbers("rides"), table.texts("day").tolist()
    (array([4., 7.]), ['Mo', 'Tu'])
    >>> table.numbers("ride")
    Traceback (most recent call last):
    elman.errors.DataError: the table has no column 'ride'; did you mean 'rides'? There are: day, rides
    """

    columns: Mapping[str, Array]
    places: Array
    unit: str = "row"
    source: str = "the table"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in their order."""
        return tuple(self.columns)

    def __len__(self) -> int:
        return len(self.places)

    def place(self, row: int) -> str:
        """Say where a row came from, for messages: "line 7"."""
        return f"{self.unit} {int(self.places[row])}"

    def take(self, rows: ArrayLike) -> Table:
        """Return a table of some rows; they keep their places.

        Shapes: rows: "R", whole numbers.
        """
        chosen = np.asarray(rows, np.intp)
        columns = {name: column[chosen] for name, column in self.columns.items()}
        return replace(self, columns=columns, places=self.places[chosen])

    def require(self, names: Iterable[str]) -> None:
        """Raise DataError, with what there is, unless the table has columns of these names."""
        for name in names:
            if name not in self.columns:
                meant = get_close_matches(name, self.names, 1)
                hint = f"did you mean {meant[0]!r}? There are" if meant else "there are"
                raise DataError(f"{self.source} has no column {name!r}; {hint}: {listed(self.names)}")

    def is_text(self, name: str) -> bool:
        """Tell a column of text from one of numbers."""
        self.require([name])
        return self.columns[name].dtype == object

    def numbers(self, name: str) -> Array:
        """Return a column of numbers, all of them there and finite.

        Shapes: → "N", float64.
        Raises: DataError that names the column and the place of the first field that is none.
        """
        if self.is_text(name):
            raise DataError(self._not_numbers(name))
        column = self.columns[name]
        wrong = np.flatnonzero(~np.isfinite(column))
        if len(wrong):
            first = column[wrong[0]]
            what = "holds no number (empty or nan)" if np.isnan(first) else f"holds {first}"
            many = f", as do {len(wrong) - 1:,} more" if len(wrong) > 1 else ""
            raise DataError(
                f"{self.source}: column {name!r} {what} in {self.place(wrong[0])}{many}; "
                "expected finite numbers: fill it in, or leave these rows or the column out"
            )
        return column

    def texts(self, name: str) -> Array:
        """Return a column as text, none of it empty; numbers are written out, whole ones as 3 and not 3.0.

        Shapes: → "N", str.
        Raises: DataError that names the column and the place of the first empty field.
        """
        column = self.columns[name] if self.is_text(name) else _written(self.columns[name])
        empty = next((row for row, text in enumerate(column) if not text), None)
        if empty is not None:
            raise DataError(
                f"{self.source}: column {name!r} is empty in {self.place(empty)}; "
                "expected text: fill it in, or leave the row out"
            )
        return column

    def _not_numbers(self, name: str) -> str:
        column = self.columns[name]
        wrong = next((row for row, text in enumerate(column) if as_numbers([text]) is None), 0)
        if not len(column):
            return f"{self.source}: column {name!r} holds text; expected numbers"
        return (
            f"{self.source}: column {name!r} holds {shortened(column[wrong])} in {self.place(wrong)}; "
            f"expected numbers (empty where one is missing), or categories: --category {name}"
        )


def as_numbers(fields: Iterable[str]) -> Array | None:
    """Return fields of text as float64, NaN where one is empty; None when one of them is not a number.

    >>> as_numbers(["1", "", "-2.5e3"])
    array([ 1.0e+00, nan, -2.5e+03])
    >>> as_numbers(["1", "1_000"]) is None
    True
    """
    fields = list(fields)
    joined = " ".join(fields)
    if "_" in joined or not joined.isascii():  # Python would read 1_000, and the digits of all scripts
        return None
    try:
        return np.array([float(field) if field else np.nan for field in fields])
    except ValueError:
        return None


def as_text(fields: Iterable[str]) -> Array:
    """Return fields as an array of str.

    Shapes: → "N", object.
    """
    return np.array(list(fields), object)


def listed(names: Iterable[str]) -> str:
    """Return names side by side, for messages: the first of them when there are many.

    >>> listed(map(str, range(30))).partition("18, ")[2]
    '19 and 10 more'
    """
    names = list(names)
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def shortened(text: str) -> str:
    """Return a field as it is quoted in messages: on one line, and not much longer than a name.

    >>> shortened("x" * 99)
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'..."
    """
    return repr(text[:40]) + ("..." if len(text) > 40 else "")


def _written(column: Array) -> Array:
    """Return numbers as text, NaN as the empty text."""
    return as_text(map(_number_text, column.tolist()))


def _number_text(number: float) -> str:
    if number != number:
        return ""
    return str(int(number)) if number.is_integer() and abs(number) < 1e16 else repr(number)
