"""What a report says of predictions: the numbers of `evaluate`, in the units of the table, in order."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from elman import Batch, Model, Network, evaluate
from elman.data import Layout, Preparation, Scaler, Sequences, Windows
from elman.evaluation import predict_batches
from elman.inspection.reporting import report
from elman.inspection.reporting.answers import CLASSES, COLUMNS, DRAWN, answers_html
from report_cases import HOSTILE, Page, network_on

SCALER = Scaler(mean=(500.0,), scale=(100.0,))


def rows_of(html: str) -> list[list[str]]:
    """The cells of the last table, head first."""
    last = html.rpartition("<table>")[2]
    return [
        [unescape(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        for row in re.findall(r"<tr>.*?</tr>", last)
    ]


def numbers(html: str) -> np.ndarray:
    return np.array([[float(c.replace("−", "-").replace(",", "")) for c in row] for row in rows_of(html)[1:]])


def random_network(**options) -> Network:
    network = Network("gru", input_size=2, hidden_size=5, **options)
    generator = np.random.default_rng(3)
    network.parameters.flat[:] = 0.7 * generator.normal(size=len(network.parameters))
    return network


def series_model(head: str = "squared", *, targets=("load",), horizon=1, **options) -> Model:
    layout = Layout(targets, inputs=("load", "sun"), window=5, horizon=horizon, target_kind="numbers")
    scaler = Scaler(SCALER.mean * len(targets), SCALER.scale * len(targets))
    preparation = Preparation(layout, target_scaler=scaler)
    network = random_network(output_size=len(targets) * horizon, head=head, readout="last", **options)
    return Model(network, None, {}, None, preparation.to_facts())


def series(count: int = 40, width: int = 1) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(8)
    return generator.normal(size=(count, 2)), generator.normal(size=(count, width))


def test_a_series_is_predicted_in_the_units_of_its_table():
    model, (x, targets) = series_model(), series()
    data = Windows(x, targets, window=5, batch_size=4)
    html = answers_html(model, data.once())
    told = numbers(html)
    wanted = [model.network.run(x[k : k + 5])[0][0] for k in range(35)]  # window by window, by itself
    np.testing.assert_allclose(told[:, 1], 500 + 100 * np.ravel(wanted), rtol=6e-3)
    np.testing.assert_allclose(told[:, 2], 500 + 100 * targets[5:, 0], rtol=6e-3)
    figures = evaluate(model.network, data.once(), scale=SCALER.scale)
    assert f"load: 35 predictions, MAE {figures.mae:.3g}, RMSE {figures.rmse:.3g}." in html
    assert "dashed" not in html
    assert html.count("<svg") == 1


def test_only_the_first_are_drawn_and_all_are_judged():
    model, (x, targets) = series_model(), series(DRAWN + 45)
    data = Windows(x, targets, window=5)
    html = answers_html(model, data.once())
    figures = evaluate(model.network, data.once(), scale=SCALER.scale)
    assert f"{DRAWN + 40} predictions, MAE {figures.mae:.3g}" in html
    assert f"The first {DRAWN} are drawn." in html
    shape = r"(?:M[\d.]+ [\d.]+m0 0h0)"
    assert len(re.findall(shape, html)) == DRAWN + 1  # and one in the legend


@pytest.mark.parametrize(
    ("head", "options", "words"),
    [
        ("gaussian", {}, "within 2 standard deviations of the predicted mean"),
        ("quantile", {"quantiles": (0.2, 0.5, 0.7)}, "between the quantiles 0.2 and 0.7"),
    ],
)
def test_what_lies_in_the_predicted_range_is_counted(head, options, words):
    model, (x, targets) = series_model(head, **options), series()
    data = Windows(x, targets, window=5)
    html = answers_html(model, data.once())
    y = np.concatenate([outputs for _, outputs in predict_batches(model.network, data.once())])
    if head == "gaussian":
        middle, low, high = y[:, 0], y[:, 0] - 2 * y[:, 1], y[:, 0] + 2 * y[:, 1]
    else:
        middle, low, high = y[:, 1], y.min(axis=1), y.max(axis=1)
    came = targets[5:, 0]
    inside = np.mean((low <= came) & (came <= high))
    assert 0.02 < inside < 0.98
    assert f"{inside:.0%} of the actual values lie {words} (dashed)." in html
    wanted = 500 + 100 * np.stack([middle, came, low, high], axis=1)
    np.testing.assert_allclose(numbers(html)[:, 1:], wanted, rtol=6e-3)


def test_columns_have_names_with_the_rows_ahead_and_errors_of_their_own():
    model, (x, targets) = series_model(targets=("load", "sun"), horizon=2), series(width=2)
    data = Windows(x, targets, window=5, horizon=2)
    html = answers_html(model, data.once())
    figures = evaluate(model.network, data.once(), scale=(100, 100))
    rows = rows_of(html)
    assert [row[0] for row in rows] == ["column", "load+1", "sun+1", "load+2", "sun+2"]
    assert [row[1] for row in rows[1:]] == [f"{error:.3g}" for error in figures.column_mae]
    assert [row[2] for row in rows[1:]] == [f"{error:.3g}" for error in figures.column_rmse]
    assert html.count("<svg") == COLUMNS


def test_sequences_are_told_in_their_order_and_without_padding():
    network = random_network(output_size=1, head="absolute", readout="every")
    generator = np.random.default_rng(2)
    x = [generator.normal(size=(length, 2)) for length in (3, 6, 1, 4)]
    targets = [generator.normal(size=(len(one), 1)) for one in x]
    weights = [np.ones(len(one)) for one in x]
    weights[1][2] = 0  # a target that counts for nothing
    data = Sequences(x, targets, 2, per_sequence=False, weights=weights)
    told = numbers(answers_html(Model(network), data.once()))
    kept = np.concatenate(weights) > 0
    wanted = np.concatenate([network.run(one)[0] for one in x])[kept, 0]
    np.testing.assert_allclose(told[:, 1], wanted, atol=6e-3, rtol=6e-3)
    np.testing.assert_allclose(told[:, 2], np.concatenate(targets)[kept, 0], rtol=6e-3)


def test_batches_come_one_after_the_other():
    network = random_network(output_size=1, head="squared", readout="every")
    x, targets = np.zeros((2, 2, 2, 2)), np.arange(8.0).reshape(2, 2, 2, 1)  # batch, step, row
    html = answers_html(Model(network), [Batch(x[k], targets[k]) for k in range(2)])
    np.testing.assert_array_equal(numbers(html)[:, 2], [0, 2, 1, 3, 4, 6, 5, 7])


def test_one_number_for_each_sequence_is_laid_against_what_came():
    network = random_network(output_size=1, head="huber", readout="last")
    x = [np.full((length, 2), 0.1 * length) for length in (2, 5, 3)]
    html = answers_html(Model(network), Sequences(x, np.arange(3.0)[:, None], per_sequence=True).once())
    assert "output 0, actual" in html
    np.testing.assert_array_equal(numbers(html)[:, 2], [0, 1, 2])


def test_classes_are_counted_by_what_they_were_taken_for():
    network = random_network(output_size=3, readout="last")
    generator = np.random.default_rng(4)
    x, labels = list(generator.normal(size=(30, 4, 2))), generator.integers(0, 3, 30)
    data = Sequences(x, labels, per_sequence=True)
    figures = evaluate(network, data.once())
    html = answers_html(Model(network), data.once())
    assert f"Of 30 predictions {figures.accuracy:.1%} are right." in html
    rows = rows_of(html)
    assert rows[0] == ["actual class", "class 0", "class 1", "class 2"]
    np.testing.assert_array_equal(np.array(rows[1:])[:, 1:].astype(int), figures.confusion)
    assert np.count_nonzero(figures.confusion) > 3  # not one class alone


def test_of_many_classes_the_usual_mistake_of_each_is_told():
    many = CLASSES + 1
    network = random_network(output_size=many, readout="every")
    generator = np.random.default_rng(4)
    batch = Batch(generator.normal(size=(50, 3, 2)), generator.integers(0, many, (50, 3)))
    figures = evaluate(network, [batch])
    rows = rows_of(answers_html(Model(network), [batch]))[1:]
    counts = figures.confusion.sum(axis=1)
    assert [int(row[1]) for row in rows] == sorted(counts, reverse=True)
    for name, _, score, other in rows:
        k = int(name.removeprefix("class "))
        assert score == ("–" if np.isnan(figures.f1_scores[k]) else f"{figures.f1_scores[k]:.3f}")
        wrong = np.delete(figures.confusion[k], k)
        assert figures.confusion[k][int(other.removeprefix("class "))] == wrong.max()


def test_flags_are_counted_one_by_one():
    network = random_network(output_size=2, head="sigmoid", readout="every")
    generator = np.random.default_rng(4)
    batch = Batch(generator.normal(size=(20, 3, 2)), generator.integers(0, 2, (20, 3, 2)).astype(float))
    y, _ = network.run(batch.x)
    network.parameters.views["head.c"][:] -= y.mean(axis=(0, 1))  # neither flag is always told, or never
    figures = evaluate(network, [batch])
    rows = rows_of(answers_html(Model(network), [batch]))
    hits, false_alarms, misses = figures.outcomes.astype(int)
    assert hits.min() > 0
    assert misses.min() > 0
    for k, row in enumerate(rows[1:]):
        counts = [hits[k] + misses[k], hits[k], false_alarms[k], misses[k]]
        assert row == [f"output {k}", *map(str, counts), f"{figures.f1_scores[k]:.3f}"]


def test_a_page_has_them_where_there_are_targets_and_nothing_otherwise():
    model, (x, targets) = series_model(), series()
    page = report(model, x, batches=Windows(x, targets, window=5).once())
    assert '<section id="answers" aria-labelledby="answers-head">' in page
    assert 'id="answers"' not in report(model, x)
    nothing = Batch(x[:, None], np.zeros((1, 1)), weights=np.zeros(1), per_sequence=True)
    assert 'id="answers"' not in report(model, x, batches=[nothing])


@pytest.mark.parametrize("head", ["squared", "softmax", "sigmoid"])
def test_hostile_names_are_shown_and_run_nothing(head):
    name = HOSTILE.replace("\ud800", "")
    kind = {"softmax": "labels", "sigmoid": "flags"}.get(head, "numbers")
    layout = Layout(
        ("y",) if head == "softmax" else (name, "z"), inputs=("a", "b"), sequence="s", target_kind=kind
    )
    labels = (name, "z") if head == "softmax" else None
    preparation = Preparation(layout, labels=labels)
    network = random_network(output_size=2, head=head, readout="last")
    targets = np.array([0, 1]) if head == "softmax" else np.eye(2)
    batch = Batch(np.zeros((3, 2, 2)), targets, per_sequence=True)
    model = Model(network, None, {}, None, preparation.to_facts())
    page = report(model, np.zeros((3, 2)), batches=[batch])
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;alert(1)" in page.partition('id="answers"')[2].partition("</section>")[0]
    assert Page(page).facts["steps"] == 3


def test_the_network_of_symbols_may_be_judged_too():
    network = network_on(4)
    x = np.random.default_rng(1).integers(0, 4, (9, 2))
    html = answers_html(Model(network), [replace(Batch(x[:-1], x[1:]), lengths=np.array([8, 5]))])
    assert "Of 13 predictions" in html
