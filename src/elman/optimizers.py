"""Optimizers: updates in place on the flat parameter vector.

Each function makes an Optimizer; its memory is an array "slots P" of zeros, handed in and changed in place.
Letters: x parameters, g gradient, η learning rate, λ weight decay, t = 1, 2, … the number of this update.
ε stands outside the root, as in PyTorch; given the same numbers the updates are PyTorch's.
Raises: OptionError for a number out of range, when the optimizer is made.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .errors import OptionError
from .numerics import Array

Rule = Callable[[Array, Array, Array, int, float], None]


@dataclass(frozen=True)
class Optimizer:
    """A rule(x, g, memory, t, η), the memory it needs, a learning rate to start from, and a weight decay λ.

    >>> x, g = np.array([1.0, 2.0]), np.array([0.5, 0.5])
    >>> optimizer = sgd()
    >>> optimizer.update(x, g, np.zeros((optimizer.slots, 2)), 1, 0.1)
    >>> x
    array([0.95, 1.95])
    """

    name: str
    rule: Rule
    slots: int
    learning_rate: float
    weight_decay: float = 0.0
    compiled: tuple[str, float, float, float] | None = (
        None  # the rule's name and numbers in the compiled engine
    )

    def update(self, x: Array, g: Array, memory: Array, t: int, rate: float) -> None:
        """Change x and memory in place: x ← x − η λ x, then what the rule says."""
        if self.weight_decay:
            x *= 1 - rate * self.weight_decay
        self.rule(x, g, memory, t, rate)


def decayed(optimizer: Optimizer, weight_decay: float) -> Optimizer:
    """Return the optimizer with x ← x − η λ x before each update; a decay that it has gives way to this one.

    The decay is decoupled: no memory knows of it. λ = 0 is none.
    Source: Loshchilov & Hutter 2019, arXiv:1711.05101.

    >>> x, optimizer = np.array([1.0]), decayed(sgd(), 0.5)
    >>> optimizer.update(x, np.array([0.0]), np.zeros((1, 1)), 1, 0.1)
    >>> x
    array([0.95])
    """
    if not 0 <= weight_decay < math.inf:
        raise OptionError(f"weight_decay is {weight_decay!r}; it must be 0 or more")
    return replace(optimizer, weight_decay=weight_decay)


def sgd(momentum: float = 0.0) -> Optimizer:
    """v ← μ v + g,  x ← x − η v.  Source: Polyak 1964, doi:10.1016/0041-5553(64)90137-5.

    >>> x, memory, optimizer = np.array([1.0]), np.zeros((1, 1)), sgd(momentum=0.5)
    >>> for t in (1, 2):
    ...     optimizer.update(x, np.array([1.0]), memory, t, 0.1)
    >>> x, memory
    (array([0.75]), array([[1.5]]))
    """
    _within("momentum", momentum)

    def rule(x: Array, g: Array, memory: Array, t: int, rate: float) -> None:
        velocity = memory[0]
        velocity *= momentum
        velocity += g
        x -= rate * velocity

    return Optimizer("sgd", rule, 1, 0.5, compiled=("sgd", momentum, 0, 0))


def rmsprop(decay: float = 0.95, epsilon: float = 1e-8) -> Optimizer:
    """s ← ρ s + (1 − ρ) g²,  x ← x − η g / (√s + ε).  Source: Tieleman & Hinton 2012, lecture 6.5.

    >>> rmsprop().slots
    1
    """
    _within("decay", decay)
    _positive("epsilon", epsilon)

    def rule(x: Array, g: Array, memory: Array, t: int, rate: float) -> None:
        square = memory[0]
        square *= decay
        square += (1 - decay) * (g * g)
        x -= rate * g / (np.sqrt(square) + epsilon)

    return Optimizer("rmsprop", rule, 1, 2e-3, compiled=("rmsprop", decay, epsilon, 0))


def adagrad(epsilon: float = 1e-8) -> Optimizer:
    """s ← s + g²,  x ← x − η g / (√s + ε).  Source: Duchi, Hazan & Singer 2011, JMLR 12, 2121-2159.

    >>> adagrad(epsilon=0)
    Traceback (most recent call last):
    elman.errors.OptionError: epsilon is 0; it must be more than 0
    """
    _positive("epsilon", epsilon)

    def rule(x: Array, g: Array, memory: Array, t: int, rate: float) -> None:
        memory[0] += g * g
        x -= rate * g / (np.sqrt(memory[0]) + epsilon)

    return Optimizer("adagrad", rule, 1, 0.1, compiled=("adagrad", 0, epsilon, 0))


def adam(beta1: float = 0.9, beta2: float = 0.99, epsilon: float = 1e-8) -> Optimizer:
    """Return Adam: x ← x − η m̂ / (√v̂ + ε).  Source: Kingma & Ba 2015, arXiv:1412.6980.

    m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,  m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ). The default β₂ is
    0.99: recurrent gradients change their size faster than 0.999 follows.

    >>> x, optimizer = np.array([1.0, 2.0]), adam()
    >>> optimizer.update(x, np.array([0.3, -40.0]), np.zeros((optimizer.slots, 2)), 1, 0.1)
    >>> x.round(6)
    array([0.9, 2.1])
    """
    _within("beta1", beta1)
    _within("beta2", beta2)
    _positive("epsilon", epsilon)

    def rule(x: Array, g: Array, memory: Array, t: int, rate: float) -> None:
        mean, square = memory
        mean *= beta1
        mean += (1 - beta1) * g
        square *= beta2
        square += (1 - beta2) * (g * g)
        size = np.sqrt(square)
        size *= (1 - beta2**t) ** -0.5
        size += epsilon
        x -= (rate / (1 - beta1**t)) * mean / size

    return Optimizer("adam", rule, 2, 8e-3, compiled=("adam", beta1, beta2, epsilon))


def adamw(
    beta1: float = 0.9, beta2: float = 0.99, epsilon: float = 1e-8, *, weight_decay: float = 0.01
) -> Optimizer:
    """Return Adam with decoupled weight decay, see `decayed`.  Source: Loshchilov & Hutter 2019.

    >>> adamw().weight_decay
    0.01
    """
    return replace(decayed(adam(beta1, beta2, epsilon), weight_decay), name="adamw")


def _momentum() -> Optimizer:
    # Momentum μ makes a step 1 / (1 − μ) times as long in the end: a tenth of the learning rate of sgd.
    return replace(sgd(momentum=0.9), name="momentum", learning_rate=0.05)


OPTIMIZERS: dict[str, Callable[[], Optimizer]] = {
    "adam": adam,
    "adamw": adamw,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
    "sgd": sgd,
    "momentum": _momentum,
}


def find(optimizer: str | Optimizer, weight_decay: float | None = None) -> Optimizer:
    """Return the optimizer of this name with its defaults, or say which there are; an Optimizer is itself.

    weight_decay, if given, takes the place of the optimizer's own.

    >>> find("momentum", weight_decay=0.1).weight_decay
    0.1
    >>> find("nesterov")
    Traceback (most recent call last):
    elman.errors.OptionError: no optimizer 'nesterov'; there are adam, adamw, rmsprop, adagrad, sgd, momentum
    """
    if not isinstance(optimizer, Optimizer):
        if optimizer not in OPTIMIZERS:
            raise OptionError(f"no optimizer {optimizer!r}; there are {', '.join(OPTIMIZERS)}")
        optimizer = OPTIMIZERS[optimizer]()
    return optimizer if weight_decay is None else decayed(optimizer, weight_decay)


def _within(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise OptionError(f"{name} is {value!r}; it must be at least 0 and less than 1")


def _positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise OptionError(f"{name} is {value!r}; it must be more than 0")
