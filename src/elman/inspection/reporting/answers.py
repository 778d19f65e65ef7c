"""What a network predicts, beside what came: numbers as curves, classes and flags as tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape

import numpy as np

from elman.data import Batch, Preparation
from elman.evaluation import predict_batches
from elman.inspection.drawing_svg import Axes, Curve, chart
from elman.metrics import (
    class_outcomes,
    confusion_matrix,
    error_sums,
    f1_scores,
    label_outcomes,
    point_forecasts,
    weighted_sum,
)
from elman.network import Network
from elman.numerics import Array
from elman.persistence import Model

from .figures import ROWS, figure, number, table
from .passage import answer_names, preparation_of

DRAWN = 100  # predictions side by side in a chart
COLUMNS = 3  # that have a chart of their own
CLASSES = 12  # that a confusion matrix on a page may have
DEVIATIONS = 2.0  # of a Gaussian, to both sides: 95.4 % of what it says


@dataclass(frozen=True, eq=False)
class Answers:
    """N predictions of a network, in the order of their sequences, and what came.

    Shapes: outputs: "N Y", as `predict_batches` has them; targets: "N" symbols or "N O"; weights: "N".
    """

    outputs: Array
    targets: Array
    weights: Array


def answers_html(model: Model, batches: Iterable[Batch]) -> str:
    """Return what a network predicts of batches, beside their targets; nothing where no target counts.

    Raises: as `predict_batches`.
    """
    parts = list(_parts(model.network, batches))
    if not parts:
        return ""
    parts.sort(key=lambda part: part[0])
    answers = Answers(*(np.concatenate(arrays) for arrays in list(zip(*parts, strict=True))[1:]))
    names, head = answer_names(model), model.network.spec.head
    if head == "softmax":
        return _classes_html(answers, names)
    if head == "sigmoid":
        return _flags_html(answers, names)
    return "".join(_numbers_html(model, answers, names))


def _parts(network: Network, batches: Iterable[Batch]) -> Iterator[tuple[int, Array, Array, Array]]:
    """Yield (its number, outputs, targets, weights) of each sequence, without what counts for nothing."""
    seen = 0
    for batch, outputs in predict_batches(network, batches):
        steps = 1 if batch.per_sequence else len(outputs)
        y = outputs.reshape(steps, -1, outputs.shape[-1])
        rows = y.shape[1]
        targets = np.reshape(batch.targets, (steps, rows, -1))
        weights = (
            np.ones((steps, rows)) if batch.weights is None else np.reshape(batch.weights, (steps, rows))
        )
        lengths = steps if batch.per_sequence or batch.lengths is None else batch.lengths
        counts = (np.arange(steps)[:, None] < lengths) & (weights > 0)
        numbers = seen + np.arange(rows) if batch.rows is None else np.asarray(batch.rows)
        for k in np.flatnonzero(counts.any(axis=0)).tolist():
            kept = counts[:, k]
            yield int(numbers[k]), y[kept, k], targets[kept, k], weights[kept, k]
        seen += rows


def _numbers_html(model: Model, answers: Answers, names: list[str]) -> Iterator[str]:
    """Yield a chart for each of the first columns, and the errors of all."""
    spec, preparation = model.network.spec, preparation_of(model)
    middle, low, high = _predicted(model.network, preparation, answers.outputs)
    came = _in_units(preparation, answers.targets)
    errors = error_sums(middle, came, answers.weights) / answers.weights.sum()
    mae, rmse = errors[0], np.sqrt(errors[1])
    inside = weighted_sum((low <= came) & (came <= high), answers.weights) / answers.weights.sum()
    has_range = spec.head == "gaussian" or len(spec.quantiles) > 1
    in_order = spec.readout == "every" or (preparation is not None and preparation.layout.window is not None)
    yield '<div class="charts">'
    for k, name in enumerate(names[:COLUMNS]):
        caption = f"{escape(name)}: {len(came):,} predictions, MAE {number(mae[k])}, RMSE {number(rmse[k])}."
        caption += f" The first {DRAWN} are drawn." * (len(came) > DRAWN)
        if has_range:
            words = _range_words(spec.head, spec.quantiles)
            caption += f" {inside[k]:.0%} of the actual values lie {words} (dashed)."
        columns = [middle[:DRAWN, k], came[:DRAWN, k], low[:DRAWN, k], high[:DRAWN, k]]
        yield _drawn(name, caption, columns if has_range else columns[:2], in_order)
    yield "</div>"
    if len(names) > COLUMNS:
        rows = zip(names[:ROWS], map(number, mae), map(number, rmse), strict=False)
        yield table(("column", "MAE", "RMSE"), rows)


def _predicted(
    network: Network, preparation: Preparation | None, outputs: Array
) -> tuple[Array, Array, Array]:
    """Return what was predicted in the units of the table, and the lower and the upper end of its range."""
    spec = network.spec
    columns = spec.output_size
    middle = _in_units(preparation, point_forecasts(outputs, columns, spec.quantiles))
    if spec.head == "gaussian":
        deviation = outputs[:, columns:].astype(np.float64)
        far = DEVIATIONS * (deviation if preparation is None else preparation.spread(deviation))
        return middle, middle - far, middle + far
    blocks = np.stack(np.split(outputs, outputs.shape[1] // columns, axis=1))
    low, high = (_in_units(preparation, ends) for ends in (blocks.min(axis=0), blocks.max(axis=0)))
    return middle, low, high


def _in_units(preparation: Preparation | None, values: Array) -> Array:
    return values.astype(np.float64) if preparation is None else preparation.values(values)


def _range_words(head: str, quantiles: tuple[float, ...]) -> str:
    if head == "gaussian":
        return f"within {DEVIATIONS:g} standard deviations of the predicted mean"
    return f"between the quantiles {min(quantiles):g} and {max(quantiles):g}"


def _drawn(name: str, caption: str, columns: list[Array], in_order: bool) -> str:
    """Draw the first predictions: along the series, or where they have no order, against what came."""
    middle, came, *ends = columns
    if in_order:
        at = np.arange(1, len(came) + 1)
        guides = [Curve(at, end, kind="guide") for end in ends]
        curves = [Curve(at, came, "actual", "points"), Curve(at, middle, "predicted"), *guides]
        axes = Axes("prediction", name[:24], y_range=_roomy(np.concatenate(columns)))
    else:
        span = np.array([min(came.min(), middle.min()), max(came.max(), middle.max())])
        curves = [Curve(span, span, kind="guide"), Curve(came, middle, "predicted", "points")]
        axes = Axes(f"{name[:24]}, actual", "predicted")
    about = f"The first {len(came):,} predictions beside the actual values."
    names = ("prediction", "predicted", "actual", "lower end", "upper end")[: 1 + len(columns)]
    numbers = zip(*(map(number, column[:ROWS]) for column in columns), strict=True)
    rows = ((k + 1, *row) for k, row in enumerate(numbers))
    return figure(chart(f"What was predicted of {name}", axes, curves, about), caption, names, rows)


def _roomy(values: Array) -> tuple[float, float]:
    """Return a range with room for the names of curves above what is drawn."""
    low, high = float(values.min()), float(values.max())
    size = high - low or 1.0
    return low - 0.05 * size, high + 0.25 * size


def _classes_html(answers: Answers, names: list[str]) -> str:
    targets, guesses = answers.targets[:, 0].astype(np.intp), answers.outputs.argmax(axis=1)
    right = weighted_sum(targets == guesses, answers.weights) / answers.weights.sum()
    about = f"<p>Of {len(targets):,} predictions {right:.1%} are right.</p>"
    confusion = confusion_matrix(targets, guesses, len(names), answers.weights)
    if len(names) <= CLASSES:
        rows = ((name, *map(number, counts)) for name, counts in zip(names, confusion, strict=True))
        about += "<p>Rows: the actual class; columns: the predicted one.</p>"
        return about + table(("actual class", *names), rows)
    outcomes, there = class_outcomes(confusion), confusion.sum(axis=1)
    wrong = confusion * (1 - np.eye(len(names)))
    listed = np.argsort(-there, kind="stable")[:ROWS]
    facts = (
        (names[k], number(there[k]), _share(score), names[wrong[k].argmax()] if wrong[k].any() else "–")
        for k, score in ((k, f1_scores(outcomes[:, k])) for k in listed.tolist())
    )
    return about + table(("class", "count", "F1", "most often taken for"), facts)


def _flags_html(answers: Answers, names: list[str]) -> str:
    outcomes = label_outcomes(answers.targets > 0.5, answers.outputs > 0.5, answers.weights)
    hits, false_alarms, misses = outcomes
    columns = (hits + misses, hits, false_alarms, misses)
    rows = (
        (name, *(number(column[k]) for column in columns), _share(f1_scores(outcomes[:, k])))
        for k, name in enumerate(names[:ROWS])
    )
    head = ("flag", "count", "found", "false alarms", "misses", "F1")
    about = f"{len(answers.targets):,} predictions; a flag is predicted where its probability is above 0.5."
    return f"<p>{about}</p>{table(head, rows)}"


def _share(value: Array | float) -> str:
    return "–" if np.isnan(value) else f"{float(value):.3f}"
