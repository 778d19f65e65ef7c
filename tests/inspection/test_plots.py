"""What is drawn is what was measured: the numbers on the axis, their labels and units."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.patches import Circle, PathPatch

import elman
from automaton_cases import EVEN_PAIRS, PARITY, counter
from elman import inspection
from elman.data import Streams
from elman.errors import OptionError, ShapeError
from elman.inspection import plots

pyplot.switch_backend("Agg")

CELLS = ["elman", "gru", "lstm"]
TEXT = "to be, or\nnot to be\n\tthat"
SYMBOLS = np.array([sorted(set(TEXT)).index(c) for c in TEXT])
SIZE = int(SYMBOLS.max()) + 1


@pytest.fixture(autouse=True)
def closed():
    yield
    pyplot.close("all")


def network(cell: str = "elman", seed: int = 3) -> elman.Network:
    made = elman.Network(
        cell, input_size=SIZE, hidden_size=(7, 5), output_size=SIZE, num_layers=2, dtype="float64", seed=seed
    )
    made.parameters.flat[:] += np.random.default_rng(seed).normal(size=len(made.parameters)) / 3
    return made


def labels(ticks) -> list[str]:
    return [tick.get_text() for tick in ticks]


def legend(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def colorbar(ax) -> str:
    (bar,) = [one for one in ax.figure.axes if one is not ax]
    return bar.get_ylabel()


# ------------------------------------------------------------------------------------------------ states


@pytest.mark.parametrize("cell", CELLS)
def test_states_are_drawn_as_they_are(cell):
    seen = inspection.trace(network(cell), SYMBOLS)
    for name, values in {**seen.states, **seen.gates}.items():
        ax = plots.plot_states(seen, TEXT, name=name)
        np.testing.assert_array_equal(ax.images[0].get_array(), values.T)
        low, high = ax.images[0].get_clim()
        assert high == np.abs(values).max()
        assert low == (-high if (values < 0).any() else 0)
        assert colorbar(ax) == name
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("symbol read", "unit")
        pyplot.close(ax.figure)


def test_symbols_stand_below_their_steps():
    ax = plots.plot_states(inspection.trace(network(), SYMBOLS), TEXT)
    assert list(ax.get_xticks()) == list(range(len(TEXT)))
    assert "".join(labels(ax.get_xticklabels())) == TEXT.replace("\n", "↵").replace("\t", "⇥")
    assert colorbar(ax) == "layers.0.h"


def test_some_units_and_some_steps():
    seen = inspection.trace(network(), SYMBOLS)
    ax = plots.plot_states(seen, TEXT, name="layers.1.h", units=[4, 0], steps=slice(3, 9))
    np.testing.assert_array_equal(ax.images[0].get_array(), seen.states["layers.1.h"][3:9, [4, 0]].T)
    assert list(ax.get_xticks()) == [3, 4, 5, 6, 7, 8]
    assert "".join(labels(ax.get_xticklabels())) == TEXT[3:9]
    assert labels(ax.get_yticklabels()) == ["4", "0"]
    left, right = ax.get_xlim()
    assert (left, right) == (2.5, 8.5)


def test_a_long_text_is_numbered_not_lettered():
    many = np.tile(SYMBOLS, 30)
    ax = plots.plot_states(inspection.trace(network(), many), TEXT * 30)
    assert ax.get_xlabel() == "step"
    assert ax.images[0].get_array().shape == (7, len(many))


def test_labels_are_text_never_mathematics():
    seen = inspection.trace(network(), SYMBOLS[:3])
    ax = plots.plot_states(seen, ["$\\frac{", "$x$", "<b>"])
    ax.figure.canvas.draw()  # mathematics that cannot be read would raise here
    assert labels(ax.get_xticklabels()) == ["$\\frac{", "$x$", "<b>"]
    assert not any(tick.get_parse_math() for tick in ax.get_xticklabels())


# --------------------------------------------------------------------------------------------- surprisal


def test_surprisal_is_drawn_in_bits_with_the_entropy():
    paid = inspection.surprisal(network(), SYMBOLS[:-1], SYMBOLS[1:])
    ax = plots.plot_surprisal(paid, TEXT[1:])
    assert [bar.get_height() for bar in ax.patches] == pytest.approx(paid.nats / np.log(2), rel=1e-12)
    assert [bar.get_x() + bar.get_width() / 2 for bar in ax.patches] == pytest.approx(range(len(paid)))
    np.testing.assert_allclose(ax.lines[0].get_ydata(), paid.entropy / np.log(2), rtol=1e-12)
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("bits", "symbol predicted")
    assert legend(ax) == ["entropy", "surprisal"] or legend(ax) == ["surprisal", "entropy"]


def test_a_part_of_the_surprisal():
    paid = inspection.surprisal(network(), SYMBOLS[:-1], SYMBOLS[1:])
    ax = plots.plot_surprisal(paid, TEXT[1:], steps=slice(4, 7))
    assert [bar.get_height() for bar in ax.patches] == pytest.approx(paid.bits[4:7], rel=1e-12)
    assert "".join(labels(ax.get_xticklabels())) == TEXT[5:8]


def test_calibration_lies_beside_its_diagonal():
    batches = elman.whole(np.tile(SYMBOLS, 9))
    found = inspection.calibration(network(), batches)
    ax = plots.plot_calibration(found)
    there = found.count > 0
    assert 1 < there.sum() < len(there)  # an empty bin is left out
    offsets = ax.collections[0].get_offsets()
    np.testing.assert_allclose(offsets, np.column_stack([found.confidence, found.accuracy])[there])
    areas = ax.collections[0].get_sizes() - 20
    np.testing.assert_allclose(areas / areas.sum(), found.count[there] / found.count.sum())
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[0, 0], [1, 1]])
    assert ax.get_title() == f"expected calibration error {found.expected_error:.3f}"
    assert ax.get_xlim() == ax.get_ylim() == (0, 1)


# ------------------------------------------------------------------------------------------------- units


@pytest.mark.parametrize("cell", CELLS)
def test_each_gate_has_its_own_dots(cell):
    found = inspection.saturation(inspection.trace(network(cell), SYMBOLS))
    ax = plots.plot_saturation(found)
    assert legend(ax) == list(found)
    for dots, ends in zip(ax.collections, found.values(), strict=True):
        np.testing.assert_array_equal(dots.get_offsets(), np.column_stack([ends.low, ends.high]))
    assert "lower" in ax.get_xlabel()
    assert "upper" in ax.get_ylabel()


def test_correlations_have_units_below_signals():
    signals = inspection.symbol_signals(SYMBOLS, SIZE)
    found = inspection.correlations(inspection.trace(network(), SYMBOLS), signals)
    ax = plots.plot_correlations(found, sorted(set(TEXT)), name="layers.1.h")
    np.testing.assert_array_equal(ax.images[0].get_array(), found["layers.1.h"])
    assert ax.images[0].get_clim() == (-1, 1)
    assert plots.plot_correlations({"h": np.ones((2, 2)) / 2}).images[0].get_clim() == (-1, 1)
    assert labels(ax.get_xticklabels())[:3] == ["⇥", "↵", " "]
    assert colorbar(ax) == "correlation of layers.1.h"
    ax = plots.plot_correlations({"h": np.ones((2, 2))}, ["a", "long"])
    assert [tick.get_rotation() for tick in ax.get_xticklabels()] == [0, 90]


def test_the_weights_of_a_probe_and_how_well_it_does():
    states = inspection.trace(network(), np.tile(SYMBOLS, 3)).states["layers.0.h"]
    vowels = np.tile([c in "aeiou" for c in TEXT], 3)
    found = inspection.probe(states, vowels)
    ax = plots.plot_probe(found, ["$other$", "vowel"])
    np.testing.assert_array_equal(ax.images[0].get_array(), found.weights)
    low, high = ax.images[0].get_clim()
    assert (low, high) == (-np.abs(found.weights).max(), np.abs(found.weights).max())
    assert labels(ax.get_yticklabels()) == ["$other$", "vowel"]
    assert f"{found.score:.1%}" in ax.get_title()
    assert f"{found.baseline:.1%}" in ax.get_title()
    values = inspection.probe(states, states[:, 2])
    ax = plots.plot_probe(values)
    assert ax.get_title() == f"R² on what was held out: {values.score:.3f}"
    with pytest.raises(ShapeError, match="names has 1 entries; the probe tells 2 apart"):
        plots.plot_probe(found, ["vowel"])


# ---------------------------------------------------------------------------------------------- dynamics


@pytest.mark.parametrize("cell", CELLS)
def test_the_gradient_by_lag_on_a_logarithmic_scale(cell):
    found = inspection.gradient_by_lag(network(cell), np.tile(SYMBOLS, 2), lags=9, starts=6)
    ax = plots.plot_gradient_by_lag(found, label=cell)
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), found.lags)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), np.median(found.norms, axis=0))
    (band,) = ax.collections
    assert band.get_datalim(ax.transData).y0 == pytest.approx(np.quantile(found.norms, 0.1, axis=0).min())
    assert band.get_datalim(ax.transData).y1 == pytest.approx(np.quantile(found.norms, 0.9, axis=0).max())
    assert (ax.get_yscale(), ax.get_xlabel()) == ("log", "lag, steps")
    assert legend(ax) == [cell]


def test_several_networks_on_one_axis():
    ax = None
    for cell in CELLS:
        found = inspection.gradient_by_lag(network(cell), SYMBOLS, lags=5, starts=2)
        ax = plots.plot_gradient_by_lag(found, ax=ax, label=cell)
    assert len(ax.lines) == 3
    assert legend(ax) == CELLS
    assert len(pyplot.get_fignums()) == 1


def test_saliency_has_the_loss_in_rows():
    found = inspection.saliency(network(), SYMBOLS[:-1], SYMBOLS[1:])
    ax = plots.plot_saliency(found, TEXT[:-1])
    np.testing.assert_array_equal(ax.images[0].get_array(), found)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("symbol read", "step of the loss")
    some = inspection.saliency(network(), SYMBOLS[:-1], SYMBOLS[1:], at=[5, 20])
    ax = plots.plot_saliency(some, at=[5, 20])
    np.testing.assert_array_equal(ax.images[0].get_array(), found[[5, 20]])
    assert labels(ax.get_yticklabels()) == ["5", "20"]


@pytest.mark.parametrize("cell", CELLS)
def test_eigenvalues_and_the_unit_circle(cell):
    found = inspection.spectrum(network(cell))
    ax = plots.plot_spectrum(found)
    circle = ax.lines[0].get_xydata()
    np.testing.assert_allclose(np.hypot(*circle.T), 1)
    assert legend(ax) == ["unit circle", *found]
    for dots, values in zip(ax.collections, found.values(), strict=True):
        np.testing.assert_array_equal(dots.get_offsets(), np.column_stack([values.real, values.imag]))


def test_lyapunov_exponents_and_zero():
    found = inspection.lyapunov_exponents(network(), np.tile(SYMBOLS, 4))
    ax = plots.plot_lyapunov(found, label="elman")
    np.testing.assert_array_equal(ax.lines[-1].get_ydata(), found)
    np.testing.assert_array_equal(ax.lines[-1].get_xdata(), np.arange(1, len(found) + 1))
    assert "nats a step" in ax.get_ylabel()


def test_memory_with_its_threshold():
    calm = network()
    calm.parameters.flat[:] *= 0.5
    found = inspection.effective_memory(calm, np.tile(SYMBOLS, 4), lags=12)
    ax = plots.plot_memory(found)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), found.effect)
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), found.lags)
    assert set(ax.lines[1].get_ydata()) == {found.threshold * found.effect.max()}
    assert set(ax.lines[2].get_xdata()) == {found.steps - 1}
    assert 1 < found.steps < 12  # the line is within the picture
    assert ax.get_ylabel() == "change of the output, nats"


def test_the_path_in_two_directions():
    states = inspection.trace(network(), SYMBOLS).states["layers.0.h"]
    found = inspection.principal_directions(states)
    ax = plots.plot_path(found, states, TEXT)
    path = found.path(states)[:, :2]
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), path)
    np.testing.assert_array_equal(ax.collections[0].get_offsets(), path)
    assert ax.get_xlabel() == f"direction 1, share {found.shares[0]:.0%}"
    assert "".join(text.get_text() for text in ax.texts) == TEXT.replace("\n", "↵").replace("\t", "⇥")
    np.testing.assert_array_equal([text.xy for text in ax.texts], path)


# ---------------------------------------------------------------------------------------------- training


def test_the_losses_of_a_run():
    data = Streams(SYMBOLS, batch_size=2, seq_length=4)
    run = elman.train(network(), data, steps=9, validation=lambda network: 2.0, validate_every=4)
    history = list(run)
    ax = plots.plot_progress(history)
    losses, validations = ax.lines
    np.testing.assert_array_equal(losses.get_xydata(), [(p.step, p.loss) for p in history])
    np.testing.assert_array_equal(validations.get_xydata(), [(4, 2.0), (8, 2.0), (9, 2.0)])
    assert legend(ax) == ["loss", "loss, validation"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "loss")


# ----------------------------------------------------------------------------------------- axes, refusals


@pytest.mark.parametrize("machine", [PARITY, EVEN_PAIRS, counter(5, (0, 1, -1)).minimized()])
def test_an_automaton_has_its_states_and_its_arrows(machine):
    letters, answers = ["a", "$b$", "c", "d", "e"], ["no", "yes", "2", "3", "4"]
    ax = plots.plot_automaton(machine, letters, answers)
    laid_out = machine.diagram(letters, answers)
    circles = [one for one in ax.patches if isinstance(one, Circle)]
    doubled = sum(output == 1 for output in machine.outputs) * (set(machine.outputs) == {0, 1})
    assert len(circles) == len(machine.outputs) + doubled
    said = [text.get_text() for text in ax.texts if text.get_text()]
    assert said == [arrow.text for arrow in laid_out.arrows] + laid_out.names
    curves = [one.get_path() for one in ax.patches if isinstance(one, PathPatch)]
    assert len(curves) == len(laid_out.arrows)
    for curve, (state, after) in zip(curves, steps_of(machine), strict=True):
        for end, place in ((curve.vertices[0], state), (curve.vertices[-1], after)):
            far = abs(complex(*end) - laid_out.places[place])
            assert far == pytest.approx(laid_out.radius, abs=4)
    heads = [text for text in ax.texts if not text.get_text()]
    assert len(heads) == len(curves) + 1  # and that of the start
    for head in heads:
        to, of = (min(abs(complex(*p) - place) for place in laid_out.places) for p in (head.xy, head.xyann))
        assert to < of
    assert ax.yaxis_inverted()  # as pixels are counted
    ax.figure.canvas.draw()
    inside = ax.get_window_extent()
    assert all(inside.contains(*ax.transData.transform(circle.center)) for circle in circles)


def steps_of(machine) -> list[tuple[int, int]]:
    """From which state to which there is an arrow, in the order in which they are met."""
    pairs = ((state, after) for state, row in enumerate(machine.transitions) for after in row)
    return list(dict.fromkeys(pairs))


def test_the_axis_that_is_given_is_the_one_that_comes_back():
    figure, axes = pyplot.subplots(1, 3)
    history = list(elman.train(network(), Streams(SYMBOLS, batch_size=2, seq_length=4), steps=2))
    assert plots.plot_progress(history, ax=axes[1]) is axes[1]
    assert plots.plot_lyapunov(np.zeros(2), ax=axes[0]) is axes[0]
    assert plots.plot_saliency(np.tri(4), ax=axes[2]) is axes[2]
    assert pyplot.get_fignums() == [figure.number]


def test_what_cannot_be_drawn_is_refused_in_one_line():
    seen = inspection.trace(network(), SYMBOLS)
    with pytest.raises(OptionError, match=r"no 'h'; there are layers.0.h, layers.1.h"):
        plots.plot_states(seen, name="h")
    with pytest.raises(OptionError, match=r"units are \[7\]; expected some of 0 to 6"):
        plots.plot_states(seen, units=[7])
    with pytest.raises(OptionError, match="none of the 25 is there"):
        plots.plot_states(seen, steps=slice(99, 120))
    with pytest.raises(ShapeError, match="text has 3 symbols, there are 25 steps"):
        plots.plot_states(seen, "abc")
    with pytest.raises(ShapeError, match="names has 1 entries, there are 2 signals"):
        plots.plot_correlations({"h": np.zeros((3, 2))}, ["a"])
    with pytest.raises(OptionError, match="symbols has 1 names"):
        plots.plot_automaton(PARITY, ["a"])
    with pytest.raises(OptionError, match="no step of training"):
        plots.plot_progress([])
    states = seen.states["layers.0.h"]
    with pytest.raises(OptionError, match="drawn in two directions"):
        plots.plot_path(inspection.principal_directions(states, 1), states)
    assert pyplot.get_fignums() == []


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(OptionError, match=r"matplotlib is not installed; pip install 'elman\[plot\]'"):
        plots.plot_lyapunov(np.zeros(2))


def test_nothing_heavy_is_imported_for_the_names(interpreter):
    code = "import elman.inspection.plots, sys; print(*sys.modules)"
    done = subprocess.run([interpreter, "-I", "-c", code], capture_output=True, check=True, encoding="utf-8")
    assert "elman.inspection.plots" in done.stdout.split()
    assert "matplotlib" not in done.stdout.split()
