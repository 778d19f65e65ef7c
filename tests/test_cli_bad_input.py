"""Whatever comes in, the command line answers with one line and the right exit code, and loses nothing."""

from __future__ import annotations

import os

import pytest

from cli_cases import TINY, denied, elman, refused, rhyme, trained, write
from elman.cli import group, lines
from elman.data import reading

COMMANDS = ("train", "eval", "predict", "sample", "score", "info")
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
        ("forecast", "predict"),
        ("predcit", "predict"),
        ("inspct", "inspect"),
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
    *[("train", flag, value) for flag in ("--window", "--horizon", "--stride", "--patience")
      for value in ("0", "1.5", "x")],
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
    *[("predict", "--steps", value) for value in ("0", "x")],
    *[("eval", "--val-frac", value) for value in ("0", "1", "nan")],
]  # fmt: skip


@pytest.mark.parametrize(("command", "flag", "value"), BAD_OPTIONS)
def test_a_value_out_of_range_is_refused_with_what_is_expected(command, flag, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = {"train": [], "predict": ["model", "file"]}.get(command, ["model"])
    line = refused(elman(command, *arguments, flag, value), 2)
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


# ---------------------------------------------------------------------------------------------- the texts


def test_what_fits_is_said_in_options_that_then_work(tmp_path):
    options = ("train", write(tmp_path / "text.txt", "abc" * 8), "-o", tmp_path / "model.safetensors", *SHORT)
    line = refused(elman(*options), 2)
    assert "--batch-size 1 with --seq-length 20" in line
    assert elman(*options, "--batch-size", "1", "--seq-length", "20").code == 0


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


@pytest.mark.parametrize("command", ["train", "eval", "score"])
def test_a_text_that_may_not_be_read(tmp_path, monkeypatch, command):
    model = trained(tmp_path, rhyme())
    file = tmp_path / "text.txt"
    given_first = ["-o", tmp_path / "new.safetensors"] if command == "train" else [model]
    monkeypatch.setattr(reading, "open", denied, raising=False)
    monkeypatch.setattr(lines, "open", denied, raising=False)
    line = refused(elman(command, *given_first, file), 2)
    assert line.startswith(str(file))
    assert "ermission denied" in line


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


STARVED = {
    "not enough memory: no figure was given; a smaller network or batch may fit": MemoryError(),
    "not enough memory: 9 GiB for a batch; a smaller network or batch may fit": MemoryError(
        "9 GiB for a batch"
    ),
    "a module cannot be loaded: libm.so: failed to map; free memory, or install elman anew": ImportError(
        "\nREAD THIS\n\nlibm.so: failed to map\n"
    ),
    "a module cannot be loaded: no reason was given; free memory, or install elman anew": ImportError(),
}


@pytest.mark.parametrize("words", STARVED)
def test_what_finds_no_room_is_told_in_one_line(monkeypatch, words):
    def starved():
        raise STARVED[words]

    monkeypatch.setattr(group, "run", starved)
    assert refused(elman("info", "model"), 5) == words
