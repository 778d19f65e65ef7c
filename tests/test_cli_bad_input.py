"""Whatever comes in, the command line answers with one line and the right exit code, and loses nothing."""

from __future__ import annotations

import gzip
import os
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cli_cases import BROKEN, TINY, elman, finished, process, refused, rhyme, trained, write
from elman import Network, load, save
from elman.files import write_tensors

COMMANDS = ("train", "eval", "sample", "score", "info")
SHORT = ("--steps", "1")


# ---------------------------------------------------------------------------------------------- the words


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_every_option_has_help(command):
    out = elman(command, "--help").out
    assert out.startswith(f"Usage: elman {command} ")
    entries = out.split("\n  -")[1:]
    assert len(entries) == out.count("\n  -") > 0
    for entry in entries:
        assert len(entry.split("  ", 1)[1].split()) >= 3, entry


def test_elman_alone_shows_the_commands():
    done = elman()
    assert done.code == 2
    assert all(f"\n  {command} " in done.err for command in COMMANDS)
    assert elman("--help").out == done.err
    assert elman("--version").out.startswith("elman")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("trian", "train"),
        ("smaple", "sample"),
        ("generate", "sample"),
        ("inspect", "info"),
        ("xyz", "train, eval"),
    ],
)
def test_an_unknown_command_is_answered_with_a_suggestion(typed, meant):
    line = refused(elman(typed), 2)
    assert repr(typed) in line
    assert meant in line


def test_an_unknown_option_is_answered_with_a_suggestion():
    assert "--hidden-size" in refused(elman("train", "--hiden-size", "3"), 2)


BAD_OPTIONS = [
    *[("train", flag, value) for flag in ("--lr", "--epochs", "--minutes")
      for value in ("0", "-1", "nan", "inf", "x")],
    *[("train", flag, value) for flag in ("--hidden-size", "--steps", "--batch-size", "--seq-length")
      for value in ("0", "-3", "1.5", "x", "1" + 30 * "0")],
    *[("train", "--num-layers", value) for value in ("0", "251", "99999999")],
    *[("train", flag, "0") for flag in ("--checkpoint-every", "--validate-every", "--min-count")],
    *[("train", "--seed", value) for value in ("-1", "1" + 30 * "0")],
    *[("train", "--val-frac", value) for value in ("-0.1", "1", "nan")],
    *[("train", "--grad-clip", value) for value in ("-1", "nan", "inf")],
    ("train", "--cell", "gnu"),
    ("train", "--activation", "gelu"),
    ("train", "--vocab", "letters"),
    ("train", "--dtype", "float16"),
    ("train", "--optimizer", "lion"),
    ("train", "--schedule", "linear"),
    ("train", "--encoding-errors", "guess"),
    ("sample", "--length", "-1"),
    ("sample", "--top-k", "0"),
    *[("sample", "--temperature", value) for value in ("-1", "nan", "inf")],
    *[("sample", "--top-p", value) for value in ("-0.1", "1.1", "nan")],
    ("sample", "--beam", "0"),
    *[("eval", "--val-frac", value) for value in ("0", "1", "nan")],
]  # fmt: skip


@pytest.mark.parametrize(("command", "flag", "value"), BAD_OPTIONS)
def test_a_value_out_of_range_is_refused_with_what_is_expected(command, flag, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = refused(elman(command, *["model"] * (command != "train"), flag, value), 2)
    assert flag in line
    assert "expected" in line or "is not" in line
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--steps", "3", "--epochs", "2"), ("--epochs", "--steps")),
        (("--valid", "v.txt", "--val-frac", "0.2"), ("--valid", "--val-frac")),
        (("--vocab", "bytes", "--min-count", "2"), ("--min-count",)),
        (("--init-from", "m", "--hidden-size", "9", "--vocab", "words"), ("--hidden-size", "--vocab")),
        (("-", "--valid", "-"), ("--valid", "standard input")),
    ],
)
def test_options_that_contradict_each_other_are_named(options, names):
    line = refused(elman("train", *options), 2)
    assert all(name in line for name in names)


WILD = {
    "--hidden-size": ["0", "1", "7", "1000000000", "x"],
    "--num-layers": ["1", "3", "251", "-1"],
    "--batch-size": ["1", "3", "999999999999"],
    "--seq-length": ["1", "4", "999999999999"],
    "--lr": ["1e-300", "0.1", "1e6", "1e18", "1e300", "nan"],
    "--grad-clip": ["0", "1e-300", "1", "1e18"],
    "--val-frac": ["0", "1e-9", "0.5", "0.999"],
    "--vocab": ["chars", "bytes", "words", ""],
    "--min-count": ["1", "2", "99999"],
    "--optimizer": ["adam", "adamw", "rmsprop", "adagrad", "sgd"],
    "--schedule": ["cosine", "constant", "one-cycle", "step", "plateau"],
    "--validate-every": ["1", "999999999999"],
    "--seed": ["0", "9223372036854775807"],
    "--dtype": ["float32", "float64"],
    "--activation": ["tanh", "relu"],
    "--encoding-errors": ["replace"],
    "--lines": [None],
}


@given(st.fixed_dictionaries({}, optional={flag: st.sampled_from(values) for flag, values in WILD.items()}))
@example({"--lr": "1e18", "--activation": "relu", "--grad-clip": "0"})
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_options_break_it(tmp_path, chosen):
    words = [word for pair in chosen.items() for word in pair if word is not None]
    model = tmp_path / "model.safetensors"
    model.unlink(missing_ok=True)
    done = elman("train", write(tmp_path / "text.txt", rhyme()), "-o", model, "--steps", "3", *words)
    assert BROKEN not in done.err
    if done.code == 0:
        assert elman("info", model).code == 0
    else:
        assert done.code in (2, 4, 5)
        assert refused(done, done.code)
        assert not model.exists()


# ---------------------------------------------------------------------------------------------- the texts

TEXTS = {
    "empty": (b"", "is empty"),
    "a byte order mark": (b"\xef\xbb\xbf", "is empty"),
    "one character": (b"a", "only one distinct symbol"),
    "one character again and again": (b"a" * 999, "only one distinct symbol ('a', 999 x)"),
    "shorter than a window": (b"abcabcabcabcabcabcabcabc", "what is left to train on has 21 symbols"),
    "too short to hold out": (b"abcabc", "--val-frac 0.1 holds out 1 symbol of 6"),
    "not UTF-8": (b"abc\ndef\xff\n", "byte 0xff at byte offset 7"),
    "cut in a character": ("abcé".encode()[:-1], "at byte offset 3 (unexpected end of data)"),
    "compressed": (gzip.compress(rhyme().encode()), "gzip"),
    "UTF-16": (rhyme().encode("utf-16"), "UTF-16"),
}


@pytest.mark.parametrize(("text", "words"), TEXTS.values(), ids=TEXTS)
def test_a_text_that_cannot_be_learned_from(tmp_path, text, words):
    file = write(tmp_path / "text.txt", text)
    options = ("-o", tmp_path / "model.safetensors", *SHORT)
    line = refused(elman("train", file, *options), 2)
    assert line.startswith(str(file))
    assert words in line
    assert "standard input" in refused(elman("train", "-", *options, stdin=text), 2)
    assert os.listdir(tmp_path) == ["text.txt"]


def test_what_fits_is_said_in_options_that_then_work(tmp_path):
    options = ("train", write(tmp_path / "text.txt", "abc" * 8), "-o", tmp_path / "model.safetensors", *SHORT)
    line = refused(elman(*options), 2)
    assert "--batch-size 1 with --seq-length 20" in line
    assert elman(*options, "--batch-size", "1", "--seq-length", "20").code == 0


def test_bytes_and_replacement_read_what_is_not_utf_8(tmp_path):
    file = write(tmp_path / "text.txt", b"abc\ndef\xff\n" * 30)
    for way in (("--vocab", "bytes"), ("--encoding-errors", "replace"), ("--encoding-errors", "ignore")):
        assert elman("train", file, "-o", tmp_path / "model.safetensors", *TINY, *SHORT, *way).code == 0


@pytest.mark.parametrize("lines", ["\n\n\n", "one line", "\n\nred\n\n"])
def test_too_few_lines(tmp_path, lines):
    file = write(tmp_path / "text.txt", lines)
    line = refused(elman("train", file, "--lines", "-o", tmp_path / "model.safetensors"), 2)
    assert line.startswith(str(file))


@pytest.mark.parametrize("command", ["train", "eval", "score"])
def test_files_that_are_no_texts(tmp_path, command):
    model = trained(tmp_path, rhyme())
    given_first = ["-o", tmp_path / "new.safetensors"] if command == "train" else [model]
    for file, words in ((tmp_path / "none", "o such file"), (tmp_path, "directory")):
        line = refused(elman(command, *given_first, file), 2)
        assert line.startswith(str(file))
        assert words in line


@pytest.mark.skipif(os.getuid() == 0, reason="nothing is unreadable for the superuser")
def test_a_text_that_may_not_be_read(tmp_path):
    file = write(tmp_path / "text.txt", rhyme())
    file.chmod(0)
    assert "permission denied" in refused(elman("train", file), 2)


@pytest.mark.parametrize(
    ("options", "text", "words"),
    [
        (("--valid",), b"", "is empty"),
        (("--valid",), b"r", "holds nothing to validate on"),
        (("--lines", "--valid"), b"\n\n", "holds nothing to validate on"),
        (("--valid",), b"\xff", "byte offset 0"),
    ],
)
def test_a_validation_text_that_is_none(tmp_path, options, text, words):
    valid = write(tmp_path / "valid.txt", text)
    file = write(tmp_path / "text.txt", rhyme())
    line = refused(elman("train", file, "-o", tmp_path / "model.safetensors", *TINY, *options, valid), 2)
    assert line.startswith(str(valid))
    assert words in line


def test_a_part_held_out_that_is_empty_or_all(tmp_path):
    options = ("train", write(tmp_path / "text.txt", rhyme()), "-o", tmp_path / "model.safetensors", *TINY)
    assert "holds out 1 symbol of 600" in refused(elman(*options, "--val-frac", "1e-9"), 2)
    assert "has 0 symbols" in refused(elman(*options, "--val-frac", "0.9999"), 2)
    assert "holds out no line" in refused(elman(*options, "--lines", "--val-frac", "1e-99"), 2)
    assert "too few to hold out" in refused(elman(*options, "--lines", "--val-frac", "0.9999"), 2)


def test_eval_of_too_little(tmp_path):
    model = trained(tmp_path, rhyme())
    file = write(tmp_path / "one.txt", "r")
    assert refused(elman("eval", model, file), 2).startswith(f"{file} has 1 symbol: ")
    assert "is empty" in refused(elman("eval", model, "-"), 2)


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


@pytest.mark.skipif(os.getuid() == 0, reason="nothing is read-only for the superuser")
def test_a_read_only_directory(tmp_path):
    file = write(tmp_path / "text.txt", rhyme())
    tmp_path.chmod(0o555)
    assert "cannot be written" in refused(elman("train", file, "-o", tmp_path / "model.safetensors"), 3)
    tmp_path.chmod(0o755)


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
    {"validation_nats": [1]},
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
