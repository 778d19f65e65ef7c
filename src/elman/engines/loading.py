"""Finding the compiled engine, and choosing the instruction set that it uses.

The module elman._native is not there where no C++ compiler worked when elman was installed; the reference
engine then does everything. It is loaded at its first use, not with elman: docs/decisions/0008-build.md.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from os.path import dirname
from types import ModuleType

from elman.errors import OptionError

MODULE = "elman._native"
VARIABLE = "ELMAN_ISA"
PACKAGE = dirname(dirname(__file__))
SOURCES = os.path.join(dirname(dirname(PACKAGE)), "native")  # in a checkout


def native() -> ModuleType | None:
    """Return the compiled engine, its instruction set chosen; None where there is none: `why_not` says why.

    Raises: OptionError when ELMAN_ISA names an instruction set that this build or this CPU does not have.

    >>> (native() is None) == bool(why_not())
    True
    """
    instruction_set()
    return _found()[0]


def why_not() -> str:
    """Return why there is no compiled engine, in words that follow "it is"; "" where there is one."""
    return _found()[1]


@cache
def instruction_set() -> str:
    """Return the instruction set in use: what ELMAN_ISA names, else the best here; "" without engine.

    Raises: as `native` does.
    """
    asked = os.environ.get(VARIABLE, "")
    module, reason = _found()
    if module is not None:
        chosen = _choose(asked, module.instruction_sets(), module.built_sets())
        module.use(chosen)
        return chosen
    if asked:
        raise OptionError(f"{VARIABLE} is {asked!r}, but the compiled engine is {reason}; unset {VARIABLE}")
    return ""


def _choose(asked: str, here: tuple[str, ...], built: tuple[str, ...]) -> str:
    """Return what was asked for, else the best.

    >>> _choose("", ("avx2", "baseline"), ("avx512", "avx2", "baseline"))
    'avx2'
    """
    if asked and asked not in here:
        where = "on this CPU" if asked in built else "in this build"
        raise OptionError(f"{VARIABLE} is {asked!r}, not {where}; set {', '.join(here)}, or unset it")
    return asked or here[0]


@cache
def _found() -> tuple[ModuleType | None, str]:
    """Return the module, or the reason why there is none."""
    try:
        module = import_module(MODULE)
    except ModuleNotFoundError:
        names = sorted(name for name in os.listdir(PACKAGE) if name.startswith("_native."))
        if others := ", ".join(name for name in names if not name.endswith(".pyi")):
            return None, f"built for another Python ({others}): install elman anew"
        return None, "not built: no C++ compiler worked when elman was installed (pip install -v shows why)"
    except ImportError as error:
        return None, f"not loadable: {error}"
    if os.path.isfile(os.path.join(SOURCES, "CMakeLists.txt")) and module.source_digest != _digest(SOURCES):
        return None, "out of date: native/ has changed since (make native builds it)"
    return module, ""


def _digest(sources: str) -> str:
    """Return the digest of all sources, as native/CMakeLists.txt forms it."""
    from glob import glob
    from hashlib import sha256

    names = glob("**/*.[ch]pp", root_dir=sources, recursive=True)
    lines = []
    for name in sorted(name.replace(os.sep, "/") for name in ("CMakeLists.txt", *names)):
        if not name.startswith("tests/"):
            with open(os.path.join(sources, name), "rb") as file:
                lines.append(f"{name} {sha256(file.read()).hexdigest()}\n")
    return sha256("".join(lines).encode()).hexdigest()
