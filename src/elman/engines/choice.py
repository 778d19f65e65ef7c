"""The engine that a name stands for."""

from __future__ import annotations

from elman.errors import EngineError, OptionError

from . import reference
from .cores import threads as threads_of
from .engine import Engine
from .loading import native, why_not
from .native import Native

ENGINES = ("auto", "native", "reference")


def find(engine: str = "auto", dtype: str = "float32", threads: int | None = None) -> Engine:
    """Return the engine of this name: auto is the compiled one where there is one, else the reference.

    threads: how many the compiled engine uses at most (none: ELMAN_NUM_THREADS, else the cores that this
    process may use). They change its speed, never its results; the reference engine has those of BLAS.
    Raises: OptionError for another name or a number of threads that is none; EngineError when "native" is
            asked for and is not there.

    >>> find("reference").name
    'reference'
    >>> find("fastest")
    Traceback (most recent call last):
    elman.errors.OptionError: no engine 'fastest'; there are auto, native, reference
    """
    if engine not in ENGINES:
        raise OptionError(f"no engine {engine!r}; there are {', '.join(ENGINES)}")
    module = None if engine == "reference" else native()
    if module is not None:
        return Native(getattr(module, dtype), threads_of(threads))
    if engine == "native":
        raise EngineError(f"the compiled engine is {why_not()}; engine='reference' does the same, slower")
    return reference
