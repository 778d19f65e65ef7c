"""A Keras model run as a network is: x "T B" or "T B I" and a state in, outputs and the state after out.

    equations       those of Keras' documentation in NumPy, on weights in Keras' own layout: what a model of
                    Keras computes, where Keras is not installed
    runner          a live model that takes and gives states

Source: keras.io/api/layers/recurrent_layers; kernel, recurrent_kernel and gates as Keras has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from elman.interop.checking import Run
from elman.numerics import Array
from elman.states import State

from .plan import Plan


def model_inputs(plan: Plan, x: Any, dtype: str) -> list[Array]:
    """Return what the inputs of a model read, "B T" or "B T I": symbols without an embedding as one-hot.

    >>> plan = Plan("gru", "tanh", 3, (4,), "float32", biases=(True,))
    >>> model_inputs(plan, np.array([[2], [0]]), "float32")[0].tolist()
    [[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]]
    """
    parts = list(x) if isinstance(x, tuple) else [x]
    if not plan.embedding:
        beside = parts[1].shape[-1] if len(parts) > 1 else 0
        if parts[0].ndim == 2:
            parts[0] = np.eye(plan.reads - beside)[parts[0]]
        return [np.concatenate(parts, axis=-1).swapaxes(0, 1).astype(dtype)]
    symbols, *features = parts
    return [symbols.T.astype("int32"), *(one.swapaxes(0, 1).astype(dtype) for one in features)]


def runner(model: Any, plan: Plan, states: int) -> Run:
    """Return how a live model that takes and gives states runs, so many of each layer and direction."""

    def run(x: Any, state: State) -> tuple[Array, State]:
        given = [*model_inputs(plan, x, plan.dtype), *(s for place in state for s in place)]
        y, *after = [np.asarray(one) for one in _numbers(model, given)]
        places = tuple(tuple(after[k : k + states]) for k in range(0, len(after), states))
        return y.swapaxes(0, 1) if plan.every else y, places

    return run


def plain(model: Any, plan: Plan, x: Any) -> Array:
    """Return what a live model that begins from zeros answers."""
    given = model_inputs(plan, x, plan.dtype)
    (y,) = _numbers(model, given if len(given) > 1 else given[0])
    return y.swapaxes(0, 1) if plan.every else y


def _numbers(model: Any, given: Any) -> list[Array]:
    keras = import_module("keras")
    answers = model(given, training=False)
    listed = answers if isinstance(answers, list | tuple) else [answers]
    return [np.asarray(keras.ops.convert_to_numpy(one)) for one in listed]


def equations(plan: Plan, arrays: Mapping[str, Array]) -> Run:
    """Return how the equations of Keras' layers run, in float64."""
    exact = {name: array.astype(np.float64) for name, array in arrays.items()}

    def run(x: Any, state: State) -> tuple[Array, State]:
        first, *features = model_inputs(plan, x, "float64")
        if plan.embedding:
            first = exact["layers/embedding/vars/0"][first]
        h = np.concatenate([first, *features], axis=-1)
        ways, after = 1 + plan.bidirectional, []
        for k in range(0, len(plan.places()), ways):
            outputs = []
            for way, (group, *_) in enumerate(plan.places()[k : k + ways]):
                sequence = h[:, ::-1] if way else h
                y, last = _layer(plan, exact, group, sequence, state[k + way])
                after.append(last)
                outputs.append(y[:, ::-1] if way else y)
            h = np.concatenate(outputs, axis=-1)
        if not plan.every:
            h = np.concatenate([place[0] for place in after[-ways:]], axis=-1)
        if plan.head:
            h = h @ exact["layers/dense/vars/0"] + exact.get("layers/dense/vars/1", 0)
        return h.swapaxes(0, 1) if plan.every else h, tuple(after)

    return run


def _layer(
    plan: Plan, arrays: Mapping[str, Array], group: str, x: Array, states: tuple[Array, ...]
) -> tuple[Array, tuple[Array, ...]]:
    kernel, recurrent, bias = arrays[f"{group}/0"], arrays[f"{group}/1"], arrays.get(f"{group}/2")
    step, outputs = _STEPS[plan.cell, plan.activation], []
    for t in range(x.shape[1]):
        states = step(x[:, t], states, kernel, recurrent, bias)
        outputs.append(states[0])
    return np.stack(outputs, axis=1), states


def _simple(f: Any) -> Any:
    def step(x: Array, states: Any, kernel: Array, recurrent: Array, bias: Array | None) -> Any:
        return (f(x @ kernel + (0 if bias is None else bias) + states[0] @ recurrent),)

    return step


def _gru(x: Array, states: Any, kernel: Array, recurrent: Array, bias: Array | None) -> Any:
    """Step on: z and r gate; the bias after the product with h is inside what r multiplies."""
    (h,) = states
    input_bias, recurrent_bias = (0, 0) if bias is None else bias
    x_z, x_r, x_h = np.split(x @ kernel + input_bias, 3, axis=-1)
    inner_z, inner_r, inner_h = np.split(h @ recurrent + recurrent_bias, 3, axis=-1)
    z, r = _sigmoid(x_z + inner_z), _sigmoid(x_r + inner_r)
    return (z * h + (1 - z) * np.tanh(x_h + r * inner_h),)


def _lstm(x: Array, states: Any, kernel: Array, recurrent: Array, bias: Array | None) -> Any:
    h, c = states
    i, f, g, o = np.split(x @ kernel + h @ recurrent + (0 if bias is None else bias), 4, axis=-1)
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    return _sigmoid(o) * np.tanh(c), c


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


_STEPS = {
    ("elman", "tanh"): _simple(np.tanh),
    ("elman", "relu"): _simple(lambda p: np.maximum(p, 0)),
    ("gru", "tanh"): _gru,
    ("lstm", "tanh"): _lstm,
}
