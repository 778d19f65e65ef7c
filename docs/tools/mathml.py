"""Equations as MathML, written at build time: every browser draws it, without scripts, fonts or a network."""

from __future__ import annotations

import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

UPRIGHT = re.compile(r"<mi>(&#x000[4-7][0-9A-F];)</mi>")  # how \mathrm{d} comes out, and d does not

# tanh p, not tanhp: a name, alone or with its power, before what is not in parentheses.
NAMES = r"<mi>(?:tanh|log|exp)</mi>"
NAMED = re.compile(rf"((?<!<msup>)(?<!<msub>){NAMES}|<msup>{NAMES}<mn>\d</mn></msup>)(?!<mo stretchy)")


def mathml(equation: str, display: str) -> str:
    r"""Return LaTeX as MathML; a single letter of \mathrm stays upright, names keep their distance."""
    written: str = convert(equation, display=display)
    written = NAMED.sub(r'\1<mspace width="0.17em"/>', written)
    return UPRIGHT.sub(r'<mi mathvariant="normal">\1</mi>', written)


def inline(translator: HTML5Translator, node: nodes.math) -> None:
    """Write an equation within a line."""
    translator.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def block(translator: HTML5Translator, node: nodes.math_block) -> None:
    """Write an equation of its own; a wide one scrolls in its own box, which a keyboard reaches."""
    equation = mathml(node.astext(), "block")
    translator.body.append(f'<div class="equation" tabindex="0">{equation}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Offer the renderer "mathml"."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
