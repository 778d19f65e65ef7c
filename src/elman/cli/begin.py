"""How a run begins: anew, from another model's weights, or where a checkpoint stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from elman import persistence
from elman.cells import find
from elman.data.reading import display_name
from elman.engines.loading import VARIABLE, instruction_set, why_not
from elman.errors import EngineError, FormatError, OptionError
from elman.network import Network
from elman.training import start as new_training

from .checks import check_beside_model
from .columns import read_tables
from .common import is_tabular, read_record, tell, text_vocabulary
from .engine import EngineChoice
from .flags import told_in_flags
from .log import Log, go_on_with, new_log
from .memory import check_run
from .places import check_anew, check_beside, check_other, check_places, checkpoint_of, model_of
from .report import check_report, report_of
from .run import Run
from .settings import Settings, resumed, with_defaults
from .tabular import form_of
from .texts import read_texts
from .work import Work

UNFUSED = "baseline"  # the one instruction set whose last digits are others
TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")


def start(
    given: Mapping[str, Any], output: str, log: str | None, on: EngineChoice, *, report: str | None = None
) -> Run:
    """Prepare a new run."""
    inputs = {"FILE": given.get("file"), "--valid": given.get("valid"), "--init-from": given.get("init_from")}
    check_places(output, inputs)
    check_anew(output)
    _check_beside(log, report, output, inputs)
    begun = new_log(log)
    if inputs["--init-from"] is not None:
        run = _start_from(inputs["--init-from"], given, output, begun, on)
        return replace(run, report=report_of(report, run.work, run.network.spec))
    s = with_defaults(given)
    if not s.target and str(s.file).lower().endswith(TABLES):
        tell(f"elman: {display_name(str(s.file))} is read as a text; for a table name its --target")
    work: Work = read_tables(s, None) if s.target else read_texts(s, find(s.cell, s.activation), None)
    with told_in_flags():
        spec = work.spec()
        check_run(spec, work, s, on)
        page = report_of(report, work, spec)
        network = Network(**vars(spec), seed=s.seed, initialization=s.initialization, **on)
    return Run(s, work, network, new_training(network, s.optimizer), output, on["threads"], begun, page)


def _start_from(path: str, given: Mapping[str, Any], output: str, log: Log | None, on: EngineChoice) -> Run:
    """Prepare a new run from the weights of a model, and its vocabulary or what it knows of columns."""
    model = persistence.load(path, **on)
    check_beside_model(given, table=is_tabular(model))
    s = with_defaults(
        dict(given) | ({"target": form_of(model, path).layout.targets} if is_tabular(model) else {})
    )
    work = _work(s, model, path)
    check_run(model.network.spec, work, s, on)
    return Run(s, work, model.network, new_training(model.network, s.optimizer), output, on["threads"], log)


def go_on(
    checkpoint: str,
    given: Mapping[str, Any],
    output: str | None,
    log: str | None,
    on: EngineChoice,
    *,
    report: str | None = None,
) -> Run:
    """Prepare a run that goes on where a checkpoint stopped, on the same data."""
    model = _as_begun(checkpoint, on)
    name = display_name(checkpoint)
    s = resumed(model.record, given, name)
    output = model_of(checkpoint) if output is None else output
    inputs = {"FILE": s.file, "--valid": s.valid}
    check_places(output, inputs)
    check_other(output, "--resume", checkpoint)
    _check_beside(log, report, output, inputs | {"--resume": checkpoint})
    if (
        model.training is None
        or model.training.memory.shape != new_training(model.network, s.optimizer).memory.shape
    ):
        raise FormatError(f"{name}: its settings and what it holds of the run do not agree")
    record = read_record(model, checkpoint)
    kept = go_on_with(record.log, log)
    work = _work(s, model, checkpoint, resume=True)
    check_run(model.network.spec, work, s, on)
    page = report_of(report, work, model.network.spec)
    threads, history = on["threads"], record.history
    return Run(s, work, model.network, model.training, output, threads, kept, page, history)


def _check_beside(log: str | None, report: str | None, output: str, inputs: Mapping[str, str | None]) -> None:
    """Check where else the run writes."""
    others = {**inputs, "-o": output, "the checkpoint": checkpoint_of(output)}
    if log is not None:
        check_beside("--log", log, others)
    if report is not None:
        check_beside("--report", report, others | {"--log": log})
        check_report(report)


def _as_begun(checkpoint: str, on: EngineChoice) -> persistence.Model:
    """Load a checkpoint on the engine that its run began with: another one computes other last digits.

    Raises: OptionError when another is asked for; EngineError when that one is not here.
    """
    model, name = persistence.load(checkpoint, **on), display_name(checkpoint)
    record, here = read_record(model, checkpoint), model.network.machine.engine.name
    if record.engine == "reference" and on["engine"] == "auto":
        return persistence.load(checkpoint, engine="reference")
    if record.engine == "native" and here != "native" and on["engine"] == "auto":
        raise EngineError(
            f"{name}: the run began with the compiled engine, which is {why_not()}; make it work again, or "
            "start a new run from its weights with --init-from"
        )
    differing = ""
    if record.engine not in (here, ""):
        differing = f"--engine {here} (the run has {record.engine[:20]})"
    elif here == "native" and (record.instruction_set == UNFUSED) != (instruction_set() == UNFUSED):
        differing = f"{VARIABLE} {instruction_set()} (the run has {record.instruction_set[:20] or 'another'})"
    if differing:
        raise OptionError(
            f"{name}: --resume goes on with the same run, but these differ: {differing}. Let it keep its "
            "own, or start a new run from its weights with --init-from"
        )
    return model


def _work(s: Settings, model: persistence.Model, path: str, *, resume: bool = False) -> Work:
    """Read the data as a model reads them; those of a run that goes on must be the same."""
    record = read_record(model, path) if resume else None
    if is_tabular(model):
        return read_tables(s, form_of(model, path), record)
    cell = find(model.network.spec.cell, model.network.spec.activation)
    return read_texts(s, cell, text_vocabulary(model, path), record)
