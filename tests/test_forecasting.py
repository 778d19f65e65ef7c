"""Feeding back: the forecasts are those of one long run over what was forecast."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elman import Network
from elman.errors import OptionError, ShapeError
from elman.forecasting import draw_paths, forecast
from elman.numerics import generator

RANDOM = np.random.default_rng(0)
PAST, KNOWN = RANDOM.normal(size=(6, 3, 5)), RANDOM.normal(size=(3, 3, 3))  # T B I; S-1 B K; O = 2


def network(head: str = "squared", **options: Any) -> Network:
    sizes: dict[str, Any] = {"input_size": 5, "hidden_size": 4, "output_size": 2, "dtype": "float64"}
    return Network("lstm", head=head, seed=3, **(sizes | options))


HEADS: list[tuple[str, dict[str, Any], slice]] = [
    ("squared", {}, slice(0, 2)),
    ("huber", {"num_layers": 2}, slice(0, 2)),
    ("gaussian", {}, slice(0, 2)),
    ("quantile", {"quantiles": (0.05, 0.45, 0.9)}, slice(2, 4)),
]


@pytest.mark.parametrize("readout", ["last", "every"])
@pytest.mark.parametrize(("head", "options", "middle"), HEADS)
def test_a_forecast_is_read_as_if_it_had_happened(head, options, middle, readout):
    net = network(head, readout=readout, **options)
    found = forecast(net, PAST, 4, known=KNOWN)
    assert found.shape == (4, 3, net.spec.y_size)
    x = np.concatenate([PAST, np.concatenate([found[:3, :, middle], KNOWN], axis=-1)])
    for k in range(4):
        y, _ = net.run(x[: 6 + k])
        last = y[-1] if readout == "every" else y
        if head == "gaussian":
            last = np.concatenate([last[:, :2], np.exp(4 * np.arcsinh(last[:, 2:] / 8))], axis=-1)
        assert found[k] == pytest.approx(last, abs=1e-12)


def test_a_sequence_alone_is_as_in_a_batch():
    net = network(readout="last")
    together = forecast(net, PAST, 4, known=KNOWN)
    for b in range(3):
        assert forecast(net, PAST[:, b], 4, known=KNOWN[:, b]) == pytest.approx(together[:, b], abs=1e-12)


def test_one_step_needs_nothing_known():
    net = network(readout="last")
    assert (forecast(net, PAST, 1)[0] == net.run(PAST)[0]).all()
    with pytest.raises(OptionError, match="3 of the values read are known ahead: give known"):
        forecast(net, PAST, 2)


@pytest.mark.parametrize("readout", ["last", "every"])
def test_each_path_is_drawn_from_what_is_predicted_after_its_own_past(readout):
    net, random = network("gaussian", readout=readout), generator(4, "sampling")
    paths = draw_paths(net, PAST[:, 0], 4, paths=5, known=KNOWN[:, 0], seed=4)
    assert paths.shape == (4, 5, 2)
    for k in range(4):
        drawn = random.standard_normal((5, 2))
        for path in range(5):
            beside = np.concatenate([paths[:k, path], KNOWN[:k, 0]], axis=-1)
            said = forecast(net, np.concatenate([PAST[:, 0], beside]), 1)[0]
            assert paths[k, path] == pytest.approx(said[:2] + said[2:] * drawn[path], abs=1e-12)


def test_the_same_seed_draws_the_same():
    net = network("gaussian", readout="every", input_size=2)
    past = PAST[:, 0, :2]
    one, same, other = (draw_paths(net, past, 3, paths=5, seed=seed) for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).all()


REFUSED: dict[str, tuple[Network, Any, str]] = {
    "symbols": (network("softmax"), OptionError, "the head 'softmax' forecasts no values"),
    "labels": (network("sigmoid"), OptionError, "the head 'sigmoid' forecasts no values"),
    "both ways": (network(bidirectional=True), OptionError, "bidirectional reads the whole sequence"),
    "mean": (network(readout="mean"), OptionError, "readout 'mean' reads the whole sequence"),
    "more": (network(output_size=6), OptionError, "it reads 5 and predicts 6"),
    "width": (network(input_size=4), ShapeError, "past has shape .*expected I = 4"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_fed_back_is_refused(name):
    net, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        forecast(net, PAST, 4, known=KNOWN)


def test_arguments_that_do_not_fit_are_refused():
    net = network(readout="last")
    with pytest.raises(ShapeError, match="known has shape"):
        forecast(net, PAST, 5, known=KNOWN)
    with pytest.raises(ShapeError, match="past has no steps"):
        forecast(net, PAST[:0], 4, known=KNOWN)
    with pytest.raises(OptionError, match="steps is 0"):
        forecast(net, PAST, 0)
    with pytest.raises(OptionError, match="paths are drawn from the head 'gaussian'; this one is 'squared'"):
        draw_paths(net, PAST[:, 0], 2, paths=3)
    with pytest.raises(ShapeError, match="past has 3 axes"):
        draw_paths(network("gaussian"), PAST, 2, paths=3)
