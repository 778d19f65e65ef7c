"""What symbols cost: against sums written out, against `evaluate`, and where the chances are set."""

from __future__ import annotations

import math
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cases import TOLERANCE, Array, Case, random_case, row
from checks import distance
from elman import Batch, DataError, Network, NumericError, OptionError, ShapeError, evaluate, whole
from elman.inspection import Surprisal, calibration, surprisal
from inspection_cases import every_cell, every_engine

CHANCES = np.array([0.1, 0.4, 0.05, 0.3, 0.15])


def saying(chances: Array, **options: Any) -> Network:
    """A network that gives every symbol the same chances at every step, whatever it reads."""
    sizes = {"input_size": len(chances), "hidden_size": 3, "output_size": len(chances)}
    network = Network(**sizes | {"dtype": "float64"} | options)
    network.parameters["head.V"][:] = 0
    network.parameters["head.c"][:] = np.log(chances) + 2
    return network


def paid_by_hand(y: Array, targets: Array) -> tuple[list[float], list[float], list[int]]:
    """Nats, entropy and rank of every row of logits, one number at a time."""
    nats, entropy, rank = list[float](), list[float](), list[int]()
    for logits, target in zip(y.astype(float).tolist(), targets.tolist(), strict=True):
        total = math.fsum(math.exp(z) for z in logits)
        chances = [math.exp(z) / total for z in logits]
        nats.append(-math.log(chances[target]))
        entropy.append(-math.fsum(p * math.log(p) for p in chances))
        rank.append(sum(p > chances[target] for p in chances))
    return nats, entropy, rank


def asked(case: Case, **options: Any) -> Surprisal:
    return surprisal(case.network, case.x, case.targets, case.state, reset=case.reset, **options)


@every_cell
@every_engine
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dense": False, "embedding_size": 3, "feature_size": 2},
        {"reset": 0.4, "learn_initial_state": True},
        {"zoneout": 0.2, "layer_norm": True},
    ],
    ids=["features", "a pair", "a reset", "options"],
)
def test_what_is_paid_follows_from_the_logits(cell, engine, dtype, options):
    drawn = random_case(cell, T=11, B=3, I=3, H=(7, 5), O=6, layers=2, engine=engine, dtype=dtype, **options)
    case = row(drawn, 2)
    y, _ = case.run()
    nats, entropy, rank = paid_by_hand(y, case.targets)
    paid = asked(case, top=4)
    assert distance(paid.nats, np.array(nats)) < TOLERANCE.equations
    assert distance(paid.bits, np.array(nats) / math.log(2)) < TOLERANCE.equations
    assert distance(paid.entropy, np.array(entropy)) < TOLERANCE.equations
    np.testing.assert_array_equal(paid.rank, rank)
    np.testing.assert_array_equal(paid.top_symbols, np.argsort(-y, axis=1)[:, :4])
    p = np.exp(y.astype(float)) / np.exp(y.astype(float)).sum(axis=1, keepdims=True)
    assert distance(paid.top_probabilities, -np.sort(-p, axis=1)[:, :4]) < TOLERANCE.equations
    assert len(paid) == 11


@every_engine
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_mean_is_what_evaluate_finds(engine, dtype):
    symbols = np.random.default_rng(0).integers(0, 20, 5000)
    network = Network("lstm", input_size=20, hidden_size=30, output_size=20, engine=engine, dtype=dtype)
    network.parameters.flat[:] *= 3  # far from all chances alike
    paid = surprisal(network, symbols[:-1], symbols[1:])
    found = evaluate(network, whole(symbols))
    assert abs(paid.nats.mean() - found.nats) < 1e-6  # 3e-8
    assert np.mean(paid.rank == 0) == found.accuracy
    assert paid.nats.std() > 0.1


def test_chances_that_are_set_cost_what_they_should():
    targets = np.array([1, 2, 0, 4, 3])
    paid = surprisal(saying(CHANCES), [0, 1, 2, 3, 4], targets, top=5)
    np.testing.assert_allclose(paid.nats, -np.log(CHANCES[targets]), rtol=1e-14)
    np.testing.assert_allclose(paid.entropy, -(CHANCES @ np.log(CHANCES)), rtol=1e-14)
    assert paid.rank.tolist() == [0, 4, 3, 2, 1]
    assert paid.top_symbols.tolist() == [[1, 3, 4, 0, 2]] * 5
    np.testing.assert_allclose(paid.top_probabilities[0], -np.sort(-CHANCES), rtol=1e-14)


def test_among_equals_the_lower_symbol_comes_first_and_none_is_ahead():
    paid = surprisal(saying(np.array([0.1, 0.2, 0.2, 0.2, 0.3])), [0, 0], [3, 1], top=4)
    assert paid.top_symbols.tolist() == [[4, 1, 2, 3]] * 2
    assert paid.rank.tolist() == [1, 1]


def test_what_is_nearly_impossible_costs_much_and_certainty_nothing():
    network = saying(np.array([0.5, 0.5]), dtype="float32")
    network.parameters["head.c"][:] = 0, 3e4
    paid = surprisal(network, [0, 0], [0, 1])
    np.testing.assert_allclose(paid.nats, [3e4, 0])
    assert paid.entropy.tolist() == [0, 0]


@every_engine
@pytest.mark.parametrize("block", [1, 20, 70])
def test_parts_are_the_whole(engine, block, monkeypatch):
    case = row(random_case(("gru", "tanh"), T=17, I=3, O=6, reset=0.2, engine=engine), 0)
    expected = asked(case, top=3)
    monkeypatch.setattr("elman.inspection.surprise.BLOCK", block)
    paid = asked(case, top=3)
    for name in ("nats", "entropy", "rank", "top_probabilities"):
        assert distance(getattr(paid, name), getattr(expected, name)) < TOLERANCE.law["float64"]
    np.testing.assert_array_equal(paid.top_symbols, expected.top_symbols)


@every_engine
def test_of_a_network_that_speaks_last_every_step_could_be_the_last(engine):
    case = row(random_case(("gru", "tanh"), T=6, I=3, readout="last", engine=engine), 0)
    targets = np.arange(6) % 4
    y = np.array([case.network.run(case.x[: t + 1], case.state)[0] for t in range(6)])
    paid = surprisal(case.network, case.x, targets, case.state)
    assert distance(paid.nats, np.array(paid_by_hand(y, targets)[0])) < TOLERANCE.law["float64"]


def test_logits_are_never_all_there(monkeypatch):
    monkeypatch.setattr("elman.inspection.surprise.BLOCK", 1 << 13)
    network = Network(input_size=400, hidden_size=4, output_size=400)
    symbols = np.arange(2001) % 400
    tracemalloc.start()
    surprisal(network, symbols[:-1], symbols[1:], top=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2000 * 400 * 4 / 4  # a quarter of the float32 logits


def rebuilt(network: Network, batches: list[Batch], bins: int) -> tuple[Array, float]:
    """Σ w, Σ w confidence and Σ w right of each bin and the expected error, one target at a time."""
    sums, state = np.zeros((3, bins)), None
    for batch in batches:
        y, state = network.run(batch.x, None if batch.fresh else state, batch.lengths, batch.reset)
        for at in np.ndindex(batch.targets.shape):
            if batch.lengths is not None and y.ndim == 3 and at[0] >= batch.lengths[at[1]]:
                continue
            weight = 1.0 if batch.weights is None else batch.weights[at]
            p = np.exp(y[at].astype(float)) / np.exp(y[at].astype(float)).sum()
            k = next(k for k in range(bins) if k / bins < p.max() <= (k + 1) / bins)
            sums[:, k] += weight, weight * p.max(), weight * (p.argmax() == batch.targets[at])
    there = sums[0] > 0
    gaps = np.abs(sums[2, there] / sums[0, there] - sums[1, there] / sums[0, there])
    return sums, float(gaps @ sums[0, there] / sums[0].sum())


@every_cell
@every_engine
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lengths": (2, 0, 6), "weighted": True},
        {"readout": "mean", "weighted": True},
        {"bidirectional": True, "lengths": (6, 1, 3)},
    ],
    ids=["plain", "ragged", "one a sequence", "both ways"],
)
def test_bins_are_those_counted_by_hand(cell, engine, options):
    cases = [random_case(cell, T=6, B=3, I=3, engine=engine, seed=seed, **options) for seed in range(6)]
    network = cases[0].network
    network.parameters["head.V"][:] *= 5  # sure here, unsure there
    batches = [replace(case.batch, fresh=k == 0) for k, case in enumerate(cases)]
    found = calibration(network, batches, bins=23)
    sums, error = rebuilt(network, batches, 23)
    np.testing.assert_allclose(found.edges, np.arange(24) / 23)
    np.testing.assert_allclose(found.count, sums[0], rtol=1e-12)
    there = sums[0] > 0
    assert there.sum() > 2
    np.testing.assert_allclose(found.confidence[there], sums[1, there] / sums[0, there], rtol=1e-9)
    np.testing.assert_allclose(found.accuracy[there], sums[2, there] / sums[0, there], rtol=1e-9)
    assert np.isnan(found.confidence[~there]).all()
    assert np.isnan(found.accuracy[~there]).all()
    assert abs(found.expected_error - error) < 1e-9


def test_chances_that_come_true_are_calibrated_and_bolder_ones_are_not():
    generator = np.random.default_rng(4)
    network = Network(input_size=8, hidden_size=6, output_size=8, dtype="float64")
    network.parameters.flat[:] *= 4
    network.parameters["head.c"][:] = 1, 0, 0, 0, 0, 0, 0, 0
    x = generator.integers(0, 8, 20_000)
    y, _ = network.run(x)
    edges = np.cumsum(np.exp(y) / np.exp(y).sum(axis=1, keepdims=True), axis=1)
    targets = (generator.random((len(x), 1)) > edges[:, :-1]).sum(axis=1)
    honest = calibration(network, [Batch(x, targets)])
    assert honest.expected_error < 0.02  # chance alone: 0.005
    network.parameters["head.V"][:] *= 4
    network.parameters["head.c"][:] *= 4
    assert calibration(network, [Batch(x, targets)]).expected_error > 0.1


def test_what_lies_on_an_edge_belongs_below_it():
    found = calibration(saying(np.array([0.5, 0.5])), [Batch(np.array([0, 1]), np.array([0, 1]))], bins=2)
    assert found.count.tolist() == [2, 0]


def test_the_state_flows_on_only_into_what_is_not_fresh():
    cases = [random_case(T=6, I=3, seed=seed) for seed in (0, 1)]
    fresh, flowing = ([replace(case.batch, fresh=new) for case in cases] for new in (True, False))
    network = cases[0].network
    assert calibration(network, fresh).expected_error != calibration(network, flowing).expected_error


def network_of(**options: Any) -> Network:
    return Network(**{"input_size": 3, "hidden_size": 4, "output_size": 3} | options)


def broken() -> Network:
    network = network_of()
    network.parameters["head.c"][1] = np.nan
    return network


BATCH = Batch(np.array([0, 1]), np.array([1, 2]))
REFUSALS: dict[str, tuple[Any, type[Exception], str]] = {
    "head": (lambda: surprisal(network_of(head="squared"), [0], [0]), OptionError, "'squared'.*'softmax'"),
    "both ways": (lambda: surprisal(network_of(bidirectional=True), [0], [0]), OptionError, "bidirectional"),
    "readout": (lambda: surprisal(network_of(readout="max"), [0], [0]), OptionError, "readout 'max'"),
    "targets": (lambda: surprisal(network_of(), [0, 1], [0]), ShapeError, "T=1 steps, x has T=2"),
    "no symbol": (lambda: surprisal(network_of(), [0, 1], [0, 3]), ShapeError, "targets holds the symbol 3"),
    "values": (lambda: surprisal(network_of(), [0, 1], [0.5, 1]), ShapeError, "targets is .* float64"),
    "top": (lambda: surprisal(network_of(), [0], [0], top=4), OptionError, "top is 4; .* 3 symbols"),
    "negative": (lambda: surprisal(network_of(), [0], [0], top=-1), OptionError, "top is -1"),
    "NaN": (lambda: surprisal(broken(), [0], [0]), NumericError, "not finite"),
    "another head": (lambda: calibration(network_of(head="sigmoid"), [BATCH]), OptionError, "'sigmoid'"),
    "bins": (lambda: calibration(network_of(), [BATCH], bins=0), OptionError, "bins is 0"),
    "nothing": (lambda: calibration(network_of(), []), DataError, "no target"),
    "NaN there": (lambda: calibration(broken(), [BATCH]), NumericError, "not finite"),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_what_does_not_fit_is_refused_in_one_line(refusal):
    call, error, words = refusal
    with pytest.raises(error, match=words) as refused:
        call()
    assert "\n" not in str(refused.value)
