"""Places that cannot be written and models that are none: one line, the right exit code, nothing lost."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cli_cases import TINY, denied, elman, finished, process, refused, rhyme, trained, write
from elman import Network, load, save
from elman.files import write_tensors

COMMANDS = ("train", "eval", "sample", "score", "info")
SHORT = ("--steps", "1")


# ----------------------------------------------------------------------------------------------- the places


def test_places_that_cannot_be_written(tmp_path):
    file = write(tmp_path / "text.txt", rhyme())
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    places = {
        tmp_path / "no/such/model.safetensors": "there is no directory",
        tmp_path: "not a regular file",
        f"{tmp_path}/": "names a directory",
        pipe: "not a regular file",
        "/dev/null": "not a regular file",
    }
    for place, words in places.items():
        line = refused(elman("train", file, "-o", place, *TINY, *SHORT), 3)
        assert line.startswith(str(place))
        assert words in line
    for place in ("", ".", "/"):
        assert "not the name of a file" in refused(elman("train", file, "-o", place, *TINY, *SHORT), 2)
    assert sorted(os.listdir(tmp_path)) == ["pipe", "text.txt"]
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_read_only_directory(tmp_path, monkeypatch):
    file, opened = write(tmp_path / "text.txt", rhyme()), os.open
    monkeypatch.setattr(os, "open", lambda p, f, *m: (denied if f & os.O_CREAT else opened)(p, f, *m))
    line = refused(elman("train", file, "-o", tmp_path / "model.safetensors"), 3)
    assert "cannot be written: Permission denied" in line
    assert os.listdir(tmp_path) == ["text.txt"]


def test_no_text_is_written_over(tmp_path):
    text = rhyme()
    file = write(tmp_path / "text.txt", text)
    (tmp_path / "link.txt").symlink_to(file)
    os.link(file, tmp_path / "hard.txt")
    for place in ("text.txt", "link.txt", "hard.txt"):
        for flag in ("FILE", "--valid"):
            options = [file] if flag == "FILE" else ["--valid", file]
            line = refused(elman("train", *options, "-o", tmp_path / place, *TINY, *SHORT), 2)
            assert f"{flag} is read from there" in line
    assert "is not a model" in refused(elman("train", "-o", file, *TINY, *SHORT), 3)
    assert file.read_text() == text
    checkpoint = file.rename(tmp_path / "model.checkpoint.safetensors")
    line = refused(elman("train", checkpoint, "-o", tmp_path / "model.safetensors", *TINY, *SHORT), 2)
    assert "FILE is read from there" in line


def test_a_model_or_an_empty_file_is_written_over(tmp_path):
    model = trained(tmp_path, rhyme())
    empty = write(tmp_path / "empty", b"")
    for place in (model, empty):
        assert elman("train", tmp_path / "text.txt", "-o", place, *TINY, *SHORT).code == 0
        assert load(place).record["step"] == 1


def test_a_disk_that_fills_up_stops_the_run_and_keeps_the_model(tmp_path):
    model = trained(tmp_path, rhyme())
    before = model.read_bytes()
    options = ("train", tmp_path / "text.txt", "-o", model, *TINY[2:], "--hidden-size", "99", *SHORT)
    done = finished(process(*options, before="", program=("-c", LIMITED)))
    line = refused(done, 5)
    assert line.startswith(f"{model}: cannot be written")
    assert "what was there is unchanged" in line
    assert model.read_bytes() == before


LIMITED = """
import resource, signal
from elman.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (9999, 9999))
main()
"""


# ----------------------------------------------------------------------------------------------- the models

MODEL_COMMANDS = (
    ("info",),
    ("eval",),
    ("sample",),
    ("score",),
    ("train", "--init-from"),
    ("train", "--resume"),
)


def spoiled(folder: Path) -> dict[str, Path]:
    """Files that are not the models they are said to be."""
    model = trained(folder, rhyme()).read_bytes()
    header = model[: 8 + int.from_bytes(model[:8], "little")]
    write_tensors(folder / "foreign.safetensors", {"U": np.ones(3)}, {"made": "by others"})
    save(folder / "mute.safetensors", Network(input_size=3, hidden_size=2, output_size=3))
    return {
        "a text": folder / "text.txt",
        "nothing": folder / "none",
        "a directory": folder,
        "a device": Path("/dev/zero"),
        "empty": write(folder / "empty", b""),
        "cut short": write(folder / "cut.safetensors", model[:-9]),
        "a header alone": write(folder / "header.safetensors", header),
        "too long": write(folder / "long.safetensors", model + b"\n"),
        "damaged": write(folder / "bad.safetensors", model[:-9] + bytes([model[-9] ^ 1]) + model[-8:]),
        "of somebody else": folder / "foreign.safetensors",
        "without a vocabulary": folder / "mute.safetensors",
    }


def test_files_that_are_no_models(tmp_path):
    files = spoiled(tmp_path)
    for kind, file in files.items():
        for command in MODEL_COMMANDS:
            if (kind, command) == ("without a vocabulary", ("info",)):
                continue
            options = ["-o", tmp_path / "new.safetensors"] if command[0] == "train" else []
            done = elman(*command, file, *options)
            assert refused(done, 3).startswith(str(file)), (kind, command)
            assert done.out == ""
    assert elman("info", files["without a vocabulary"]).code == 0
    assert not (tmp_path / "new.safetensors").exists()


def test_a_pipe_is_no_model_and_is_not_waited_for(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for command in MODEL_COMMANDS:
        assert "pipe" in refused(elman(*command, pipe), 3)


RECORDS = [
    {"text": "a string"},
    {"text": {"name": "x"}},
    {"text": {"name": "x", "sha256": "y", "symbols": "many"}},
    {"lines": "yes"},
    {"best_step": None},
    {"validation_loss": [1]},
]


@pytest.mark.parametrize("record", RECORDS, ids=str)
def test_a_record_that_is_none(tmp_path, record):
    model = load(trained(tmp_path, rhyme()))
    path = tmp_path / "hostile.safetensors"
    save(path, model.network, model.vocabulary, record)
    for command in ("info", "sample", "score", "eval"):
        assert "record" in refused(elman(command, path), 3)


def test_a_record_cannot_reach_the_terminal(tmp_path):
    model = load(trained(tmp_path, rhyme()))
    path = tmp_path / "hostile.safetensors"
    text = {"name": "\x1b[2J\nfile        fine", "sha256": "\x07", "symbols": 3}
    save(path, model.network, model.vocabulary, {"text": text, "lines": True})
    out = elman("info", path).out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert out.count("\nfile ") == 0


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    """A run that was left after its fifth step."""
    path = tmp_path / "model.safetensors"
    file = write(tmp_path / "text.txt", rhyme())
    wild = ("--lr", "1e6", "--activation", "relu", "--grad-clip", "0", "--schedule", "constant")
    assert elman("train", file, "-o", path, *TINY, "--steps", "99", *wild).code == 4
    return tmp_path / "model.checkpoint.safetensors"


SETTINGS = [
    ({"steps": "many"}, 3),
    ({"steps": -5}, 2),
    ({"epochs": 3.0}, 3),
    ({"batch_size": 0}, 2),
    ({"batch_size": 7}, 2),
    ({"optimizer": "sgd"}, 3),
    ({"optimizer": "lion"}, 2),
    ({"schedule": "linear"}, 2),
    ({"val_frac": -1.0}, 2),
    ({"validate_every": -1}, 2),
    ({"lr": -1.0}, 2),
    ({"seed": -1}, 2),
    ({"encoding_errors": "guess"}, 2),
    ({"file": None}, 2),
    ({"unheard_of": 1}, 3),
]


@pytest.mark.parametrize(("changed", "code"), SETTINGS, ids=str)
def test_settings_of_a_checkpoint_are_not_trusted(checkpoint, changed, code):
    model = load(checkpoint)
    record = {**model.record, "settings": {**model.record["settings"], **changed}}
    save(checkpoint, model.network, model.vocabulary, record, model.training)
    assert refused(elman("train", "--resume", checkpoint), code)


def test_a_checkpoint_whose_parts_do_not_fit(checkpoint):
    model = load(checkpoint)
    fewer = replace(model.training, memory=model.training.memory[:1])
    save(checkpoint, model.network, model.vocabulary, model.record, fewer)
    assert "do not agree" in refused(elman("train", "--resume", checkpoint), 3)
    save(checkpoint, model.network, model.vocabulary, model.record)
    assert "do not agree" in refused(elman("train", "--resume", checkpoint), 3)


def test_a_vocabulary_that_does_not_fit_is_told(tmp_path):
    model = trained(tmp_path, rhyme())
    file = write(tmp_path / "other.txt", "ÄÖÜ" * 99)
    done = elman("eval", model, file)
    assert "297 unknown symbols" in done.out
    done = elman("train", file, "--init-from", model, "-o", tmp_path / "new.safetensors", *TINY[2:], *SHORT)
    assert "(297 of them unknown, 100.0%)" in done.err


def test_lines_need_a_vocabulary_with_a_line_end(tmp_path):
    model = trained(tmp_path, rhyme().replace("\n", " "))
    file = write(tmp_path / "lines.txt", "red\nhen\nten\n")
    options = ("--init-from", model, "-o", tmp_path / "new.safetensors", "--lines")
    assert "line end" in refused(elman("train", file, *options), 2)
