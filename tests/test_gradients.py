"""Backward is the derivative of forward: central differences in float64, from random states, unequal sizes.

That these checks can fail is shown in test_mutants.py.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import TOLERANCE, Case, random_case, row
from checks import distance, gradient_error, loss_gradient_error, truncated_error
from elman import Batch, Network, bptt
from elman.cells import CELLS
from elman.noise import Noise

RAGGED = (0, 3, 5, 1)  # one empty, one whole; the order that puts the longest first is a cycle of three
SIZES = {"T": 5, "B": 4, "I": 2, "O": 6}  # H is 7 or 3: no two are equal

cells = pytest.mark.parametrize("cell", CELLS, ids="-".join)
dense = pytest.mark.parametrize("dense", [True, False], ids=["dense", "symbols"])
lengths = pytest.mark.parametrize("lengths", [None, RAGGED], ids=["whole", "ragged"])


@cells
@dense
@lengths
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_backward_is_the_derivative_of_forward(
    cell: tuple[str, str], dense: bool, lengths: tuple[int, ...] | None, layers: int
) -> None:
    case = random_case(cell, **SIZES, H=7 if layers == 1 else 3, layers=layers, dense=dense, lengths=lengths)
    assert gradient_error(case, along=3) < TOLERANCE.gradient


@cells
@lengths
def test_every_entry_is_right(cell: tuple[str, str], lengths: tuple[int, ...] | None) -> None:
    """Not only directions in each array."""
    case = random_case(cell, T=3, B=4, I=2, H=5, O=6, lengths=lengths and (0, 2, 3, 1))
    assert gradient_error(case) < TOLERANCE.gradient


@st.composite
def any_case(draw: st.DrawFn) -> Case:
    T, B, I, H, O = (draw(st.integers(1, 4), label=letter) for letter in "TBIHO")
    ragged = st.lists(st.integers(0, T), min_size=B, max_size=B)
    rates = {"recurrent_dropout": 0.4, "output_dropout": 0.3, "zoneout": 0.3}
    return random_case(
        draw(st.sampled_from(list(CELLS))),
        T=T,
        B=B,
        I=I,
        H=H,
        O=O,
        layers=draw(st.integers(1, 3)),
        dense=draw(st.booleans()),
        lengths=draw(st.none() | ragged),
        reset=draw(st.sampled_from([0, 0.3])),
        noise=draw(st.none() | st.builds(Noise, seed=st.integers(0, 99), step=st.integers(0, 99))),
        seed=draw(st.integers(0, 2**16)),
        bidirectional=draw(st.booleans()),
        learn_initial_state=draw(st.booleans()),
        **draw(st.fixed_dictionaries({}, optional={name: st.just(rate) for name, rate in rates.items()})),
    )


@settings(max_examples=60, deadline=None)
@given(case=any_case())
def test_any_shape(case: Case) -> None:
    assert gradient_error(case, along=3) < TOLERANCE.gradient


@cells
@dense
@pytest.mark.parametrize("one", ["T", "B", "I", "H", "O"])
def test_a_size_of_one(cell: tuple[str, str], dense: bool, one: str) -> None:
    assert gradient_error(random_case(cell, dense=dense, **{one: 1}), along=3) < TOLERANCE.gradient


@cells
@dense
def test_one_sequence_without_a_batch_axis(cell: tuple[str, str], dense: bool) -> None:
    assert gradient_error(row(random_case(cell, dense=dense, layers=2), 1), along=3) < TOLERANCE.gradient


@cells
@dense
@lengths
def test_full_is_the_derivative_of_its_loss(
    cell: tuple[str, str], dense: bool, lengths: tuple[int, ...] | None
) -> None:
    case = random_case(cell, **SIZES, H=3, dense=dense, lengths=lengths, layers=2)
    assert loss_gradient_error(case, bptt.full, along=3) < TOLERANCE.gradient


@cells
@lengths
def test_checkpointed_is_the_derivative_of_its_loss(
    cell: tuple[str, str], lengths: tuple[int, ...] | None
) -> None:
    case = random_case(cell, **SIZES, H=3, dense=False, lengths=lengths)
    assert loss_gradient_error(case, bptt.checkpointed, along=3, window=2) < TOLERANCE.gradient


@cells
@dense
@lengths
@pytest.mark.parametrize("window", [2, 4])
def test_truncated_is_the_derivative_with_each_start_held_fixed(
    cell: tuple[str, str], dense: bool, lengths: tuple[int, ...] | None, window: int
) -> None:
    case = random_case(cell, **SIZES, H=3, dense=dense, lengths=lengths)
    assert truncated_error(case, window, along=3) < TOLERANCE.gradient


def test_truncated_is_not_the_whole_derivative() -> None:
    case = random_case(dense=False)
    assert loss_gradient_error(case, bptt.truncated, window=2) > 1000 * TOLERANCE.gradient


def test_a_sequence_of_length_zero_hands_its_gradient_through() -> None:
    case = random_case(**SIZES, layers=3, lengths=RAGGED)
    _, _, tapes = case.forward()
    _, dstart = case.network.backward(case.dy, tapes, case.dstate)
    empty = RAGGED.index(0)
    for (came,), (end,) in zip(dstart, case.dstate, strict=True):
        assert came[empty].tobytes() == end[empty].tobytes()


def test_no_final_gradient_means_zero() -> None:
    case = random_case(layers=2)
    zero = replace(case, dstate=case.network.init_state(3)).answers()
    _, _, tapes = case.forward()
    flat, dstart = case.network.backward(case.dy, tapes)
    assert flat.tobytes() == zero["gradient"].tobytes()
    assert dstart[0][0].tobytes() == zero["dstart.0.0"].tobytes()


@cells
@dense
def test_float32_follows_float64(cell: tuple[str, str], dense: bool) -> None:
    narrow = random_case(cell, layers=2, dense=dense, lengths=(2, 0, 5), dtype="float32")
    spec = replace(narrow.network.spec, dtype="float64")
    wide = Network.from_spec(spec, narrow.network.parameters.flat.astype("float64"))
    came = bptt.full(narrow.network, narrow.batch, narrow.state)
    right = bptt.full(wide, Batch(narrow.x, narrow.targets, narrow.lengths), narrow.state)
    assert came[1].dtype == np.float32
    assert distance(np.float64(came[0]), np.float64(right[0])) < TOLERANCE.float32_gradient
    assert distance(came[1], right[1]) < TOLERANCE.float32_gradient
