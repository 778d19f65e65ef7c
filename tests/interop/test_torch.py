"""PyTorch both ways where it is not installed: stored answers of its modules, state dicts and their files.

goldens/torch.json is written by make_torch.py; test_torch_live.py asks PyTorch itself.
"""

from __future__ import annotations

import base64
import json
import os
import re
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch_cases import FAULTS, SEEN, Tensors, drawn_network, plain_gru, same, uneven

import elman
from cli_cases import write
from elman import Network
from elman.errors import FileError, FormatError, OptionError
from elman.interop import torch as land
from elman.interop.checking import BOUNDS, difference
from elman.interop.torch.naming import canonical, spec_of
from elman.interop.torch.state_files import read_state_dict
from elman.interop.torch.weights import network_of, weights

GOLDEN = json.loads((Path(__file__).parent / "goldens/torch.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ([1.0, 100.0], [1.0, 101.0], 0.01),
        ([0.5], [0.0], 0.5),
        ([np.nan], [0.0], np.inf),
        ([np.nan], [np.nan], np.inf),
        ([np.inf], [1.0], np.inf),
        ([1.0], [-np.inf], np.inf),
        ([np.inf, -np.inf], [np.inf, -np.inf], 0.0),
        ([1.0], [[1.0]], np.inf),
        ([], [], 0.0),
    ],
)
def test_a_difference_is_what_it_says(one, other, apart):
    one, other = np.array(one), np.array(other)
    assert difference(one, other) == pytest.approx(apart)
    assert difference((one, one), (one,)) == difference((one,), one) == np.inf


# Stored answers.


def told(case: dict[str, Any], dtype: str = "float64") -> Tensors:
    return {name: np.array(value, dtype) for name, value in case["tensors"].items()}


def as_state(stored: list[Any], dtype: str = "float64") -> elman.State:
    return tuple(tuple(np.array(s, dtype) for s in place) for place in stored)


def named(case: dict[str, Any]) -> str:
    first = next(iter(case["tensors"]))
    shapes = [f"{np.shape(case['tensors'][first])}", *(["lengths"] if case["lengths"] else [])]
    return f"{first}-{'-'.join(shapes)}-{case['activation']}"


def distance(case: dict[str, Any], tensors: Tensors, dtype: str = "float64") -> float:
    """How far the network of some tensors is from what PyTorch answered."""
    network = land.from_state_dict(tensors, activation=case["activation"])
    ours = network.run(np.array(case["x"]), as_state(case["start"], dtype), case["lengths"])
    return difference((np.array(case["y"]), as_state(case["after"])), ours)


every_case = pytest.mark.parametrize("case", GOLDEN["cases"], ids=named)


@every_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_state_dict_gives_the_numbers_of_pytorch(case, dtype):
    assert distance(case, told(case, dtype), dtype) <= BOUNDS[dtype]


def stepwise(case: dict[str, Any]) -> bool:
    return not case["lengths"] and not any(name.endswith("_reverse") for name in case["tensors"])


@pytest.mark.parametrize("case", [case for case in GOLDEN["cases"] if stepwise(case)], ids=named)
def test_so_do_single_steps(case):
    network, state = land.from_state_dict(told(case), activation=case["activation"]), as_state(case["start"])
    for x, y in zip(np.array(case["x"]), np.array(case["y"]), strict=True):
        ours, state = network.step(x, state)
        assert difference(y, ours) <= BOUNDS["float64"]
    assert difference(as_state(case["after"]), state) <= BOUNDS["float64"]


def touched(case: dict[str, Any], pattern: str) -> bool:
    W = next(np.array(v) for name, v in case["tensors"].items() if "weight_hh" in name)
    cell = {1: "RNN", 3: "GRU", 4: "LSTM"}[len(W) // W.shape[1]]
    biased = any("bias_hh" in name for name in case["tensors"])
    return bool(re.search(pattern, cell + " ".join(case["tensors"]))) and (biased or pattern != "GRU")


@pytest.mark.parametrize("fault", FAULTS)
def test_stored_answers_see_a_planted_fault(fault):
    plant, pattern = FAULTS[fault]
    cases = [case for case in GOLDEN["cases"] if touched(case, pattern)]
    assert len(cases) >= 3
    for case in cases:
        assert distance(case, plant(told(case))) > SEEN, named(case)


def test_stored_answers_see_a_reset_gate_that_comes_before():
    (case,) = (
        c
        for c in GOLDEN["cases"]
        if touched(c, "GRU")
        and set(told(c))
        == {
            *(f"rnn.{kind}_{way}_l0" for kind in ("weight", "bias") for way in ("ih", "hh")),
            "head.weight",
            "head.bias",
        }
    )
    x, start = np.array(case["x"]), as_state(case["start"])[0][0]
    after, before = (plain_gru(told(case), x, start, before=before) for before in (False, True))
    assert difference(np.array(case["y"]), after) <= BOUNDS["float64"]
    assert difference(np.array(case["y"]), before) > SEEN


# Out and in again, without PyTorch.


def test_300_networks_are_byte_equal_out_and_in_again():
    for seed in range(300):
        network = drawn_network(seed)
        network.parameters.flat[::7] = -0.0  # which −0 + 0 is not
        tensors = weights(network, cells=uneven(network))
        assert same(network, network_of(network.spec, tensors)), seed
        facts = {"readout": network.spec.readout, "loss": network.spec.head}
        facts |= {"activation": network.spec.activation, "tied": network.spec.tied}
        assert spec_of(canonical(tensors), dropout=network.spec.dropout, **facts) == network.spec, seed


def test_two_biases_become_one_only_where_they_are_added():
    for cell, names in {"elman": {"b"}, "lstm": {"b"}, "gru": {"b", "d"}}.items():
        network = Network(cell, input_size=2, hidden_size=3, output_size=2, initialization="uniform")
        tensors = weights(network)
        tensors["rnn.bias_hh_l0"] += 0.5
        read = network_of(network.spec, tensors)
        changed = {name for name in "bd" if f"layers.0.{name}" in read.parameters.views} & {
            name.rsplit(".", 1)[1]
            for name in read.parameters
            if not np.array_equal(read.parameters[name], network.parameters[name])
        }
        assert changed == (names if cell != "gru" else {"d"})


# What is refused.


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layer_norm": True}, "layer_norm is True, which PyTorch cannot hold"),
        ({"zoneout": 0.1}, "zoneout is 0.1, which PyTorch cannot hold: its mean acts in every run"),
        ({"learn_initial_state": True}, "learn_initial_state is True"),
        ({"readout": "mean"}, "readout is 'mean'"),
        ({"hidden_size": (3, 4)}, r"hidden_size is \(3, 4\).*cells=True"),
    ],
)
def test_what_pytorch_does_not_compute_is_refused_by_name(options, words):
    network = Network("gru", **{"input_size": 3, "hidden_size": 4, "output_size": 2} | options)
    with pytest.raises(OptionError, match=words):
        weights(network)


def gru_dict() -> Tensors:
    return weights(Network("gru", input_size=3, hidden_size=4, output_size=2, num_layers=2, seed=1))


def without(name: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {key: array for key, array in tensors.items() if key != name}


def having(name: str, array: np.ndarray) -> Callable[[Tensors], Tensors]:
    return lambda tensors: tensors | {name: array}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without("rnn.weight_ih_l1"), "rnn.weight_ih_l1 is missing"),
        (without("rnn.weight_hh_l0"), "no recurrent module: expected one of rnn.weight_hh_l0"),
        (without("rnn.bias_hh_l1"), "rnn.bias_hh_l1 is missing"),
        (having("rnn.weight_hr_l0", np.ones((2, 4), "f4")), "rnn.weight_hr_l0 is a projection"),
        (
            having("rnn.weight_hh_l1", np.ones((12, 5), "f4")),
            r"is float32 \(12, 5\); expected float32 \(12, 4\)",
        ),
        (having("rnn.weight_hh_l0", np.ones((11, 4), "f4")), r"is \(11, 4\); expected H"),
        (having("rnn.weight_hh_l0", np.ones(12, "f4")), r"has shape \(12,\); expected a matrix"),
        (having("rnn.bias_ih_l0", np.ones(12)), "is float64"),
        (having("rnn.weight_ih_l2", np.ones((12, 4), "f4")), "rnn.weight_ih_l2 is not of this network"),
        (having("norm.weight", np.ones(4, "f4")), "norm.weight is of no part that is known"),
        (having("other.weight_ih_l0", np.ones((12, 3), "f4")), "expected one recurrent module.*other, rnn"),
        (
            having("embedding.weight", np.ones((5, 9), "f4")),
            "embedding.weight is 5 × 9; the first layer reads 3",
        ),
    ],
)
def test_a_state_dict_that_does_not_hold_together_is_refused(change, words):
    with pytest.raises(FormatError, match=words):
        land.from_state_dict(change(gru_dict()))


def test_what_a_state_dict_leaves_open_is_asked_for():
    plain = weights(Network(input_size=3, hidden_size=4, output_size=2, seed=1))
    with pytest.raises(OptionError, match="do not say its activation; give it: tanh or relu"):
        land.from_state_dict(plain)
    assert land.from_state_dict(plain, activation="relu").spec.activation == "relu"
    with pytest.raises(OptionError, match="no cell 'gru' with activation 'relu'"):
        land.from_state_dict(gru_dict(), activation="relu")
    with pytest.raises(OptionError, match="no part 'decoder'; there are embedding, rnn, head"):
        land.from_state_dict(plain, parts={"decoder": "fc"}, activation="tanh")


def test_what_is_tied_must_be_the_same():
    network = Network(input_size=5, hidden_size=4, output_size=5, embedding_size=4, tied=True)
    tensors = weights(network)
    tensors["head.weight"][3, 2] += 1
    with pytest.raises(FormatError, match=r"head.weight is not embedding.weight, though the two are tied"):
        network_of(network.spec, tensors)


# Files.


def stored_file(folder: Path, name: str) -> Path:
    path = folder / f"{name}.safetensors"
    path.write_bytes(base64.b64decode(GOLDEN["files"][name]))
    return path


@pytest.mark.parametrize("name", ["bare", "told"])
def test_a_file_of_another_writer_is_read(tmp_path, name):
    tensors, metadata = read_state_dict(stored_file(tmp_path, name))
    assert {key: array.shape for key, array in tensors.items()} == {
        "weight_hh_l0": (6, 2),
        "weight_ih_l0": (6, 1),
    }
    assert all((array == 1).all() and array.dtype == np.float32 for array in tensors.values())
    assert metadata == ({"format": "pt", "note": "ü"} if name == "told" else {})
    network = land.from_state_dict(stored_file(tmp_path, name))
    assert (network.spec.cell, network.spec.output_size) == ("gru", 2)
    y, ((h,),) = network.run(np.ones((1, 1)))
    assert np.array_equal(y[0], h)  # without a head the outputs are the states


def test_metadata_of_another_writer_may_be_any_strings(tmp_path):
    raw = base64.b64decode(GOLDEN["files"]["bare"])
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    for metadata in ({}, {"sha256": "of something else"}, {"a": '\\"__metadata__":{'}, {"": "}{][,"}):
        for text in (header | {"__metadata__": metadata}, {"__metadata__": metadata} | header):
            content = json.dumps(text, indent=1).encode()
            path = write(
                tmp_path / "x.safetensors", struct.pack("<Q", len(content)) + content + raw[8 + length :]
            )
            tensors, told = read_state_dict(path)
            assert told == metadata
            assert list(tensors) == list(header)


def lies(raw: bytes) -> Iterator[bytes]:
    """Files that claim what they do not hold."""
    (length,) = struct.unpack("<Q", raw[:8])
    header, data = json.loads(raw[8 : 8 + length]), raw[8 + length :]
    yield raw[:-1]
    yield raw + b"\0"
    yield struct.pack("<Q", 1 << 60) + raw[8:]
    yield raw[: 8 + length // 2]
    for change in (
        {"shape": [1 << 40, 1 << 20]},
        {"shape": [6, -1]},
        {"dtype": "F16"},
        {"data_offsets": [0, 1 << 62]},
        {"data_offsets": [24, 48]},
    ):
        first = next(name for name in header if name != "__metadata__")
        text = json.dumps(header | {first: header[first] | change}).encode()
        yield struct.pack("<Q", len(text)) + text + data
    for metadata in ({"a": 1}, {"a": {"b": "c"}}, [], "text", None):
        text = json.dumps(header | {"__metadata__": metadata}).encode()
        yield struct.pack("<Q", len(text)) + text + data
    deep = b'{"__metadata__":' + b"[" * 40_000 + b"]" * 40_000 + b"}"
    yield struct.pack("<Q", len(deep)) + deep
    text = json.dumps(header).encode()
    twice = text[:-1] + b"," + text[1:]
    yield struct.pack("<Q", len(twice)) + twice + data


@pytest.mark.parametrize("name", ["bare", "told"])
def test_a_hostile_file_is_refused(tmp_path, name):
    raw = base64.b64decode(GOLDEN["files"][name])
    wrong = list(lies(raw))
    assert len(wrong) == 16
    tracemalloc.start()
    for content in wrong:
        path = write(tmp_path / "x.safetensors", content)
        with pytest.raises(FormatError, match=r"x\.safetensors: "):
            read_state_dict(path)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_a_damaged_file_of_our_own_is_refused(tmp_path):
    network, path = Network("gru", input_size=3, hidden_size=4, output_size=2), tmp_path / "x.safetensors"
    facts = json.dumps(network.spec.facts(), sort_keys=True, separators=(",", ":"))
    elman.files.write_tensors(path, weights(network), {"elman.spec": facts})
    assert same(land.read(path)[0], network)
    raw = bytearray(path.read_bytes())
    raw[-5] ^= 1
    write(path, bytes(raw))
    with pytest.raises(FormatError, match="damaged"):
        land.read(path)


@pytest.mark.parametrize(
    "lie",
    [
        {"hidden_size": 10**9},
        {"output_size": 10**12},
        {"input_size": 10**12, "embedding_size": 10**12},
        {"num_layers": 200},
        {"num_layers": 10**6},
        {"cell": "lstm"},
        {"bidirectional": True},
        {"dtype": "float64"},
        {"tied": True, "embedding_size": 4, "input_size": 2},
        {"layer_norm": True, "hidden_size": 10**9},
    ],
)
def test_a_spec_that_is_not_of_the_tensors_is_refused(tmp_path, lie):
    network, path = Network("gru", input_size=3, hidden_size=4, output_size=2), tmp_path / "x.safetensors"
    for tensors in (weights(network), without("head.weight")(weights(network))):
        text = json.dumps(network.spec.facts() | lie, sort_keys=True, separators=(",", ":"))
        elman.files.write_tensors(path, tensors, {"elman.spec": text})
        tracemalloc.start()
        with pytest.raises(FormatError, match=r"x\.safetensors: "):
            land.read(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
        tracemalloc.stop()


def test_a_path_that_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "none", tmp_path, tmp_path / "pipe"):
        with pytest.raises(FileError, match="cannot be read"):
            read_state_dict(path)
    with pytest.raises(FileError):
        read_state_dict("a\0b")


def test_without_pytorch_one_line_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    network = Network(input_size=3, hidden_size=4, output_size=2)
    with pytest.raises(OptionError, match=r"torch is not installed; pip install 'elman\[torch\]' brings it"):
        land.to_torch(network)
