"""A label for each step of each sequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np

from elman.numerics import Array

from . import labels
from .base import Recurrent
from .learning import Aim, learn_sequences
from .predicting import answers
from .reading import Given


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceTagger(Recurrent):
    """Tell the class of each step of each sequence.

    X is what `SequenceClassifier` takes. y: for each sequence as many labels as it has steps (with `lengths`
    the labels of all sequences one after the other).

    bidirectional    read both ways: what a step is may depend on what follows it.
    embedding_size, class_weight, scale, min_count   as in `SequenceClassifier`.
    The other parameters and what fit learns are said in `Recurrent`; here also classes_, form_ and
    n_features_in_ (of numbers).

    >>> X = [["the", "cat", "sleeps"], ["the", "dog", "barks"]]
    >>> y = [["D", "N", "V"], ["D", "N", "V"]]
    >>> tagger = SequenceTagger(hidden_size=8, min_count=1, epochs=40).fit(X, y)
    >>> [tags.tolist() for tags in tagger.predict([["the", "cat", "barks"]])]
    [['D', 'N', 'V']]
    """

    reads: ClassVar[tuple[str, ...]] = ("three_d_array",)
    learns: ClassVar[tuple[str, ...]] = ("form", "classes")

    bidirectional: bool = True
    embedding_size: int | None = None
    class_weight: str | Mapping[Any, float] | None = None
    scale: bool = True
    min_count: int | None = None

    def fit(self, X: Any, y: Any, *, lengths: Any = None) -> Self:
        """Learn from sequences and their labels; whatever was learned before is forgotten.

        Raises: DataError, ShapeError, OptionError as `SequenceClassifier.fit`.
        """
        learn_sequences(self, X, lengths, partial(self._aim, y, None, lengths))
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, *, lengths: Any = None) -> Self:
        """Go through these sequences once, on from where `fit` or the last call stopped.

        The first call of all is told which `classes` there are; it learns vocabulary and scales from its X.
        Raises: as `fit`; DataError for a label that is none of the classes.
        """
        labels.check_partial(self, classes)
        learn_sequences(self, X, lengths, partial(self._aim, y, classes, lengths), once=True)
        return self

    def predict(self, X: Any, *, lengths: Any = None) -> list[Array]:
        """Return the most probable class of each step of each sequence: "T" each.

        Raises: NotFittedError; DataError, ShapeError for X as in `fit`.
        """
        found = answers(self, X, lengths)
        return [self.classes_[p.argmax(axis=1)] for p in found]

    def predict_proba(self, X: Any, *, lengths: Any = None) -> list[Array]:
        """Return the probability of each class, in the order of classes_, at each step: "T K" each."""
        return answers(self, X, lengths)

    def score(self, X: Any, y: Any, *, lengths: Any = None) -> float:
        """Return the accuracy: the share of all steps whose class is the one predicted.

        Raises: DataError for a label that fit has not seen.
        """
        guesses = [p.argmax(axis=1) for p in answers(self, X, lengths)]
        told = labels.read_label_rows(y, guesses, lengths)
        codes = labels.encode(self.classes_, np.concatenate(told))
        return float((np.concatenate(guesses) == codes).mean())

    def _aim(self, y: Any, classes: Any, lengths: Any, given: Given, kept: Array | None) -> Aim:
        told = labels.read_label_rows(y, given.rows, lengths)
        together = np.concatenate(told)
        known = labels.learn_classes(together, classes) if kept is not None else self.classes_
        codes = labels.encode(known, together)
        shares = labels.class_shares(self.class_weight, known, together)
        ends = np.cumsum([len(part) for part in told])[:-1]
        weights = None if shares is None else np.split(shares[codes], ends)
        options = {"readout": "every", "output_size": len(known)}
        return Aim(np.split(codes, ends), weights, options, {"classes_": known})
