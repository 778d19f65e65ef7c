"""Training: a generator of Progress. The caller prints, plots, saves or stops; there are no callbacks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from . import bptt, optimizers, schedules, showing
from .data import Batch, Data
from .errors import NumericError, OptionError
from .limits import Limit, check_count
from .network import Network
from .noise import Noise
from .numerics import Array
from .optimizers import Optimizer
from .schedules import Schedule
from .states import State

Validation = Callable[[Network], float]

WIDE = 256  # units; the learning rates of the optimizers were found at 128 and 256


@dataclass(repr=False)
class Training:
    """All that a run needs to go on, next to the parameters: save it, hand it back, and nothing changes.

    It belongs to the run and moves with it: copy or save its arrays before asking for the next step.
    """

    step: int = 0
    seconds: float = 0.0
    memory: Array = field(default_factory=lambda: np.zeros((0, 0)))  # of the optimizer, "slots P"
    hidden: State | None = field(default=None, repr=False)  # of each stream, where the last window ended
    validation_losses: list[float] = field(default_factory=list)
    best_step: int = 0
    best: Array | None = None  # the flat parameters with the lowest validation loss

    __repr__, _repr_html_ = showing.line, showing.fields

    @property
    def best_loss(self) -> float:
        """The lowest validation loss; infinity before the first."""
        return min(self.validation_losses, default=math.inf)


@dataclass(frozen=True, repr=False)
class Progress:
    """One step of training, told."""

    step: int
    epoch: int  # 1 is the first
    fraction: float  # of the run, 0 to 1
    loss: float  # the head's mean (softmax: nats per symbol) on this step's batch, before its update
    validation_loss: float | None  # on the steps that validate
    gradient_norm: float  # before clipping
    learning_rate: float
    symbols_per_second: float  # of this step
    seconds: float  # since the start, pauses between resumed runs left out
    training: Training = field(repr=False)

    __repr__, _repr_html_ = showing.line, showing.fields


def train(
    network: Network,
    data: Data,
    *,
    steps: int | None = None,
    epochs: float | None = None,
    minutes: float | None = None,
    optimizer: str | Optimizer = "adam",
    learning_rate: float | None = None,
    weight_decay: float | None = None,
    schedule: str | Schedule = "cosine",
    clip: float | None = 1.0,
    validation: Validation | None = None,
    validate_every: int = 500,
    patience: int | None = None,
    seed: int = 0,
    reduce: Callable[[Array], None] | None = None,
    training: Training | None = None,
) -> Iterator[Progress]:
    """Train in place by truncated backpropagation through time; yield Progress after every step.

    The state flows from batch to batch unless a batch is fresh. One of steps, epochs and minutes says how
    long. `learning_rate` is the highest (none: the optimizer's own, less in proportion beyond 256 units: the
    best rate falls with the width, Yang et al. 2022, arXiv:2203.03466); `weight_decay` draws every parameter
    toward 0 (none: as the optimizer does); `clip` limits the gradient's norm (none: no limit).
    `validation(network)` returns a loss, best the lowest, and is called every `validate_every` steps and at
    the end; after `patience` validations without a better one the run ends (none: it goes on);
    `training.best` holds the best parameters. `reduce` may change the flat gradient in place before it is
    clipped; `training` goes on with an interrupted run, on the same data, with the same options and the
    parameters it had. Dropout and zoneout draw their noise from (seed, step).
    Raises: when the first step is asked for, OptionError for an option out of range; NumericError at the
            first number that is not finite, naming the step and the parameter: what the step before left,
            parameters and training, is kept.

    >>> from elman import Network
    >>> from elman.data import Streams
    >>> network = Network(input_size=3, hidden_size=8, output_size=3)
    >>> data = Streams(np.arange(200) % 3, batch_size=2, seq_length=10)
    >>> losses = [step.loss for step in train(network, data, steps=60, learning_rate=0.02)]
    >>> losses[-1] < 0.1 < 1.0 < losses[0]
    True
    """
    limit, shape = Limit(steps, epochs, minutes), schedules.find(schedule)
    rule = optimizers.find(optimizer, weight_decay)
    highest = _highest_rate(learning_rate, rule, network)
    threshold = math.inf if clip is None else _positive("clip", clip)
    _check_validations(validate_every, patience, validation)
    run = start(network, rule) if training is None else _fitting(training, network, rule)
    began, epoch_steps = time.perf_counter() - run.seconds, data.steps_per_epoch
    fraction = limit.fraction(run.step, run.seconds, epoch_steps)
    for batch in data.batches(seed, run.step):
        if fraction >= 1 or _exhausted(run, patience):
            return
        step_began = time.perf_counter()
        rate = highest * shape(fraction, run.validation_losses)
        loss, norm = _step(network, batch, run, rule, rate, seed=seed, threshold=threshold, reduce=reduce)
        speed = batch.count / max(time.perf_counter() - step_began, 1e-9)  # a clock may be coarse
        ended = limit.fraction(run.step, time.perf_counter() - began, epoch_steps) >= 1
        validated = _validate(network, validation, run) if ended or run.step % validate_every == 0 else None
        run.seconds = time.perf_counter() - began
        fraction = limit.fraction(run.step, run.seconds, epoch_steps)
        told = (min(fraction, 1.0), loss, validated, norm, rate, speed, run.seconds, run)
        yield Progress(run.step, (run.step - 1) // epoch_steps + 1, *told)


def start(network: Network, optimizer: str | Optimizer = "adam") -> Training:
    """Return the training of a run that has not begun."""
    flat = network.parameters.flat
    return Training(memory=np.zeros((optimizers.find(optimizer).slots, flat.size), flat.dtype))


def _fitting(training: Training, network: Network, rule: Optimizer) -> Training:
    """Refuse to go on with the memory of another optimizer or network."""
    fresh = start(network, rule).memory
    if training.memory.shape != fresh.shape or training.memory.dtype != fresh.dtype:
        raise OptionError(
            f"the training to go on with has an optimizer memory of {training.memory.dtype} "
            f"{training.memory.shape}; {rule.name} on this network has {fresh.dtype} {fresh.shape}: "
            "go on with the network and the optimizer that it began with"
        )
    return training


def _step(
    network: Network,
    batch: Batch,
    run: Training,
    rule: Optimizer,
    rate: float,
    *,
    seed: int,
    threshold: float,
    reduce: Callable[[Array], None] | None,
) -> tuple[float, float]:
    """Take one step; return (loss, gradient norm). On numbers that are not finite nothing is changed."""
    flat, noise = network.parameters.flat, Noise(seed, run.step) if network.spec.noisy else None
    with np.errstate(over="ignore", invalid="ignore"):  # looked for, and named, here
        loss, gradient, hidden = bptt.full(network, batch, None if batch.fresh else run.hidden, noise=noise)
        if reduce is not None:
            reduce(gradient)
        norm = math.sqrt(network.machine.engine.square_sum(gradient))
    if not (math.isfinite(loss) and math.isfinite(norm)):
        found = f"loss {loss:.4g}, gradient norm {norm:.4g}"
        raise NumericError(_diagnosis(network, run, found, parameter=flat, gradient=gradient))
    if norm > threshold:
        gradient *= threshold / norm
    _update(network, run, rule, gradient, rate)
    run.step, run.hidden = run.step + 1, hidden
    return loss, norm


def _update(network: Network, run: Training, rule: Optimizer, gradient: Array, rate: float) -> None:
    """Change parameters and memory in place, or neither."""
    flat, memory, update = network.parameters.flat, run.memory, network.machine.engine.update
    if update is not None and rule.compiled is not None:
        how = {"t": run.step + 1, "rate": rate, "weight_decay": rule.weight_decay}
        if update(rule.compiled, flat, gradient, memory, **how):
            return
    before = flat.copy(), memory.copy()
    with np.errstate(over="ignore", invalid="ignore"):
        rule.update(flat, gradient, memory, run.step + 1, rate)
    if not (np.isfinite(flat).all() and np.isfinite(memory).all()):
        message = _diagnosis(network, run, f"learning rate {rate:.4g}", parameter=flat, memory=memory)
        flat[:], memory[:] = before
        raise NumericError(message)


def _diagnosis(network: Network, run: Training, found: str, **arrays: Array) -> str:
    """Name the first number that is not finite in the first array that has one."""
    names = network.parameters
    for what, array in arrays.items():
        wrong = np.flatnonzero(~np.isfinite(array))
        if len(wrong):
            place = names.name_at(int(wrong[0]) % len(names))
            found = f"{what} {place} is {array.flat[wrong[0]]} ({found})"
            break
    return (
        f"step {run.step + 1}: {found}; what step {run.step} left is kept. "
        "Lower the learning rate, or clip the gradient's norm"
    )


def _validate(network: Network, validation: Validation | None, run: Training) -> float | None:
    if validation is None:
        return None
    loss = float(validation(network))
    if not math.isfinite(loss):
        raise NumericError(f"step {run.step}: the validation loss is {loss}; lower the learning rate")
    if run.best is None or loss < run.best_loss:
        run.best, run.best_step = network.parameters.flat.copy(), run.step
    run.validation_losses.append(loss)
    return loss


def _highest_rate(learning_rate: float | None, rule: Optimizer, network: Network) -> float:
    own = rule.learning_rate * min(1, WIDE / max(network.spec.widths))
    return _positive("learning_rate", own if learning_rate is None else learning_rate)


def _check_validations(every: int, patience: int | None, validation: Validation | None) -> None:
    check_count("validate_every", every)
    if patience is not None:
        check_count("patience", patience)
        if validation is None:
            raise OptionError("patience counts validations, and there are none: give validation")


def _exhausted(run: Training, patience: int | None) -> bool:
    """Have the last `patience` validations brought nothing better?"""
    losses = run.validation_losses
    return bool(losses) and patience is not None and len(losses) - losses.index(min(losses)) > patience


def _positive(name: str, value: float) -> float:
    if not 0 < value < math.inf:
        raise OptionError(f"{name} is {value}; it must be more than 0")
    return value
