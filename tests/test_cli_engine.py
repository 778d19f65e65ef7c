"""--engine and --threads: every command takes them, no run becomes another by them, what is wrong is told."""

from __future__ import annotations

import shlex
import signal
from pathlib import Path

import pytest

from cli_cases import TINY, Done, elman, refused, rhyme, trained, trained_table, write
from elman import load
from elman.cli import display
from engine_cases import COMPILED, HERE, AskedFor, needs_compiled
from engine_cases import environment as environment
from engine_cases import no_reference as no_reference
from engine_cases import without as without

RUN = (*TINY, "--steps", "12", "--validate-every", "3", "--checkpoint-every", "5")
REFERENCE = ("--engine", "reference")
CALLS = {  # arguments after the file
    "eval": (),
    "predict": (),
    "sample": ("--length", "20"),
    "sample --beam": ("--length", "5", "--beam", "2"),
    "score": (),
}


def called(folder: Path, call: str, *options: str) -> Done:
    """Call a command on a model of a text, or of a table, made for it."""
    command = call.split()[0]
    if command == "predict":
        model, file, _ = trained_table(folder, "series", *REFERENCE)
    else:
        model, file = trained(folder, rhyme(), *REFERENCE), folder / "text.txt"
    files = (model,) if command == "sample" else (model, file)
    return elman(command, *files, *CALLS[call], *options)


def started(folder: Path, *options: str) -> Done:
    folder.mkdir(exist_ok=True)
    file = write(folder / "text.txt", rhyme(75))
    return elman("train", file, "-o", folder / "model.safetensors", *RUN, *options)


# ----------------------------------------------------------------------------------------- what they reach


@pytest.mark.parametrize("call", CALLS)
def test_every_command_says_the_same_on_either_engine(call, tmp_path):
    one, other = (called(tmp_path, call, *options) for options in (REFERENCE, ()))
    assert one.code == other.code == 0, one.err + other.err
    if call != "predict":  # whose numbers have all digits
        assert one.out == other.out
    numbers = [
        [float(word) for word in done.out.replace(",", " ").split() if word[-1:].isdigit()]
        for done in (one, other)
    ]
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-3)


@needs_compiled
@pytest.mark.parametrize("call", CALLS)
def test_every_command_computes_with_the_engine_that_is_asked_for(call, tmp_path, request):
    assert called(tmp_path, call).code == 0
    request.getfixturevalue("no_reference")
    model, text = tmp_path / "model.safetensors", tmp_path / "text.txt"
    files = {"predict": (model, tmp_path / "rides.csv"), "sample": (model,)}.get(
        call.split()[0], (model, text)
    )
    command = (call.split()[0], *files, *CALLS[call])
    assert elman(*command, "--engine", "native", "--threads", "1").code == 0
    with pytest.raises(AskedFor):
        elman(*command, *REFERENCE)


@needs_compiled
def test_training_computes_with_the_engine_that_is_asked_for(tmp_path, no_reference):
    assert started(tmp_path, "--engine", "native").code == 0
    with pytest.raises(AskedFor):
        started(tmp_path, *REFERENCE)
    again = ("train", tmp_path / "text.txt", "--init-from", tmp_path / "model.safetensors", *RUN[2:])
    again = (*again, "-o", tmp_path / "new.safetensors")
    assert elman(*again, "--engine", "native").code == 0
    with pytest.raises(AskedFor):
        elman(*again, *REFERENCE)


@pytest.mark.parametrize("engine", HERE)
def test_training_says_which_engine_it_is(engine, tmp_path):
    done = started(tmp_path, "--engine", engine, *(("--threads", "1") if engine == "native" else ()))
    (line,) = (line for line in done.err.splitlines() if line.startswith("engine "))
    if engine == "native":
        assert line.startswith("engine      native (")
        assert line.endswith("), 1 thread")
    else:
        assert line.startswith("engine      reference (NumPy)")
    assert load(tmp_path / "model.safetensors").record["engine"] == engine


def test_training_says_why_it_is_not_the_compiled_one(tmp_path, without):
    told = started(tmp_path).err
    assert "engine      reference (NumPy); the compiled engine is " in told


# --------------------------------------------------------------------------------------------- the same run


def test_they_can_stand_in_a_file_of_options(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "run.toml", 'engine = "reference"')
    assert "reference (NumPy)" in started(tmp_path, "--config", "run.toml").err
    if COMPILED:
        write(tmp_path / "run.toml", "threads = 3")
        assert "3 threads" in started(tmp_path, "--config", "run.toml").err
    write(tmp_path / "run.toml", 'threads = "2"')
    assert "expected a whole number" in refused(started(tmp_path, "--config", "run.toml"), 2)


@pytest.fixture
def stop(monkeypatch):
    """Send Ctrl-C to the next run at its fourth step, or lift that."""
    show = display.PlainLines.show

    def show_and_stop(self, progress):
        show(self, progress)
        if progress.step == 4:
            signal.raise_signal(signal.SIGINT)

    def stop(folder: Path, *options: str) -> Done:
        with monkeypatch.context() as patch:
            patch.setattr(display.PlainLines, "show", show_and_stop)
            done = started(folder, *options)
        assert done.code == 130, done.err
        return done

    return stop


def resumed(folder: Path, *options: str) -> Done:
    done = elman("train", "--resume", folder / "model.checkpoint.safetensors", *options)
    assert done.code == 0, done.err
    return done


@needs_compiled
def test_a_run_goes_on_with_other_threads_to_the_same_bytes(tmp_path, stop):
    assert started(tmp_path / "whole", "--threads", "1").code == 0
    told = stop(tmp_path / "parts", "--threads", "2").err
    command = shlex.split(told.splitlines()[-1])
    assert command[-2:] == ["--threads", "2"]
    assert "3 threads" in resumed(tmp_path / "parts", "--threads", "3").err
    one, other = (tmp_path / name / "model.safetensors" for name in ("whole", "parts"))
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("engine", HERE)
def test_a_run_goes_on_with_the_engine_that_it_began_with(engine, tmp_path, stop):
    assert started(tmp_path / "whole", "--engine", engine).code == 0
    stop(tmp_path / "parts", "--engine", engine)
    done = resumed(tmp_path / "parts")
    assert f"engine      {engine}" in done.err
    one, other = (tmp_path / name / "model.safetensors" for name in ("whole", "parts"))
    assert one.read_bytes() == other.read_bytes()


# --------------------------------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--engine", "fast"), "'fast' is not one of 'auto', 'native', 'reference'"),
        (("--threads", "0"), "--threads"),
        (("--threads", "-1"), "--threads"),
        (("--threads", "many"), "--threads"),
        (
            ("--threads", "100000"),
            "--threads is 100000; it must be a whole number from 1 to 1024; left out: ",
        ),
        (("--threads", "1" + 30 * "0"), "--threads"),
        ((*REFERENCE, "--threads", "2"), "leave it out with --engine reference"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_options_are_one_line_before_anything_is_read(options, said, tmp_path):
    for command in ("train", "eval", "predict", "sample", "score"):
        files = ["missing", "missing"][: 1 + (command in ("eval", "predict", "score"))]
        line = refused(elman(command, *files, *options), 2)
        assert said in line
        assert "missing" not in line


@pytest.mark.parametrize("value", ["abc", "0", "100000"])
def test_a_wrong_number_in_the_environment_is_one_line(value, environment):
    environment.setenv("ELMAN_NUM_THREADS", value)
    for command in ("train", "sample"):
        assert refused(elman(command, "missing"), 2).startswith(f"ELMAN_NUM_THREADS is '{value}'")


@needs_compiled
def test_an_instruction_set_that_is_not_there_is_one_line(environment, tmp_path):
    model = trained(tmp_path, rhyme(), *REFERENCE)
    environment.setenv("ELMAN_ISA", "foo")
    line = refused(elman("sample", model), 2)
    assert "ELMAN_ISA" in line
    assert "'foo'" in line
    assert elman("sample", model, *REFERENCE).code == 0


def test_the_compiled_engine_where_there_is_none_is_one_line(without, tmp_path):
    line = refused(elman("eval", "missing", "--engine", "native"), 2)
    assert line.startswith("the compiled engine is ")
    assert line.endswith("--engine reference does the same, slower")
    assert refused(elman("train", "missing", "--engine", "native"), 2) == line
