"""`--engine` and `--threads`: what a command computes with.

They are no settings of a run: it may go on with other threads. Its record says which engine it began with.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypedDict, TypeVar

import click

from elman import engines
from elman.engines.engine import Engine
from elman.engines.loading import instruction_set, why_not
from elman.engines.native import Native
from elman.errors import OptionError

from .flags import told_in_flags
from .options import WHOLE, Option

Result = TypeVar("Result")


class EngineChoice(TypedDict):
    """What `Network` and `load` are told of the engine."""

    engine: str
    threads: int | None


def engine_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Give a command the two options; it gets them as `on`, an EngineChoice.

    Raises: OptionError, EngineError for what is not there, before the command reads anything.
    """

    @wraps(command)
    def checked(*arguments: Any, engine: str, threads: int | None, **options: Any) -> Result:
        if engine == "reference" and threads is not None:
            raise OptionError(
                "--threads are those of the compiled engine: leave it out with --engine reference"
            )
        with told_in_flags():
            engines.find(engine, threads=threads)
        return command(*arguments, on=EngineChoice(engine=engine, threads=threads), **options)

    return _engine(_threads(checked))


_engine = click.option(
    "--engine",
    cls=Option,
    section="Engine",
    type=click.Choice(engines.ENGINES),
    default="auto",
    show_default=True,
    help="What computes: native is compiled, reference is NumPy.",
)
_threads = click.option(
    "--threads",
    cls=Option,
    section="Engine",
    type=WHOLE,
    help="Of the compiled engine, at most (none: ELMAN_NUM_THREADS, or one for each core).",
)


def engine_words(engine: Engine) -> str:
    """Say which engine computes, and why it is not the compiled one where there is none.

    >>> engine_words(engines.find("reference")).partition(";")[0]
    'reference (NumPy)'
    """
    if isinstance(engine, Native):
        return f"{engine.name} ({instruction_set()}), {engine.threads} thread{'s' * (engine.threads != 1)}"
    reason = why_not()
    return f"{engine.name} (NumPy)" + f"; the compiled engine is {reason}" * bool(reason)
