"""`elman inspect`: pages that are written whole or not at all, and texts in a terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cli_cases import TABLES, USUAL, elman, read_csv, refused, rhyme, trained, trained_table, write
from elman import load, score_lines
from elman.data import shakespeare
from elman.inspection import surprisal
from elman.persistence import save

BEGIN = b"<!doctype html>\n<!-- report by elman"


def steps_of(page: Path) -> int:
    return int(re.search(r'"steps":(\d+)', page.read_text("utf-8"))[1])


def test_a_page_is_written_and_written_over(tmp_path):
    model, page = trained(tmp_path, rhyme()), tmp_path / "report.html"
    done = elman("inspect", model, tmp_path / "text.txt", "-o", page)
    assert done.code == 0
    assert done.out == f"written     {page}: {page.stat().st_size:,} bytes; open it in a browser\n"
    assert page.read_bytes().startswith(BEGIN)
    assert steps_of(page) == 600
    assert elman("inspect", model, tmp_path / "text.txt", "-o", page, "--length", "100").code == 0
    assert steps_of(page) == 100
    assert "The first 100 symbols of text.txt" in page.read_text("utf-8")
    assert str(tmp_path) not in page.read_text("utf-8")  # a page may be handed on


def test_the_same_call_gives_the_same_bytes(tmp_path):
    model = trained(tmp_path, rhyme(), "--cell", "lstm")
    pages = [tmp_path / "one.html", tmp_path / "two.html"]
    for page in pages:
        assert elman("inspect", model, tmp_path / "text.txt", "-o", page).code == 0
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_without_o_the_page_lies_next_to_the_model(tmp_path):
    model = trained(tmp_path, rhyme())
    assert elman("inspect", model, tmp_path / "text.txt").code == 0
    assert (tmp_path / "model.html").read_bytes().startswith(BEGIN)


def test_the_bundled_text_is_for_its_model_alone(tmp_path):
    model = trained(tmp_path, rhyme())
    assert "name a FILE" in refused(elman("inspect", model), 2)
    loaded = load(model)
    record = {"text": {"name": "t", "sha256": shakespeare.SHA256, "symbols": 9}}
    save(model, loaded.network, loaded.vocabulary, record)
    assert elman("inspect", model, "--length", "50").code == 0
    assert "Tiny Shakespeare (bundled)" in (tmp_path / "model.html").read_text("utf-8")


def test_standard_input_is_read(tmp_path):
    model, page = trained(tmp_path, rhyme()), tmp_path / "report.html"
    done = elman("inspect", model, "-", "-o", page, stdin=rhyme(80).encode())
    assert done.code == 0
    assert steps_of(page) == 80


@pytest.mark.parametrize("kind", TABLES)
def test_tables(tmp_path, kind):
    model, table, _ = trained_table(tmp_path, kind)
    assert elman("inspect", model, table).code == 0
    text = (tmp_path / "model.html").read_text("utf-8")
    assert "begun anew" in text
    assert "What it predicts" in text
    assert "--terminal" in refused(elman("inspect", model, table, "--terminal"), 2)
    assert "name a FILE" in refused(elman("inspect", model), 2)
    assert "--encoding-errors" in refused(elman("inspect", model, table, "--encoding-errors", "ignore"), 2)


def test_a_series_is_read_window_by_window(tmp_path):
    model, table, _ = trained_table(tmp_path, "series")
    assert elman("inspect", model, table).code == 0
    assert "All 60 steps of rides.csv, begun anew 9 times." in (tmp_path / "model.html").read_text("utf-8")


def test_what_is_predicted_is_what_predict_says(tmp_path):
    model, table, _ = trained_table(tmp_path, "series")
    assert elman("inspect", model, table).code == 0
    answers = (tmp_path / "model.html").read_text("utf-8").partition('id="answers"')[2]
    answers = answers.partition("</section>")[0]
    rows = re.findall(r"<tr><th scope=row>(\d+)</th><td>([\d.]+)</td><td>([\d.]+)</td>", answers)
    said = read_csv(elman("predict", model, table).out)[: len(rows)]
    rail = read_csv(table.read_text())[7:]
    assert len(rows) == 53  # windows of 7 in 60 rows, with a row after them
    for (_, predicted, actual), one, row in zip(rows, said, rail, strict=False):
        assert float(predicted) == pytest.approx(float(one["rail"]), rel=6e-3)
        assert float(actual) == pytest.approx(float(row["rail"]), rel=6e-3)


def test_windows_with_a_target_at_every_row_do_not_overlap(tmp_path):
    model, table, _ = trained_table(tmp_path, "a target at every row")
    assert elman("inspect", model, table).code == 0
    assert "rail: 56 predictions" in (tmp_path / "model.html").read_text("utf-8")  # 8 windows of 7


def test_a_table_without_targets_has_a_page_all_the_same(tmp_path):
    model, table, _ = trained_table(tmp_path, "sequences")
    rows = [line.rpartition(",")[0] for line in table.read_text().splitlines()]
    bare = write(tmp_path / "bare.csv", "\n".join(rows) + "\n")
    done = elman("inspect", model, bare)
    assert done.code == 0
    assert done.err == (
        f"elman: the page shows no predictions: {bare} has no column 'speaker'; there are: "
        "utterance, f1, f2, odd\n"
    )
    assert "What it predicts" not in (tmp_path / "model.html").read_text("utf-8")


def test_nothing_precious_is_written_over(tmp_path):
    model, text = trained(tmp_path, rhyme()), tmp_path / "text.txt"
    for place in (model, text):
        before = place.read_bytes()
        refused(elman("inspect", model, text, "-o", place), 2)
        assert place.read_bytes() == before
    diary = write(tmp_path / "diary.html", "<p>mine")
    assert "move it away" in refused(elman("inspect", model, text, "-o", diary), 3)
    assert diary.read_text() == "<p>mine"
    refused(elman("inspect", model, text, "-o", tmp_path / "no" / "where.html"), 3)
    assert "-o" in refused(elman("inspect", model, text, "--terminal", "-o", tmp_path / "x.html"), 2)


def test_what_cannot_be_looked_into_is_refused_in_a_line(tmp_path):
    model, text = trained(tmp_path, rhyme()), tmp_path / "text.txt"
    short = write(tmp_path / "short", "a")
    for options in ((), ("--terminal",)):
        told = refused(elman("inspect", model, short, *options), 2)
        assert told.startswith(f"{short}: the text has less than 2 symbols; 2 or more are needed")
    assert "0xff" in refused(elman("inspect", model, write(tmp_path / "bad", b"ab\xff")), 2)
    refused(elman("inspect", model, text, "--length", "0"), 2)
    both, table, _ = trained_table(tmp_path, "series", "--bidirectional")
    assert "bidirectional" in refused(elman("inspect", both, table), 2)
    assert not (tmp_path / "model.html").exists()


def test_a_pipe_gets_the_columns_of_score(tmp_path):
    model, text = trained(tmp_path, rhyme(), "--lines"), tmp_path / "text.txt"
    done = elman("inspect", model, text, "--terminal")
    assert done.code == 0
    loaded = load(model)
    lines = text.read_text().split("\n")
    told = [line.split("\t") for line in done.out.splitlines()]
    assert [line for *_, line in told] == lines
    scores = list(score_lines(loaded.network, loaded.vocabulary, lines[:-1], carry=False))
    for (bits, mean, _), score in zip(told, scores, strict=False):
        assert float(bits) == pytest.approx(score.bits, abs=0.0051)
        assert float(mean) == pytest.approx(score.bits / score.count, abs=0.00051)


def in_a_terminal(*arguments: str | Path, **environment: str) -> str:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "elman", *map(str, arguments)]
    surroundings = {name: value for name, value in USUAL.items() if name != "NO_COLOR"}
    surroundings |= {"TERM": "xterm-256color", "COLUMNS": "200"} | environment
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.PIPE, env=surroundings) as running:
        os.close(theirs)
        said = b""
        try:
            while piece := os.read(ours, 1 << 16):
                said += piece
        except OSError:  # how Linux tells that the other end is closed
            pass
        os.close(ours)
        assert running.wait(30) == 0, running.stderr.read()
    return said.decode().replace("\r\n", "\n")


def test_a_terminal_gets_colors_that_grow_with_surprisal(tmp_path):
    model, text = trained(tmp_path, rhyme(), "--steps", "2"), tmp_path / "text.txt"
    said = in_a_terminal("inspect", model, text, "--terminal", "--length", "90")
    loaded = load(model)
    symbols = loaded.vocabulary.encode(rhyme(90))
    bits = surprisal(loaded.network, symbols[:-1], symbols[1:]).bits
    colored = re.sub(r"\x1b\[0m", "", said)
    assert re.sub(r"\x1b\[[\d;]*m", "", colored).startswith(rhyme(90))
    levels = {1: "224", 2: "217", 3: "210", 4: "160", 5: "88"}
    level, found = 0, []
    for code, letter in re.findall(r"\x1b\[([\d;]*)m|(.)", said, re.DOTALL):
        if letter:
            found.append(level)
        else:
            level = next((k for k, color in levels.items() if code.endswith(f"48;5;{color}")), 0)
    wanted = [0, *np.digitize(bits, (1, 2, 4, 6, 8))]
    letters = [k for k, c in enumerate(rhyme(90)) if c != "\n"]  # what colors a line end has does not matter
    assert [found[k] for k in letters] == [wanted[k] for k in letters]
    assert f"{bits.mean():.3f} a symbol, 89 symbols" in colored


def test_no_color_gives_columns_in_a_terminal_too(tmp_path):
    model, text = trained(tmp_path, rhyme()), tmp_path / "text.txt"
    said = in_a_terminal("inspect", model, text, "--terminal", NO_COLOR="1")
    assert "\x1b" not in said
    assert said == elman("inspect", model, text, "--terminal").out


def test_a_page_loads_neither_rich_nor_any_framework(tmp_path):
    model = trained(tmp_path, rhyme())
    code = (
        "import sys; from unittest.mock import patch; from elman.cli import main\n"
        "try: main()\nexcept SystemExit as end: assert not end.code, end.code\n"
        "print(*sys.modules)"
    )
    command = [sys.executable, "-c", code, "inspect", str(model), str(tmp_path / "text.txt")]
    loaded = subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout.split()
    assert "elman.inspection.reporting" in loaded
    assert {"rich", "jinja2", "matplotlib", "torch"}.isdisjoint(loaded)
