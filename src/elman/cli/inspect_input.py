"""What `elman inspect` looks at: the beginning of a text, however large it is, or the rows of a table."""

from __future__ import annotations

import hashlib
from typing import Any, cast

import numpy as np

from elman.data import Vocabulary, shakespeare
from elman.data.reading import display_name, opened, pieces
from elman.numerics import Array

from .common import standard_input
from .tabular import Form, open_table


def beginning(file: str | None, vocabulary: Vocabulary, length: int, errors: Any) -> str | bytes:
    """Return so much of a text that it has `length` symbols or more.

    file: "-" is standard input, None the bundled text. No more is read than that, in pieces of a megabyte.
    Raises: DataError when it cannot be read.
    """
    if file is None:
        return shakespeare.text()
    if file == "-":
        standard_input()
    source, read, count = display_name(file), list[Any](), 0
    with opened(file) as text:
        for piece in pieces(text, source, vocabulary.kind, errors, hashlib.sha256()):
            read.append(piece)
            count += len(piece) if vocabulary.kind in ("chars", "bytes") else len(vocabulary.encode(piece))
            if count > length:
                break
    return b"".join(read) if vocabulary.kind == "bytes" else "".join(read)


def rows_of(form: Form, file: str, length: int) -> tuple[Any, Array | None]:
    """Return what a network reads of a table, and before which steps it begins anew.

    Texts come as they are. A series is read window by window, each from the beginning, as in training; of
    sequences each begins anew.
    Raises: DataError for a table that does not fit.
    """
    table, layout = open_table(file, form.layout), form.layout
    if layout.text is not None:
        return table.texts(layout.text).tolist()[:length], None
    x = cast("list[Array]", form.read(table, targets=False).x)
    anew = [np.arange(len(one)) % (layout.window or len(one)) == 0 for one in x]
    return np.concatenate(x), np.concatenate(anew)
