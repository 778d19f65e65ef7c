"""From sequences and targets to a network: what is read, held out, encoded and learned, in this order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.data import Sequences
from elman.data.corpus import check_fraction
from elman.errors import DataError, OptionError
from elman.network import Network
from elman.numerics import Array, generator

from .form import Form, learn_form
from .reading import NOTED, Given, read_x
from .running import keep, learn, learn_more, seed_of


@dataclass(frozen=True)
class Aim:
    """What sequences should be told to be.

    targets: an array with one for each sequence, or a list with an array "T" or "T O" for each.
    weights: like targets, how much each counts; None: each one.
    network: the options of the network that answers so.
    learned: the attributes that turn its answers into those of the user.
    """

    targets: Array | list[Array]
    weights: Array | list[Array] | None
    network: dict[str, Any]
    learned: dict[str, Any]


AimOf = Callable[[Given, Array | None], Aim]  # (sequences, those to learn scales from; None: as learned)


def learn_sequences(estimator: Any, X: Any, lengths: Any, aim_of: AimOf, *, once: bool = False) -> None:
    """Fit an estimator, or with `once` go through the data one time, on from where it stopped.

    Raises: DataError, ShapeError for what cannot be learned from; OptionError for a parameter; NumericError.
            What was learned before is then still there.
    """
    anew = not (once and estimator.__sklearn_is_fitted__())
    given, seed = read_x(estimator, X, lengths, reset=anew), seed_of(estimator)
    every = np.arange(len(given.rows))
    kept, held = (every, every[:0]) if once else held_out(estimator, len(every), seed)
    aim = aim_of(given, kept if anew else None)
    form = _form(estimator, given, kept) if anew else estimator.form_
    network = _network(estimator, form, given, aim, seed) if anew else estimator.running_network()
    x = form.encode(given, network.spec.dtype)
    data = _take(estimator, x, aim, kept)
    if once:
        learned = learn_more(estimator, network, data)
    else:
        validation = _take(estimator, x, aim, held).once if len(held) else None
        learned = learn(estimator, network, data, validation, seed)
    for name in NOTED if anew else ():
        vars(estimator).pop(name, None)
    keep(estimator, learned | aim.learned | {"form_": form} | given.noted)


def held_out(estimator: Any, count: int, seed: int) -> tuple[Array, Array]:
    """Return which sequences to train on, and which to hold out at random.

    Raises: DataError when there are too few; OptionError.
    """
    if count < 2:
        raise DataError(f"X has 1 sequence (n_samples = {count}); 2 or more are needed")
    if estimator.patience is None:
        return np.arange(count), np.arange(0)
    check_fraction(estimator.validation_fraction)
    drawn = generator(seed, "split").permutation(count)
    cut = min(max(1, round(estimator.validation_fraction * count)), count - 1)
    return np.sort(drawn[cut:]), np.sort(drawn[:cut])


def _form(estimator: Any, given: Given, kept: Array) -> Form:
    form = learn_form(given, kept, scale=estimator.scale, min_count=estimator.min_count)
    if form.kind == "features" and estimator.embedding_size is not None:
        raise OptionError("embedding_size is for symbols and texts; X holds numbers: leave it None")
    return form


def _network(estimator: Any, form: Form, given: Given, aim: Aim, seed: int) -> Network:
    """Return a network that has learned nothing."""
    options = aim.network | {"bidirectional": estimator.bidirectional}
    if options["readout"] == "flatten":
        options["steps"], most = min(map(len, given.rows)), max(map(len, given.rows))
        if options["steps"] < most:
            came = f"X has sequences of {options['steps']} to {most} steps"
            raise DataError(f"{came}; the readout 'flatten' reads equally many of each")
    return Network(
        input_size=form.size,
        embedding_size=estimator.embedding_size,
        seed=seed,
        **estimator.network_options(),
        **options,
    )


def _take(estimator: Any, x: list[Array], aim: Aim, rows: Array) -> Sequences:
    """Return these rows as data to train on."""
    targets, weights = _taken(aim.targets, rows), _taken(aim.weights, rows)
    one_each = not isinstance(targets, list)
    few = [x[k] for k in rows]
    return Sequences(few, targets, estimator.batch_size, per_sequence=one_each, weights=weights)


def _taken(values: Any, rows: Array) -> Any:
    if values is None:
        return None
    return [values[k] for k in rows] if isinstance(values, list) else values[rows]
