"""ONNX Runtime: a graph of one step, its state an input and an output, on one thread.

`make` is what exporters write (the operators RNN, GRU, LSTM) and what users call (session.run). `bound` is
the fastest form that was found: inputs and outputs bound to memory once, and for Elman's cell a graph of
Gather, Gemm and Tanh in the place of the operator, which sets itself up at each call.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from harness import GATES, Case
from numpy.typing import NDArray
from onnx import TensorProto, checker, helper, numpy_helper

Array = NDArray[Any]

OPERATORS = {"elman": "RNN", "gru": "GRU", "lstm": "LSTM"}
ORDERS = {"elman": [0], "gru": [1, 0, 2], "lstm": [0, 3, 1, 2]}  # ONNX has z r n and i o f g


def operator_graph(case: Case, start: Array) -> tuple[list[Any], dict[str, Array]]:
    """Return nodes and constants, with the cell's operator."""
    p = case.split(start)
    order = [range(g * case.hidden_size, (g + 1) * case.hidden_size) for g in ORDERS[case.cell]]
    rows = np.concatenate(order)
    states, after = _names(case)
    biases = np.concatenate([p["b"][rows], p.get("d", np.zeros_like(p["b"]))[rows]])
    unit = np.eye(case.vocabulary, dtype=start.dtype)[:, None]
    constants = {"unit": unit, "axis": np.array([0]), "V": p["V"], "c": p["c"]}
    constants |= {"U": p["U"][rows][None], "W": p["W"][rows][None], "b": biases[None]}
    options = {"linear_before_reset": 1} if case.cell == "gru" else {}
    inputs, outputs = ["x", "U", "W", "b", "", *states], ["", *after]
    return [
        helper.make_node("Gather", ["unit", "symbol"], ["x"]),
        helper.make_node(OPERATORS[case.cell], inputs, outputs, hidden_size=case.hidden_size, **options),
        helper.make_node("Squeeze", [after[0], "axis"], ["rows"]),
        *_head("rows"),
    ], constants


def gemm_graph(case: Case, start: Array) -> tuple[list[Any], dict[str, Array]]:
    """Return nodes and constants of Elman's cell, with a product of matrices."""
    p = case.split(start)
    nodes = [
        helper.make_node("Gather", ["rows", "symbol"], ["a"]),
        helper.make_node("Gemm", ["h", "W", "a"], ["u"], transB=1),
        helper.make_node("Tanh", ["u"], ["h1"]),
        *_head("h1"),
    ]
    return nodes, {"rows": np.ascontiguousarray(p["U"].T + p["b"]), "W": p["W"], "V": p["V"], "c": p["c"]}


def session(case: Case, graph: tuple[list[Any], dict[str, Array]], shape: tuple[int, ...]) -> Any:
    """Build the graph, check it and load it."""
    nodes, constants = graph
    states, after = _names(case)

    def value(name: str, shape: tuple[int, ...], kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    made = helper.make_graph(
        nodes,
        "step",
        [value("symbol", (1,), TensorProto.INT64), *(value(name, shape) for name in states)],
        [value("p", (1, case.vocabulary)), *(value(name, shape) for name in after)],
        [numpy_helper.from_array(part, name) for name, part in constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])


def _names(case: Case) -> tuple[list[str], list[str]]:
    states = ["h", "s"][: case.states]
    return states, [f"{name}1" for name in states]


def _head(rows: str) -> list[Any]:
    return [
        helper.make_node("Gemm", [rows, "V", "c"], ["y"], transB=1),
        helper.make_node("Softmax", ["y"], ["p"], axis=1),
    ]


class Session:
    """A network and its state, handed to session.run and taken from it."""

    def __init__(self, case: Case, start: Array) -> None:
        shape = (1, 1, case.hidden_size)
        states, after = _names(case)
        self._run = session(case, operator_graph(case, start), shape).run
        self._wanted, self._symbols = ["p", *after], list(np.arange(case.vocabulary)[:, None])
        self._states, self._given = states, {name: np.zeros(shape, start.dtype) for name in states}

    def step(self, symbol: int) -> Array:
        """Return the probabilities of the next symbol."""
        self._given["symbol"] = self._symbols[symbol]
        p, *state = self._run(self._wanted, self._given)
        self._given = dict(zip(self._states, state, strict=True))
        return p


class Bound:
    """The same with inputs and outputs bound: two bindings that take turns, for state in and state out."""

    def __init__(self, case: Case, start: Array) -> None:
        by_hand = GATES[case.cell] == 1
        shape = (1, case.hidden_size) if by_hand else (1, 1, case.hidden_size)
        self._session = session(case, (gemm_graph if by_hand else operator_graph)(case, start), shape)
        self._symbols = list(np.arange(case.vocabulary)[:, None])
        self._symbol = onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(1, np.int64))
        self._out = np.zeros((1, case.vocabulary), start.dtype)  # the value shares its memory
        out = onnxruntime.OrtValue.ortvalue_from_numpy(self._out)
        names = zip(*_names(case), strict=True)
        places = [
            (b, a, *(onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(shape, start.dtype)) for _ in "01"))
            for b, a in names
        ]
        self._now, self._next = (self._bind(out, places, turn) for turn in (0, 1))
        self._update, self._run = self._symbol.update_inplace, self._session.run_with_iobinding

    def _bind(self, out: Any, places: list[Any], turn: int) -> Any:
        binding = self._session.io_binding()
        binding.bind_ortvalue_input("symbol", self._symbol)
        binding.bind_ortvalue_output("p", out)
        for before, after, *two in places:
            binding.bind_ortvalue_input(before, two[turn])
            binding.bind_ortvalue_output(after, two[1 - turn])
        return binding

    def step(self, symbol: int) -> Array:
        """Return the probabilities of the next symbol."""
        self._update(self._symbols[symbol])
        self._run(self._now)
        self._now, self._next = self._next, self._now
        return self._out


make, bound = Session, Bound
