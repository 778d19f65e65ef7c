"""The directive literalinclude, with lines marked by their text and the path of the file above.

    :marked: np.dot(dr, w.W | np.add(into[0]        each line that holds one of these is emphasized

A number of a line would be wrong after the next change of the file; a text that is gone stops the build.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.directives.code import LiteralInclude

REPO = Path(__file__).parents[2]


class Including(LiteralInclude):
    """See above."""

    option_spec: ClassVar = {**LiteralInclude.option_spec, "marked": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Include, name the file, and find the marked lines."""
        path = Path(self.env.relfn2path(self.arguments[0])[1]).resolve()
        self.options.setdefault("caption", path.relative_to(REPO).as_posix())
        found = super().run()
        for literal in (literal for node in found for literal in node.findall(nodes.literal_block)):
            lines = literal.astext().splitlines()
            for mark in filter(None, self.options.get("marked", "").split(" | ")):
                numbers = [k for k, line in enumerate(lines, 1) if mark in line]
                if not numbers:
                    raise self.error(f"no line of {path.name} holds {mark!r}")
                literal.setdefault("highlight_args", {}).setdefault("hl_lines", []).extend(numbers)
        return found


def setup(app: Sphinx) -> dict[str, bool]:
    """Put it in the place of Sphinx's own."""
    app.add_directive("literalinclude", Including, override=True)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
