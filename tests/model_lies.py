"""Model files whose parts do not hold together: changes of a good one, each with the words of its refusal."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from persistence_cases import WORDS, Change


def facts(name: str, **changes: Any) -> Change:
    """Change entries of the JSON text `name` in the metadata; an entry that is None is left out."""

    def change(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
        kept = json.loads(metadata[name]) | changes
        kept = {key: value for key, value in kept.items() if value is not None}
        metadata[name] = json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    return change


def text(name: str, edit: Callable[[str], str]) -> Change:
    def change(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
        metadata[name] = edit(metadata[name])

    return change


def array(name: str, edit: Callable[[np.ndarray], np.ndarray] | None) -> Change:
    def change(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
        if edit is None:
            del tensors[name]
        else:
            tensors[name] = np.asarray(edit(tensors.get(name, np.zeros(1, np.float32))), order="C")

    return change


def without(name: str) -> Change:
    return lambda tensors, metadata: metadata.__delitem__(name)


def two_zeros(_: np.ndarray) -> np.ndarray:
    return np.zeros(2, np.float32)


DAMAGES: dict[str, Callable[[str], str]] = {
    "empty": lambda text: "",
    "cut": lambda text: text[:-1],
    "more": lambda text: text + "{}",
    "a list": lambda text: f"[{text}]",
    "null": lambda text: "null",
    "a string": json.dumps,
    "a blank": lambda text: text.replace(":", ": ", 1),
    "a blank after": lambda text: text + " ",
    "an order": lambda text: json.dumps(dict(reversed(json.loads(text).items())), separators=(",", ":")),
    "a key twice": lambda text: text[:1] + text[1 : text.index(",") + 1] + text[1:],
    "a key twice, escaped": lambda text: '{"\\u007a":1,' + text[1:-1] + ',"z":1}',
    "an escape": lambda text: text.replace("e", "\\u0065", 1),
    "NaN": lambda text: text[:-1] + ',"z":NaN}',
    "1e999": lambda text: text[:-1] + ',"z":1e999}',
    "a long number": lambda text: text[:-1] + f',"z":{"9" * 5000}}}',
    "a number written long": lambda text: text[:-1] + ',"z":1.50}',
    "half a pair": lambda text: text[:-1] + ',"z":"\\ud800"}',
    "depth": lambda text: text[:-1] + ',"z":' + "[" * 20_000 + "]" * 20_000 + "}",
    "depth of objects": lambda text: text[:-1] + ',"z":' + '{"a":' * 20_000 + "1" + "}" * 20_000 + "}",
}
DAMAGED_TEXTS = {
    f"the {name}, {damage}": (text(name, edit), rf"the {name} in the metadata is damaged: ")
    for name in ("spec", "record", "training")
    for damage, edit in DAMAGES.items()
}

SIZES = ("input_size", "hidden_size", "output_size", "num_layers")
NO_SIZES = (0, -1, True, False, 5, 10**5, 10**18, 10**30, 3.0, 1e300, "3", [3], {"size": 3})
WRONG_SIZES = {
    f"{name} {size!r}": (facts("spec", **{name: size}), ".") for name in SIZES for size in NO_SIZES
}
MANY = json.dumps({"kind": "words", "symbols": [f"{k:x}" for k in range(200_000)]}).encode()
MERGES = b'{"kind":"bpe","symbols":[],"merges":[' + b",".join([b"[1,2]"] * 300_000) + b"]}"
TWICE = b'{"kind":"chars","symbols":["<unk>","a","b","a"]}'
LIES: dict[str, tuple[Change, str]] = {
    "another cell": (facts("spec", cell="qrnn"), "no cell 'qrnn' with activation 'tanh'; there are elman"),
    "another activation": (facts("spec", activation="sigmoid"), r"there are elman \(tanh, relu\)"),
    "another dtype": (facts("spec", dtype="float16"), "dtype is 'float16'; there are float32 and float64"),
    "the other dtype": (facts("spec", dtype="float64"), "is float32 .*; expected float64"),
    "a dtype of backslashes": (facts("spec", dtype="\\" * 1500), "metadata is none: dtype is"),
    "sizes of 600 layers": (facts("spec", hidden_size=[9] * 600), "hidden_size has 600 entries"),
    "a cell that is a number": (facts("spec", cell=3), "metadata is none: Expected `str`, got `int`"),
    "a cell with a long name": (facts("spec", cell="x" * 50_000), "cell in the spec is 'xxx.*: too long"),
    "a cell with other weights": (facts("spec", cell="gru"), r"layers\.0\.U is .* expected float32 \(9, 4\)"),
    "an option at its default": (facts("spec", bidirectional=False), "not in the one form"),
    "an option of another type": (facts("spec", zoneout="0.1"), "Expected `float`, got `str`"),
    "an option out of range": (facts("spec", zoneout=1.5), "zoneout is 1.5; it must be"),
    "an option that changes nothing": (facts("spec", quantiles=[0.5]), "quantiles"),
    "widths of other layers": (facts("spec", hidden_size=[3, 3, 4]), "hidden_size has 3 entries"),
    "equal widths one by one": (facts("spec", hidden_size=[3, 3]), "not in the one form"),
    "a spec with one more": (facts("spec", **{"x\n" * 9999: "0"}), "the spec has .*; expected"),
    "a spec with one less": (facts("spec", cell=None), "the spec has .*; expected"),
    "layers missing": (facts("spec", num_layers=1), "the array .* is not of this network"),
    "layers too many": (facts("spec", num_layers=3), r"the array 'layers\.2\.U' is missing"),
    "no array": (array("layers.0.W", None), r"the array 'layers\.0\.W' is missing"),
    "one more array": (array("layers.0.d", two_zeros), r"layers\.0\.d' is not of this network"),
    "an array named to deceive": (array("head.V is\n\x1b[2Kfine", two_zeros), r"\\n\\x1b\[2Kfine' is not of"),
    "an array transposed": (array("head.V", np.transpose), r"head\.V is float32 \(3, 4\); expected"),
    "an array flattened": (array("head.V", np.ravel), r"head\.V is float32 \(12,\); expected"),
    "an array of float64": (array("head.c", np.float64), r"head\.c is float64 \(4,\); expected float32"),
    "an array of integers": (array("head.c", np.int64), r"head\.c is int64"),
    "another format": (text("format", lambda _: "onnx"), "not a model of elman: format 'onnx'"),
    "no format": (without("format"), "not a model of elman: format None"),
    "a newer version": (text("format_version", lambda _: "2"), "version '2'; this elman reads 1: a newer"),
    "a stranger version": (text("format_version", lambda _: "9" * 9999), "version '9999.*9'; this elman"),
    "no version": (without("format_version"), "version None; this elman reads 1"),
    "version 01": (text("format_version", lambda _: "01"), "version '01'; this elman reads 1"),
    "no spec": (without("spec"), "the metadata has no spec"),
    "no record": (without("record"), "the metadata has no record"),
    "no training": (without("training"), r"training\.best' is of a training, but the metadata has none"),
    "a larger vocabulary": (
        array("vocabulary", lambda _: np.frombuffer(WORDS.to_bytes(), np.uint8)),
        "the vocabulary has 5 symbols, but the network reads 4 and writes 4",
    ),
    "a damaged vocabulary": (array("vocabulary", lambda a: a[:-1]), "vocabulary is damaged"),
    "a vocabulary of floats": (array("vocabulary", np.float32), "the vocabulary is float32"),
    "a vocabulary in rows": (array("vocabulary", lambda a: a[None]), "expected a row of bytes"),
    "a symbol twice": (
        array("vocabulary", lambda _: np.frombuffer(TWICE, np.uint8)),
        "symbol 'a' is listed twice",
    ),
    "200,000 symbols": (array("vocabulary", lambda _: np.frombuffer(MANY, np.uint8)), "lists more than"),
    "300,000 merges": (array("vocabulary", lambda _: np.frombuffer(MERGES, np.uint8)), "lists more than"),
    "a step of float": (facts("training", step=3.0), "the training is .*; expected step, seconds, best_step"),
    "a step of true": (facts("training", step=True), "the training is"),
    "a step without end": (facts("training", step=10**4000), "the training is"),
    "a step below 0": (facts("training", step=-1), "none negative"),
    "seconds of int": (facts("training", seconds=3), "the training is"),
    "seconds below 0": (facts("training", seconds=-0.1), "none negative"),
    "a fact more": (facts("training", epoch=1), "the training is"),
    "a fact less": (facts("training", best_step=None), "the training is"),
    "best too short": (array("training.best", lambda a: a[:-1]), r"training\.best is float32 \(60,\)"),
    "best of float64": (array("training.best", np.float64), r"training\.best is float64"),
    "memory too wide": (array("training.memory", lambda a: np.tile(a, 2)), r"memory is .* \(2, 122\)"),
    "memory of rank 0": (array("training.memory", lambda a: np.float32(1)), r"memory is .* \(\)"),
    "memory of rank 1": (array("training.memory", np.ravel), r"memory is .* \(122,\)"),
    "memory of rank 3": (array("training.memory", lambda a: a[None]), r"memory is .* \(1, 2, 61\)"),
    "losses of integers": (array("training.validation_losses", np.int64), "losses is int64"),
    "losses in rows": (array("training.validation_losses", lambda a: a[None]), r"losses is float64 \(1, 3\)"),
    "a loss of rank 0": (array("training.validation_losses", lambda a: a[0]), r"losses is float64 \(\)"),
    "hidden of other rows": (array("training.hidden.1.h", lambda a: a[:2]), r"hidden\.1\.h is .* \(2, 3\)"),
    "hidden too wide": (array("training.hidden.1.h", lambda a: np.tile(a, 2)), r"1\.h is .* \(3, 6\)"),
    "hidden of rank 0": (array("training.hidden.0.h", lambda a: a[0, 0]), r"hidden\.0\.h is .* \(\)"),
    "hidden of rank 1": (array("training.hidden.0.h", lambda a: a[0]), r"hidden\.\d\.h is .* \(3,"),
    "hidden of float64": (array("training.hidden.0.h", np.float64), r"hidden\.0\.h is float64"),
    "hidden of one layer": (array("training.hidden.1.h", None), r"holds .*hidden\.0\.h'\]; expected"),
    "hidden of a layer more": (array("training.hidden.2.h", two_zeros), r"holds .*hidden\.2\.h'\]; expected"),
    "hidden of another state": (array("training.hidden.0.s", two_zeros), r"holds .*0\.s.*; expected"),
    "something else": (array("training.x", two_zeros), r"holds .*training\.x'\]; expected"),
    "sizes of 4,000 digits": (facts("spec", **dict.fromkeys(SIZES, 10**4000)), "too long|Integer"),
    "sizes that are all immense": (facts("spec", **dict.fromkeys(SIZES, 10**18)), r"the file has \d+"),
} | DAMAGED_TEXTS | WRONG_SIZES  # fmt: skip
