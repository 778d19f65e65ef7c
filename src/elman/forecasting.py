"""Forecasts of several steps: each forecast is read as if it had happened, and the state is carried on.

What a network predicts must be the first O of the I values that it reads at each step; the K = I − O others
are known ahead of time, such as the type of a day.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from . import heads
from .errors import OptionError, ShapeError
from .metrics import point_forecasts
from .network import Network
from .numerics import Array, generator
from .shapes import check, read_size
from .states import State, each

VALUES = ("squared", "absolute", "huber", "gaussian", "quantile")  # heads whose outputs can be fed back


def forecast(network: Network, past: Array, steps: int, *, known: Array | None = None) -> Array:
    """Return the outputs of the `steps` steps after the past, as the head shows them.

    Fed back is the forecast itself, the mean of a Gaussian, or the quantile nearest the median. The intervals
    of later steps are those of one step: for more, see `draw_paths`.

    Shapes: past: "T B I", or "T I" of one sequence; known: "S-1 B K", what lies beside each forecast when it
            is read (the last is not), S = steps → "S B Y" or "S Y".
    Raises: OptionError when the network cannot read what it predicts; ShapeError.

    >>> network = Network(input_size=2, hidden_size=4, output_size=1, head="squared", readout="last")
    >>> forecast(network, np.ones((5, 2)), 3, known=np.zeros((2, 1))).shape
    (3, 1)
    """
    spec, known = network.spec, _read(network, past, steps, known)
    y, state = network.run(past)
    choose = partial(point_forecasts, columns=spec.output_size, quantiles=spec.quantiles)
    return _feed_back(network, _last(network, y), state, known, choose)


def draw_paths(
    network: Network, past: Array, steps: int, *, paths: int, known: Array | None = None, seed: int = 0
) -> Array:
    """Return `paths` futures of one sequence, drawn step by step from what a Gaussian head predicts.

    A drawn value is what the next step reads, so the futures spread as uncertainty adds up.

    Shapes: past: "T I"; known: "S-1 K" → "S paths O".
    Raises: OptionError for another head, or when the network cannot read what it predicts; ShapeError.

    >>> network = Network(input_size=1, hidden_size=4, output_size=1, head="gaussian", readout="last")
    >>> draw_paths(network, np.ones((5, 1)), 3, paths=20).shape
    (3, 20, 1)
    """
    if network.spec.head != "gaussian":
        raise OptionError(f"paths are drawn from the head 'gaussian'; this one is {network.spec.head!r}")
    rows, size = read_size("paths", paths), network.spec.output_size
    known = _read(network, past, steps, known, batched=False)
    y, state = network.run(past)
    random, drawn = generator(seed, "sampling"), list[Array]()

    def draw(outputs: Array) -> Array:
        mean, deviation = outputs[:, :size], outputs[:, size:]
        drawn.append(mean + deviation * random.standard_normal(mean.shape))
        return drawn[-1]

    many = each(state, lambda s: np.repeat(s[None], rows, axis=0))
    first = np.repeat(_last(network, y)[None], rows, axis=0)
    beside = np.repeat(known[:, None], rows, axis=1)
    draw(_feed_back(network, first, many, beside, draw)[-1])
    return np.stack(drawn)


def _feed_back(
    network: Network, last: Array, state: State, known: Array, choose: Callable[[Array], Array]
) -> Array:
    """Return the outputs, "S B Y": what was written last, and what follows when choices are read."""
    show = heads.find(network.spec.head, network.spec.quantiles).outputs
    outputs = [show(last)]
    for beside in known:
        x = np.concatenate([choose(outputs[-1]), beside], axis=-1)
        last, state = network.step(x, state)
        outputs.append(show(last))
    return np.stack(outputs)


def _last(network: Network, y: Array) -> Array:
    return y if network.spec.readout == "last" else y[-1]


def _read(
    network: Network, past: Array, steps: int, known: Array | None, *, batched: bool | None = None
) -> Array:
    """Return what is known ahead, "S-1 B K", after a look at whether the network can be fed with it."""
    spec = network.spec
    if spec.head not in VALUES:
        raise OptionError(f"the head {spec.head!r} forecasts no values; there are {', '.join(VALUES)}")
    if spec.whole_only:
        raise OptionError(f"{spec.whole_only} reads the whole sequence, so nothing can be fed back")
    if spec.output_size > spec.input_size or spec.embedding_size is not None or spec.feature_size:
        reads = f"reads {spec.input_size} and predicts {spec.output_size}"
        raise OptionError(f"the network cannot read what it predicts: it {reads}")
    axes = "T B I" if np.ndim(past) == 3 and batched is not False else "T I"
    sizes = check("past", np.asarray(past), axes, I=spec.input_size)
    if not sizes["T"]:
        raise ShapeError("past has no steps; give 1 or more to go on from")
    sizes |= {"S": read_size("steps", steps) - 1, "K": spec.input_size - spec.output_size}
    letters = "S B K" if "B" in sizes else "S K"
    if known is None:
        if sizes["K"] and sizes["S"]:
            raise OptionError(f"{sizes['K']} of the values read are known ahead: give known")
        known = np.zeros([sizes[letter] for letter in letters.split()])
    given = np.asarray(known)
    check("known", given, letters, **{letter: sizes[letter] for letter in letters.split()})
    return given
