"""`elman inspect`: look inside a model, on a page of HTML or in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from elman import persistence
from elman.data import Vocabulary, shakespeare
from elman.data.reading import display_name
from elman.errors import OptionError
from elman.files import atomic_write
from elman.inspection.reporting import BEGIN, LENGTH

from .common import is_tabular, read_record, tell, text_vocabulary
from .engine import EngineChoice, engine_options
from .eval import check_bundled
from .export import check_target
from .flags import told_in_flags
from .options import WHOLE, Command, Option, encoding_errors, was_given
from .shown import Shown, beginning, shown_rows
from .tabular import Form, form_of, open_table


@click.command(cls=Command)
@click.argument("model")
@click.argument("file", required=False)
@click.option(
    "-o", "--output", cls=Option, metavar="HTML", help="Where the page goes (none: next to MODEL, as .html)."
)
@click.option(
    "--length", cls=Option, type=WHOLE, default=LENGTH, show_default=True, help="Symbols or rows to look at."
)
@click.option(
    "--terminal", cls=Option, is_flag=True, help="Print the text in colors; in a pipe, a score a line."
)
@encoding_errors
@engine_options
def command(model: str, file: str | None, on: EngineChoice, **options: Any) -> None:
    """Show what MODEL does along FILE ("-": standard input; without one, the bundled Tiny Shakespeare).

    \b
        elman inspect model.safetensors book.txt -o report.html
        elman inspect model.safetensors --terminal --length 2000

    The page holds the text in the color of its surprisal or of any unit, what was expected at each symbol,
    gates, what units follow, how far the gradient reaches back, eigenvalues, saturation, parameters, and of a
    network on few symbols the automaton. It is one file, and fetches nothing. Of a table it shows the units
    along the rows, and what is predicted beside what the target columns hold, if they are there.
    """
    loaded = persistence.load(model, **on)
    output, length = options["output"], options["length"]
    if options["terminal"]:
        _print(loaded, model, file, **options)
        return
    if is_tabular(loaded):
        form = _table_form(loaded, model, file)
        target = _target(model, file, output)
        shown = shown_rows(form, open_table(str(file), form.layout), length, _source(file))
        if shown.fault is not None:
            tell(f"elman: the page shows no predictions: {shown.fault}")
    else:
        vocabulary = _vocabulary(loaded, model, file)
        target = _target(model, file, output)
        text = beginning(file, vocabulary, length, options["encoding_errors"])
        shown = Shown(text, _source(file))
    with told_in_flags(display_name(file or "")):
        page = shown.page(loaded, Path(model).name, length)
    atomic_write(target, [page])
    click.echo(f"written     {display_name(target)}: {len(page):,} bytes; open it in a browser")


def _print(
    loaded: persistence.Model, model: str, file: str | None, output: str | None, length: int, **options: Any
) -> None:
    """Print a text, colored."""
    if output is not None:
        raise OptionError("--terminal prints: leave out -o, or leave out --terminal for a page")
    if is_tabular(loaded):
        name = display_name(model)
        raise OptionError(f"{name} is a model of a table; --terminal colors texts: leave it out for a page")
    from .inspect_terminal import show

    vocabulary = _vocabulary(loaded, model, file)
    with told_in_flags(display_name(file or "")):
        show(loaded, beginning(file, vocabulary, length, options["encoding_errors"]), length)


def _vocabulary(loaded: persistence.Model, model: str, file: str | None) -> Vocabulary:
    """Return the vocabulary of a model of texts; without a file, of one that knows the bundled text."""
    vocabulary = text_vocabulary(loaded, model)
    if file is None:
        check_bundled(read_record(loaded, model))
    return vocabulary


def _table_form(loaded: persistence.Model, model: str, file: str | None) -> Form:
    if file is None:
        raise OptionError(f"name a FILE: {display_name(model)} is a model of a table")
    if was_given("encoding_errors"):
        raise OptionError(f"{display_name(model)} is a model of a table: leave out --encoding-errors")
    return form_of(loaded, model)


def _target(model: str, file: str | None, output: str | None) -> str:
    """Return where the page goes, once it is certain that nothing is lost there."""
    place = output if output is not None else str(Path(model).with_suffix(".html"))
    check_target(place, BEGIN.encode(), "no report", {"MODEL": model, "FILE": file})
    return place


def _source(file: str | None) -> str:
    return shakespeare.NAME if file is None else display_name(Path(file).name)
