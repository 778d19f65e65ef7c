"""Where tables come from: files by their suffix, frames of pandas, polars or Arrow, and arrays."""

from __future__ import annotations

import gzip
import os
from collections.abc import Collection, Mapping
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np

from elman.data import reading
from elman.data.delimited import read_delimited
from elman.data.table import Table, as_numbers, as_text
from elman.errors import DataError, OptionError
from elman.numerics import Array

BINARY_SUFFIXES = (".parquet", ".arrow", ".feather")


def read_table(path: str | os.PathLike[str], *, text: Collection[str] = ()) -> Table:
    """Read a table: .csv, .tsv, either with .gz, .parquet, .arrow or .feather; "-" is standard input.

    A file of another name, standard input and pipes are read as CSV (see `delimited.read_delimited`).
    There, columns listed in `text` are text whatever they look like, so that 007 stays what it is; the others
    are numeric where each field is a number or empty.
    Raises: DataError when it cannot be read, with the line where there is one; OptionError when a package is
            missing; ResourceError when a pipe finds no room.
    """
    source = reading.display_name(path)
    stem, suffix = os.path.splitext(os.fspath(path).lower())
    packed = suffix == ".gz"
    delimiter = "\t" if (os.path.splitext(stem)[1] if packed else suffix) == ".tsv" else ","
    with reading.opened(path) as file:
        if suffix in BINARY_SUFFIXES:
            return _table(_frame_columns(_read_binary(file, suffix, source), source), source)
        if not packed:
            return read_delimited(file, source, delimiter=delimiter, text=text)
        with gzip.open(file) as unpacked:
            return read_delimited(unpacked, source, delimiter=delimiter, text=text)


def table_from_frame(frame: Any, *, source: str = "the table") -> Table:
    """Return the table of a frame: pandas, polars, pyarrow and others that narwhals knows, or of arrays.

    A mapping gives each column its name; an array "N D" has the columns x0, x1, ..., and "N" is x0.
    Booleans are numbers, 0 and 1; a value that is missing is NaN or ""; what is neither number nor text
    (dates, ...) is written out.
    Raises: DataError for something else, or columns that do not have one length; OptionError when narwhals is
            missing.

    >>> table_from_frame(np.array([[1, 2], [3, 4]])).names
    ('x0', 'x1')
    >>> table_from_frame({"x": [1, 2], "y": [1, 2, 3]})
    Traceback (most recent call last):
    elman.errors.DataError: the table: column 'y' has 3 rows, 'x' has 2; expected one length
    """
    if isinstance(frame, np.ndarray):
        if frame.ndim not in (1, 2):
            raise DataError(f"{source} is an array of shape {frame.shape}; expected rows × columns")
        rows = frame.reshape(len(frame), -1)
        frame = {f"x{k}": rows[:, k] for k in range(rows.shape[1])}
    if isinstance(frame, Mapping):
        columns = {str(name): _array_column(name, values, source) for name, values in frame.items()}
    else:
        columns = _frame_columns(frame, source)
    return _table(columns, source)


def _table(columns: dict[str, Array], source: str) -> Table:
    first, *others = columns.items() if columns else [("", np.zeros(0))]
    for name, column in others:
        if len(column) != len(first[1]):
            raise DataError(
                f"{source}: column {name!r} has {len(column):,} rows, {first[0]!r} has {len(first[1]):,}; "
                "expected one length"
            )
    if not len(first[1]):
        raise DataError(f"{source} is empty: {len(columns)} columns, no rows")
    return Table(columns, np.arange(len(first[1])), "row", source)


def _array_column(name: object, values: Any, source: str) -> Array:
    column = np.asarray(values)
    if column.ndim != 1:
        raise DataError(f"{source}: column {name!r} has shape {column.shape}; expected one value a row")
    if column.dtype.kind in "fiub":
        return column.astype(np.float64)
    if column.dtype.kind == "c":
        raise DataError(f"{source}: column {name!r} holds complex numbers; split them in two columns")
    values = column.tolist()
    return _mixed(values, [value is None or value != value for value in values])


def _frame_columns(frame: Any, source: str) -> dict[str, Array]:
    narwhals = _needed("narwhals", "a frame")
    try:
        frame = narwhals.from_native(frame)
    except TypeError as error:
        came = f"{source} is a {type(frame).__name__}"
        raise DataError(f"{came}; expected a frame, a mapping of columns or an array") from error
    except narwhals.exceptions.NarwhalsError as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{source}: {reason}; give each column its own name") from error
    if isinstance(frame, narwhals.LazyFrame):
        frame = frame.collect()
    return {str(name): _series_column(frame.get_column(name), narwhals) for name in frame.columns}


def _series_column(series: Any, narwhals: Any) -> Array:
    if series.dtype.is_numeric() or series.dtype == narwhals.Boolean:
        return np.asarray(series.cast(narwhals.Float64).to_numpy(), np.float64)
    return _mixed(series.to_list(), series.is_null().to_list())


def _mixed(values: list[Any], missing: list[bool]) -> Array:
    """Return text as it is, and other objects as numbers where all of them are."""
    fields = ["" if gone else str(value) for value, gone in zip(values, missing, strict=True)]
    is_text = any(isinstance(value, str) for value in values)
    numbers = None if is_text else as_numbers(fields)
    return as_text(fields) if numbers is None else numbers


def _read_binary(file: BinaryIO, suffix: str, source: str) -> Any:
    """Read Parquet or Arrow's file format (Feather is its older name) as a frame."""
    pyarrow = _needed("pyarrow", f"a {suffix} file")
    module = import_module("pyarrow.parquet" if suffix == ".parquet" else "pyarrow.feather")
    try:
        return module.read_table(file)
    except (pyarrow.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{source} cannot be read as {suffix}: {reason}") from error


def _needed(package: str, purpose: str) -> Any:
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        raise OptionError(
            f"{purpose} needs {package}, which is not installed: pip install 'elman[data]'"
        ) from error
