"""`elman train --report`: the page that `elman inspect` makes, kept current while a run goes on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from elman.errors import FileError, OptionError
from elman.files import atomic_write
from elman.persistence import Model

from .export import check_target
from .work import Work

REST = 19  # times as long as a page took, before there is a new one: a twentieth of the run at most


@dataclass
class Report:
    """Where the page goes, and the text that it shows the network on."""

    path: str
    text: str
    source: str
    rests_until: float = 0.0

    def keep(self, model: Model, *, at_last: bool = False) -> None:
        """Write the page anew, unless that was done a moment ago."""
        from elman.inspection.reporting import report

        began = time.monotonic()
        if began < self.rests_until and not at_last:
            return
        title = Path(self.path).name
        page = report(model, self.text, title=title, source=self.source)
        atomic_write(self.path, [page.encode()])
        ended = time.monotonic()
        self.rests_until = ended + REST * (ended - began)


def check_report(path: str) -> None:
    """Find out now, not after an hour, whether the page can be written.

    Raises: FileError when another file is there, or nothing can be written; ResourceError without room.
    """
    from elman.inspection.reporting import BEGIN

    try:
        check_target(path, BEGIN.encode(), "no report", {})
    except FileError as error:
        raise FileError(f"--report {str(error).removesuffix(' with -o')}") from None


def report_of(path: str | None, work: Work) -> Report | None:
    """Return the report of a run, if there is to be one.

    Raises: OptionError for a run on a table.
    """
    if path is None:
        return None
    passage = work.passage()
    if passage is None:
        raise OptionError(
            "--report follows runs on texts; for a table say after the run: elman inspect MODEL TABLE"
        )
    return Report(path, *passage)
