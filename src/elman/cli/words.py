"""How well a model does, in words: one line after training, several from `elman eval`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from elman.figures import Evaluation, Figures, LabelEvaluation, ValueEvaluation
from elman.numerics import Array
from elman.spec import Spec

from .common import count_words, printable

FORMS = dict.fromkeys(("F1", "macro F1", "nats"), "{:.3f}")  # of shares and nats; others may be of any size


def network_words(spec: Spec) -> str:
    """Describe the layers.

    >>> network_words(Spec("gru", "tanh", 3, (64, 32), 2, 2, "float32", bidirectional=True))
    '64 + 32 units gru (tanh), bidirectional'
    """
    sizes = f"{spec.num_layers} × {spec.hidden_size}"
    if not isinstance(spec.hidden_size, int):
        sizes = " + ".join(map(str, spec.hidden_size))
    return f"{sizes} units {spec.cell} ({spec.activation})" + ", bidirectional" * spec.bidirectional


def amount(number: float) -> str:
    """Write a number that may be of any size, for people.

    >>> amount(29015.3), amount(0.031236), amount(4.0), amount(5e9)
    ('29,015', '0.03124', '4', '5,000,000,000')
    """
    return f"{number:,.0f}" if 1000 <= abs(number) < 1e15 else f"{number:.4g}"


def figure_facts(figures: Figures) -> dict[str, float]:
    """Return the figures that say most, by name, where there are such; the loss is the last."""
    facts: dict[str, float | None]
    match figures:
        case Evaluation():
            facts = {"accuracy": figures.accuracy, "macro F1": figures.macro_f1, "nats": figures.nats}
        case LabelEvaluation():
            facts = {"F1": figures.f1, "macro F1": figures.macro_f1, "nats": figures.nats}
        case ValueEvaluation():
            facts = {"MAE": figures.mae, "RMSE": figures.rmse, "loss": figures.loss}
    return {name: value for name, value in facts.items() if value is not None and math.isfinite(value)}


def figure_line(facts: dict[str, float]) -> str:
    """Return figures as one line.

    >>> figure_line({"accuracy": 0.8123, "macro F1": 0.7, "nats": 0.6125})
    'accuracy 81.2%  macro F1 0.700  nats 0.613'
    """
    forms = FORMS | {"accuracy": "{:.1%}"}
    return "  ".join(
        f"{name} {forms[name].format(value) if name in forms else amount(value)}"
        for name, value in facts.items()
    )


def report(figures: Figures, names: Sequence[str], noun: str) -> Iterator[str]:
    """Yield all there is to say, line by line; names are those of classes, labels or columns."""
    for name, value in figure_facts(figures).items():
        form = {"accuracy": "{:.2%}"}.get(name, FORMS.get(name))
        yield f"{form.format(value) if form else amount(value)} {name}"
    yield count_words(figures.count, noun)
    if isinstance(figures, ValueEvaluation):
        if len(names) > 1:
            rows = zip(map(amount, figures.column_mae), map(amount, figures.column_rmse), names, strict=True)
            yield from _columns([("MAE", "RMSE", "target"), *rows])
        return
    scores = figures.f1_scores
    if scores is not None:
        counts = _counts(figures)
        rows = zip((f"{score:.3f}" for score in scores), (f"{n:,.0f}" for n in counts), names, strict=True)
        yield from _columns([("F1", "count", "class"), *rows])


def _counts(figures: Evaluation | LabelEvaluation) -> Array:
    """How often each class or label is there."""
    if isinstance(figures, LabelEvaluation):
        hits, _, misses = figures.outcomes
        there: Array = hits + misses
        return there
    assert figures.confusion is not None
    targets: Array = figures.confusion.sum(axis=1)
    return targets


def _columns(rows: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(2)]
    for first, second, name in rows:
        yield f"{first:>{widths[0]}}  {second:>{widths[1]}}  {printable(name)}"
