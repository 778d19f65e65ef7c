"""From states to what the head reads: row by row, its gradient, and nothing from past a row's end."""

from __future__ import annotations

import numpy as np
import pytest

from cases import TOLERANCE, Array, frozen
from checks import distance
from elman import OptionError, ShapeError, gradcheck
from elman.heads import readout

T, B, F = 5, 4, 3
RAGGED = frozen(np.array([3, 0, 5, 1]))
ONCE = [name for name in readout.READOUTS if name != "every"]
RAGGED_ONES = [name for name in ONCE if name != "flatten"]
every_case = pytest.mark.parametrize(
    ("name", "lengths"),
    [*((name, None) for name in ONCE), *((name, RAGGED) for name in RAGGED_ONES), ("flatten", np.full(B, T))],
    ids=lambda value: value if isinstance(value, str) else "whole" if value is None else str(value),
)


def random_states(dtype: str = "float64", seed: int = 0) -> tuple[Array, Array]:
    generator = np.random.default_rng(seed)
    return generator.standard_normal((T, B, F)).astype(dtype), generator.standard_normal((B, F)).astype(dtype)


def forward(name: str, h: Array, last: Array, lengths: Array | None) -> tuple[Array, Array | None]:
    return readout.forward(name, h, last, lengths, steps=T if name == "flatten" else None)


def naive(name: str, rows: list[list[float]], last: list[float]) -> list[float]:
    """One row: its steps, each a list of numbers."""
    if name == "concat":
        return [*last, *naive("mean", rows, last), *naive("max", rows, last)]
    if name == "last":
        return last
    if name == "flatten":
        return [value for step in rows for value in step]
    columns = [[step[f] for step in rows] for f in range(len(last))]
    if name == "mean":
        return [sum(column) / len(column) if column else 0.0 for column in columns]
    return [max(column, default=0.0) for column in columns]


@every_case
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("padding", [np.nan, np.inf, 1e30])
def test_forward_reads_each_row_to_its_end(
    name: str, lengths: Array | None, dtype: str, padding: float
) -> None:
    h, last = random_states(dtype)
    ends = np.full(B, T) if lengths is None else lengths
    h[np.arange(T)[:, None] >= ends] = padding
    r, _ = forward(name, frozen(h), frozen(last), lengths)
    expected = [naive(name, h[: ends[b], b].tolist(), last[b].tolist()) for b in range(B)]
    assert r.dtype == dtype
    assert r.shape == (B, readout.size(name, F, T if name == "flatten" else None))
    assert distance(r, np.array(expected)) < TOLERANCE.law[dtype]


@every_case
def test_backward_is_the_derivative_of_forward(name: str, lengths: Array | None) -> None:
    h, last = random_states()
    r, kept = forward(name, h, last, lengths)
    dr = frozen(np.random.default_rng(1).standard_normal(r.shape))
    dh, dlast = readout.backward(name, dr, kept, lengths, h.shape)

    def loss(everything: Array) -> float:
        moved, end = everything[: h.size].reshape(h.shape), everything[h.size :].reshape(last.shape)
        return float((forward(name, moved, end, lengths)[0] * dr).sum())

    everything = np.concatenate([h.ravel(), last.ravel()])
    gradient = np.concatenate([dh.ravel(), dlast.ravel()])
    assert gradcheck(loss, everything, gradient) < TOLERANCE.gradient
    assert gradcheck(loss, everything, 1.001 * gradient) > 100 * TOLERANCE.gradient


@every_case
def test_past_a_row_s_end_the_gradient_is_zero_in_the_dtype_of_the_network(
    name: str, lengths: Array | None
) -> None:
    h, last = random_states("float32")
    r, kept = forward(name, h, last, lengths)
    dh, dlast = readout.backward(name, np.ones_like(r), kept, lengths, h.shape)
    ends = np.full(B, T) if lengths is None else lengths
    assert (dh.shape, dh.dtype, dlast.shape, dlast.dtype) == (h.shape, np.float32, last.shape, np.float32)
    assert not dh[np.arange(T)[:, None] >= ends].any()


def test_the_gradient_of_max_goes_to_the_first_of_equals() -> None:
    h = np.array([[[1.0]], [[2.0]], [[2.0]], [[9.0]]])
    lengths = np.array([3])
    r, kept = readout.forward("max", h, h[0], lengths)
    dh, _ = readout.backward("max", np.array([[0.5]]), kept, lengths, h.shape)
    assert r.tolist() == [[2.0]]
    assert dh.ravel().tolist() == [0, 0.5, 0, 0]


@pytest.mark.parametrize("name", RAGGED_ONES)
def test_a_batch_without_a_step(name: str) -> None:
    h, last = np.zeros((0, B, F)), random_states()[1]
    r, kept = readout.forward(name, h, last, None)
    dh, dlast = readout.backward(name, np.ones_like(r), kept, None, h.shape)
    reads_last = name in ("last", "concat")
    assert r.tolist() == [naive(name, [], row.tolist()) for row in last]
    assert dh.shape == h.shape
    assert dlast.tolist() == np.full((B, F), float(reads_last)).tolist()


def test_what_is_handed_out_may_be_written_to() -> None:
    h, last = random_states()
    for name in ONCE:
        r, kept = forward(name, h, last, None)
        dh, dlast = readout.backward(name, r, kept, None, h.shape)
        assert not any(np.shares_memory(a, b) for a in (r,) for b in (h, last, dh, dlast))


# Refused


def test_flatten_reads_a_fixed_number_of_steps() -> None:
    h, last = random_states()
    with pytest.raises(ShapeError, match=r"x has T=5 steps; the readout 'flatten' reads 6"):
        readout.forward("flatten", h, last, None, steps=6)
    with pytest.raises(ShapeError, match=r"row 2 has 4 steps; the readout 'flatten' reads 5 of each"):
        readout.forward("flatten", h, last, np.array([5, 5, 4, 3]), steps=5)


@pytest.mark.parametrize(
    ("name", "steps", "said"),
    [
        ("first", None, r"no readout 'first'; there are every, last, mean, max, concat, flatten"),
        ("flatten", None, r"steps is None; the readout 'flatten' needs to know"),
        ("mean", 5, r"steps is 5, but the readout is 'mean'; only 'flatten'"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(name: str, steps: int | None, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        readout.size(name, 3, steps)


def test_sizes() -> None:
    steps = {"flatten": 7}
    sizes = {name: readout.size(name, 3, steps.get(name)) for name in readout.READOUTS}
    assert sizes == {"every": 3, "last": 3, "mean": 3, "max": 3, "concat": 9, "flatten": 21}
