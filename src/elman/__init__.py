"""Recurrent networks you can read, train on a laptop and trust.

RNN                          the network of the equations, one step at a time; the loop over time is yours
Network                      layers of cells, a head and an engine: run, step, forward, backward
Batch, bptt                  backpropagation through time: full, truncated, checkpointed
gradcheck                    is a gradient the derivative of its loss?
train                        a generator of Progress; optimizers, schedules
evaluate, score_lines        nats and bits per symbol, of a whole text or of each line
sample, generate, generate_many, beam_search
save, load                   one file: weights, spec, vocabulary, record
data                         vocabularies, corpora, streams, lines
inspection                   what a network remembers, why it learns or not: measures, report, plots

Names are loaded when they are first used, so that `elman --help` does not wait for NumPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lazily import lazily

if TYPE_CHECKING:
    from . import bptt, data, optimizers, schedules
    from .data import Batch, Vocabulary, whole
    from .decoding import beam_search, generate, generate_many
    from .errors import (
        DataError,
        ElmanError,
        EngineError,
        FileError,
        FormatError,
        NumericError,
        OptionError,
        ResourceError,
        ShapeError,
    )
    from .evaluation import Evaluation, evaluate, score_lines
    from .finite_differences import gradcheck, numerical_gradient
    from .network import Network
    from .numerics import log_softmax, softmax
    from .persistence import Model, load, save
    from .rnn import RNN
    from .sampling import sample
    from .training import Progress, Training, train

__version__ = "0.1.0"

_HOME = {
    "data": ["Batch", "Vocabulary", "whole"],
    "decoding": ["beam_search", "generate", "generate_many"],
    "errors": [
        "DataError",
        "ElmanError",
        "EngineError",
        "FileError",
        "FormatError",
        "NumericError",
        "OptionError",
        "ResourceError",
        "ShapeError",
    ],
    "evaluation": ["Evaluation", "evaluate", "score_lines"],
    "finite_differences": ["gradcheck", "numerical_gradient"],
    "network": ["Network"],
    "numerics": ["log_softmax", "softmax"],
    "persistence": ["Model", "load", "save"],
    "rnn": ["RNN"],
    "sampling": ["sample"],
    "training": ["Progress", "Training", "train"],
}
# Not in __all__: estimators need an extra, and inspection knows them all.
_ROOMS = ("bptt", "data", "estimators", "inspection", "optimizers", "schedules")

__all__ = [
    "RNN",
    "Batch",
    "DataError",
    "ElmanError",
    "EngineError",
    "Evaluation",
    "FileError",
    "FormatError",
    "Model",
    "Network",
    "NumericError",
    "OptionError",
    "Progress",
    "ResourceError",
    "ShapeError",
    "Training",
    "Vocabulary",
    "beam_search",
    "bptt",
    "data",
    "evaluate",
    "generate",
    "generate_many",
    "gradcheck",
    "load",
    "log_softmax",
    "numerical_gradient",
    "optimizers",
    "sample",
    "save",
    "schedules",
    "score_lines",
    "softmax",
    "train",
    "whole",
]


__getattr__ = lazily(__name__, _HOME, _ROOMS)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
