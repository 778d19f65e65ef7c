"""Hostile .keras files do no harm and cost no memory: each gets one clear line, nothing it names is done."""

from __future__ import annotations

import copy
import io
import json
import os
import struct
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_cases import GOLDENS, drawn_network, packed

from elman.errors import FileError, FormatError, NumericError
from elman.interop import keras as land
from elman.interop.keras import hdf5
from elman.interop.keras.config import read_config
from elman.persistence import Model

SLACK = 16 << 20  # bytes beyond a few times the file's own: a config at its largest is parsed in that
FUNCTION = {"module": "builtins", "class_name": "function", "config": "exec", "registered_name": "function"}


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> land.archive.Archive:
    """A good file, to be spoiled."""
    path = tmp_path_factory.mktemp("good") / "model.keras"
    land.export(Model(drawn_network(3, bidirectional=False, dtype="float32")), path)
    return land.archive.read(path)


def refused(path: Path) -> str:
    """Return the one line of the refusal; neither time nor memory may go into it."""
    tracemalloc.start()
    begun = time.process_time()
    try:
        with pytest.raises((FormatError, FileError)) as caught:
            land.read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.process_time() - begun < 2
    assert peak < 4 * path.stat().st_size + SLACK
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 600
    assert text.startswith(str(path))
    return text


WATCHED = (
    "import",
    "exec",
    "compile",
    "open",
    "os",
    "subprocess",
    "socket",
    "shutil",
    "ctypes",
    "marshal",
    "pickle",
)


# ------------------------------------------------------------------------------------------- what it names


def layer(config: dict[str, Any], kind: str = "LSTM") -> dict[str, Any]:
    return next(one for one in config["config"]["layers"] if one["class_name"] == kind)


def lambda_layer(config):
    layer(config)["class_name"] = "Lambda"
    layer_config = {"name": "l", "function": {"class_name": "__lambda__", "config": {"code": "4wAAAA=="}}}
    config["config"]["layers"][1]["config"] = layer_config


def any_module(config):
    """CVE-2025-1550: a class looked up in any module."""
    layer(config)["module"] = "os"
    layer(config)["class_name"] = "system"


def any_function(config):
    """CVE-2025-1550: a function of any module as an option."""
    layer(config)["config"]["activation"] = {**FUNCTION, "module": "os", "config": "system"}


def gadget(config):
    """CVE-2025-8747: functions of Keras itself, such as one that downloads."""
    url = {
        "class_name": "function",
        "module": "keras.utils",
        "config": "get_file",
        "registered_name": "get_file",
    }
    layer(config)["config"]["recurrent_activation"] = url


def gadget_layer(config):
    layer(config)["module"] = "keras.utils"


def deserialized_initializer(config):
    """Options of training are not read at all, so what they name is not looked up."""
    layer(config)["config"]["kernel_initializer"] = {**FUNCTION, "module": "os", "config": "system"}
    layer(config)["config"]["units"] = -1


def registered(config):
    layer(config)["registered_name"] = "my_package>LSTM"


def nested_model(config):
    layer(config).update({"module": "keras", "class_name": "Sequential"})


def units_bomb(config):
    layer(config)["config"]["units"] = 1 << 30


def embedding_bomb(config):
    """CVE-2026-0897: shapes that no file holds."""
    config["config"]["layers"][0]["config"]["batch_shape"] = [None, None, 1 << 30]


def sizes_of_another_type(config):
    layer(config)["config"]["units"] = 4.0


def unknown_option(config):
    layer(config)["config"]["peepholes"] = True


def loop_of_layers(config):
    history = layer(config)["inbound_nodes"][0]["args"][0]["config"]["keras_history"]
    history[0] = layer(config)["name"]


def same_names(config):
    layer(config)["name"] = layer(config)["config"]["name"] = config["config"]["layers"][0]["name"]


def many_layers(config):
    config["config"]["layers"] *= 50


def no_layers(config):
    config["config"]["layers"] = {"0": []}


def training_call(config):
    layer(config)["inbound_nodes"][0]["kwargs"] = {"training": True}


def type_of_a_map(config):
    layer(config)["config"]["dtype"] = {
        "module": "keras",
        "class_name": "DTypePolicyMap",
        "config": {"name": "float32"},
    }


CONFIGS: dict[Callable[[Any], None], str] = {
    lambda_layer: "class 'Lambda'",
    any_module: "class 'system' of module 'os'",
    any_function: "activation is {'class_name'",
    gadget: "recurrent_activation is {'class_name'",
    gadget_layer: "of module 'keras.utils'",
    deserialized_initializer: "units is -1",
    registered: "registered as 'my_package>LSTM'",
    nested_model: "class 'Sequential'",
    units_bomb: "expected",
    embedding_bomb: "expected",
    sizes_of_another_type: "units is 4.0",
    unknown_option: "peepholes is True",
    loop_of_layers: "reads itself",
    same_names: "the same name",
    many_layers: "the same name",
    no_layers: "expected a list",
    training_call: "called with 'training' True",
    type_of_a_map: "compute in",
}


@pytest.mark.parametrize("change", CONFIGS, ids=lambda change: change.__name__)
def test_what_a_config_names_is_refused(tmp_path, archive, change):
    config = copy.deepcopy(archive.config)
    change(config)
    assert CONFIGS[change] in refused(packed(config, archive.weights, tmp_path / "bad.keras"))


TEXTS = {
    "deep lists": (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", ("not JSON", "brackets")),
    "deep objects": (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, ("not JSON", "brackets")),
    "twice": (b'{"class_name": 1, "class_name": 2}', ("twice",)),
    "not a number": (b'{"a": NaN}', ("has the number",)),
    "infinite": (b'{"a": -Infinity}', ("has the number",)),
    "long number": (b'{"a": ' + b"9" * 5_000 + b"}", ("has the number",)),
    "many strings": (b'{"a": [' + b'"",' * 130_000 + b"0]}", ("brackets",)),
    "strings alone": (b'{"a": ' + b'""' * 500_000 + b"}", ("brackets",)),
    "many": (b'{"a": [' + b"[]," * 300_000 + b"0]}", ("brackets",)),
    "large": (b'{"a": "' + b"x" * (1 << 21) + b'"}', ("at most",)),
    "bytes": (b'{"a": "\xff\xfe"}', ("not JSON",)),
    "empty": (b"", ("not JSON",)),
    "a list": (b"[]", ("expected an object",)),
    "half a pair": (b'{"module": "keras", "class_name": "\\ud800", "config": {}}', ("class",)),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_that_are_no_config_are_refused(tmp_path, archive, name):
    text, known = TEXTS[name]
    message = refused(packed(text, archive.weights, tmp_path / "bad.keras"))
    assert any(one in message for one in known), message
    message.encode()


OWN = {
    "a list": [],
    "numbers": {"spec": 7},
    "no spec": {"vocabulary": "{}"},
    "not a spec": {"spec": '{"cell":"gru"}'},
    "a large spec": {"spec": '{"cell":"' + "x" * 100_000 + '"}'},
}


@pytest.mark.parametrize("name", OWN)
def test_lies_in_our_own_metadata_are_refused(tmp_path, archive, name):
    path = packed(archive.config, archive.weights, tmp_path / "bad.keras", {"elman": OWN[name]})
    refused(path)


# --------------------------------------------------------------------------------------------- the archive


def members(archive: land.archive.Archive) -> dict[str, bytes]:
    return {
        "metadata.json": b"{}",
        "config.json": json.dumps(archive.config).encode(),
        "model.weights.h5": archive.weights,
    }


def zipped(
    path: Path, named: list[tuple[zipfile.ZipInfo | str, bytes]], how: int = zipfile.ZIP_STORED
) -> Path:
    with zipfile.ZipFile(path, "w", how) as file:
        for name, data in named:
            file.writestr(name, data)
    return path


@pytest.mark.parametrize(
    "name", ["../evil.py", "/etc/passwd", "assets/words.txt", "config.json", "C:\\a", "a" * 300]
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_any_other_member_is_refused(tmp_path, archive, name):
    path = zipped(tmp_path / "bad.keras", [*members(archive).items(), (name, b"{}")])
    assert "holds" in refused(path)
    assert [one.name for one in tmp_path.iterdir()] == ["bad.keras"]


def test_a_missing_member_is_refused(tmp_path, archive):
    assert "holds" in refused(zipped(tmp_path / "bad.keras", list(members(archive).items())[:2]))


def test_a_link_is_refused(tmp_path, archive):
    link = zipfile.ZipInfo("config.json")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    named = [*list(members(archive).items())[:1], (link, b"/etc/passwd"), *list(members(archive).items())[2:]]
    assert "a link" in refused(zipped(tmp_path / "bad.keras", named))


def test_a_packed_bomb_is_refused(tmp_path, archive):
    bomb = {**members(archive), "model.weights.h5": bytes(1 << 26)}
    path = zipped(tmp_path / "bad.keras", list(bomb.items()), zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 17
    assert "is packed" in refused(path)


def test_a_directory_that_lies_is_refused(tmp_path, archive):
    good = zipped(tmp_path / "good.keras", list(members(archive).items())).read_bytes()
    end = good.rindex(b"PK\5\6")
    lies = {
        "added to": good + b"x",
        "put behind": b"x" * 100 + good,
        "count": good[: end + 8] + struct.pack("<2H", 60000, 60000) + good[end + 12 :],
        "length": good[: end + 12] + struct.pack("<I", 1 << 31) + good[end + 16 :],
        "start": good[: end + 16] + struct.pack("<I", 0) + good[end + 20 :],
        "comment": good[: end + 20] + struct.pack("<H", 5) + b"hello",
        "encrypted": _every(good, b"PK\1\2", 8, b"\1\0"),
        "size": _every(good, b"PK\1\2", 20, struct.pack("<2I", 1 << 31, 1 << 31)),
        "checksum": _every(good, b"PK\1\2", 16, b"abcd"),
        "local name": good.replace(b"config.json", b"konfig.json", 1),
        "empty": b"",
        "no archive": b"\x89HDF\r\n\x1a\n" * 100,
    }
    for name, content in lies.items():
        path = tmp_path / f"{name}.keras"
        path.write_bytes(content)
        refused(path)


def _every(content: bytes, mark: bytes, offset: int, new: bytes) -> bytes:
    """Replace the bytes at an offset behind every mark."""
    changed, at = bytearray(content), content.find(mark)
    while at >= 0:
        changed[at + offset : at + offset + len(new)] = new
        at = content.find(mark, at + 1)
    return bytes(changed)


def test_what_is_no_file_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "missing.keras", "/dev/null"):
        with pytest.raises(FileError):
            land.read(path)


# --------------------------------------------------------------------------------------------- the weights


@pytest.fixture
def h5py() -> Any:
    return pytest.importorskip("h5py", reason="h5py is not installed")


def weights_of(h5py: Any, archive: land.archive.Archive, spoil: Callable[[Any, str], None]) -> bytes:
    """The weights written by h5py, one array of them spoiled."""
    good, written = h5py.File(io.BytesIO(archive.weights)), io.BytesIO()
    with h5py.File(written, "w") as file:
        good.copy("layers", file)
        spoil(file, "layers/dense/vars/0")
    return written.getvalue()


def soft_link(file, name):
    import h5py

    del file[name]
    file[name] = h5py.SoftLink("/layers/dense/vars/1")


def link_outside(file, name):
    import h5py

    del file[name]
    file[name] = h5py.ExternalLink("/etc/passwd", "/")


def outside(file, name):
    shape = file[name].shape
    del file[name]
    file.create_dataset(name, shape, "f4", external=[("/etc/passwd", 0, 4096)])


def packed_array(file, name):
    data = file[name][()]
    del file[name]
    file.create_dataset(name, data=data, compression="gzip")


def bomb(file, name):
    """CVE-2026-0897: an array that claims what is not there."""
    del file[name]
    file.create_dataset(name, (1 << 20, 1 << 20), "f4", chunks=(1024, 1024), compression="gzip")


def hole(file, name):
    """An array of the right shape that was never written: it has no place in the file."""
    shape = file[name].shape
    del file[name]
    file.create_dataset(name, shape, "f4")


def virtual(file, name):
    import h5py

    layout = h5py.VirtualLayout(file[name].shape, "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", file[name].shape)
    del file[name]
    file.create_virtual_dataset(name, layout)


def integers(file, name):
    data = file[name][()].astype("i4")
    del file[name]
    file.create_dataset(name, data=data)


def big_endian(file, name):
    data = file[name][()].astype(">f4")
    del file[name]
    file.create_dataset(name, data=data)


def other_shape(file, name):
    data = file[name][()].T
    del file[name]
    file.create_dataset(name, data=data)


def one_more(file, name):
    file[name.replace("/0", "/2")] = np.zeros(3, "f4")


def missing(file, name):
    del file[name]


def a_group(file, name):
    del file[name]
    file.create_group(name)


def loop_of_groups(file, name):
    del file[name]
    file[name] = file["layers"]


SPOILED = {
    soft_link: "is a link",
    link_outside: "no group of the plain form",
    outside: "lies in other files",
    packed_array: "is packed",
    bomb: "is packed",
    hole: "lie outside",
    virtual: "does not lie in one piece",
    integers: "neither float32",
    big_endian: "neither float32",
    other_shape: "expected",
    one_more: "expected 2 arrays",
    missing: "expected 2 arrays",
    a_group: "is no array",
    loop_of_groups: "reached twice",
}


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
def test_weights_that_are_no_plain_arrays_are_refused(tmp_path, archive, h5py, spoil):
    path = packed(archive.config, weights_of(h5py, archive, spoil), tmp_path / "bad.keras")
    assert SPOILED[spoil] in refused(path)


def test_arrays_that_share_their_numbers_are_refused():
    """Headers that point at the same bytes claim, together, more than there is."""
    large, small = np.ones((64, 64), "f4"), np.full((1, 1), 3, "f4")
    names = [f"layers/b_{k}/vars/0" for k in range(8)]
    content = land.hdf5_writing.write({"layers/a/vars/0": large, **dict.fromkeys(names, small)})
    place = struct.pack("<Q", content.index(large.tobytes()))
    lies = content.replace(struct.pack("<2Q", 1, 1), struct.pack("<2Q", 64, 64))
    for _ in names:
        data = lies.index(small.tobytes())
        at = lies.rindex(struct.pack("<2Q", data, small.nbytes), 0, data)
        lies = (
            lies[:at]
            + place
            + struct.pack("<Q", large.nbytes)
            + lies[at + 16 : data]
            + bytes(4)
            + lies[data + 4 :]
        )
    assert hdf5.File(lies).arrays({"layers/b_0/vars": ((64, 64),)})["layers/b_0/vars/0"].shape == (64, 64)
    groups = {name.rpartition("/")[0]: ((64, 64),) for name in names}
    with pytest.raises(FormatError, match=r"claim more than"):
        hdf5.File(lies).arrays(groups)


def test_weights_that_are_not_finite_are_refused(tmp_path, archive):
    changed = bytearray(archive.weights)
    changed[-4:] = struct.pack("<f", np.nan)
    path = packed(archive.config, bytes(changed), tmp_path / "bad.keras")
    with pytest.raises(NumericError, match="1 of its"):
        land.read(path)


def told(call: Callable[[], Any]) -> str | None:
    """Return the message of a refusal by FormatError, or none where there was no refusal."""
    try:
        call()
    except FormatError as error:
        return str(error)
    return None


def test_every_length_and_many_bits_are_refused_or_read_alike(archive, seed, request):
    """Weights cut anywhere, and with bytes changed at random: an error of ours, or numbers; never more."""
    plan = read_config(archive.config).plan.arrays()
    draw, content = np.random.default_rng(seed), archive.weights
    whole = [len(content) // 500 * k for k in range(500)]
    assert all(told(lambda n=n: hdf5.File(content[:n]).arrays(plan)) for n in [*whole, len(content) - 1])
    refusals = 0
    for _ in range(20_000 if request.config.getoption("--full") else 2_000):
        changed, begun = bytearray(content), time.process_time()
        for at in draw.integers(len(content), size=draw.integers(1, 5)):
            changed[at] = draw.choice([0, 1, 255, int(draw.integers(256))])
        message = told(lambda c=bytes(changed): hdf5.File(c).arrays(plan))
        assert "\n" not in (message or "")
        assert time.process_time() - begun < 1
        refusals += message is not None
    assert refusals > 100


def test_configs_changed_at_random_are_refused_or_read(tmp_path, archive, seed, request):
    """Any value of the config replaced by any other: one clear line, or a network; nothing else."""
    draw, refusals = np.random.default_rng(seed), 0
    for _ in range(5_000 if request.config.getoption("--full") else 400):
        config = copy.deepcopy(archive.config)
        change_one(config, draw)
        path = packed(config, archive.weights, tmp_path / "any.keras")
        message = told(lambda path=path: land.read(path))
        assert "\n" not in (message or "")
        refusals += message is not None
    assert refusals > 100


def change_one(config: Any, draw: np.random.Generator) -> None:
    """Replace one value, anywhere."""
    values = [
        None,
        True,
        False,
        0,
        -1,
        1 << 40,
        0.5,
        "",
        "tanh",
        "keras",
        [],
        {},
        [[]],
        [1, 2],
        {"config": {}},
    ]
    spot = config
    while isinstance(spot, dict | list) and spot:
        keys = list(spot) if isinstance(spot, dict) else list(range(len(spot)))
        key = keys[draw.integers(len(keys))]
        if not isinstance(spot[key], dict | list) or not spot[key] or draw.integers(6) == 0:
            spot[key] = values[draw.integers(len(values))]
            return
        spot = spot[key]


def test_reading_opens_one_file_and_runs_nothing(archive, tmp_path):
    """Nothing is imported, compiled, started or opened but the file itself, to be read, be it good or bad."""
    paths = [packed(archive.config, archive.weights, tmp_path / "good.keras"), GOLDENS.with_suffix(".keras")]
    for k, change in enumerate(CONFIGS):
        config = copy.deepcopy(archive.config)
        change(config)
        paths.append(packed(config, archive.weights, tmp_path / f"{k}.keras"))
    land.read(paths[0])
    events: list[tuple[Any, ...]] = []
    watching = True

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if watching and event.split(".")[0] in WATCHED:
            events.append((event, *args))

    sys.addaudithook(hook)
    for path in paths:
        told(lambda path=path: land.read(path))
    watching = False
    assert {event for event, *_ in events} == {"open"}
    assert {str(name) for _, name, *_ in events} == {str(path) for path in paths}
    assert not any(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) for *_, flags in events)
