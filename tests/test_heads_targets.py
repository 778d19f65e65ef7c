"""The door of the heads that read values: what is let in, and how the rest is refused."""

from __future__ import annotations

import numpy as np
import pytest

from cases import Array, frozen
from elman import DataError, ShapeError
from elman.heads import HEADS, read_targets

SIZES = {"T": 4, "B": 3, "O": 2}


def values(*wrong: tuple[tuple[int, ...], float]) -> Array:
    targets = np.random.default_rng(0).uniform(0, 1, tuple(SIZES.values()))
    for place, value in wrong:
        targets[place] = value
    return frozen(targets)


def read(targets: object, name: str = "squared", weights: Array | None = None, **sizes: int) -> Array:
    return read_targets(HEADS[name], targets, sizes or SIZES, dtype="float32", weights=weights)  # type: ignore[arg-type]


def test_numbers_are_read_in_the_dtype_of_the_network() -> None:
    assert read(values()).dtype == np.float32
    assert read(values()).tolist() == values().astype("float32").tolist()
    assert read([[1, 0], [0, 1]], "sigmoid", B=2, O=2).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert read(np.array([True, False]), "sigmoid", O=2).tolist() == [1.0, 0.0]
    assert read([-300, 7], "absolute", O=2).tolist() == [-300.0, 7.0]


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (
            (3, 1, 0),
            np.nan,
            r"targets hold nan at \[3, 1, 0\] \(step, row, column\); expected finite numbers",
        ),
        ((0, 2, 1), -np.inf, r"targets hold -inf at \[0, 2, 1\]"),
        ((0, 0, 1), 1e300, r"targets hold 1e\+300 at \[0, 0, 1\] .* finite numbers \(float32\)"),
    ],
)
def test_what_is_not_finite_is_refused_with_its_place(
    place: tuple[int, ...], value: float, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        read(values((place, value)))


def test_the_first_is_named_and_the_remedy() -> None:
    with pytest.raises(DataError, match=r"\[1, 2, 1\] .* Leave the row out or give it the weight 0"):
        read(values(((3, 0, 0), np.nan), ((1, 2, 1), np.nan)))
    with pytest.raises(DataError, match=r"nan at \[1, 0\] \(row, column\)"):
        read([[0.5], [np.nan]], B=2, O=1)


@pytest.mark.parametrize("value", [-0.001, 1.001, np.nan, 1e300])
def test_labels_lie_from_0_to_1(value: float) -> None:
    assert read(values(((2, 1, 0), 1.0), ((2, 1, 1), 0.0)), "sigmoid")[2, 1].tolist() == [1.0, 0.0]
    with pytest.raises(DataError, match=r"at \[2, 1, 0\] .* expected labels, 0 or 1 or between"):
        read(values(((2, 1, 0), value)), "sigmoid")


def test_what_counts_for_nothing_is_not_looked_at() -> None:
    weights = np.ones((4, 3))
    weights[3, 1] = 0
    assert np.isnan(read(values(((3, 1, 0), np.nan)), weights=weights)[3, 1, 0])
    assert read(values(((3, 1, 0), 5.0)), "sigmoid", weights=weights)[3, 1, 0] == 5
    with pytest.raises(DataError, match=r"\[3, 2, 0\]"):
        read(values(((3, 1, 0), np.nan), ((3, 2, 0), np.nan)), weights=weights)
    assert np.isnan(read([[0.5], [np.nan]], weights=np.array([True, False]), B=2, O=1)[1, 0])


@pytest.mark.parametrize(
    "targets", [np.zeros((4, 3)), np.zeros((4, 3, 1)), np.zeros((3, 4, 2)), 0.5], ids=np.shape
)
def test_another_shape_is_refused(targets: object) -> None:
    with pytest.raises(ShapeError, match=r"targets ha.* The head 'squared' reads 2 values at a time"):
        read(targets)


@pytest.mark.parametrize("targets", [["a", "b"], [None, 1.0], [1j, 2.0]], ids=repr)
def test_what_is_no_number_is_refused(targets: object) -> None:
    with pytest.raises(ShapeError, match=r"targets are an array of .*; the head 'squared' reads numbers"):
        read(targets, O=2)
