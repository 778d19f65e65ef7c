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


def drawn(
    layout: dict[str, tuple[int, ...]],
    name: str,
    seed: int = 0,
    dtype: str = "float64",
    gates: tuple[str, ...] = ("h",),
) -> Parameters:
    parameters = Parameters.zeros(layout, dtype)
    initialize(parameters, name, np.random.default_rng(seed), gates=gates)
    return parameters


def everything(gates: str, *, hidden: int = 12, tied: bool = False) -> dict[str, tuple[int, ...]]:
    """A layout with every name that a network may have: two directions of one layer of these gates."""
    rows = len(gates) * hidden
    layer = {"U": (rows, 30), "W": (rows, hidden), "b": (rows,), "d": (rows,), "gU": (rows,), "gW": (rows,)}
    layer |= {"h0": (hidden,), "s0": (hidden,)}
    layout = {"embedding.E": (80, 30)}
    layout |= {f"layers.0{way}.{name}": shape for way in ("", ".reverse") for name, shape in layer.items()}
    return layout | ({} if tied else {"head.V": (80, 2 * hidden)}) | {"head.c": (80,)}


def assert_uniform(values: np.ndarray, bound: float) -> None:
    """The values fill ±bound evenly: nothing beyond, something near it, a third of its square on average."""
    scaled = values.reshape(-1) / bound
    assert 0.8 < np.abs(scaled).max() <= 1
    assert abs(scaled.mean()) < 3 / math.sqrt(scaled.size)  # five deviations
    assert abs((scaled**2).mean() - 1 / 3) < 1.5 / math.sqrt(scaled.size)


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
        assert_uniform(parameters[name], 1 / math.sqrt(16))
    for name in ("layers.0.b", "layers.1.b", "head.c"):
        assert not parameters[name].any()


@pytest.mark.parametrize("gates", ["h", "rzn", "ifgo"])
@pytest.mark.parametrize("way", ["", ".reverse"])
def test_by_default_every_parameter_starts_as_its_name_asks(gates, way):
    parameters = drawn(everything(gates), "orthogonal", gates=tuple(gates))
    layer = {name: parameters[f"layers.0{way}.{name}"] for name in ("U", "W", "d", "gU", "gW", "h0", "s0")}
    assert_uniform(layer["U"], 1 / math.sqrt(12))
    assert_uniform(parameters["head.V"], 1 / math.sqrt(24))
    assert max(np.abs(W @ W.T - np.eye(12)).max() for W in layer["W"].reshape(-1, 12, 12)) < 1e-14
    assert (layer["gU"] == 1).all()
    assert (layer["gW"] == 1).all()
    for zero in (layer["d"], layer["h0"], layer["s0"], parameters["head.c"]):
        assert not zero.any()


@pytest.mark.parametrize("name", ["orthogonal", "glorot"])
@pytest.mark.parametrize("way", ["", ".reverse"])
def test_the_forget_gate_of_an_lstm_is_open(name, way):
    b = drawn(everything("ifgo"), name, gates=("i", "f", "g", "o"))[f"layers.0{way}.b"].reshape(4, 12)
    assert b.tolist() == [[0] * 12, [1] * 12, [0] * 12, [0] * 12]


@pytest.mark.parametrize(("name", "gates"), [("orthogonal", "rzn"), ("glorot", "rzn"), ("identity", "h")])
def test_without_a_forget_gate_biases_are_zero(name, gates):
    assert not drawn(everything(gates), name, gates=tuple(gates))["layers.0.b"].any()


def test_the_default_draw_of_an_elman_network_is_that_of_all_versions():
    parameters = drawn(
        {"layers.0.U": (2, 1), "layers.0.W": (2, 2), "layers.0.b": (2,), "head.V": (1, 2)}, "orthogonal"
    )
    generator = np.random.default_rng(0)
    U = generator.uniform(-1, 1, (2, 1)) / np.sqrt(2)
    q, r = np.linalg.qr(generator.standard_normal((2, 2)))
    V = generator.uniform(-1, 1, (1, 2)) / np.sqrt(2)
    right = [*U.flat, *(q * np.sign(np.diagonal(r))).flat, 0.0, 0.0, *V.flat]
    np.testing.assert_array_equal(parameters.flat, right)


@pytest.mark.parametrize("name", ["orthogonal", "identity", "glorot", "uniform"])
def test_an_embedding_is_normal_but_small_where_it_is_the_output_too(name):
    untied, tied = (drawn(everything("h", tied=tied), name)["embedding.E"] for tied in (False, True))
    assert abs(untied.mean()) < 0.1  # 2400 draws
    assert abs(untied.std() - 1) < 0.1
    assert np.abs(untied).max() > 2.5
    assert_uniform(tied, 1 / math.sqrt(30))


def test_identity_starts_each_layer_and_direction_as_the_identity():
    one, other = (drawn(everything("h"), name) for name in ("identity", "orthogonal"))
    for way in ("", ".reverse"):
        np.testing.assert_array_equal(one[f"layers.0{way}.W"], np.eye(12))
    assert_uniform(one["layers.0.U"], 1 / math.sqrt(12))
    assert_uniform(one["head.V"], 1 / math.sqrt(24))
    np.testing.assert_array_equal(one["layers.0.gU"], other["layers.0.gU"])
    for zero in ("b", "d", "h0", "s0"):
        assert not one[f"layers.0.{zero}"].any()


@pytest.mark.parametrize(("gates", "said"), [("rzn", "3: r, z, n"), ("ifgo", "4: i, f, g, o")])
def test_identity_refuses_a_cell_of_several_gates(gates, said):
    with pytest.raises(OptionError, match=f"'identity' is for a cell of one gate; this one has {said}"):
        drawn(everything(gates), "identity", gates=tuple(gates))


@pytest.mark.parametrize("gates", ["h", "ifgo"])
def test_glorot_bounds_u_by_the_sizes_of_one_gate_and_v_by_its_own(gates):
    parameters = drawn(everything(gates), "glorot", gates=tuple(gates))
    for way in ("", ".reverse"):
        assert_uniform(parameters[f"layers.0{way}.U"], math.sqrt(6 / (30 + 12)))
        blocks = parameters[f"layers.0{way}.W"].reshape(-1, 12, 12)
        assert max(np.abs(W @ W.T - np.eye(12)).max() for W in blocks) < 1e-14
        assert (parameters[f"layers.0{way}.gW"] == 1).all()
    assert_uniform(parameters["head.V"], math.sqrt(6 / (24 + 80)))
    assert not parameters["head.c"].any()


@pytest.mark.parametrize("tied", [False, True])
def test_uniform_draws_weights_and_biases_in_the_bounds_of_pytorch(tied):
    parameters = drawn(everything("ifgo", tied=tied), "uniform", gates=("i", "f", "g", "o"))
    for way in ("", ".reverse"):
        for letter in ("U", "W", "b", "d"):
            assert_uniform(parameters[f"layers.0{way}.{letter}"], 1 / math.sqrt(12))
        assert (parameters[f"layers.0{way}.gU"] == 1).all()
        assert not parameters[f"layers.0{way}.h0"].any()
    read = 30 if tied else 24
    assert_uniform(parameters["head.c"], 1 / math.sqrt(read))
    if not tied:
        assert_uniform(parameters["head.V"], 1 / math.sqrt(24))


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_a_network_of_the_letters_alone_is_filled(name):
    """The layout of RNN, whose names have no place before them."""
    parameters = drawn({"U": (4, 3), "W": (4, 4), "b": (4,), "V": (2, 4), "c": (2,)}, name)
    assert all(parameters[letter].any() for letter in "UWV")


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
    with pytest.raises(
        OptionError, match=r"there are orthogonal, standard_normal, identity, glorot, uniform$"
    ):
        Network(input_size=2, hidden_size=2, output_size=2, initialization=name)
