"""Networks out to ONNX: run by ONNX Runtime against our own forward, read back to the byte, refused by name.

Every run tries 24 random networks, with --full 300.
"""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import make_onnx
import numpy as np
import pytest
from make_onnx import GOLDENS, random_network

import elman
from elman import Network, Vocabulary
from elman.data import corpus_from_text
from elman.errors import FileError, NumericError, OptionError
from elman.interop import onnx as land
from elman.interop.checking import BOUNDS, difference, random_input, random_state
from elman.interop.onnx import running, weights, writing
from elman.persistence import Model

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
LETTERS = Vocabulary("chars", ("<unk>", *"abcdef"))
SEEN = 1e-3  # a fault moves the answers by far more than rounding does


@pytest.fixture
def count(request: pytest.FixtureRequest) -> int:
    return 300 if request.config.getoption("--full") else 24


@pytest.fixture
def draw(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture
def runtime() -> Any:
    return pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


def run_there(network: Network, **options: Any) -> Any:
    """The network as ONNX Runtime runs it, or in float64 ONNX's evaluator: run(x, state, lengths=None)."""
    data = land.to_onnx(network, **options).SerializeToString()
    session, _ = running.session(data, network)
    assert session is not None
    return running.runner(network, session, lengths=options.get("lengths", False))


def reads(network: Network, draw: np.random.Generator, steps: int, rows: int, *, symbols: bool) -> Any:
    if symbols:
        return random_input(network, draw, steps, rows)
    return draw.normal(size=(steps, rows, network.spec.input_size)).astype(network.spec.dtype)


def needs_symbols(network: Network) -> bool:
    return network.spec.embedding_size is not None or network.spec.feature_size > 0


def part(x: Any, steps: slice) -> Any:
    return tuple(one[steps] for one in x) if isinstance(x, tuple) else x[steps]


# The numbers.


def test_whole_runs_chunks_and_steps_are_those_of_onnx_runtime(runtime, count, draw):
    worst = 0.0
    for _ in range(count):
        network = random_network(draw)
        symbols = needs_symbols(network) or bool(draw.integers(2))
        run, steps, rows = (
            run_there(network, symbols=symbols),
            int(draw.integers(2, 15)),
            int(draw.integers(1, 5)),
        )
        x, state = reads(network, draw, steps, rows, symbols=symbols), random_state(network, draw, rows)
        cut = int(draw.integers(1, steps))
        y, after = network.run(x, state)
        worst = max(worst, difference((y, after), run(x, state)))
        first, between = run(part(x, slice(cut)), state)
        rest, last = run(part(x, slice(cut, None)), between)
        if not network.spec.bidirectional:
            whole = np.concatenate([first, rest]) if network.spec.readout == "every" else rest
            worst = max(worst, difference((y, after), (whole, last)))
            now, stepped = state, []
            for t in range(steps):
                one, now = run(part(x, slice(t, t + 1)), now)
                stepped.append(one)
            whole = np.concatenate(stepped) if network.spec.readout == "every" else stepped[-1]
            worst = max(worst, difference((y, after), (whole, now)))
    assert worst <= BOUNDS["float32"]


def test_rows_of_unequal_lengths_are_those_of_onnx_runtime(runtime, count, draw):
    worst = 0.0
    for _ in range(count):
        network = random_network(draw)
        run, rows = run_there(network, lengths=True), int(draw.integers(2, 6))
        symbols = needs_symbols(network)
        x, state = reads(network, draw, 7, rows, symbols=symbols), random_state(network, draw, rows)
        ends = draw.integers(0, 8, rows)
        ends[0] = 0  # an empty row keeps its state
        worst = max(worst, difference(network.run(x, state, ends), run(x, state, ends)))
    assert worst <= BOUNDS["float32"]


def test_float64_is_that_of_the_evaluator(draw):
    worst = 0.0
    for _ in range(8):
        network = random_network(draw, "float64")
        data = land.to_onnx(network).SerializeToString()
        if running.session(data, network)[0] is None:
            continue  # what the evaluator has not
        symbols = needs_symbols(network)
        run = run_there(network)
        x, state = reads(network, draw, 5, 2, symbols=symbols), random_state(network, draw, 2)
        worst = max(worst, difference(network.run(x, state), run(x, state)))
    assert worst <= BOUNDS["float64"]


def test_probabilities_are_the_second_output(runtime, draw):
    network = Network("gru", input_size=7, hidden_size=5, output_size=7)
    for head, ours in (("softmax", elman.softmax), ("sigmoid", lambda y: 1 / (1 + np.exp(-y)))):
        same = Network("gru", input_size=7, hidden_size=5, output_size=7, head=head)
        session, _ = running.session(land.to_onnx(same, symbols=True).SerializeToString(), same)
        x, state = random_input(network, draw, 4, 3), random_state(network, draw, 3)
        found = session(running.feeds(same, x, state))
        assert list(found) == ["logits", "probabilities", "h0_next"]
        assert difference(ours(found["logits"]), found["probabilities"]) < 1e-6


def test_a_learned_start_comes_out(runtime, draw):
    network = Network(
        "lstm", input_size=3, hidden_size=(4, 5), output_size=2, learn_initial_state=True, bidirectional=True
    )
    network.parameters.flat[:] = draw.uniform(-0.5, 0.5, len(network.parameters))
    session, _ = running.session(land.to_onnx(network).SerializeToString(), network)
    x = draw.normal(size=(6, 2, 3)).astype(np.float32)
    anything = running.feeds(network, x, random_state(network, draw, 2))
    found = session(anything)
    starts = {name: np.repeat(found[f"{name}_start"], 2, axis=1) for name in ("h0", "s0", "h1", "s1")}
    assert difference(network.run(x)[0], session(anything | starts)["logits"]) < 2e-6
    assert difference(network.run(x)[0], found["logits"]) > SEEN


def test_a_trained_model_of_real_text(runtime, tmp_path):
    corpus = corpus_from_text("to be or not to be, that is the question. " * 50)
    network = Network(
        "lstm", input_size=corpus.vocabulary.size, hidden_size=32, output_size=corpus.vocabulary.size
    )
    data = elman.data.Streams(corpus.symbols, batch_size=8, seq_length=16)
    for _ in elman.train(network, data, steps=30):
        pass
    checked = land.export(Model(network, corpus.vocabulary), tmp_path / "text.onnx")
    assert checked.largest <= BOUNDS["float32"]
    x = corpus.symbols[:300, None].astype(np.int64)
    session = runtime.InferenceSession(str(tmp_path / "text.onnx"))
    start = {name: np.zeros((1, 1, 32), np.float32) for name in ("h0", "s0")}
    assert difference(network.run(x)[0], session.run(["logits"], {"x": x, **start})[0]) <= BOUNDS["float32"]
    kept = session.get_modelmeta().custom_metadata_map["elman.vocabulary"]
    assert Vocabulary.from_bytes(kept.encode()) == corpus.vocabulary


# What is in the file.


def test_out_and_in_again_is_equal_to_the_byte(count, draw):
    for _ in range(count):
        network = random_network(draw, ("float32", "float64")[draw.integers(2)])
        options = {
            "lengths": bool(draw.integers(2)),
            "symbols": needs_symbols(network) or bool(draw.integers(2)),
        }
        made = land.to_onnx(network, **options)
        back = land.from_onnx(made)
        assert back.spec == network.spec
        assert back.parameters.flat.tobytes() == network.parameters.flat.tobytes()
        assert land.to_onnx(back, **options).SerializeToString() == made.SerializeToString()


def test_a_negative_zero_and_the_vocabulary_come_back(tmp_path):
    network = Network("lstm", input_size=7, hidden_size=3, output_size=7)
    network.parameters["layers.0.b"][:] = -0.0
    land.export(Model(network, LETTERS), tmp_path / "net.onnx")
    back, vocabulary = land.read(tmp_path / "net.onnx")
    assert vocabulary == LETTERS
    assert np.signbit(back.parameters["layers.0.b"]).all()


@pytest.mark.parametrize("name", ["lstm", "gru", "elman"])
def test_what_was_written_once_is_read_and_written_again(name):
    path = GOLDENS / f"elman_{name}.onnx"
    network, vocabulary, options = make_onnx.own()[name]
    back, kept = land.read(path)
    assert (back.spec, kept) == (network.spec, vocabulary)
    assert land.to_onnx(back, kept, **options).SerializeToString(deterministic=True) == path.read_bytes()


def test_sizes_are_free_and_nothing_lies_outside(runtime):
    network = Network("gru", input_size=7, hidden_size=5, output_size=7, bidirectional=True)
    made = land.to_onnx(network, LETTERS)
    doors = {one.name: [axis.dim_param or axis.dim_value for axis in one.type.tensor_type.shape.dim]
             for one in [*made.graph.input, *made.graph.output]}  # fmt: skip
    assert doors["x"] == ["T", "B"]
    assert doors["h0"] == doors["h0_next"] == [2, "B", 5]
    assert doors["logits"] == ["T", "B", 7]
    assert all(one.raw_data and not one.external_data for one in made.graph.initializer)
    inferred = onnx.shape_inference.infer_shapes(made, strict_mode=True, data_prop=True)
    onnx.checker.check_model(inferred, full_check=True)


def test_checked_says_what_was_compared_and_what_is_not_in_the_file(tmp_path):
    network = Network(input_size=3, hidden_size=4, output_size=2, head="squared")
    checked = land.export(Model(network, preparation={"columns": []}), tmp_path / "net.onnx")
    assert 0 < checked.largest <= checked.bound
    assert [line.split()[0] for line in checked.lines] == ["graph", "inputs", "outputs", "not"]
    assert "x, h0" in checked.lines[1]
    assert "values, h0_next" in checked.lines[2]


# Planted faults: the comparison sees each.


def swapped_gates(monkeypatch):
    monkeypatch.setitem(weights.GATES, "LSTM", ("i", "f", "o", "g"))
    return "lstm", {}


def swapped_gru_gates(monkeypatch):
    monkeypatch.setitem(weights.GATES, "GRU", ("r", "z", "n"))
    return "gru", {}


def changed_weights(monkeypatch, change):
    right = weights.to_operator
    monkeypatch.setattr(writing, "to_operator", lambda cell, places: change(*right(cell, places)))


def swapped_biases(monkeypatch):
    changed_weights(monkeypatch, lambda W, R, B: (W, R, np.roll(B, B.shape[1] // 2, axis=1)))
    return "gru", {}


def swapped_directions(monkeypatch):
    changed_weights(monkeypatch, lambda W, R, B: (W[::-1].copy(), R[::-1].copy(), B[::-1].copy()))
    return "elman", {"bidirectional": True}


def other_attributes(monkeypatch, name, value):
    right = onnx.helper.make_node

    def make_node(operator, inputs, outputs, **attributes):
        if name in attributes:
            attributes[name] = value
        return right(operator, inputs, outputs, **attributes)

    monkeypatch.setattr(onnx.helper, "make_node", make_node)


def reset_before(monkeypatch):
    other_attributes(monkeypatch, "linear_before_reset", 0)
    return "gru", {}


def reversed_time(monkeypatch):
    other_attributes(monkeypatch, "direction", "reverse")
    return "elman", {}


def other_activation(monkeypatch):
    other_attributes(monkeypatch, "activations", ["Relu"])
    return "elman", {}


def state_not_fed(monkeypatch):
    right = running.feeds
    monkeypatch.setattr(
        running,
        "feeds",
        lambda *given: {k: v if k == "x" else v * 0 for k, v in right(*given).items()},
    )
    return "lstm", {}


@pytest.mark.parametrize(
    "plant",
    [
        swapped_gates,
        swapped_gru_gates,
        swapped_biases,
        swapped_directions,
        reset_before,
        reversed_time,
        other_activation,
        state_not_fed,
    ],
)
def test_a_planted_fault_is_seen_and_nothing_is_written(plant, runtime, monkeypatch, tmp_path, draw):
    cell, options = plant(monkeypatch)
    network = Network(cell, input_size=3, hidden_size=4, output_size=2, **options)
    for values in network.parameters.views.values():
        values[:] = draw.uniform(-0.7, 0.7, values.shape)
    path = tmp_path / "net.onnx"
    with pytest.raises(NumericError, match="not the same network") as caught:
        land.export(Model(network), path)
    assert not path.exists()
    assert float(str(caught.value).split("difference is ")[1].split(",")[0]) > SEEN


# What runs it, and what is refused.


def test_without_onnx_runtime_the_evaluator_runs_it(monkeypatch, tmp_path):
    pytest.importorskip("onnx", minversion="1.23", reason="before, its evaluator is not complete")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    network = Network("gru", input_size=3, hidden_size=4, output_size=2)
    checked = land.export(Model(network), tmp_path / "net.onnx")
    assert "the evaluator of ONNX" in checked.what
    assert checked.largest <= checked.bound == BOUNDS["float32"]


def test_relu_without_a_runtime_is_checked_by_the_checker_alone(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    network = Network(input_size=3, hidden_size=4, output_size=2, activation="relu")
    checked = land.export(Model(network), tmp_path / "net.onnx")
    assert math.isnan(checked.largest)
    assert "onnx.checker alone" in checked.what


def test_float64_is_run_in_float32_by_older_releases(runtime, monkeypatch, tmp_path):
    monkeypatch.setattr(onnx, "__version__", "1.22.0")
    network = Network("gru", input_size=3, hidden_size=4, output_size=2, dtype="float64")
    assert "in float32" in land.export(Model(network), tmp_path / "net.onnx").what


def test_relu_in_float64_is_run_in_float32(runtime, tmp_path):
    network = Network(input_size=3, hidden_size=4, output_size=2, activation="relu", dtype="float64")
    checked = land.export(Model(network), tmp_path / "net.onnx")
    assert "in float32" in checked.what
    assert checked.bound == BOUNDS["float32"]
    assert land.from_onnx(tmp_path / "net.onnx").spec == network.spec


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"layer_norm": True}, r"every layer has layer_norm \(True\): ONNX's GRU has none"),
        ({"zoneout": 0.25}, r"every layer has zoneout \(0.25\)"),
        ({"readout": "mean"}, r"readout is 'mean'; to ONNX go every and last"),
        ({"readout": "concat"}, "readout is 'concat'"),
        ({"readout": "flatten", "steps": 4}, "readout is 'flatten'"),
    ],
)
def test_what_onnx_cannot_hold_is_refused_by_name(options, why):
    with pytest.raises(OptionError, match=why):
        land.to_onnx(Network("gru", input_size=3, hidden_size=4, output_size=2, **options))


def test_options_that_do_not_fit_are_refused():
    embedded = Network(input_size=3, hidden_size=4, output_size=2, embedding_size=2)
    with pytest.raises(OptionError, match="symbols is False; this network reads symbols"):
        land.to_onnx(embedded, symbols=False)
    with pytest.raises(OptionError, match="the vocabulary has 7 symbols, but the network reads 3"):
        land.to_onnx(embedded, LETTERS)
    with pytest.raises(FileError, match="there is no directory"):
        land.export(Model(embedded), "no/such/place/net.onnx")


def test_weights_beyond_what_a_file_holds_are_refused_before_they_are_copied(monkeypatch):
    monkeypatch.setattr(writing, "LARGEST", 100)
    with pytest.raises(OptionError, match="bytes; an ONNX file holds at most 100"):
        land.to_onnx(Network(input_size=3, hidden_size=4, output_size=2))


def test_without_the_package_one_line_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(OptionError, match=r"pip install 'elman\[onnx\]'"):
        land.to_onnx(Network(input_size=3, hidden_size=4, output_size=2))


def test_the_module_imports_no_package_of_the_land():
    code = "import sys, elman.interop.onnx; assert not {'onnx', 'onnxruntime', 'google'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_page_runs(tmp_path, monkeypatch, runtime):
    from test_readme import run_page

    page = Path(__file__).parents[2] / "docs/lands/onnx.md"
    monkeypatch.chdir(tmp_path)
    run_page(page.read_text("utf-8"), page.name)
