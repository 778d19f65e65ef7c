"""The commands, listed without being imported: each lies in a file that is loaded when it is asked for."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from keyword import iskeyword

import click

from elman import __version__
from elman.errors import OptionError

COMMANDS = {
    "train": "Train a network on a text or a table and write a model.",
    "eval": "Print how well a model predicts a text or a table.",
    "predict": "Write what a model predicts for a table, as CSV.",
    "sample": "Let a model write.",
    "score": "Print the bits of every line: odd lines stand out.",
    "inspect": "Look inside: a page about a model and a text, or colors in the terminal.",
    "export": "Write a model for ONNX, PyTorch, Keras, C, JavaScript or RTNeural.",
    "import": "Read a model of PyTorch, Keras or ONNX.",
    "info": "Show what a model file holds, or what runs here.",
}
_MEANT = {
    "generate": "sample",
    "test": "eval",
    "forecast": "predict",
    "fit": "train",
    "convert": "export",
}


def find(name: str) -> click.Command:
    """Return a command, from the file of its name; where Python keeps the name for itself, with a "_"."""
    command = import_module(f"elman.cli.{name}{'_' * iskeyword(name)}").command
    assert isinstance(command, click.Command)
    return command


class _Lazy(click.Group):
    """A group that lists its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        return find(name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            meant = _MEANT.get(args[0]) or next(iter(get_close_matches(args[0], COMMANDS)), None)
            hint = f"did you mean {meant}?" if meant else f"there are {', '.join(COMMANDS)}"
            ctx.fail(f"there is no command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Lazy,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="elman")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Recurrent networks you can read, train on a laptop and trust."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)


def run() -> int:
    """Run the command that the command line asks for; return the exit code."""
    try:
        code = cli.main(prog_name="elman", standalone_mode=False)
    except click.ClickException as error:
        raise OptionError(error.format_message()) from None
    except SystemExit:  # what click makes of a broken pipe
        raise BrokenPipeError from None
    return code if isinstance(code, int) else 0
