"""The command `elman export --to c`: two files, compiled and run here before they are written."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from elman.data import Batch
from elman.errors import DataError, NumericError, OptionError
from elman.evaluation import evaluate
from elman.files.atomic import atomic_write
from elman.interop.checking import (
    BOUNDS,
    ROWS,
    STEPS,
    Checked,
    Run,
    difference,
    judged,
    random_input,
    random_state,
)
from elman.network import Network
from elman.numerics import Array, generator
from elman.persistence import Model

from . import arrays
from .running import FLAGS, Exported, compiled, compiler
from .size import Size
from .source import Source
from .writing import to_c

ROUNDINGS = 4  # times what float32 loses in the network itself, where that is more than its bound


def export(
    model: Model, path: str | os.PathLike[str], *, weights: str = "float32", text: str | None = None
) -> Checked:
    """Write NAME.c, which is `path`, and NAME.h beside it.

    Where this machine has a C compiler, what the files compute is compared with the network (for int8: with
    the network that the whole numbers make); elsewhere their numbers are read back. What int8 costs is
    measured on `text`, in nats a symbol, or else on random input.
    Raises: as `to_c`; OptionError for a path that does not end in .c, or a text for a network that predicts
            no symbols; NumericError when they differ: nothing is written; FileError, ResourceError.
    """
    target = Path(path)
    if target.suffix != ".c":
        raise OptionError(f"{target}: the C is two files, NAME.c and NAME.h; give a path that ends in .c")
    network, name = model.network, target.stem
    source, header, size = to_c(network, model.vocabulary, name=name, weights=weights)
    known = network.narrowed(weights)
    lines = [*size.lines(), *(_loss(model, known, text) if weights == "int8" else [])]
    if model.preparation is not None:
        lines.append("columns and scales of the table are not in the files: x and y are the network's own")
    if compiler():
        checked = _run(known, Source(network, model.vocabulary, name, weights), (source, header), size)
    else:
        checked = _read_back(network, source, weights)
    for place, content in ((target.with_suffix(".h"), header), (target, source)):
        atomic_write(place, [content.encode()])
    return Checked(checked.what, checked.largest, checked.bound, (*checked.lines, *lines))


def _run(known: Network, of: Source, texts: tuple[str, str], size: Size) -> Checked:
    """Compile the texts and compare what they compute with a network."""
    with TemporaryDirectory(prefix="elman-c-") as folder:
        for suffix, text in zip((".c", ".h"), texts, strict=True):
            Path(folder, of.name + suffix).write_text(text, "utf-8")
        try:  # what this machine can do, fused multiply-add above all
            library = compiled(Path(folder), [of.name], flags=(*FLAGS, "-march=native"))
        except OptionError:  # of a compiler that does not know its machine
            library = compiled(Path(folder), [of.name])
        exported = Exported(library, known, of.name, size.ram, symbols=of.symbols)
        largest, own = _largest(known, exported.run, symbols=of.symbols)
        what = f"runs of the C, {of.weights}, compiled here by {Path(compiler() or '').name}"
        return judged(Checked(what, largest, max(BOUNDS["float32"], ROUNDINGS * own)))


def _largest(network: Network, run: Run, *, symbols: bool) -> tuple[float, float]:
    """Return the largest difference of a run from the network, and of the network from itself in float64.

    Where roundings grow from step to step they do so in the network, too: the second says how far.
    """
    spec, draw, largest, own = network.spec, generator(0, "sampling"), 0.0, 0.0
    exact = Network.from_spec(replace(spec, dtype="float64"), network.parameters.flat.astype(np.float64))
    for steps, rows in ((STEPS, ROWS), (1, ROWS)):
        x, state = random_input(network, draw, steps, rows), random_state(network, draw, rows)
        vectors = draw.normal(size=(steps, rows, spec.input_size)).astype(np.float32)
        for read in (x,) if symbols else (x, vectors):
            known = network.run(read, state)
            largest = max(largest, difference(known, run(read, state)))
            own = max(own, difference(known, exact.run(read, state)))
    return largest, own


def _read_back(network: Network, source: str, weights: str) -> Checked:
    """Compare the numbers that stand in a source with those that should."""
    found = re.finditer(r"^static const \w+ (\w+)\[\d+\] = \{\n(.*?)\};$", source, re.M | re.S)
    there = {m[1]: np.array([float(one.rstrip("f")) for one in m[2].split(",")[:-1]]) for m in found}
    wanted = arrays.parameters(network, weights)
    apart = max(difference(one.values, there[one.name].astype(one.values.dtype)) for one in wanted)
    return judged(Checked("the numbers of the C, read back; no C compiler here to run it", apart, 0.0))


def _loss(model: Model, known: Network, text: str | None) -> list[str]:
    """Say what the whole numbers cost."""
    network, vocabulary = model.network, model.vocabulary
    if text is None:
        draw = generator(0, "sampling")
        x, state = random_input(network, draw, 200, 8), random_state(network, draw, 8)
        with np.errstate(over="ignore", invalid="ignore"):
            apart = np.abs(known.run(x, state)[0] - network.run(x, state)[0]).max()
        if not np.isfinite(apart):
            raise NumericError("outputs on random input are not finite; nothing is written")
        return [f"int8 costs  up to {apart:.2g} of an output, on random input; a text would tell in nats"]
    if vocabulary is None or network.spec.head != "softmax" or network.spec.readout != "every":
        raise OptionError("a text came, but the network does not predict the symbols of a text; leave it out")
    symbols = vocabulary.encode(text)
    if len(symbols) < 2:
        raise DataError(f"the text has {len(symbols)} symbols; at least 2 are needed to measure a loss")
    before, after = (_nats(one, symbols) for one in (network, known))
    if not np.isfinite(after):
        raise NumericError("int8 makes the loss on the text not finite; nothing is written")
    costs = f"{after - before:+.5f} nats a symbol on {len(symbols):,} symbols"
    return [f"int8 costs  {costs}: {after:.5f} where float32 has {before:.5f}"]


def _nats(network: Network, symbols: Array) -> float:
    return evaluate(network, [Batch(x=symbols[:-1, None], targets=symbols[1:, None])]).loss
