"""A built site asks nobody: no page fetches from elsewhere.  python docs/tools/offline.py docs/_build/html"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

FETCHED = {"src", "srcset", "data", "poster", "action"}
ELSEWHERE = re.compile(r"\s*(?:https?:)?//")
STYLE = re.compile(r"""(?:url\(\s*|@import\s+)["']?((?:https?:)?//[^"')\s]+)""")


class Page(HTMLParser):
    """What a page would fetch from elsewhere; what a reader may click is no matter."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = STYLE.findall(text)
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at what one element names."""
        fetched = FETCHED | {"href", "xlink:href"} if tag in {"link", "use", "image", "base"} else FETCHED
        self.found += [value for name, value in attrs if name in fetched and value and ELSEWHERE.match(value)]


def elsewhere(site: Path) -> Iterator[str]:
    """Yield what the pages and styles of a site fetch from elsewhere."""
    for path in sorted(site.rglob("*")):
        text = path.read_text("utf-8") if path.suffix in {".html", ".css", ".svg"} else ""
        found = STYLE.findall(text) if path.suffix == ".css" else Page(text).found
        yield from (f"{path.relative_to(site)}: {address}" for address in found)


if __name__ == "__main__":
    pages, found = Path(sys.argv[1]), list(elsewhere(Path(sys.argv[1])))
    print(*found, f"{len(list(pages.rglob('*.html')))} pages, {len(found)} addresses elsewhere", sep="\n")
    sys.exit(bool(found))
