"""Links to files of the repository that are also pages of the site lead to those pages."""

from __future__ import annotations

import re

from sphinx.application import Sphinx

PAGES = {
    "benchmarks/README.md": "/reference/benchmarks.md",
    "benchmarks/speed/RESULTS.md": "/reference/speed_results.md",
    "benchmarks/quality/RESULTS.md": "/reference/quality_results.md",
    "CHANGELOG.md": "/changes.md",
}
LINK = re.compile(rf"\]\((?:\.\./)+({'|'.join(map(re.escape, PAGES))})(#[\w-]+)?\)")


def turn(app: Sphinx, name: str, source: list[str]) -> None:
    """Rewrite the links of a page that was read."""
    source[0] = LINK.sub(lambda link: f"]({PAGES[link[1]]}{link[2] or ''})", source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Listen to what is read."""
    app.connect("source-read", turn)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
