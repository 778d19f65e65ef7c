"""A run that goes on ends with the very bytes of one that was never stopped; another run is refused."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path

import pytest

from cli_cases import TINY, Done, elman, read_csv, refused, rhyme, write
from elman import load, save
from elman.cli import display, log
from elman.engines import loading
from engine_cases import environment as environment
from engine_cases import needs_compiled
from engine_cases import without as without

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


@pytest.fixture(autouse=True)
def unsynced(monkeypatch) -> None:
    """No power is cut here: there is no need to wait for the disk, hundreds of times."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


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


def test_another_validation_text_that_has_moved_is_the_same_text(tmp_path, stop_after):
    valid = write(tmp_path / "valid.txt", rhyme(50))
    stop_after({4})
    assert elman(*started(tmp_path, ("--valid", str(valid)))).code == 130
    resume = ("train", "--resume", tmp_path / "model.checkpoint.safetensors")
    moved = valid.rename(tmp_path / "moved.txt")
    assert "no such file" in refused(elman(*resume), 2)
    assert elman(*resume, "--valid", moved).code == 0


def test_validation_on_a_file_where_there_was_none_is_refused(stopped):
    valid = write(stopped.parent / "valid.txt", rhyme(50))
    line = refused(elman("train", "--resume", stopped, "--valid", valid), 2)
    assert f"--valid {valid} (the run has None)" in line


@needs_compiled
def test_another_engine_is_refused_by_name(stopped):
    line = refused(elman("train", "--resume", stopped, "--engine", "reference"), 2)
    assert "--engine reference (the run has native)" in line
    assert "--init-from" in line
    assert elman("train", "--resume", stopped, "--engine", "native", "--threads", "1").code == 0


@needs_compiled
def test_an_instruction_set_with_other_digits_is_refused_by_name(stopped, environment):
    others = [name for name in loading.native().instruction_sets() if name != "baseline"]
    if "baseline" not in loading.native().instruction_sets() or not others:
        pytest.skip("2026-11-22: this processor has no two instruction sets whose digits differ")
    loading.instruction_set.cache_clear()
    environment.setenv("ELMAN_ISA", "baseline")
    line = refused(elman("train", "--resume", stopped), 2)
    assert "ELMAN_ISA baseline (the run has " in line
    loading.instruction_set.cache_clear()
    environment.setenv("ELMAN_ISA", others[-1])
    assert elman("train", "--resume", stopped).code == 0


@needs_compiled
def test_an_engine_that_is_not_here_any_more_is_told(stopped, request):
    request.getfixturevalue("without")
    line = refused(elman("train", "--resume", stopped), 2)
    assert "the run began with the compiled engine, which is " in line
    assert "--init-from" in line


@pytest.mark.skipif(os.name == "nt", reason="2026-11-22: names of files are text there")
def test_a_run_on_files_whose_names_are_no_text_goes_on(tmp_path, stop_after):
    """A name may hold any bytes, and a checkpoint is written when it must not fail."""
    name = os.fsdecode(b"caf\xe9 \xff.txt")
    try:
        file, valid = write(tmp_path / name, rhyme(75)), write(tmp_path / f"valid {name}", rhyme(50))
    except OSError:
        pytest.skip("2026-11-22: this file system takes no such names")
    files = (file, "-o", tmp_path / "model", "--valid", valid, "--log", tmp_path / f"log {name}")
    stop_after({4})
    assert elman("train", *files, *TINY, *EVERY).code == 130
    assert elman("train", "--resume", tmp_path / "model.checkpoint").code == 0
    assert len(rows(tmp_path / f"log {name}")) == STEPS


@pytest.mark.parametrize("told", ["\0", "\0e", "\0zz", "\0" + "00" * 9])
def test_a_checkpoint_with_a_name_that_is_none_is_refused(stopped, told):
    model = load(stopped)
    record = {**model.record, "settings": {**model.record["settings"], "file": told}}
    save(stopped, model.network, model.vocabulary, record, model.training)
    refused(elman("train", "--resume", stopped), 3 if told[1:] in ("e", "zz") else 2)


# --------------------------------------------------------------------- a new run where another one is kept


def test_a_new_run_is_not_written_over_an_interrupted_one(tmp_path, stopped):
    before = stopped.read_bytes()
    line = refused(elman(*started(tmp_path, ())), 2)
    assert line.startswith(f"{stopped}: an interrupted run is kept there; elman train --resume {stopped} ")
    assert "remove it, or choose another -o" in line
    assert stopped.read_bytes() == before
    stopped.unlink()
    assert elman(*started(tmp_path, ("--steps", "3"))).code == 0


# ------------------------------------------------------------------------------------------------ the log


@pytest.fixture
def logged(tmp_path, stop_after) -> Path:
    """The log of a run that was stopped after step 4."""
    stop_after({4})
    assert elman(*started(tmp_path, ("--log", str(tmp_path / "log.csv")))).code == 130
    return tmp_path / "log.csv"


def resume(log: Path, *options: str) -> Done:
    return elman("train", "--resume", log.parent / "model.checkpoint.safetensors", *options)


def rows(log: Path) -> list[dict[str, str]]:
    return read_csv(log.read_text())


def test_a_log_has_a_row_for_every_step(logged):
    assert resume(logged).code == 0
    told = rows(logged)
    assert [int(row["step"]) for row in told] == list(range(1, STEPS + 1))
    assert [int(row["step"]) for row in told if row["validation_loss"]] == [3, 6, 9, 12, 13]
    assert {int(row["epoch"]) for row in told} > {1, 2}
    assert all(float(row[name]) > 0 for row in told for name in ("loss", "gradient_norm", "learning_rate"))
    best = min(float(row["validation_loss"]) for row in told if row["validation_loss"])
    assert load(logged.parent / "model.safetensors").record["best_step"] in [
        int(row["step"]) for row in told if row["validation_loss"] == repr(best)
    ]


def test_what_a_log_has_beyond_the_checkpoint_is_cut_off(logged):
    before = logged.read_bytes()
    with logged.open("ab") as file:
        file.write(b"5,1,0.1,,0.1,0.1\n6,1,0.")
    assert resume(logged).code == 0
    assert logged.read_bytes().startswith(before)
    assert [int(row["step"]) for row in rows(logged)] == list(range(1, STEPS + 1))


@pytest.mark.parametrize("damage", [lambda text: text[:-1], lambda text: text.replace(b"3,", b"4,"), None])
def test_a_log_that_is_not_that_of_the_run_is_refused(logged, damage):
    before = logged.read_bytes()
    logged.unlink() if damage is None else logged.write_bytes(damage(before))
    there = None if damage is None else logged.read_bytes()
    line = refused(resume(logged), 3)
    assert line.startswith(f"{logged}: does not begin with the {len(before)} bytes of log that the run has")
    assert (logged.read_bytes() if logged.exists() else None) == there
    assert resume(logged, "--log", str(logged.parent / "new.csv")).code == 0
    assert [int(row["step"]) for row in rows(logged.parent / "new.csv")] == list(range(5, STEPS + 1))


def test_a_checkpoint_can_name_no_file_that_is_not_a_log(logged):
    """Whoever wrote it may have named any file, and its digest: none is made shorter, or waited for."""
    path, precious = logged.parent / "model.checkpoint.safetensors", write(logged.parent / "mine", "precious")
    model = load(path)
    for size in (-1, 0, 3, 10**18):
        digest = sha256(b"precious"[: max(size, 0)]).hexdigest()
        for name in (str(precious), "a\0b", os.devnull, "/dev/zero", str(logged.parent), "no/such"):
            told = {"file": name, "size": size, "sha256": digest}
            save(path, model.network, model.vocabulary, {**model.record, "log": told}, model.training)
            refused(resume(logged), 3)
            assert precious.read_bytes() == b"precious"


def test_a_log_is_no_file_that_something_else_needs(tmp_path):
    command = started(tmp_path, ())
    notes = write(tmp_path / "notes.txt", "precious")
    for path, code, said in [
        (notes, 3, "is not the log of a run"),
        (tmp_path / "text.txt", 2, "FILE is the same file"),
        (tmp_path / "model.safetensors", 2, "-o is the same file"),
        (tmp_path / "model.checkpoint.safetensors", 2, "the checkpoint is the same file"),
        (tmp_path, 3, "not a regular file"),
        (tmp_path / "no" / "log.csv", 3, "there is no directory"),
    ]:
        assert said in refused(elman(*command, "--log", path), code)
    assert sorted(os.listdir(tmp_path)) == ["notes.txt", "text.txt"]
    assert notes.read_bytes() == b"precious"


def test_a_log_that_can_no_longer_be_written_ends_the_run(tmp_path, monkeypatch):
    path, append = tmp_path / "log.csv", log.Log._append

    def full(self, line):
        if line.startswith(b"8,"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        append(self, line)

    with monkeypatch.context() as patch:
        patch.setattr(log.Log, "_append", full)
        line = refused(elman(*started(tmp_path, ("--log", str(path)))), 5)
    assert line == f"{path}: the log cannot be written: No space left on device"
    assert resume(path).code == 0
    assert [int(row["step"]) for row in rows(path)] == list(range(1, STEPS + 1))
