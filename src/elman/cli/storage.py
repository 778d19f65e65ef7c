"""`--weights` and `--calibrate`: how the weights are stored that a command reads at each step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click

from elman.data import Corpus, Vocabulary
from elman.errors import OptionError
from elman.network import Network
from elman.quantization import STORAGES

from .common import count_words, read_text
from .flags import told_in_flags
from .options import Option

Result = TypeVar("Result")


@dataclass(frozen=True)
class Storage:
    """What was chosen: how weights are stored, and the file of the text that int8 is fitted to."""

    weights: str | None
    file: str | None

    def text(self, vocabulary: Vocabulary, **options: Any) -> Corpus | None:
        """Read the text to calibrate on, if there is one; the options are those of `read_text`."""
        return None if self.file is None else read_text(self.file, vocabulary=vocabulary, **options)

    def network(self, network: Network, text: Corpus | None = None) -> Network:
        """Return what the network is with weights that are stored so."""
        if self.weights is None:
            return network
        with told_in_flags():
            return network.narrowed(self.weights, calibrate=None if text is None else text.symbols)

    def costs(self, text: Corpus | None, loss: float, own: float) -> str:
        """Say how weights are stored, and what loss they have instead of the model's own.

        >>> Storage("int8", None).costs(None, 1.82260, 1.82226)
        "int8 weights: a loss of 1.82260; the model's own have 1.82226"
        """
        fitted = ""
        if text is not None:
            fitted = f", calibrated on {count_words(len(text.symbols), 'symbol')} of {text.source}"
        return f"{self.weights} weights{fitted}: a loss of {loss:.5f}; the model's own have {own:.5f}"


def storage_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Give a command the two options; it gets them as `storage`.

    Raises: OptionError when one comes that needs the other, before the command reads anything.
    """

    @wraps(command)
    def checked(*arguments: Any, weights: str | None, calibrate: str | None, **options: Any) -> Result:
        if calibrate is not None and weights != "int8":
            raise OptionError("--calibrate is what int8 is fitted to: leave it out, or say --weights int8")
        return command(*arguments, storage=Storage(weights, calibrate), **options)

    return _weights(_calibrate(checked))


_weights = click.option(
    "--weights",
    cls=Option,
    section="Engine",
    type=click.Choice(["float32", *STORAGES]),
    help="How matrices are stored: narrow ones are read faster, and cost some loss.",
)
_calibrate = click.option(
    "--calibrate",
    cls=Option,
    section="Engine",
    metavar="FILE",
    help="Fit int8 to this text, which should be of the kind that is read.",
)
