"""Live modules of PyTorch: what they say of themselves, how they are built, and how they run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman import cells as all_cells
from elman.errors import OptionError
from elman.interop.checking import Checked, Run, compare, package
from elman.network import Network
from elman.numerics import Array
from elman.spec import Spec
from elman.states import State

from .naming import Tensors, is_cells

NAMES = {"elman": "RNN", "gru": "GRU", "lstm": "LSTM"}


def modules(recurrent: Any, head: Any, embedding: Any) -> dict[str, Any]:
    """Return the modules by part, a single cell as a list of one.

    Raises: OptionError for modules that compute something else than their names and weights say.
    """
    nn = package("torch", "torch").nn
    stacked, single = ([getattr(nn, name + end) for name in NAMES.values()] for end in ("", "Cell"))
    alone = type(recurrent) in single
    found = {"rnn": nn.ModuleList([recurrent]) if alone else recurrent, "head": head, "embedding": embedding}
    if isinstance(recurrent, list | tuple | nn.ModuleList):
        found["rnn"] = nn.ModuleList(recurrent)
        for k, cell in enumerate(recurrent):
            _check(f"recurrent[{k}]", cell, single)
        if len({type(cell) for cell in recurrent}) != 1:
            raise OptionError("recurrent is a list of cells of several kinds, or of none; expected one kind")
    else:
        _check("recurrent", recurrent, stacked + single)
    for part, module, kind in (("head", head, nn.Linear), ("embedding", embedding, nn.Embedding)):
        if module is not None:
            _check(part, module, [kind])
    return {part: module for part, module in found.items() if module is not None}


def _check(part: str, module: Any, kinds: Sequence[Any]) -> None:
    if type(module) not in kinds:
        names = ", ".join(f"nn.{kind.__name__}" for kind in kinds)
        raise OptionError(f"{part} is {type(module).__name__}; expected {names}, and no class made of them")
    if module._forward_hooks or module._forward_pre_hooks:
        raise OptionError(f"{part} has forward hooks, which may change what it computes; remove them first")
    for option in ("proj_size", "max_norm"):
        if value := getattr(module, option, None):
            raise OptionError(f"{part} has {option} {value}, which no network here has")


def facts(parts: dict[str, Any]) -> dict[str, Any]:
    """Return what the modules know beside their weights, as `spec_of` takes it.

    Raises: OptionError for cells of unequal nonlinearity.
    """
    rnn = parts["rnn"]
    said = {getattr(cell, "nonlinearity", None) for cell in (rnn if hasattr(rnn, "append") else [rnn])}
    if len(said) > 1:
        raise OptionError("the nonlinearity of the cells is tanh of some and relu of others; expected one")
    tied = "embedding" in parts and "head" in parts and parts["head"].weight is parts["embedding"].weight
    stacked = getattr(rnn, "num_layers", 1) > 1  # of a single layer nothing is dropped
    return {"activation": said.pop(), "dropout": rnn.dropout if stacked else 0.0, "tied": tied}


def build(spec: Spec, tensors: Tensors) -> Any:
    """Return an nn.ModuleDict of embedding, rnn and head with these canonical tensors, in eval mode."""
    torch = package("torch", "torch")
    with torch.device("meta"):  # nothing is drawn, and nothing allocated that the weights then replace
        made = {part: _made(torch.nn, plan) for part, plan in _plan(spec, is_cells(tensors)).items()}
    parts = torch.nn.ModuleDict(made)
    given = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in tensors.items()}
    parts.load_state_dict(given, assign=True)
    if spec.tied:
        parts["head"].weight = parts["embedding"].weight
    return parts.eval()


def described(spec: Spec, *, cells: bool) -> str:
    """Return the expression that makes the modules of a spec.

    >>> described(Spec("gru", "tanh", 3, 4, 2, 1, "float64"), cells=False)
    "nn.ModuleDict({'rnn': nn.GRU(3, 4), 'head': nn.Linear(4, 2)}).double()"
    """
    parts = ", ".join(f"'{part}': {_words(plan)}" for part, plan in _plan(spec, cells).items())
    return f"nn.ModuleDict({{{parts}}})" + ".double()" * (spec.dtype == "float64")


Plan = tuple[str, tuple[int, ...], dict[str, Any]] | list[Any]  # class, sizes, options; or a list of such


def _plan(spec: Spec, cells: bool) -> dict[str, Plan]:
    """Return which modules a spec needs."""
    plan: dict[str, Plan] = {}
    if spec.embedding_size is not None:
        plan["embedding"] = ("Embedding", (spec.input_size, spec.embedding_size), {})
    name, options = NAMES[spec.cell], dict[str, Any]()
    if spec.activation != "tanh":
        options["nonlinearity"] = spec.activation
    if cells:
        reads = (spec.reads, *spec.widths[:-1])
        plan["rnn"] = [(f"{name}Cell", sizes, options) for sizes in zip(reads, spec.widths, strict=True)]
    else:
        more = {"num_layers": spec.num_layers, "dropout": spec.dropout, "bidirectional": spec.bidirectional}
        usual = {"num_layers": 1, "dropout": 0.0, "bidirectional": False}
        options |= {key: value for key, value in more.items() if value != usual[key]}
        plan["rnn"] = (name, (spec.reads, spec.widths[0]), options)
    plan["head"] = ("Linear", (spec.read_out, spec.y_size), {})
    return plan


def _made(nn: Any, plan: Plan) -> Any:
    if isinstance(plan, list):
        return nn.ModuleList([_made(nn, one) for one in plan])
    name, sizes, options = plan
    return getattr(nn, name)(*sizes, **options)


def _words(plan: Plan) -> str:
    if isinstance(plan, list):
        return f"nn.ModuleList([{', '.join(map(_words, plan))}])"
    name, sizes, options = plan
    return f"nn.{name}({', '.join([*map(str, sizes), *(f'{k}={v!r}' for k, v in options.items())])})"


def state_to_torch(spec: Spec, state: State) -> Any:
    """Return a state as nn.RNN, nn.GRU ("D·L B H") or nn.LSTM (two of them: h and c) take it."""
    torch = package("torch", "torch")
    joined = tuple(torch.from_numpy(np.stack(arrays)) for arrays in zip(*state, strict=True))
    return joined if len(all_cells.find(spec.cell, spec.activation).states) > 1 else joined[0]


def state_from_torch(hx: Any) -> State:
    """Return the state that nn.RNN, nn.GRU ("D·L B H") or nn.LSTM (two of them) gave, for `run` or `step`."""
    named = [part.detach().cpu().numpy() for part in (hx if isinstance(hx, tuple) else (hx,))]
    return tuple(zip(*named, strict=True))


def runner(parts: Any, spec: Spec) -> Run:
    """Return a function that runs modules as `Network.run` runs: x, state → y, state after; no lengths."""
    torch = package("torch", "torch")
    cells = hasattr(parts["rnn"], "append")

    def run(x: Any, state: State) -> tuple[Array, State]:
        with torch.no_grad():
            read = _read(torch, parts, spec, x)
            over = _run_cells if cells else _run_stacked
            h, last, after = over(torch, parts["rnn"], read, state, spec)
            y = parts["head"](last if spec.readout == "last" else h)
            return y.numpy(), after

    return run


def compared(network: Network, tensors: Tensors, lines: tuple[str, ...]) -> Checked:
    """Compare a network with modules of these canonical tensors."""
    run = runner(build(network.spec, tensors), network.spec)
    what = f"whole runs and single steps in PyTorch {package('torch', 'torch').__version__}"
    return compare(network, run, what, lines=lines)


def _read(torch: Any, parts: Any, spec: Spec, x: Any) -> Any:
    """Return what the first layer reads."""
    first, *beside = (torch.from_numpy(np.asarray(part)) for part in (x if isinstance(x, tuple) else (x,)))
    if not first.is_floating_point():
        one_hot = torch.nn.functional.one_hot
        dtype = getattr(torch, spec.dtype)
        first = parts["embedding"](first) if "embedding" in parts else one_hot(first, spec.input_size)
        first = first.to(dtype)
    return torch.cat([first, *beside], dim=-1)


def _run_stacked(torch: Any, rnn: Any, read: Any, state: State, spec: Spec) -> tuple[Any, Any, State]:
    h, hx = rnn(read, state_to_torch(spec, state))
    hidden = hx[0] if isinstance(hx, tuple) else hx
    return h, torch.cat(list(hidden[-spec.directions :]), dim=-1), state_from_torch(hx)


def _run_cells(torch: Any, rnn: Any, read: Any, state: State, spec: Spec) -> tuple[Any, Any, State]:
    states = [tuple(torch.from_numpy(s) for s in place) for place in state]
    lstm, outputs = spec.cell == "lstm", []
    for x in read:
        for k, cell in enumerate(rnn):
            after = cell(x, states[k] if lstm else states[k][0])
            states[k] = after if lstm else (after,)
            x = states[k][0]
        outputs.append(x)
    return torch.stack(outputs), outputs[-1], tuple(tuple(s.numpy() for s in place) for place in states)
