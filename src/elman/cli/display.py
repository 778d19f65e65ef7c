"""How a run looks: a progress bar on a terminal, plain lines elsewhere. Both write to standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from .common import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from elman.training import Progress

QUIET_SECONDS = 10.0  # between plain lines, and between samples
BAR_WIDTH = 40


class Display(Protocol):
    """What `train` asks of a display."""

    def __enter__(self) -> Display: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, progress: Progress) -> None:
        """Tell one step."""

    def wants_sample(self) -> bool:
        """Is it time for a sample?"""

    def sample(self, text: str) -> None:
        """Show what the network writes by now."""


class _Shared:
    """What both displays count."""

    def __init__(self, loss_words: Callable[[float], str], things: str) -> None:
        self._loss_words, self._things = loss_words, things
        self.loss: float | None = None
        self.validation: float | None = None
        self.speed = 0.0
        self._sampled = time.monotonic()

    def follow(self, progress: Progress) -> None:
        """Keep running means of loss and speed, about fifty steps long, and the last validation loss."""
        if self.loss is None:
            self.loss, self.speed = progress.loss, progress.symbols_per_second
        self.loss += 0.02 * (progress.loss - self.loss)
        self.speed += 0.02 * (progress.symbols_per_second - self.speed)
        if progress.validation_loss is not None:
            self.validation = progress.validation_loss

    def wants_sample(self) -> bool:
        """Say yes at most every ten seconds."""
        if time.monotonic() - self._sampled < QUIET_SECONDS:
            return False
        self._sampled = time.monotonic()
        return True

    def words(self, progress: Progress) -> str:
        """Put a step into words."""
        loss = self.loss if self.loss is not None else progress.loss
        parts = [
            f"step {progress.step:,}",
            f"epoch {progress.epoch:,}",
            f"loss {self._loss_words(loss)}",
        ]
        if self.validation is not None:
            parts.append(f"validation {self._loss_words(self.validation)}")
        return "  ".join(parts)

    def speed_words(self) -> str:
        """Put the speed into words."""
        return f"{self.speed:,.0f} {self._things}/s"


class PlainLines(_Shared):
    """A line at each validation, every ten seconds and at the end."""

    def __init__(self, loss_words: Callable[[float], str], things: str) -> None:
        super().__init__(loss_words, things)
        self._told = time.monotonic()

    def __enter__(self) -> PlainLines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def show(self, progress: Progress) -> None:
        """Print a line if it is time for one."""
        self.follow(progress)
        now = time.monotonic()
        quiet = progress.validation_loss is None and progress.fraction < 1
        if quiet and now - self._told < QUIET_SECONDS:
            return
        self._told = now
        parts = [self.words(progress), self.speed_words(), time_left(progress)]
        print("  ".join(parts), file=sys.stderr, flush=True)

    def sample(self, text: str) -> None:
        """Print a sample, set in."""
        for line in text.split("\n"):
            print(f"    {printable(line)}", file=sys.stderr, flush=True)


class Bar(_Shared):
    """A bar with the words below it, redrawn five times a second."""

    def __init__(self, loss_words: Callable[[float], str], things: str) -> None:
        super().__init__(loss_words, things)
        from rich.console import Console
        from rich.live import Live

        self._last: Progress | None = None
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, get_renderable=self._drawn, refresh_per_second=5)

    def __enter__(self) -> Bar:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, progress: Progress) -> None:
        """Move the bar."""
        self.follow(progress)
        self._last = progress

    def sample(self, text: str) -> None:
        """Print a sample above the bar."""
        from rich.text import Text

        for line in text.split("\n"):
            self._console.print(Text(printable(line), style="dim"))

    def _drawn(self) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        progress = self._last
        if progress is None:
            return Text("the first step …")
        width = min(BAR_WIDTH, self._console.width // 4)
        bar = ProgressBar(1.0, progress.fraction, width, complete_style="green", finished_style="green")
        line = Table.grid(padding=(0, 2))
        line.add_row(bar, f"{progress.fraction:.0%}", time_left(progress), self.speed_words())
        return Group(line, Text(self.words(progress)))


def choose(loss_words: Callable[[float], str], things: str) -> Display:
    """Return the bar when standard error is a terminal, else the plain lines.

    `loss_words` puts a loss into words; `things` is what goes by, such as symbols.
    """
    return (Bar if sys.stderr.isatty() else PlainLines)(loss_words, things)


def time_left(progress: Progress) -> str:
    """Say how long the rest of a run will take if it goes on like this."""
    seconds = progress.seconds * (1 / progress.fraction - 1)
    days, rest = divmod(round(seconds), 86_400)
    minutes, second = divmod(rest, 60)
    hours, minute = divmod(minutes, 60)
    if days:
        return f"{days:,} days left"
    return f"{hours}:{minute:02}:{second:02} left" if hours else f"{minute}:{second:02} left"
