"""`elman train`: what it writes, what it says, and where it says it."""

from __future__ import annotations

import os
import pty
import re
import signal
from pathlib import Path

import numpy as np
import pytest

from cli_cases import BROKEN, TINY, USUAL, Done, elman, finished, process, refused, rhyme, trained, write
from elman import data, evaluation, load
from elman.cli import display
from elman.data import shakespeare

LOSS = r"\d+\.\d{3} nats \d+\.\d{3} bits"
FIGURE = r"\d+\.\d{3} nats  \d+\.\d{3} bits"
TOLD = re.compile(
    r"best        step \d+ of (?P<steps>\d+)\n"
    rf"validation  (?P<figure>{FIGURE}) a symbol  perplexity .*  \((?P<count>[\d,]+) symbols\)\n"
    r"model       (?P<model>.*), [\d,]+ bytes\n"
    r"next        elman sample .*\n            elman info .*\n            elman inspect .*\n"
    r"            elman (eval|score) .*\n"
)
CONTROL = re.compile(r"[^\n -~\u00a0-\uffff]")


def train(folder: Path, *options: str | Path, text: str | None = None) -> Done:
    file = write(folder / "text.txt", rhyme() if text is None else text)
    return elman("train", file, "-o", folder / "model.safetensors", *TINY, *options)


def test_results_go_to_standard_output_and_all_else_to_standard_error(tmp_path):
    done = train(tmp_path, "--steps", "8", "--validate-every", "4")
    told = TOLD.fullmatch(done.out)
    assert told["steps"] == "8"
    assert told["model"] == str(tmp_path / "model.safetensors")
    lines = [line.split()[0] for line in done.err.splitlines()]
    assert lines == ["text", "validation", "network", "engine", "run", "step", "step"]
    assert re.search(
        rf"step 8  epoch 1  loss {LOSS}  validation {LOSS}  [\d,]+ symbols/s  0:00 left", done.err
    )
    assert not CONTROL.search(done.out + done.err)
    assert sorted(os.listdir(tmp_path)) == ["model.safetensors", "text.txt"]


def test_the_model_is_the_one_of_the_best_validation(tmp_path):
    options = ("--validate-every", "1", "--lr", "1", "--schedule", "constant", "--steps")
    done = train(tmp_path, *options, "9")
    model = load(tmp_path / "model.safetensors")
    losses = [float(loss) for loss in re.findall(r"validation (\S+) nats", done.err)]
    best = int(re.search(r"best        step (\d+) of 9", done.out)[1])
    assert len(losses) == 9
    assert losses[best - 1] == min(losses) < losses[-1]
    assert model.record["best_step"] == best
    train(tmp_path, *options, str(best))  # which ends there
    same = load(tmp_path / "model.safetensors").network.parameters.flat
    assert np.array_equal(model.network.parameters.flat, same)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ((), None),
        (("--vocab", "words", "--val-frac", "0.3"), None),
        (("--vocab", "bytes"), "é ü\r\n" * 99),
        (("--dtype", "float64", "--num-layers", "2", "--activation", "relu"), None),
    ],
)
def test_eval_prints_the_figure_that_training_printed(tmp_path, options, text):
    done = train(tmp_path, "--steps", "5", *options, text=text)
    suggested = done.out.splitlines()[-1].split()
    nats, bits, *_, predicted, unknown = elman(*suggested[1:]).out.splitlines()
    assert suggested[:2] == ["elman", "eval"]
    assert f"{nats}  {bits}" == TOLD.fullmatch(done.out)["figure"]
    assert predicted == f"{TOLD.fullmatch(done.out)['count']} symbols predicted"
    assert re.fullmatch(rf"\d+ unknown symbols in {tmp_path}/text.txt", unknown)


def test_eval_prints_the_figure_of_the_bundled_text_without_naming_it(tmp_path):
    model = tmp_path / "model.safetensors"
    done = elman("train", "-o", model, *TINY, "--steps", "2", "--val-frac", "0.02")
    assert done.err.startswith(f"text        {shakespeare.NAME}: 1,115,394 symbols, vocabulary of 66 chars\n")
    assert done.out.splitlines()[-1].strip() == f"elman eval {model} --val-frac 0.02"
    evaluated = elman("eval", model, "--val-frac", "0.02").out.splitlines()
    assert "  ".join(evaluated[:2]) == TOLD.fullmatch(done.out)["figure"]


def test_the_figure_is_that_of_the_library(tmp_path):
    done = train(tmp_path, "--steps", "5")
    model = load(tmp_path / "model.safetensors")
    symbols = model.vocabulary.encode(rhyme())
    result = evaluation.evaluate(model.network, data.whole(symbols[int(0.9 * len(symbols)) :]))
    assert TOLD.fullmatch(done.out)["figure"] == f"{result.nats:.3f} nats  {result.bits:.3f} bits"
    assert model.record["validation_loss"] == pytest.approx(result.nats, rel=1e-6)


@pytest.mark.parametrize(
    ("limit", "told", "steps"),
    [
        (("--steps", "7"), "7 steps", 7),
        (("--epochs", "0.5"), "0.5 epochs", 22),
        (("--minutes", "1e-9"), "1e-09 minutes", 1),
        (("--epochs", "1"), "1 epoch", 44),
        ((), "20 epochs", 880),
    ],
)
def test_how_long_a_run_is(tmp_path, limit, told, steps):
    done = train(tmp_path, *limit)
    assert f"run         {told}, 44 steps an epoch" in done.err
    assert load(tmp_path / "model.safetensors").record["step"] == steps


def test_the_same_seed_gives_the_same_bytes_in_any_process(tmp_path):
    done = train(tmp_path, "--steps", "5")
    here = (tmp_path / "model.safetensors").read_bytes()
    environment = {**USUAL, "PYTHONHASHSEED": "7", "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    options = ("-o", "there.safetensors", *TINY, "--steps", "5")
    there = finished(process("train", "text.txt", *options, cwd=tmp_path, env=environment))
    assert there.code == done.code == 0
    assert (tmp_path / "there.safetensors").read_bytes() == here
    assert train(tmp_path, "--steps", "5", "--seed", "1").code == 0
    assert (tmp_path / "model.safetensors").read_bytes() != here


def test_lines(tmp_path):
    done = train(tmp_path, "--lines", "--steps", "5", text="red hen\n\nten\nmen\nnet\n")
    assert "validation  1 of 4 lines, drawn at random" in done.err
    assert f"elman score {tmp_path}/model.safetensors {tmp_path}/text.txt | sort -rn -k2 | head" in done.out
    assert load(tmp_path / "model.safetensors").record["lines"] is True


def test_a_validation_file_of_its_own(tmp_path):
    valid = write(tmp_path / "valid.txt", "ten men? yes, ten men")
    done = train(tmp_path, "--valid", valid, "--steps", "3")
    assert f"validation  {valid}: 21 symbols, 6 of them unknown" in done.err
    nats, bits, *_ = elman(*done.out.splitlines()[-1].split()[1:]).out.splitlines()
    assert f"{nats}  {bits}" == TOLD.fullmatch(done.out)["figure"]


def test_nothing_held_out(tmp_path):
    done = train(tmp_path, "--val-frac", "0", "--steps", "3")
    assert done.code == 0
    assert "validation" not in done.out + done.err
    assert re.search(rf"\nstep 3  epoch 1  loss {LOSS}  [\d,]+ symbols/s", done.err)
    assert len(load(tmp_path / "model.safetensors").network.parameters) > 0


def test_init_from_starts_from_weights_and_vocabulary(tmp_path):
    first = trained(tmp_path, rhyme())
    text = write(tmp_path / "other.txt", "men in ten zeds " * 40)
    second = tmp_path / "second.safetensors"
    done = elman("train", text, "--init-from", first, "-o", second, *TINY[2:], "--steps", "1", "--lr", "1e-9")
    assert "(160 of them unknown, 25.0%)" in done.err  # m, i, z, s
    assert load(second).vocabulary == load(first).vocabulary
    one, other = (load(path).network.parameters.flat for path in (first, second))
    assert np.allclose(one, other, atol=1e-6)


def test_a_model_is_no_place_for_the_run_that_starts_from_it(tmp_path):
    first = trained(tmp_path, rhyme())
    before = first.read_bytes()
    line = refused(elman("train", tmp_path / "text.txt", "--init-from", first, "-o", first), 2)
    assert "--init-from is read from there" in line
    assert first.read_bytes() == before


# -------------------------------------------------------------------------------------------------- numbers


def test_a_run_that_learns_nothing_is_told_so(tmp_path):
    done = train(tmp_path, "--lr", "1e6", "--steps", "9")
    assert done.code == 0
    told = "elman: worse than guessing, which takes 2.197 nats 3.170 bits: train longer or lower --lr"
    assert told in done.err
    assert "worse than guessing" not in train(tmp_path, "--steps", "9").err


# ------------------------------------------------------------------------------------------ how it looks


def test_samples_are_shown_and_cannot_move_the_cursor(tmp_path, monkeypatch):
    monkeypatch.setattr(display, "QUIET_SECONDS", 0.0)
    done = train(tmp_path, "--steps", "2", "--validate-every", "1", text="\x1b[31m\x07\t" * 99)
    samples = [line for line in done.err.splitlines() if line.startswith("    ")]
    assert len(samples) >= 2
    assert "\ufffd" in samples[0]
    assert not CONTROL.search(done.err)


@pytest.mark.parametrize(
    ("seconds", "fraction", "told"),
    [
        (10, 0.5, "0:10 left"),
        (60, 0.01, "1:39:00 left"),
        (3600, 1e-6, "41,666 days left"),
        (9, 1.0, "0:00 left"),
    ],
)
def test_time_left(seconds, fraction, told):
    class Step:
        pass

    step = Step()
    step.seconds, step.fraction = seconds, fraction
    assert display.time_left(step) == told


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *arguments: str | Path, columns: int = 80) -> None:
        environment = {**USUAL, "COLUMNS": str(columns), "TERM": "xterm-256color"}
        self._mine, its = pty.openpty()
        self.process = process(
            *arguments, env=environment, stdin=its, stdout=its, stderr=its, start_new_session=True
        )
        os.close(its)
        self.seen = b""

    def until(self, word: bytes) -> None:
        """Read on until a word was seen; an empty one: to the end."""
        while not (word and word in self.seen):
            try:
                piece = os.read(self._mine, 4096)
            except OSError:  # how Linux says that nobody is left on the other side
                piece = b""
            self.seen += piece
            if not piece:
                assert not word, self.seen
                break

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._mine, keys)

    def end(self) -> int:
        """Return the exit code."""
        self.until(b"")
        os.close(self._mine)
        return self.process.wait(30)


@pytest.mark.parametrize("columns", [40, 80, 130])
def test_a_terminal_gets_a_bar(tmp_path, columns):
    file = write(tmp_path / "text.txt", rhyme())
    terminal = Terminal(
        "train", file, "-o", tmp_path / "model.safetensors", *TINY, "--steps", "50", columns=columns
    )
    assert terminal.end() == 0
    seen = terminal.seen.decode()
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", seen)
    assert "━" * 9 in plain
    assert "100%  0:00 left" in plain
    assert "step 50  epoch 2  loss " in plain
    assert all(len(line) <= columns for line in plain.split("step 50")[1].split("best")[0].splitlines())
    assert seen.count("\x1b[?25l") == seen.count("\x1b[?25h") == 1  # the cursor comes back
    assert TOLD.search(plain.replace("\r", ""))


def test_ctrl_c_on_a_terminal(tmp_path):
    options = ("-o", tmp_path / "model.safetensors", *TINY, "--steps", "1000000")
    terminal = Terminal("train", write(tmp_path / "text.txt", rhyme()), *options)
    terminal.until(b"epoch ")
    os.killpg(terminal.process.pid, signal.SIGINT)  # what the terminal driver does with the key
    assert terminal.end() == 130
    assert b"elman train --resume" in terminal.seen
    assert BROKEN.encode() not in terminal.seen
    assert terminal.seen.rindex(b"\x1b[?25h") > 0  # the cursor comes back
    assert load(tmp_path / "model.checkpoint.safetensors").training.step > 0
