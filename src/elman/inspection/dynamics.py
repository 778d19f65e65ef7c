"""How a state moves: the eigenvalues of W, and how fast states that are near each other come apart.

Source: Oseledets 1968; Benettin, Galgani, Giorgilli & Strelcyn 1980, doi:10.1007/BF02128236; of recurrent
networks: Engelken, Wolf & Abbott 2023, doi:10.1103/PhysRevResearch.5.043044.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.errors import NumericError, OptionError
from elman.network import Network
from elman.numerics import Array, generator
from elman.shapes import read_size
from elman.states import State

from . import jacobians
from .traces import check_one_pass

WINDOW = 256  # steps whose slopes are held at once


def spectrum(network: Network) -> dict[str, Array]:
    """Return the eigenvalues of every matrix that reads a state, those of the largest modulus first.

    Shapes: complex128 "H" by name: "layers.0.W" for a cell of one gate, "layers.0.W.i" and so on for the
            blocks of a cell with several.
    Near a state of 0, where tanh has the slope 1, Elman's cell multiplies the state by W at each step; of the
    gates of other cells the eigenvalues say how each block reads the state, no more.
    Raises: NumericError when a weight is not finite.
    Source: Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063.

    >>> network = Network("gru", input_size=3, hidden_size=2, output_size=2)
    >>> network.parameters["layers.0.W"][:2] = [[0, -2], [2, 0]]
    >>> spectrum(network)["layers.0.W.r"]
    array([0.+2.j, 0.-2.j])
    """
    gates, found = network.machine.layers.cell.gates, {}
    for place in network.spec.places():
        W = network.parameters[f"{place}.W"].astype(np.float64)
        if not np.isfinite(W).all():
            raise NumericError(f"{place}.W is not finite; take an earlier model")
        for gate, block in zip(gates, W.reshape(len(gates), -1, W.shape[1]), strict=True):
            values = np.linalg.eigvals(block).astype(np.complex128)
            order = np.lexsort((-values.imag, -values.real, -np.abs(values).round(12)))
            found[f"{place}.W" if len(gates) == 1 else f"{place}.W.{gate}"] = values[order]
    return found


def spectral_radius(network: Network) -> dict[str, float]:
    """Return the largest modulus of the eigenvalues of every matrix that reads a state, named as `spectrum`.

    Raises: NumericError when a weight is not finite.
    Source: Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063.

    >>> network = Network(input_size=3, hidden_size=4, output_size=2, initialization="identity")
    >>> spectral_radius(network)
    {'layers.0.W': 1.0}
    """
    return {name: float(np.abs(values).max()) for name, values in spectrum(network).items()}


def lyapunov_exponents(
    network: Network, x: Any, state: State | None = None, *, count: int | None = None, skip: int | None = None
) -> Array:
    """Return the Lyapunov exponents along a run: how fast near states come apart (above 0) or together.

    Of a small ball of states each exponent is the mean growth of one axis, by a QR decomposition at every
    step. The largest one above 0: the run is chaotic; below 0: what the state was at the start is forgotten.
    Shapes: x: one sequence, "T" symbols or "T I", or a pair; state: "H" per layer, none means the initial one
            → "K", float64, the largest first: `count` of them, none means one for each number of a state.
    Units:  nats a step; −inf for a direction that a step makes to nothing.
    skip:   how many steps pass before growth is counted, while the axes turn to where they belong; none means
            a tenth of the steps.
    Memory does not grow with T; a step takes a time that grows with S² · count for S numbers in a state.
    Raises: OptionError when the network is bidirectional or its readout neither "every" nor "last", for a
            count above S, or a skip of all steps; ShapeError for an x that does not fit; NumericError when
            a state is not finite.
    Source: Benettin, Galgani, Giorgilli & Strelcyn 1980, doi:10.1007/BF02128236; Engelken, Wolf & Abbott
            2023, doi:10.1103/PhysRevResearch.5.043044.

    >>> network = Network(input_size=3, hidden_size=2, output_size=2, dtype="float64")
    >>> network.parameters.flat[:] = 0
    >>> network.parameters["layers.0.W"][:] = [[2, 0], [0, 0.5]]  # the state stays 0: slope 1
    >>> np.exp(lyapunov_exponents(network, [0] * 50)).round(6)
    array([2. , 0.5])
    """
    check_one_pass(network.spec)
    parts = jacobians.read_sequence(network.spec, x)
    steps, size = jacobians.steps_of(parts), _state_size(network)
    wanted = size if count is None else read_size("count", count)
    if wanted > size:
        raise OptionError(f"count is {wanted}; a state of {size} numbers has {size} exponents")
    passed = steps // 10 if skip is None else skip
    if not isinstance(passed, int) or not 0 <= passed < steps:
        raise OptionError(f"skip is {skip!r}; x has {steps} steps: skip a whole number of 0 to {steps - 1}")
    axes = np.linalg.qr(generator(0, "initialization").standard_normal((size, wanted)))[0]
    exact, total = jacobians.exact(network), np.zeros(wanted)
    for start in range(0, steps, WINDOW):
        window = jacobians.part(parts, slice(start, start + WINDOW))
        before, state = jacobians.states_along(network, window, state)
        layers = jacobians.linearize(exact, window, before)
        for t in range(jacobians.steps_of(window)):
            axes, growth = np.linalg.qr(jacobians.jacobian(layers, t) @ axes)
            if start + t >= passed:
                with np.errstate(divide="ignore"):  # of what becomes nothing: −inf
                    total += np.log(np.abs(np.diagonal(growth)))
    return np.sort(total / (steps - passed))[::-1]


def _state_size(network: Network) -> int:
    return sum(network.spec.place_widths()) * len(network.machine.layers.cell.states)
