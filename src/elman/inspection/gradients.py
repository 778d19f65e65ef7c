"""Gradients through time: how far back a state depends on an earlier one.

    ∂h_t/∂h_{t-k} = J_t J_{t-1} … J_{t-k+1}        its norm vanishes or explodes with k where those of J do
Source: Bengio, Simard & Frasconi 1994, doi:10.1109/72.279181; Pascanu, Mikolov & Bengio 2013,
arXiv:1211.5063.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from elman import showing
from elman.errors import ShapeError
from elman.network import Network
from elman.numerics import Array, generator
from elman.shapes import read_size
from elman.states import State

from . import jacobians
from .traces import check_one_pass

SMALL = 256  # numbers of a state up to which all singular values are cheap
ENOUGH = 64  # directions after which an iteration gives up
CHECKED = 4  # directions between two looks at the residual
CLOSE = 1e-4  # relative: the largest residual of σ², twice that of σ


@dataclass(frozen=True, eq=False, repr=False)
class GradientByLag:
    """How strongly a state depends on one some steps before.

    Shapes: lags: "K", 1 .. K steps; times: "N", the number of steps read before each state_t; norms: "N K",
            ‖∂state_t/∂state_{t-lag}‖₂, float64.
    Units:  how far the state moves for a small move of the earlier one, in the worst direction.
    """

    lags: Array
    times: Array
    norms: Array

    _told: ClassVar[tuple[str, ...]] = ("half_life",)
    __repr__, _repr_html_ = showing.line, showing.fields

    @property
    def median(self) -> Array:
        """The median over the times, "K"."""
        return np.median(self.norms, axis=0)

    @property
    def half_life(self) -> float:
        """The lag from which on the median stays below a half; infinite where it does not get there.

        Between two lags the logarithm of the median is taken as a line; at lag 0 it is 1.
        """
        median = np.concatenate([[1.0], self.median])
        above = np.flatnonzero(~(median < 0.5))[-1]
        if above == len(self.lags):
            return math.inf
        with np.errstate(divide="ignore"):  # a median of 0 is reached at once
            high, low = np.log(median[above : above + 2])
        return float(above + (high - math.log(0.5)) / (high - low))


def gradient_by_lag(
    network: Network, x: Any, state: State | None = None, *, lags: int = 64, starts: int = 32
) -> GradientByLag:
    """Return ‖∂state_t/∂state_{t-k}‖₂ for k = 1 .. lags, at up to `starts` times t spread over the run.

    The state is all that the network remembers, layers and (LSTM) memories side by side. The products are
    exact, in float64; so are the norms for up to 256 numbers. Beyond, an iteration from a random direction
    finds them: a singular value lies within 1 in 20,000 of each.
    Shapes: x: one sequence, "T" symbols or "T I", or a pair; state: "H" per layer, none: the initial one.
    Memory does not grow with T; time grows with starts · lags · S³ for S numbers in a state.
    Raises: OptionError when the network is bidirectional or its readout neither "every" nor "last";
            ShapeError for an x that does not fit, or of fewer steps than lags; NumericError when a state is
            not finite.
    Source: Bengio, Simard & Frasconi 1994, doi:10.1109/72.279181; Pascanu, Mikolov & Bengio 2013,
            arXiv:1211.5063.

    >>> network = Network(input_size=3, hidden_size=1, output_size=2, dtype="float64")
    >>> network.parameters.flat[:] = 0
    >>> network.parameters["layers.0.W"][:] = 0.5  # the state stays 0, where tanh has the slope 1
    >>> found = gradient_by_lag(network, [0, 1, 2, 0], lags=3)
    >>> found.times.tolist(), found.median.tolist(), found.half_life
    ([3, 4], [0.5, 0.25, 0.125], 1.0)
    """
    check_one_pass(network.spec)
    parts = jacobians.read_sequence(network.spec, x)
    steps = jacobians.steps_of(parts)
    read_size("starts", starts)
    if read_size("lags", lags) > steps:
        raise ShapeError(f"x has {steps} steps; gradients over {lags} lags need as many: set lags={steps}")
    times = np.unique(np.linspace(lags, steps, starts).round().astype(int))
    exact, stream, read = jacobians.exact(network), network.stream(state), 0
    norms = np.empty((len(times), lags))
    for row, time in zip(norms, times, strict=True):
        first = int(time) - lags
        jacobians.read_on(stream, parts, read, first)
        read, window = first, jacobians.part(parts, slice(first, first + lags))
        before, _ = jacobians.states_along(network, window, stream.network_state)
        row[:] = _norms(jacobians.linearize(exact, window, before), lags)
    return GradientByLag(np.arange(1, lags + 1), times, norms)


def _norms(layers: list[jacobians.Slopes], lags: int) -> Array:
    """Return the norms of the products of the last 1, 2, … Jacobians of a window."""
    norms, scale = np.zeros(lags), 1.0
    product = jacobians.jacobian(layers, lags - 1)
    for k in range(lags):
        norm = spectral_norm(product)
        with np.errstate(over="ignore", under="ignore"):  # beyond what float64 holds: infinity, or 0
            scale *= norm
        norms[k] = scale
        if not norm or k == lags - 1:
            break
        product = (product / norm) @ jacobians.jacobian(layers, lags - 2 - k)
    return norms


def spectral_norm(matrix: Array) -> float:
    """Return ‖matrix‖₂, its largest singular value: the root of the largest eigenvalue of M Mᵀ.

    >>> round(spectral_norm(np.array([[0.0, 3.0], [-2.0, 0.0]])), 12)
    3.0
    """
    largest = float(np.abs(matrix).max())
    if not largest:
        return 0.0
    M = matrix / largest  # whose squares neither overflow nor vanish
    square = _by_iteration(M) if len(M) > SMALL else None
    if square is None:
        square = np.linalg.eigvalsh(M @ M.T)[-1]
    return largest * math.sqrt(square)


def _by_iteration(M: Array) -> float | None:
    """Return the largest eigenvalue of M Mᵀ, or None where it takes longer than all of them would.

    Each direction is kept orthogonal to those before. Some eigenvalue lies within the residual of what is
    returned; that it is the largest rests on a first direction drawn at random.
    Source: Lanczos 1950, doi:10.6028/jres.045.026.
    """
    directions, images = np.empty((2, ENOUGH, len(M)))
    new = generator(0, "initialization").standard_normal(len(M))
    size = math.sqrt(new @ new)
    for k in range(ENOUGH):
        directions[k] = new / size
        images[k] = directions[k] @ M
        new = M @ images[k]
        known, seen = directions[: k + 1], images[: k + 1]
        for _ in range(2):  # once leaves what rounding adds
            new -= (known @ new) @ known
        size = math.sqrt(new @ new)
        if k % CHECKED == CHECKED - 1 or size <= CLOSE:  # so small, there is no direction to go on in
            squares, shares = np.linalg.eigh(seen @ seen.T)
            if size * abs(shares[-1, -1]) <= CLOSE * squares[-1]:
                return float(squares[-1])
    return None
