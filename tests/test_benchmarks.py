"""The benchmark compares answers before it tells times; here it is shown that the comparison can fail."""

from __future__ import annotations

import math
import shutil
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks/speed"))

import entries
import harness
import results
import scaling
import streams
import train_step
from harness import Answers, Case, Disagreement, Player
from rivals.bandwidth import Bandwidth
from rivals.elman_train import Elman
from rivals.numpy_careful import Careful
from rivals.numpy_tuned import Tuned
from rivals.stream_elman import Generate
from rivals.stream_numpy import Textbook

from elman import Network

CASES = {cell: Case(5, 7, 3, 4, cell) for cell in harness.GATES}


def draw(case: Case) -> np.ndarray:
    """Parameters with a gradient beyond the limit, so that clipping is compared, too.

    Always the same: where a gradient is almost zero, Adam makes a step out of its rounding.
    """
    size = sum(math.prod(shape) for shape in case.shapes.values())
    return (2 * np.random.default_rng(4).standard_normal(size)).astype("f4")


@pytest.fixture
def batches() -> list[tuple[np.ndarray, np.ndarray]]:
    symbols = np.random.default_rng(1).integers(0, 5, (5, 2, 4, 3))
    return [(x, targets) for x, targets in symbols]


def answers(rival: object, batches: harness.Batches) -> Answers:
    return Player(rival, batches).answers()


@pytest.mark.parametrize(
    ("rival", "cell", "dtype", "tolerance"),
    [(Tuned, "elman", "f4", 1e-5), *((Careful, cell, "f4", 1e-5) for cell in CASES)]
    + [(Careful, cell, "f8", 1e-10) for cell in CASES],
)
def test_elman_and_numpy_agree(rival, cell, dtype, tolerance, batches):
    start = draw(CASES[cell]).astype(dtype)
    reference = partial(Elman, engine="reference")  # the compiled engine: test_a_wrong_rival_is_refused
    ours, theirs = (answers(make(CASES[cell], start), batches) for make in (reference, rival))
    np.testing.assert_allclose(theirs.losses, ours.losses, atol=tolerance)
    for kind, tensor in ours.tensors.items():
        np.testing.assert_allclose(theirs.tensors[kind], tensor, atol=tolerance, err_msg=kind)
        assert theirs.tensors[kind].dtype == tensor.dtype == dtype
    assert np.abs(ours.tensors["parameters"] - start).max() > 1e-3  # they have learned
    assert np.linalg.norm(ours.tensors["first gradient"]) == pytest.approx(harness.CLIP, rel=1e-5)


class ForgetsTheState(Tuned):
    def step(self, x, targets):
        self._h[-1] = 0
        return super().step(x, targets)


class TakesTheStateAfter(Tuned):
    def _scatter(self, x):
        super()._scatter(x)
        np.dot(self._da_rows.T, self._after, out=self._dW)


class LosesOneSymbol(Tuned):
    def _scatter(self, x):
        super()._scatter(x)
        self._dUt[x[0]] *= 0.99


class StepsTooFar(Tuned):
    def _update(self):
        before = self._flat.copy()
        super()._update()
        self._flat += 0.01 * (self._flat - before)


class TellsAnotherLoss(Tuned):
    def _loss(self, targets):
        return 1.001 * super()._loss(targets)


class IsNotANumber(Tuned):
    def _loss(self, targets):
        return super()._loss(targets) * np.nan


class ForgetsTheMemory(Careful):
    def step(self, x, targets):
        self._state = (self._state[0], np.zeros_like(self._state[1]))
        return super().step(x, targets)


class TakesOneGradientForTheOther(Careful):
    def __init__(self, case, start):
        super().__init__(case, start)
        right = self._backward
        self._backward = lambda *given: right(*given)[:1] * 2


@pytest.mark.parametrize(
    ("wrong", "cell"),
    [
        (ForgetsTheState, "elman"),
        (TakesTheStateAfter, "elman"),
        (LosesOneSymbol, "elman"),
        (StepsTooFar, "elman"),
        (TellsAnotherLoss, "elman"),
        (IsNotANumber, "elman"),
        (ForgetsTheMemory, "lstm"),
        (TakesOneGradientForTheOther, "gru"),
    ],
)
def test_a_wrong_rival_is_refused(wrong, cell, batches):
    case, start = CASES[cell], draw(CASES[cell])
    given = {make.__name__: answers(make(case, start), batches) for make in (Elman, Careful, wrong)}
    with pytest.raises(Disagreement, match=wrong.__name__):
        harness.check(case, given)
    del given[wrong.__name__]
    assert set(harness.check(case, given)) == set(harness.TOLERANCE)


@pytest.mark.parametrize("cell", CASES)
def test_parameters_lie_as_in_a_network(cell):
    network = Network(cell, input_size=5, hidden_size=7, output_size=5)
    ends = [name.rsplit(".", 1)[-1] for name in network.parameters.layout]
    assert dict(zip(ends, network.parameters.layout.values(), strict=True)) == CASES[cell].shapes
    assert ends == list(CASES[cell].shapes)


@pytest.mark.parametrize(("cell", "layer"), train_step.LAYERS.items())
def test_a_cell_meets_its_own_rivals(cell, layer):
    names = {e.name for e in train_step.rivals(CASES[cell])}
    by_hand = {"tuned NumPy", "PyTorch, own loop"} if cell == "elman" else set()
    ours = {"elman.train", "elman.train, reference"}
    assert names == ours | {"careful NumPy", f"PyTorch {layer}", "JAX lax.scan"} | by_hand


def test_no_time_is_told_when_answers_differ(capsys, monkeypatch):
    """The whole program, its rivals in this process: the planted one ends it before a block is timed."""

    class Timed(Player):
        def block(self):
            raise AssertionError("a block was timed")

    made = {"elman_train:reference": Elman, "product:make": Careful, "numpy_careful:make": StepsTooFar}
    made["numpy_tuned:make"] = Tuned

    class Here:
        def __init__(self, make, threads, case, flat, batches, play):
            self._player = Timed(made[make](case, flat), batches)

        def __enter__(self):
            return self._player

        def __exit__(self, *exception):
            return None

    monkeypatch.setattr(entries.processes, "start", Here)
    monkeypatch.setattr(train_step, "RIVALS", [e for e in train_step.RIVALS if e.needs == "numpy"])
    monkeypatch.setattr(sys, "argv", ["train_step.py", "--case", "7,3,4"])
    with pytest.raises(Disagreement, match="careful NumPy, 1 thread differs"):
        train_step.main()
    assert capsys.readouterr().out == ""


def test_threads_that_change_a_bit_are_refused(batches):
    case, start = CASES["elman"], draw(CASES["elman"])
    given = {count: answers(Elman(case, start), batches) for count in (1, 2)}
    scaling.check(case, given)
    given[2].tensors["parameters"][3] = np.nextafter(given[2].tensors["parameters"][3], np.float32(9))
    with pytest.raises(Disagreement, match="other bits on 2 threads than on 1"):
        scaling.check(case, given)


class ForgetsItsState(Textbook):
    def step(self, symbol):
        self._state = tuple(np.zeros_like(s) for s in self._state)
        return super().step(symbol)


class MistakesASymbol(Textbook):
    def step(self, symbol):
        return super().step(symbol - (symbol == 3))


TEXT = np.random.default_rng(2).integers(0, 5, 300)


@pytest.mark.parametrize("wrong", [ForgetsItsState, MistakesASymbol])
@pytest.mark.parametrize("cell", CASES)
def test_a_wrong_step_is_refused(wrong, cell):
    case, start = CASES[cell], draw(CASES[cell])
    given = {make.__name__: streams.Walker(make(case, start), TEXT).answers() for make in (Textbook, wrong)}
    with pytest.raises(Disagreement, match=wrong.__name__):
        streams.check_probabilities(case, given)
    assert streams.check_probabilities(case, {"one": given["Textbook"], "two": given["Textbook"][-1:]}) == 0


@pytest.mark.parametrize("cell", CASES)
def test_elman_and_the_textbook_write_the_same(cell):
    case, start = CASES[cell], draw(CASES[cell])
    rivals = {"elman": Generate(case, start, "reference"), "textbook": Textbook(case, start)}
    texts = {name: streams.Writer(rival, TEXT).answers() for name, rival in rivals.items()}
    streams.check_texts(case, texts)
    assert len(set(texts["elman"])) > 2
    with pytest.raises(Disagreement, match="the 200th"):
        streams.check_texts(case, {**texts, "wrong": [*texts["elman"][:-1], 7]})


@pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")
def test_the_bandwidth_of_the_caches_is_that_of_reading_everything():
    found, expected = Bandwidth(Case(5, 24, 1, 1), draw(CASES["elman"])).outputs(TEXT)
    assert np.array_equal(found, expected)
    assert expected.any()


def test_a_part_of_the_results_is_replaced_and_the_others_stay(monkeypatch, tmp_path):
    monkeypatch.setattr(results, "FILE", tmp_path / "RESULTS.md")
    for title, body in [("B", "one"), ("A", "two\n\n### part\n\nthree"), ("B", "four")]:
        results.write(title, body)
    assert results.FILE.read_text("utf-8") == (
        f"{results.HEAD}\n## A\n\ntwo\n\n### part\n\nthree\n\n## B\n\nfour\n"
    )
