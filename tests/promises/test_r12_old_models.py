"""R12: old models load for ever, answer as they did, and a newer version is refused in one line."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import elman
from cli_cases import elman as run
from cli_cases import refused
from elman.cells import CELLS
from elman.engines import loading
from elman.heads import HEADS
from elman.spec import Spec
from model_lies import text
from persistence_cases import rewritten

GOLDENS = Path(__file__).parents[1] / "goldens"
FILES = sorted((GOLDENS / "models_v1").iterdir())
CLOSE = 2e-6  # where sums are added in another order
FUSED = ("avx2", "avx512", "neon")  # instruction sets of the one rounding


def answers(path, engine):
    """Return what a golden model answers today, and what it answered."""
    model = elman.load(path, engine=engine)
    x, dtype = model.record["x"], model.network.spec.dtype
    if model.network.spec.feature_size:
        read = np.array(x[0], np.intp), np.array(x[1], dtype)
    else:
        read = np.array(x, np.intp if np.ndim(x) == 1 else dtype)
    return model.network.run(read)[0], np.array(model.record["y"], dtype)


def test_there_is_a_golden_file_of_every_cell_head_and_option():
    specs = [elman.load(path).network.spec for path in FILES]
    cells = {(cell, activation, head) for cell, activation in CELLS for head in HEADS}
    assert {(spec.cell, spec.activation, spec.head) for spec in specs} >= cells
    facts = set().union(*(spec.facts() for spec in specs))
    assert facts == {field.name for field in fields(Spec)}
    assert sum(path.stat().st_size for path in FILES) < 200_000


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_golden_models_answer_as_they_did(engine, kept):
    if engine == "native" and (why := loading.why_not()):
        pytest.skip(f"the compiled engine is {why}")
    exact = engine == "native" and loading.instruction_set() in FUSED
    furthest = 0.0
    for path in FILES:
        found, expected = answers(path, engine)
        assert found.shape == expected.shape
        assert np.ptp(expected) > 0.01  # not all the same
        furthest = max(furthest, float(np.abs(found - expected).max()))
        assert not exact or found.tobytes() == expected.tobytes(), path.name
    assert furthest <= CLOSE
    how = "equal bits" if exact else f"within {furthest:.1e}"
    kept("R12", f"{len(FILES)} golden files of version 1, engine {engine}: {how}")


def test_golden_models_are_written_again_as_they_are(tmp_path):
    """Saving what was loaded gives the bytes that are kept, twice."""
    for path in FILES:
        model = elman.load(path)
        for _ in range(2):
            elman.save(tmp_path / "m", model.network, model.vocabulary, model.record, model.training)
            assert (tmp_path / "m").read_bytes() == path.read_bytes(), path.name


def test_golden_checkpoints_have_all_of_their_run():
    checkpoints = [model for path in FILES if (model := elman.load(path)).training is not None]
    assert {model.network.spec.cell for model in checkpoints} == {"elman", "gru", "lstm"}
    for model in checkpoints:
        run, size = model.training, len(model.network.parameters)
        assert (run.step, run.seconds, run.validation_losses) == (9, 1.25, [2.5, 1.5])
        assert run.best.shape == (size,)
        assert run.memory.shape[1:] == (size,)
        assert {part.shape[0] for place in run.hidden for part in place} == {3}
        assert model.vocabulary.size == model.network.spec.input_size


def test_the_first_golden_file_loads_for_ever(tmp_path):
    path = GOLDENS / "model_v1.safetensors"
    model = elman.load(path)
    spec = {"cell": "elman", "activation": "tanh", "hidden_size": 5, "num_layers": 2, "dtype": "float32"}
    assert model.network.spec.facts() == spec | {"input_size": 18, "output_size": 18}
    assert model.vocabulary.decode(model.record["symbols"]) == model.record["said"] == "niemand mißt"
    y, _ = model.network.run(np.array(model.record["symbols"]))
    np.testing.assert_allclose(y, model.record["logits"], rtol=0, atol=CLOSE)
    assert np.ptp(model.record["logits"]) > 1
    run = model.training
    assert (run.step, run.seconds, run.best_step) == (30, 1.25, 20)
    assert run.validation_losses == [3.5, 2.5, 2.75]
    assert [s.shape for layer in run.hidden for s in layer] == [(3, 5), (3, 5)]
    assert (run.memory.shape, run.best.shape) == ((2, 283), (283,))
    elman.save(tmp_path / "m", model.network, model.vocabulary, model.record, run)
    assert (tmp_path / "m").read_bytes() == path.read_bytes()


def test_a_newer_version_is_refused_in_one_line_that_says_so(tmp_path):
    path = rewritten(
        GOLDENS / "model_v1.safetensors", tmp_path / "new", text("format_version", lambda _: "2")
    )
    words = "format version '2'; this elman reads 1: a newer is needed"
    for command in (["info"], ["sample"], ["train", "--resume"]):
        assert refused(run(*command, path), 3) == f"{path}: {words}"
