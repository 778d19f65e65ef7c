"""The gradient checker is right, sees small faults, and leaves everything as it was."""

from __future__ import annotations

import numpy as np
import pytest

from cases import Array
from elman import Network, gradcheck, numerical_gradient


def loss(x: Array) -> float:
    return float(np.sin(x).sum() + np.prod(x))


def gradient(x: Array) -> Array:
    return np.cos(x) + np.prod(x) / x


@pytest.fixture
def x() -> Array:
    return np.random.default_rng(0).uniform(0.5, 1.5, (3, 2))


@pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 2), (2, 1, 3)], ids=str)
def test_a_right_gradient_is_right(shape: tuple[int, ...]) -> None:
    x = np.array(np.random.default_rng(1).uniform(0.5, 1.5, shape))
    assert gradcheck(loss, x, gradient(x)) < 1e-9  # measured 4e-11
    assert numerical_gradient(loss, x).shape == shape


@pytest.mark.parametrize("factor", [1.001, 0.999])
def test_a_derivative_slightly_off_is_seen(x: Array, factor: float) -> None:
    assert 0.9e-3 < gradcheck(loss, x, factor * gradient(x)) < 1.1e-3


@pytest.mark.parametrize("place", list(np.ndindex(3, 2)), ids=str)
def test_one_entry_slightly_off_is_seen(x: Array, place: tuple[int, int]) -> None:
    wrong = gradient(x)
    wrong[place] *= 1.001
    assert gradcheck(loss, x, wrong) > 3e-4  # of the mean, where the entry is smaller


def test_an_entry_is_judged_by_its_own_size_when_small_ones_are_right() -> None:
    def steep(x: Array) -> float:
        return float(1e-3 * x[0] + 1e3 * x[1])

    x, right = np.array([0.3, 0.7]), np.array([1e-3, 1e3])
    assert gradcheck(steep, x, right) < 1e-6
    assert gradcheck(steep, x, right * [1, 1.001]) > 0.9e-3


def test_a_gradient_of_zero_is_right_only_where_the_loss_is_flat(x: Array) -> None:
    assert gradcheck(lambda x: 2.0, x, np.zeros((3, 2))) == 0
    assert gradcheck(lambda x: 2.0, x, np.full((3, 2), 1e-300)) == 1
    assert gradcheck(loss, x, np.zeros((3, 2))) == 1
    assert gradcheck(loss, x, -gradient(x)) == pytest.approx(2, abs=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_infinitely_wrong(x: Array, bad: float) -> None:
    wrong = gradient(x)
    wrong[1, 1] = bad
    assert gradcheck(loss, x, wrong) == np.inf
    assert gradcheck(lambda x: bad, x, gradient(x)) == np.inf


def test_an_empty_array_has_nothing_wrong() -> None:
    assert gradcheck(lambda x: 1.0, np.empty((0, 3)), np.empty((0, 3))) == 0


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.complex128])
def test_only_float64_can_be_moved_finely_enough(dtype: type) -> None:
    x = np.ones(3, dtype)
    with pytest.raises(TypeError) as refusal:
        gradcheck(loss, x, np.ones(3))
    assert str(refusal.value) == f"x is {x.dtype}; differences need a writable float64 array"


def test_a_list_cannot_be_moved_in_place() -> None:
    with pytest.raises(TypeError, match=r"^x is list; differences need a writable float64 array$"):
        numerical_gradient(loss, [1.0, 2.0])  # type: ignore[arg-type]


def test_a_read_only_array_is_refused(x: Array) -> None:
    x.flags.writeable = False
    with pytest.raises(TypeError, match="writable"):
        gradcheck(loss, x, gradient(x))


def test_shapes_that_differ_are_refused(x: Array) -> None:
    with pytest.raises(ValueError, match=r"^gradient has shape \(2, 3\), x has \(3, 2\); they must agree$"):
        gradcheck(loss, x, gradient(x).T)
    with pytest.raises(ValueError, match="they must agree"):
        gradcheck(loss, x, np.ones(()))


def test_x_comes_back_to_the_bit() -> None:
    x = np.array([1e-30, 1e9, -0.0, 5e-324, 0.1, 1 / 3, -7e8])
    before = x.tobytes()
    numerical_gradient(lambda x: float(x[4]), x)
    assert x.tobytes() == before


@pytest.mark.parametrize("calls", range(1, 13))
def test_x_comes_back_even_when_the_loss_raises(x: Array, calls: int) -> None:
    before, left = x.tobytes(), calls

    def fragile(x: Array) -> float:
        nonlocal left
        left -= 1
        if not left:
            raise ArithmeticError("no further")
        return loss(x)

    with pytest.raises(ArithmeticError, match="no further"):
        numerical_gradient(fragile, x)
    assert x.tobytes() == before


def test_the_step_is_what_was_really_moved() -> None:
    """At 1e9 the step of 1e-5 is rounded by a hundredth of itself; the slope of x is 1 all the same."""
    assert numerical_gradient(lambda x: float(x[0] - 1e9), np.array([1e9]))[0] == 1


def test_a_loss_may_read_the_array_through_views() -> None:
    network = Network(input_size=2, hidden_size=3, output_size=2, dtype="float64")
    found = numerical_gradient(
        lambda _: float(network.parameters["head.c"] @ [3, 5]), network.parameters.flat
    )
    assert found[-2:] == pytest.approx([3, 5])
    assert not found[:-2].any()
