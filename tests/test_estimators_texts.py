"""LanguageModel: texts one by one or one text, how likely they are, how they go on; and the missing extra."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from elman import evaluate, log_softmax
from elman.data import Streams, whole
from elman.errors import DataError, OptionError
from elman.estimators import LanguageModel
from estimator_cases import SMALL, TEXTS

LONG = "to be or not to be, that is the question. " * 12
GOOD = {"hidden_size": 16, "epochs": 40, "learning_rate": 0.02, "batch_size": 4, "seq_length": 16}


def stream(**options: Any) -> LanguageModel:
    return LanguageModel(**(SMALL | {"seq_length": 16} | options)).fit(LONG)


def test_one_text_is_learned_as_a_stream():
    model = stream(**GOOD)
    assert not model.lines_
    assert model.perplexity(LONG) < 1.5
    assert model.predict(["to be or no", "the questio"]).tolist() == ["t", "n"]
    assert model.sample("to be or ", length=10, temperature=0) == "not to be,"
    symbols = model.vocabulary_.encode(LONG)
    assert model.score(LONG) == pytest.approx(-evaluate(model.network_, whole(symbols)).nats)
    assert model.training_.step == 40 * Streams(symbols, 4, 16).steps_per_epoch


def test_the_score_of_texts_is_the_mean_over_their_symbols_and_ends():
    model = LanguageModel(**SMALL).fit(TEXTS)
    assert model.lines_
    found = model.score_samples(TEXTS)
    for text, came in zip(TEXTS, found, strict=True):
        symbols = model.vocabulary_.encode("\n" + text + "\n").astype(int)
        y, _ = model.network_.run(symbols[:-1])
        nats = log_softmax(y.astype(np.float64))[np.arange(len(text) + 1), symbols[1:]]
        assert came == pytest.approx(nats.sum(), rel=1e-5)
    assert model.score(TEXTS) == pytest.approx(found.sum() / sum(len(text) + 1 for text in TEXTS))
    assert model.perplexity(TEXTS) == pytest.approx(math.exp(-model.score(TEXTS)))


def test_what_comes_next_has_a_probability():
    model = LanguageModel(**SMALL).fit(TEXTS)
    chances = model.predict_proba(["", "ab", "abcabc"])
    assert chances.shape == (3, model.vocabulary_.size)
    assert chances.sum(axis=1) == pytest.approx(np.ones(3))
    y, _ = model.network_.run(model.vocabulary_.encode("\nab"))
    assert np.log(chances[1]) == pytest.approx(log_softmax(y[-1].astype(np.float64)), abs=1e-5)


def test_the_unknown_symbol_is_never_said():
    model = LanguageModel(**SMALL).fit(TEXTS)
    model.network_.parameters["head.c"][0] = 50
    assert model.predict_proba(["ab"]).argmax() == 0
    assert model.predict(["ab"])[0] in "abc\n"


def test_texts_end_where_lines_do():
    model = LanguageModel(**(GOOD | {"epochs": 80})).fit(TEXTS * 4)
    drawn = [model.sample(random_state=seed) for seed in range(20)]
    assert len(set(drawn)) > 1
    assert all("\n" not in text and len(text) < 100 for text in drawn)
    assert model.sample("ab", random_state=3) == model.sample("ab", random_state=3)


@pytest.mark.parametrize("kind", ["words", "bytes"])
def test_other_symbols(kind):
    model = LanguageModel(kind=kind, embedding_size=5, tied=True, **SMALL).fit(["to be", "or not", "to be"])
    assert model.vocabulary_.kind == kind
    assert model.predict_proba(["to"]).shape == (1, model.vocabulary_.size)
    assert isinstance(model.predict(["to"])[0], str)
    assert model.score(["to be"]) < 0


def test_lines_held_out_are_not_learned():
    texts = ["ab"] * 9 + ["xyz"]
    models = [
        LanguageModel(patience=2, validation_fraction=0.3, random_state=seed, **SMALL).fit(texts)
        for seed in range(3)
    ]
    assert all(len(model.validation_losses_) == model.n_iter_ for model in models)
    held = stream(patience=2, validation_fraction=0.5)
    assert len(held.validation_losses_) == held.n_iter_
    assert held.training_.step == held.n_iter_ * Streams(np.arange(len(LONG) // 2), 4, 16).steps_per_epoch


REFUSED: dict[str, tuple[Any, dict[str, Any], type[ValueError], str]] = {
    "none": ([], {}, DataError, "X is no list of texts"),
    "nothing at all": (None, {}, DataError, "X is no list of texts"),
    "nothing held out": (TEXTS, {"patience": 2, "validation_fraction": 0.0}, OptionError, "data held out"),
    "numbers": ([1, 2], {}, DataError, "X is no list of texts"),
    "empty": (["a", ""], {}, DataError, "text 1 of X is empty"),
    "nothing": ("", {}, DataError, "X is empty"),
    "several lines": (["a", "b\nc"], {}, DataError, "text 1 of X has several lines; give one text"),
    "short": ("abc", {}, DataError, "the text has 3 symbols"),
    "kind": (TEXTS, {"kind": "letters"}, OptionError, "letters"),
    "tied": (TEXTS, {"tied": True}, OptionError, "give embedding_size"),
    "min_count": (TEXTS, {"kind": "bytes", "min_count": 2}, OptionError, "min_count|bytes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_texts_that_cannot_be_learned_are_refused(name):
    texts, options, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        LanguageModel(**SMALL, **options).fit(texts)


def test_a_stream_and_lines_are_not_mixed():
    lines, text = LanguageModel(**SMALL).fit(TEXTS), stream()
    with pytest.raises(DataError, match="fit had a list of texts"):
        lines.score("abc")
    for ask in (text.score, text.partial_fit, text.score_samples):
        with pytest.raises(DataError, match="fit had one text"):
            ask(TEXTS)
    with pytest.raises(DataError, match="none stands alone"):
        text.score_samples(LONG)
    with pytest.raises(DataError, match="a text of X is empty"):
        text.predict(["a", ""])
    with pytest.raises(DataError, match="X is no list of texts"):
        lines.predict("abc")


def test_without_scikit_learn_the_extra_is_named():
    code = "import sys; sys.modules['sklearn'] = None; import elman.estimators"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert done.stderr.splitlines()[-1] == (
        "elman.errors.OptionError: elman.estimators need scikit-learn: pip install 'elman[sklearn]'"
    )


def test_elman_alone_does_not_import_scikit_learn():
    code = "import elman, sys; elman.Network; elman.train; assert 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
