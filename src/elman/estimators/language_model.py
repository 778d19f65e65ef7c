"""Texts: how likely they are, and how they go on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from elman import sampling
from elman.cells import find
from elman.data import (
    Batch,
    Corpus,
    Data,
    Lines,
    Streams,
    Vocabulary,
    corpus_from_text,
    split_lines,
    split_stream,
    whole,
)
from elman.data.vocabulary import Kind
from elman.errors import DataError
from elman.evaluation import evaluate, score_lines
from elman.network import Network
from elman.numerics import Array

from .base import Recurrent
from .predicting import outputs
from .running import keep, learn, learn_more, seed_of


@dataclass(kw_only=True, eq=False, repr=False)
class LanguageModel(Recurrent):
    """Predict each symbol of a text from those before it.

    X is a list of texts, each of one line, which are learned and judged one by one from start to end; or one
    text, in which the state flows on from beginning to end.

    kind, min_count, vocab_size   chars, bytes, words or bpe, and which are kept: as in `read_corpus`.
    embedding_size   symbols go through an embedding; `tied`: which is the output's matrix, too.
    seq_length       the symbols in a window of training.
    The other parameters and what fit learns are said in `Recurrent`; here also vocabulary_ and lines_,
    whether texts were learned one by one. The command line reads the files that `save` writes.

    >>> model = LanguageModel(hidden_size=16, epochs=60).fit(["abcabc", "bcab", "cabcabca"])
    >>> model.sample("ab", length=4, temperature=0), model.predict(["bca"])
    ('cabc', array(['b'], dtype='<U1'))
    """

    reads: ClassVar[tuple[str, ...]] = ("string",)
    learns: ClassVar[tuple[str, ...]] = ("lines", "vocabulary")

    kind: Kind = "chars"
    min_count: int | None = None
    vocab_size: int | None = None
    embedding_size: int | None = None
    tied: bool = False
    seq_length: int = 64

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from texts; whatever was learned before is forgotten. y is not looked at.

        Raises: DataError for what cannot be learned from: no text, an empty one, several lines in a text of a
                list, a text that is too short; OptionError for a parameter.
        """
        corpus, lines = self._read(X, anew=True)
        seed, fraction = seed_of(self), 0.0 if self.patience is None else self.validation_fraction
        if lines:
            kept, held = split_lines(corpus.symbols, corpus.vocabulary.line_end or 0, fraction, seed)
        else:
            kept, held = split_stream(corpus.symbols, fraction)
        data = self._data(corpus, lines, kept)
        validation = partial(self._once, corpus, lines, held) if len(held) else None
        learned = learn(self, self._network(corpus.vocabulary, seed), data, validation, seed)
        keep(self, learned | {"vocabulary_": corpus.vocabulary, "lines_": lines})
        return self

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Go through these texts once, on from where `fit` or the last call stopped.

        The first call of all learns the vocabulary from its texts.
        Raises: as `fit`.
        """
        anew = not self.__sklearn_is_fitted__()
        corpus, lines = self._read(X, anew=anew)
        network = self._network(corpus.vocabulary, seed_of(self)) if anew else self.running_network()
        data = self._data(corpus, lines, None if lines else corpus.symbols)
        keep(self, learn_more(self, network, data) | {"vocabulary_": corpus.vocabulary, "lines_": lines})
        return self

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log-probability of a symbol in nats: the higher the better, 0 is certainty.

        Of a list of texts, the end of each is a symbol, too.
        Raises: NotFittedError; DataError when X is one text and fit had a list, or the other way round.
        """
        check_is_fitted(self)
        corpus, lines = self._read(X, anew=False)
        batches = self._once(corpus, lines, None if lines else corpus.symbols)
        return -evaluate(self.running_network(), batches).loss

    def perplexity(self, X: Any) -> float:
        """Return exp(-score): among how many equally likely symbols the model wavers.

        Raises: as `score`.
        """
        return math.exp(-self.score(X))

    def score_samples(self, X: Any) -> Array:
        """Return the log-probability of each text and its end, in nats: "n".

        Raises: as `score`; DataError when the model learned one text.
        """
        check_is_fitted(self)
        self._read(X, anew=False)
        if not self.lines_:
            raise DataError("the model learned one text, in which none stands alone; score judges it")
        scores = score_lines(self.running_network(), self.vocabulary_, X, carry=False)
        return np.array([-score.bits * math.log(2) for score in scores])

    def predict(self, X: Any) -> Array:
        """Return the most probable symbol after each text: "n", str. The end of a text is a line end.

        Raises: as `predict_proba`.
        """
        chances = self.predict_proba(X)
        if self.vocabulary_.unknown is not None:
            chances[:, self.vocabulary_.unknown] = -1
        return np.array([self.vocabulary_.decode([k]) for k in chances.argmax(axis=1)])

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each symbol of vocabulary_ after each text: "n V".

        Raises: NotFittedError; DataError for what is no list of texts.
        """
        check_is_fitted(self)
        texts = _listed(X)
        if self.lines_:
            read = [sampling.read_line(self.vocabulary_, text) for text in texts]
        else:
            read = [self.vocabulary_.encode(text) for text in texts]
        if not all(map(len, read)):
            raise DataError("a text of X is empty; give a symbol or more to go on from")
        return np.stack([found[-1] for found in outputs(self.running_network(), read)])

    def sample(
        self,
        prime: str = "",
        *,
        length: int = 200,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        stop: str | None = None,
        random_state: int = 0,
    ) -> str:
        """Return a text that goes on from a prime, as `elman.sample`; texts of a list end where lines do.

        Raises: NotFittedError; OptionError for an option out of range.
        """
        check_is_fitted(self)
        return sampling.sample(
            self.running_network(),
            self.vocabulary_,
            prime,
            length=length,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            stop="\n" if self.lines_ and stop is None else stop,
            lines=self.lines_,
            seed=random_state,
        )

    def _read(self, X: Any, *, anew: bool) -> tuple[Corpus, bool]:
        """Return texts as symbols, and whether they are read one by one."""
        lines = not isinstance(X, str)
        if not anew and lines != self.lines_:
            wanted = "a list of texts" if self.lines_ else "one text (str)"
            raise DataError(f"fit had {wanted}; give the same here")
        text = "\n".join(_listed(X, one_line=True)) if lines else X
        options: dict[str, Any] = {"vocabulary": None if anew else self.vocabulary_}
        if anew:
            options |= {"kind": self.kind, "min_count": self.min_count, "vocab_size": self.vocab_size}
        return corpus_from_text(text, lines=lines, source="X", **options), lines

    def _network(self, vocabulary: Vocabulary, seed: int) -> Network:
        return Network(
            input_size=vocabulary.size,
            output_size=vocabulary.size,
            embedding_size=self.embedding_size,
            tied=self.tied,
            seed=seed,
            **self.network_options(),
        )

    def _data(self, corpus: Corpus, lines: bool, part: Array | None) -> Data:
        """Return what to train on: the lines of these rows (none: all), or these symbols."""
        if part is None or lines:
            end = corpus.vocabulary.line_end or 0
            return Lines(corpus.symbols, end, self.batch_size, self.seq_length, part)
        cell = find(self.cell, self.activation)
        return Streams(part, self.batch_size, self.seq_length, cell.restart_every)

    def _once(self, corpus: Corpus, lines: bool, part: Array | None) -> Iterable[Batch]:
        """Return what to judge by: the lines of these rows (none: all), or these symbols."""
        if part is None or lines:
            end = corpus.vocabulary.line_end or 0
            return Lines(corpus.symbols, end, self.batch_size, self.seq_length, part).once()
        return whole(part)


def _listed(X: Any, *, one_line: bool = False) -> list[str]:
    """Return a list of texts.

    Raises: DataError for anything else, and where they should be of one line for others and empty ones.
    """
    texts = list(X) if isinstance(X, Iterable) and not isinstance(X, str) else []
    if not texts or not all(isinstance(text, str) for text in texts):
        raise DataError("X is no list of texts (str); expected one text or more")
    for k, text in enumerate(texts if one_line else []):
        if not text or "\n" in text:
            fault = "has several lines; give one text, or replace the line ends" if text else "is empty"
            raise DataError(f"text {k} of X {fault}")
    return texts
