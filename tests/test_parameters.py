"""Parameters: one flat vector, its names, and what it is filled with at the start."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman import Network, OptionError, ShapeError
from elman.parameters import INITIALIZATIONS, Parameters, initialize

LAYOUT = {"layers.0.U": (6, 4), "layers.0.W": (6, 3), "layers.0.b": (6,), "scale": (), "head.V": (2, 3)}
SIZE = 24 + 18 + 6 + 1 + 6
LAYOUTS = st.dictionaries(
    st.text("UVWbc.0", min_size=1, max_size=5), st.lists(st.integers(1, 4), max_size=3).map(tuple), max_size=6
)


def drawn(layout: dict[str, tuple[int, ...]], name: str, seed: int = 0, dtype: str = "float64") -> Parameters:
    parameters = Parameters.zeros(layout, dtype)
    initialize(parameters, name, np.random.default_rng(seed))
    return parameters


@given(LAYOUTS)
def test_views_cover_the_flat_vector_once_and_in_order(layout):
    parameters = Parameters.zeros(layout, "float64")
    parameters.flat[:] = np.arange(parameters.flat.size)
    assert {name: view.shape for name, view in parameters.views.items()} == layout
    assert list(parameters) == list(layout)
    in_order = [value for name in parameters for value in parameters[name].reshape(-1).tolist()]
    assert in_order == list(range(len(parameters)))
    assert len(parameters) == sum(math.prod(shape) for shape in layout.values())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_flat_and_views_are_the_same_memory(dtype):
    parameters = Parameters.zeros(LAYOUT, dtype)
    assert parameters.flat.dtype == dtype
    assert parameters.flat.size == SIZE
    parameters["layers.0.W"][1, 2] = 5
    assert np.flatnonzero(parameters.flat).tolist() == [24 + 5]
    parameters.flat[-1] = 7
    assert parameters["head.V"][1, 2] == 7


@given(LAYOUTS)
def test_name_at_tells_the_place_of_every_entry(layout):
    parameters = Parameters.zeros(layout, "float64")
    names = [parameters.name_at(index) for index in range(len(parameters))]
    expected = [
        f"{name}[{', '.join(map(str, place))}]"
        for name, shape in layout.items()
        for place in np.ndindex(shape)
    ]
    assert names == expected


@pytest.mark.parametrize("index", [-1, SIZE, 10**18])
def test_name_at_refuses_what_is_no_entry(index):
    with pytest.raises(IndexError, match=f"no entry {index}; entries run from 0 to {SIZE - 1}"):
        Parameters.zeros(LAYOUT, "float32").name_at(index)


def test_like_gives_names_to_another_vector_without_copying_it():
    parameters = Parameters.zeros(LAYOUT, "float32")
    gradient = np.arange(SIZE, dtype=np.float32)
    named = parameters.like(gradient)
    assert named.flat is gradient
    assert named["layers.0.b"].tolist() == list(range(42, 48))
    assert not parameters.flat.any()


@pytest.mark.parametrize("shape", [SIZE - 1, SIZE + 1, (1, SIZE), 0])
def test_like_refuses_a_vector_of_another_size(shape):
    with pytest.raises(ShapeError, match=rf"these parameters have \({SIZE},\)"):
        Parameters.zeros(LAYOUT, "float32").like(np.zeros(shape))


def test_an_unknown_parameter_lists_the_names():
    with pytest.raises(OptionError, match=r"no parameter 'W'; there are layers\.0\.U, layers\.0\.W, "):
        Parameters.zeros(LAYOUT, "float32")["W"]


# ------------------------------------------------------------------------------------------ initialization


@pytest.mark.parametrize("gates", [1, 3, 4])
@pytest.mark.parametrize(("dtype", "error"), [("float64", 1e-14), ("float32", 1e-6)])
def test_each_gate_of_w_is_orthogonal(gates, dtype, error):
    layout = {"layers.0.U": (gates * 7, 5), "layers.0.W": (gates * 7, 7), "layers.0.b": (gates * 7,)}
    blocks = drawn(layout, "orthogonal", dtype=dtype)["layers.0.W"].reshape(gates, 7, 7)
    assert max(np.abs(W @ W.T - np.eye(7)).max() for W in blocks) < error
    assert len({W.tobytes() for W in blocks}) == gates


def test_rotations_are_drawn_uniformly():
    """Entry [0, 0] of a uniform orthogonal 2 × 2 matrix is cos of a uniform angle: mean 0, square 1/2."""
    layout = {"U": (2 * 4000, 1), "W": (2 * 4000, 2)}
    corner = drawn(layout, "orthogonal")["W"].reshape(-1, 2, 2)[:, 0, 0]
    assert abs(corner.mean()) < 0.05  # deviation 0.011; QR without its signs gives -0.64
    assert abs((corner**2).mean() - 0.5) < 0.03


def test_u_and_v_are_uniform_in_their_bounds_and_biases_zero():
    network = Network(input_size=300, hidden_size=16, output_size=200, num_layers=2, dtype="float64")
    parameters = network.parameters
    for name in ("layers.0.U", "layers.1.U", "head.V"):
        values = parameters[name].reshape(-1) * math.sqrt(16)
        assert 0.95 < np.abs(values).max() <= 1
        assert abs(values.mean()) < 0.13  # five deviations of 256 draws at most
        assert abs((values**2).mean() - 1 / 3) < 0.1
    for name in ("layers.0.b", "layers.1.b", "head.c"):
        assert not parameters[name].any()


def test_standard_normal_fills_everything():
    values = drawn({"layers.0.W": (90, 30), "layers.0.b": (300,)}, "standard_normal")
    assert abs(values.flat.mean()) < 0.1
    assert abs(values.flat.std() - 1) < 0.1
    assert np.abs(values["layers.0.b"]).min() > 0


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_a_seed_gives_the_same_bytes_and_another_seed_others(name):
    layout = {"layers.0.U": (6, 4), "layers.0.W": (6, 3), "layers.0.b": (6,), "head.V": (2, 3)}
    one, same, other = (drawn(layout, name, seed).flat for seed in (3, 3, 4))
    assert one.tobytes() == same.tobytes()
    assert (one != other).mean() > 0.5


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_float32_is_the_same_draw_rounded(name):
    layout = {"layers.0.U": (6, 4), "layers.0.W": (6, 3), "layers.0.b": (6,), "head.V": (2, 3)}
    wide, narrow = drawn(layout, name), drawn(layout, name, dtype="float32")
    np.testing.assert_array_equal(wide.flat.astype(np.float32), narrow.flat)


@pytest.mark.parametrize("name", ["xavier", "", "Orthogonal"])
def test_an_unknown_initialization_lists_the_choices(name):
    with pytest.raises(OptionError, match=r"there are orthogonal, standard_normal$"):
        Network(input_size=2, hidden_size=2, output_size=2, initialization=name)
