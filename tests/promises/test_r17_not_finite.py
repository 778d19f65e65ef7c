"""R17: NaN and infinity are noticed in their very step, named, and never written over a good file."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cli_cases import TINY, Done, elman, refused, rhyme, write
from elman import Batch, Network, NumericError, load, save, train
from elman.cells import CELLS
from elman.cli import run
from elman.cli.texts import Texts
from elman.data import Streams
from elman.files import read_tensors, write_tensors
from elman.training import start
from engine_cases import HERE
from run_cases import EVERY, OPTIONS, Folder, whole
from training_cases import snapshot

VALUES = (math.nan, math.inf, -math.inf)
SYMBOLS = np.random.default_rng(3).integers(0, 5, 400)  # of 7: two are never read
every_engine = pytest.mark.parametrize("engine", HERE)
every_value = pytest.mark.parametrize("value", VALUES)


def network_of(cell: tuple[str, str], dtype: str, engine: str) -> Network:
    name, activation = cell
    return Network(
        name,
        activation=activation,
        input_size=7,
        embedding_size=4,
        hidden_size=(6, 5),
        output_size=7,
        dtype=dtype,
        engine=engine,
    )


def noticed(network: Network, optimizer: str, spoil: int, change: Callable[[], None]) -> str:
    """Change something after a step; check that the very next one notices and keeps all; return its words."""
    training = start(network, optimizer)
    steps = train(network, Streams(SYMBOLS, 4, 10), steps=9, optimizer=optimizer, training=training)
    for _ in range(spoil - 1):
        next(steps)
    change()
    before = snapshot(network, training)
    with pytest.raises(NumericError) as caught:
        next(steps)
    assert snapshot(network, training) == before
    assert caught.value.exit_code == 4
    return str(caught.value)


# ------------------------------------------------------------------------------------------ weights and steps


@every_engine
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_wrong_weight_is_noticed_in_that_step(engine, dtype, kept):
    tried = 0
    for cell in CELLS:
        for name, view in network_of(cell, dtype, engine).parameters.views.items():
            place = tuple(side - 1 for side in view.shape)  # of the embedding: a symbol that is never read
            for value in VALUES:
                network = network_of(cell, dtype, engine)
                spoil = partial(network.parameters[name].__setitem__, place, value)
                told = noticed(network, "adam", 3, spoil)
                assert told.startswith(f"step 3: parameter {name}{list(place)} is {value} ("), (cell, told)
                tried += 1
    kept("R17", f"{tried} wrong weights with {engine}, {dtype}: each noticed in that step and named")


@every_engine
@pytest.mark.parametrize("step", [1, 4, 7])
def test_an_overflow_is_noticed_in_the_step_in_which_it_arises(engine, step):
    network = network_of(("elman", "relu"), "float32", engine)

    def blow_up() -> None:
        network.parameters["layers.0.W"][:] = 1e6 * np.eye(
            6
        )  # 10⁶⁰ after ten steps, and float32 ends at 10³⁸
        network.parameters["layers.0.b"][:] = 1

    told = noticed(network, "sgd", step, blow_up)
    assert re.match(rf"step {step}: gradient \S+\[.*\] is (nan|-?inf) \(loss ", told)


@every_engine
@every_value
def test_a_wrong_number_of_the_data_is_noticed_though_it_does_not_count(engine, value):
    """The target there weighs nothing, but the state that is handed on is spoiled."""

    class Data:
        steps_per_epoch = 9

        def batches(self, seed: int, step: int) -> Iterator[Batch]:
            generator = np.random.default_rng(0)
            for k in range(step, 9):
                x, weights = generator.normal(size=(5, 2, 3)), np.ones((5, 2))
                if k == 2:
                    x[-1, 0, 0], weights[-1, 0] = value, 0
                yield Batch(x, generator.integers(0, 3, (5, 2)), weights=weights, fresh=k == 0)

    for activation in ("tanh", "relu"):
        network = Network(activation=activation, input_size=3, hidden_size=6, output_size=3, engine=engine)
        with pytest.raises(NumericError, match=r"^step 3: "):
            list(train(network, Data(), steps=9))


# --------------------------------------------------------------------------------------- the command line

RUN = (*OPTIONS, "--steps", "30")
WILD = (  # tanh cannot run away: whatever its weights are, its states are 1 at most
    "--lr 1e6 --optimizer adam",
    "--lr 1e6 --optimizer sgd",
    "--lr 1e9 --optimizer rmsprop --num-layers 2",
)


@pytest.mark.parametrize("kind", WILD)
def test_a_run_that_blows_up_ends_with_exit_4_and_leaves_the_model(tmp_path, kind, kept):
    good = whole(tmp_path, RUN)
    model = good.model.read_bytes()
    more = ("--activation", "relu", "--grad-clip", "0", "--schedule", "constant", "--validate-every", "1000")
    wild = Folder(tmp_path, (*RUN, *kind.split(), *more))
    line = refused(elman(*wild.begin()), 4)
    step = int(re.match(r"step (\d+): ", line)[1])
    assert re.match(r"step \d+: (gradient|parameter|memory) \S+\[.*\] is (nan|-?inf) ", line)
    assert f"what step {step - 1} left is kept" in line
    assert wild.model.read_bytes() == model
    assert wild.saved() == wild.logged() == step - 1  # which loads, so it is finite
    kept("R17", f"{kind}: exit 4 at step {step}, the model that was there is untouched")
    if wild.saved():  # and what is resumed ends in the same step
        assert refused(elman(*wild.go_on()), 4) == line


def test_a_validation_that_is_not_finite_spoils_no_checkpoint(tmp_path, monkeypatch):
    judge, calls = Texts.loss, []

    def spoiled(self, network):
        calls.append(judge(self, network))
        return math.nan if len(calls) == 3 else calls[-1]

    monkeypatch.setattr(Texts, "loss", spoiled)
    folder = Folder(tmp_path, (*RUN, "--checkpoint-every", "9"))
    line = refused(elman(*folder.begin()), 4)
    assert line.startswith("step 15: the validation loss is nan")
    assert f"--init-from {folder.checkpoint}" in line
    assert (folder.saved(), folder.logged()) == (9, 14)
    assert load(folder.model).record["best_step"] in (5, 10)
    calls[:] = calls[:1]  # the third one from the start is spoiled again
    assert refused(elman(*folder.go_on()), 4) == line


def test_what_is_not_finite_is_not_saved_by_a_run(tmp_path, monkeypatch):
    """Should a step ever not notice, the file does."""
    folder = Folder(tmp_path, RUN)
    follow = run.Run._follow

    def spoil(self, display, progress):
        follow(self, display, progress)
        if progress.step == 3 * EVERY:
            self.network.parameters.flat[5] = math.nan

    monkeypatch.setattr(run.Run, "_follow", spoil)
    before: list[bytes] = []
    save_checkpoint = run.Run._save_checkpoint

    def keep(self):
        save_checkpoint(self)
        before[:] = [folder.checkpoint.read_bytes()]

    monkeypatch.setattr(run.Run, "_save_checkpoint", keep)
    assert "checkpoint.safetensors: not written: layers.0.U[" in refused(elman(*folder.begin()), 4)
    assert folder.checkpoint.read_bytes() == before[0]
    assert folder.saved() == 2 * EVERY


# ------------------------------------------------------------------------------------------------- files


def spoiled_file(folder: Path, value: float) -> tuple[Path, str]:
    """A checkpoint with one number that is not finite, under a right digest; return its path and its name."""
    path = folder / "bad.checkpoint.safetensors"
    tensors, metadata = read_tensors(path)
    tensors = {name: array.copy() for name, array in tensors.items()}
    tensors["layers.0.W"][1, 2] = value
    write_tensors(path, tensors, {name: text for name, text in metadata.items() if name != "sha256"})
    return path, "layers.0.W[1, 2]"


@pytest.fixture
def interrupted(tmp_path) -> Path:
    """A folder with the checkpoint of a run, named so that it can be resumed."""
    text = write(tmp_path / "text.txt", rhyme())
    assert elman("train", text, "-o", tmp_path / "bad.safetensors", *TINY, "--steps", "9").code == 0
    model = load(tmp_path / "bad.safetensors")
    save(tmp_path / "bad.checkpoint.safetensors", model.network, model.vocabulary, model.record)
    return tmp_path


def every_command(path: Path) -> Iterator[Done]:
    text = path.parent / "text.txt"
    for words in (
        ("info", path),
        ("eval", path, text),
        ("score", path, text),
        ("sample", path),
        ("predict", path, text),
        ("train", "--resume", path),
        ("train", text, "--init-from", path, "-o", path.parent / "new.safetensors"),
    ):
        yield elman(*words)


@every_value
def test_a_file_that_holds_it_is_refused_by_every_command(interrupted, value, kept):
    path, name = spoiled_file(interrupted, value)
    lines = [refused(done, 4) for done in every_command(path)]
    assert len(lines) == 7
    assert all(f"{name} is {value}" in line for line in lines), lines
    assert not (interrupted / "new.safetensors").exists()
    kept("R17", f"a file that holds NaN or infinity: refused by {len(lines)} commands, exit 4")


@every_value
def test_asked_to_a_file_that_holds_it_is_read_as_it_is(interrupted, value):
    path, name = spoiled_file(interrupted, value)
    with pytest.raises(NumericError, match=re.escape(f"{name} is {value}")):
        load(path)
    weights = load(path, allow_nonfinite=True).network.parameters["layers.0.W"]
    assert repr(float(weights[1, 2])) == repr(value)
    assert np.isfinite(weights).sum() == weights.size - 1
