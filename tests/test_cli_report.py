"""`elman train --report`: the page of a run, current at every save, and without effect on the run."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from cli_cases import SMALL, TABLES, elman, finished, process, refused, rhyme, rides, trained_table, write
from elman import load
from elman.cli.report import REST, Report
from elman.cli.shown import Shown

OFTEN = (
    "--validate-every",
    "5",
    "--steps",
    "20",
    "--hidden-size",
    "8",
    "--batch-size",
    "4",
    "--seq-length",
    "16",
)


def train(folder: Path, *options: str | Path, text: str = rhyme()):
    return elman("train", write(folder / "text.txt", text), "-o", folder / "m.safetensors", *OFTEN, *options)


def samples(page: Path) -> list[str]:
    return re.findall(r"<h3>After ([\d,]+) steps</h3>", page.read_text("utf-8"))


@pytest.mark.parametrize("lines", [(), ("--lines",)])
def test_a_run_leaves_a_page_with_its_curves_and_samples(tmp_path, lines):
    page = tmp_path / "run.html"
    assert train(tmp_path, "--report", page, *lines).code == 0
    text = page.read_text("utf-8")
    assert text.startswith("<!doctype html>\n<!-- report by elman")
    assert samples(page) == ["5", "10", "15", "20"]
    assert "The loss while the network learned" in text
    assert str(tmp_path) not in text


def test_the_record_tells_the_run_with_and_without_a_page_and_the_model_is_the_same(tmp_path):
    for name, options in {"with": ("--report", tmp_path / "run.html"), "without": ()}.items():
        (tmp_path / name).mkdir()
        assert train(tmp_path / name, *options).code == 0
    one, other = ((tmp_path / name / "m.safetensors").read_bytes() for name in ("with", "without"))
    assert one == other
    history = load(tmp_path / "with/m.safetensors").record["history"]
    assert len(history["loss"]) == 20
    assert [step for step, _ in history["validation"]] == [5, 10, 15, 20]


def test_a_page_shows_what_was_held_out(tmp_path):
    page = tmp_path / "run.html"
    text = "ab" * 800 + "cd" * 100
    assert train(tmp_path, "--report", page, text=text).code == 0
    shown = re.sub(r"<[^>]*>", "", page.read_text("utf-8"))
    assert "dcdcdcdcdc" in shown.replace("\n", "")
    assert "abababab" not in shown.partition("The loss while")[0]
    assert "of the beginning of what was held out" in shown
    assert train(tmp_path, "--report", page, "--val-frac", "0", text=text).code == 0
    shown = re.sub(r"<[^>]*>", "", page.read_text("utf-8"))
    assert "of the beginning of the text" in shown
    assert "abababab" in shown.partition("The loss while")[0]


@pytest.mark.parametrize("kind", TABLES)
def test_a_run_on_a_table_leaves_a_page_with_what_it_predicts(tmp_path, kind):
    page = tmp_path / "run.html"
    model, _, _ = trained_table(tmp_path, kind, "--report", page, "--val-frac", "0.3")
    text = page.read_text("utf-8")
    for words in ("What it predicts", "The loss while the network learned", "what was held out"):
        assert words in text
    with_page = model.read_bytes()
    trained_table(tmp_path, kind, "--val-frac", "0.3")
    assert model.read_bytes() == with_page


def test_a_page_of_a_table_shows_what_was_held_out_or_else_all_of_it(tmp_path):
    for held, rows in (("0.5", 7 + 30), ("0", 60)):
        page = tmp_path / f"{held}.html"
        trained_table(tmp_path, "series", "--report", page, "--val-frac", held)
        assert int(re.search(r'"steps":(\d+)', page.read_text("utf-8"))[1]) == rows
        assert f"rail: {rows - 7} predictions" in page.read_text("utf-8")


def test_a_network_that_a_page_cannot_show_is_refused_before_it_learns(tmp_path):
    table = rides(tmp_path)
    given = ("train", table, "--target", "rail", "--window", "7", "-o", tmp_path / "m", *SMALL)
    for options, what in ((("--bidirectional",), "bidirectional"), (("--readout", "mean"), "'mean'")):
        told = refused(elman(*given, *options, "--report", tmp_path / "r.html"), 2)
        assert told.startswith("--report: ")
        assert what in told
        assert not list(tmp_path.glob("[mr].*"))
        done = elman(*given, *options)
        assert done.code == 0
        assert "elman inspect" not in done.out  # which could not show it either
        (tmp_path / "m").unlink()


def test_nothing_is_lost_where_the_page_goes(tmp_path):
    other = write(tmp_path / "letter.html", "<p>Dear reader</p>")
    told = refused(train(tmp_path, "--report", other), 3)
    assert told.startswith("--report")
    assert told.endswith("is no report; move it away, or choose another")
    assert other.read_text() == "<p>Dear reader</p>"
    for name, same in {
        "text.txt": "FILE",
        "m.safetensors": "-o",
        "m.checkpoint.safetensors": "the checkpoint",
    }.items():
        told = refused(train(tmp_path, "--report", tmp_path / name), 2)
        assert told == f"--report {tmp_path / name}: {same} is the same file; choose another"
    assert (tmp_path / "text.txt").read_text() == rhyme()
    assert refused(train(tmp_path, "--report", tmp_path / "none/run.html"), 3)
    assert not (tmp_path / "m.safetensors").exists()


def test_a_page_rests_twenty_times_as_long_as_it_took(tmp_path):
    assert train(tmp_path).code == 0
    model, page = load(tmp_path / "m.safetensors"), tmp_path / "run.html"
    report = Report(str(page), Shown(rhyme(50), "a rhyme"))
    report.keep(model)
    assert report.rests_until > 0
    page.unlink()
    report.rests_until += REST * 1000
    report.keep(model)
    assert not page.exists()
    report.keep(model, at_last=True)
    assert page.exists()


def test_a_stopped_run_says_how_its_page_goes_on(tmp_path):
    text, page = write(tmp_path / "text.txt", rhyme()), tmp_path / "run.html"
    given = ("train", text, "-o", tmp_path / "m.safetensors", *OFTEN, "--steps", "4000", "--report", page)
    with process(*given, before="2>&1") as running:
        assert any(line.startswith(b"step ") for line in running.stdout)  # reads on until there is one
        running.send_signal(signal.SIGINT)
        told = finished(running)
    assert told.code == 130
    command = re.search(r"elman (train --resume .*)", told.out)[1].split()
    assert command[-2:] == ["--report", str(page)]
    page.unlink()
    assert elman(*command).code == 0
    assert [samples(page)[0], samples(page)[-1]] == ["5", "4,000"]  # all of it, not what came after
