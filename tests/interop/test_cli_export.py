"""`elman export` and `elman import`: what is printed, what is refused, what is left as it was."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from torch_cases import same

import elman as library
from cli_cases import elman, refused, rhyme, trained, write
from elman.cli.export import LANDS
from elman.errors import NumericError
from elman.interop import torch as land
from elman.interop.torch.weights import weights

LAZY = """
import sys
from elman.cli import main
sys.argv = ["elman", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code
assert not {"torch", "keras", "onnx", "onnxruntime", "h5py", "tensorflow"} & set(sys.modules)
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return trained(tmp_path, rhyme())


def needs_torch() -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")


def test_what_was_checked_and_written_is_printed(model):
    done = elman("export", model, "--to", "c")
    assert done.code == 0, done.err
    first, *_, c, h = done.out.splitlines()
    assert first.startswith("checked     ")
    assert "largest difference" in first
    for line, suffix in ((c, ".c"), (h, ".h")):
        path = model.with_suffix(suffix)
        assert line == f"written     {path}: {path.stat().st_size:,} bytes"


@pytest.mark.parametrize("land_name", LANDS)
def test_every_land_knows_its_own_files(tmp_path, land_name):
    model = trained(tmp_path, rhyme(), "--cell", "gru")
    done = elman("export", model, "--to", land_name)
    if "is not installed" in done.err:
        pytest.skip(done.err.strip())
    assert done.code == 0, done.err
    written = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert elman("export", model, "--to", land_name).out == done.out
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == written


def test_an_earlier_export_is_written_over_and_nothing_else(model, tmp_path):
    target = tmp_path / "net.c"
    assert elman("export", model, "--to", "c", "-o", target).code == 0
    assert elman("export", model, "--to", "c", "-o", target, "--weights", "int8").code == 0
    for name in ("net.c", "net.h"):
        write(tmp_path / name, "int precious;\n" * 9)
        line = refused(elman("export", model, "--to", "c", "-o", target), 3)
        assert (
            line == f"{tmp_path / name}: exists and is no file of c; move it away, or choose another with -o"
        )
        assert (tmp_path / name).read_text() == "int precious;\n" * 9
        (tmp_path / name).unlink()


@pytest.mark.parametrize("land_name", LANDS)
def test_the_model_itself_is_not_written_over(model, land_name):
    before = model.read_bytes()
    line = refused(elman("export", model, "--to", land_name, "-o", model), 2)
    assert line == f"{model}: MODEL is read from there; choose another with -o"
    assert model.read_bytes() == before


@pytest.mark.parametrize("land_name", ["onnx", "torch", "keras", "js", "rtneural"])
def test_another_model_is_not_written_over(model, tmp_path, land_name):
    other = tmp_path / "other.safetensors"
    other.write_bytes(model.read_bytes())
    line = refused(elman("export", model, "--to", land_name, "-o", other), 3)
    assert line.startswith(f"{other}: exists and is no file of {land_name}")
    assert other.read_bytes() == model.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--to", "onnx", "--weights", "int8"], 2, "--weights: that is for --to c alone; leave it out"),
        (["--to", "torch", "--text", "x"], 2, "--text: that is for --to c alone; leave it out"),
        (["--to", "cobol"], 2, "'cobol' is not one of"),
        ([], 2, "Missing option '--to'"),
        (["--to", "c", "-o", "none/net.c"], 3, "there is no directory"),
        (["--to", "c", "-o", "net.txt"], 2, "give a path that ends in .c"),
        (["--to", "c", "--weights", "int8", "--text", "none"], 2, "there is no such file"),
    ],
)
def test_a_wrong_export_is_one_line(model, tmp_path, monkeypatch, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert words in refused(elman("export", model, *arguments), code)
    assert sorted(tmp_path.iterdir()) == before


def test_a_model_that_is_none_is_one_line(tmp_path):
    line = refused(elman("export", tmp_path / "none", "--to", "c"), 3)
    assert line == f"{tmp_path / 'none'}: cannot be read: No such file or directory"
    assert list(tmp_path.iterdir()) == []


def test_what_a_land_cannot_hold_is_refused_by_name(tmp_path):
    network = library.Network(input_size=3, hidden_size=4, output_size=3, zoneout=0.1)
    library.save(tmp_path / "m", network)
    assert "zoneout is 0.1" in refused(elman("export", tmp_path / "m", "--to", "torch"), 2)


def test_only_the_land_that_is_named_is_imported(model):
    for arguments in (["--help"], ["export", "--help"], ["export", model, "--to", "c"], ["import", "--help"]):
        run = subprocess.run([sys.executable, "-c", LAZY, *arguments], capture_output=True, check=False)
        assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("direction", ["export", "import"])
def test_a_missing_package_is_one_line(model, tmp_path, monkeypatch, direction):
    monkeypatch.setitem(sys.modules, "torch", None)
    source = tmp_path / "net.pt"
    write(source, b"PK\x03\x04")
    there = ("export", model, "--to", "torch") if direction == "export" else ("import", source)
    line = refused(elman(*there, "-o", tmp_path / "new"), 2)
    assert line.endswith("torch is not installed; pip install 'elman[torch]' brings it")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (
            ["net.txt"],
            2,
            "net.txt: its name does not end in .safetensors, .pt, .pth, .keras, .onnx",
        ),
        (["net.onnx", "--part", "head=fc"], 2, "--part: files of onnx say it themselves; leave it out"),
        (["net.keras", "--activation", "relu"], 2, "--activation: files of keras say it themselves"),
        (["net.pt", "--part", "head"], 2, "--part 'head' came; expected PART=NAME, such as head=decoder"),
        (["none.safetensors"], 3, "none.safetensors: cannot be read"),
        (["net.safetensors"], 3, "net.safetensors: neither .safetensors nor an archive of torch.save"),
        (["plain.safetensors"], 2, "do not say its activation; give it: tanh or relu"),
        (["plain.safetensors", "-o", "net.txt"], 3, "net.txt: exists and is not a model"),
        (
            ["model.safetensors", "-o", "new"],
            3,
            "model.safetensors: this is a model already",
        ),
        (["plain.safetensors", "-o", "plain.safetensors"], 2, "FILE is read from there"),
        (["plain.safetensors", "--head", "gaussian", "--activation", "tanh"], 3, "has 2 outputs for each"),
    ],
)
def test_a_wrong_import_is_one_line(tmp_path, monkeypatch, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    for name in ("net.txt", "net.onnx", "net.keras", "net.pt", "net.safetensors"):
        write(tmp_path / name, "something else\n" * 9)
    tensors = {"rnn.weight_ih_l0": np.ones((4, 3)), "rnn.weight_hh_l0": np.ones((4, 4))}
    library.files.write_tensors("plain.safetensors", tensors | {"head.weight": np.ones((3, 4))}, {})
    library.save("model.safetensors", library.Network(input_size=3, hidden_size=4, output_size=3))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert words in refused(elman("import", *arguments), code)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_network_that_answers_otherwise_is_not_written(tmp_path, monkeypatch):
    def differs(*_: object, **__: object) -> None:
        raise NumericError("the largest difference is 0.5, allowed 2e-06: not the same network")

    monkeypatch.setattr(land, "check", differs)
    network, path = (
        library.Network("gru", input_size=3, hidden_size=4, output_size=3),
        tmp_path / "x.safetensors",
    )
    library.files.write_tensors(path, weights(network), {})
    assert "not the same network" in refused(elman("import", path, "-o", tmp_path / "m"), 4)
    assert not (tmp_path / "m").exists()


def test_a_model_of_a_text_comes_back_from_pytorch(model, tmp_path):
    needs_torch()
    there, back = tmp_path / "model.torch.safetensors", tmp_path / "back"
    done = elman("export", model, "--to", "torch")
    assert done.code == 0, done.err
    assert f"written     {there}: " in done.out
    done = elman("import", there, "-o", back)
    assert done.code == 0, done.err
    assert done.out.startswith("checked     whole runs and single steps in PyTorch")
    ours, theirs = library.load(model), library.load(back)
    assert same(ours.network, theirs.network)
    assert ours.vocabulary == theirs.vocabulary
    said = [elman("sample", path, "--length", "30").out for path in (model, back)]
    assert said[0] == said[1]
    before = there.read_bytes()
    refused(elman("export", back, "--to", "torch", "-o", model), 3)
    assert elman("export", back, "--to", "torch", "-o", there).code == 0
    assert there.read_bytes() == before
