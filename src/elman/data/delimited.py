"""Tables from CSV: a header, then lines of as many fields; read strictly, a block of lines at a time."""

from __future__ import annotations

import csv
import zlib
from collections import Counter
from collections.abc import Collection, Iterator
from gzip import GzipFile
from itertools import islice
from typing import BinaryIO

import numpy as np

from elman.data.available import check_room
from elman.data.table import Table, as_numbers, as_text, listed, shortened
from elman.errors import DataError
from elman.numerics import Array

BLOCK = 1 << 14  # rows turned into arrays at a time: the text of a large file is never in memory whole
LONGEST_LINE = 1 << 24  # bytes

File = BinaryIO | GzipFile
Row = tuple[int, list[str]]  # (the line in which it begins, its fields)


def read_delimited(file: File, source: str, *, delimiter: str = ",", text: Collection[str] = ()) -> Table:
    r"""Read CSV from a file that can be read twice; `source` names it in messages.

    The first line names the columns. A column is numeric when each of its fields is a number or empty, unless
    `text` lists it. Text is UTF-8; a byte order mark is dropped and CR LF ends a line as LF does; fields may
    be quoted, and then hold delimiters, line ends and doubled quotes.
    Raises: DataError, with the line, for what is not of this form; ResourceError when it does not fit into
            memory, however small the file that it was packed in.

    >>> import io
    >>> table = read_delimited(io.BytesIO(b'day,rides\nMo,"7"\nTu,\n'), "a.csv")
    >>> table.columns["rides"], table.places
    (array([ 7., nan]), array([2, 3]))
    """
    as_is = set(text)
    while True:
        names, parts, places = _read(file, source, delimiter, as_is)
        mixed = {name for name, part in zip(names, parts, strict=True) if len({a.dtype for a in part}) > 1}
        if not mixed:
            break
        as_is |= mixed  # numbers at first, text further down: read again as text
    columns = {name: np.concatenate(part) for name, part in zip(names, parts, strict=True)}
    return Table(columns, np.array(places), "line", source)


def _read(
    file: File, source: str, delimiter: str, text: Collection[str]
) -> tuple[list[str], list[list[Array]], list[int]]:
    """Return the names, for each column its arrays block by block, and the line of each row."""
    rows = _rows(file, source, delimiter)
    names = _header(next(rows, (1, []))[1], source)
    parts: list[list[Array]] = [[] for _ in names]
    places: list[int] = []
    while block := list(islice(rows, BLOCK)):
        places += [line for line, _ in block]
        wrong = next((row for row in block if len(row[1]) != len(names)), None)
        if wrong is not None:
            raise DataError(_ragged(wrong, names, source, delimiter))
        for name, part, fields in zip(
            names, parts, zip(*(row for _, row in block), strict=True), strict=True
        ):
            numbers = None if name in text else as_numbers(fields)
            part.append(as_text(fields) if numbers is None else numbers)
        check_room(source)
    if not places:
        raise DataError(f"{source} has a line of column names, but no rows below it")
    return names, parts, places


def _header(names: list[str], source: str) -> list[str]:
    """Return the names of the columns, once they can be told apart from data and from each other."""
    if not names:
        raise DataError(f"{source} is empty; expected a line that names the columns, and rows below it")
    if "" in names:
        raise DataError(
            f"{source}: column {names.index('') + 1} has no name in line 1 ({listed(names)}); give it one, "
            "or leave it out (to_csv(index=False) in pandas)"
        )
    if len(names) == 1 and any(sign in names[0] for sign in ";\t"):
        raise DataError(
            f"{source}: line 1 holds no comma ({shortened(names[0])}); fields are separated by commas, "
            "in a .tsv file by tabs"
        )
    numbered = names == [str(k) for k in range(len(names))]  # how columns without names are written
    if as_numbers(names) is not None and not numbered:
        raise DataError(
            f"{source}: line 1 holds numbers ({listed(names)}); expected the names of the columns: "
            "put a line of names before the data"
        )
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise DataError(f"{source}: {times} columns are named {name!r} in line 1; give each its own name")
    return names


def _ragged(row: Row, names: list[str], source: str, delimiter: str) -> str:
    line, fields = row
    return (
        f"{source}: line {line} has {len(fields)} fields; expected {len(names)}, as line 1 has "
        f"({listed(names)}). A field that holds {delimiter!r} must be quoted"
    )


def _rows(file: File, source: str, delimiter: str) -> Iterator[Row]:
    """Yield the rows from the first on; only at the end may lines be empty."""
    reader = csv.reader(_lines(file, source), delimiter=delimiter, strict=True)
    begin, blank = 1, 0
    try:
        for row in reader:
            if row and blank:
                raise DataError(f"{source}: line {blank} is empty; expected a row, or no line at all")
            if row:
                yield begin, row
            else:
                blank = blank or begin
            begin = reader.line_num + 1
    except csv.Error as error:
        reason = f"the row that begins in line {begin} is not CSV: {error}"
        remedy = "look for a quote that is left open or not doubled, or a CR without LF"
        raise DataError(f"{source}: {reason}; {remedy}") from error


def _lines(file: File, source: str) -> Iterator[str]:
    """Yield the lines of a file from its start, with their ends; none of them is unboundedly long."""
    number = 0
    file.seek(0)
    try:
        while raw := file.readline(LONGEST_LINE + 1):
            number += 1
            yield _decoded(raw, number, source)
    except (OSError, EOFError, zlib.error) as error:  # the latter two: a damaged .gz
        raise DataError(f"{source}: cannot be read beyond line {number}: {error}") from error


def _decoded(raw: bytes, number: int, source: str) -> str:
    place = f"{source}: line {number}"
    if len(raw) > LONGEST_LINE:
        raise DataError(f"{place} is longer than {LONGEST_LINE:,} bytes; is this a table?")
    try:
        line = raw.decode()
    except UnicodeDecodeError as error:
        byte = f"byte 0x{raw[error.start]:02x} at its byte {error.start} ({error.reason})"
        raise DataError(f"{place} is not UTF-8 text: {byte}; convert the table to UTF-8 CSV first") from error
    if "\0" in line:
        raise DataError(f"{place} holds a NUL character; this is not a table of text")
    return line.removeprefix("\ufeff") if number == 1 else line
