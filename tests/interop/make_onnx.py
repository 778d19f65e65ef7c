"""Random networks, graphs as other writers have them, and the goldens: python make_onnx.py (needs PyTorch).

torch_*.onnx    written by torch.onnx.export: the exporter over TorchScript, and dynamo's
elman_*.onnx    written by elman, in form 1: they must be read, and written again, to the byte
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from elman import Network, Vocabulary

GOLDENS = Path(__file__).parent / "goldens"
CELLS = (("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh"))
OPERATORS = {"elman": ("RNN", 1), "gru": ("GRU", 3), "lstm": ("LSTM", 4)}
FLOAT, DOUBLE, INT64 = 1, 11, 7


def random_network(draw: np.random.Generator, dtype: str = "float32") -> Network:
    """A network of any cell and shape that ONNX holds; sizes differ, no parameter is zero."""
    cell, activation = CELLS[draw.integers(len(CELLS))]
    layers = int(draw.integers(1, 4))
    options: dict[str, Any] = {
        "input_size": int(draw.integers(2, 9)),
        "hidden_size": tuple(int(n) for n in draw.integers(1, 12, layers)),
        "output_size": int(draw.integers(1, 7)),
        "bidirectional": bool(draw.integers(2)),
        "readout": ("every", "last")[draw.integers(2)],
        "head": ("softmax", "sigmoid", "squared", "huber", "gaussian")[draw.integers(5)],
        "learn_initial_state": bool(draw.integers(4) == 0),
        "dropout": 0.25 * float(layers > 1),
    }
    if draw.integers(2):
        options["embedding_size"] = int(draw.integers(1, 6))
    if draw.integers(3) == 0:
        options["feature_size"] = int(draw.integers(1, 4))
    elif options.get("embedding_size") and draw.integers(3) == 0:
        width = options["hidden_size"][-1] * (1 + options["bidirectional"])
        options |= {"tied": True, "embedding_size": width, "output_size": options["input_size"]}
        options["head"] = "softmax"
    network = Network(cell, activation=activation, dtype=dtype, seed=int(draw.integers(1 << 30)), **options)
    for part in network.parameters.views.values():
        part[:] = draw.uniform(-1, 1, part.shape) * spread(part.shape)
    return network


def spread(shape: tuple[int, ...]) -> float:
    """How large numbers are drawn: matrices so that they keep the size of what they read."""
    return 0.7 if len(shape) == 1 else float(1 / np.sqrt(shape[-1]))


class Foreign:
    """A graph in the making, laid out in one of the ways that other writers have."""

    def __init__(self, draw: np.random.Generator, **fixed: Any) -> None:
        self.draw, self.fixed, self.nodes, self.constants = draw, fixed, [], []
        self.count = 0

    def choose(self, name: str, *ways: Any) -> Any:
        return self.fixed[name] if name in self.fixed else ways[self.draw.integers(len(ways))]

    def numbers(self, *shape: int) -> str:
        return self.constant((self.draw.uniform(-1, 1, shape) * spread(shape)).astype(np.float32))

    def constant(self, value: Any) -> str:
        from onnx import numpy_helper

        self.count += 1
        self.constants.append(numpy_helper.from_array(np.asarray(value), f"constant{self.count}"))
        return f"constant{self.count}"

    def node(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        from onnx import helper

        self.count += 1
        names = [f"v{self.count}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, name=f"n{self.count}", **attributes))
        return names[0] if outputs == 1 else names


def foreign(draw: np.random.Generator, **fixed: Any) -> Any:
    """A plain graph, an onnx.ModelProto; `fixed` fixes what is chosen by name."""
    from onnx import helper

    graph = Foreign(draw, **fixed)
    cell, activation = graph.choose("cell", *CELLS)
    layers, both = int(graph.choose("layers", 1, 2, 3)), int(graph.choose("directions", 1, 2))
    width, size = int(draw.integers(2, 9)), int(draw.integers(2, 9))
    batch_first, symbols = graph.choose("batch_first", False, True), graph.choose("symbols", False, True)
    free = [["T", "B"], [4, 3], [4, "B"], ["T", 2]][graph.choose("sizes", 0, 0, 1, 2, 3)]
    free = free[::-1] if batch_first else free
    inputs = [helper.make_tensor_value_info("x", INT64 if symbols else FLOAT, free + [size][symbols:])]
    rows, reads = "x", size
    if symbols:
        reads = int(draw.integers(2, 6))
        rows = graph.node("Gather", graph.numbers(size, reads), "x")
    if batch_first:
        rows = graph.node("Transpose", rows, perm=[1, 0, 2])
    given = graph.choose("state", "none", "zeros", "one", "each")
    batch = free[0] if batch_first else free[1]
    letters = ("h", "s")[: 1 + (cell == "lstm")]
    if given == "one":
        inputs += [helper.make_tensor_value_info(a, FLOAT, [layers * both, batch, width]) for a in letters]
    states: dict[str, list[str]] = {letter: [] for letter in letters}
    for k in range(layers):
        starts = _starts(graph, given, rows, letters, k=k, both=both, width=width)
        if given == "each":
            inputs += [helper.make_tensor_value_info(name, FLOAT, [both, batch, width]) for name in starts]
        rows, after = _layer(
            graph, rows, reads, starts, cell=cell, activation=activation, both=both, width=width
        )
        for letter, name in zip(letters, after, strict=True):
            states[letter].append(name)
        reads = both * width
    outputs = _ends(graph, rows, states, reads, both=both, batch_first=batch_first, layers=layers)
    doors = [helper.make_tensor_value_info(name, FLOAT, [None] * rank) for name, rank in outputs]
    made = helper.make_graph(graph.nodes, "foreign", inputs, doors, graph.constants)
    opset = int(graph.choose("opset", 14, 17, 20, 21))
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    return model


def _starts(
    graph: Foreign, given: str, rows: str, letters: Any, *, k: int, both: int, width: int
) -> list[str]:
    if given == "none":
        return []
    if given == "each":
        return [f"{letter}{k}" for letter in letters]
    if given == "one":
        places = [graph.constant(np.array([n])) for n in (k * both, (k + 1) * both, 0)]
        return [graph.node("Slice", letter, *places) for letter in letters]
    batch = graph.node("Gather", graph.node("Shape", rows), graph.constant(np.array(1)), axis=0)
    batch = graph.node("Unsqueeze", batch, graph.constant(np.array([0])))
    ends = graph.constant(np.array([both])), batch, graph.constant(np.array([width]))
    shape = graph.node("Concat", *ends, axis=0)
    return [graph.node("ConstantOfShape", shape) for _ in letters]


def _layer(
    graph: Foreign,
    rows: str,
    reads: int,
    starts: list[str],
    *,
    cell: str,
    activation: str,
    both: int,
    width: int,
) -> tuple[str, list[str]]:
    operator, gates = OPERATORS[cell]
    attributes: dict[str, Any] = {"hidden_size": width}
    if both == 2 or graph.choose("direction_said", False, True):
        attributes["direction"] = "bidirectional" if both == 2 else "forward"
    if activation == "relu":
        attributes["activations"] = ["Relu"] * both
    if cell == "gru":
        attributes["linear_before_reset"] = int(graph.choose("linear_before_reset", 1))
    weights = [graph.numbers(both, gates * width, reads), graph.numbers(both, gates * width, width)]
    if graph.choose("biases", True, True, False):
        weights.append(graph.numbers(both, 2 * gates * width))
    elif starts:
        weights.append("")
    inputs = [rows, *weights, *([""] * bool(starts)), *starts]
    y, *after = graph.node(operator, *inputs, outputs=2 + (cell == "lstm"), **attributes)
    if both == 1 and graph.choose("squeezed", False, True):
        return graph.node("Squeeze", y, graph.constant(np.array([1]))), after
    y = graph.node("Transpose", y, perm=[0, 2, 1, 3])
    return graph.node("Reshape", y, graph.constant(np.array([0, 0, -1]))), after


def _ends(
    graph: Foreign,
    rows: str,
    states: dict[str, list[str]],
    reads: int,
    *,
    both: int,
    batch_first: bool,
    layers: int,
) -> list[tuple[str, int]]:
    """Add the head and what comes after it; return the outputs and how many axes they have."""
    if batch_first:
        rows = graph.node("Transpose", rows, perm=[1, 0, 2])
    rank = 3
    last = graph.choose("last", "no", "step", "state")
    if last == "step" and both == 1:
        rows, rank = graph.node("Gather", rows, graph.constant(np.array(-1)), axis=int(batch_first)), 2
    elif last != "no":
        turned = graph.node("Transpose", states["h"][-1], perm=[1, 0, 2])
        rows, rank = graph.node("Reshape", turned, graph.constant(np.array([0, -1]))), 2
    size = int(graph.draw.integers(2, 7))
    if rank == 2 and graph.choose("gemm", False, True):
        y = graph.node("Gemm", rows, graph.numbers(size, reads), graph.numbers(size), transB=1)
    else:
        y = graph.node("Add", graph.node("MatMul", rows, graph.numbers(reads, size)), graph.numbers(size))
    said = graph.choose("said", "", "", "Softmax", "LogSoftmax", "Sigmoid")
    if said:
        y = graph.node(said, y, **({} if said == "Sigmoid" else {"axis": -1}))
    joined = [graph.node("Concat", *names, axis=0) if layers > 1 else names[0] for names in states.values()]
    return [(y, rank), *((name, 3) for name in joined)]


def torch_modules() -> dict[str, tuple[Any, Any, dict[str, Any]]]:
    """Modules as people write them: name → (module, what it is called with, options of the exporter)."""
    import torch
    from torch import nn

    class Tagger(nn.Module):
        def __init__(self, kind: str, last: str = "", **options: Any) -> None:
            super().__init__()
            both = 1 + options.get("bidirectional", False)
            self.embed = nn.Embedding(7, 3)
            self.rnn = getattr(nn, kind)(3, 4, **options)
            self.out = nn.Linear(4 * both, 5)
            self.last = last

        def forward(self, x: Any, *state: Any) -> Any:
            begin = None if not state else state if len(state) > 1 else state[0]
            y, after = self.rnn(self.embed(x), begin)
            if self.last == "step":
                return self.out(y[:, -1])
            if self.last == "state":
                return torch.softmax(self.out(torch.cat([after[-2], after[-1]], dim=-1)), -1)
            return self.out(y), after

    torch.manual_seed(1)
    x, h = torch.randint(0, 7, (3, 6)), torch.randn(2, 3, 4)
    floats = torch.randn(5, 2, 3)
    first = {"batch_first": True, "num_layers": 2}
    return {
        "lstm_state": (Tagger("LSTM", **first), (x, h, torch.randn(2, 3, 4)), {}),
        "gru_last": (Tagger("GRU", "step", dropout=0.5, **first), (x,), {}),
        "rnn_both": (Tagger("RNN", "state", bidirectional=True, nonlinearity="relu"), (x,), {}),
        "lstm_bare": (nn.LSTM(3, 4, bidirectional=True), (floats,), {}),
        "lstm_dynamo": (Tagger("LSTM", **first), (x, h, torch.randn(2, 3, 4)), {"dynamo": True}),
        "gru_dynamo": (Tagger("GRU", bidirectional=True), (x,), {"dynamo": True}),
    }


def torch_export(module: Any, given: Any, options: dict[str, Any], path: Any) -> None:
    """Write a module with one of PyTorch's exporters; that of TorchScript with free sizes."""
    import warnings

    import torch

    names = ["x", "h", "s"][: len(given)]
    if not options:
        sizes = {0: "a", 1: "b"}
        axes = {"x": sizes} | {name: {1: f"{name}_rows"} for name in names[1:]}
        options = {"dynamo": False, "opset_version": 17, "dynamic_axes": axes}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module.eval(), given, path, input_names=names, external_data=False, **options)


def own() -> dict[str, tuple[Network, Vocabulary | None, dict[str, Any]]]:
    """What elman writes, one of each kind."""
    vocabulary = Vocabulary("chars", ("<unk>", *"abcdef"))
    draw = np.random.default_rng(5)

    def drawn(cell: str, **options: Any) -> Network:
        network = Network(cell, input_size=7, **options)
        network.parameters.flat[:] = draw.uniform(-0.7, 0.7, len(network.parameters))
        return network

    return {
        "lstm": (drawn("lstm", hidden_size=5, output_size=7), vocabulary, {}),
        "gru": (
            drawn(
                "gru", hidden_size=(3, 4), output_size=2, bidirectional=True, readout="last", embedding_size=3
            ),
            None,
            {"lengths": True},
        ),
        "elman": (
            drawn(
                "elman",
                hidden_size=4,
                output_size=2,
                feature_size=2,
                learn_initial_state=True,
                head="gaussian",
            ),
            None,
            {"lengths": True},
        ),
    }


def main() -> None:
    import onnx

    from elman.interop.onnx import to_onnx

    for name, (network, vocabulary, options) in own().items():
        data = to_onnx(network, vocabulary, **options).SerializeToString(deterministic=True)
        (GOLDENS / f"elman_{name}.onnx").write_bytes(data)
    for name, (module, given, options) in torch_modules().items():
        path = GOLDENS / f"torch_{name}.onnx"
        torch_export(module, given, options, path)
        model = onnx.load(path)
        for node in model.graph.node:
            del node.metadata_props[:]  # paths of the machine that wrote it
            node.doc_string = ""
        for value in [
            *model.graph.value_info,
            *model.graph.input,
            *model.graph.output,
            *model.graph.initializer,
        ]:
            del value.metadata_props[:]
            value.doc_string = ""
        del model.metadata_props[:], model.graph.metadata_props[:]
        path.write_bytes(model.SerializeToString(deterministic=True))


if __name__ == "__main__":
    sys.exit(main())
