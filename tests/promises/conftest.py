"""What the tests of the promises share: how long they may take, and where they say what they found."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    """Run the whole of a promise (minutes), or the part that fits into every run (seconds)?"""
    return bool(request.config.getoption("--full", default=False))


@pytest.fixture
def kept(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Say of a row what was tried and found: kept("R1", "200 kills, 0 unusable files")."""

    def say(row: str, figure: str) -> None:
        request.node.user_properties.append((row, figure))

    return say
