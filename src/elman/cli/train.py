"""`elman train`: from a text or a table to a model file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from elman.cells import CELLS
from elman.data import KINDS
from elman.heads import HEADS
from elman.heads.readout import READOUTS
from elman.optimizers import OPTIMIZERS
from elman.parameters import INITIALIZATIONS
from elman.schedules import SCHEDULES

from .begin import go_on, start
from .checks import check
from .config import use_config
from .engine import EngineChoice, engine_options
from .memory import memory_option
from .options import (
    LAYERS,
    NATURAL,
    NOT_NEGATIVE,
    POSITIVE,
    QUANTILES,
    RATE,
    SIZES,
    WHOLE,
    Command,
    Option,
    encoding_errors,
    output_option,
    was_given,
)
from .settings import WINDOW, Settings

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _option(section: str, flag: str, kind: Any, text: str, **more: Any) -> Callable[[Decorated], Decorated]:
    """Declare an option whose default is the setting's own."""
    name = flag.partition("/")[0].removeprefix("--").replace("-", "_")
    default = getattr(Settings, name)
    shown = default is not None and not isinstance(default, bool | tuple)
    options = {"default": default, "help": text, "show_default": shown} | more
    return click.option(flag, name, cls=Option, section=section, type=kind, **options)


def _switch(section: str, flag: str, text: str) -> Callable[[Decorated], Decorated]:
    return _option(section, f"{flag}/--no-{flag.removeprefix('--')}", bool, text)


def _column(flag: str, text: str, *, many: bool = False) -> Callable[[Decorated], Decorated]:
    more = {"multiple": True, "show_default": False} if many else {}
    return _option("Tables", flag, str, text, metavar="COLUMN", **more)


T, D, N, R, L = "Texts", "Data", "Network", "Regularization", "Training"


@click.command(cls=Command)
@click.argument("file", required=False)
@_option(D, "--valid", str, "Validate on this file instead of a part of FILE.", metavar="FILE")
@_option(D, "--val-frac", RATE, "Share of FILE held out: its end, or lines or sequences.")
@_option(D, "--vocab", click.Choice(KINDS), "What a symbol is.")
@_option(D, "--min-count", WHOLE, "Rarer symbols become the unknown one (chars 1, words 2).")
@_option(D, "--vocab-size", WHOLE, "Symbols that bpe learns, the 256 bytes among them.")
@_switch(T, "--lines", "Each line is its own sequence.")
@encoding_errors
@_option(T, "--seq-length", WHOLE, "Steps the gradient goes back (truncated BPTT).")
@_column("--target", "What to predict: FILE is a table. May come several times.", many=True)
@_column("--input", "A column to read (none: the targets' past, or all other numbers).", many=True)
@_column("--category", "A column to read as one of its values, not as a number.", many=True)
@_column("--ahead", "A column that is known of the next row, too.", many=True)
@_column("--sequence", "Rows with the same value here are one sequence.")
@_column("--text", "Each row is a sequence: the symbols of this column.")
@_option("Tables", "--window", WHOLE, f"Rows of a series that are read at a time ({WINDOW}).")
@_option("Tables", "--horizon", WHOLE, "How many of the rows that follow are predicted.")
@_option("Tables", "--stride", WHOLE, "Rows from one window to the next.")
@_switch("Tables", "--scale", "Bring numbers to mean 0 and deviation 1 (they are, by default).")
@_option(N, "--cell", click.Choice(sorted({name for name, _ in CELLS})), "The recurrent cell (tables: gru).")
@_option(N, "--activation", click.Choice(sorted({a for _, a in CELLS}, reverse=True)), "Its nonlinearity.")
@_option(N, "--hidden-size", SIZES, "Units in a layer, or of each: 64,32 (tables: 64).")
@_option(N, "--num-layers", LAYERS, "Layers, one on the other (as many as sizes, or 1).")
@_switch(N, "--bidirectional", "Each layer reads both ways.")
@_option(N, "--embedding-size", WHOLE, "Symbols go through an embedding of this size.")
@_switch(N, "--tied", "The embedding is the matrix of the outputs, too.")
@_option(N, "--readout", click.Choice(list(READOUTS)), "Where an answer is read from (tables: last).")
@_option(
    N, "--head", click.Choice(list(HEADS)), "What answers are: labels softmax, several sigmoid, or numbers."
)
@_option(N, "--quantiles", QUANTILES, "Predict these quantiles of numbers: 0.1,0.5,0.9.")
@_option(N, "--initialization", click.Choice(list(INITIALIZATIONS)), "How the weights begin.")
@_option(N, "--dtype", click.Choice(["float32", "float64"]), "Precision of the weights.")
@_switch(R, "--layer-norm", "Layer normalization inside the cell.")
@_switch(R, "--learn-initial-state", "Learn the state from which sequences begin.")
@_option(R, "--input-dropout", RATE, "Share of inputs dropped, the same for a whole sequence.")
@_option(R, "--recurrent-dropout", RATE, "Share of states dropped, the same for a whole sequence.")
@_option(R, "--dropout", RATE, "Share dropped between layers, anew at every step.")
@_option(R, "--output-dropout", RATE, "Share dropped before the outputs, anew at every step.")
@_option(R, "--zoneout", RATE, "Share of units that keep their old state.")
@_option(R, "--weight-decay", NOT_NEGATIVE, "Draws weights to 0 (none: the optimizer's own).")
@_option(L, "--batch-size", WHOLE, "Sequences side by side.")
@_option(L, "--epochs", POSITIVE, "How long: times through the data (texts: 20).")
@_option(L, "--steps", WHOLE, "How long: updates (tables: 1000, or those of 10 epochs up to 10000).")
@_option(L, "--minutes", POSITIVE, "How long: minutes.")
@_option(L, "--patience", WHOLE, "Stop after so many validations without a better one.")
@_option(L, "--optimizer", click.Choice(list(OPTIMIZERS)), "The rule of the updates.")
@_option(L, "--lr", POSITIVE, "Highest learning rate (none: the optimizer's own, tables: half).")
@_option(L, "--schedule", click.Choice(list(SCHEDULES)), "How the learning rate moves.")
@_option(L, "--grad-clip", NOT_NEGATIVE, "Largest norm of the gradient; 0: no limit.")
@_option(L, "--validate-every", WHOLE, "Steps between validations (none: by the size of the data).")
@_option(L, "--seed", NATURAL, "Decides every random choice.")
@engine_options
@memory_option
@output_option
@_option(
    "Files", "--init-from", str, "Start from the weights of this model, on its columns.", metavar="MODEL"
)
@click.option(
    "--resume",
    cls=Option,
    metavar="CHECKPOINT",
    help="Go on with an interrupted run, all options from it.",
)
@click.option(
    "--checkpoint-every",
    cls=Option,
    type=WHOLE,
    default=1000,
    show_default=True,
    help="Steps between checkpoints.",
)
@click.option("--log", cls=Option, metavar="CSV", help="Write a line for every step to this file.")
@click.option(
    "--report", cls=Option, metavar="HTML", help="Keep a page about the run here, as `elman inspect`."
)
@click.option(
    "--config",
    cls=Option,
    metavar="TOML",
    is_eager=True,
    expose_value=False,
    callback=use_config,
    help="Read options from this file; those given here win.",
)
def command(output: str, log: str | None, checkpoint_every: int, on: EngineChoice, **options: Any) -> int:
    """Train a network on FILE, and write the model with the lowest validation loss.

    FILE is a UTF-8 text ("-": standard input; without one, the bundled Tiny Shakespeare). With --target it is
    a table (CSV, TSV, Parquet, Arrow): a series, sequences (--sequence), or texts with labels (--text).

    \b
        elman train book.txt --cell lstm
        elman train rides.csv --target rides --input rides --category day --ahead day
        elman train names.csv --text name --target language

    Ctrl-C saves the run and says how to go on.
    """
    resume, report = options.pop("resume"), options.pop("report")
    given = {name: value for name, value in options.items() if was_given(name)}
    if resume is not None:
        run = go_on(resume, given, output if was_given("output") else None, log, on, report=report)
    else:
        check(given)
        run = start(given, output, log, on, report=report)
    return run.to_the_end(checkpoint_every)
