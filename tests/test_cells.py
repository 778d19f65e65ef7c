"""Each cell against its papers: one step written plainly, one gate at a time, and sharing no code with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from cases import TOLERANCE
from elman.cells import CELLS, Cell, find
from elman.errors import OptionError
from elman.finite_differences import gradcheck

cells = pytest.mark.parametrize("cell", CELLS.values(), ids=["-".join(key) for key in CELLS])
gated = pytest.mark.parametrize("cell", [CELLS["gru", "tanh"], CELLS["lstm", "tanh"]], ids=["gru", "lstm"])


# ------------------------------------------------------------------------------------------ the papers


def sigma(x):
    return 1 / (1 + np.exp(-x))


def paper_elman_tanh(a, u, h0):
    return (np.tanh(a + u),)


def paper_elman_relu(a, u, h0):
    return (np.where(a + u > 0, a + u, 0),)


def paper_gru(a, u, h0):
    (a_r, a_z, a_n), (u_r, u_z, u_n) = np.split(a, 3, axis=-1), np.split(u, 3, axis=-1)
    r, z = sigma(a_r + u_r), sigma(a_z + u_z)
    return ((1 - z) * np.tanh(a_n + r * u_n) + z * h0,)


def paper_lstm(a, u, h0, s0):
    i, f, g, o = np.split(a + u, 4, axis=-1)
    s1 = sigma(f) * s0 + sigma(i) * np.tanh(g)
    return sigma(o) * np.tanh(s1), s1


PAPERS = {
    ("elman", "tanh"): paper_elman_tanh,
    ("elman", "relu"): paper_elman_relu,
    ("gru", "tanh"): paper_gru,
    ("lstm", "tanh"): paper_lstm,
}


# ------------------------------------------------------------------------------------------ one step


@dataclass(frozen=True)
class Step:
    """What goes into one step, and the gradient that comes back to it."""

    cell: Cell
    a: np.ndarray
    u: np.ndarray
    before: tuple[np.ndarray, ...]
    dafter: tuple[np.ndarray, ...]

    def forward(self):
        """Return (states after, what forward left in a, kept); what is written starts as NaN."""
        a, after = self.a.copy(), tuple(np.full_like(s, np.nan) for s in self.before)
        kept = np.full((*a.shape[:-1], self.cell.kept * self.before[0].shape[-1]), np.nan, a.dtype)
        self.cell.forward(a, self.u, self.before, after, kept)
        return after, a, kept

    def gradients(self):
        """Return (da, du, what reaches each state before directly); da and du are shared as engines do."""
        after, da, kept = self.forward()
        du = np.full_like(da, np.nan) if self.cell.recurrent_bias else da
        dbefore = tuple(np.zeros_like(s) for s in self.before)
        self.cell.backward(self.dafter, self.before, after, kept, da, du, dbefore)
        return da, du, dbefore

    def loss(self, _=None):
        """The sum of all states after, weighed by dafter: its gradient is what backward tells."""
        return sum(float((d * s).sum()) for d, s in zip(self.dafter, self.forward()[0], strict=True))


def random_step(cell, *, B=3, H=5, dtype="float64", seed=0, size=1.0):
    """Draw a step in which nothing is zero; for relu nothing lies near the kink."""
    generator = np.random.default_rng(seed)
    batch = () if B is None else (B,)

    def normal(width):
        return (size * generator.standard_normal((*batch, width))).astype(dtype)

    a, u = normal(len(cell.gates) * H), normal(len(cell.gates) * H)
    if cell.activation == "relu":
        a[np.abs(a + u) < 1e-3 * size] += size
    before, dafter = (tuple(normal(H) for _ in cell.states) for _ in range(2))
    return Step(cell, a, u, before, dafter)


@cells
@pytest.mark.parametrize("B", [3, 1, 0, None], ids=["batch", "one", "none", "no axis"])
@pytest.mark.parametrize(("dtype", "error"), [("float64", 1e-14), ("float32", 2e-6)])  # 7e-16, 3e-7 measured
def test_forward_is_the_paper(cell, B, dtype, error):
    step = random_step(cell, B=B, dtype=dtype)
    after, _, _ = step.forward()
    wide = (x.astype("float64") for x in (step.a, step.u, *step.before))
    for came, right in zip(after, PAPERS[cell.name, cell.activation](*wide), strict=True):
        assert came.dtype == dtype
        assert came.shape == right.shape
        np.testing.assert_allclose(came, right, rtol=0, atol=error)


@cells
@pytest.mark.parametrize(("B", "H"), [(3, 5), (1, 4), (2, 1), (None, 5)])
def test_backward_is_the_derivative_of_forward(cell, B, H):
    step = random_step(cell, B=B, H=H, seed=1)
    da, du, dbefore = step.gradients()
    assert gradcheck(step.loss, step.a, da) < TOLERANCE.gradient
    assert gradcheck(step.loss, step.u, du) < TOLERANCE.gradient
    for state, came in zip(step.before, dbefore, strict=True):
        assert gradcheck(step.loss, state, came) < TOLERANCE.gradient


@cells
def test_backward_in_float32_follows_float64(cell):
    narrow = random_step(cell, dtype="float32")
    states = (tuple(s.astype("float64") for s in group) for group in (narrow.before, narrow.dafter))
    wide = Step(cell, narrow.a.astype("float64"), narrow.u.astype("float64"), *states)
    for came, right in zip(narrow.gradients()[:2], wide.gradients()[:2], strict=True):
        assert came.dtype == "float32"
        np.testing.assert_allclose(came, right, rtol=0, atol=5e-6)  # 4e-7 measured


@cells
def test_no_rows_have_no_gradients(cell):
    da, du, dbefore = random_step(cell, B=0).gradients()
    assert da.shape == du.shape == (0, len(cell.gates) * 5)
    assert [d.shape for d in dbefore] == [(0, 5) for _ in cell.states]


# ------------------------------------------------------------------------------------------ the contract


@cells
def test_forward_leaves_its_other_inputs_as_they_were(cell):
    step = random_step(cell)
    bytes_of = [x.tobytes() for x in (step.u, *step.before)]
    step.forward()
    assert [x.tobytes() for x in (step.u, *step.before)] == bytes_of


@cells
def test_backward_adds_to_dbefore_and_leaves_the_rest_as_it_was(cell):
    step = random_step(cell)
    _, _, alone = step.gradients()
    after, da, kept = step.forward()
    du = np.empty_like(da) if cell.recurrent_bias else da
    dbefore = tuple(np.full_like(s, 7.0) for s in step.before)
    left_alone = (*step.dafter, *step.before, *after)
    bytes_of = [x.tobytes() for x in left_alone]
    cell.backward(step.dafter, step.before, after, kept, da, du, dbefore)
    assert [x.tobytes() for x in left_alone] == bytes_of
    for came, part in zip(dbefore, alone, strict=True):
        np.testing.assert_array_equal(came, 7.0 + part)


@gated
def test_gated_cells_do_not_read_the_states_after_in_backward(cell):
    step = random_step(cell)
    (after, da, kept), dbefore = step.forward(), tuple(np.zeros_like(s) for s in step.before)
    du = np.empty_like(da) if cell.recurrent_bias else da
    mixed = tuple(np.full_like(s, np.nan) for s in after)
    cell.backward(step.dafter, step.before, mixed, kept, da, du, dbefore)
    for came, right in zip((da, du, *dbefore), (*step.gradients()[:2], *step.gradients()[2]), strict=True):
        np.testing.assert_array_equal(came, right)


@cells
def test_a_slot_of_a_tape_will_do(cell):
    """The engine hands out views: some rows of one step of an array over all steps."""
    step, rows = random_step(cell, B=2), 2
    after, a, kept = step.forward()
    tapes = [np.full((4, 3, x.shape[-1]), np.nan) for x in (step.a, *after, kept)]
    a_t, *states, kept_t = (tape[1, :rows] for tape in tapes)
    a_t[:] = step.a
    cell.forward(a_t, step.u, step.before, tuple(states), kept_t)
    np.testing.assert_array_equal(a_t, a)
    np.testing.assert_array_equal(kept_t, kept)
    np.testing.assert_array_equal(states, after)
    for tape, x in zip(tapes, (a, *after, kept), strict=True):
        assert np.isfinite(tape).sum() == x.size  # not a number beyond the rows of that step


@cells
def test_a_row_of_the_table_tells_the_truth(cell):
    assert CELLS[cell.name, cell.activation] is cell
    step = random_step(cell)
    _, _, kept = step.forward()
    assert kept.shape[-1] == cell.kept * 5
    assert np.isfinite(kept).all()
    da, du, dbefore = step.gradients()
    assert cell.recurrent_bias == (not np.array_equal(da, du))
    assert len(dbefore) == len(cell.states)


def test_the_gates_lie_in_the_order_of_pytorch():
    assert {cell.name: cell.gates for cell in CELLS.values()} == {
        "elman": ("h",),
        "gru": ("r", "z", "n"),
        "lstm": ("i", "f", "g", "o"),
    }


@pytest.mark.parametrize(("name", "activation"), [("gru", "relu"), ("lstm", "sigmoid"), ("rnn", "tanh")])
def test_a_cell_that_does_not_exist_lists_those_that_do(name, activation):
    choices = r"there are elman \(tanh, relu\), gru \(tanh\), lstm \(tanh\)$"
    with pytest.raises(OptionError, match=f"no cell '{name}' with activation '{activation}'; {choices}"):
        find(name, activation)


# ------------------------------------------------------------------------------------------ known answers


def gates_of(cell, **values):
    """Return a and u whose sum is `values` by gate and 0 for the others; one row of five units."""
    a = np.concatenate([np.full((1, 5), float(values.get(gate, 0))) for gate in cell.gates], axis=-1)
    return a, np.zeros_like(a)


def after(cell, a, u, *before):
    states = tuple(np.empty_like(s) for s in before)
    cell.forward(a, u, before, states, np.empty((1, cell.kept * 5)))
    return states


def test_a_gru_whose_update_gate_is_one_keeps_its_state():
    cell, h0 = CELLS["gru", "tanh"], np.array([[0.3, -0.7, 2.0, 1e-3, -5.0]])
    (h1,) = after(cell, *gates_of(cell, z=1e3, n=0.9), h0)
    np.testing.assert_allclose(h1, h0, rtol=0, atol=1e-15)


def test_a_gru_whose_update_gate_is_zero_takes_the_new_state():
    cell, h0 = CELLS["gru", "tanh"], np.full((1, 5), 3.0)
    (h1,) = after(cell, *gates_of(cell, z=-1e3, n=0.9), h0)
    np.testing.assert_allclose(h1, np.tanh(0.9), rtol=0, atol=1e-15)


@pytest.mark.parametrize(("r", "seen"), [(1e3, 1.0), (0.0, 0.5), (-1e3, 0.0)])
def test_the_reset_gate_of_a_gru_weighs_what_was_read_of_the_state(r, seen):
    cell = CELLS["gru", "tanh"]
    a, u = gates_of(cell, r=r, z=-1e3, n=0.4)
    u[:, 10:] = 0.8
    (h1,) = after(cell, a, u, np.ones((1, 5)))
    np.testing.assert_allclose(h1, np.tanh(0.4 + seen * 0.8), rtol=0, atol=1e-15)


def test_an_lstm_that_forgets_nothing_and_takes_nothing_keeps_its_memory_to_the_bit():
    cell, s0 = CELLS["lstm", "tanh"], np.array([[0.3, -0.7, 2.0, 1e-3, -5.0]])
    h1, s1 = after(cell, *gates_of(cell, f=1e3, i=-1e3, g=0.9, o=1e3), np.ones((1, 5)), s0)
    np.testing.assert_array_equal(s1, s0)
    np.testing.assert_array_equal(h1, np.tanh(s0))


def test_an_lstm_that_forgets_everything_takes_its_input():
    cell, s0 = CELLS["lstm", "tanh"], np.full((1, 5), 3.0)
    h1, s1 = after(cell, *gates_of(cell, f=-1e3, i=1e3, g=0.9, o=0.0), np.ones((1, 5)), s0)
    np.testing.assert_allclose(s1, np.tanh(0.9), rtol=0, atol=1e-15)
    np.testing.assert_allclose(h1, 0.5 * np.tanh(np.tanh(0.9)), rtol=0, atol=1e-15)


# ------------------------------------------------------------------------------------------ extremes


@cells
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e4, 1e-4, 1e30, 1e-45, 0.0])
def test_extreme_inputs_give_finite_answers_without_a_warning(cell, dtype, size):
    step = random_step(cell, dtype=dtype, size=size)
    quiet = Step(cell, step.a, step.u, step.before, tuple(np.ones_like(d) for d in step.dafter))
    states, _, kept = quiet.forward()
    da, du, dbefore = quiet.gradients()
    for array in (*states, kept, da, du, *dbefore):
        assert np.isfinite(array).all()


@gated
def test_a_saturated_gate_has_no_gradient(cell):
    step = random_step(cell, dtype="float32", size=1e4)
    da, _, _ = step.gradients()
    assert (da == 0).mean() > 0.95
