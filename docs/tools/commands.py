"""The directive command-line: a section for every command, with what its --help prints at build time."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

WIDTH = 92  # of a line of help, as wide as a page shows


class CommandLine(SphinxDirective):
    """See above."""

    def run(self) -> list[nodes.Node]:
        """Return the help of `elman`, and after it a section for each of its commands."""
        from elman.cli.group import COMMANDS

        out: list[nodes.Node] = [printed()]
        for name in COMMANDS:
            section = nodes.section(ids=[f"elman-{name}"], names=[f"elman {name}"])
            section += [nodes.title("", "", nodes.literal("", f"elman {name}")), printed(name)]
            self.state.document.note_explicit_target(section)
            out.append(section)
        return out


def printed(*command: str) -> nodes.literal_block:
    """Return what the help of a command prints."""
    from click.testing import CliRunner

    from elman.cli.group import cli

    told = CliRunner().invoke(cli, [*command, "--help"], prog_name="elman", terminal_width=WIDTH)
    if told.exit_code:
        raise RuntimeError(f"elman {' '.join(command)} --help ended with {told.exit_code}: {told.output}")
    text = told.output.rstrip()
    return nodes.literal_block(text, text, language="text")


def setup(app: Sphinx) -> dict[str, bool]:
    """Offer the directive."""
    app.add_directive("command-line", CommandLine)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
