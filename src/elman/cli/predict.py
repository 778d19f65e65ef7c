"""`elman predict`: what a model says to a table, as CSV."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Iterator

import click

from elman import persistence
from elman.files import atomic_write, check_writable

from .answers import Row, continued, predicted
from .engine import EngineChoice, engine_options
from .options import WHOLE
from .places import check_other
from .tabular import form_of, open_table


@click.command()
@click.argument("model")
@click.argument("file")
@click.option("-o", "--output", metavar="CSV", help="Write to this file, not to standard output.")
@click.option("--steps", type=WHOLE, help="Predict N rows beyond the end, each forecast read as if it came.")
@engine_options
def command(model: str, file: str, output: str | None, steps: int | None, on: EngineChoice) -> None:
    """Write as CSV what MODEL predicts for the table FILE ("-": standard input).

    The target column may be missing. Rows are counted from 1, the first below the line of names:

    \b
        series       row, target             the row that is predicted; the last lies beyond the end
        labels       id, target, p_A, p_B    the label, and the probability of each
        every step   id, step, target        in the order of FILE

    Several rows ahead are target+1, target+2; a distribution is target_mean, target_std or target_q0.9.
    """
    loaded = persistence.load(model, **on)
    form = form_of(loaded, model)
    if output is not None:
        for name, path in (("MODEL", model), ("FILE", file)):
            check_other(output, name, path)
        check_writable(output)
    table = open_table(file, form.layout)
    if steps is None:
        names, rows = predicted(form, loaded.network, table)
    else:
        names, rows = continued(form, loaded.network, table, steps)
    lines = _lines([names, *rows])
    if output is not None:
        atomic_write(output, (line.encode() for line in lines))
        return
    for line in lines:
        sys.stdout.write(line)


def _lines(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(row)
        yield line.getvalue()
