"""Estimators with the conventions of scikit-learn: an extra, `pip install 'elman[sklearn]'`.

SequenceClassifier   a label for each sequence
SequenceTagger       a label for each step
SequenceRegressor    numbers for each sequence, or for each step
Forecaster           how a series goes on
LanguageModel        texts: how likely they are, and how they go on
load                 an estimator from the file that its `save` wrote

X is what users have: a list of unequal sequences, a table with a sequence in each row, an array "n T I", rows
of all sequences one below the other with `lengths`, or texts (see `SequenceClassifier`).
"""

from __future__ import annotations

from importlib.util import find_spec

from elman.errors import OptionError

if find_spec("sklearn") is None:
    raise OptionError("elman.estimators need scikit-learn: pip install 'elman[sklearn]'")

import os

from . import saving
from .base import Recurrent
from .classifier import SequenceClassifier
from .forecaster import Forecaster
from .language_model import LanguageModel
from .regressor import SequenceRegressor
from .tagger import SequenceTagger

ESTIMATORS: dict[str, type[Recurrent]] = {
    estimator.__name__: estimator
    for estimator in (SequenceClassifier, SequenceTagger, SequenceRegressor, Forecaster, LanguageModel)
}


def load(path: str | os.PathLike[str], *, engine: str = "auto", threads: int | None = None) -> Recurrent:
    """Return the fitted estimator in a file that `save` wrote, whichever it is; nothing in it can run.

    Its parameters engine and threads are those given here: no file says which.
    Raises: OptionError, EngineError for those that are not there; FileError when the file cannot be opened;
            FormatError when it is damaged or holds no estimator.

    >>> import tempfile
    >>> model = SequenceClassifier(hidden_size=4, epochs=1).fit([[0.1, 0.2], [0.3, 0.1]], ["a", "b"])
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     model.save(os.path.join(directory, "model.safetensors"))
    ...     load(os.path.join(directory, "model.safetensors"))
    SequenceClassifier(epochs=1, hidden_size=4)
    """
    estimator: Recurrent = saving.read(path, ESTIMATORS, engine=engine, threads=threads)
    return estimator


__all__ = [
    "ESTIMATORS",
    "Forecaster",
    "LanguageModel",
    "SequenceClassifier",
    "SequenceRegressor",
    "SequenceTagger",
    "load",
]
