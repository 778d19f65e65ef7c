"""What values look like: short lines at a prompt, tables in a notebook, and nothing in them that runs."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest

import elman
from elman import inspection, showing
from elman.data import Streams, Vocabulary

HOSTILE = "<script>alert(1)</script>"
SHORT = 300  # characters, however large the network, the text or the vocabulary
CASES = [("elman", 5, 7, 1), ("gru", 11, 6, 2), ("lstm", 4, 9, 3)]


class Table(HTMLParser):
    """The rows of the tables of a page, its tags, and whether each is closed in its turn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.captions: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: object) -> None:
        self.tags.add(tag)
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1] == "caption":
            self.captions.append(data)
        else:
            self.rows[-1][-1] += data


def trained(cell: str = "gru", inputs: int = 6, hidden: int = 5, layers: int = 1) -> elman.Progress:
    network = elman.Network(
        cell, input_size=inputs, hidden_size=hidden, output_size=inputs, num_layers=layers
    )
    data = Streams(np.arange(90) % inputs, batch_size=2, seq_length=8)
    *_, last = elman.train(network, data, steps=3, validation=lambda network: 1.25)
    return last


@pytest.mark.parametrize(("cell", "inputs", "hidden", "layers"), CASES)
def test_the_table_of_a_network_adds_up(cell, inputs, hidden, layers):
    network = elman.Network(cell, input_size=inputs, hidden_size=hidden, output_size=3, num_layers=layers)
    table = Table(network._repr_html_())
    head, *rows, total = table.rows
    assert head == ["array", "shape", "parameters", "bytes"]
    assert [row[0] for row in rows] == list(network.parameters.views)
    for (_, shape, count, size), view in zip(rows, network.parameters.views.values(), strict=True):
        assert tuple(map(int, shape.split(" × "))) == view.shape
        assert (int(count.replace(",", "")), int(size.replace(",", ""))) == (view.size, view.nbytes)
    assert total == ["in all", "", f"{len(network.parameters):,}", f"{network.parameters.flat.nbytes:,}"]
    assert cell in table.captions[0]


def test_the_letters_of_the_front_door_have_their_shapes():
    table = Table(elman.RNN(input_size=3, hidden_size=4, output_size=2)._repr_html_())
    assert table.captions == ["RNN(input_size=3, hidden_size=4, output_size=2)"]
    assert [row[:2] for row in table.rows[1:3]] == [["U", "4 × 3"], ["W", "4 × 4"]]
    assert table.rows[-1] == ["in all", "", "42", "336"]


def test_a_step_of_training_is_told_in_figures_not_in_arrays():
    progress = trained()
    told = repr(progress)
    assert told.startswith("Progress(step=3, epoch=1, fraction=1, loss=")
    assert f"loss={progress.loss:.4g}" in told
    assert "validation_loss=1.25" in told
    rows = dict(Table(progress._repr_html_()).rows)
    assert rows["loss"] == f"{progress.loss:.4g}"
    assert "training" not in rows


def test_what_is_not_there_is_left_out():
    told = showing.facts("x", {"a": None, "b": 0})
    assert Table(told).rows == [["b", "0"]]


@pytest.mark.parametrize("size", [3, 400])
def test_lines_are_short_whatever_the_size(size):
    progress = trained(inputs=size, hidden=40)
    words = Vocabulary("words", ("<unk>", "\n", *(f"word{k}" for k in range(size - 2))))
    network = elman.Network(input_size=size, hidden_size=40, output_size=size)
    model = elman.Model(network, words, {"losses": list(range(1000))}, progress.training)
    values = (network, network.parameters, words, model, progress, progress.training)
    for value in (*values, network.stream(), network.streams(9)):
        assert "\n" not in repr(value)
        assert 10 < len(repr(value)) < SHORT, repr(value)


def test_streams_say_what_runs_in_them():
    network = elman.Network("lstm", input_size=3, hidden_size=(4, 6), output_size=2)
    assert repr(network.stream()) == "Stream(lstm-tanh, 4 + 6 units)"
    streams = network.streams(3)
    streams.drop([1])
    assert repr(streams) == "Streams(lstm-tanh, 4 + 6 units, 2 rows)"


def test_a_model_says_what_it_holds():
    progress = trained()
    words = Vocabulary("chars", ("<unk>", *"abcde"))
    network = elman.Network(input_size=6, hidden_size=4, output_size=6)
    model = elman.Model(network, words, {"epochs": 2}, progress.training)
    assert repr(model).endswith("vocabulary=6 chars, record=epochs, training=step 3)")
    rows = Table(model._repr_html_()).rows
    assert ["vocabulary", "6 chars"] in rows
    assert ["in all", "", f"{len(network.parameters):,}", f"{network.parameters.flat.nbytes:,}"] in rows


def test_markup_from_outside_is_shown_and_never_run():
    network = elman.Network(input_size=6, hidden_size=4, output_size=6)
    model = elman.Model(network, None, {HOSTILE: 1}, None, preparation={HOSTILE: HOSTILE})
    pages = [
        model._repr_html_(),
        showing.facts(HOSTILE, {HOSTILE: HOSTILE}),
        showing.table(HOSTILE, [HOSTILE], [[HOSTILE, HOSTILE]]),
        showing.arrays(HOSTILE, {HOSTILE: np.zeros(3)}),
    ]
    for page in pages:
        table = Table(page)
        assert table.tags <= {"table", "caption", "thead", "tbody", "tr", "th", "td"}
        assert any(HOSTILE in text for row in table.rows for text in row) or HOSTILE in table.captions


def test_the_figures_of_each_head_are_tables():
    symbols = elman.Evaluation(1000, np.log(4), 0.25)
    assert dict(Table(symbols._repr_html_()).rows) == {
        "symbols": "1,000",
        "nats": "1.386",
        "bits": "2",
        "perplexity": "4",
        "accuracy": "0.25",
    }
    values = elman.figures.ValueEvaluation(2, 0.5, np.array([1.0, 3.0]), np.array([3.0, 4.0]))
    rows = dict(Table(values._repr_html_()).rows)
    assert (rows["MAE"], rows["RMSE"], rows["MAE of each"]) == ("2", "3.536", "[1, 3]")
    labels = elman.figures.LabelEvaluation(4, 0.75, np.array([[2, 0], [1, 0], [1, 2]]))
    assert dict(Table(labels._repr_html_()).rows)["accuracy"] == f"{labels.accuracy:.4g}"


def test_numbers_are_told_with_four_digits():
    told = [showing.words(x) for x in (0.000123456, 1234.56, 123456.7, float("inf"), float("nan"), -3.0)]
    assert told == ["0.0001235", "1235", "123457", "inf", "nan", "-3"]
    lengths = [len(showing.words("x" * n)) for n in (10, showing.LONGEST, showing.LONGEST + 1, 10_000)]
    assert all(a <= b for a, b in pairwise(lengths))
    assert lengths[-1] == showing.LONGEST


def test_measures_are_told_by_their_figures():
    network = elman.Network("gru", input_size=5, hidden_size=40, output_size=5)
    x = np.arange(300) % 5
    seen = inspection.trace(network, x)
    h = seen.states["layers.0.h"]
    gradient = inspection.gradient_by_lag(network, x, lags=20, starts=4)
    memory = inspection.effective_memory(network, x, lags=20, changes=4)
    sure = inspection.calibration(network, elman.whole(x))
    probe, lows = inspection.probe(h, x), inspection.saturation(seen)["layers.0.h"]
    paid, main = inspection.surprisal(network, x[:-1], x[1:]), inspection.principal_directions(h, 2)
    for value in (seen, gradient, memory, sure, probe, lows, paid, main):
        told, table = repr(value), Table(value._repr_html_())
        assert "\n" not in told
        assert len(told) < SHORT, told
        assert table.captions == [type(value).__name__]
        assert [row[0] for row in table.rows] == re.findall(r"(?<=[( ])(\w+)=", told)
    assert f"half_life={gradient.half_life:.4g}, " in repr(gradient)
    assert f"steps={memory.steps}, " in repr(memory)
    assert f"expected_error={sure.expected_error:.4g}, " in repr(sure)
    assert "states=1: layers.0.h, gates=3: layers.0.r, layers.0.z, layers.0.n, y=float32 300 × 5" in repr(
        seen
    )
