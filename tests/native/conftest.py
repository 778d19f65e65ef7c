"""The engine is there, or its tests say why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from elman.engines.loading import native, why_not

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if native() is None:
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=f"the compiled engine is {why_not()}"))
