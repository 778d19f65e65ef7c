"""The options of `elman train`: each reaches the network or the run; what changes nothing is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from cli_cases import SMALL, TABLES, TINY, Done, elman, refused, rhyme, rides, trained_table, write
from elman import load
from elman.cli import train as command
from elman.cli.checks import NETWORK
from elman.cli.flags import in_flags
from elman.cli.settings import Settings, with_defaults
from elman.spec import FIELDS

OF_NETWORKS = [
    (("--cell", "lstm"), {"cell": "lstm"}),
    (("--hidden-size", "6,4"), {"hidden_size": (6, 4), "num_layers": 2}),
    (("--hidden-size", "3", "--num-layers", "2", "--dropout", "0.2"), {"num_layers": 2, "dropout": 0.2}),
    (("--embedding-size", "4"), {"embedding_size": 4}),
    (("--embedding-size", "5", "--tied"), {"embedding_size": 5, "tied": True}),
    (("--layer-norm",), {"layer_norm": True}),
    (("--learn-initial-state",), {"learn_initial_state": True}),
    (("--input-dropout", "0.2", "--embedding-size", "4"), {"input_dropout": 0.2}),
    (("--recurrent-dropout", "0.2"), {"recurrent_dropout": 0.2}),
    (("--output-dropout", "0.2"), {"output_dropout": 0.2}),
    (("--zoneout", "0.1"), {"zoneout": 0.1}),
]
OF_TABLES = [
    (("--bidirectional",), {"bidirectional": True}),
    (("--input-dropout", "0.2"), {"input_dropout": 0.2}),
    (("--readout", "concat"), {"readout": "concat"}),
    (("--readout", "flatten"), {"readout": "flatten", "steps": 7}),
    (("--head", "absolute"), {"head": "absolute"}),
    (("--head", "gaussian"), {"head": "gaussian"}),
    (("--quantiles", "0.1,0.9"), {"head": "quantile", "quantiles": (0.1, 0.9)}),
    (("--cell", "elman", "--activation", "relu"), {"cell": "elman", "activation": "relu"}),
]


def train_text(folder: Path, *options: str) -> Done:
    file = write(folder / "text.txt", rhyme())
    return elman("train", file, "-o", folder / "model.safetensors", *TINY, "--steps", "3", *options)


def flat(folder: Path) -> np.ndarray:
    return load(folder / "model.safetensors").network.parameters.flat


# ---------------------------------------------------------------------------------------------- what they do


@pytest.mark.parametrize(("options", "expected"), OF_NETWORKS, ids=lambda value: " ".join(value))
def test_an_option_of_the_network_reaches_that_of_a_text(tmp_path, options, expected):
    assert train_text(tmp_path, *options).code == 0
    spec = load(tmp_path / "model.safetensors").network.spec
    assert {name: getattr(spec, name) for name in expected} == expected


@pytest.mark.parametrize(("options", "expected"), OF_TABLES, ids=lambda value: " ".join(value))
def test_an_option_of_the_network_reaches_that_of_a_table(tmp_path, options, expected):
    model, file, _ = trained_table(tmp_path, "series", *options)
    spec = load(model).network.spec
    assert {name: getattr(spec, name) for name in expected} == expected
    assert elman("eval", model, file).code == elman("predict", model, file).code == 0


@pytest.mark.parametrize(
    "options",
    [
        ("--initialization", "glorot"),
        ("--initialization", "identity"),
        ("--initialization", "uniform"),
        ("--weight-decay", "0.5"),
        ("--optimizer", "momentum"),
        ("--zoneout", "0.1"),
        ("--output-dropout", "0.1"),
        ("--recurrent-dropout", "0.1"),
    ],
    ids=" ".join,
)
def test_an_option_changes_what_is_learned(tmp_path, options):
    train_text(tmp_path)
    usual = flat(tmp_path)
    assert train_text(tmp_path, *options).code == 0
    assert not np.array_equal(flat(tmp_path), usual)


def test_patience_ends_a_run_and_keeps_the_best(tmp_path):
    options = ("--validate-every", "1", "--lr", "1", "--schedule", "constant", "--steps", "40")
    done = train_text(tmp_path, *options, "--patience", "3")
    best, steps = (int(n) for n in re.search(r"best        step (\d+) of (\d+)", done.out).groups())
    assert steps == best + 3 < 40


def test_every_option_of_a_network_can_be_said_and_is_kept():
    """None is forgotten: on the command line, among those that a model brings, in a checkpoint."""
    said = {option.name for option in command.command.params}
    given_by_data = {"input_size", "output_size", "feature_size", "steps"}
    assert set(FIELDS) - given_by_data <= said
    assert set(NETWORK) == set(FIELDS) - given_by_data | {"initialization"}
    files = {"output", "resume", "checkpoint_every", "config", "log", "report"}
    beside = files | {"engine", "threads", "memory_limit"}
    assert said - beside == set(vars(Settings()))


@pytest.mark.parametrize(("options", "expected"), [((), (5,)), (("--num-layers", "2"), (5, 5))])
def test_sizes_and_layers(tmp_path, options, expected):
    train_text(tmp_path, *options)
    assert load(tmp_path / "model.safetensors").network.spec.widths == expected


def test_options_of_tables_can_stand_in_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rides(tmp_path)
    options = ("--target", "rail", "--target", "bus", "--quantiles", "0.1,0.9", "--hidden-size", "4,3")
    more = ("--window", "7", "--steps", "3", "--batch-size", "4", "--category", "day")
    assert elman("train", "rides.csv", "-o", "one", *options, *more).code == 0
    toml = """
        file = "rides.csv"
        target = ["rail", "bus"]
        category = "day"
        quantiles = [0.1, 0.9]
        hidden-size = [4, 3]
        window = 7
        steps = 3
        batch_size = 4
    """
    write(tmp_path / "run.toml", toml)
    assert elman("train", "--config", "run.toml", "-o", "other").code == 0
    assert (tmp_path / "other").read_bytes() == (tmp_path / "one").read_bytes()
    write(tmp_path / "run.toml", toml.replace("target", "taget"))
    assert "no option 'taget'; did you mean target?" in refused(elman("train", "--config", "run.toml"), 2)


def test_defaults_are_those_of_the_kind_of_data():
    text, series = with_defaults({}), with_defaults({"target": ("y",)})
    assert (text.cell, text.hidden_size, text.window) == ("elman", 128, None)
    assert (series.cell, series.hidden_size, series.window) == ("gru", 64, 28)
    assert with_defaults({"target": ("y",), "sequence": "id"}).window is None
    assert with_defaults({"target": ("y",), "cell": "lstm", "window": 3}).window == 3


def test_help_lists_options_in_sections():
    out = elman("train", "--help").out
    titles = re.findall(r"^(\w+):$", out, re.MULTILINE)
    assert titles[:6] == ["Data", "Texts", "Tables", "Network", "Regularization", "Training"]
    assert titles[6:8] == ["Engine", "Files"]
    sections = dict(zip(titles, re.split(r"^\w+:$", out, flags=re.MULTILINE)[1:], strict=True))
    for title, flag in {
        "Data": "--val-frac",
        "Texts": "--seq-length",
        "Tables": "--target",
        "Network": "--cell",
        "Regularization": "--zoneout",
        "Training": "--patience",
        "Engine": "--threads",
        "Files": "--resume",
    }.items():
        assert f"\n  {flag} " in sections[title]
    assert out.count("\n  -") == len(command.command.params)  # all but FILE, and --help


# ------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--hidden-size", "5,x"), "'--hidden-size': x came; expected a whole number, 1 or more, or several"),
        (("--hidden-size", "5,"), "'--hidden-size': nothing came; expected a whole number"),
        (("--hidden-size", "5,0"), "'--hidden-size': 0 came; expected"),
        (
            ("--hidden-size", "5,6", "--num-layers", "3"),
            "--hidden-size has 2 entries, [5, 6]; --num-layers is 3",
        ),
        (
            ("--dropout", "0.1"),
            "--dropout acts between layers, and there is one: stack more, or use --output-",
        ),
        (("--dropout", "1"), "'--dropout': 1 came; expected a share from 0 on and below 1"),
        (("--zoneout", "nan"), "'--zoneout': nan came; expected a share"),
        (("--weight-decay", "-1"), "'--weight-decay': -1 came; expected a number, 0 or more"),
        (("--patience", "0"), "'--patience': 0 came; expected a whole number"),
        (("--tied",), "--tied shares the embedding with the output; give --embedding-size"),
        (("--tied", "--embedding-size", "4"), "--tied needs an output as large as the embedding"),
        (("--cell", "gru", "--activation", "relu"), "no cell 'gru' with activation 'relu'; there are elman"),
        (
            ("--cell", "lstm", "--initialization", "identity"),
            "--initialization 'identity' is for a cell of one",
        ),
        (("--bidirectional",), "--bidirectional: would read the very symbols that it is to predict"),
        (("--readout", "last"), "--readout: a text has an answer after each symbol"),
        (("--head", "huber"), "--head: a text has an answer after each symbol"),
        (("--quantiles", "0.5"), "--quantiles: a text has an answer after each symbol"),
        (
            ("--window", "3", "--ahead", "x"),
            "--ahead, --window: for a table, whose column to predict is named",
        ),
        (
            ("--patience", "3", "--val-frac", "0"),
            "--patience counts validations, and --val-frac 0 leaves none",
        ),
        (("--init-from", "m", "--target", "y"), "leave out --hidden-size, --target"),
        (("--input-dropout", "0.1"), "symbols have none: give --embedding-size"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_options_that_a_text_has_no_use_for(tmp_path, options, told):
    assert told in refused(train_text(tmp_path, *options), 2)
    assert not (tmp_path / "model.safetensors").exists()


TEXT = TABLES["texts"][1]
SEQUENCE = TABLES["sequences"][1]
SERIES = ("--target", "rail")


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        ("series", (*SERIES, "--seq-length", "4", "--lines"), "--lines, --seq-length: for texts"),
        ("series", (*SERIES, "--vocab", "words"), "--vocab: for a column of text, named with --text"),
        ("series", (*SERIES, "--embedding-size", "4"), "--embedding-size: for a column of text"),
        ("series", (*SERIES, "--head", "softmax"), "--head softmax predicts labels: say which rows belong"),
        ("series", (*SERIES, "--head", "quantile"), "--quantiles are (); expected numbers between 0 and 1"),
        ("series", (*SERIES, "--quantiles", "0.9,0.1"), "that rise, such as 0.1,0.5,0.9"),
        ("series", (*SERIES, "--quantiles", "0.5", "--head", "huber"), "but the head is 'huber'"),
        ("series", (*SERIES, "--quantiles", "1.5"), "'--quantiles': 1.5 came; expected numbers between"),
        ("series", (*SERIES, "--bidirectional", "--readout", "every"), "would read the rows that it is to"),
        ("series", (*SERIES, "--input", "rail", "--input", "rail"), "each of them once"),
        ("series", ("--target", "rail", "--target", "bus", "--head", "softmax"), "in one --target"),
        ("sequences", (*SEQUENCE, "--horizon", "2", "--stride", "3"), "--horizon, --stride: for series"),
        ("sequences", (*SEQUENCE, "--readout", "flatten"), "of one length; those of"),
        ("sequences", (*SEQUENCE, "--input", "speaker"), "cannot be both target and input"),
        ("sequences", (*SEQUENCE, "--text", "speaker"), "with --text each row is a sequence of its own"),
        ("texts", (*TEXT, "--input", "name", "--window", "3"), "leave out --input, --window"),
        ("texts", (*TEXT, "--readout", "every"), "--readout every: with --text a target stands for a whole"),
        ("texts", (*TEXT, "--vocab", "bpe"), "--vocab bpe and --vocab-size go together"),
        ("texts", (*TEXT, "--vocab", "bytes", "--min-count", "2"), "leave out --min-count"),
        ("texts", (*TEXT, "--tied", "--embedding-size", "5"), "--tied needs an output as large"),
        ("texts", (*TEXT, "--no-scale", "--head", "softmax"), "--scale has no numbers to scale"),
    ],
)
def test_options_that_a_table_has_no_use_for(tmp_path, kind, options, told):
    file = TABLES[kind][0](tmp_path)
    line = refused(elman("train", file, "-o", tmp_path / "model.safetensors", *SMALL, *options), 2)
    assert told in line
    assert not (tmp_path / "model.safetensors").exists()


def test_a_target_needs_a_file():
    assert "--target is a column of a table: name FILE" in refused(elman("train", "--target", "y"), 2)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("dropout acts between layers", "--dropout acts between layers"),
        ("a.csv: stride 3 is more than 'batch_size'", "a.csv: --stride 3 is more than 'batch_size'"),
        ("the window is open; give window", "the window is open; give --window"),
        ("target 'hidden_size' is text", "--target 'hidden_size' is text"),
        ("no column 'learn_initial_state'", "no column 'learn_initial_state'"),
        ("some_thing else", "some_thing else"),
    ],
)
def test_arguments_are_told_as_flags_and_columns_as_they_are(message, told):
    assert in_flags(message) == told
