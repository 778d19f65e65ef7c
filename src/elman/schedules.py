"""Learning-rate schedules: pure functions (fraction of the run done, validation losses so far) → factor.

The learning rate of a step is the factor times the learning rate asked for. A fraction, not a step, so that
a run limited by minutes decays like one limited by steps. No factor is negative or more than 1, and beyond
the end of the run it stays what it was there. Bind options with `functools.partial(cosine, warmup=0.1)`.
Raises: OptionError for an option out of range.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from .errors import OptionError

Schedule = Callable[[float, Sequence[float]], float]


def constant(fraction: float, losses: Sequence[float] = ()) -> float:
    """Return 1.

    >>> constant(0.5)
    1.0
    """
    return 1.0


def cosine(
    fraction: float, losses: Sequence[float] = (), *, warmup: float = 0.02, floor: float = 0.01
) -> float:
    """Rise in a line, from `floor` on, over `warmup` of the run, then fall to `floor` along half a cosine.

    Source: Loshchilov & Hutter 2017, arXiv:1608.03983; warm-up: Goyal et al. 2017, arXiv:1706.02677.

    >>> [round(cosine(f), 3) for f in (0.01, 0.02, 0.51, 1.0)]
    [0.5, 1.0, 0.505, 0.01]
    """
    _below_one("warmup", warmup)
    _part_of_one("floor", floor)
    if fraction < warmup:
        return max(fraction / warmup, floor)
    return floor + (1 - floor) * _half_cosine((fraction - warmup) / (1 - warmup))


def one_cycle(fraction: float, losses: Sequence[float] = (), *, rise: float = 0.3) -> float:
    """Rise from 1/25 along half a cosine over `rise` of the run, then fall to 1/100,000.

    Source: Smith & Topin 2018, arXiv:1708.07120.

    >>> [round(one_cycle(f), 3) for f in (0.0, 0.3, 1.0)]
    [0.04, 1.0, 0.0]
    """
    _below_one("rise", rise)
    if fraction < rise:
        return 1 / 25 + (1 - 1 / 25) * (1 - _half_cosine(fraction / rise))
    return 1e-5 + (1 - 1e-5) * _half_cosine((fraction - rise) / (1 - rise))


def step_decay(
    fraction: float, losses: Sequence[float] = (), *, at: Sequence[float] = (0.5, 0.75), factor: float = 0.1
) -> float:
    """Multiply by `factor` as each point of `at` is passed.

    >>> [step_decay(f) for f in (0.2, 0.5)]
    [1.0, 0.1]
    """
    _part_of_one("factor", factor)
    return float(factor ** sum(fraction >= point for point in at))


def plateau(
    fraction: float, losses: Sequence[float] = (), *, patience: int = 2, factor: float = 0.5
) -> float:
    """Multiply by `factor` each time the validation loss has not fallen for more than `patience` validations.

    >>> plateau(0.5, [2.0, 1.9, 1.95, 1.92, 1.91])
    0.5
    """
    _part_of_one("factor", factor)
    if patience < 0:
        raise OptionError(f"patience is {patience!r}; it must be 0 or more")
    best, waited, decays = math.inf, 0, 0
    for loss in losses:
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited > patience:
            waited, decays = 0, decays + 1
    return float(factor**decays)


SCHEDULES: dict[str, Schedule] = {
    "cosine": cosine,
    "constant": constant,
    "one-cycle": one_cycle,
    "step": step_decay,
    "plateau": plateau,
}


def find(schedule: str | Schedule) -> Schedule:
    """Return the schedule of this name, or say which there are.

    >>> find("linear")
    Traceback (most recent call last):
    elman.errors.OptionError: no schedule 'linear'; there are cosine, constant, one-cycle, step, plateau
    """
    if callable(schedule):
        return schedule
    if schedule not in SCHEDULES:
        raise OptionError(f"no schedule {schedule!r}; there are {', '.join(SCHEDULES)}")
    return SCHEDULES[schedule]


def _half_cosine(part: float) -> float:
    """Fall from 1 to 0 as part goes from 0 to 1."""
    return 0.5 * (1 + math.cos(math.pi * min(max(part, 0.0), 1.0)))


def _below_one(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise OptionError(f"{name} is {value!r}; it must be at least 0 and less than 1")


def _part_of_one(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise OptionError(f"{name} is {value!r}; it must be from 0 to 1")
