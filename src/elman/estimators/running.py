"""Training behind every estimator: epochs, early stopping, and one pass more."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from elman.data import Batch, Data
from elman.errors import OptionError
from elman.evaluation import evaluate
from elman.network import Network
from elman.training import Progress, Training, train

Once = Callable[[], Iterable[Batch]]  # the data held out, from the start


def seed_of(estimator: Any) -> int:
    """Return the seed that `random_state` stands for.

    >>> from types import SimpleNamespace
    >>> seed_of(SimpleNamespace(random_state=7))
    7
    """
    state = estimator.random_state
    if isinstance(state, int | np.integer):
        return int(state)
    return int(check_random_state(state).randint(np.iinfo(np.int32).max))


def learn(estimator: Any, network: Network, data: Data, held: Once | None, seed: int) -> dict[str, Any]:
    """Train for the epochs of the estimator, or until patience ends; return the attributes to keep."""
    plan: dict[str, Any] = {"epochs": estimator.epochs, "schedule": estimator.schedule}
    if estimator.patience is not None and held is None:
        raise OptionError("patience needs data held out: validation_fraction must be more than 0")
    if held is not None:
        plan |= {"validation": lambda network: evaluate(network, held()).loss}
        plan |= {"validate_every": data.steps_per_epoch, "patience": estimator.patience}
    training, losses = _trained(_steps(estimator, network, data, seed, plan))
    if training.best is not None:
        network.parameters.flat[:] = training.best
    return _attributes(network, training, _means(losses, data.steps_per_epoch))


def learn_more(estimator: Any, network: Network, data: Data) -> dict[str, Any]:
    """Go through the data once more, on from where the last training stopped, at an unchanging rate."""
    before: Training | None = getattr(estimator, "training_", None)
    done = 0 if before is None else before.step
    plan = {"steps": done + data.steps_per_epoch, "schedule": "constant", "training": before}
    training, losses = _trained(_steps(estimator, network, data, seed_of(estimator), plan))
    curve = [*getattr(estimator, "loss_curve_", ()), *_means(losses, data.steps_per_epoch)]
    return _attributes(network, training, curve)


def keep(estimator: Any, attributes: dict[str, Any]) -> None:
    """Set what was learned, all at once, so that a fit that fails leaves what was there."""
    vars(estimator).update(attributes)


def _attributes(network: Network, training: Training, loss_curve: list[float]) -> dict[str, Any]:
    return {
        "network_": network,
        "training_": training,
        "loss_curve_": loss_curve,
        "n_iter_": len(loss_curve),
        "validation_losses_": list(training.validation_losses),
    }


def _steps(
    estimator: Any, network: Network, data: Data, seed: int, plan: dict[str, Any]
) -> Iterator[Progress]:
    return train(
        network,
        data,
        optimizer=estimator.optimizer,
        learning_rate=estimator.learning_rate,
        weight_decay=estimator.weight_decay,
        clip=estimator.clip,
        seed=seed,
        **plan,
    )


def _trained(steps: Iterator[Progress]) -> tuple[Training, list[float]]:
    """Train to the end; return the run and the loss of every step."""
    losses: list[float] = []
    for progress in steps:
        losses.append(progress.loss)
    return progress.training, losses


def _means(losses: list[float], size: int) -> list[float]:
    parts = [losses[start : start + size] for start in range(0, len(losses), size)]
    return [math.fsum(part) / len(part) for part in parts]
