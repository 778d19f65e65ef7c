"""One training run behind `elman train`: texts, network, files, and what is told on the way."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from elman import __version__, persistence
from elman.errors import ElmanError, NumericError
from elman.evaluation import Evaluation
from elman.network import Network
from elman.sampling import sample
from elman.training import Progress, Training, train

from .common import count_words, limit_words
from .display import Display, choose
from .places import checkpoint_of
from .settings import Settings
from .signals import Stop, stoppable
from .texts import VALIDATION_STREAMS, Texts

SAMPLE_LENGTH = 120
NOBODY_READS = 13  # SIGPIPE, on every system that has it: the terminal or the pipe has gone


@dataclass
class Run:
    """A run that can be taken to its end."""

    settings: Settings
    texts: Texts
    network: Network
    training: Training
    output: str

    @property
    def checkpoint(self) -> str:
        """Where the run is kept while it is not done: next to the model."""
        return checkpoint_of(self.output)

    def to_the_end(self, checkpoint_every: int) -> int:
        """Train, save, tell; return the exit code."""
        with stoppable() as stop:
            try:
                self._introduce()
                with choose() as display:
                    self._train(display, stop, checkpoint_every)
            except NumericError as error:
                raise NumericError(f"{error}{self._rescued()}") from None
            except OSError as error:
                if isinstance(error, ElmanError):  # a file could not be written
                    raise
                stop.signal = stop.signal or NOBODY_READS
            if stop.signal:
                return self._interrupted(stop.exit_code)
        self._finish()
        return 0

    def _train(self, display: Display, stop: Stop, checkpoint_every: int) -> None:
        for progress in self._progress():
            self._follow(display, progress)
            if stop.signal:
                return
            if progress.step % checkpoint_every == 0:
                self._save_checkpoint()

    def _progress(self) -> Iterator[Progress]:
        s = self.settings
        return train(
            self.network,
            self.texts.data,
            **s.limit,
            optimizer=s.optimizer,
            learning_rate=s.lr,
            schedule=s.schedule,
            clip=s.grad_clip or None,
            validation=self._validation(),
            validate_every=s.validate_every or self.texts.validate_every,
            seed=s.seed,
            training=self.training,
        )

    def _validation(self) -> Callable[[Network], float] | None:
        if self.texts.held_out is None:
            return None
        return lambda network: self.texts.judge(network, VALIDATION_STREAMS).nats

    def _introduce(self) -> None:
        corpus, network, texts = self.texts.corpus, self.network, self.texts
        kind = f"{corpus.vocabulary.size:,} {corpus.vocabulary.kind}"
        unknown = ""
        if corpus.unknown:
            unknown = f" ({corpus.unknown:,} of them unknown, {corpus.unknown / len(corpus.symbols):.1%})"
        _tell(f"text        {corpus.source}: {len(corpus.symbols):,} symbols{unknown}, vocabulary of {kind}")
        if texts.held_out is not None:
            _tell(f"validation  {texts.held_out.description}")
        spec = network.spec
        layers = f"{spec.num_layers} × {spec.hidden_size} units {spec.cell} ({spec.activation})"
        _tell(f"network     {layers}, {len(network.parameters):,} parameters, {spec.dtype}")
        begun = f", going on after step {self.training.step:,}" if self.training.step else ""
        length = limit_words(self.settings.limit)
        _tell(f"run         {length}, {count_words(texts.data.steps_per_epoch, 'step')} an epoch{begun}")

    def _follow(self, display: Display, progress: Progress) -> None:
        display.show(progress)
        if progress.validation_loss is None:
            return
        if progress.training.best_step == progress.step:
            self._save_model(self.network)
        if display.wants_sample():
            display.sample(self._sample(progress.step))

    def _sample(self, seed: int) -> str:
        vocabulary, lines = self.texts.corpus.vocabulary, self.settings.lines
        return sample(self.network, vocabulary, length=SAMPLE_LENGTH, lines=lines, seed=seed)

    def _record(self, **more: Any) -> dict[str, Any]:
        corpus, s, held_out = self.texts.corpus, self.settings, self.texts.held_out
        return {
            "elman": __version__,
            "text": {
                "name": Path(corpus.source).name,
                "sha256": corpus.sha256,
                "symbols": len(corpus.symbols),
            },
            "valid_sha256": held_out and held_out.sha256,
            "lines": s.lines,
            "val_frac": 0 if s.valid else s.val_frac,
            "seed": s.seed,
            "step": self.training.step,
            "best_step": self.training.best_step,
            "validation_nats": min(self.training.validation_losses, default=None),
        } | more

    def _save_model(self, network: Network, **more: Any) -> None:
        persistence.save(self.output, network, self.texts.corpus.vocabulary, self._record(**more))

    def _save_checkpoint(self) -> None:
        record = self._record(settings=self.settings.facts(), checkpoint=True)
        persistence.save(self.checkpoint, self.network, self.texts.corpus.vocabulary, record, self.training)

    def _interrupted(self, code: int) -> int:
        if not self.training.step:
            return code
        self._save_checkpoint()
        command = shlex.join(["elman", "train", "--resume", self.checkpoint])
        again = " < the same text" if self.settings.file == "-" else ""
        with suppress(OSError):  # the terminal may have gone
            _tell(f"\nstopped after step {self.training.step:,}; the run is saved. Go on with")
            _tell(f"    {command}{again}")
        return code

    def _rescued(self) -> str:
        """Save what was good before the numbers went wrong; say how to start from it."""
        if not self.training.step:
            return ""
        self._save_checkpoint()
        return f": elman train --init-from {shlex.quote(self.checkpoint)} --lr …"

    def _finish(self) -> None:
        if self.training.best is not None:
            self.network.parameters.flat[:] = self.training.best
        result = None if self.texts.held_out is None else self.texts.judge_exactly(self.network)
        self._save_model(self.network, **({} if result is None else {"validation_nats": result.nats}))
        Path(self.checkpoint).unlink(missing_ok=True)
        if result is not None:
            click.echo(f"best        step {self.training.best_step:,} of {self.training.step:,}")
            click.echo(f"validation  {_told(result)}")
            self._compare(result.nats)
        click.echo(f"model       {self.output}, {Path(self.output).stat().st_size:,} bytes")
        for label, command in zip(("next", "", ""), self._suggestions(), strict=False):
            click.echo(f"{label:12s}{command}")

    def _compare(self, nats: float) -> None:
        guessing = math.log(self.texts.corpus.vocabulary.size)
        if nats > guessing:
            _tell(f"elman: worse than guessing, which takes {guessing:.3f} nats: train longer or lower --lr")

    def _suggestions(self) -> Iterator[str]:
        s, model = self.settings, shlex.quote(self.output)
        yield f"elman sample {model} --length 400 --temperature 0.8"
        yield f"elman info {model}"
        if s.valid:
            yield f"elman eval {model} {shlex.quote(s.valid)}"
        elif s.file is not None and s.file != "-" and s.lines:
            yield f"elman score {model} {shlex.quote(s.file)} | sort -rn -k2 | head"
        elif s.file != "-" and self.texts.held_out is not None:
            named = f" {shlex.quote(s.file)}" if s.file else ""
            yield f"elman eval {model}{named} --val-frac {s.val_frac:g}"


def _tell(line: str) -> None:
    click.echo(line, err=True)


def _told(result: Evaluation) -> str:
    return (
        f"{result.nats:.3f} nats  {result.bits:.3f} bits a symbol  perplexity {result.perplexity:.2f}  "
        f"accuracy {result.accuracy:.1%}  ({result.count:,} symbols)"
    )
