"""Call the compiled engine with what is wrong in one way or several, case after case; nox -s fuzz starts it.

    python fuzz_native.py TARGET MINUTES SEED [CASE]     CASE: this one alone, to see it again

A program of its own, under the sanitizers: what they find ends it, and the file TARGET.case names the case.
A case may go through or be refused by one of REFUSALS; any other error ends the program, too.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "native"))

import fuzz_streams
import refusals
from fuzz_values import REFUSALS, spoil

Case = Callable[[Random], Iterator[Callable[[], Any]]]


def calls(random: Random) -> Iterator[Callable[[], Any]]:
    """The functions of layers, heads, optimizers: one right call of each, with one to four things spoilt."""
    refusals.I, refusals.H, refusals.O = (random.choice((1, 2, 3, 5, 8, 17, 33)) for _ in range(3))
    functions = refusals.calls(random.choice(("float32", "float64")))
    function, arguments = functions[random.choice(list(functions))]
    spoilt = spoil(random, arguments)
    yield lambda: function(*spoilt)


TARGETS: dict[str, Case] = {
    "calls": calls,
    "whole": fuzz_streams.whole,
    "streams": fuzz_streams.streams,
    "states": fuzz_streams.states,
    "drawing": fuzz_streams.drawing,
}


def attempt(target: str, seed: int, number: int) -> Counter[str]:
    """Run one case; tell how many of its calls went through, and how many were refused."""
    outcomes: Counter[str] = Counter()
    for call in TARGETS[target](Random(f"{target} {seed} {number}")):
        try:
            call()
            outcomes["done"] += 1
        except REFUSALS as error:
            outcomes[type(error).__name__] += 1
    return outcomes


def main(target: str, minutes: float, seed: int, case: int | None = None) -> None:
    """Run cases until the time is over, or one."""
    if case is not None:
        print(attempt(target, seed, case))
        return
    end, number, outcomes = time.monotonic() + 60 * minutes, 0, Counter[str]()
    place = os.open(f"{target}.case", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    while time.monotonic() < end:
        os.pwrite(place, f"{target} {seed} {number}\n".encode(), 0)
        outcomes += attempt(target, seed, number)
        number += 1
    os.close(place)
    print(
        f"{target}: {number:,} cases, {outcomes.total():,} calls:", dict(outcomes.most_common()), flush=True
    )
    if not 0.02 < outcomes["done"] / outcomes.total() < 0.98:
        sys.exit(f"{target}: too few or too many of the calls go through: nothing is tried")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), *map(int, sys.argv[3:]))
