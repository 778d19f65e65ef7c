"""Hostile .onnx files: paths, links, shape bombs, deep nesting, lies about sizes. No harm, one line."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from make_onnx import GOLDENS

from elman.errors import ElmanError, FileError, FormatError
from elman.interop import onnx as land
from elman.interop.onnx import wire

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
MIB = 1 << 20
WRITTEN, FOREIGN = GOLDENS / "elman_lstm.onnx", GOLDENS / "torch_lstm_state.onnx"


def number(value: int) -> bytes:
    """A number as protobuf writes it."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(name: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return number(name << 3) + number(content)
    return number(name << 3 | 2) + number(len(content)) + content


def nested(name: int, depth: int) -> bytes:
    content = b""
    for _ in range(depth):
        content = field(name, content)
    return content


def graph(content: bytes) -> bytes:
    return field(1, 8) + field(7, content) + field(8, field(2, 17))


def node(operator: bytes, *attributes: bytes) -> bytes:
    return field(1, field(4, operator) + b"".join(field(5, one) for one in attributes))


def tensor(name: bytes, shape: list[int], content: bytes) -> bytes:
    return b"".join(field(1, size) for size in shape) + field(2, 1) + field(8, name) + content


OUTSIDE = field(13, field(1, b"location") + field(2, b"../../../etc/passwd"))
BOMB = tensor(b"W", [1 << 40, 1 << 40], field(9, bytes(8)))
LIES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "opset 0"),
    "text": (b"<html><body>404</body></html>", "not an ONNX model|not read|cut short"),
    "pickle": (b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00c", "not an ONNX model|not read|cut short"),
    "a path": (graph(field(5, tensor(b"W", [2], OUTSIDE))), "weights outside the file"),
    "a path in a node": (graph(node(b"Constant", field(5, tensor(b"", [2], OUTSIDE)))), "weights outside"),
    "only said to be outside": (
        graph(field(5, tensor(b"W", [2], field(14, 1))) + node(b"RNN")),
        "outside the file",
    ),
    "a graph in a node": (graph(node(b"If", field(6, nested(1, 3)))), "a graph inside a node"),
    "graphs, 1,000 deep": (graph(node(b"If", nested(6, 1000))), "a graph inside a node"),
    "types, 1,000 deep": (graph(field(11, field(2, nested(4, 1000)))), "field 4 of a type"),
    "sparse weights": (graph(field(15, b"")), "sparse weights"),
    "functions": (field(25, b"") + graph(b""), "functions of its own"),
    "a training": (field(20, b"") + graph(b""), "steps of a training"),
    "an unknown field": (field(99, b"") + graph(b""), "field 99 of a model"),
    "a group": (b"\x0b\x0c", "type 3"),
    "100,000 nodes": (graph(field(1, b"") * 100_000), "more than 65,536 fields"),
    "100,000 constants": (graph(field(5, b"") * 100_000), "more than 65,536 fields"),
    "100,000 entries": (field(14, b"") * 100_000 + graph(b""), "more than 65,536 fields"),
    "packed numbers": (graph(field(5, field(7, bytes(2 * MIB)))), "bytes of packed whole numbers"),
    "a shape of 2^80": (graph(field(5, BOMB) + node(b"RNN")), "claims the shape"),
    "a negative size": (
        graph(field(5, tensor(b"W", [(1 << 64) - 1], b"")) + node(b"RNN")),
        "claims the shape",
    ),
    "0 × 2^62": (graph(field(5, tensor(b"W", [0, 1 << 62], b"")) + node(b"RNN")), "W"),
    "1,000 axes": (
        graph(field(5, tensor(b"W", [1] * 1000, field(9, bytes(4)))) + node(b"RNN")),
        "claims the shape",
    ),
    "half a number": (
        graph(field(5, tensor(b"W", [1], field(9, bytes(3)))) + node(b"RNN")),
        "3 bytes of float32",
    ),
    "a field of 2^63": (number(7 << 3 | 2) + number(1 << 63), "cut short"),
    "an endless number": (b"\x80" * 100, "no number ends"),
    "a number where a graph belongs": (field(7, 5), "field 7 of a model is a number"),
    "text that is none": (graph(field(2, b"\xff\xfe") + node(b"RNN")), "is not UTF-8"),
}


def written(change: Callable[[Any], None], path: Path = WRITTEN) -> bytes:
    """A file as it was written, but for one change."""
    model = onnx.load(path)
    change(model)
    data: bytes = model.SerializeToString()
    return data


def says(key: str, text: str) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        entries = {one.key: one.value for one in model.metadata_props} | {f"elman.{key}": text}
        onnx.helper.set_model_props(model, entries)

    return change


def constant(name: str, value: Any) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        old = next(one for one in model.graph.initializer if one.name == name)
        old.CopyFrom(onnx.numpy_helper.from_array(np.asarray(value), name))

    return change


def both(first: Callable[[Any], None], second: Callable[[Any], None]) -> Callable[[Any], None]:
    return lambda model: (first(model), second(model))[0]


LARGER = constant("head.V", np.zeros((100, 100), np.float32))
SPEC = (
    '{"activation":"tanh","cell":"lstm","dtype":"float32","hidden_size":%s,"input_size":7,'
    '"num_layers":%s,"output_size":7}'
)
CHANGES: dict[str, tuple[Callable[[Any], None], str]] = {
    "a hidden size of 10^9": (says("spec", SPEC % (10**9, 1)), "an ONNX file holds at most"),
    "a hidden size of 10^4": (says("spec", SPEC % (10**4, 1)), "asks for more than the 328 numbers"),
    "a hidden size of 10^4000": (says("spec", SPEC % ("1" * 4000, 1)), "spec"),
    "10^6 layers": (says("spec", SPEC % (5, 10**6)), "10+ layers; the file has"),
    "another hidden size": (says("spec", SPEC % (4, 1)), "expected float32"),
    "a spec 100,000 deep": (says("spec", "[" * 100_000), "damaged"),
    "no spec": (says("spec", ""), "damaged"),
    "a newer form": (says("form", "2"), "written in form '2'; this elman reads 1"),
    "a vocabulary of others": (says("vocabulary", '{"kind":"chars","symbols":["<unk>","a"]}'), "2 symbols"),
    "a vocabulary that is none": (says("vocabulary", "[" * 100_000), "vocabulary"),
    "gates that do not fall": (
        constant("layers.0.W", np.zeros((1, 21, 7), np.float32)),
        "does not fall into 4 gates",
    ),
    "no axes": (both(constant("layers.0.B", np.float32(1)), LARGER), "layers.0.B is missing or"),
    "no directions": (
        both(constant("layers.0.W", np.zeros((0, 20, 7), np.float32)), LARGER),
        r"came|W is missing",
    ),
    "a one-hot row of 2^62": (constant("symbols", np.int64(1 << 62)), "not the one it wrote"),
    "not a number": (constant("head.c", np.full(7, np.nan, np.float32)), "not finite"),
}


def all_lies() -> dict[str, bytes]:
    lies = {name: data for name, (data, _) in LIES.items()}
    return lies | {name: written(change) for name, (change, _) in CHANGES.items()}


@pytest.mark.parametrize("name", LIES)
def test_a_hostile_file_is_refused_in_one_line(name, tmp_path):
    data, why = LIES[name]
    path = tmp_path / "lie.onnx"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=why) as caught:
        land.read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_says_what_is_not_so_is_refused(name, tmp_path):
    change, why = CHANGES[name]
    path = tmp_path / "lie.onnx"
    path.write_bytes(written(change))
    with pytest.raises(ElmanError, match=why) as caught:
        land.read(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_sizes_in_nodes_of_a_graph_take_no_memory():
    def huge(model: Any) -> None:
        make, sizes = onnx.helper.make_node, onnx.numpy_helper.from_array(np.full(3, 1 << 40), "sizes")
        model.graph.initializer.append(sizes)
        model.graph.node.insert(0, make("ConstantOfShape", ["sizes"], ["zeros"]))
        model.graph.node.insert(1, make("Expand", ["zeros", "sizes"], ["more"]))

    start = time.perf_counter()
    network = land.from_onnx(onnx.load_model_from_string(written(huge, FOREIGN)))
    assert time.perf_counter() - start < 1
    assert network.spec.cell == "lstm"


@pytest.mark.parametrize("path", [WRITTEN, FOREIGN], ids=["written", "foreign"])
def test_every_cut_and_what_is_added_is_noticed(path, tmp_path):
    data, cut = path.read_bytes(), tmp_path / "cut.onnx"
    for length in [*range(0, len(data) - 1, 7), len(data) - 1]:
        cut.write_bytes(data[:length])
        with pytest.raises(ElmanError):
            land.read(cut)
    cut.write_bytes(data + b"\0")
    with pytest.raises(FormatError):
        land.read(cut)


@pytest.mark.parametrize("path", [WRITTEN, FOREIGN], ids=["written", "foreign"])
def test_changed_bytes_do_no_harm(path, seed, tmp_path, request):
    """Whatever a byte becomes: a network of finite numbers, or an error of ours, in no time."""
    draw, data, mutant = np.random.default_rng(seed), path.read_bytes(), tmp_path / "mutant.onnx"
    refused, count = 0, 20_000 if request.config.getoption("--full") else 500
    for _ in range(count):
        changed = bytearray(data)
        for _ in range(int(draw.integers(1, 4))):
            changed[draw.integers(len(data))] = draw.integers(256)
        mutant.write_bytes(changed)
        start = time.perf_counter()
        try:
            assert np.isfinite(land.read(mutant)[0].parameters.flat).all()
        except ElmanError:
            refused += 1
        assert time.perf_counter() - start < 1
    assert refused > count // 10


def test_places_that_are_no_file_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.onnx")
    (tmp_path / "loop.onnx").symlink_to(tmp_path / "loop.onnx")
    for name, why in (
        ("", "is no regular file"),
        ("pipe.onnx", "is no regular file"),
        ("loop.onnx", "cannot be read"),
    ):
        with pytest.raises(FileError, match=why):
            land.read(tmp_path / name)
    for name in ("missing.onnx", "nul\0.onnx"):
        with pytest.raises(FileError, match="cannot be read"):
            land.read(tmp_path / name)


def test_a_file_beyond_what_onnx_can_be_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(wire, "LARGEST", 100)
    path = tmp_path / "large.onnx"
    path.write_bytes(bytes(101))
    with pytest.raises(FormatError, match="has 101 bytes; an ONNX model has at most 100"):
        land.read(path)


def test_a_model_in_memory_is_looked_through_as_well():
    model = onnx.load(FOREIGN)
    model.graph.sparse_initializer.add()
    with pytest.raises(FormatError, match="sparse weights"):
        land.from_onnx(model)


FORBIDDEN = (
    "import",
    "exec",
    "compile",
    "os.system",
    "subprocess.Popen",
    "socket.connect",
    "pickle.find_class",
)
CHILD = """
import resource, sys, os
from pathlib import Path
sys.path[:0] = {path!r}
from elman.errors import ElmanError
from elman.interop import onnx as land
import onnx.reference
for warm in {warm!r}:
    land.read(warm)
seen = []
allowed = {folder!r}
def watch(event, arguments):
    if event == "open" and not isinstance(arguments[0], int) and not str(arguments[0]).startswith(allowed):
        seen.append((event, str(arguments[0])))
    elif event in {forbidden!r}:
        seen.append((event, str(arguments[:1])[:80]))
sys.addaudithook(watch)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for file in sorted(os.listdir(allowed)):
    try:
        land.read(Path(allowed, file))
    except ElmanError:
        pass
    else:
        raise SystemExit(file + " was read")
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert not seen, seen
print(after - before)
"""


def test_reading_opens_nothing_else_runs_nothing_and_takes_no_memory(tmp_path):
    for k, data in enumerate(all_lies().values()):
        (tmp_path / f"{k}.onnx").write_bytes(data)
    code = CHILD.format(
        path=sys.path, warm=[str(WRITTEN), str(FOREIGN)], folder=str(tmp_path), forbidden=FORBIDDEN
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    per_unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss: bytes on macOS, KiB elsewhere
    assert int(done.stdout) * per_unit < 64 * MIB
