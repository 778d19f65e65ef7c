"""A label for each sequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin

from elman.numerics import Array

from . import labels
from .base import Recurrent
from .learning import Aim, learn_sequences
from .predicting import answers
from .reading import Given


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceClassifier(ClassifierMixin, Recurrent):
    """Tell the class of each sequence.

    X is one of
        a list of arrays, one for each sequence, of any length: "T I" numbers, "T" floats (one feature), or
            "T" whole numbers, which are symbols;
        a table "n T", as everywhere in scikit-learn: a row is a sequence of one number a step (with
            `embedding_size`, whole numbers are symbols); or an array "n T I";
        the rows of all sequences one below the other, "N I" or "N", with `lengths` "n" that add up to N;
        a list of texts, which are read character by character, or of lists of words.
    y: a label for each: text, whole numbers, booleans.

    bidirectional    read both ways.          embedding_size   for symbols, characters and words.
    readout          what the class is told by: last, mean, max, concat or flatten, as in `Network`.
    class_weight     None: all examples count the same; "balanced": all classes do; or a dictionary.
    scale            bring features to mean 0 and deviation 1, learned from the sequences trained on.
    min_count        a character or word that occurs less often is unknown (none: 1 for characters, 2 for
                     words, so that the unknown word is learned).
    The other parameters and what fit learns are said in `Recurrent`; here also classes_, form_ (vocabulary
    and scales) and n_features_in_ (of numbers).

    >>> X = ["ab", "abab", "ba", "baba"]
    >>> classifier = SequenceClassifier(hidden_size=8, epochs=40).fit(X, ["up", "up", "down", "down"])
    >>> classifier.predict(["ababab", "ba"])
    array(['up', 'down'], dtype='<U4')
    """

    learns: ClassVar[tuple[str, ...]] = ("form", "classes")

    bidirectional: bool = False
    embedding_size: int | None = None
    readout: str = "last"
    class_weight: str | Mapping[Any, float] | None = None
    scale: bool = True
    min_count: int | None = None

    def fit(self, X: Any, y: Any, *, lengths: Any = None) -> Self:
        """Learn from sequences and their labels; whatever was learned before is forgotten.

        Raises: DataError for what cannot be learned from: no sequence, an empty one, NaN or infinity, a
                constant feature, a single class, X and y of unequal length, lengths that do not add up;
                ShapeError; OptionError for a parameter.
        """
        learn_sequences(self, X, lengths, partial(self._aim, y, None))
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, *, lengths: Any = None) -> Self:
        """Go through these sequences once, on from where `fit` or the last call stopped.

        The first call of all is told which `classes` there are; it learns vocabulary and scales from its X.
        Raises: as `fit`; DataError for a label that is none of the classes.
        """
        labels.check_partial(self, classes)
        learn_sequences(self, X, lengths, partial(self._aim, y, classes), once=True)
        return self

    def predict(self, X: Any, *, lengths: Any = None) -> Array:
        """Return the most probable class of each sequence.

        Raises: NotFittedError; DataError, ShapeError for X as in `fit`.
        """
        best = self.predict_proba(X, lengths=lengths).argmax(axis=1)
        found: Array = self.classes_[best]
        return found

    def predict_proba(self, X: Any, *, lengths: Any = None) -> Array:
        """Return the probability of each class, in the order of classes_: "n K"."""
        return np.stack(answers(self, X, lengths))

    def score(self, X: Any, y: Any, *, lengths: Any = None) -> float:
        """Return the accuracy: the share of the sequences whose class is the one predicted.

        Raises: DataError for a label that fit has not seen.
        """
        guesses = self.predict_proba(X, lengths=lengths).argmax(axis=1)
        told = labels.encode(self.classes_, labels.read_labels(self, y, len(guesses)))
        return float((guesses == told).mean())

    def _aim(self, y: Any, classes: Any, given: Given, kept: Array | None) -> Aim:
        told = labels.read_labels(self, y, len(given.rows))
        known = labels.learn_classes(told, classes) if kept is not None else self.classes_
        codes = labels.encode(known, told)
        shares = labels.class_shares(self.class_weight, known, told)
        weights = None if shares is None else shares[codes]
        return Aim(codes, weights, {"readout": self.readout, "output_size": len(known)}, {"classes_": known})
