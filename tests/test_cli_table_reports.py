"""What `elman eval` and `elman info` say of a model of a table."""

from __future__ import annotations

import re

import pytest

from cli_cases import elman, read_csv, trained_table


def test_eval_of_labels_prints_f1_of_each(tmp_path):
    model, file, _ = trained_table(tmp_path, "sequences")
    out = elman("eval", model, file).out
    assert re.fullmatch(
        r"\d+\.\d\d% accuracy\n\d\.\d{3} macro F1\n\d\.\d{3} nats\n24 sequences\n"
        r" +F1  count  class\n( *(\d\.\d{3}|nan) {6}8  [ABC]\n){3}",
        out,
    ), out
    said = [row["speaker"] for row in read_csv(elman("predict", model, file).out)]
    right = sum(label == "ABC"[k % 3] for k, label in enumerate(said))
    assert out.startswith(f"{right / 24:.2%} accuracy")


def test_eval_of_several_columns_prints_each(tmp_path):
    model, file, _ = trained_table(tmp_path, "series of two columns")
    lines = elman("eval", model, file).out.splitlines()
    assert [line.split()[-1] for line in lines] == ["MAE", "RMSE", "loss", "windows", "target", "rail", "bus"]
    each = [float(line.split()[0]) for line in lines[-2:]]
    assert float(lines[0].split()[0]) == pytest.approx(sum(each) / 2, rel=1e-3)


def test_info_tells_options_columns_and_scales(tmp_path):
    model, *_ = trained_table(tmp_path, "series of two columns", "--bidirectional", "--output-dropout", "0.2")
    out = elman("info", model).out
    assert "network     1 × 5 units gru (tanh), bidirectional, float32: reads 4, writes 2\n" in out
    assert "options     readout last, head huber, output dropout 0.2\n" in out
    assert "table       rides.csv: 60 rows, sha256 " in out
    assert "reads       rail, bus; of the next row day (A, W); 7 rows at a time\n" in out
    assert re.search(r"scaled      rail \d+(\.\d)? ± \d+(\.\d+)?, bus \d+", out)
    assert re.search(r"best        step \d+: MAE \S+  RMSE \S+  loss \S+ in validation\n", out)
