"""`elman predict`: the rows it writes, which row of the table each is about, and in which units."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest

from cli_cases import (
    SMALL,
    TINY,
    elman,
    litter,
    read_csv,
    refused,
    rides,
    trained,
    trained_table,
    write,
    write_csv,
)
from elman import load
from elman.data import cut_windows
from elman.data.preparation import Preparation
from elman.data.prepared import prepare
from elman.data.sources import read_table

LONGER = ("--steps", "200", "--lr", "0.05")
QUANTILES = ("--quantiles", "0.1,0.5,0.9")


def predicted(model: Path, file: Path, *options: str) -> list[dict[str, str]]:
    done = elman("predict", model, file, *options)
    assert done.code == 0, done.err
    assert done.err == ""
    return read_csv(done.out)


def numbers(rows: list[dict[str, str]], name: str) -> np.ndarray:
    return np.array([float(row[name]) for row in rows])


def without(file: Path, *columns: str) -> Path:
    """The same table without some columns."""
    table = read_csv(file.read_text())
    names = [name for name in table[0] if name not in columns]
    return write_csv(file.with_name("without.csv"), names, ([row[n] for n in names] for row in table))


# ----------------------------------------------------------------------------------------------- series


def test_a_series_is_predicted_row_by_row_and_one_beyond_its_end(tmp_path):
    model, file, _ = trained_table(tmp_path, "series")
    rows = predicted(model, file)
    assert [row["row"] for row in rows] == [str(row) for row in range(8, 62)]
    loaded = load(model)
    learned = Preparation.from_facts(loaded.preparation)
    (x,) = prepare(learned, read_table(file)).x
    expected = learned.values(loaded.network.run(cut_windows(x, 7))[0])[:, 0]
    assert numbers(rows, "rail") == pytest.approx(expected, rel=1e-5)
    assert expected.std() > 1  # in the units of the column


def test_what_lies_ahead_is_read_of_the_row_that_is_predicted(tmp_path):
    options = ("--target", "rail", "--category", "day", "--ahead", "day", "--window", "7")
    model, file = tmp_path / "model.safetensors", rides(tmp_path)
    assert elman("train", file, "-o", model, *SMALL, *options, "--steps", "90").code == 0
    rows = predicted(model, file)
    assert rows[-1]["row"] == "60"
    told = {}
    for day in "AW":
        future = write(tmp_path / f"{day}.csv", file.read_text() + f",{day},,\n")
        told[day] = predicted(model, future)
        assert [row["row"] for row in told[day]] == [row["row"] for row in rows] + ["61"]
        assert numbers(told[day][:-1], "rail") == pytest.approx(numbers(rows, "rail"), rel=1e-5)
    assert float(told["W"][-1]["rail"]) > float(told["A"][-1]["rail"]) + 20


def test_a_model_of_every_row_predicts_from_whole_windows(tmp_path):
    model, file, _ = trained_table(tmp_path, "a target at every row")
    rows = predicted(model, file)
    assert [row["row"] for row in rows] == [str(row) for row in range(8, 62)]
    loaded = load(model)
    learned = Preparation.from_facts(loaded.preparation)
    (x,) = prepare(learned, read_table(file)).x
    expected = learned.values(loaded.network.run(cut_windows(x, 7))[0][-1])[:, 0]
    assert numbers(rows, "rail") == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--horizon", "2"), ["rail+1", "rail+2"]),
        (("--head", "gaussian"), ["rail_mean", "rail_std"]),
        (QUANTILES, ["rail_q0.1", "rail_q0.5", "rail_q0.9"]),
        (("--target", "bus", "--head", "squared"), ["rail", "bus"]),
        (
            ("--horizon", "2", "--head", "gaussian"),
            ["rail+1_mean", "rail+2_mean", "rail+1_std", "rail+2_std"],
        ),
        (
            ("--target", "bus", "--horizon", "2", "--quantiles", "0.5"),
            ["rail+1_q0.5", "bus+1_q0.5", "rail+2_q0.5", "bus+2_q0.5"],
        ),
    ],
)
def test_columns_and_units_of_several_answers(tmp_path, options, names):
    model, file, _ = trained_table(tmp_path, "series", *options, "--steps", "120")
    rows = predicted(model, file)
    assert list(rows[0]) == ["row", *names]
    table = read_csv(file.read_text())
    for name in names:
        said, target = numbers(rows, name), numbers(table, name[:4].rstrip("+_"))
        if name.endswith("_std"):
            assert (said > 1).all()  # of the unit of the column, in which the noise is some 50
            assert (said < 2 * target.std()).all()
        else:
            assert abs(np.median(said) - target.mean()) < 1.2 * target.std()
    if options == QUANTILES:
        assert (np.diff([numbers(rows, name).mean() for name in names]) > 0).all()


def test_several_series_are_told_apart(tmp_path):
    mixed = [(station, t, math.sin(t / speed)) for t in range(40) for station, speed in (("b", 1), ("a", 2))]
    file, model = write_csv(tmp_path / "s.csv", ["station", "t", "y"], mixed), tmp_path / "model.safetensors"
    options = ("--sequence", "station", "--target", "y", "--window", "5")
    assert elman("train", file, "-o", model, *SMALL, *options).code == 0
    rows = predicted(model, file)
    assert [(row["station"], row["step"]) for row in rows] == [
        (station, str(step)) for station in "ba" for step in range(6, 42)
    ]
    alone = write_csv(tmp_path / "a.csv", ["station", "t", "y"], [row for row in mixed if row[0] == "a"])
    assert numbers(predicted(model, alone), "y") == pytest.approx(numbers(rows[36:], "y"), abs=1e-5)
    ahead = predicted(model, file, "--steps", "2")
    assert [(row["station"], row["step"]) for row in ahead] == [
        ("b", "41"),
        ("b", "42"),
        ("a", "41"),
        ("a", "42"),
    ]
    short = write_csv(tmp_path / "c.csv", ["station", "t", "y"], [*mixed, ("c", 0, 0.5)])
    assert "has 1 rows of station c; the model reads 5 at a time" in refused(
        elman("predict", model, short), 2
    )


def test_windows_of_a_stride_end_with_the_series(tmp_path):
    model, file, _ = trained_table(tmp_path, "series", "--stride", "4", "--horizon", "4")
    rows = predicted(model, file)
    assert [int(row["row"]) for row in rows] == list(range(9, 62, 4))


# -------------------------------------------------------------------------------------------- beyond the end


@pytest.mark.parametrize(
    "options", [(), ("--head", "gaussian"), QUANTILES, ("--bidirectional",), ("--target", "bus")]
)
def test_steps_read_forecasts_as_if_they_had_come(tmp_path, options):
    model, file, _ = trained_table(tmp_path, "series", *options, "--dtype", "float64")
    rows = predicted(model, file, "--steps", "4")
    assert [row["row"] for row in rows] == ["61", "62", "63", "64"]
    told = {"--head": "rail_mean", "--quantiles": "rail_q0.5"}.get(options[0] if options else "", "rail")
    lines = file.read_text().splitlines()
    for row in rows:
        last = predicted(model, write(tmp_path / "longer.csv", "\n".join(lines)))[-1]
        assert last["row"] == row["row"]
        for name in list(row)[1:]:
            assert float(last[name]) == pytest.approx(float(row[name]), rel=1e-9)
        lines.append(f"0,W,{row.get('bus', 0)},{row[told]}")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("series", ("--horizon", "2")),
        ("series", ("--input", "bus")),
        ("series of two columns", ()),
        ("sequences", ()),
        ("texts", ()),
    ],
)
def test_steps_are_refused_where_forecasts_cannot_be_read(tmp_path, kind, options):
    model, file, _ = trained_table(tmp_path, kind, *options)
    assert "--steps feeds forecasts back" in refused(elman("predict", model, file, "--steps", "3"), 2)


# --------------------------------------------------------------------------------------- labels, flags, texts


def test_labels_come_with_the_probability_of_each(tmp_path):
    model, file, _ = trained_table(tmp_path, "sequences", *LONGER)
    rows = predicted(model, file)
    assert list(rows[0]) == ["utterance", "speaker", "p_A", "p_B", "p_C"]
    assert [row["utterance"] for row in rows] == [f"u{k}" for k in range(24)]  # as they first come
    chances = np.stack([numbers(rows, f"p_{label}") for label in "ABC"], axis=1)
    assert chances.sum(axis=1) == pytest.approx(np.ones(24), abs=1e-5)
    assert [row["speaker"] for row in rows] == ["ABC"[k] for k in chances.argmax(axis=1)]
    assert [row["speaker"] for row in rows] == ["ABC"[k % 3] for k in range(24)]  # it was learned


def test_an_answer_at_every_step_comes_in_the_order_of_the_table(tmp_path):
    model, file, _ = trained_table(tmp_path, "a label at every step", *LONGER)
    rows, table = predicted(model, file), read_csv(file.read_text())
    assert list(rows[0]) == ["utterance", "step", "odd", "p_0", "p_1"]
    assert [row["utterance"] for row in rows] == [row["utterance"] for row in table]
    assert [int(row["step"]) for row in rows] == [round(10 * (float(row["f1"]) % 1)) + 1 for row in table]
    assert [row["odd"] for row in rows] == [row["odd"] for row in table]  # it was learned


def test_flags_come_with_their_probability(tmp_path):
    model, file, _ = trained_table(tmp_path, "flags")
    rows = predicted(model, file)
    assert list(rows[0]) == ["utterance", "step", "odd", "p_odd"]
    chances = numbers(rows, "p_odd")
    assert [row["odd"] for row in rows] == [str(int(chance > 0.5)) for chance in chances]
    assert 0.1 < chances.min() < 0.5 < chances.max() < 0.9  # so that another border would be noticed


def test_texts_come_with_what_they_are(tmp_path):
    model, file, _ = trained_table(tmp_path, "texts", "--hidden-size", "12", "--steps", "150")
    rows, table = predicted(model, file), read_csv(file.read_text())
    assert list(rows[0]) == ["row", "name", "language", "p_Japanese", "p_Polish", "p_Russian"]
    assert [row["row"] for row in rows] == [str(k + 1) for k in range(36)]
    assert [(row["name"], row["language"]) for row in rows] == [
        (row["name"], row["language"]) for row in table
    ]
    quoted = write(tmp_path / "q.csv", 'name\n"ka, ""mo"" ski"\n')
    assert elman("predict", model, quoted).out.splitlines()[1].startswith('1,"ka, ""mo"" ski",Polish,')


# ------------------------------------------------------------------------------------------------ in and out


@pytest.mark.parametrize(
    ("kind", "target"), [("sequences", "speaker"), ("a label at every step", "odd"), ("texts", "language")]
)
def test_the_target_may_be_missing(tmp_path, kind, target):
    model, file, _ = trained_table(tmp_path, kind)
    bare = without(file, target)
    assert predicted(model, bare) == predicted(model, file)
    line = refused(elman("eval", model, bare), 2)
    assert f"{bare} has no column {target!r}" in line


def test_a_table_comes_from_standard_input_and_goes_to_a_file(tmp_path):
    model, file, _ = trained_table(tmp_path, "series")
    expected = elman("predict", model, file).out
    out = write(tmp_path / "out.csv", "what was there")
    done = elman("predict", model, "-", "-o", out, stdin=file.read_bytes())
    assert (done.code, done.out, done.err) == (0, "", "")
    assert out.read_text() == expected
    assert litter(tmp_path) == []


def test_what_is_read_is_not_written_over(tmp_path):
    model, file, _ = trained_table(tmp_path, "series")
    for path, name in ((model, "MODEL"), (file, "FILE")):
        before = path.read_bytes()
        assert f"{name} is read from there" in refused(elman("predict", model, file, "-o", path), 2)
        assert path.read_bytes() == before
    assert "no directory" in refused(elman("predict", model, file, "-o", tmp_path / "no/out.csv"), 3)


def test_a_table_that_is_wrong_leaves_what_was_there(tmp_path):
    model, file, _ = trained_table(tmp_path, "series")
    out = write(tmp_path / "out.csv", "what was there")
    bad = write(tmp_path / "bad.csv", file.read_text() + "1,2\n")
    assert "line 62 has 2 fields" in refused(elman("predict", model, bad, "-o", out), 2)
    assert out.read_text() == "what was there"
    assert sorted(os.listdir(tmp_path)) == ["bad.csv", "model.safetensors", "out.csv", "rides.csv"]


def test_models_of_texts_and_of_tables_are_told_apart(tmp_path):
    (tmp_path / "text").mkdir()
    text = trained(tmp_path / "text", "abc\n" * 99)
    table, file, _ = trained_table(tmp_path, "texts")
    assert "a model of a text, not of a table" in refused(elman("predict", text, file), 2)
    for command in ("sample", "score"):
        assert "a model of a table, not of a text; elman predict" in refused(elman(command, table), 2)
    assert "name a FILE" in refused(elman("eval", table), 2)
    assert "leave out --encoding-errors" in refused(
        elman("eval", table, file, "--encoding-errors", "replace"), 2
    )
    text_from_table = ("train", file, "--init-from", text, "-o", tmp_path / "new.safetensors")
    assert elman(*text_from_table, *TINY[2:], "--steps", "1").code == 0  # a table read as a text
    assert "a model of a text" in refused(elman("predict", tmp_path / "new.safetensors", file), 2)
