"""`elman train --config`: a file of options is the same as the options, and what is wrong in it is told."""

from __future__ import annotations

import signal
import tomllib
from pathlib import Path

import pytest

from cli_cases import Done, elman, refused, rhyme, write
from elman import load
from elman.cli import config, display, train

OPTIONS = """
hidden-size = 5
seq_length = 4
batch-size = 3
steps = 6
lr = 1  # a whole number is a number
lines = true
schedule = "constant"
"""
SAME = (
    "--hidden-size",
    "5",
    "--seq-length",
    "4",
    "--batch-size",
    "3",
    "--steps",
    "6",
    "--lr",
    "1",
    "--lines",
)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The current folder, with a text in it."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "text.txt", rhyme())
    return tmp_path


def configured(toml: str | bytes, *options: str | Path) -> Done:
    return elman("train", "--config", write(Path("run.toml"), toml), *options)


# ── what it does ──


def test_a_file_of_options_is_the_same_as_the_options(folder):
    assert elman("train", "text.txt", "-o", "one", *SAME, "--schedule", "constant").code == 0
    done = configured(OPTIONS + 'file = "text.txt"\noutput = "other"')
    assert done.code == 0, done.err
    assert (folder / "other").read_bytes() == (folder / "one").read_bytes()


def test_the_command_line_wins(folder):
    toml = OPTIONS + 'file = "none"\noutput = "none"\n'
    options = ("--hidden-size", "7", "--no-lines", "--lr", "0.1", "-o", "model", "text.txt")
    for words in (("--config", "run.toml", *options), (*options, "--config", "run.toml")):
        write(folder / "run.toml", toml)
        assert elman("train", *words).code == 0
        model = load("model")
        assert model.network.spec.hidden_size == 7
        assert model.record["lines"] is False
        assert model.record["step"] == 6
    assert not (folder / "none").exists()


def test_every_option_can_stand_in_a_file(folder):
    """All that train takes, but --config itself; each type of option by a value that suits it."""
    kinds = {"n": "3", "x": "0.5", "boolean": "false", "choice": '"{}"', "text": '"some"'}
    kinds |= {"n[,...]": "[3, 4]", "x,...": "[0.5]", "size": '"2K"'}
    for option in train.command.params:
        if not option.expose_value:
            assert option.name == "config"
            continue
        value = kinds[option.type.name].format(*getattr(option.type, "choices", [""])[:1])
        context = train.command.make_context(
            "train", ["--config", str(write(folder / "run.toml", f"{option.name} = {value}"))]
        )
        expected = 2048 if option.type.name == "size" else tomllib.loads(f"v = {value}")["v"]
        if option.multiple:
            expected = (expected,)
        assert context.params[option.name] == (tuple(expected) if isinstance(expected, list) else expected)
        assert context.get_parameter_source(option.name).name == "DEFAULT_MAP"


def test_a_run_goes_on_with_the_file_it_began_with(folder, monkeypatch):
    show = display.PlainLines.show

    def show_and_stop(self, progress):
        show(self, progress)
        if progress.step == 4:
            signal.raise_signal(signal.SIGINT)

    toml = OPTIONS + 'file = "text.txt"\noutput = "model"\n'
    assert configured(toml).code == 0
    whole = (folder / "model").read_bytes()
    monkeypatch.setattr(display.PlainLines, "show", show_and_stop)
    assert configured(toml).code == 130
    (checkpoint,) = folder.glob("*checkpoint*")
    line = refused(configured(toml.replace("lr = 1 ", "lr = 2 "), "--resume", checkpoint), 2)
    assert "--lr 2.0 (the run has 1.0)" in line
    assert configured(toml, "--resume", checkpoint).code == 0
    assert (folder / "model").read_bytes() == whole


def test_a_byte_order_mark_and_other_line_ends_are_read(folder):
    toml = (OPTIONS + 'file = "text.txt"').replace("\n", "\r\n").encode("utf-8-sig")
    assert configured(toml).code == 0


# ── what is wrong ──


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ("hiden_size = 5", "there is no option 'hiden_size'; did you mean hidden_size?"),
        ("batch-sise = 5", "there is no option 'batch-sise'; did you mean batch_size?"),
        ("--lr = 5", "there is no option '--lr'; did you mean lr?"),
        ("qwertz = 5", "there is no option 'qwertz'; elman train --help lists them"),
        ("config = 'other.toml'", "there is no option 'config'; elman train --help"),
        ("[train]\nlr = 1", "there is no option 'train'; "),
        ("lr = 1\n'lr' = 2", "is not TOML: Cannot overwrite a value (at "),
        ("batch_size = 1\nbatch-size = 2", "batch-size stands there twice, once with - and once with _"),
        ("hidden_size = '5'", "hidden_size is '5', text; expected a whole number"),
        ("hidden_size = 5.0", "hidden_size is '5.0', a number; expected a whole number"),
        ("hidden-size = true", "hidden-size is 'True', true or false; expected a whole number"),
        ("hidden_size = [5, 6.5]", "hidden_size is '[5, 6.5]', a number in a list; expected a whole"),
        ("hidden_size = [[5]]", "a list in a list; expected a whole number or a list of such"),
        ("lr = [0.1]", "lr is '[0.1]', a list; expected a number"),
        ("target = 3", "target is '3', a whole number; expected text or a list of such"),
        ("target = ['a', 3]", "a whole number in a list; expected text or a list of such"),
        ("quantiles = ['a']", "text in a list; expected a number or a list of such"),
        ("lr = '1e-3'", "lr is '1e-3', text; expected a number"),
        ("lr = false", "lr is 'False', true or false; expected a number"),
        ("lines = 1", "lines is '1', a whole number; expected true or false"),
        ("lines = 'yes'", "lines is 'yes', text; expected true or false"),
        ("vocab = 3", "vocab is '3', a whole number; expected text"),
        ("file = 2026-11-22", "file is '2026-11-22', a date or time; expected text"),
        ("file.name = 'text.txt'", "a table; expected text"),
        ("lr = 1\n\nseed = ", "is not TOML: Invalid value (at its end, line 3)"),
        ("lr = 1\nseed : 2\n", "is not TOML: Expected '=' after a key in a key/value pair (at line 2, "),
        (b"lr = 1\n\nfile = '\xff'\n", "is not UTF-8 text (at line 3)"),
        ("seed = " + "9" * 5000, "a number in it is too long"),
        ("seed = " + "[" * 50_000, "a list too deep"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_file_that_is_wrong_is_refused_in_one_line(folder, toml, told):
    line = refused(configured(toml, "text.txt"), 2)
    assert line.startswith("run.toml")
    assert told in line
    assert len(line) < 600


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ("hidden_size = 0", "'--hidden-size': 0 came; expected a whole number, 1 or more"),
        ("seed = -1", "'--seed': -1 came; expected a whole number, 0 or more"),
        ("lr = nan", "'--lr': nan came; expected a number above 0"),
        ("epochs = inf", "'--epochs': inf came"),
        ("vocab = 'letters'", "'letters' is not one of 'chars', 'bytes', 'words', 'bpe'"),
        ("steps = 3\nepochs = 2", "--steps and --epochs came together"),
        ("valid = 'v'\nval_frac = 0.2", "--valid and --val-frac came together"),
        ("vocab = 'bytes'\nmin_count = 2", "leave out --min-count"),
        ("vocab = 'bpe'", "--vocab bpe and --vocab-size go together"),
        ("init_from = 'm'\nhidden_size = 128", "leave out --hidden-size"),  # given, though it is the default
        ("resume = 'm'", "m: cannot be read: No such file"),
    ],
)
def test_what_is_refused_on_the_command_line_is_refused_in_a_file(folder, toml, told):
    assert told in refused(configured(toml, "text.txt"), 3 if "resume" in toml else 2)


def test_what_contradicts_the_command_line_is_named(folder):
    line = refused(configured("epochs = 2", "text.txt", "--steps", "3"), 2)
    assert "--steps and --epochs came together" in line


def test_a_file_that_cannot_be_read(folder, monkeypatch):
    for path, told in (("none.toml", "No such file"), (".", "Is a directory")):
        line = refused(elman("train", "--config", path), 2)
        assert line.startswith(f"{path}: cannot be read: {told}")
    assert "is not a path" in refused(elman("train", "--config", "a\0b"), 2)
    monkeypatch.setattr(config, "LARGEST", 9)
    assert "has more than 9 bytes" in refused(configured("lr = 0.001"), 2)
    assert "no option 'lrr'" in refused(configured("lrr = 0.1"), 2)
