"""Random networks that C can hold, exported many at a time, compiled at once and called from here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman import Network
from elman.cells import CELLS
from elman.data import Vocabulary
from elman.heads import HEADS
from elman.interop.c import Size, to_c
from elman.interop.c.running import FLAGS, Exported, compiled, compiler
from elman.interop.checking import difference
from streaming_cases import random_options

BOUND = 2e-6

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Werror"]
needs_compiler = pytest.mark.skipif(compiler() is None, reason="there is no C compiler here")
CHARACTERS = Vocabulary("chars", ("<unk>", "\n", " ", "a", "ä", "…", "\\", "\U0001f600"))


def needs(*programs: str) -> pytest.MarkDecorator:
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not here: {', '.join(missing)}")


def random_network(random: np.random.Generator, number: int, **fixed: Any) -> Network:
    """A network of one direction with any options and odd sizes; cells and heads in turn.

    Weights of 0.7 / √H keep the roundings of one step from growing in the next ones.
    """
    cell, activation = list(CELLS)[number % len(CELLS)]
    head = list(HEADS)[number % len(HEADS)]
    options = random_options(random, **({"activation": activation, "head": head, "dtype": "float32"} | fixed))
    if options["head"] == "softmax" and random.random() < 0.3:  # tied
        inner = options["hidden_size"][-1]
        options |= {"output_size": options["input_size"], "embedding_size": inner, "tied": True}
    network = Network(cell, **options)
    flat = network.parameters.flat
    flat[:] = 0.7 * random.standard_normal(flat.size) / np.sqrt(max(network.spec.widths))
    return network


def random_input(random: np.random.Generator, network: Network, steps: int, rows: int) -> Any:
    """What the network reads: symbols, vectors where it has no embedding, or a pair."""
    spec = network.spec
    symbols = random.integers(spec.input_size, size=(steps, rows))
    if spec.feature_size:
        return symbols, random.standard_normal((steps, rows, spec.feature_size)).astype(np.float32)
    if spec.embedding_size or random.random() < 0.5:
        return symbols
    return random.standard_normal((steps, rows, spec.input_size)).astype(np.float32)


def allowed(network: Network, x: Any, state: Any) -> float:
    """The difference that is allowed: 2e-6, or four times what float32 itself loses in these steps."""
    flat = network.parameters.flat.astype(np.float64)
    exact = Network.from_spec(replace(network.spec, dtype="float64"), flat)
    return max(BOUND, 4 * difference(network.run(x, state), exact.run(x, state)))


def only_symbols(network: Network) -> bool:
    return bool(network.spec.embedding_size or network.spec.feature_size)


@dataclass(frozen=True)
class Land:
    """Networks in C, each with its size and the library's side of it."""

    networks: Sequence[Network]
    sizes: Sequence[Size]
    exported: Sequence[Exported]


def land(folder: Path, networks: Sequence[Network], weights: str = "float32", *flags: str) -> Land:
    """Export networks without vocabularies, compile them all into one library."""
    names, sizes = [f"n{k}" for k in range(len(networks))], list[Size]()
    for name, network in zip(names, networks, strict=True):
        source, header, size = to_c(network, name=name, weights=weights)
        (folder / f"{name}.c").write_text(source, "utf-8")
        (folder / f"{name}.h").write_text(header, "utf-8")
        sizes.append(size)
    library = compiled(folder, names, flags=(*FLAGS, *flags))
    exported = [
        Exported(library, network, name, size.ram, symbols=only_symbols(network))
        for network, name, size in zip(networks, names, sizes, strict=True)
    ]
    return Land(networks, sizes, exported)


def write(folder: Path, network: Network, name: str = "model", **options: Any) -> Size:
    """Export one network, perhaps with a vocabulary, into NAME.c and NAME.h."""
    vocabulary = options.pop("vocabulary", None)
    source, header, size = to_c(network, vocabulary, name=name, **options)
    (folder / f"{name}.c").write_text(source, "utf-8")
    (folder / f"{name}.h").write_text(header, "utf-8")
    return size


def some_of_each() -> Iterator[tuple[str, Network, Vocabulary | None]]:
    """A few networks that together need every piece of C there is."""
    random, size = np.random.default_rng(0), CHARACTERS.size
    sizes: dict[str, Any] = {"input_size": size, "output_size": size, "hidden_size": 24}
    lstm: dict[str, Any] = {"layer_norm": True, "learn_initial_state": True, "head": "sigmoid"}
    beside: dict[str, Any] = {"activation": "relu", "feature_size": 2, "head": "gaussian"}
    stack: dict[str, Any] = {"hidden_size": (15, 13), "embedding_size": 13, "zoneout": 0.2}
    made = {
        "gru": (Network("gru", **sizes | stack), CHARACTERS),
        "lstm": (Network("lstm", **sizes, **lstm), None),
        "features": (Network("elman", **sizes, **beside), None),
        "tied": (Network("elman", **sizes, embedding_size=24, tied=True), CHARACTERS),
        "bytes": (Network("gru", input_size=256, output_size=256, hidden_size=4), Vocabulary("bytes", ())),
    }
    for name, (network, vocabulary) in made.items():
        network.parameters.flat[:] = random.standard_normal(len(network.parameters))
        yield name, network, vocabulary
