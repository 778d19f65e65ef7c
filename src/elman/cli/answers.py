"""What a network says to a table, as the rows of another table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np

from elman.data import Batch, Sequences, cut_windows
from elman.data.preparation import Preparation
from elman.data.table import Table
from elman.errors import DataError, OptionError
from elman.evaluation import predict_batches
from elman.metrics import point_forecasts
from elman.network import Network
from elman.numerics import Array
from elman.spec import Spec

from .flags import told_in_flags
from .tabular import JUDGED, Form

Row = list[Any]


def answer_columns(form: Form, spec: Spec) -> list[str]:
    """Return the names of what is predicted.

    label: target, p_A, p_B ...; flags: a, b, p_a, p_b; numbers: target, or target+1 ... for several rows,
    with _mean and _std, or _q0.9, behind it.
    """
    names = form.preparation.output_names
    if spec.head == "softmax":
        return [form.layout.targets[0], *(f"p_{label}" for label in names)]
    if spec.head == "sigmoid":
        return [*names, *(f"p_{name}" for name in names)]
    kinds = {"gaussian": ("_mean", "_std"), "quantile": tuple(f"_q{q:g}" for q in spec.quantiles)}
    return [name + kind for kind in kinds.get(spec.head, ("",)) for name in names]


def answers(preparation: Preparation, spec: Spec, outputs: Array) -> Iterator[Row]:
    """Yield the fields under `answer_columns`, row by row, in the units of the table.

    Shapes: outputs: "N Y", as `predict_batches` has them.
    """
    half = outputs.shape[1] // 2
    parts = [outputs]
    if preparation.labels is not None:
        parts = [preparation.names(outputs.argmax(axis=1))[:, None], outputs]
    elif spec.head == "sigmoid":
        parts = [(outputs > 0.5).astype(int), outputs]
    elif spec.head == "gaussian":
        parts = [preparation.values(outputs[:, :half]), preparation.spread(outputs[:, half:])]
    else:
        parts = [preparation.values(outputs)]
    for rows in zip(*parts, strict=True):
        yield [_written(field, spec.dtype) for part in rows for field in part]


def predicted(form: Form, network: Network, table: Table) -> tuple[list[str], Iterator[Row]]:
    """Return names and fields of what a model says to a table, with what says where they belong.

    Raises: DataError when a column is missing, or holds what training did not see.
    """
    layout = form.layout
    if layout.window is not None:
        places, outputs = _of_windows(form, network, table)
    else:
        places, outputs = _of_sequences(form, network, table)
    return _joined(form, network.spec, places, outputs)


def continued(form: Form, network: Network, table: Table, steps: int) -> tuple[list[str], Iterator[Row]]:
    """Return names and fields of the rows that follow the end of each series, each forecast fed back.

    Raises: OptionError when the model does not read exactly what it predicts; DataError as `predicted`.
    """
    layout = form.layout
    own = layout.inputs == layout.targets and not layout.ahead and layout.target_kind == "numbers"
    if layout.window is None or not own or layout.horizon > 1:
        raise OptionError(
            "--steps feeds forecasts back, so the model must be of a series, read its --target and nothing "
            "else, and predict one row (--horizon 1)"
        )
    places, parts = [], []
    for name, rows, x in _series(form, table):
        parts.append(_fed_back(network, x[-layout.window :], steps))
        places += [(name, len(rows) + k + 1) for k in range(steps)]
    return _joined(form, network.spec, places, np.concatenate(parts))


def _fed_back(network: Network, window: Array, steps: int) -> Array:
    """Return the outputs of the steps after a window, "S Y".

    Each is read from a whole window, forecasts in it, from the initial state: what the network was trained
    for. A state carried on beyond the length of a window is not, and drifts.
    """
    spec, outputs = network.spec, []
    for _ in range(steps):
        ((_, y),) = predict_batches(network, [Batch(window[:, None], np.zeros(0))])
        outputs.append(y[0] if spec.readout != "every" else y[-1, 0])
        middle = point_forecasts(outputs[-1], spec.output_size, spec.quantiles)
        window = np.concatenate([window[1:], middle[None]])
    return np.stack(outputs)


def _joined(
    form: Form, spec: Spec, places: list[tuple[Any, ...]], outputs: Array
) -> tuple[list[str], Iterator[Row]]:
    layout, preparation = form.layout, form.preparation
    if layout.text is not None:
        names = ["row", layout.text]
    elif layout.sequence is None:
        names, places = ["row"], [place[1:] for place in places]
    else:
        steps = layout.window is not None or not layout.per_sequence
        names = [layout.sequence, "step"][: 1 + steps]
    said = answers(preparation, spec, outputs)
    return names + answer_columns(form, spec), (
        [*place, *fields] for place, fields in zip(places, said, strict=True)
    )


def _series(form: Form, table: Table) -> Iterator[tuple[str, Array, Array]]:
    """Yield the name, the rows and the input of each series, long enough for a window."""
    layout, read = form.layout, form.read(table, targets=False)
    for rows, x in zip(read.rows, cast("list[Array]", read.x), strict=True):
        name = "" if layout.sequence is None else str(table.texts(layout.sequence)[rows[0]])
        if len(x) < (layout.window or 0):
            which = f" of {layout.sequence} {name}" * bool(name)
            raise DataError(
                f"{table.source} has {len(rows):,} rows{which}; the model reads {layout.window} at a time"
            )
        yield name, rows, x


def _of_windows(form: Form, network: Network, table: Table) -> tuple[list[tuple[Any, ...]], Array]:
    """Return (series, number of the first row that is predicted) and outputs, for each window.

    Windows lie so that the last one ends with the series.
    """
    layout, places, parts = form.layout, [], []
    assert layout.window is not None
    for name, _, x in _series(form, table):
        views = cut_windows(x, layout.window)
        starts = np.arange((views.shape[1] - 1) % layout.stride, views.shape[1], layout.stride)
        chunks = np.split(starts, np.arange(JUDGED, len(starts), JUDGED))
        batches = (Batch(views[:, chunk], np.zeros(0)) for chunk in chunks)
        for _, y in predict_batches(network, batches):
            parts.append(y if layout.per_sequence else y[-1])
        places += [(name, int(start) + layout.window + 1) for start in starts]
    return places, np.concatenate(parts)


def _of_sequences(form: Form, network: Network, table: Table) -> tuple[list[tuple[Any, ...]], Array]:
    """Return places and outputs of each sequence or text, or of each row, in the order of the table."""
    layout, read = form.layout, form.read(table, targets=False)
    count = len(read.x) if layout.per_sequence else len(table)
    outputs = np.zeros((count, network.spec.y_size), network.spec.dtype)
    with told_in_flags(table.source):
        data = Sequences(read.x, np.zeros(len(read.x), int), JUDGED, per_sequence=True)
    for batch, y in predict_batches(network, data.once()):
        assert batch.rows is not None
        for k, row in enumerate(batch.rows):
            if layout.per_sequence:
                outputs[row] = y[k]
            else:
                outputs[read.rows[row]] = y[: len(read.rows[row]), k]
    if layout.text is not None:
        return [(k + 1, text) for k, text in enumerate(table.texts(layout.text))], outputs
    names = table.texts(str(layout.sequence))
    if layout.per_sequence:
        return [(names[rows[0]],) for rows in read.rows], outputs
    steps = np.zeros(len(table), int)
    for rows in read.rows:
        steps[rows] = np.arange(len(rows)) + 1
    return list(zip(names, steps.tolist(), strict=True)), outputs


def _written(field: Any, dtype: str) -> str:
    """Write a number with the digits that it has."""
    return str(np.dtype(dtype).type(field)) if isinstance(field, float | np.floating) else str(field)
