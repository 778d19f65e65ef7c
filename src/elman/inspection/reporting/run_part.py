"""What a report tells of the run: its curves, the samples as they grew, parameters, data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import numpy as np

from elman.errors import FormatError
from elman.history import History
from elman.inspection.drawing_svg import Axes, Curve, chart
from elman.network import Network
from elman.persistence import Model

from .figures import figure, number, table
from .lettering import shown
from .naming import readable

LONGEST = 200  # characters of a fact
SHOWN_SAMPLES = 12


def history_of(record: Mapping[str, Any]) -> History:
    """Return the history in a record, which a stranger may have written.

    Raises: FormatError when what stands there is none.

    >>> history_of({"history": {"validation": [[500, 1.75]]}}).validation
    [(500, 1.75)]
    """
    import msgspec

    try:
        return msgspec.convert(record.get("history", {}), History)
    except msgspec.ValidationError as error:
        raise FormatError(f"the history in the record of the model is none: {error}") from None


def curves_html(history: History) -> str:
    """Return the training curves, and what the network wrote on the way; nothing where nothing is known."""
    steps = history.every * (0.5 + np.arange(len(history.loss)))
    validation = np.array(history.validation, np.float64).reshape(-1, 2)
    curves = [Curve(steps, np.array(history.loss, np.float64), "training")] if history.loss else []
    if len(validation):
        curves.append(Curve(validation[:, 0], validation[:, 1], "validation"))
    if not curves:
        return ""
    last = curves[-1].y[-1]
    drawing = chart(
        "Training", Axes("step", "loss"), curves, f"The last {curves[-1].name} loss is {number(float(last))}."
    )
    caption = f"The loss while the network learned; training in means over {history.every:,} steps."
    rows = [*((f"{step:,.0f}", number(loss), "") for step, loss in zip(steps, history.loss, strict=True))]
    rows += [(f"{step:,.0f}", "", number(loss)) for step, loss in validation]
    parts = [figure(drawing, caption, ("step", "training", "validation"), rows)]
    parts += [f"<h3>After {step:,} steps</h3>{_sample(text)}" for step, text in _spread(history.samples)]
    return "".join(parts)


def parameters_html(network: Network) -> str:
    """Return a table of all parameters: shapes and sizes."""
    rows = []
    for name, view in network.parameters.views.items():
        size = np.abs(view)
        shape = " × ".join(map(str, view.shape))
        rows.append((name, shape, number(float(size.mean())), number(float(size.max()))))
    return table(("parameter", "shape", "|mean|", "|largest|"), rows)


def facts_html(model: Model, source: str) -> str:
    """Return what is known of the network, its data and its run, as a list of terms."""
    pairs = [*_network_facts(model.network), *_record_facts(model.record), ("looked at along", source)]
    return f"<dl>{''.join(f'<dt>{_short(term)}</dt><dd>{_short(told)}</dd>' for term, told in pairs)}</dl>"


def network_words(network: Network) -> str:
    """Say what a network is, in one line.

    >>> network_words(Network("gru", input_size=3, hidden_size=(8, 4), output_size=3))
    'GRU, layers of 8 and 4 units, 495 parameters'
    """
    widths, cell = network.spec.widths, network.spec.cell
    name = {"elman": "Elman network", "gru": "GRU", "lstm": "LSTM"}.get(cell, cell)
    layers = f"layer{'s' * (len(widths) > 1)} of {' and '.join(map(str, widths))} units"
    return f"{name}, {layers}, {len(network.parameters):,} parameters"


def _network_facts(network: Network) -> Iterator[tuple[str, object]]:
    for name, value in network.spec.facts().items():
        yield name.replace("_", " "), value
    yield "parameters", f"{len(network.parameters):,}"


def _record_facts(record: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield what a record says, in one level; the history is drawn, and settings repeat the spec."""
    for name, value in record.items():
        if name in ("history", "settings", "log") or value is None:
            continue
        if isinstance(value, Mapping):
            yield from ((f"{name} {inner}", one) for inner, one in value.items())
        else:
            yield name.replace("_", " "), value


def _sample(text: str) -> str:
    return f"<pre>{''.join(map(shown, text[:2000]))}</pre>"


def _spread(samples: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield the first, the last and some between."""
    count = min(len(samples), SHOWN_SAMPLES)
    for k in np.unique(np.linspace(0, len(samples) - 1, count).astype(int)) if count else ():
        yield samples[k]


def _short(value: object) -> str:
    told = f"{value:.6g}" if isinstance(value, float) else str(value)
    return escape(readable(told[:LONGEST] + "…" * (len(told) > LONGEST)))
