"""Tables that cannot be learned from, predicted or judged are refused in one line that names the place."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli_cases import BROKEN, SMALL, TABLES, elman, refused, rides, speakers, trained_table, write, write_csv
from elman import load, save

SERIES = ("--target", "rail", "--window", "7")
SEQUENCES = TABLES["sequences"][1]


def train(file: Path, *options: str) -> str:
    """What training says that it refuses; nothing is left behind."""
    before = sorted(os.listdir(file.parent))
    line = refused(elman("train", file, "-o", file.with_name("model.safetensors"), *SMALL, *options), 2)
    assert sorted(os.listdir(file.parent)) == before
    return line


def changed(file: Path, line: int, **fields: str) -> Path:
    """The same table with other fields in a line of it; line 1 holds the names."""
    names, *rows = (row.split(",") for row in file.read_text().splitlines())
    for name, value in fields.items():
        rows[line - 2][names.index(name)] = value
    return write_csv(file, names, rows)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,rail\n1,2\n2,3,4\n", "line 3 has 3 fields; expected 2, as line 1 has (a, rail)"),
        ("a,rail\n1,2\n\n3,4\n", "line 3 is empty"),
        ("a,rail\n1,2\n2\n", "line 3 has 1 fields; expected 2"),
        ('a,rail\n1,"2\n', "the row that begins in line 2 is not CSV"),
        ("rail,rail\n1,2\n", "2 columns are named 'rail'"),
        ("1,2\n3,4\n", "line 1 holds numbers"),
        ("a;rail\n1;2\n", "line 1 holds no comma"),
        ("a,rail\n", "has a line of column names, but no rows"),
        ("", "is empty"),
        ("a,rail\n1,2\n3,4\n5,6\n", "--window 7 and --horizon 1 need 8 rows"),
        (b"a,rail\n\xff,1\n", "line 2 is not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_line(tmp_path, text, told):
    file = write(tmp_path / "t.csv", text)
    line = train(file, *SERIES)
    assert line.startswith(str(file))
    assert told in line


def test_a_column_that_is_missing_is_answered_with_a_suggestion(tmp_path):
    file = rides(tmp_path)
    assert train(file, "--target", "raill").startswith(f"{file} has no column 'raill'; did you mean 'rail'?")
    for option in ("--input", "--category", "--ahead", "--sequence"):
        line = train(file, *SERIES, option, "weather")
        assert "has no column 'weather'; there are: number, day, bus, rail" in line
    assert "no such file" in train(tmp_path / "none.csv", *SERIES)


@pytest.mark.parametrize(
    ("value", "told"), [("", "holds no number"), ("nan", "holds no number"), ("inf", "holds inf")]
)
@pytest.mark.parametrize("column", ["rail", "bus"])
def test_a_number_that_is_none_is_named_with_its_line_and_column(tmp_path, value, told, column):
    file = changed(rides(tmp_path), 17, **{column: value})
    line = train(file, *SERIES, "--input", "bus")
    assert f"column {column!r} {told}" in line
    assert " in line 17" in line


def test_a_text_among_numbers_is_named_with_its_line(tmp_path):
    file = changed(rides(tmp_path), 17, bus="closed")
    line = train(file, *SERIES, "--input", "bus")
    assert "column 'bus' holds 'closed' in line 17; expected numbers" in line
    assert "'closed' in line 17" in train(file, "--target", "bus")
    file = changed(speakers(tmp_path), 9, speaker="")
    assert "column 'speaker' is empty in line 9" in train(file, *SEQUENCES)


def test_categories_are_not_read_as_numbers(tmp_path):
    line = train(rides(tmp_path), *SERIES, "--input", "day")
    assert "column 'day' holds 'W' in line 2; expected numbers" in line
    assert line.endswith("or categories: --category day")
    assert "target 'day' holds 'W' in line 2; a series is continued with numbers" in train(
        tmp_path / "rides.csv", "--target", "day"
    )
    assert "for labels leave --head out" in train(speakers(tmp_path), *SEQUENCES, "--head", "huber")


@pytest.mark.parametrize("column", ["rail", "bus", "day"])
def test_a_constant_column_is_named(tmp_path, column):
    file = rides(tmp_path)
    for line in range(2, 57):  # of the rows to train on
        changed(file, line, **{column: "7"})
    line = train(file, *SERIES, "--input", "rail", "--input", "bus", "--category", "day")
    assert f"column {column!r} is constant" in line


def test_a_target_that_changes_within_a_sequence_is_named(tmp_path):
    line = train(changed(speakers(tmp_path), 95, speaker="AB"), *SEQUENCES, "--val-frac", "0")
    assert "the target of sequence 'u19' changes in line 95; expected the same in all of its rows" in line
    assert "(--readout every)" in line


def test_labels_that_cannot_be_learned(tmp_path):
    file = write_csv(tmp_path / "t.csv", ["text", "mood"], [("abc", "+")] * 9)
    assert "column 'mood' is constant" in train(file, "--text", "text", "--target", "mood")
    file = write_csv(tmp_path / "t.csv", ["text", "mood"], [("abc", "+"), ("", "-")] * 9)
    options = ("--text", "text", "--target", "mood", "--val-frac", "0")
    assert "column 'text' is empty in line 3" in train(file, *options)
    file = write_csv(tmp_path / "t.csv", ["text", "mood"], [("abc d", "+"), (" ", "-")] * 9)
    line = train(file, *options, "--vocab", "words")
    assert "column 'text' holds no words in line 3; leave the row out" in line
    file = write_csv(tmp_path / "t.csv", ["text", "mood"], [("abc", "+")])
    assert "too few for --val-frac 0.1" in train(file, "--text", "text", "--target", "mood")


def test_too_little_is_held_out(tmp_path):
    line = train(rides(tmp_path), *SERIES, "--readout", "every")
    assert "--window 7 and --horizon 1 need 8 rows; there are 6" in line
    assert line.endswith("(in what --val-frac 0.1 holds out; hold out more)")


@pytest.mark.parametrize("command", ["eval", "predict"])
@pytest.mark.parametrize(
    ("kind", "change", "told"),
    [
        ("series", {"rail": "nan"}, "column 'rail' holds no number"),
        ("series", {"rail": "shut"}, "column 'rail' holds 'shut' in line 9"),
        ("series of two columns", {"day": "S"}, "column 'day' holds 'S' in line 9, which was not seen"),
        ("sequences", {"utterance": ""}, "column 'utterance' is empty in line 9"),
        ("texts", {"name": ""}, "column 'name' is empty in line 9"),
    ],
)
def test_a_table_that_differs_from_that_of_training_is_refused(tmp_path, command, kind, change, told):
    model, file, _ = trained_table(tmp_path, kind)
    line = refused(elman(command, model, changed(file, 9, **change)), 2)
    assert line.startswith(str(file))
    assert told in line


def test_a_label_unseen_in_training_is_refused_where_labels_are_read(tmp_path):
    model, file, _ = trained_table(tmp_path, "texts")
    changed(file, 9, language="Greek")
    line = refused(elman("eval", model, file), 2)
    assert (
        "column 'language' holds 'Greek' in line 9, which was not seen in training; known are Japanese"
        in line
    )
    assert elman("predict", model, file).code == 0


def test_a_series_too_short_for_the_model(tmp_path):
    model, file, _ = trained_table(tmp_path, "series")
    short = write(tmp_path / "short.csv", "\n".join(file.read_text().splitlines()[:6]))
    assert "has 5 rows; the model reads 7 at a time" in refused(elman("predict", model, short), 2)
    assert "--window 7 and --horizon 1 need 8 rows; there are 5" in refused(elman("eval", model, short), 2)


# ------------------------------------------------------------------------ files that do not hold together

HOSTILE = {
    "damaged": lambda p: {"layout": {"targets": "y"}},
    "other columns": lambda p: p | {"layout": p["layout"] | {"inputs": ["rail", "bus"]}},
    "another horizon": lambda p: p | {"layout": p["layout"] | {"horizon": 10**9}},
    "at every row": lambda p: p | {"layout": p["layout"] | {"per_sequence": False}},
    "flags": lambda p: p | {"layout": p["layout"] | {"target_kind": "flags"}, "target_scaler": None},
    "a text": lambda p: p | {"layout": p["layout"] | {"text": "rail", "window": None, "inputs": []}},
    "a scale of 0": lambda p: p | {"target_scaler": {"mean": [0.0], "scale": [0.0]}},
    "a long word": lambda p: p | {"layout": p["layout"] | {"target_kind": "x" * 100_000}},
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_a_model_whose_parts_do_not_fit_is_refused(tmp_path, change):
    model, file, _ = trained_table(tmp_path, "series")
    loaded = load(model)
    save(model, loaded.network, None, loaded.record, preparation=change(loaded.preparation))
    for command in ("eval", "predict"):
        assert "preparation" in (line := refused(elman(command, model, file), 3))
        assert len(line) < len(str(model)) + 500
    assert "preparation" in refused(elman("info", model), 3)


def test_a_model_of_an_estimator_is_told_from_both(tmp_path):
    model, file, _ = trained_table(tmp_path, "series")
    save(model, load(model).network, preparation={"estimator": "Forecaster"})
    assert "elman.estimators.load reads it" in refused(elman("predict", model, file), 2)
    assert "has no vocabulary" in refused(elman("sample", model), 3)
    assert elman("info", model).code == 0


FIELDS = st.sampled_from(["1", "2.5", "-3e9", "x", "", "nan", "é", '"a,b"', "1e999", " 7", "0x1", "W"])

KINDS = [
    ("--target", "a", "--window", "2"),
    ("--target", "a", "--window", "1", "--input", "b", "--readout", "every"),
    ("--target", "a", "--sequence", "b"),
    ("--target", "a", "--sequence", "b", "--head", "softmax", "--category", "a"),
    ("--target", "a", "--text", "b"),
    ("--target", "a", "--text", "b", "--vocab", "bytes", "--head", "softmax"),
]


@given(st.lists(st.lists(FIELDS, min_size=2, max_size=3), max_size=14), st.sampled_from(KINDS))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_table_breaks_it(tmp_path, rows, kind):
    text = "\n".join(["a,b", *map(",".join, rows)])
    file, model = write(tmp_path / "t.csv", text), tmp_path / "model.safetensors"
    done = elman("train", file, "-o", model, *SMALL, *kind, "--steps", "1")
    assert BROKEN not in done.err
    if done.code:
        assert refused(done, done.code)
        assert done.code in (2, 4)
    else:
        assert np.isfinite(load(model).network.parameters.flat).all()
        assert BROKEN not in elman("predict", model, file).err


def test_text_that_only_the_rows_held_out_hold_is_refused(tmp_path):
    file = write(tmp_path / "t.csv", "a,b\n1,1\n1,1\nx,1")
    series = ("--target", "a", "--window", "2", "--steps", "1")
    done = elman("train", file, "-o", tmp_path / "model.safetensors", *SMALL, *series)
    assert refused(done, 2)
    assert "--target 'a' holds text, though not in the rows to train on" in done.err
