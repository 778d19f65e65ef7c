"""A network and the Keras model of the same weights, run side by side."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from elman.cells import find
from elman.errors import OptionError
from elman.interop.checking import Checked, compare, difference, judged, random_input
from elman.network import Network
from elman.numerics import Array, generator

from . import live
from .plan import Plan
from .running import equations, plain, runner


def compared(
    network: Network,
    plan: Plan,
    arrays: Mapping[str, Array],
    lines: tuple[str, ...],
    content: bytes | None = None,
) -> Checked:
    """Compare with Keras on these weights and, where there is one, with the file as Keras loads it."""
    reads = partial(_random_input, network)
    try:
        version = live.load().__version__
        missing = "" if live.multiplies_in(plan.dtype) == plan.dtype else "multiplies in float32 here"
    except OptionError:
        missing = "cannot be imported"
    if missing:
        what = f"whole runs and single steps in Keras' equations, in NumPy (Keras {missing})"
        return compare(network, equations(plan, arrays), what, reads=reads, lines=lines)
    loaded = None if content is None else live.from_bytes(content)
    arrays = arrays if loaded is None else live.weights(loaded, plan)
    states = len(find(plan.cell, plan.activation).states)
    run = runner(live.build(plan, arrays, "head", states=True), plan, states)
    what = f"whole runs and single steps in Keras {version}"
    checked = compare(network, run, what, reads=reads, lines=lines)
    if loaded is None:
        return checked
    x = reads(generator(0, "sampling"), 12, 3)
    largest = max(checked.largest, difference(network.run(x)[0], plain(loaded, plan, x)))
    return judged(Checked(what, largest, checked.bound, lines))


def _random_input(network: Network, draw: np.random.Generator, steps: int, rows: int) -> Any:
    """Return input at random: numbers where one array of them may come, for symbols are but one row of U."""
    spec = network.spec
    if spec.embedding_size or spec.feature_size:
        return random_input(network, draw, steps, rows)
    return draw.normal(size=(steps, rows, spec.input_size)).astype(spec.dtype)
