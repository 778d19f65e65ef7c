"""`elman train` on tables: what it learns from, what it keeps, what it says."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest

from cli_cases import (
    SMALL,
    TABLES,
    Done,
    elman,
    litter,
    refused,
    rides,
    speakers,
    surnames,
    trained_table,
    write,
    write_csv,
)
from elman import evaluate, load
from elman.cli import display
from elman.data import Windows
from elman.data.preparation import Preparation
from elman.data.prepared import prepare
from elman.data.sources import read_table

EVERY_KIND = pytest.mark.parametrize("kind", TABLES)
TOLD = re.compile(
    r"best        step \d+ of 12\n"
    r"validation  (?P<figures>.*)  \((?P<count>.*)\)\n"
    r"model       .*, [\d,]+ bytes\n"
    r"next        elman info .*\n            elman inspect .*\n            elman predict .* \| head\n"
    r"            (?P<eval>elman eval .*)\n"
)


def train(file: Path, *options: str | Path) -> Done:
    done = elman("train", file, "-o", file.with_name("model.safetensors"), *SMALL, *options)
    assert done.code == 0, done.err
    return done


def preparation(folder: Path) -> Preparation:
    return Preparation.from_facts(load(folder / "model.safetensors").preparation)


# ------------------------------------------------------------------------------------------- what it does


@EVERY_KIND
def test_eval_prints_the_figures_that_training_printed(tmp_path, kind):
    *_, done = trained_table(tmp_path, kind)
    told = TOLD.fullmatch(done.out)
    evaluated = elman(*told["eval"].split()[1:])
    assert evaluated.code == 0, evaluated.err
    lines = evaluated.out.splitlines()
    figures = {name: value for value, name in (line.split(maxsplit=1) for line in lines[:3])}
    pairs = re.findall(r"(\S+(?: F1)?) ([\d.,]+%?)", told["figures"])
    assert len(pairs) == 3
    for name, value in pairs:
        shown = f"{float(figures[name][:-1]):.1f}%" if value.endswith("%") else figures[name]
        assert shown == value, (name, evaluated.out)
    assert lines[3] == told["count"]


@EVERY_KIND
def test_a_resumed_run_ends_with_the_same_bytes(tmp_path, kind, monkeypatch):
    noisy = ("--validate-every", "5", "--zoneout", "0.1")
    model, table, _ = trained_table(tmp_path, kind, *noisy)
    whole, show = model.read_bytes(), display.PlainLines.show

    def show_and_stop(self, progress):
        show(self, progress)
        if progress.step in (3, 7):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(display.PlainLines, "show", show_and_stop)
    model.unlink()
    options = (*SMALL, *TABLES[kind][1], *noisy)
    assert elman("train", table, "-o", model, *options).code == 130
    checkpoint = tmp_path / "model.checkpoint.safetensors"
    assert elman("train", "--resume", checkpoint, *options).code == 130
    assert load(checkpoint).training.step == 7
    assert elman("train", "--resume", checkpoint).code == 0
    assert model.read_bytes() == whole
    assert sorted(os.listdir(tmp_path)) == ["model.safetensors", table.name]
    assert litter(tmp_path) == []


def test_another_table_is_refused_and_one_that_has_moved_is_not(tmp_path, monkeypatch):
    show = display.PlainLines.show

    def show_and_stop(self, progress):
        show(self, progress)
        if progress.step == 3:
            signal.raise_signal(signal.SIGINT)

    file, options = rides(tmp_path), TABLES["series"][1]
    monkeypatch.setattr(display.PlainLines, "show", show_and_stop)
    assert elman("train", file, "-o", tmp_path / "model.safetensors", *SMALL, *options).code == 130
    resume = ("--resume", tmp_path / "model.checkpoint.safetensors")
    line = refused(elman("train", *resume, "--target", "bus", "--window", "7"), 2)
    assert "--target ('bus',) (the run has ('rail',))" in line
    other = write(tmp_path / "other.csv", file.read_text().replace("500.0", "501.0"))
    assert "not the table that the run began with" in refused(elman("train", other, *resume), 2)
    moved = file.rename(tmp_path / "moved.csv")
    assert "no such file" in refused(elman("train", *resume), 2)
    assert elman("train", moved, *resume).code == 0


def test_the_figures_are_those_of_the_library_in_the_units_of_the_column(tmp_path):
    model, file, done = trained_table(tmp_path, "series")
    table, learned = read_table(file), preparation(tmp_path)
    held = table.take(np.arange(54 - 7, 60))  # the last tenth, after the seven rows before it
    read = prepare(learned, held)
    data = Windows(read.x, read.targets, 7)
    result = evaluate(load(model).network, data.once(), scale=learned.target_scaler.scale)
    assert f"MAE {result.mae:.4g}  RMSE {result.rmse:.4g}" in done.out
    assert result.count == 6
    assert load(model).record["figures"]["MAE"] == pytest.approx(result.mae, rel=1e-5)
    # the scale was learned from the rows to train on alone
    assert learned.target_scaler.mean[0] == pytest.approx(table.numbers("rail")[:54].mean())


def test_what_is_told_of_a_table(tmp_path):
    *_, done = trained_table(tmp_path, "series of two columns")
    told = done.err.splitlines()
    assert told.pop(5).startswith("engine      ")
    assert told[:6] == [
        f"table       {tmp_path}/rides.csv: 60 rows, 47 windows to train on",
        "reads       rail, bus; of the next row day (A, W); 7 rows at a time",
        "predicts    rail, bus of the next row (numbers)",
        "validation  the last 10% of the rows, read after the 7 rows before them",
        "network     1 × 5 units gru (tanh), 177 parameters, float32",
        "run         12 steps, 12 steps an epoch",
    ]
    *_, done = trained_table(tmp_path, "texts")
    symbols = load(tmp_path / "model.safetensors").vocabulary.size
    assert f"reads       the text of name; {symbols} chars\npredicts    language (3 labels)\n" in done.err
    assert "validation  4 texts drawn at random, 10% of all\n" in done.err
    assert re.search(r"step 12  epoch 2  loss \d\.\d{3} nats \d\.\d{3} bits  validation .* texts/s", done.err)
    *_, done = trained_table(tmp_path, "flags")
    assert "reads       f1, f2; rows with the same utterance are a sequence\n" in done.err
    assert "predicts    odd (flags), at every step\n" in done.err


def test_defaults_suit_tables(tmp_path):
    file = rides(tmp_path)
    done = elman("train", file, "-o", tmp_path / "model.safetensors", "--target", "rail", "--epochs", "1")
    assert done.code == 0, done.err
    spec, layout = load(tmp_path / "model.safetensors").network.spec, preparation(tmp_path).layout
    assert (spec.cell, spec.hidden_size, spec.head, spec.readout) == ("gru", 64, "huber", "last")
    assert (layout.window, layout.horizon, layout.inputs, layout.per_sequence) == (28, 1, ("rail",), True)
    lr = load(trained_table(tmp_path, "series", "--lr", "0.004")[0]).network.parameters.flat
    assert np.array_equal(load(trained_table(tmp_path, "series")[0]).network.parameters.flat, lr)
    file = speakers(tmp_path)
    done = elman(
        "train", file, "-o", tmp_path / "model.safetensors", *TABLES["sequences"][1], "--hidden-size", "2"
    )
    assert "run         1,000 steps, " in done.err
    assert load(tmp_path / "model.safetensors").network.spec.head == "softmax"


def test_a_model_learns_what_can_be_learned(tmp_path):
    done = elman(
        *("train", surnames(tmp_path), "-o", tmp_path / "model.safetensors", *TABLES["texts"][1]),
        *("--hidden-size", "12", "--steps", "150", "--val-frac", "0.3"),
    )
    assert "validation  accuracy 100.0%  macro F1 1.000  nats 0.0" in done.out


def test_a_run_that_is_worse_than_the_mean_is_told_so(tmp_path):
    file = rides(tmp_path)
    wild = ("--target", "rail", "--lr", "50", "--grad-clip", "0", "--cell", "elman")
    told = "elman: worse than guessing, which takes "
    assert told in train(file, *wild).err
    assert told not in train(file, *TABLES["series"][1], "--steps", "90").err


# ------------------------------------------------------------------------------------------ what it keeps


def test_the_model_file_holds_what_turns_a_table_into_input(tmp_path):
    trained_table(tmp_path, "series of two columns")
    learned = preparation(tmp_path)
    assert learned.features == ("rail", "bus", "day=A (next row)", "day=W (next row)")
    assert learned.layout.targets == ("rail", "bus")
    assert load(tmp_path / "model.safetensors").vocabulary is None
    model, *_ = trained_table(tmp_path, "texts")
    assert preparation(tmp_path).labels == ("Japanese", "Polish", "Russian")
    assert "k" in load(model).vocabulary.symbols


@pytest.mark.parametrize(
    ("options", "kind"),
    [(("--vocab", "bytes"), "bytes"), (("--vocab", "words", "--min-count", "1"), "words")],
)
def test_the_symbols_of_a_column_of_text(tmp_path, options, kind):
    file = write_csv(tmp_path / "t.csv", ["text", "mood"], [("so good", "+"), ("so bad", "-")] * 9)
    train(file, "--text", "text", "--target", "mood", *options)
    vocabulary = load(tmp_path / "model.safetensors").vocabulary
    assert vocabulary.kind == kind
    assert kind == "bytes" or set(vocabulary.symbols) == {"<unk>", "so", "good", "bad"}


def test_unknown_symbols_are_counted(tmp_path):
    model, *_ = trained_table(tmp_path, "texts")
    new = write_csv(tmp_path / "new.csv", ["name", "language"], [("Žižka", "Polish"), ("xiz", "Polish")])
    assert elman("eval", model, new).out.splitlines()[-1] == f"4 unknown symbols in {new}"  # Ž ž x z


def test_labels_may_be_numbers(tmp_path):
    rows = [(text, label) for text, label in (("aab", 10), ("bba", 9), ("abab", 7)) for _ in range(9)]
    file = write_csv(tmp_path / "t.csv", ["text", "kind"], rows)
    train(file, "--text", "text", "--target", "kind")
    assert preparation(tmp_path).layout.target_kind == "numbers"
    train(file, "--text", "text", "--target", "kind", "--head", "softmax")
    assert preparation(tmp_path).labels == ("7", "9", "10")


def test_a_table_to_validate_on(tmp_path):
    file = rides(tmp_path)
    (tmp_path / "later").mkdir()
    valid = rides(tmp_path / "later", 20)
    done = train(file, *TABLES["series"][1], "--valid", valid)
    assert f"validation  {valid}: 20 rows\n" in done.err
    assert "60 rows, 53 windows to train on" in done.err
    assert "(13 windows)" in done.out
    evaluated = elman("eval", tmp_path / "model.safetensors", valid).out.splitlines()
    assert f"validation  MAE {evaluated[0].split()[0]}  RMSE {evaluated[1].split()[0]}" in done.out


def test_nothing_held_out(tmp_path):
    done = train(rides(tmp_path), *TABLES["series"][1], "--val-frac", "0")
    assert "validation" not in done.out + done.err
    assert "60 rows, 53 windows to train on" in done.err


def test_init_from_starts_from_weights_columns_and_scales(tmp_path):
    first, file, _ = trained_table(tmp_path, "texts")
    second = tmp_path / "second.safetensors"
    more = write_csv(
        tmp_path / "more.csv", ["name", "language"], [("Łataski", "Polish"), ("Mitov", "Russian")] * 5
    )
    options = ("--init-from", first, "-o", second, "--steps", "1", "--lr", "1e-9")
    assert elman("train", more, *options).code == 0
    one, other = load(first), load(second)
    assert np.allclose(one.network.parameters.flat, other.network.parameters.flat, atol=1e-6)
    assert (one.vocabulary, one.preparation) == (other.vocabulary, other.preparation)
    assert "leave out --target" in refused(elman("train", file, *options, "--target", "language"), 2)
    assert "leave out --lines" in refused(elman("train", file, *options, "--lines"), 2)
    assert "name FILE" in refused(elman("train", *options), 2)


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    first = trained_table(tmp_path, "sequences")[0].read_bytes()
    assert trained_table(tmp_path, "sequences")[0].read_bytes() == first
    assert trained_table(tmp_path, "sequences", "--seed", "1")[0].read_bytes() != first


def test_standard_input_parquet_and_a_file_are_the_same_table(tmp_path):
    from pyarrow import csv, parquet

    model, file, _ = trained_table(tmp_path, "series")
    expected = load(model).network.parameters.flat
    parquet.write_table(csv.read_csv(file), tmp_path / "rides.parquet")
    for name, stdin in (("-", file.read_bytes()), (tmp_path / "rides.parquet", b"")):
        done = elman("train", name, "-o", model, *SMALL, *TABLES["series"][1], stdin=stdin)
        assert done.code == 0, done.err
        assert np.array_equal(load(model).network.parameters.flat, expected)


def test_unscaled_targets_are_warned_of(tmp_path):
    file = rides(tmp_path)
    done = train(file, *TABLES["series"][1], "--no-scale")
    warning = next(line for line in done.err.splitlines() if line.startswith("elman: "))
    assert "target 'rail' has mean" in warning
    assert "(leave out --no-scale)" in warning
    assert preparation(tmp_path).target_scaler is None
    assert "has mean" not in train(file, *TABLES["series"][1]).err


def test_a_table_read_as_a_text_is_pointed_out(tmp_path):
    file = rides(tmp_path)
    done = train(file, "--seq-length", "4")
    assert f"elman: {file} is read as a text; for a table name its --target" in done.err
