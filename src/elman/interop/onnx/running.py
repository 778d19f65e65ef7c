"""An ONNX model, run as a network runs: by ONNX Runtime, or by the evaluator that comes with ONNX."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from elman.errors import FormatError
from elman.interop.checking import BOUNDS, Checked, compare
from elman.network import Network
from elman.numerics import Array
from elman.states import State

Session = Callable[[dict[str, Array]], dict[str, Array]]
COMPLETE = [1, 23]  # the first release of ONNX whose evaluator has both directions and every state
Make = Callable[[Network], bytes]


def session(data: bytes, network: Network) -> tuple[Session | None, str]:
    """Return what runs a model by the names of its inputs and outputs, if anything does, and its name.

    ONNX Runtime has the operators in float32 alone; the evaluator takes float64, but not relu, and before
    ONNX 1.23 neither both directions nor all states.
    """
    if network.spec.dtype == "float32":
        try:
            import onnxruntime
        except ImportError:
            pass
        else:
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 3  # errors are raised
            options.intra_op_num_threads = 1
            kind = f"ONNX Runtime {onnxruntime.__version__}"
            with _explained(kind):
                runtime = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
            names = [one.name for one in runtime.get_outputs()]
            return _named(runtime, names, kind), kind
    import onnx
    from onnx.reference import ReferenceEvaluator

    if network.spec.activation == "relu" or _release(onnx) < COMPLETE:
        return None, "onnx.checker alone, in full; not run: only ONNX Runtime could, and in float32"
    evaluator: Any = ReferenceEvaluator(onnx.load_model_from_string(data))
    kind = f"the evaluator of ONNX {onnx.__version__}"
    return _named(evaluator, evaluator.output_names, kind), kind


def _release(onnx: Any) -> list[int]:
    return [int(part) for part in onnx.__version__.split(".")[:2]]


def _named(runtime: Any, names: list[str], kind: str) -> Session:
    def run(feeds: dict[str, Array]) -> dict[str, Array]:
        with _explained(kind):
            return dict(zip(names, runtime.run(None, feeds), strict=True))

    return run


@contextmanager
def _explained(kind: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the runtimes have no common class of errors
        raise FormatError(f"{kind} refuses the graph: {str(error).splitlines()[0][:200]}") from error


def stacked(network: Network, state: State) -> dict[str, Array]:
    """Return a state under the names of the graph's inputs, "D B H" each."""
    both, letters = network.spec.directions, network.machine.layers.cell.states
    return {
        f"{letter}{layer}": np.stack([place[k] for place in state[layer * both : (layer + 1) * both]])
        for layer in range(network.spec.num_layers)
        for k, letter in enumerate(letters)
    }


def unstacked(network: Network, found: dict[str, Array]) -> State:
    """Return the state that a run of the graph left."""
    letters = network.machine.layers.cell.states
    return tuple(
        tuple(found[f"{letter}{layer}_next"][direction] for letter in letters)
        for layer in range(network.spec.num_layers)
        for direction in range(network.spec.directions)
    )


def feeds(network: Network, x: Any, state: State) -> dict[str, Array]:
    """Return the inputs of the graph for what `Network.run` reads."""
    symbols, features = x if isinstance(x, tuple) else (x, None)
    symbols = np.asarray(symbols)
    named = {"x": symbols.astype(np.int64 if symbols.dtype.kind in "iu" else network.spec.dtype)}
    if features is not None:
        named["features"] = np.asarray(features, network.spec.dtype)
    return named | stacked(network, state)


def runner(network: Network, run_there: Session, *, lengths: bool) -> Callable[..., tuple[Array, State]]:
    """Return what runs an export of a network as `network.run` does: run(x, state, lengths=None)."""
    y = "logits" if network.spec.head in ("softmax", "sigmoid") else "values"

    def run(x: Any, state: State, ends: Array | None = None) -> tuple[Array, State]:
        named = feeds(network, x, state)
        if lengths:
            steps, rows = named["x"].shape[:2]
            named["lengths"] = np.full(rows, steps, np.int32) if ends is None else ends.astype(np.int32)
        found = run_there(named)
        return found[y], unstacked(network, found)

    return run


def check_export(
    network: Network, make: Make, *, symbols: bool, lengths: bool, lines: tuple[str, ...]
) -> Checked:
    """Compare what `make` exports with its network. Raises: NumericError when they differ."""
    run_there, kind = session(make(network), network)
    if run_there is None and network.spec.dtype == "float64":
        spec = replace(network.spec, dtype="float32")
        network = Network.from_spec(spec, network.parameters.flat.astype(np.float32), engine="reference")
        run_there, kind = session(make(network), network)
        kind += ", of the same graph in float32"
    if run_there is None:
        return Checked(kind, math.nan, BOUNDS[network.spec.dtype], lines)

    def numbers(draw: np.random.Generator, steps: int, rows: int) -> Array:
        return draw.normal(size=(steps, rows, network.spec.input_size)).astype(network.spec.dtype)

    run = runner(network, run_there, lengths=lengths)
    what = f"outputs and states of whole runs and single steps, {kind}"
    return compare(network, run, what, reads=None if symbols else numbers, lines=lines)
