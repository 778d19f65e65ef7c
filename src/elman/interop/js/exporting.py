"""The command `elman export --to js`: a module and, beside it, a page, run here before they are written."""

from __future__ import annotations

import os
import re
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from elman.errors import FileError, OptionError
from elman.files.atomic import atomic_write
from elman.interop.checking import (
    BOUNDS,
    ROWS,
    STEPS,
    Checked,
    difference,
    judged,
    random_input,
    random_state,
)
from elman.network import Network
from elman.numerics import generator
from elman.persistence import Model

from .pages import BEGIN, lacking, page
from .running import Job, node, run
from .writing import predicts, to_js

SUFFIXES = (".js", ".mjs")


def export(model: Model, path: str | os.PathLike[str]) -> Checked:
    """Write the module, which is `path`, and beside it NAME.html where there is something to show.

    Where this machine has Node, what the module computes is compared with the network; elsewhere its numbers
    are read back.
    Raises: as `to_js`; OptionError for a path that does not end in .js or .mjs; FileError when the page would
            be written over another; NumericError when they differ: nothing is written; ResourceError.
    """
    target, network = Path(path), model.network
    if target.suffix not in SUFFIXES:
        raise OptionError(f"{target}: a module of JavaScript; give a path that ends in .js or .mjs")
    text = to_js(network, model.vocabulary)
    shown = predicts(network, model.vocabulary) and not lacking(network)
    beside = target.with_suffix(".html")
    lines = model.record.get("lines") is True
    whole = page(network, model.vocabulary, target.stem, lines=lines) if shown else None
    if whole:
        _check_page(beside)
    checked = _run(network, text) if node() else _read_back(network, text)
    if whole:
        atomic_write(beside, [whole.encode()])
        told = [f"page        {beside}: open it in a browser, and type; it needs no server and no network"]
    else:
        why = lacking(network) or "it does not predict the symbols of a vocabulary"
        told = [f"page        none: this network has nothing to show in one, as {why}"]
    if model.preparation is not None:
        told.append("columns and scales of the table are not in the file: x and y are the network's own")
    atomic_write(target, [text.encode()])
    return Checked(checked.what, checked.largest, checked.bound, (*checked.lines, *told))


def _check_page(place: Path) -> None:
    """Raise FileError when what is there was not written by us."""
    try:
        with open(place, "rb") as file:
            head = file.read(len(BEGIN))
    except FileNotFoundError:
        return
    except OSError as error:
        raise FileError(f"{place}: the page goes there, but it cannot be read: {error.strerror}") from None
    if head and head != BEGIN.encode():
        raise FileError(
            f"{place}: exists and is no page of elman, and the page of the module goes there; move it away, "
            "or choose another name with -o"
        )


def _run(network: Network, text: str) -> Checked:
    """Compare what the module computes with the network in float64, whole runs from random states.

    Sums of a module are float64, so that the network in float64 is the nearer one: a trained network in
    float32 may itself be more than the bound away from it.
    """
    spec, draw, largest = network.spec, generator(0, "sampling"), 0.0
    exact = Network.from_spec(replace(spec, dtype="float64"), network.parameters.flat.astype(np.float64))
    either = not (spec.embedding_size or spec.feature_size)
    with TemporaryDirectory(prefix="elman-js-") as folder:
        module = Path(folder, "model.mjs")
        module.write_text(text, "utf-8")
        for steps, rows in ((STEPS, ROWS), (1, 1)):
            state = random_state(network, draw, rows)
            vectors = draw.normal(size=(steps, rows, spec.input_size)).astype(spec.dtype)
            for x in (random_input(network, draw, steps, rows), *((vectors,) if either else ())):
                there = run([Job(module, network, x, state)])[0]
                largest = max(largest, difference(exact.run(x, state), there))
    what = "whole runs of the module in Node, step by step, with the network in float64"
    return judged(Checked(what, largest, BOUNDS[spec.dtype]))


def _read_back(network: Network, text: str) -> Checked:
    """Compare the numbers that stand in a module with those that should."""
    found = re.search(r"^const WEIGHTS = `([^`]*)`;", text, re.MULTILINE)
    flat = network.parameters.flat
    there = np.frombuffer(b64decode(found[1] if found else ""), flat.dtype.newbyteorder("<"))
    apart = difference(flat, there)
    return judged(Checked("the numbers of the module, read back; no Node here to run it", apart, 0.0))
