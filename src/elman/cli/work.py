"""What a run of training asks of its data, be it texts or a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from elman.data import Data, Vocabulary
from elman.network import Network
from elman.spec import FIELDS, Spec

from .settings import Settings
from .shown import Shown


@dataclass(frozen=True)
class Result:
    """How a model does on what was held out: its loss, a line about it, and what its file says of it."""

    loss: float
    line: str
    facts: dict[str, Any]


def network_options(s: Settings) -> dict[str, Any]:
    """Return those settings that a spec has under the same name."""
    options = {name: getattr(s, name) for name in FIELDS if hasattr(s, name)}
    layers = len(s.hidden_size) if isinstance(s.hidden_size, tuple) else 1
    del options["steps"]  # which are updates in settings, and the length of sequences in a spec
    options["num_layers"] = layers if s.num_layers is None else s.num_layers
    return {name: value for name, value in options.items() if value is not None}


class Work(Protocol):
    """What a run learns from and is judged by."""

    @property
    def data(self) -> Data:
        """What it learns from."""

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The symbols of the text, or of a column of text."""

    @property
    def preparation(self) -> dict[str, Any] | None:
        """What the model file says of the columns of a table."""

    @property
    def judged(self) -> bool:
        """Whether something was held out."""

    @property
    def validate_every(self) -> int:
        """Steps between validations, so that they take a small part of the time."""

    @property
    def usual_limit(self) -> dict[str, Any]:
        """How long a run is when nothing is said: steps or epochs."""

    @property
    def learning_rate(self) -> float | None:
        """The highest learning rate; none: the optimizer's own."""

    @property
    def things(self) -> str:
        """What goes by while training, in the plural."""

    def spec(self) -> Spec:
        """Return the spec of a new network.

        Raises: OptionError for options that contradict each other.
        """

    def largest_batch(self) -> tuple[int, int]:
        """Return the sequences side by side and the steps of the largest batch there is."""

    def introduction(self) -> Iterator[str]:
        """Yield lines about the data."""

    def loss(self, network: Network) -> float:
        """Judge a network while it learns."""

    def loss_words(self, loss: float) -> str:
        """Put a loss into words."""

    def result(self, network: Network) -> Result:
        """Judge a network at the end."""

    def guessing(self, network: Network) -> float:
        """Return the loss of one who knows nothing."""

    def record(self) -> dict[str, Any]:
        """Return what the model file says of the data."""

    def sample(self, network: Network, seed: int) -> str | None:
        """Show what a network has learned, if that can be shown."""

    def shown(self, length: int) -> Shown:
        """Return what a page shows the network on: of what was held out, or else of the data."""

    def suggestions(self, model: str, spec: Spec) -> Iterator[str]:
        """Yield commands to go on with a model of this spec; the model is the quoted path."""
