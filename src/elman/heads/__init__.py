"""The heads: from a hidden state to outputs, and from outputs and targets to a loss and its gradient.

To add one, write its file and its row here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from elman.errors import OptionError
from elman.numerics import Array
from elman.numerics import softmax as probabilities

from . import affine, gaussian, quantile, readout, regression, rows, sigmoid, softmax
from .head import Head
from .targets import read_targets


def _values(name: str, unit: str, rule: rows.Rule, outputs: Callable[[Array], Array], width: int = 1) -> Head:
    return Head(name, False, width, unit, partial(rows.loss, rule), partial(rows.each, rule), outputs)


def _quantile(quantiles: tuple[float, ...]) -> Head:
    rule = partial(quantile.rule, quantiles=quantiles)
    return _values("quantile", "pinball loss", rule, regression.values, width=len(quantiles))


HEADS: dict[str, Head] = {
    "softmax": Head("softmax", True, 1, "nats per symbol", softmax.loss, softmax.nats, probabilities),
    "sigmoid": _values("sigmoid", "nats per step", sigmoid.rule, sigmoid.probabilities),
    "squared": _values("squared", "squared error", regression.squared, regression.values),
    "absolute": _values("absolute", "absolute error", regression.absolute, regression.values),
    "huber": _values("huber", "Huber loss", regression.huber, regression.values),
    "gaussian": _values("gaussian", "nats per value", gaussian.rule, gaussian.moments, width=2),
    "quantile": _quantile((0.5,)),  # the median; `find` takes others
}


def find(name: str, quantiles: Sequence[float] = ()) -> Head:
    """Return the row of HEADS, or say which there are; the head "quantile" is told its quantiles.

    Raises: OptionError for another name, for quantiles that are none, and for those that no head would read.

    >>> find("quantile", (0.1, 0.5, 0.9)).width
    3
    >>> find("hinge")
    Traceback (most recent call last):
    elman.errors.OptionError: no head 'hinge'; there are softmax, sigmoid, squared, absolute, huber, gaussian,
    quantile
    """
    if name not in HEADS:
        raise OptionError(f"no head {name!r}; there are {', '.join(HEADS)}")
    if name == "quantile":
        return _quantile(quantile.read_quantiles(quantiles))
    if len(quantiles):
        raise OptionError(
            f"quantiles are {quantiles!r}, but the head is {name!r}; only 'quantile' reads them"
        )
    return HEADS[name]


__all__ = ["HEADS", "Head", "affine", "find", "read_targets", "readout", "softmax"]
