"""The front door: RNN says what the equations say, checked against plain Python loops."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest

from cases import TOLERANCE, Array
from checks import distance
from elman import RNN, OptionError, ShapeError, softmax

SIZES = [(3, 5, 4), (1, 7, 2), (6, 1, 3), (4, 2, 1), (1, 1, 1)]
LETTERS = "UWbVc"


def random_rnn(sizes: tuple[int, int, int] = (3, 5, 4), seed: int = 0) -> RNN:
    """An RNN none of whose parameters is zero."""
    return RNN(*sizes, seed=seed, initialization="standard_normal")


def by_hand(rnn: RNN, x: list[float], h: list[float]) -> tuple[list[float], list[float]]:
    """One step, number by number: z = b + W h + U x, h = tanh z, a = c + V h, o = softmax a."""
    U, W, b, V, c = (getattr(rnn, letter).tolist() for letter in LETTERS)
    z = [
        b[i] + sum(W[i][j] * h[j] for j in range(len(h))) + sum(U[i][j] * x[j] for j in range(len(x)))
        for i in range(len(b))
    ]
    after = [math.tanh(value) for value in z]
    a = [c[k] + sum(V[k][i] * after[i] for i in range(len(after))) for k in range(len(c))]
    e = [math.exp(value - max(a)) for value in a]
    return [value / sum(e) for value in e], after


def loop(rnn: RNN, inputs: Array, hidden: Array) -> tuple[Array, Array]:
    """The user's own loop over time."""
    outputs = np.zeros((len(inputs), rnn.output_size))
    for t in range(inputs.shape[0]):
        outputs[t], hidden = rnn.forward(inputs[t], hidden)
    return outputs, hidden


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_loop_over_time_gives_what_the_equations_say(sizes: tuple[int, int, int]) -> None:
    rnn, generator = random_rnn(sizes), np.random.default_rng(1)
    inputs, hidden = generator.standard_normal((6, sizes[0])), generator.standard_normal(sizes[1])
    outputs, finish = loop(rnn, inputs, hidden)
    h, expected = hidden.tolist(), []
    for x in inputs.tolist():
        output, h = by_hand(rnn, x, h)
        expected.append(output)
    assert distance(outputs, np.array(expected)) < TOLERANCE.equations
    assert distance(finish, np.array(h)) < TOLERANCE.equations


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_loop_is_a_run_of_its_network(sizes: tuple[int, int, int]) -> None:
    rnn = random_rnn(sizes)
    inputs = np.random.default_rng(2).standard_normal((20, sizes[0]))
    outputs, hidden = loop(rnn, inputs, rnn.init_hidden())
    y, state = rnn.network().run(inputs)
    assert distance(outputs, softmax(y)) < TOLERANCE.equations
    assert distance(hidden, state[0][0]) < TOLERANCE.equations


def test_a_start_is_zeros_and_results_are_new_arrays() -> None:
    rnn, x = random_rnn(), np.ones(3)
    hidden = rnn.init_hidden()
    assert hidden.tolist() == [0.0] * 5
    output, after = rnn.forward(x, hidden)
    assert output.dtype == after.dtype == np.float64
    assert (hidden.tolist(), x.tolist()) == ([0.0] * 5, [1.0] * 3)
    kept = after.copy()
    after[:] = 9
    hidden[:] = 9
    assert distance(rnn.forward(x, rnn.init_hidden())[1], kept) == 0


def test_lists_and_integers_are_read_as_numbers() -> None:
    rnn = random_rnn()
    from_list = rnn.forward([1, 0, 2], [0] * 5)[0]
    assert from_list.tolist() == rnn.forward(np.array([1.0, 0.0, 2.0]), rnn.init_hidden())[0].tolist()


def test_extreme_weights_give_probabilities() -> None:
    rnn = random_rnn()
    rnn.V, rnn.c = np.full((4, 5), 1e30), [1e30, -1e30, 0, 1e30]
    output, _ = rnn.forward(np.ones(3), rnn.init_hidden())
    assert np.isfinite(output).all()
    assert output.sum() == pytest.approx(1, abs=1e-15)


# Parameters


def test_assignment_copies() -> None:
    rnn, new = random_rnn(), np.ones((5, 3))
    rnn.U = new
    new[:] = 7
    assert (rnn.U == 1).all()
    assert (rnn.parameters.flat[:15] == 1).all()


def test_reading_gives_the_parameter_itself() -> None:
    rnn = random_rnn()
    before = rnn.forward(np.ones(3), rnn.init_hidden())[1]
    rnn.W[0, 0] += 1
    rnn.b[2] = 0.25
    assert rnn.parameters["W"] is rnn.W
    assert rnn.forward(np.ones(3), rnn.init_hidden())[1][2] != before[2]


def test_its_network_is_a_copy() -> None:
    rnn = random_rnn()
    network = rnn.network()
    assert network.parameters.flat.tobytes() == rnn.parameters.flat.tobytes()
    network.parameters.flat[:] = 0
    assert rnn.parameters.flat.all()


REFUSED: dict[str, tuple[Callable[[RNN], object], str]] = {
    "wide input": (
        lambda rnn: rnn.forward(np.zeros(2), np.zeros(5)),
        "input has shape (2,), I = 2; expected I = 3. U is 5 × 3.",
    ),
    "batch": (
        lambda rnn: rnn.forward(np.zeros((3, 1)), np.zeros(5)),
        "input has 2 axes, shape (3, 1); expected (I=3). U is 5 × 3.",
    ),
    "hidden": (
        lambda rnn: rnn.forward(np.zeros(3), np.zeros(4)),
        "hidden has shape (4,), H = 4; expected H = 5. Start from init_hidden().",
    ),
    "U turned": (
        lambda rnn: setattr(rnn, "U", np.zeros((3, 5))),
        "U has shape (3, 5), H = 3, I = 5; expected H = 5, I = 3. input → hidden.",
    ),
    "V flat": (
        lambda rnn: setattr(rnn, "V", np.zeros(5)),
        "V has 1 axis, shape (5,); expected (O=4 H=5). hidden → output.",
    ),
}


@pytest.mark.parametrize(("act", "message"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused(act: Callable[[RNN], object], message: str) -> None:
    rnn = random_rnn()
    before = rnn.parameters.flat.tobytes()
    with pytest.raises(ShapeError) as refusal:
        act(rnn)
    assert str(refusal.value) == message
    assert rnn.parameters.flat.tobytes() == before


@pytest.mark.parametrize("letter", LETTERS)
def test_no_value_is_broadcast_into_a_parameter(letter: str) -> None:
    rnn = random_rnn()
    for value in (0.0, np.zeros(1), np.zeros((1, 1)), np.zeros((2, 2, 2))):
        with pytest.raises(ShapeError, match=f"^{letter} has "):
            setattr(rnn, letter, value)


@pytest.mark.parametrize("size", [0, -1, 2.5, True, "4", None])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_sizes_are_whole_numbers(size: object, place: int) -> None:
    sizes = [3, 5, 4]
    sizes[place] = size  # type: ignore[call-overload]
    name = ("input_size", "hidden_size", "output_size")[place]
    with pytest.raises(OptionError) as refusal:
        RNN(*sizes)
    assert str(refusal.value) == f"{name} is {size!r}; it must be a whole number, 1 or more"


def test_an_unknown_initialization_names_the_known() -> None:
    with pytest.raises(OptionError, match="'xavier'; there are orthogonal, standard_normal"):
        RNN(3, 5, 4, initialization="xavier")


# Initialization


def test_standard_normal_draws_every_parameter_from_n01() -> None:
    rnn = RNN(60, 100, 50, initialization="standard_normal", seed=3)
    for letter in "UWV":
        values = np.sort(getattr(rnn, letter).ravel())
        n = len(values)
        assert abs(values.mean()) < 4 / math.sqrt(n)
        assert abs(values.var() - 1) < 4 * math.sqrt(2 / n)
        normal = np.array([NormalDist().cdf(v) for v in values])
        assert np.abs(normal - (np.arange(n) + 0.5) / n).max() < 1.95 / math.sqrt(n)  # Kolmogorov, 0.1 %
    assert rnn.parameters.flat.all()
    assert len(np.unique(rnn.parameters.flat)) == len(rnn.parameters)


@pytest.mark.parametrize("hidden_size", [1, 2, 9, 40])
def test_the_default_recurrent_matrix_is_orthogonal(hidden_size: int) -> None:
    rnn = RNN(3, hidden_size, 4, seed=5)
    assert np.abs(rnn.W @ rnn.W.T - np.eye(hidden_size)).max() < 1e-13  # measured 1e-15
    assert not rnn.b.any()
    assert not rnn.c.any()
    bound = 1 / math.sqrt(hidden_size)
    for matrix in (rnn.U, rnn.V):
        assert np.abs(matrix).max() <= bound
        assert np.abs(matrix).max() > 0.1 * bound


@pytest.mark.parametrize("initialization", ["orthogonal", "standard_normal"])
def test_a_seed_reproduces(initialization: str) -> None:
    first, again, other = (
        RNN(3, 5, 4, seed=seed, initialization=initialization).parameters.flat.tobytes() for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_the_draw_does_not_touch_the_global_generator() -> None:
    before = np.random.get_state()[1].tobytes()  # noqa: NPY002  (the very thing that must not be used)
    RNN(3, 5, 4, initialization="standard_normal")
    assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002


def test_it_says_what_it_is() -> None:
    assert repr(RNN(3, 5, 4)) == "RNN(input_size=3, hidden_size=5, output_size=4)"
