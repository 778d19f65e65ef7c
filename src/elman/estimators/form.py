"""The form of sequences as a network reads them, learned in fit: symbols and scales."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elman.data import Vocabulary
from elman.data.scaling import Scaler, fit_scaler
from elman.errors import DataError, OptionError, ShapeError
from elman.numerics import Array

from .reading import Given, Kind


@dataclass(frozen=True)
class Form:
    """What sequences are: `size` symbols, or features a step; `table`: rows of a table were fitted.

    Raises: OptionError when vocabulary or scaler are of another size.
    """

    kind: Kind
    size: int
    table: bool = False
    vocabulary: Vocabulary | None = None
    scaler: Scaler | None = None

    def __post_init__(self) -> None:
        sizes = {
            "vocabulary": self.size if self.vocabulary is None else self.vocabulary.size,
            "scaler": self.size if self.scaler is None else len(self.scaler.mean),
        }
        wrong = {name: size for name, size in sizes.items() if size != self.size}
        if wrong:
            raise OptionError(f"the form reads {self.size} values, but its parts are for others: {wrong}")

    def encode(self, given: Given, dtype: str) -> list[Array]:
        """Return sequences as arrays: "T" symbols or "T I" features.

        Raises: ShapeError when they are of another kind; DataError for a symbol that fit has not seen.
        """
        if given.kind != self.kind:
            raise ShapeError(f"X holds {given.kind}; in fit it held {self.kind}")
        if self.vocabulary is not None:
            return _spelled(self.vocabulary, given)
        if self.kind == "symbols":
            _check_symbols(given.rows, self.size)
            return given.rows
        scaler = self.scaler
        return [(row if scaler is None else scaler.transform(row)).astype(dtype) for row in given.rows]


def learn_form(given: Given, kept: Array, *, scale: bool, min_count: int | None) -> Form:
    """Learn vocabulary and scales from the sequences to train on, `kept`, and no others.

    Raises: DataError for a feature that is constant.
    """
    rows = [given.rows[k] for k in kept]
    if given.kind in ("text", "words"):
        vocabulary = Vocabulary.from_counts(
            "chars" if given.kind == "text" else "words",
            Counter(symbol for row in rows for symbol in row),
            min_count,
        )
        return Form(given.kind, vocabulary.size, vocabulary=vocabulary)
    if given.kind == "symbols":
        size = int(max(row.max() for row in given.rows)) + 1
        _check_symbols(given.rows, size)
        return Form("symbols", size)
    width = given.rows[0].shape[1]
    names = ["X"] if given.table else [f"feature {i}" for i in range(width)]
    scaler = fit_scaler(np.concatenate(rows), names) if scale else None
    return Form("features", width, given.table, scaler=scaler)


def _spelled(vocabulary: Vocabulary, given: Given) -> list[Array]:
    if given.kind == "text":
        return [vocabulary.encode(row) for row in given.rows]
    index = {word: k for k, word in enumerate(vocabulary.symbols) if k}  # what is new is symbol 0
    return [np.array([index.get(word, 0) for word in row], vocabulary.dtype) for row in given.rows]


def _check_symbols(rows: Sequence[Array], size: int) -> None:
    for k, row in enumerate(rows):
        wrong = np.flatnonzero((row < 0) | (row >= size))
        if len(wrong):
            t = wrong[0]
            raise DataError(
                f"sequence {k} of X has the symbol {row[t]} at step {t}; symbols run from 0 to {size - 1}, "
                "the largest in fit"
            )
