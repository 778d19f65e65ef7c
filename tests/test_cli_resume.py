"""A run that is stopped, and goes on, ends with the very bytes of one that was not; signals lose nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import pytest

from cli_cases import BROKEN, TINY, elman, finished, litter, process, refused, rhyme, write
from elman import load
from elman.cli import display
from elman.cli.signals import stoppable

STEPS = 13
EVERY = ("--validate-every", "3", "--checkpoint-every", "5", "--steps", str(STEPS))
LINES = "\n".join(["red hen", "ten", "a net of men", "the end", "then", "ether", "tree", "an anthem", "neat"])
VARIATIONS = {
    "stream": (),
    "lines": ("--lines",),
    "sgd": ("--optimizer", "sgd", "--lr", "0.1", "--schedule", "constant"),
    "float64": ("--dtype", "float64", "--num-layers", "2"),
    "plateau": ("--schedule", "plateau", "--lr", "0.3", "--validate-every", "1"),
    "lines sgd float64": ("--lines", "--optimizer", "sgd", "--dtype", "float64", "--schedule", "step"),
    "epochs": ("--epochs", "2.5"),
    "nothing held out": ("--val-frac", "0"),
}


@pytest.fixture
def stop_after(monkeypatch):
    """Send Ctrl-C to this process while a step of these is shown, or another signal."""

    show = display.PlainLines.show

    def stop(steps: Collection[int], number: int = signal.SIGINT) -> None:
        def show_and_stop(self, progress):
            show(self, progress)
            if progress.step in steps:
                signal.raise_signal(number)

        monkeypatch.setattr(display.PlainLines, "show", show_and_stop)

    return stop


def started(folder: Path, options: Collection[str]) -> tuple[str | Path, ...]:
    text = LINES if "--lines" in options else rhyme(75)
    folder.mkdir(exist_ok=True)
    file = write(folder / "text.txt", text)
    limit = [word for word in EVERY if "--epochs" not in options or word not in ("--steps", str(STEPS))]
    return ("train", file, "-o", folder / "model.safetensors", *TINY, *limit, *options)


def resumed_to_the_end(folder: Path) -> int:
    """Resume until the run is done; return how often that was."""
    for times in range(1, 100):
        done = elman("train", "--resume", folder / "model.checkpoint.safetensors", "--checkpoint-every", "5")
        if done.code == 0:
            return times
        assert done.code == 130, done.err
    raise AssertionError("the run does not end")


@pytest.mark.parametrize("options", VARIATIONS.values(), ids=VARIATIONS)
def test_a_resumed_run_ends_with_the_same_bytes(tmp_path, stop_after, options):
    whole = started(tmp_path / "whole", options)
    assert elman(*whole).code == 0
    expected = (tmp_path / "whole/model.safetensors").read_bytes()
    steps = load(tmp_path / "whole/model.safetensors").record["step"]
    assert steps > 6
    # Among them an edge of epochs, a validation, a checkpoint, the last step; at the end all of them.
    for k, stops in enumerate([*([step] for step in range(1, steps + 1)), range(1, steps + 1)]):
        folder = tmp_path / str(k)
        stop_after(set(stops))
        assert elman(*started(folder, options)).code == 130
        assert resumed_to_the_end(folder) == len(stops)
        assert (folder / "model.safetensors").read_bytes() == expected, stops
        assert sorted(os.listdir(folder)) == ["model.safetensors", "text.txt"]


def test_the_stops_fall_on_the_places_that_matter(tmp_path):
    steps_per_epoch = [
        int(elman(*started(tmp_path, options)).err.partition(" steps an epoch")[0].split()[-1])
        for options in (VARIATIONS["stream"], VARIATIONS["lines"])
    ]
    assert all(1 < each < STEPS for each in steps_per_epoch)


def test_a_killed_run_goes_on_from_its_last_checkpoint(tmp_path, monkeypatch):
    assert elman(*started(tmp_path / "whole", ())).code == 0
    with monkeypatch.context() as patch:
        patch.setattr(display.PlainLines, "show", lambda self, progress: 1 / (8 - progress.step))
        with pytest.raises(ZeroDivisionError):
            elman(*started(tmp_path / "killed", ()))
    assert load(tmp_path / "killed/model.checkpoint.safetensors").training.step == 5
    assert resumed_to_the_end(tmp_path / "killed") == 1
    one, other = (tmp_path / name / "model.safetensors" for name in ("whole", "killed"))
    assert one.read_bytes() == other.read_bytes()


def test_the_best_parameters_from_before_the_stop_survive(tmp_path, stop_after):
    file, valid = write(tmp_path / "text.txt", "ab" * 40), write(tmp_path / "valid.txt", "ba ab aab bba" * 3)
    options = ("--valid", valid, "--lr", "0.5", "--schedule", "constant", "--vocab", "bytes")
    command = ("train", file, *TINY, *EVERY, *options, "-o")
    assert elman(*command, tmp_path / "whole.safetensors").code == 0
    best = load(tmp_path / "whole.safetensors").record["best_step"]
    assert best < 7  # else this test tests nothing: choose another text
    stop_after({7})
    assert elman(*command, tmp_path / "other.safetensors").code == 130
    assert elman("train", "--resume", tmp_path / "other.checkpoint.safetensors").code == 0
    assert (tmp_path / "other.safetensors").read_bytes() == (tmp_path / "whole.safetensors").read_bytes()


def test_stopping_says_how_to_go_on_and_keeps_the_model_that_was_there(tmp_path, stop_after):
    command = started(tmp_path, ())
    assert elman(*command).code == 0
    before = (tmp_path / "model.safetensors").read_bytes()
    stop_after({2}, signal.SIGTERM)  # before the first validation
    done = elman(*command)
    assert done.code == 143
    assert f"elman train --resume {tmp_path}/model.checkpoint.safetensors" in done.err
    assert (tmp_path / "model.safetensors").read_bytes() == before
    assert elman("sample", tmp_path / "model.checkpoint.safetensors").code == 0  # it is a model, too


def test_a_checkpoint_tells_where_it_stopped(tmp_path, stop_after):
    stop_after({4})
    elman(*started(tmp_path, ()))
    told = elman("info", tmp_path / "model.checkpoint.safetensors").out
    assert "checkpoint  of step 4" in told


# ---------------------------------------------------------------------------- what is not the same run


@pytest.fixture
def stopped(tmp_path, stop_after) -> Path:
    """The checkpoint of a run that was stopped after step 4."""
    stop_after({4})
    assert elman(*started(tmp_path, ())).code == 130
    return tmp_path / "model.checkpoint.safetensors"


def test_options_that_differ_are_refused_by_name(stopped):
    line = refused(elman("train", "--resume", stopped, "--lr", "3", "--seed", "0", "--hidden-size", "9"), 2)
    assert "--lr 3.0 (the run has None), --hidden-size 9 (the run has 5)" in line
    assert "--seed" not in line


def test_another_text_is_refused(stopped):
    write(stopped.parent / "text.txt", rhyme(74) + "!")
    assert "not the text that the run began with" in refused(elman("train", "--resume", stopped), 2)


def test_a_text_that_has_moved_is_the_same_text(stopped):
    moved = stopped.parent / "moved.txt"
    (stopped.parent / "text.txt").rename(moved)
    assert "no such file" in refused(elman("train", "--resume", stopped), 2)
    assert "not the text" in refused(
        elman("train", write(stopped.parent / "x", "abc"), "--resume", stopped), 2
    )
    assert elman("train", moved, "--resume", stopped).code == 0


def test_another_validation_text_is_refused(tmp_path, stop_after):
    valid = write(tmp_path / "valid.txt", rhyme(50))
    stop_after({4})
    assert elman(*started(tmp_path, ("--valid", str(valid)))).code == 130
    write(valid, rhyme(51))
    line = refused(elman("train", "--resume", tmp_path / "model.checkpoint.safetensors"), 2)
    assert str(valid) in line


def test_a_model_is_no_checkpoint(tmp_path):
    elman(*started(tmp_path, ()))
    assert "not the checkpoint of a run" in refused(
        elman("train", "--resume", tmp_path / "model.safetensors"), 3
    )


def test_a_checkpoint_of_another_name_needs_to_be_told_where_its_model_goes(stopped):
    renamed = stopped.rename(stopped.parent / "kept.safetensors")
    assert "-o" in refused(elman("train", "--resume", renamed), 2)
    assert "--resume is read from there" in refused(elman("train", "--resume", renamed, "-o", renamed), 2)
    assert elman("train", "--resume", renamed, "-o", stopped.parent / "new.safetensors").code == 0
    assert load(renamed).training.step == 4


# -------------------------------------------------------------------------------------------- real signals

FOREVER = (*TINY, "--steps", "1000000", "--validate-every", "2", "--checkpoint-every", "3")


def run_forever(folder: Path, **options) -> subprocess.Popen[bytes]:
    file = write(folder / "text.txt", rhyme())
    return process("train", file, "-o", folder / "model.safetensors", *FOREVER, **options)


def test_a_signal_at_any_moment_loses_nothing(tmp_path, seed):
    drawn = random.Random(seed)
    for _ in range(20):
        running = run_forever(tmp_path)
        with suppress(
            subprocess.TimeoutExpired
        ):  # beginning with the imports, but for those of Python itself
            running.wait(drawn.uniform(0.15, 0.8))
        number = drawn.choice([signal.SIGINT, signal.SIGTERM])
        sent = time.monotonic()
        running.send_signal(number)
        done = finished(running)
        assert time.monotonic() - sent < 2
        assert done.code in (128 + number, -number), done.err  # shells call both the first
        assert BROKEN not in done.err
        for file in tmp_path.glob("*.safetensors"):
            assert load(file).network.spec.hidden_size == 5
    assert elman(*started(tmp_path, ())).code == 0
    assert litter(tmp_path) == []


def test_the_second_signal_ends_a_run_at_once(tmp_path):
    program = (
        "import signal, time\n"
        "from elman.cli import display, main\n"
        "def show(self, progress):\n"
        "    print('a step', flush=True)\n"
        "    while signal.getsignal(signal.SIGINT) is not signal.SIG_DFL: time.sleep(0.01)\n"
        "    print('noted', flush=True)\n"
        "    time.sleep(60)\n"
        "display.PlainLines.show = show\n"
        "main()\n"
    )
    running = run_forever(tmp_path, program=("-c", program))
    for expected in (b"a step\n", b"noted\n"):
        assert running.stdout.readline() == expected
        running.send_signal(signal.SIGINT)
    done = finished(running)
    assert done.code == -signal.SIGINT
    assert BROKEN not in done.err


def test_what_the_shell_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stoppable() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert stop.signal is None
            signal.raise_signal(signal.SIGTERM)
            assert (stop.signal, stop.exit_code) == (signal.SIGTERM, 143)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_run_whose_reader_goes_away_is_saved(tmp_path):
    with run_forever(tmp_path, before="2>&1") as running:
        assert any(line.startswith(b"step ") for line in running.stdout)  # reads on until there is one
        running.stdout.close()
        assert running.wait(30) == 141
    assert load(tmp_path / "model.checkpoint.safetensors").training.step > 0
