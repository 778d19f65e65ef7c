"""`elman train --report`: the page that `elman inspect` makes, kept current while a run goes on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from elman.errors import FileError, OptionError
from elman.files import atomic_write
from elman.persistence import Model
from elman.spec import Spec

from .export import check_target
from .shown import Shown
from .work import Work

LENGTH = 4000  # symbols or rows that the page of a run shows: under a second
REST = 19  # times as long as a page took, before there is a new one: a twentieth of the run at most


@dataclass
class Report:
    """Where the page goes, and what it shows the network on."""

    path: str
    shown: Shown
    rests_until: float = 0.0

    def keep(self, model: Model, *, at_last: bool = False) -> None:
        """Write the page anew, unless that was done a moment ago."""
        began = time.monotonic()
        if began < self.rests_until and not at_last:
            return
        atomic_write(self.path, [self.shown.page(model, Path(self.path).name, LENGTH)])
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


def report_of(path: str | None, work: Work, spec: Spec) -> Report | None:
    """Return the report of a run, if there is to be one.

    Raises: OptionError for a network that a page cannot show.
    """
    from elman.inspection.traces import check_one_pass

    if path is None:
        return None
    try:
        check_one_pass(spec)
    except OptionError as error:
        raise OptionError(f"--report: {error}") from None
    return Report(path, work.shown(LENGTH))
