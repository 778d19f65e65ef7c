"""`elman train`: from a text to a model file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from elman.cells import CELLS
from elman.data import KINDS
from elman.errors import OptionError
from elman.optimizers import OPTIMIZERS
from elman.schedules import SCHEDULES

from .begin import go_on, start
from .options import LAYERS, NATURAL, NOT_NEGATIVE, POSITIVE, WHOLE, encoding_errors, number
from .settings import FLAGS, Settings

DEFAULTS = Settings()
Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _option(flag: str, kind: Any, text: str) -> Callable[[Decorated], Decorated]:
    """Declare an option whose default is the setting's own."""
    name = flag.removeprefix("--").replace("-", "_")
    default = getattr(DEFAULTS, name)
    return click.option(flag, name, type=kind, default=default, help=text, show_default=default is not None)


SHARE = number(float, "a share from 0 on and below 1", lambda x: 0 <= x < 1)


@click.command()
@click.argument("file", required=False)
@click.option("-o", "--output", default="model.safetensors", show_default=True, help="Where the model goes.")
@_option("--valid", str, "Validate on this file instead of the end of FILE.")
@_option("--val-frac", SHARE, "Share of FILE held out: its end, or lines.")
@_option("--vocab", click.Choice(KINDS), "What a symbol is.")
@_option("--min-count", WHOLE, "Rarer symbols become the unknown one (chars 1, words 2).")
@click.option("--lines", is_flag=True, help="Each line is its own sequence.")
@encoding_errors
@_option("--cell", click.Choice(sorted({name for name, _ in CELLS})), "The recurrent cell.")
@_option("--activation", click.Choice(sorted({a for _, a in CELLS}, reverse=True)), "Its nonlinearity.")
@_option("--hidden-size", WHOLE, "Units in a layer.")
@_option("--num-layers", LAYERS, "Layers, one on the other.")
@_option("--dtype", click.Choice(["float32", "float64"]), "Precision of the weights.")
@_option("--seq-length", WHOLE, "Steps the gradient goes back (truncated BPTT).")
@_option("--batch-size", WHOLE, "Sequences side by side.")
@_option("--epochs", POSITIVE, "How long: times through the text (20 when nothing is said).")
@_option("--steps", WHOLE, "How long: updates.")
@_option("--minutes", POSITIVE, "How long: minutes.")
@_option("--optimizer", click.Choice(list(OPTIMIZERS)), "The rule of the updates.")
@_option("--lr", POSITIVE, "Highest learning rate (none: the optimizer's own).")
@_option("--schedule", click.Choice(list(SCHEDULES)), "How the learning rate moves.")
@_option("--grad-clip", NOT_NEGATIVE, "Largest norm of the gradient; 0: no limit.")
@_option("--validate-every", WHOLE, "Steps between validations (none: by the size of the texts).")
@_option("--seed", NATURAL, "Decides every random choice.")
@_option("--init-from", str, "Start from the weights and vocabulary of this model.")
@click.option("--resume", metavar="CHECKPOINT", help="Go on with an interrupted run, all options from it.")
@click.option(
    "--checkpoint-every", type=WHOLE, default=1000, show_default=True, help="Steps between checkpoints."
)
def command(output: str, resume: str | None, checkpoint_every: int, **options: Any) -> int:
    """Train a network on FILE (UTF-8 text; "-": standard input; without one, the bundled Tiny Shakespeare).

    Writes the model with the lowest validation loss. Ctrl-C saves the run and says how to go on.
    """
    given = {name: value for name, value in options.items() if _is_given(name)}
    if resume is not None:
        run = go_on(resume, given, output if _is_given("output") else None)
    else:
        _check(given)
        run = start(Settings(**options), output)
    return run.to_the_end(checkpoint_every)


def _is_given(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is not ParameterSource.DEFAULT


def _check(given: dict[str, Any]) -> None:
    """Refuse options that contradict each other or would change nothing."""
    if given.get("file") == "-" == given.get("valid"):
        raise OptionError("FILE and --valid are both standard input, which can be read once; name a file")
    if "valid" in given and "val_frac" in given:
        raise OptionError("--valid and --val-frac came together: with --valid nothing is held out of FILE")
    text = [FLAGS[name] for name in ("min_count", "encoding_errors") if name in given]
    if given.get("vocab") == "bytes" and text:
        raise OptionError(
            f"--vocab bytes decodes nothing and leaves no byte out: leave out {', '.join(text)}"
        )
    network = ("cell", "activation", "hidden_size", "num_layers", "dtype", "vocab", "min_count")
    fixed = [FLAGS[name] for name in network if name in given]
    if "init_from" in given and fixed:
        raise OptionError(f"--init-from brings a network and its vocabulary: leave out {', '.join(fixed)}")
