"""Random networks that can be streamed, and something for them to read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elman import Network
from elman.cells import CELLS
from elman.engines.loading import native
from elman.heads import HEADS
from elman.states import State

ENGINES = ("native", "reference") if native() else ("reference",)
compiled = pytest.mark.skipif("native" not in ENGINES, reason="the compiled engine is not there")
every_engine = pytest.mark.parametrize("engine", ENGINES)
Array = np.ndarray


def random_options(random: np.random.Generator, **fixed: Any) -> dict[str, Any]:
    """Any options of a network of one direction, and odd sizes; but for the cell."""
    layers = int(random.integers(1, 4))
    options: dict[str, Any] = {
        "num_layers": layers,
        "hidden_size": tuple(random.choice([1, 3, 7, 16, 17, 33, 70], layers).tolist()),
        "input_size": int(random.integers(2, 9)),
        "output_size": int(random.choice([1, 5, 16, 21])),
        "dtype": random.choice(["float32", "float64"]).item(),
        "readout": random.choice(["every", "last"]).item(),
        "head": random.choice(list(HEADS)).item(),
        "layer_norm": bool(random.random() < 0.3),
        "learn_initial_state": bool(random.random() < 0.5),
        "zoneout": float(random.choice([0.0, 0.0, 0.3])),
        "embedding_size": 3 if random.random() < 0.3 else None,
        "feature_size": 2 if random.random() < 0.2 else 0,
    }
    options |= fixed
    if options["head"] == "quantile":
        options["quantiles"] = (0.2, 0.7)
    return options


def random_network(random: np.random.Generator, engine: str = "auto", **fixed: Any) -> Network:
    """A network of one direction with any options, odd sizes and wild weights."""
    cell, activation = list(CELLS)[random.integers(len(CELLS))]
    options = random_options(random, activation=activation, **fixed)
    network = Network(cell, engine=engine, **options)
    flat = network.parameters.flat
    flat[:] = random.standard_normal(flat.size) / np.sqrt(np.max(network.spec.hidden_size))
    return network


def on(engine: str, network: Network, threads: int | None = None) -> Network:
    """The same network on another engine, or with other threads."""
    return Network.from_spec(network.spec, network.parameters.flat, engine=engine, threads=threads)


def random_x(random: np.random.Generator, network: Network, *shape: int) -> Any:
    """What the network reads: symbols, features, or a pair of them."""
    spec = network.spec
    symbols = random.integers(spec.input_size, size=shape)
    if spec.feature_size:
        return symbols, random.standard_normal((*shape, spec.feature_size)).astype(spec.dtype)
    if spec.embedding_size or random.random() < 0.5:
        return symbols
    return random.standard_normal((*shape, spec.input_size)).astype(spec.dtype)


def at(x: Any, key: Any) -> Any:
    """These steps, or this one, of what is read."""
    return tuple(part[key] for part in x) if isinstance(x, tuple) else x[key]


def stacked(xs: list[Any]) -> Any:
    """Rows of the same steps, side by side: "T N"."""
    if isinstance(xs[0], tuple):
        return tuple(np.stack(parts, 1) for parts in zip(*xs, strict=True))
    return np.stack(xs, 1)


def all_numbers(state: State) -> Array:
    return np.concatenate([s for place in state for s in place])


def small(engine: str, **options: Any) -> Network:
    given = {"input_size": 5, "hidden_size": 6, "output_size": 4, "seed": 3, **options}
    return Network("gru", engine=engine, **given)
