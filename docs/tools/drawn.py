"""The directive drawn: a figure that docs/figures/NAME.py draws at build time; the text is its caption.

Each file has a function draw() that returns a figure of matplotlib. The SVG stands in the page itself, in the
page's color for text, so that it follows light and dark. A figure is drawn again when its file has changed.
"""

from __future__ import annotations

import hashlib
import io
import runpy
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

FIGURES = Path(__file__).parents[1] / "figures"
INK = "#010203"  # no figure uses this color but for what is to have the color of the text
STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "figure.figsize": (7, 3),
    "figure.facecolor": "none",
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "none",
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.5,
    **dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "grid.color"), INK
    ),
}
COLORS = ["#3a86c8", "#d5722c", "#3f9e5f", "#9d6bc4", "#c2577a", "#8a8f2c"]  # seen on white and on black


class Drawn(SphinxDirective):
    """See above."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the figure with its caption."""
        name = self.arguments[0]
        script = FIGURES / f"{name}.py"
        self.env.note_dependency(str(script))
        caption = nodes.caption()
        caption += self.parse_text_to_nodes("\n".join(self.content))[0].children
        picture = svg(script, Path(self.env.app.doctreedir), title=caption.astext())
        figure = nodes.figure(classes=["drawn"])
        figure += [nodes.raw("", picture, format="html"), caption]
        return [figure]


def svg(script: Path, kept: Path, title: str) -> str:
    """Return the figure of a script, drawn now or, if the script is the same, kept from before."""
    digest = hashlib.sha256(script.read_bytes() + Path(__file__).read_bytes()).hexdigest()[:16]
    place = kept / "figures" / f"{script.stem}-{digest}.svg"
    if not place.exists():
        logging.getLogger(__name__).info("drawing %s", script.name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(draw(script), encoding="utf-8")
    text = place.read_text("utf-8")
    opening, rest = text[text.index("<svg") :].split(">", 1)
    return f'{opening} role="img" class="drawing">\n<title>{escape(title)}</title>{rest}'


def draw(script: Path) -> str:
    """Run a script; return its figure as SVG."""
    import matplotlib

    matplotlib.use("svg")
    cycle = matplotlib.cycler(color=COLORS)
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": script.stem, "axes.prop_cycle": cycle}):
        written = io.StringIO()
        runpy.run_path(str(script))["draw"]().savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue().replace(INK, "currentColor")


def setup(app: Sphinx) -> dict[str, bool]:
    """Offer the directive."""
    app.add_directive("drawn", Drawn)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
