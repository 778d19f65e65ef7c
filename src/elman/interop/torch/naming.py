"""What the names and shapes of a PyTorch state dict say of its network, and what they leave to the caller.

Canonical names: embedding.weight; rnn.weight_ih_l0, … of a stacked module, rnn.0.weight_ih, … of a list of
cells; head.weight, head.bias. Nothing is guessed: the recurrent part is found by names that no other module
of PyTorch has; what else is not called embedding or head must be said; the nonlinearity of nn.RNN, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from elman import heads
from elman.errors import FormatError, OptionError
from elman.numerics import Array
from elman.spec import Spec

Tensors = Mapping[str, Array]
PARTS = ("embedding", "rnn", "head")
_CELLS = {1: "elman", 3: "gru", 4: "lstm"}  # by gates
_RECURRENT = re.compile(
    r"(?:(?P<prefix>.*?)\.)??(?P<rest>(?:\d+\.)?(?:weight|bias)_(?:ih|hh)"
    r"|(?:weight|bias)_(?:ih|hh|hr)_l\d+(?:_reverse)?)"
)
_FIRST = ("rnn.weight_hh_l0", "rnn.0.weight_hh")
_SHOWN = 6  # names in a message


def canonical(tensors: Tensors, parts: Mapping[str, str] | None = None) -> dict[str, Array]:
    """Return a state dict under canonical names; `parts` says how it calls embedding, rnn and head.

    A single cell becomes a list of one.
    Raises: OptionError for a part that does not exist; FormatError for names that fit no part, or two.

    >>> import numpy as np
    >>> list(canonical({"fc.weight": np.ones(1), "cell.weight_ih": np.ones(1)}, {"head": "fc"}))
    ['head.weight', 'rnn.0.weight_ih']
    """
    parts = dict(parts or {})
    if wrong := next((part for part in parts if part not in PARTS), None):
        raise OptionError(f"there is no part {wrong!r}; there are {', '.join(PARTS)}")
    parts.setdefault("rnn", _recurrent_prefix(tensors))
    found: dict[str, Array] = {}
    for name, array in tensors.items():
        part, rest = _part(name, parts)
        if part is None:
            raise FormatError(
                f"{name} is of no part that is known; there are {listed(tensors)}: say what they are, "
                "such as embedding=encoder, head=decoder"
            )
        alone = part == "rnn" and re.fullmatch("(weight|bias)_(ih|hh)", rest)
        found[f"rnn.0.{rest}" if alone else f"{part}.{rest}"] = array
    return found


def _recurrent_prefix(tensors: Tensors) -> str:
    matches = [match for name in tensors if (match := _RECURRENT.fullmatch(name))]
    prefixes = {match["prefix"] or "" for match in matches}
    if len(prefixes) != 1:
        there = f"recurrent modules {', '.join(sorted(prefixes))}" if prefixes else listed(tensors)
        raise FormatError(f"expected one recurrent module (weight_ih_l0, …); there are {there}")
    return prefixes.pop()


def _part(name: str, parts: Mapping[str, str]) -> tuple[str | None, str]:
    """Return the part that a name belongs to, that with the longest prefix, and the rest of the name."""
    starts = {part: parts.get(part, part) for part in PARTS}
    starts = {part: f"{prefix}." if prefix else "" for part, prefix in starts.items()}
    fitting = [part for part in PARTS if name.startswith(starts[part])]
    best = max(fitting, key=lambda part: len(starts[part]), default=None)
    return best, name.removeprefix(starts[best]) if best else name


def is_cells(tensors: Tensors) -> bool:
    """Tell a list of cells from a stacked module.

    Raises: FormatError for neither, and for a projection.
    """
    if name := next((name for name in tensors if ".weight_hr" in name), None):
        raise FormatError(f"{name} is a projection (proj_size), which no cell of elman has")
    firsts = [name in tensors for name in _FIRST]
    if sum(firsts) != 1:
        raise FormatError(
            f"no recurrent module: expected one of {' and '.join(_FIRST)}; there are {listed(tensors)}"
        )
    return firsts[1]


def spec_of(
    tensors: Tensors,
    *,
    activation: str | None = None,
    dropout: float = 0.0,
    readout: str = "every",
    loss: str | None = None,
    tied: bool = False,
) -> Spec:
    """Return the spec that the shapes of canonical tensors and these facts describe.

    loss: the name of the head (none: softmax, or squared where there is no head and states are the outputs).
    Raises: OptionError for an activation that only the caller knows, and did not say; FormatError for shapes
            that are none of PyTorch's.
    """
    cells = is_cells(tensors)
    names = _layers(tensors, cells)
    recurrent = [matrix(tensors, name.format("weight_hh")) for name in names]
    cell = _cell(names[0].format("weight_hh"), recurrent[0])
    both = not cells and "rnn.weight_hh_l0_reverse" in tensors
    widths = tuple(W.shape[1] for W in recurrent)
    reads = matrix(tensors, names[0].format("weight_ih")).shape[1]
    return Spec(
        cell=cell,
        activation=_activation(cell, activation),
        hidden_size=widths if cells else widths[0],
        num_layers=len(names),
        dtype=str(recurrent[0].dtype),
        bidirectional=both,
        dropout=dropout,
        readout=readout,
        tied=tied,
        **_input(tensors, reads),
        **_output(tensors, (1 + both) * widths[-1], loss),
    )


def _input(tensors: Tensors, reads: int) -> dict[str, Any]:
    if "embedding.weight" not in tensors:
        return {"input_size": reads}
    symbols, size = matrix(tensors, "embedding.weight").shape
    if size > reads:
        raise FormatError(f"embedding.weight is {symbols} × {size}; the first layer reads {reads} numbers")
    return {"input_size": symbols, "embedding_size": size, "feature_size": reads - size}


def _output(tensors: Tensors, states: int, loss: str | None) -> dict[str, Any]:
    headed = "head.weight" in tensors
    rows = len(matrix(tensors, "head.weight")) if headed else states
    loss = loss or ("softmax" if headed else "squared")
    width = heads.find(loss).width
    if rows % width:
        raise FormatError(f"the head has {rows} rows; {loss!r} has {width} outputs for each target")
    return {"output_size": rows // width, "head": loss}


def _layers(tensors: Tensors, cells: bool) -> list[str]:
    """Return the names of the layers that are there, forward ones only, "{}" in each for which tensor."""
    form = "rnn.{}.{{}}" if cells else "rnn.{{}}_l{}"
    names: list[str] = []
    while (name := form.format(len(names))).format("weight_hh") in tensors:
        names.append(name)
    return names


def matrix(tensors: Tensors, name: str) -> Array:
    """Return a matrix of a state dict. Raises: FormatError when it is missing or none."""
    if name not in tensors:
        raise FormatError(f"{name} is missing; there are {listed(tensors)}")
    if tensors[name].ndim != 2 or not tensors[name].size:
        raise FormatError(f"{name} has shape {tensors[name].shape}; expected a matrix")
    return tensors[name]


def _cell(name: str, W: Array) -> str:
    gates, rest = divmod(len(W), W.shape[1])
    if rest or gates not in _CELLS:
        raise FormatError(f"{name} is {W.shape}; expected H (RNN), 3 H (GRU) or 4 H (LSTM) rows of H")
    return _CELLS[gates]


def _activation(cell: str, activation: str | None) -> str:
    if cell == "elman" and activation is None:
        raise OptionError("the weights of nn.RNN do not say its activation; give it: tanh or relu")
    return activation or "tanh"


def listed(names: Mapping[str, object]) -> str:
    """Return some names, and how many more there are."""
    shown = list(names)[:_SHOWN]
    return ", ".join(shown) + f" and {len(names) - _SHOWN} more" * (len(names) > _SHOWN)
