"""The config.json of a network: a functional model of Keras 3, layer by layer.

    symbols [features] ─▶ embedding [concatenate] ─▶ layer_0 ─▶ dropout_0 ─▶ … ─▶ output_dropout ─▶ Dense

With `states` every layer also takes a state and gives one: inputs and outputs named layer_0_h, layer_0_s, ….
What a layer does not say is Keras' default, which is what the cells here compute.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from elman.cells import find

from .plan import LAYERS, Plan

Tensor = tuple[str, int, list[int | None]]  # of a layer, its output so numbered, of this shape


@dataclass
class _Graph:
    """The layers so far."""

    dtype: str
    layers: list[dict[str, Any]] = field(default_factory=list)

    def input(self, name: str, shape: list[int | None], dtype: str) -> Tensor:
        config = {"name": name, "batch_shape": shape, "dtype": dtype}
        self.layers.append({**_object("InputLayer", config), "name": name, "inbound_nodes": []})
        return name, 0, shape

    def layer(
        self, kind: str, name: str, config: dict[str, Any], args: list[Any], states: list[Tensor]
    ) -> None:
        """Add a layer that reads tensors, and states."""
        called: dict[str, Any] = {"args": [self._reference(one) for one in args], "kwargs": {}}
        if states:
            called["kwargs"]["initial_state"] = self._reference(states)
        whole = _object(kind, {"name": name, "dtype": self.dtype, **config})
        self.layers.append({**whole, "name": name, "inbound_nodes": [called]})

    def _reference(self, tensor: Any) -> Any:
        if isinstance(tensor, list):
            return [self._reference(one) for one in tensor]
        name, number, shape = tensor
        config = {"shape": shape, "dtype": self.dtype, "keras_history": [name, 0, number]}
        return {"class_name": "__keras_tensor__", "config": config}


def model_config(plan: Plan, head: str, *, states: bool = False) -> dict[str, Any]:
    """Return the model of a plan as config.json says it; `head` is the name of its last layer.

    >>> from elman.interop.keras.plan import plan_of
    >>> from elman.spec import Spec
    >>> config = model_config(plan_of(Spec("gru", "tanh", 3, 4, 2, 1, "float32")), "logits")
    >>> [layer["name"] for layer in config["config"]["layers"]]
    ['features', 'layer_0', 'logits']
    """
    graph = _Graph(plan.dtype)
    inputs, x = _begin(graph, plan)
    outputs = []
    for k in range(len(plan.units)):
        before = _state_inputs(graph, plan, k) if states else []
        x, after = _recurrent(graph, plan, k, x, before)
        inputs += before
        outputs += after
        last = k == len(plan.units) - 1
        name, rate = ("output_dropout", plan.output_dropout) if last else (f"dropout_{k}", plan.dropout)
        if rate:
            graph.layer("Dropout", name, {"rate": rate}, [x], [])
            x = (name, 0, x[2])
    if plan.head:
        dense = {"units": plan.head, "activation": "linear", "use_bias": plan.head_bias}
        graph.layer("Dense", head, dense, [x], [])
        x = (head, 0, [*x[2][:-1], plan.head])
    config = {
        "name": "elman",
        "trainable": True,
        "layers": graph.layers,
        "input_layers": _ends(inputs),
        "output_layers": _ends([x, *outputs]),
    }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": config,
        "registered_name": "Functional",
    }


def _begin(graph: _Graph, plan: Plan) -> tuple[list[Tensor], Tensor]:
    """Add the inputs and what makes numbers of them; return (inputs, what the first layer reads)."""
    if not plan.embedding:
        features = graph.input("features", [None, None, plan.reads], plan.dtype)
        return [features], features
    symbols = graph.input("symbols", [None, None], "int32")
    count, size = plan.embedding
    config = {"input_dim": count, "output_dim": size, "mask_zero": False}
    graph.layer("Embedding", "embedding", config, [symbols], [])
    embedded: Tensor = ("embedding", 0, [None, None, size])
    if not plan.features:
        return [symbols], embedded
    features = graph.input("features", [None, None, plan.features], plan.dtype)
    graph.layer("Concatenate", "concatenate", {"axis": -1}, [[embedded, features]], [])
    return [symbols, features], ("concatenate", 0, [None, None, plan.reads])


def _state_inputs(graph: _Graph, plan: Plan, k: int) -> list[Tensor]:
    shape = [None, plan.units[k]]
    names = find(plan.cell, plan.activation).states
    ways = ("", "_backward") if plan.bidirectional else ("",)
    return [graph.input(f"layer_{k}{way}_{name}", shape, plan.dtype) for way in ways for name in names]


def _recurrent(
    graph: _Graph, plan: Plan, k: int, x: Tensor, states: list[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """Add layer k; return what it gives and, where it takes states, those after it."""
    every = plan.every or k < len(plan.units) - 1
    config = {
        "units": plan.units[k],
        "activation": plan.activation,
        "use_bias": plan.biases[k],
        "return_sequences": every,
        "return_state": bool(states),
        "go_backwards": False,
        "dropout": plan.input_dropout if k == 0 else 0.0,
        "recurrent_dropout": plan.recurrent_dropout,
    }
    if plan.cell != "elman":
        config["recurrent_activation"] = "sigmoid"
    if plan.cell == "gru":
        config["reset_after"] = True
    kind, name = LAYERS[plan.cell], f"layer_{k}"
    if plan.bidirectional:
        ways = {"layer": ("forward", False), "backward_layer": ("backward", True)}
        inner = {
            key: _object(
                kind, {**config, "name": f"{name}_{way}", "dtype": plan.dtype, "go_backwards": backward}
            )
            for key, (way, backward) in ways.items()
        }
        kind, config = "Bidirectional", {"merge_mode": "concat", **inner}
    graph.layer(kind, name, config, [x], states)
    width = (1 + plan.bidirectional) * plan.units[k]
    shape = [None, None, width] if every else [None, width]
    return (name, 0, shape), [(name, 1 + n, [None, plan.units[k]]) for n in range(len(states))]


def _ends(tensors: list[Tensor]) -> list[Any]:
    """Return inputs or outputs as Keras has them: a list, or the one there is."""
    ends = [[name, 0, number] for name, number, _ in tensors]
    return ends if len(ends) > 1 else ends[0]


def _object(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}
