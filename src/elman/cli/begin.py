"""How a run begins: anew, from another model's weights, or where a checkpoint stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elman import persistence
from elman.cells import find
from elman.data.reading import display_name
from elman.engines import ENGINES
from elman.errors import FormatError
from elman.network import Network
from elman.training import start as new_training

from .checks import check_beside_model
from .columns import read_tables
from .common import is_tabular, read_record, tell, text_vocabulary
from .engine import EngineChoice
from .flags import told_in_flags
from .memory import check_memory
from .places import check_other, check_places, model_of
from .run import Run
from .settings import Settings, resumed, with_defaults
from .tabular import form_of
from .texts import read_texts
from .work import Work

TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")


def start(given: Mapping[str, Any], output: str, on: EngineChoice) -> Run:
    """Prepare a new run."""
    init_from = given.get("init_from")
    check_places(output, {"FILE": given.get("file"), "--valid": given.get("valid"), "--init-from": init_from})
    if init_from is not None:
        return _start_from(init_from, given, output, on)
    s = with_defaults(given)
    if not s.target and str(s.file).lower().endswith(TABLES):
        tell(f"elman: {display_name(str(s.file))} is read as a text; for a table name its --target")
    work: Work = read_tables(s, None) if s.target else read_texts(s, find(s.cell, s.activation), None)
    with told_in_flags():
        spec = work.spec()
        check_memory(spec, *work.largest_batch())
        network = Network(**vars(spec), seed=s.seed, initialization=s.initialization, **on)
    return Run(s, work, network, new_training(network, s.optimizer), output, on["threads"])


def _start_from(path: str, given: Mapping[str, Any], output: str, on: EngineChoice) -> Run:
    """Prepare a new run from the weights of a model, and its vocabulary or what it knows of columns."""
    model = persistence.load(path, **on)
    check_beside_model(given, table=is_tabular(model))
    s = with_defaults(
        dict(given) | ({"target": form_of(model, path).layout.targets} if is_tabular(model) else {})
    )
    work = _work(s, model, path)
    check_memory(model.network.spec, *work.largest_batch())
    return Run(s, work, model.network, new_training(model.network, s.optimizer), output, on["threads"])


def go_on(checkpoint: str, given: Mapping[str, Any], output: str | None, on: EngineChoice) -> Run:
    """Prepare a run that goes on where a checkpoint stopped, on the same data."""
    model = _as_begun(checkpoint, on)
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
    work = _work(s, model, checkpoint, resume=True)
    check_memory(model.network.spec, *work.largest_batch())
    return Run(s, work, model.network, model.training, output, on["threads"])


def _as_begun(checkpoint: str, on: EngineChoice) -> persistence.Model:
    """Load a checkpoint on the engine that its run began with, for the same bytes; tell if it is another."""
    model = persistence.load(checkpoint, **on)
    begun, here = read_record(model, checkpoint).engine, model.network.machine.engine.name
    if begun == here or begun not in ENGINES:
        return model
    if begun == "reference" and on["engine"] == "auto":
        return persistence.load(checkpoint, engine=begun)
    tell(f"elman: the run began with the engine {begun}; with {here} its last digits will be others")
    return model


def _work(s: Settings, model: persistence.Model, path: str, *, resume: bool = False) -> Work:
    """Read the data as a model reads them; those of a run that goes on must be the same."""
    record = read_record(model, path) if resume else None
    if is_tabular(model):
        return read_tables(s, form_of(model, path), record)
    cell = find(model.network.spec.cell, model.network.spec.activation)
    return read_texts(s, cell, text_vocabulary(model, path), record)
