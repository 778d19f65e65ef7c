"""Names of a package that are loaded at their first use (PEP 562), so that importing it stays quick."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazily(package: str, homes: Mapping[str, Sequence[str]], rooms: Collection[str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package: which names each of its modules holds, and modules themselves.

    >>> lazily("elman", {"numerics": ["softmax"]}, ["errors"])("softmax")
    <function softmax at 0x...>
    >>> lazily("elman", {}, ["errors"])("softmax")
    Traceback (most recent call last):
    AttributeError: module 'elman' has no attribute 'softmax'
    """
    home = {name: module for module, names in homes.items() for name in names}

    def load(name: str) -> Any:
        if name in rooms:
            return import_module(f".{name}", package)
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f".{home[name]}", package), name)
        setattr(sys.modules[package], name, value)  # the next time it is simply there
        return value

    return load
