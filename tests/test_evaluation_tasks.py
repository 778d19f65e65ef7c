"""Evaluation of every head and readout: the loss of training, and figures made of the outputs themselves."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from elman import Batch, Network, bptt, heads, outputs
from elman.data import Sequences, Vocabulary
from elman.data.scaling import Scaler
from elman.data.windows import Windows
from elman.errors import DataError, NumericError, OptionError, ShapeError
from elman.evaluation import (
    Evaluation,
    LabelEvaluation,
    ValueEvaluation,
    evaluate,
    predict_batches,
    score_lines,
)
from elman.heads import HEADS
from elman.numerics import softmax
from elman.outlet import Outlet

T, B, I, O = 7, 5, 3, 2
QUANTILES = (0.1, 0.45, 0.9)
LENGTHS = np.array([2, 7, 1, 5, 5])
SHAPES = [
    {"readout": readout, "bidirectional": both, "lengths": lengths}
    for readout, both, lengths in product(("every", "last", "concat"), (False, True), (None, LENGTHS))
]
every_head = pytest.mark.parametrize("head", HEADS)
every_shape = pytest.mark.parametrize(
    "shape", SHAPES, ids=lambda s: f"{s['readout']}-{'both' * s['bidirectional']}-{s['lengths']}"
)


def network(head: str, **options: Any) -> Network:
    quantiles = QUANTILES if head == "quantile" else ()
    sizes = {"input_size": I, "hidden_size": (4, 6), "output_size": O, "dtype": "float64", "seed": 3}
    one = Network("gru", head=head, quantiles=quantiles, **(sizes | options))
    one.parameters.flat[:] = np.random.default_rng(1).standard_normal(len(one.parameters)) / 2
    return one


def targets_of(head: str, *shape: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    if head == "softmax":
        return generator.integers(O, size=shape)
    values = generator.standard_normal((*shape, O))
    return (values > 0).astype(float) if head == "sigmoid" else values


def case(head: str, shape: dict[str, Any], *, weighted: bool = False) -> tuple[Network, Batch]:
    options = {name: value for name, value in shape.items() if name != "lengths"}
    generator, every = np.random.default_rng(2), shape["readout"] == "every"
    rows = (T, B) if every else (B,)
    batch = Batch(
        generator.standard_normal((T, B, I)),
        targets_of(head, *rows),
        shape["lengths"],
        weights=generator.random(rows).round(1) if weighted else None,
        per_sequence=not every,
    )
    return network(head, **options), batch


def rows_of(one: Network, batch: Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outputs, targets and weights of the rows that count, from one run over the whole batch."""
    y = one.run(batch.x, None, batch.lengths, batch.reset)[0]
    shape = y.shape[:-1]
    weights = np.ones(shape) if batch.weights is None else np.array(batch.weights)
    if batch.lengths is not None and not batch.per_sequence:
        weights = weights * (np.arange(T)[:, None] < batch.lengths)
    kept = weights > 0
    return y[kept], batch.targets[kept], weights[kept]


def close(one: Any, other: Any, tolerance: float = 1e-12) -> bool:
    """Are all figures the same, to rounding?"""
    assert type(one) is type(other)
    names = [name for name in vars(one) if getattr(one, name) is not None]
    return all(getattr(one, n) == pytest.approx(getattr(other, n), abs=tolerance, nan_ok=True) for n in names)


# ------------------------------------------------------------------------------------------- figures


@every_head
@every_shape
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_is_that_of_training(head, shape, weighted):
    one, batch = case(head, shape, weighted=weighted)
    result = evaluate(one, [batch])
    assert result.loss == pytest.approx(bptt.full(one, batch)[0], abs=1e-12)
    assert result.count == batch.count


@every_shape
@pytest.mark.parametrize("weighted", [False, True])
def test_figures_of_classes(shape, weighted):
    one, batch = case("softmax", shape, weighted=weighted)
    result, (y, targets, weights) = evaluate(one, [batch]), rows_of(one, batch)
    guesses = y.argmax(axis=-1)
    assert isinstance(result, Evaluation)
    assert result.accuracy == pytest.approx(weights[guesses == targets].sum() / weights.sum())
    cells = [[weights[(targets == t) & (guesses == g)].sum() for g in range(O)] for t in range(O)]
    assert result.confusion == pytest.approx(np.array(cells))
    assert (result.confusion.dtype.kind == "i") == (not weighted)


@every_shape
@pytest.mark.parametrize("weighted", [False, True])
def test_figures_of_labels(shape, weighted):
    one, batch = case("sigmoid", shape, weighted=weighted)
    result, (y, targets, weights) = evaluate(one, [batch]), rows_of(one, batch)
    there, guessed = targets == 1, heads.HEADS["sigmoid"].outputs(y) > 0.5
    hits = weights @ (there & guessed)
    assert isinstance(result, LabelEvaluation)
    assert result.outcomes[0] == pytest.approx(hits)
    assert result.accuracy == pytest.approx(hits.sum() / (weights @ (there | guessed)).sum())
    assert result.f1 == pytest.approx(2 * hits.sum() / (weights @ (there * 1 + guessed)).sum())


@every_shape
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("head", ["squared", "absolute", "huber", "gaussian", "quantile"])
def test_figures_of_values(head, shape, weighted):
    one, batch = case(head, shape, weighted=weighted)
    result, (y, targets, weights) = evaluate(one, [batch]), rows_of(one, batch)
    errors = y[:, O : 2 * O] - targets if head == "quantile" else y[:, :O] - targets
    mean_square = weights @ errors**2 / weights.sum()
    assert isinstance(result, ValueEvaluation)
    assert result.column_mae == pytest.approx(weights @ abs(errors) / weights.sum())
    assert result.column_rmse == pytest.approx(np.sqrt(mean_square))
    assert result.rmse == pytest.approx(math.sqrt(mean_square.mean()))


@every_head
def test_batches_count_by_their_targets_and_not_by_their_number(head):
    one, batch = case(head, {"readout": "every", "lengths": None, "bidirectional": False})
    small = Batch(batch.x[:2, :3], batch.targets[:2, :3])
    result = evaluate(one, [batch, small])
    losses = [bptt.full(one, part)[0] for part in (batch, small)]
    assert result.count == T * B + 6
    assert result.loss == pytest.approx(np.average(losses, weights=[T * B, 6]), abs=1e-12)


@every_head
def test_what_has_no_weight_may_hold_anything(head):
    one, batch = case(head, {"readout": "every", "lengths": LENGTHS, "bidirectional": False}, weighted=True)
    idle = (batch.weights == 0) | (np.arange(T)[:, None] >= LENGTHS)
    garbage = np.full_like(batch.targets, 1 if head == "softmax" else np.nan)
    holes = replace(
        batch,
        targets=np.where(idle if head == "softmax" else idle[..., None], garbage, batch.targets),
        weights=np.where(idle, 0, batch.weights),
        x=np.where((np.arange(T)[:, None] >= LENGTHS)[..., None], np.nan, batch.x),
    )
    assert 0 < (batch.weights == 0).sum() < idle.sum()
    assert close(evaluate(one, [holes]), evaluate(one, [batch]))


@every_head
@pytest.mark.parametrize("readout", ["every", "last"])
def test_a_sequence_without_a_batch_axis(head, readout):
    one, batch = case(head, {"readout": readout, "lengths": None, "bidirectional": False})
    row = (slice(None), 1) if readout == "every" else (1,)
    batched = replace(batch, x=batch.x[:, 1:2], targets=np.expand_dims(batch.targets[row], len(row) - 1))
    alone = replace(batch, x=batch.x[:, 1], targets=batch.targets[row])
    assert close(evaluate(one, [alone]), evaluate(one, [batched]))
    twice = [replace(part, fresh=False) for part in (alone, batched)]
    assert close(evaluate(one, [alone, twice[0]]), evaluate(one, [batched, twice[1]]))


def test_errors_are_told_in_the_units_of_the_scaler():
    generator = np.random.default_rng(0)
    series = generator.standard_normal((40, 2)) * (300, 5) + (1000, 3)
    scaler = Scaler(tuple(series.mean(axis=0)), tuple(series.std(axis=0)))
    z, horizon = scaler.transform(series), 3
    one = network("squared", input_size=2, output_size=2 * horizon, readout="last")
    windows = Windows(z, z, window=T, horizon=horizon, batch_size=8)
    result = evaluate(one, windows.once(), scale=scaler.scale)
    missed = [scaler.inverse(one.run(batch.x)[0]) - scaler.inverse(batch.targets) for batch in windows.once()]
    errors = np.concatenate(missed)
    assert result.column_mae == pytest.approx(abs(errors).mean(axis=0))
    assert result.rmse == pytest.approx(np.sqrt((errors**2).mean()))
    assert result.loss == evaluate(one, windows.once()).loss


def test_soft_labels_are_there_above_one_half():
    one, batch = case("sigmoid", {"readout": "every", "lengths": None, "bidirectional": False})
    soft = replace(batch, targets=0.5 + 0.3 * (batch.targets - 0.5))
    assert evaluate(one, [soft]).f1_scores == pytest.approx(evaluate(one, [batch]).f1_scores)
    assert evaluate(one, [soft]).loss != pytest.approx(evaluate(one, [batch]).loss)


# ------------------------------------------------------------------------------------------- blocks


@every_head
@every_shape
@pytest.mark.parametrize("weighted", [False, True])
def test_blocks_of_rows_and_windows_of_time_do_not_show(monkeypatch, head, shape, weighted):
    one, batch = case(head, shape, weighted=weighted)
    expected = evaluate(one, [batch])
    for size in (1, 30, 2 * B * 6):  # a row and a step at a time; 2 steps
        monkeypatch.setattr(outputs, "BLOCK", size)
        assert close(evaluate(one, [batch]), expected)


@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_windows_cut_everything_that_lies_in_time(monkeypatch, lengths):
    generator = np.random.default_rng(5)
    one = network("softmax", input_size=4, embedding_size=2, feature_size=I)
    x = generator.integers(4, size=(T, B)), generator.standard_normal((T, B, I))
    targets, weights, reset = (
        targets_of("softmax", T, B),
        generator.random((T, B)),
        generator.random((T, B)) < 0.3,
    )
    batch = Batch(x, targets, lengths, weights=weights, reset=reset)
    after = replace(batch, fresh=False)
    expected = evaluate(one, [batch, after])
    assert not close(evaluate(one, [replace(batch, reset=None)]), evaluate(one, [batch]), 1e-6)
    monkeypatch.setattr(outputs, "BLOCK", 2 * B * 6)
    assert len(list(outputs.windows(one, batch))) == 4
    assert close(evaluate(one, [batch, after]), expected)


def test_only_what_is_read_forward_with_an_output_a_step_is_cut_in_time(monkeypatch):
    monkeypatch.setattr(outputs, "BLOCK", 1)
    cuts = [len(list(outputs.windows(*case("squared", shape)))) for shape in SHAPES]
    assert cuts == [T, T, *[1] * (len(SHAPES) - 2)]
    one, batch = case("squared", {"readout": "last", "bidirectional": False, "lengths": None})
    assert len(list(outputs.windows(one, replace(batch, x=batch.x[:B])))) == 1  # as many steps as targets


def test_sums_over_time_belong_to_the_rows_of_the_batch():
    one, batch = case("softmax", SHAPES[1])
    judged = outputs.judge(one, batch, None)
    steps = np.zeros(len(judged.aim.targets))
    for which, *_ in judged.blocks():
        steps[which] = 1
    assert judged.of_sequences(steps).tolist() == LENGTHS.tolist()


def test_the_memory_of_a_run_serves_the_next():
    one, batch = case("softmax", SHAPES[1])
    evaluate(one, [batch])
    held = len(one.machine.memory._spare)
    evaluate(one, [batch] * 5)
    assert len(one.machine.memory._spare) == held > 0


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"lengths": LENGTHS + 1}, ShapeError, "lengths run from 2 to 8; x has T=7 steps"),
        ({"lengths": LENGTHS - 2}, ShapeError, "lengths run from -1 to 5"),
        ({"targets": np.zeros((2 * T, B, O))}, ShapeError, r"targets has (shape \(14, 5, 2\)|14 steps)"),
        ({"weights": np.zeros((2 * T, B))}, ShapeError, r"weights ha(ve shape \(14, 5\)|s 14 steps)"),
        ({"reset": np.zeros((2 * T, B), bool)}, ShapeError, r"reset has (shape \(14, 5\)|14 steps)"),
        ({"weights": np.zeros((T, B))}, DataError, "nothing to evaluate"),
        ({"targets": np.full((T, B, O), np.nan)}, DataError, "targets hold nan"),
    ],
)
@pytest.mark.parametrize("size", [1, 1 << 20])
def test_what_does_not_fit_is_refused_however_it_is_cut(monkeypatch, size, change, error, words):
    one, batch = case("squared", SHAPES[0])
    monkeypatch.setattr(outputs, "BLOCK", size)
    with pytest.raises(error, match=words):
        evaluate(one, [replace(batch, **change)])


@pytest.mark.parametrize("options", [{"bidirectional": True}, {"readout": "last"}])
def test_outputs_of_all_rows_are_never_there(monkeypatch, options):
    seen: list[int] = []
    judge = Outlet.judge
    monkeypatch.setattr(Outlet, "judge", lambda self, h, k: seen.append(len(h)) or judge(self, h, k))
    monkeypatch.setattr(outputs, "BLOCK", 3000)
    one = network("softmax", output_size=1000, **options)
    targets = np.zeros((T, B) if options.get("readout") != "last" else B, int)
    evaluate(one, [Batch(np.ones((T, B, I)), targets)])
    assert max(seen) == 3
    assert sum(seen) == targets.size


@every_head
def test_a_loss_that_is_not_finite_is_an_error(head):
    one, batch = case(head, SHAPES[0])
    one.parameters["head.c"][0] = np.nan
    with pytest.raises(NumericError, match="the loss is not finite"):
        evaluate(one, [batch])


# --------------------------------------------------------------------------------------- predictions


@every_head
@every_shape
def test_predictions_are_what_the_head_says(head, shape):
    one, batch = case(head, shape)
    [(same, said)] = predict_batches(one, [batch])
    assert same is batch
    expected = heads.find(head, one.spec.quantiles).outputs(one.run(batch.x, None, batch.lengths)[0])
    if shape["readout"] == "every" and shape["lengths"] is not None:
        expected[np.arange(T)[:, None] >= LENGTHS] = 0
    assert said == pytest.approx(expected, abs=1e-15)


def test_predictions_of_sequences_find_back_into_order():
    generator = np.random.default_rng(0)
    x = [generator.standard_normal((n, I)) for n in (3, 9, 4, 4, 1)]
    one = network("softmax", readout="last", bidirectional=True)
    data = Sequences(x, np.zeros(5, int), batch_size=2, per_sequence=True)
    said = np.empty((5, O))
    for batch, part in predict_batches(one, data.once()):
        said[batch.rows] = part
    assert said == pytest.approx(np.stack([softmax(one.run(row)[0]) for row in x]), abs=1e-12)


@pytest.mark.parametrize("fresh", [False, True])
def test_the_state_flows_on_unless_a_batch_is_fresh(fresh):
    one, batch = case("squared", SHAPES[0])
    parts = [replace(batch, x=batch.x[:3]), replace(batch, x=batch.x[3:], fresh=fresh)]
    said = np.concatenate([part for _, part in predict_batches(one, parts)])
    y = [one.run(part.x)[0] for part in parts] if fresh else [one.run(batch.x)[0]]
    assert said == pytest.approx(np.concatenate(y), abs=1e-12)


def test_a_prediction_without_a_batch_axis_ends_with_its_row():
    one, batch = case("sigmoid", SHAPES[0])
    [(_, said)] = predict_batches(one, [Batch(batch.x[:, 0], batch.targets[:, 0], np.array([4]))])
    assert said.shape == (T, O)
    assert (said != 0).all(axis=1).tolist() == [True] * 4 + [False] * 3


def test_a_prediction_that_is_not_finite_is_an_error():
    one, batch = case("squared", SHAPES[0])
    one.parameters["head.c"][0] = np.inf
    with pytest.raises(NumericError, match="an output is not finite"):
        list(predict_batches(one, [batch]))


# --------------------------------------------------------------------------------------------- lines


@pytest.mark.parametrize(
    "options",
    [
        {"bidirectional": True},
        {"readout": "last"},
        {"head": "sigmoid"},
        {"embedding_size": 2, "feature_size": 1},
    ],
)
def test_lines_are_scored_by_what_predicts_the_next_symbol(options):
    vocabulary = Vocabulary("chars", ("<unk>", "\n", "a", "b"))
    one = network(**{"head": "softmax", "input_size": 4, "output_size": 4} | options)
    with pytest.raises(OptionError, match="does not predict the next symbol of a text"):
        score_lines(one, vocabulary, ["ab"], carry=True)
