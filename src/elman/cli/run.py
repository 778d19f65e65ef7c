"""One training run behind `elman train`: data, network, files, and what is told on the way."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from elman import __version__, persistence
from elman.engines.loading import instruction_set
from elman.errors import ElmanError, NumericError
from elman.history import History
from elman.network import Network
from elman.training import Progress, Training, train

from .common import count_words, limit_words, tell
from .display import Display, choose
from .engine import engine_words
from .log import Log
from .places import checkpoint_of
from .report import Report
from .settings import Settings
from .signals import Stop, stoppable
from .words import network_words
from .work import Work

NOBODY_READS = 13  # SIGPIPE, on every system that has it: the terminal or the pipe has gone


@dataclass
class Run:
    """A run that can be taken to its end."""

    settings: Settings
    work: Work
    network: Network
    training: Training
    output: str
    threads: int | None = None  # that were asked for
    log: Log | None = None
    report: Report | None = None
    history: History = field(default_factory=History)
    done: int = 0  # steps that are whole: judged, where it was time for that, and told

    @property
    def limit(self) -> dict[str, Any]:
        """How long the run is: steps, epochs or minutes."""
        return self.settings.limit or self.work.usual_limit

    @property
    def checkpoint(self) -> str:
        """Where the run is kept while it is not done: next to the model."""
        return checkpoint_of(self.output)

    def to_the_end(self, checkpoint_every: int) -> int:
        """Train, save, tell; return the exit code."""
        with nullcontext() if self.log is None else self.log.opened():
            with stoppable() as stop:
                self._attended(stop, checkpoint_every)
            if stop.signal:
                return self._interrupted(stop.exit_code)
            if self.work.judged:  # may take minutes, in which a signal ends the run at once
                self._save_checkpoint()
        self._finish()
        return 0

    def _attended(self, stop: Stop, checkpoint_every: int) -> None:
        """Train, and keep what is good when numbers go wrong or nobody reads any more."""
        try:
            self._introduce()
            with choose(self.work.loss_words, self.work.things) as display:
                self._train(display, stop, checkpoint_every)
        except NumericError as error:
            raise NumericError(f"{error}{self._rescued()}") from None
        except OSError as error:
            if isinstance(error, ElmanError):  # a file could not be written
                raise
            stop.signal = stop.signal or NOBODY_READS

    def _train(self, display: Display, stop: Stop, checkpoint_every: int) -> None:
        self.done = self.training.step
        for progress in self._progress():
            self.done = progress.step
            if self.log is not None:
                self.log.write(progress)
            self._remember(progress)  # before anything is shown: nobody may read any more
            self._follow(display, progress)
            if stop.signal:
                return
            if progress.step % checkpoint_every == 0:
                self._save_checkpoint()

    def _progress(self) -> Iterator[Progress]:
        s, judged = self.settings, self.work.judged
        return train(
            self.network,
            self.work.data,
            **self.limit,
            optimizer=s.optimizer,
            learning_rate=self.work.learning_rate,
            weight_decay=s.weight_decay,
            schedule=s.schedule,
            clip=s.grad_clip or None,
            validation=self.work.loss if judged else None,
            validate_every=s.validate_every or self.work.validate_every,
            patience=s.patience,
            seed=s.seed,
            training=self.training,
        )

    def _introduce(self) -> None:
        for line in self.work.introduction():
            tell(line)
        network = self.network
        tell(
            f"network     {network_words(network.spec)}, {len(network.parameters):,} parameters, "
            f"{network.spec.dtype}"
        )
        begun = f", going on after step {self.training.step:,}" if self.training.step else ""
        tell(f"engine      {engine_words(network.machine.engine)}")
        length = limit_words(self.limit)
        tell(f"run         {length}, {count_words(self.work.data.steps_per_epoch, 'step')} an epoch{begun}")

    def _follow(self, display: Display, progress: Progress) -> None:
        display.show(progress)
        if progress.validation_loss is None:
            return
        if progress.training.best_step == progress.step:
            self._save_model()
        if self.history.samples and display.wants_sample():
            display.sample(self.history.samples[-1][1])

    def _remember(self, progress: Progress) -> None:
        self.history.follow(progress.loss)
        if progress.validation_loss is not None:
            text = self.work.sample(self.network, progress.step)
            self.history.judge(progress.step, progress.validation_loss, text)

    def _record(self, **more: Any) -> dict[str, Any]:
        s = self.settings
        return (
            {"elman": __version__}
            | self.work.record()
            | {
                "val_frac": 0 if s.valid else s.val_frac,
                "seed": s.seed,
                "engine": self.network.machine.engine.name,
                "step": self.training.step,
                "best_step": self.training.best_step,
                "validation_loss": min(self.training.validation_losses, default=None),
                "history": self.history.facts(),
            }
            | more
        )

    def _save(
        self, path: str, training: Training | None, record: dict[str, Any], *, at_last: bool = False
    ) -> None:
        work = self.work
        persistence.save(path, self.network, work.vocabulary, record, training, preparation=work.preparation)
        if self.report is not None:
            model = persistence.Model(self.network, work.vocabulary, record, None, work.preparation)
            self.report.keep(model, at_last=at_last)

    def _save_model(self, *, at_last: bool = False, **more: Any) -> None:
        self._save(self.output, None, self._record(**more), at_last=at_last)

    def _save_checkpoint(self) -> None:
        facts: dict[str, Any] = {"settings": self.settings.facts(), "checkpoint": True}
        if self.network.machine.engine.name == "native":
            facts["instruction_set"] = instruction_set()
        if self.log is not None:
            facts["log"] = self.log.facts()
        self._save(self.checkpoint, self.training, self._record(**facts))

    def _interrupted(self, code: int) -> int:
        if not self.training.step:
            return code
        self._save_checkpoint()
        threads = [] if self.threads is None else ["--threads", str(self.threads)]
        report = [] if self.report is None else ["--report", self.report.path]
        command = shlex.join(["elman", "train", "--resume", self.checkpoint, *threads, *report])
        again = " < the same text" if self.settings.file == "-" else ""
        with suppress(OSError):  # the terminal may have gone
            tell(f"\nstopped after step {self.training.step:,}; the run is saved. Go on with")
            tell(f"    {command}{again}")
        return code

    def _rescued(self) -> str:
        """Save what was good before the numbers went wrong; say how to start from it."""
        if self.training.step == self.done > 0:  # else the step is done, but its validation is not finite
            self._save_checkpoint()
        if not Path(self.checkpoint).exists():
            return ""
        return f": elman train --init-from {shlex.quote(self.checkpoint)} --lr … -o …"

    def _finish(self) -> None:
        if self.training.best is not None:
            self.network.parameters.flat[:] = self.training.best
        result = self.work.result(self.network) if self.work.judged else None
        self._save_model(at_last=True, **(result.facts if result else {}))
        Path(self.checkpoint).unlink(missing_ok=True)
        if result is not None:
            click.echo(f"best        step {self.training.best_step:,} of {self.training.step:,}")
            click.echo(f"validation  {result.line}")
            guessing = self.work.guessing(self.network)
            if result.loss > guessing:
                told = self.work.loss_words(guessing)
                tell(f"elman: worse than guessing, which takes {told}: train longer or lower --lr")
        click.echo(f"model       {self.output}, {Path(self.output).stat().st_size:,} bytes")
        suggestions = self.work.suggestions(shlex.quote(self.output), self.network.spec)
        for label, command in zip(("next", "", "", ""), suggestions, strict=False):
            click.echo(f"{label:12s}{command}")
