"""How a run begins: anew, from another model's weights, or where a checkpoint stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from elman.data.reading import display_name
from elman.errors import FormatError
from elman.network import Network
from elman.spec import Spec
from elman.training import start as new_training

from .common import open_model
from .memory import check_memory
from .places import check_other, check_places, model_of
from .run import Run
from .settings import Settings, resumed
from .texts import read_texts


def start(s: Settings, output: str) -> Run:
    """Prepare a new run."""
    check_places(output, {"FILE": s.file, "--valid": s.valid, "--init-from": s.init_from})
    if s.init_from is None:
        texts = read_texts(s, None)
        size = texts.corpus.vocabulary.size
        spec = Spec(s.cell, s.activation, size, s.hidden_size, size, s.num_layers, s.dtype)
        check_memory(spec, *texts.largest_batch)
        network = Network(**asdict(spec), seed=s.seed)
    else:
        model, vocabulary, _ = open_model(s.init_from)
        network = model.network
        texts = read_texts(s, vocabulary)
        check_memory(network.spec, *texts.largest_batch)
    return Run(s, texts, network, new_training(network, s.optimizer), output)


def go_on(checkpoint: str, given: Mapping[str, Any], output: str | None) -> Run:
    """Prepare a run that goes on where a checkpoint stopped, on the same text."""
    model, vocabulary, record = open_model(checkpoint)
    name = display_name(checkpoint)
    s = resumed(model.record, given, name)
    output = model_of(checkpoint) if output is None else output
    check_places(output, {"FILE": s.file, "--valid": s.valid})
    check_other(output, "--resume", checkpoint)
    if (
        model.training is None
        or model.training.memory.shape != new_training(model.network, s.optimizer).memory.shape
    ):
        raise FormatError(f"{name}: its settings and what it holds of the run do not agree")
    texts = read_texts(s, vocabulary, record)
    check_memory(model.network.spec, *texts.largest_batch)
    return Run(s, texts, model.network, model.training, output)
