"""Optimizers: updates in place on the flat parameter vector.

Each function makes an Optimizer; its memory is an array "slots P" of zeros, handed in and changed in place.
Letters: x parameters, g gradient, η learning rate, t = 1, 2, … the number of this update. ε stands outside
the root, as in PyTorch; given the same numbers the updates are PyTorch's.
Raises: OptionError for a number out of range, when the optimizer is made.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .errors import OptionError
from .numerics import Array

Update = Callable[[Array, Array, Array, int, float], None]


@dataclass(frozen=True)
class Optimizer:
    """A rule update(x, g, memory, t, η), the memory it needs, and a learning rate to start from.

    >>> x, g = np.array([1.0, 2.0]), np.array([0.5, 0.5])
    >>> rule = sgd()
    >>> rule.update(x, g, np.zeros((rule.slots, 2)), 1, 0.1)
    >>> x
    array([0.95, 1.95])
    """

    name: str
    update: Update
    slots: int
    learning_rate: float


def sgd(momentum: float = 0.0) -> Optimizer:
    """v ← μ v + g,  x ← x − η v.  Source: Polyak 1964, doi:10.1016/0041-5553(64)90137-5.

    >>> x, memory, rule = np.array([1.0]), np.zeros((1, 1)), sgd(momentum=0.5)
    >>> for t in (1, 2):
    ...     rule.update(x, np.array([1.0]), memory, t, 0.1)
    >>> x, memory
    (array([0.75]), array([[1.5]]))
    """
    _within("momentum", momentum)

    def update(x: Array, g: Array, memory: Array, t: int, rate: float) -> None:
        velocity = memory[0]
        velocity *= momentum
        velocity += g
        x -= rate * velocity

    return Optimizer("sgd", update, 1, 0.5)


def rmsprop(decay: float = 0.95, epsilon: float = 1e-8) -> Optimizer:
    """s ← ρ s + (1 − ρ) g²,  x ← x − η g / (√s + ε).  Source: Tieleman & Hinton 2012, lecture 6.5.

    >>> rmsprop().slots
    1
    """
    _within("decay", decay)
    _positive("epsilon", epsilon)

    def update(x: Array, g: Array, memory: Array, t: int, rate: float) -> None:
        square = memory[0]
        square *= decay
        square += (1 - decay) * (g * g)
        x -= rate * g / (np.sqrt(square) + epsilon)

    return Optimizer("rmsprop", update, 1, 2e-3)


def adagrad(epsilon: float = 1e-8) -> Optimizer:
    """s ← s + g²,  x ← x − η g / (√s + ε).  Source: Duchi, Hazan & Singer 2011, JMLR 12, 2121-2159.

    >>> adagrad(epsilon=0)
    Traceback (most recent call last):
    elman.errors.OptionError: epsilon is 0; it must be more than 0
    """
    _positive("epsilon", epsilon)

    def update(x: Array, g: Array, memory: Array, t: int, rate: float) -> None:
        memory[0] += g * g
        x -= rate * g / (np.sqrt(memory[0]) + epsilon)

    return Optimizer("adagrad", update, 1, 0.1)


def adam(beta1: float = 0.9, beta2: float = 0.99, epsilon: float = 1e-8) -> Optimizer:
    """Return Adam: x ← x − η m̂ / (√v̂ + ε).  Source: Kingma & Ba 2015, arXiv:1412.6980.

    m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,  m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ). The default β₂ is
    0.99: recurrent gradients change their size faster than 0.999 follows.

    >>> x, rule = np.array([1.0, 2.0]), adam()
    >>> rule.update(x, np.array([0.3, -40.0]), np.zeros((rule.slots, 2)), 1, 0.1)
    >>> x.round(6)
    array([0.9, 2.1])
    """
    return adamw(beta1, beta2, epsilon, weight_decay=0.0, name="adam")


def adamw(
    beta1: float = 0.9,
    beta2: float = 0.99,
    epsilon: float = 1e-8,
    *,
    weight_decay: float = 0.01,
    name: str = "adamw",
) -> Optimizer:
    """Adam, and before it x ← x − η λ x.  Source: Loshchilov & Hutter 2019, arXiv:1711.05101.

    >>> x, rule = np.array([1.0]), adamw(weight_decay=0.5)
    >>> rule.update(x, np.array([0.0]), np.zeros((rule.slots, 1)), 1, 0.1)
    >>> x
    array([0.95])
    """
    _within("beta1", beta1)
    _within("beta2", beta2)
    _positive("epsilon", epsilon)
    if not 0 <= weight_decay < math.inf:
        raise OptionError(f"weight_decay is {weight_decay!r}; it must be 0 or more")

    def update(x: Array, g: Array, memory: Array, t: int, rate: float) -> None:
        mean, square = memory
        mean *= beta1
        mean += (1 - beta1) * g
        square *= beta2
        square += (1 - beta2) * (g * g)
        if weight_decay:
            x *= 1 - rate * weight_decay
        size = np.sqrt(square)
        size *= (1 - beta2**t) ** -0.5
        size += epsilon
        x -= (rate / (1 - beta1**t)) * mean / size

    return Optimizer(name, update, 2, 8e-3)


OPTIMIZERS: dict[str, Callable[[], Optimizer]] = {
    "adam": adam,
    "adamw": adamw,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
    "sgd": sgd,
}


def find(optimizer: str | Optimizer) -> Optimizer:
    """Return the optimizer of this name with its defaults, or say which there are.

    >>> find("momentum")
    Traceback (most recent call last):
    elman.errors.OptionError: no optimizer 'momentum'; there are adam, adamw, rmsprop, adagrad, sgd
    """
    if isinstance(optimizer, Optimizer):
        return optimizer
    if optimizer not in OPTIMIZERS:
        raise OptionError(f"no optimizer {optimizer!r}; there are {', '.join(OPTIMIZERS)}")
    return OPTIMIZERS[optimizer]()


def _within(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise OptionError(f"{name} is {value!r}; it must be at least 0 and less than 1")


def _positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise OptionError(f"{name} is {value!r}; it must be more than 0")
