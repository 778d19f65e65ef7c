"""`to_js`: from a network to the text of its module, put together from the pieces in parts/."""

from __future__ import annotations

import json
import zlib
from base64 import encodebytes
from pathlib import Path
from typing import Any

import numpy as np

from elman.cells import find
from elman.data import Vocabulary
from elman.errors import NumericError, OptionError
from elman.network import Network
from elman.spec import Spec

PARTS = Path(__file__).parent / "parts"
GIVES = {
    "softmax": "the logits of the symbols that may come next.",
    "sigmoid": "the logits of labels.",
    "squared": "values.",
    "absolute": "values.",
    "huber": "values.",
    "gaussian": "the means, and then for each s; `moments` makes deviations of these.",
    "quantile": "quantiles, those of one value side by side.",
}
HEADS = ("softmax", "sigmoid", "gaussian")  # those that have functions of their own


def to_js(network: Network, vocabulary: Vocabulary | None = None) -> str:
    """Return the text of an ES module, ASCII, that needs nothing else and runs in browsers and Node.

        createState(seed)   reset(state)   step(state, input, features) → y
        saveState(state) → bytes           loadState(bytes) → state: those of `Network.stream`, both ways
        softmax(y, temperature), sample(state, y, temperature), chance(state)   of a head of symbols
        sigmoid(y)                         of labels           moments(y)       of a gaussian
        encode(text), decode(symbols)      with a vocabulary   spec, vocabulary

    y is what `Network.step` gives. A step reads a symbol; without a vocabulary of its own, embedding or
    features, a vector, too. Held: every cell and head, layers, embedding (tied, too), features, layer
    normalization, zoneout (its mean), learned initial states, float32 and float64.
    Raises: OptionError for what needs the whole sequence, or a vocabulary of another size; NumericError when
            a weight is not finite.

    >>> text = to_js(Network("gru", input_size=2, hidden_size=8, output_size=1, head="squared"))
    >>> "export function step(state, input, features) {" in text
    True
    """
    _check(network, vocabulary)
    spec, flat = network.spec, network.parameters.flat
    numbers = np.ascontiguousarray(flat, flat.dtype.newbyteorder("<")).tobytes()
    beside = "symbols" if vocabulary else "inputs"
    sizes = f"{spec.input_size} {beside}, layers of {', '.join(map(str, spec.widths))}, {spec.y_size} outputs"
    parts = [
        f"// A recurrent network, exported by elman: {spec.cell} ({spec.activation}), {sizes}.",
        f"export const spec = {_table(_facts(network, vocabulary, numbers))};",
        *([f"export const vocabulary = {script(_spelled(vocabulary))};"] if vocabulary else []),
        f"const WEIGHTS = `\n{encodebytes(numbers).decode()}`;",
        _pieces(spec, vocabulary),
    ]
    return "\n\n".join(parts) + "\n"


def read_part(name: str) -> str:
    """Return the text of a file in parts/."""
    return (PARTS / name).read_text("utf-8")


def script(data: Any) -> str:
    """Return data as JavaScript that can stand in a page, too: ASCII, and no < that could end the script.

    >>> script("</script>")
    '"\\\\u003c/script>"'
    """
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c")


def predicts(network: Network, vocabulary: Vocabulary | None) -> bool:
    """Does the network predict the next symbol of this vocabulary?"""
    spec = network.spec
    return vocabulary is not None and spec.head == "softmax" and vocabulary.size == spec.y_size > 1


def _check(network: Network, vocabulary: Vocabulary | None) -> None:
    spec = network.spec
    if spec.whole_only:
        raise OptionError(
            f"the module goes step by step, and {spec.whole_only} reads the whole sequence: it cannot be "
            "exported"
        )
    if vocabulary is not None and vocabulary.size != spec.input_size:
        sizes = f"{vocabulary.size} symbols, the network reads {spec.input_size}"
        raise OptionError(f"the vocabulary has {sizes}; take the model's own vocabulary")
    for name, values in network.parameters.views.items():
        if not np.isfinite(values).all():
            raise NumericError(f"{name} holds numbers that are not finite; nothing is written")


def _facts(network: Network, vocabulary: Vocabulary | None, numbers: bytes) -> dict[str, Any]:
    """Return what the module calls spec; the parameters lie in the order of `Network.parameters`."""
    spec = network.spec
    cell = find(spec.cell, spec.activation)
    unknown = predicts(network, vocabulary) and vocabulary is not None and vocabulary.unknown == 0
    return {
        "cell": spec.cell,
        "activation": spec.activation,
        "inputs": spec.input_size,
        "outputs": spec.y_size,
        "widths": spec.widths,
        "head": spec.head,
        "dtype": spec.dtype,
        "gates": len(cell.gates),
        "states": cell.states,
        "reads": spec.reads,
        "features": spec.feature_size,
        "zoneout": spec.zoneout,
        "first": int(unknown),
        "checksum": zlib.crc32(numbers),
        "parameters": [[name, *(*shape, 1)[:2]] for name, shape in network.parameters.layout.items()],
    }


def _table(facts: dict[str, Any]) -> str:
    """Return facts as JavaScript, one a line."""
    lines = [f"  {name}: {script(value)}," for name, value in facts.items() if name != "parameters"]
    lines += ["  parameters: [", *(f"    {script(one)}," for one in facts["parameters"]), "  ],"]
    return "\n".join(["{", *lines, "}"])


def _spelled(vocabulary: Vocabulary) -> dict[str, Any]:
    return {"kind": vocabulary.kind, "symbols": vocabulary.symbols, "merges": vocabulary.merges}


def _pieces(spec: Spec, vocabulary: Vocabulary | None) -> str:
    """Return the pieces that this network needs; words say what its steps read and give."""
    cell = spec.activation if spec.cell == "elman" else spec.cell
    beside = "features" if spec.feature_size else "either"
    made = ["weights", "network", "input_embedding" if spec.embedding_size else f"input_{beside}"]
    made += [f"cell_{cell}", "state"]
    made += [f"head_{spec.head}"] if spec.head in HEADS else []
    made += [f"text_{vocabulary.kind}"] if vocabulary else []
    text = "\n".join(read_part(f"{name}.js") for name in made).rstrip()
    for word, meaning in _words(spec, vocabulary).items():
        text = text.replace(word, meaning)
    return text


def _words(spec: Spec, vocabulary: Vocabulary | None) -> dict[str, str]:
    """Return what stands for the words that the pieces leave open."""
    reads = f"a symbol, 0 to {spec.input_size - 1}"
    if spec.feature_size:
        reads += f"; features: {spec.feature_size} numbers beside it"
    elif not spec.embedding_size:
        reads += f", or {spec.input_size} numbers"
    never = vocabulary is not None and vocabulary.unknown == 0 and vocabulary.size == spec.y_size
    return {
        "STEPREADS": f"{reads}.",
        "STEPGIVES": GIVES[spec.head],
        "WITHOUT": ", never the unknown symbol 0" if never else "",
    }
