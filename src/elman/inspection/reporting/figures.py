"""Charts of what was measured, each with a caption and, folded away, the numbers it was drawn from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from html import escape

import numpy as np

from elman.inspection.automata import agreement, extract_automaton
from elman.inspection.drawing_svg import Axes, Curve, chart
from elman.inspection.gradients import GradientByLag
from elman.inspection.units import Saturation
from elman.network import Network
from elman.numerics import Array

from .measuring import Follows, Measured
from .naming import readable

FIRST = 12  # rows of a table that need not be opened
ROWS = 64  # of a table behind a chart; more of them nobody reads
MOST_SYMBOLS = 8  # of an automaton that is worth drawing
MOST_STATES = 24
STRINGS, LENGTHS = 400, (1, 24)  # on which an automaton is found, and again as many on which it is judged
WORDS = {"i": "input", "f": "forget", "o": "output", "r": "reset", "z": "update"} | dict.fromkeys(
    "gn", "candidate"
)


def figure(drawing: str, caption: str, names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a drawing with what it shows in words, and its numbers as a table that can be opened."""
    return (
        f"<figure>{drawing}<figcaption>{caption}</figcaption>"
        f"<details><summary>Numbers</summary>{table(names, rows)}</details></figure>"
    )


def table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return an HTML table, the first column its headings; what stands in it is text."""
    head = "".join(f"<th scope=col>{_cell(name)}</th>" for name in names)
    body = "".join(
        f"<tr><th scope=row>{_cell(row[0])}</th>{''.join(f'<td>{_cell(one)}</td>' for one in row[1:])}</tr>"
        for row in rows
    )
    inner = f"<table><thead><tr>{head}</tr></thead>{body}</table>"
    return (
        f'<div class="wide" tabindex="0" role="group" aria-label="{_cell(names[0])} and more">{inner}</div>'
    )


def number(value: float) -> str:
    """Write a number for people.

    >>> number(0.04567), number(-12345.6), number(float("inf"))
    ('0.0457', '−12,346', '∞')
    """
    if math.isinf(value):
        return "−∞" if value < 0 else "∞"
    told = f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.3g}"
    return told.replace("-", "−")


def lags_figure(lags: GradientByLag) -> str:
    """Draw how far the gradient reaches back: every start, and the median of all."""
    curves = [Curve(lags.lags, row, kind="guide") for row in lags.norms]
    first, last = (number(float(lags.median[k])) for k in (0, -1))
    drawing = chart(
        "Gradient by lag",
        Axes("lag k, steps", "‖∂state(t) / ∂state(t−k)‖", log=True),
        [*curves, Curve(lags.lags, lags.median, "median")],
        f"The median is {first} at lag 1, {last} at lag {len(lags.lags)}.",
    )
    half = lags.half_life
    reach = (
        f"does not fall below a half within {len(lags.lags)} steps"
        if math.isinf(half)
        else f"falls below a half after {number(half)} steps"
    )
    caption = (
        f"How strongly the state depends on the one k steps before, in the direction that grows most: at "
        f"{len(lags.norms)} steps of the passage (dashed), and their median (line). The median {reach}. "
        "Where it falls to 0 nothing can be learned over that distance (Pascanu, Mikolov &amp; Bengio 2013)."
    )
    ends = zip(lags.lags[:ROWS], lags.median, lags.norms.min(axis=0), lags.norms.max(axis=0), strict=False)
    rows = ((int(k), *map(number, map(float, three))) for k, *three in ends)
    return figure(drawing, caption, ("lag", "median", "smallest", "largest"), rows)


def spectrum_figures(spectrum: dict[str, Array]) -> Iterator[str]:
    """Draw the eigenvalues of W in the complex plane, those of the gates of a layer in one drawing."""
    for place, blocks in _by_layer(spectrum).items():
        circle = np.exp(1j * np.linspace(0, math.tau, 121))
        largest = 1.08 * max(1.0, *(float(np.abs(values).max()) for values in blocks.values()))
        span = (-largest, largest)
        curves = [Curve(values.real, values.imag, _gate(name), "points") for name, values in blocks.items()]
        radii = {name: float(np.abs(values).max()) for name, values in blocks.items()}
        told = ", ".join(f"{_gate(name)} {number(radius)}".strip() for name, radius in radii.items())
        drawing = chart(
            f"Eigenvalues of {place}.W",
            Axes("real part", "imaginary part", span, span, square=True),
            [Curve(circle.real, circle.imag, kind="guide"), *curves],
            f"Spectral radius: {told}. The dashed circle has the radius 1.",
        )
        caption = f"{escape(place)}: eigenvalues of W. Spectral radius: {escape(told)}."
        rows = (
            (_gate(name) or "W", number(value.real), number(value.imag), number(abs(value)))
            for name, values in blocks.items()
            for value in values[: ROWS // len(blocks)]
        )
        yield figure(drawing, caption, ("gate", "real", "imaginary", "modulus"), rows)


def saturation_figures(saturation: dict[str, Saturation]) -> Iterator[str]:
    """Draw how often each gate, or state, lies at the ends of its range (Karpathy et al. 2015)."""
    for place, every in _by_place(saturation).items():
        curves = [Curve(one.low, one.high, _letter(name), "points") for name, one in every.items()]
        drawing = chart(
            f"Saturation of {place}",
            Axes("share of steps near the lower end", "near the upper end", (0, 1), (0, 1), square=True),
            [Curve(np.array([0.0, 1.0]), np.array([1.0, 0.0]), kind="guide"), *curves],
            "A point for each unit; on the dashed line a unit is always at one end or the other.",
        )
        caption = f"{escape(place)}: a point for each unit; on the dashed line it is always at an end."
        rows = (
            (f"{name} {k}", f"{low:.2f}", f"{high:.2f}")
            for name, one in every.items()
            for k, (low, high) in enumerate(zip(one.low, one.high, strict=True))
            if k < ROWS // len(every)
        )
        yield figure(drawing, caption, ("unit", "low", "high"), rows)


def follows_table(follows: Follows) -> str:
    """Return for each signal the unit that goes with it most."""
    best = [(signal, follows.best(k)) for k, signal in enumerate(follows.signals)]
    best.sort(key=lambda one: -abs(one[1][2]))
    rows = [(signal, f"{name} {unit}", f"{r:+.2f}".replace("-", "−")) for signal, (name, unit, r) in best]
    names = ("signal", "unit", "correlation r")
    if len(rows) <= FIRST:
        return table(names, rows)
    summary = f"<summary>The other {len(rows) - FIRST} signals</summary>"
    return f"{table(names, rows[:FIRST])}<details>{summary}{table(names, rows[FIRST:])}</details>"


def automaton_figure(network: Network, measured: Measured, seed: int = 0) -> str | None:
    """Draw the automaton that a network on few symbols behaves like; None where there are too many."""
    spec, names = network.spec, measured.names
    symbols = np.unique(measured.passage.x)
    fits = (spec.head, spec.feature_size) == ("softmax", 0) and measured.passage.x.ndim == 1
    if not fits or len(symbols) > MOST_SYMBOLS:
        return None
    generator = np.random.default_rng(seed)
    strings = [generator.choice(symbols, generator.integers(*LENGTHS)) for _ in range(2 * STRINGS)]
    machine = extract_automaton(network, strings[:STRINGS], max_states=MOST_STATES)
    share = agreement(network, machine, strings[STRINGS:])
    letters = [names.get(k, f"symbol {k}") for k in range(spec.input_size)]
    answers = letters if measured.passage.next else [str(k) for k in range(spec.output_size)]
    caption = (
        f"The automaton of {len(machine)} states that the network behaves like. On {STRINGS} other random "
        f"strings of up to {LENGTHS[1] - 1} symbols it gives {share:.1%} of the network's answers."
    )
    rows = (
        (state, answers[output] if output >= 0 else "–", ", ".join(map(str, after)))
        for state, (output, after) in enumerate(zip(machine.outputs, machine.transitions, strict=True))
    )
    read = ", ".join(letters[symbol] for symbol in machine.alphabet)
    return figure(machine.svg(letters, answers), caption, ("state", "answer", f"leads to, by {read}"), rows)


def _by_layer(blocks: dict[str, Array]) -> dict[str, dict[str, Array]]:
    found: dict[str, dict[str, Array]] = {}
    for name, values in blocks.items():
        found.setdefault(name.partition(".W")[0], {})[name] = values
    return found


def _by_place(saturation: dict[str, Saturation]) -> dict[str, dict[str, Saturation]]:
    found: dict[str, dict[str, Saturation]] = {}
    for name, one in saturation.items():
        place, _, letter = name.rpartition(".")
        kind = "state" if letter in ("h", "s") else "gates"
        found.setdefault(f"{place}, {kind}", {})[name] = one
    return found


def _gate(name: str) -> str:
    """Return the letter of a gate in "layers.0.W.i"; of a cell without gates there is none."""
    return name.partition(".W")[2].removeprefix(".")


def _letter(name: str) -> str:
    letter = name.rpartition(".")[2]
    return f"{letter} ({WORDS[letter]})" if letter in WORDS else letter


def _cell(value: object) -> str:
    return escape(readable(str(value)))
