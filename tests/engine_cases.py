"""What the tests of the choice of engines share: machines without the compiled one, and none but it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from elman.engines import cores, loading, reference

COMPILED = loading.native() is not None
needs_compiled = pytest.mark.skipif(not COMPILED, reason=f"the compiled engine is {loading.why_not()}")
HERE = ["reference", pytest.param("native", marks=needs_compiled)]


class AskedFor(Exception):
    """The reference engine was asked to run."""


@pytest.fixture
def no_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference engine raises: what runs does so without it."""

    def raises(*_: Any, **__: Any) -> None:
        raise AskedFor("the reference engine was asked to run")

    monkeypatch.setattr(reference, "forward", raises)
    monkeypatch.setattr(reference, "step", raises)


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without the compiled engine."""
    caches = (loading._found, loading.instruction_set)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, loading.MODULE, None)
        for cache in caches:
            cache.cache_clear()
        yield
    for cache in caches:
        cache.cache_clear()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """What is read once in a process is read anew, now and after the test."""
    caches = (cores.available, loading.instruction_set)
    for cache in caches:
        cache.cache_clear()
    with monkeypatch.context() as patch:
        yield patch
    for cache in caches:
        cache.cache_clear()
