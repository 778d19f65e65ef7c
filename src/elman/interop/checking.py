"""A network here against the same network in another land, over random input.

What a land's module offers to the command line:

    export(model, path, **options) -> Checked          writes the file; raises before it does when they differ
    read(path, **options) -> (Network, Vocabulary | None)     refuses by FormatError what it cannot carry over
    check(network, path, **options) -> Checked         the file run there, the network that was read run here
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from elman.errors import NumericError, OptionError
from elman.network import Network
from elman.numerics import Array, generator
from elman.spec import Spec
from elman.states import State, each

BOUNDS = {"float32": 2e-6, "float64": 1e-12}
ROWS, STEPS = 3, 12
Run = Callable[[Any, State], tuple[Array, State]]  # as `Network.run`: x "T B" or "T B I", and a state


@dataclass(frozen=True)
class Checked:
    """What was compared, the largest difference found, and the most that was allowed.

    >>> print(Checked("4 whole runs, PyTorch 2.13", 1.2e-07, 2e-06))
    checked     4 whole runs, PyTorch 2.13: largest difference 1.2e-07, allowed 2e-06
    """

    what: str
    largest: float
    bound: float
    lines: tuple[str, ...] = ()  # what else whoever uses the file should know

    def __str__(self) -> str:
        figures = f"largest difference {self.largest:.1e}, allowed {self.bound:.0e}"
        return "\n".join([f"checked     {self.what}: {figures}", *self.lines])


def package(name: str, extra: str) -> Any:
    """Import what a land needs. Raises: OptionError, with the extra to install, when it is not there.

    >>> package("no_such_package", "torch")
    Traceback (most recent call last):
    elman.errors.OptionError: no_such_package is not installed; pip install 'elman[torch]' brings it
    """
    try:
        return import_module(name)
    except ImportError:
        raise OptionError(f"{name} is not installed; pip install 'elman[{extra}]' brings it") from None


def refuse(spec: Spec, land: str, **more: tuple[Any, str]) -> None:
    """Raise OptionError, by name, for what the layers of a framework do not compute; `more`: this one's own.

    >>> refuse(Spec("gru", "tanh", 3, 4, 2, 1, "float32", zoneout=0.1), "PyTorch")
    Traceback (most recent call last):
    elman.errors.OptionError: zoneout is 0.1, which PyTorch cannot hold: its mean acts in every run, ...
    """
    start = "its layers begin from zeros, or from a state that comes with every call"
    reasons = {
        "layer_norm": (spec.layer_norm, "its cells have no layer normalization"),
        "zoneout": (spec.zoneout, f"its mean acts in every run, and cells of {land} have none"),
        "learn_initial_state": (spec.learn_initial_state, start),
        "readout": (spec.readout not in ("every", "last"), "outputs are read at every step, or at the last"),
    }
    for name, (wrong, reason) in (reasons | more).items():
        if wrong:
            raise OptionError(f"{name} is {getattr(spec, name)!r}, which {land} cannot hold: {reason}")


def difference(ours: Any, theirs: Any) -> float:
    """Return the largest |a − b| of two arrays, or of two tuples of them in any depth.

    It is relative to the largest number of an array where that is more than 1.

    Infinite where shapes differ, or one number is not finite and the other is not the same.

    >>> difference((np.ones(2), (np.array([100.0]),)), (np.array([1, 1.5]), (np.array([101.0]),)))
    0.5
    """
    if isinstance(ours, tuple):
        same = isinstance(theirs, tuple) and len(ours) == len(theirs)
        pairs = zip(ours, theirs, strict=True) if same else ()
        return max((difference(a, b) for a, b in pairs), default=0.0 if same else np.inf)
    a, b = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if a.shape != b.shape:
        return float("inf")
    with np.errstate(invalid="ignore"):
        apart = np.where(a == b, 0, np.abs(a - b)) / max(1, np.abs(a).max(initial=0))
    return float(np.where(np.isnan(apart), np.inf, apart).max(initial=0))


def random_input(network: Network, draw: np.random.Generator, steps: int, rows: int) -> Any:
    """Return what `network.run` reads, at random: symbols "T B" where it may, else features "T B I".

    >>> network = Network(input_size=3, hidden_size=4, output_size=2)
    >>> random_input(network, np.random.default_rng(0), 5, 2).shape
    (5, 2)
    """
    spec = network.spec
    symbols = draw.integers(spec.input_size, size=(steps, rows))
    if not spec.feature_size:
        if spec.embedding_size or not spec.input_dropout:
            return symbols
        return draw.normal(size=(steps, rows, spec.input_size)).astype(spec.dtype)
    return symbols, draw.normal(size=(steps, rows, spec.feature_size)).astype(spec.dtype)


def random_state(network: Network, draw: np.random.Generator, rows: int) -> State:
    """Return a state "B H" each, at random, its numbers between −1 and 1 as those of a run."""
    dtype = network.spec.dtype
    return each(network.init_state(rows), lambda s: draw.uniform(-1, 1, s.shape).astype(dtype))


def compare(
    network: Network,
    run: Run,
    what: str,
    *,
    reads: Callable[[np.random.Generator, int, int], Any] | None = None,
    lines: tuple[str, ...] = (),
) -> Checked:
    """Compare whole runs of a network and of another land's, outputs and states after, from random states.

    `run` gets what `network.run` gets, and answers in the same shapes. `reads(draw, steps, rows)` makes the
    input where it is not `random_input`. One step alone is a run of one step, here from a random state.
    Bound: `BOUNDS` of the network's type, where numbers are above 1 relative to them.
    Raises: NumericError when they differ by more.

    >>> network = Network("gru", input_size=3, hidden_size=4, output_size=2)
    >>> compare(network, network.run, "this network with itself").largest
    0.0
    """
    draw, largest = generator(0, "sampling"), 0.0
    for steps, rows in ((STEPS, ROWS), (STEPS, 1), (1, ROWS), (1, 1)):
        x = reads(draw, steps, rows) if reads else random_input(network, draw, steps, rows)
        state = random_state(network, draw, rows)
        largest = max(largest, difference(network.run(x, state), tuple(run(x, state))))
    return judged(Checked(what, largest, BOUNDS[network.spec.dtype], lines))


def judged(checked: Checked) -> Checked:
    """Return what was checked. Raises: NumericError when the difference is above the bound."""
    if not checked.largest <= checked.bound:
        raise NumericError(
            f"{checked.what}: the largest difference is {checked.largest:.1e}, allowed {checked.bound:.0e}: "
            "not the same network"
        )
    return checked
