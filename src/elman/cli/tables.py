"""The table of a run: what it learns from, and what it is judged by."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elman import optimizers
from elman.data import Vocabulary, Windows
from elman.data.table import Table
from elman.errors import OptionError
from elman.network import Network
from elman.spec import Spec

from .common import bits, count_words
from .flags import told_in_flags
from .settings import Settings
from .shown import Shown, shown_rows
from .tabular import Examples, Form
from .words import figure_facts, figure_line
from .work import Result, network_options

HEADS = {"labels": "softmax", "flags": "sigmoid", "numbers": "huber"}
USUAL_EPOCHS = 10
USUAL_STEPS = 1_000, 10_000  # at least, at most


@dataclass(frozen=True)
class HeldOut:
    """What a run is judged by, in words, and the digest of its table if it is another."""

    table: Table
    examples: Examples
    description: str
    sha256: str | None = None


@dataclass(frozen=True)
class Tables:
    """What a run learns from and is judged by, see `Work`."""

    settings: Settings
    table: Table
    sha256: str
    form: Form
    data: Examples
    held_out: HeldOut | None

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The symbols of the column of text, if one is read."""
        return self.form.vocabulary

    @property
    def preparation(self) -> dict[str, Any]:
        """What the model file says of the columns."""
        return self.form.preparation.to_facts()

    @property
    def judged(self) -> bool:
        """Whether something was held out."""
        return self.held_out is not None

    @property
    def validate_every(self) -> int:
        """Steps between validations: an example costs a third of one of training, all of them a tenth."""
        held = 0 if self.held_out is None else _count(self.held_out.examples)
        return max(50, 10 * held // (3 * self.settings.batch_size))

    @property
    def usual_limit(self) -> dict[str, Any]:
        """How long a run is when nothing is said: in small tables an epoch is a few steps."""
        few, many = USUAL_STEPS
        return {"steps": min(max(few, USUAL_EPOCHS * self.data.steps_per_epoch), many)}

    @property
    def learning_rate(self) -> float | None:
        """The highest learning rate: for few and noisy rows half of what suits long texts."""
        return self.settings.lr or 0.5 * optimizers.find(self.settings.optimizer).learning_rate

    @property
    def things(self) -> str:
        """What goes by while training."""
        return self.form.noun + "s"

    def spec(self) -> Spec:
        """Return the spec of a new network."""
        s, preparation = self.settings, self.form.preparation
        kind, options = preparation.layout.target_kind, network_options(self.settings)
        options["head"] = s.head or ("quantile" if s.quantiles else HEADS[str(kind)])
        options["readout"] = s.readout or "last"
        if s.readout == "flatten":
            options["steps"] = self._one_length()
        with told_in_flags():
            return Spec(input_size=self.form.input_size, output_size=preparation.output_size, **options)

    def largest_batch(self) -> tuple[int, int]:
        """Return the sequences side by side and the steps of the largest batch there is."""
        return min(self.data.batch_size, _count(self.data)), int(max(_lengths(self.data)))

    def introduction(self) -> Iterator[str]:
        """Yield lines about the table."""
        noun = "window" if isinstance(self.data, Windows) else "sequence"
        examples = count_words(_count(self.data), noun)
        yield f"table       {self.table.source}: {len(self.table):,} rows, {examples} to train on"
        yield from self.form.words()
        if self.held_out is not None:
            yield f"validation  {self.held_out.description}"

    def loss(self, network: Network) -> float:
        """Judge a network while it learns."""
        assert self.held_out is not None
        return self.form.judge(network, self.held_out.examples).loss

    def loss_words(self, loss: float) -> str:
        """Put a loss into words."""
        in_nats = self.form.preparation.layout.target_kind == "labels"
        return f"{loss:.3f} nats {bits(loss):.3f} bits" if in_nats else f"{loss:.4f}"

    def result(self, network: Network) -> Result:
        """Judge a network at the end."""
        assert self.held_out is not None
        figures = self.form.judge(network, self.held_out.examples)
        facts = figure_facts(figures)
        line = f"{figure_line(facts)}  ({count_words(figures.count, self.form.noun)})"
        return Result(figures.loss, line, {"validation_loss": figures.loss, "figures": facts})

    def guessing(self, network: Network) -> float:
        """Return the loss of one who knows nothing: all classes alike, or always the mean."""
        ignorant = copy(network)
        ignorant.parameters.flat[:] = 0
        return self.loss(ignorant)

    def record(self) -> dict[str, Any]:
        """Return what the model file says of the table."""
        table = self.table
        facts = {"name": Path(table.source).name, "sha256": self.sha256, "rows": len(table)}
        return {"table": facts, "valid_sha256": self.held_out and self.held_out.sha256}

    def sample(self, network: Network, seed: int) -> None:
        """Show nothing: there is no text to write."""

    def shown(self, length: int) -> Shown:
        """Return the beginning of what was held out, or else of the table."""
        if self.held_out is None:
            return shown_rows(self.form, self.table, length, "the beginning of the table")
        return shown_rows(self.form, self.held_out.table, length, "the beginning of what was held out")

    def suggestions(self, model: str, spec: Spec) -> Iterator[str]:
        """Yield commands to go on with."""
        s = self.settings
        yield f"elman info {model}"
        if s.file is not None and s.file != "-":
            if not spec.whole_only:
                yield f"elman inspect {model} {shlex.quote(s.file)}"
            yield f"elman predict {model} {shlex.quote(s.file)} | head"
            if s.valid is None and self.held_out is not None:
                yield f"elman eval {model} {shlex.quote(s.file)} --val-frac {s.val_frac:g}"
        if s.valid is not None:
            yield f"elman eval {model} {shlex.quote(s.valid)}"

    def _one_length(self) -> int:
        held = [] if self.held_out is None else _lengths(self.held_out.examples)
        lengths = sorted({*_lengths(self.data), *held})
        if len(lengths) > 1:
            raise OptionError(
                f"--readout flatten reads sequences of one length; those of {self.table.source} have "
                f"{lengths[0]} to {lengths[-1]} steps: take last, mean, max or concat"
            )
        return int(lengths[0])


def _count(examples: Examples) -> int:
    return len(examples) if isinstance(examples, Windows) else len(examples.x)


def _lengths(examples: Examples) -> list[int]:
    return [examples.window] if isinstance(examples, Windows) else [len(x) for x in examples.x]
