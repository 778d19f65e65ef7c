"""How long a run of training is, and how its numbers are checked."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .errors import OptionError

ENDLESS = 1 << 53  # steps, epochs or minutes: beyond, numbers are no longer told apart


@dataclass(frozen=True)
class Limit:
    """How long a run is: steps, epochs or minutes."""

    steps: int | None = None
    epochs: float | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        """Refuse none, several, or a limit that is not positive."""
        given = {k: v for k, v in vars(self).items() if v is not None}
        if len(given) != 1:
            raise OptionError(f"give one of steps, epochs and minutes; {' and '.join(given) or 'none'} came")
        ((name, value),) = given.items()
        if not 0 < value < ENDLESS:
            raise OptionError(f"{name} is {value}; it must be more than 0, and have an end")
        if self.steps is not None:
            check_count("steps", self.steps)

    def fraction(self, step: int, seconds: float, steps_per_epoch: int) -> float:
        """Return how much of the run is done; 1 or more ends it."""
        if self.minutes is not None:
            return seconds / (60 * self.minutes)
        if self.steps is not None:
            return step / self.steps
        whole = round((self.epochs or 0) * steps_per_epoch, 6)  # 1.1 epochs of 10 steps are 11 steps, not 12
        return step / max(math.ceil(whole), 1)


def check_count(name: str, value: int) -> None:
    """Raise OptionError unless the value is a whole number, 1 or more."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise OptionError(f"{name} is {value!r}; it must be a whole number, 1 or more")
