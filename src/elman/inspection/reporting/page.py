"""`report`: from what was measured to one page of HTML."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elman.data import Batch
from elman.engines.threads import blas_threads
from elman.inspection.drawing_svg import Axes, Curve, chart
from elman.persistence import Model
from elman.shapes import read_size

from .answers import answers_html
from .carrying import carried_words, steps_data, units_data
from .figures import (
    automaton_figure,
    follows_table,
    lags_figure,
    saturation_figures,
    spectrum_figures,
)
from .lettering import CLASSES, text_html
from .measuring import Measured, measured
from .naming import readable
from .packing import as_script
from .passage import Passage, answer_names, read_passage
from .run_part import curves_html, facts_html, history_of, network_words, parameters_html

BEGIN = "<!doctype html>\n<!-- report by elman"  # what tells our pages from others
PARTS = Path(__file__).parent / "parts"
LENGTH = 20_000
DRAWN = 1000  # points of a curve of inputs
KEYS = (
    "Point at a symbol, tap it, or move with the arrow keys: by a step, or up and down by a line.",
    "Move with the slider, or with the arrow keys on it.",
)


def report(
    model: Model,
    text: Any,
    *,
    reset: ArrayLike | None = None,
    batches: Iterable[Batch] = (),
    title: str = "Inside a network",
    source: str = "a text",
    length: int = LENGTH,
) -> str:
    """Return one page of HTML that shows what a network does along a text or a series. It fetches nothing.

    text:    a str (or bytes), as the vocabulary of the model reads it, or several of them, each a sequence;
             for a model without a vocabulary "T" symbols or "T I" features as the network reads them.
    reset:   "T" booleans, with those: the sequence begins anew before this step. A model of lines begins anew
             at each line by itself.
    batches: with targets, as `evaluate` takes them: the page then shows what is predicted beside what came,
             in the units of the table. The predictions of all of them are held in memory.
    source:  what the page calls the text; length: how many steps of it are read at most.
    On the page: the text in the color of its surprisal or of any unit, what was expected at each step, gates,
    what units follow (correlations), the gradient by lag, eigenvalues, saturation, the automaton of a network
    on few symbols, the curves of its training where the file tells them, parameters and data. Units are
    carried as one of 3 to 255 levels, as many as fit, so that 20,000 steps of 256 units stay below 4 MB.
    Raises: OptionError for a network without a single pass over time (bidirectional, a readout other than
            "every" and "last"); DataError when there is nothing to read; ShapeError for what the network
            does not read; FormatError for a damaged record; NumericError for numbers that are not finite.
    Sources: the text in the color of a unit, and saturation: Karpathy, Johnson & Fei-Fei 2015,
            arXiv:1506.02078.

    >>> from elman import Model, Network, Vocabulary
    >>> vocabulary = Vocabulary("chars", ("<unk>", "a", "b"))
    >>> model = Model(Network(input_size=3, hidden_size=4, output_size=3), vocabulary)
    >>> page = report(model, "abba", title="a < b")
    >>> "<title>a &lt; b</title>" in page, "<i class=s1>b</i>" in page
    (True, True)
    """
    passage = read_passage(model, text, reset, read_size("length", length))
    history = history_of(model.record)
    with blas_threads(1, max(model.network.spec.widths), 1):  # on a busy machine several wait for each other
        seen = measured(model, passage)
    facts, data = _data(model, seen)
    said = f"{_said(passage, source)} {carried_words(facts)}"
    sections = [
        _reading(model, seen, said),
        _section("answers", "What it predicts", answers_html(model, batches)),
        *_numbers(model, seen),
        _section("run", "Training", curves_html(history)),
        _section("parameters", "Parameters", parameters_html(model.network)),
        _section("facts", "The network and its data", facts_html(model, source)),
    ]
    style, code = _part("page.css"), "\n" + _part("page.js")
    words = {
        "TITLE": escape(readable(title)),
        "ABOUT": escape(readable(f"{network_words(model.network)}. {_gist(seen)}")),
        "STYLE": style,
        "SCRIPT": code,
        "STYLEHASH": _hash(style),
        "SCRIPTHASH": _hash(code),
        "SECTIONS": "\n".join(sections),
        "DATA": data,
    }
    return _filled(_part("page.html"), words)


def _reading(model: Model, seen: Measured, said: str) -> str:
    """Return the part in which one moves along the text or the series."""
    passage = seen.passage
    words = {
        "HEADING": "The text" if passage.shown else "The series",
        "SAID": escape(readable(said)),
        "CHOOSE": "Color by" if passage.shown else "Unit",
        "NEXT": _next_words(model, passage),
        "LEGEND": _legend(seen),
        "SHOWN": _text(seen) if passage.shown else _series(passage),
        "LAST": str(len(passage) - 1),
        "KEYS": KEYS[not passage.shown],
    }
    return _filled(_part("text.html"), words)


def _next_words(model: Model, passage: Passage) -> str:
    if passage.next:
        return "Expected next"
    return "The answer" + ", if this step were the last" * (model.network.spec.readout == "last")


def _text(seen: Measured) -> str:
    about = 'aria-label="The text; arrow keys move from symbol to symbol" aria-describedby="keys"'
    inner = text_html(seen.passage, seen.cost)
    return f'<div id="text" tabindex="0" role="group" {about} dir="auto" lang="" translate="no">{inner}</div>'


def _series(passage: Passage) -> str:
    if passage.x.ndim == 1:
        return "<p>The network reads symbols without names; the chosen unit is drawn below.</p>"
    stride = max(1, len(passage) // DRAWN)
    at = np.arange(0, len(passage), stride)
    curves = [Curve(at, passage.x[at, k], readable(name)[:24]) for k, name in enumerate(passage.names[:6])]
    drawing = chart("What the network reads", Axes("step", "as the network reads it"), curves)
    more = f" The first 6 of {len(passage.names)} columns." if len(passage.names) > 6 else ""
    caption = f"Inputs along the series, in the scale of the network.{more}"
    return f"<figure>{drawing}<figcaption>{caption}</figcaption></figure>"


def _numbers(model: Model, seen: Measured) -> Iterator[str]:
    follows = seen.follows
    about = "<p>For each signal the unit that goes with it most. The search above finds more of them.</p>"
    yield _section("follows", "What units follow", about + follows_table(follows) if follows.signals else "")
    lags = "" if seen.lags is None else lags_figure(seen.lags)
    yield _section("gradient", "The gradient through time", lags)
    yield _section("spectrum", "Eigenvalues", _charts(spectrum_figures(seen.spectrum)))
    near = "<p>How often each unit, or gate, lies in the outer tenth of its range.</p>"
    yield _section("saturation", "Saturation", near + _charts(saturation_figures(seen.saturation)))
    yield _section("automaton", "The automaton", automaton_figure(model.network, seen) or "")


def _charts(figures: Iterator[str]) -> str:
    return f'<div class="charts">{"".join(figures)}</div>'


def _section(name: str, heading: str, body: str) -> str:
    if not body:
        return ""
    head = f'<h2 id="{name}-head">{heading}</h2>'
    return f'<section id="{name}" aria-labelledby="{name}-head">{head}{body}</section>'


def _said(passage: Passage, source: str) -> str:
    things = "symbols" if passage.shown else "steps"
    anew = "" if passage.reset is None else f", begun anew {int(passage.reset.sum()):,} times"
    return f"{'The first' if passage.cut else 'All'} {len(passage):,} {things} of {source}{anew}."


def _gist(seen: Measured) -> str:
    cost = seen.cost
    if cost is None:
        return f"{len(seen.passage):,} steps were read."
    return f"{len(seen.passage):,} symbols were read, at {np.nanmean(cost):.2f} bits a symbol."


def _legend(seen: Measured) -> str:
    """Return what the colors mean: of costs, which stand there without a script, and of a unit."""
    costs = ["below 1", *(f"{low} to {high}" for low, high in pairwise(CLASSES))]
    costs.append(f"{CLASSES[-1]} or more")
    items = "".join(f"<li class=s{k}>{words}</li>" for k, words in enumerate(costs))
    hidden = " hidden" * (seen.cost is None)
    unit = (
        '<li class=m7 id="legend-low">−1</li><li class=m3>…</li><li>0</li><li class=p3>…</li>'
        '<li class=p7 id="legend-high">1</li>'
    )
    colors = f"<li>bits of surprisal:</li>{items}"
    return (
        f'<ul class="legend" id="legend-cost" aria-label="Colors of costs"{hidden}>{colors}</ul>'
        f'<ul class="legend" id="legend-unit" aria-label="Colors of a unit" hidden>{unit}</ul>'
    )


def _data(model: Model, seen: Measured) -> tuple[dict[str, Any], str]:
    """Return what the script reads: the facts, and them as JSON with numbers deflated, in what never runs."""
    facts, steps = steps_data(seen)
    more, units = units_data(seen)
    facts |= more
    facts["top"] = 0 if seen.paid is None else seen.paid.top_symbols.shape[1]
    facts["answers"] = [] if seen.passage.next else answer_names(model)
    return facts, (
        f'<script id="facts-data" type="application/json">{as_script(facts)}</script>\n'
        f'<script id="steps-data" type="text/plain">{steps.packed()}</script>\n'
        f'<script id="units-data" type="text/plain">{units.packed()}</script>'
    )


def _part(name: str) -> str:
    return (PARTS / name).read_text("utf-8")


def _filled(form: str, words: dict[str, str]) -> str:
    return re.sub(r"@([A-Z]+)@", lambda found: words[found[1]], form)


def _hash(text: str) -> str:
    """Return how a policy names a script or a style."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
