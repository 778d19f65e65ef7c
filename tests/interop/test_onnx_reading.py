"""Graphs of other writers, in: run by ONNX Runtime against the network that was read, and refused by name.

goldens/torch_*.onnx are written by make_onnx.py with PyTorch's exporters, which run live where PyTorch is
installed. Every run reads 40 random graphs, with --full 300.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from make_onnx import GOLDENS, Foreign, foreign, torch_export, torch_modules

from elman import Network
from elman.errors import FormatError, NumericError, OptionError
from elman.interop import onnx as land
from elman.interop.checking import BOUNDS, difference
from elman.interop.onnx import layers, reading, weights

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
SEEN = 1e-3
NAMES = ("lstm_state", "gru_last", "rnn_both", "lstm_bare", "lstm_dynamo", "gru_dynamo")


@pytest.fixture
def count(request: pytest.FixtureRequest) -> int:
    return 300 if request.config.getoption("--full") else 40


@pytest.fixture
def draw(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def written(model: Any, path: Path) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


# The numbers.


def test_random_graphs_answer_as_in_onnx_runtime(count, draw, tmp_path):
    worst, kinds = 0.0, set()
    for _ in range(count):
        model = foreign(draw)
        onnx.checker.check_model(model, full_check=True)
        path = written(model, tmp_path / "graph.onnx")
        network, vocabulary = land.read(path)
        assert vocabulary is None
        worst = max(worst, land.check(network, path).largest)
        kinds.add((network.spec.cell, network.spec.readout))
    assert worst <= BOUNDS["float32"]
    assert len(kinds) >= 5


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lstm_state", {"cell": "lstm", "num_layers": 2, "embedding_size": 3, "head": "softmax"}),
        ("gru_last", {"cell": "gru", "num_layers": 2, "embedding_size": 3, "readout": "last"}),
        ("rnn_both", {"cell": "elman", "activation": "relu", "bidirectional": True, "readout": "last"}),
        ("lstm_bare", {"cell": "lstm", "bidirectional": True, "output_size": 8, "head": "squared"}),
        ("lstm_dynamo", {"cell": "lstm", "num_layers": 2, "embedding_size": 3}),
        ("gru_dynamo", {"cell": "gru", "bidirectional": True, "embedding_size": 3}),
    ],
)
def test_graphs_of_pytorch_are_read(name, expected):
    path = GOLDENS / f"torch_{name}.onnx"
    network = land.from_onnx(path)
    assert {key: getattr(network.spec, key) for key in expected} == expected
    checked = land.check(network, path)
    assert 0 < checked.largest <= checked.bound
    assert checked.what.endswith(f"ONNX Runtime {sys.modules['onnxruntime'].__version__}")


@pytest.mark.parametrize("name", NAMES)
def test_pytorch_answers_alike_live(name, tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    if name.endswith("dynamo"):
        pytest.importorskip("onnxscript", reason="PyTorch's newer exporter needs onnxscript")
    module, given, options = torch_modules()[name]
    torch_export(module, given, options, tmp_path / "net.onnx")
    network = land.from_onnx(tmp_path / "net.onnx")
    with torch.no_grad():
        theirs = module.eval()(*given)
    y, after = theirs if isinstance(theirs, tuple) else (theirs, None)
    x, first = given[0].numpy(), getattr(getattr(module, "rnn", module), "batch_first", False)
    both, state = network.spec.directions, None
    if given[1:]:
        places = range(both * network.spec.num_layers)
        state = tuple(tuple(one[k].numpy() for one in given[1:]) for k in places)
    ours, last = network.run(x.T if first else x, state)
    if network.spec.readout == "last":
        ours = np.exp(ours) / np.exp(ours).sum(-1, keepdims=True) if name == "rnn_both" else ours
    elif first:
        ours = ours.swapaxes(0, 1)
    assert difference(ours, y.numpy()) <= BOUNDS["float32"]
    if after is not None:
        states = after if isinstance(after, tuple) else (after,)
        found = tuple(np.stack([place[k] for place in last]) for k in range(len(states)))
        assert difference(found, tuple(one.numpy() for one in states)) <= BOUNDS["float32"]


def test_two_biases_become_their_sum_and_a_gru_keeps_both(draw):
    for cell, names in (("lstm", ()), ("gru", ("d",))):
        model = foreign(draw, cell=(cell, "tanh"), layers=1, directions=1, biases=True)
        network = land.from_onnx(model)
        node = next(one for one in model.graph.node if one.op_type == cell.upper())
        biases = next(one for one in model.graph.initializer if one.name == node.input[3])
        (both,) = onnx.numpy_helper.to_array(biases)
        halves = np.split(both, 2)
        total = sum(network.parameters[f"layers.0.{name}"].sum() for name in ("b", *names))
        assert np.isclose(total, sum(half.sum() for half in halves), atol=1e-5)
        assert ("layers.0.d" in network.parameters.views) == bool(names)


def test_lengths_are_an_input_of_the_graph(draw, tmp_path):
    network = Network("lstm", input_size=3, hidden_size=4, output_size=2, bidirectional=True)
    model = land.to_onnx(network, lengths=True)
    del model.metadata_props[:], model.graph.node[:]
    layer = ["x", "layers.0.W", "layers.0.R", "layers.0.B", "lengths", "h0", "s0"]
    outputs, two = ["y", "h0_next", "s0_next"], {"hidden_size": 4, "direction": "bidirectional"}
    make = onnx.helper.make_node
    model.graph.node.extend(
        [
            make("LSTM", layer, outputs, **two),
            make("Transpose", ["y"], ["turned"], perm=[0, 2, 1, 3]),
            make("Reshape", ["turned", "T_B_joined"], ["joined"]),
            make("Transpose", ["head.V"], ["columns"], perm=[1, 0]),
            make("MatMul", ["joined", "columns"], ["product"]),
            make("Add", ["product", "head.c"], ["logits"]),
        ]
    )
    del model.graph.output[1]
    path = written(model, tmp_path / "net.onnx")
    back = land.from_onnx(path)
    assert back.parameters.flat.tobytes() == network.parameters.flat.tobytes()
    assert land.check(back, path).largest <= BOUNDS["float32"]


def test_what_the_outputs_are_can_be_said(draw):
    model = foreign(draw, said="")
    assert land.from_onnx(model).spec.head == "softmax"
    assert land.from_onnx(model, loss="squared").spec.head == "squared"
    assert land.from_onnx(foreign(draw, said="Sigmoid")).spec.head == "sigmoid"
    with pytest.raises(OptionError, match="no head 'hinge'"):
        land.from_onnx(model, loss="hinge")


# Planted faults: the comparison sees each.


def gates(monkeypatch):
    monkeypatch.setitem(weights.GATES, "LSTM", ("i", "f", "o", "g"))
    return {"cell": ("lstm", "tanh")}


def halves(monkeypatch):
    right = weights.from_operator
    roll = lambda B: np.roll(B, B.shape[1] // 2, axis=1)  # noqa: E731
    monkeypatch.setattr(layers, "from_operator", lambda cell, W, R, B: right(cell, W, R, roll(B)))
    return {"cell": ("gru", "tanh"), "biases": True}


def direction(monkeypatch):
    right = weights.from_operator
    monkeypatch.setattr(layers, "from_operator", lambda *given: right(*given)[::-1])
    return {"directions": 2}


def reset(monkeypatch):
    both = {"forward": 1, "bidirectional": 2}
    count = lambda node, operator: both[node.attributes.get("direction", "forward")]  # noqa: E731
    monkeypatch.setattr(layers, "_check_attributes", count)
    return {"cell": ("gru", "tanh"), "linear_before_reset": 0, "biases": True}


def readout(monkeypatch):
    monkeypatch.setattr(reading, "_readout", lambda source, graph: "every")
    return {"last": "state", "sizes": 0, "layers": 1}


@pytest.mark.parametrize("plant", [gates, halves, direction, reset, readout])
def test_a_planted_fault_is_seen(plant, monkeypatch, draw, tmp_path):
    fixed = plant(monkeypatch)
    path = written(foreign(draw, **fixed, said=""), tmp_path / "graph.onnx")
    network = land.from_onnx(path)
    with pytest.raises(NumericError, match="not the same network") as caught:
        land.check(network, path)
    assert float(str(caught.value).split("difference is ")[1].split(",")[0]) > SEEN


# What is refused, by name.


def changed(draw: np.random.Generator, operator: str, change: Any, **fixed: Any) -> Any:
    cells = {"LSTM": ("lstm", "tanh"), "GRU": ("gru", "tanh"), "RNN": ("elman", "tanh")}
    model = foreign(draw, cell=cells[operator], **fixed)
    node = next(one for one in model.graph.node if one.op_type == operator)
    change(model, node)
    return model


def attribute(name: str, value: Any) -> Any:
    def change(model: Any, node: Any) -> None:
        kept = [one for one in node.attribute if one.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, onnx.helper.make_attribute(name, value)])

    return change


def peepholes(model: Any, node: Any) -> None:
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.ones((1, 3), np.float32), "P"))
    node.input.extend([""] * (7 - len(node.input)) + ["P"])


@pytest.mark.parametrize(
    ("operator", "change", "why"),
    [
        ("GRU", attribute("linear_before_reset", 0), r"its reset gate acts before the product, W \(r h\)"),
        ("LSTM", attribute("clip", 1.0), "clip is 1.0; elman's cells have none"),
        ("LSTM", attribute("input_forget", 1), "input_forget is 1"),
        ("LSTM", attribute("layout", 1), "layout is 1, the batch first"),
        ("LSTM", attribute("direction", "reverse"), "direction is 'reverse'"),
        (
            "LSTM",
            attribute("activations", ["Sigmoid", "Relu", "Tanh"]),
            "activations are Sigmoid, Relu",
        ),
        ("RNN", attribute("activations", ["Softsign"]), "activations are Softsign; elman has Tanh or Relu"),
        ("RNN", attribute("activation_alpha", [0.5]), "activation_alpha is"),
        ("RNN", attribute("hidden_size", 99), "W, R and B are"),
        ("LSTM", attribute("output_sequence", 1), "the attribute output_sequence is not known"),
        ("LSTM", peepholes, "has peepholes"),
    ],
)
def test_an_operator_that_elman_has_not_is_refused_with_the_reason(operator, change, why, draw):
    model = changed(draw, operator, change, directions=1, state="none")
    with pytest.raises(FormatError, match=rf"^node \d+ \({operator}, n\d+\): .*{why}"):
        land.from_onnx(model)


def graph_of(*nodes: tuple[str, list[str], list[str], dict[str, Any]], sizes: Any = ("T", "B", 3)) -> Any:
    """A graph of one LSTM of three inputs and four units, and these nodes after it; y is what goes out."""
    helper, draw = onnx.helper, np.random.default_rng(1)
    shapes = {"W": (1, 16, 3), "R": (1, 16, 4), "V": (4, 2), "Q": (2, 2)}
    constants = {name: draw.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    constants["column"] = np.ones((2, 1), np.float32)
    constants |= {
        "axis": np.array([1]),
        "first": np.array(0),
        "c": np.ones(2, np.float32),
        "short": np.array([0, -1]),
    }
    made = [helper.make_node("LSTM", ["x", "W", "R"], ["raw", "h", "s"], hidden_size=4)]
    made.append(helper.make_node("Squeeze", ["raw", "axis"], ["rows"]))
    made += [helper.make_node(operator, a, b, **attributes) for operator, a, b, attributes in nodes]
    doors = [helper.make_tensor_value_info("x", 1, sizes)], [helper.make_tensor_value_info("y", 1, None)]
    initializers = [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()]
    return helper.make_model(
        helper.make_graph(made, "g", *doors, initializers), opset_imports=[helper.make_opsetid("", 17)]
    )


def node(operator: str, inputs: str, output: str, **attributes: Any) -> Any:
    return operator, inputs.split(), [output], attributes


def chain(operator: str, first: str, reads: str, many: int, **attributes: Any) -> list[Any]:
    """Nodes that read the one before by `reads`, in which ? stands for it."""
    names = [first, *(f"chained{k}" for k in range(many))]
    return [node(operator, reads.replace("?", a), b, **attributes) for a, b in pairwise(names)]


HEAD = node("MatMul", "rows V", "y")


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        ([node("Tanh", "rows", "t"), HEAD], r"node 2 \(Tanh\): the operator is not read"),
        ([node("Foo", "rows", "y", domain="my.own")], "the operator of 'my.own' is not read"),
        ([node("MatMul", "rows V", "a"), node("MatMul", "a Q", "y")], "a second matrix product"),
        ([node("MatMul", "nowhere V", "y")], "reads 'nowhere', which nothing before it writes"),
        ([node("MatMul", "x V", "y")], "expected the outputs of the last layer"),
        ([HEAD, node("Identity", "rows", "rows")], "writes 'rows', which is there already"),
        ([node("Gather", "rows first", "one", axis=0), node("MatMul", "one V", "y")], "the last step"),
        ([node("Softmax", "rows", "soft", axis=-1), HEAD], "expected the head's outputs"),
        ([node("Transpose", "rows", "t", perm=[0, 2, 1]), node("MatMul", "t V", "y")], "came"),
        ([node("Transpose", "rows", "t", perm=[0, 0, 1]), HEAD], "perm"),
        ([node("Squeeze", "rows axis", "thin"), HEAD], "of an axis that is not 1"),
        ([node("Reshape", "W axis", "flat"), HEAD], "not as ONNX has it"),
        ([node("MatMul", "rows V", "z")], "no output of the graph comes from its last matrix product"),
        ([node("Cast", "rows", "y", to=7)], "between symbols and numbers"),
        ([HEAD, node("Add", "y c", "with")], "with and without c"),
        (
            [node("MatMul", "rows V", "z"), node("Add", "z column", "y")],
            "a bias for each of 2 outputs, along",
        ),
        ([node("MatMul", "rows V", "z"), node("Add", "z R", "y")], "a bias for each of 2 outputs, along"),
        (
            [
                node("MatMul", "rows V", "z"),
                node("Reshape", "z short", "f"),
                node("Softmax", "f", "y", axis=-1),
            ],
            "along their last axis",
        ),
        ([HEAD, node("Softmax", "y", "soft", axis=0)], "along their last axis"),
        ([HEAD, *chain("Unsqueeze", "rows", "? axis", 9)], "more than 8 axes"),
        ([HEAD, *chain("Concat", "h", "? ?", 40, axis=0)], "1,024 layers"),
        ([HEAD, node("Shape", "rows", "sizes"), *chain("Concat", "sizes", "? ?", 40, axis=0)], "64 sizes"),
        ([HEAD, *chain("Concat", "R", "? ?", 40, axis=0)], "a constant where something"),
    ],
)
def test_a_graph_that_is_no_network_is_refused_by_the_node(nodes, why):
    model = graph_of(*nodes)
    with pytest.raises(FormatError, match=why):
        land.from_onnx(model)


def test_unrolled_graphs_older_opsets_and_other_types_are_refused(draw):
    unrolled = graph_of(HEAD)
    del unrolled.graph.node[0]
    with pytest.raises(FormatError, match="no RNN, GRU or LSTM: Keras, and PyTorch's newer exporter"):
        land.from_onnx(unrolled)
    old = graph_of(HEAD)
    old.opset_import[0].version = 11
    with pytest.raises(FormatError, match="the model is of opset 11; 13 to"):
        land.from_onnx(old)
    half = graph_of(HEAD)
    numbers = np.zeros((1, 16, 3), np.float16)
    half.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(numbers, "W"))
    with pytest.raises(FormatError, match="W is of ONNX's type 10; expected float32, float64"):
        land.from_onnx(half)


def test_the_last_step_of_both_directions_is_another_thing(draw):
    model = foreign(draw, cell=("gru", "tanh"), directions=2, batch_first=False, last="no", said="")
    node = next(one for one in model.graph.node if one.op_type == "MatMul")
    graph = Foreign(draw)
    graph.count = 900
    last = graph.node("Gather", node.input[0], graph.constant(np.array(-1)), axis=0)
    node.input[0] = last
    at = next(k for k, one in enumerate(model.graph.node) if one.op_type == "MatMul")
    model.graph.node.insert(at, graph.nodes[0])
    model.graph.initializer.extend(graph.constants)
    with pytest.raises(FormatError, match="its backward half has seen one step"):
        land.from_onnx(model)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    model = graph_of(HEAD)
    numbers = np.full((1, 16, 3), np.nan, np.float32)
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(numbers, "W"))
    path = written(model, tmp_path / "net.onnx")
    with pytest.raises(NumericError, match=rf"^{path}: layers.0.U holds numbers that are not finite"):
        land.from_onnx(path)


def test_a_graph_that_was_changed_after_the_export_is_not_taken_for_one(draw):
    model = land.to_onnx(Network("lstm", input_size=3, hidden_size=4, output_size=2))
    at = next(k for k, one in enumerate(model.graph.node) if one.op_type == "Add")
    model.graph.node[at].op_type = "Sub"
    with pytest.raises(FormatError, match="the graph is not the one it wrote; take the entries"):
        land.from_onnx(model)
