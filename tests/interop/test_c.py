"""The exported C computes what the network computes, bit by bit where multiply-add is fused."""

from __future__ import annotations

import ctypes
import platform
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from elman import Network
from elman.engines.loading import instruction_set
from elman.interop.c.running import FLAGS, compiled
from elman.interop.c.source import with_pieces
from elman.interop.checking import difference, random_state
from interop.c_cases import Land, allowed, land, needs_compiler, random_input, random_network

pytestmark = needs_compiler
SAMPLE, WHOLE = 8, 300
FUSED = ["-mfma"] if platform.machine() in ("x86_64", "AMD64") else []
same_arithmetic = pytest.mark.skipif(
    instruction_set() not in ("avx2", "avx512", "neon"), reason="no engine with fused multiply-add runs here"
)


@pytest.fixture
def networks(request, seed):
    random = np.random.default_rng(seed)
    count = WHOLE if request.config.getoption("--full") else SAMPLE
    return [random_network(random, number) for number in range(count)]


def worst(of: Land, seed: int, known=lambda network: network) -> float:
    """The largest difference of runs and of single steps, outputs and states, in units of what is allowed.

    What is allowed: see `allowed`; a network with a planted fault is allowed what the right one is.
    """
    random, largest = np.random.default_rng(seed), 0.0
    for network, exported in zip(of.networks, of.exported, strict=True):
        right = known(network)
        own = right if isinstance(right, Network) else network
        for steps, rows, begun in ((12, 3, True), (1, 2, True), (5, 2, False)):
            x = random_input(random, network, steps, rows)
            state = random_state(network, random, rows) if begun else None
            apart = difference(right.run(x, state), exported.run(x, state))
            largest = max(largest, apart / allowed(own, x, state))
    return largest


def test_float32_is_the_network(tmp_path, networks, seed):
    assert worst(land(tmp_path, networks), seed) <= 1


@same_arithmetic
def test_float32_has_the_bits_of_the_compiled_engine(tmp_path, networks, seed):
    assert worst(land(tmp_path, networks, "float32", *FUSED), seed) == 0


def test_int8_is_the_network_of_the_whole_numbers(tmp_path, networks, seed):
    assert worst(land(tmp_path, networks, "int8"), seed, lambda network: network.narrowed("int8")) <= 1


def test_steps_and_pieces_are_the_whole_run(tmp_path, seed):
    random = np.random.default_rng(seed)
    network = random_network(random, 3, feature_size=0, embedding_size=None, readout="every", tied=False)
    (exported,) = land(tmp_path, [network]).exported
    x = random_input(random, network, 9, 2)
    whole, after = exported.run(x)
    first, state = exported.run(x[:4])
    rest, last = exported.run(x[4:], state)
    assert difference((whole, after), (np.concatenate([first, rest]), last)) == 0


def test_the_constants_are_those_of_the_engine():
    native = Path(__file__).parents[2] / "native/coefficients.hpp"
    engine = native.read_text("utf-8").split("struct Coefficients<double>")[0]
    known = {np.float32(float.fromhex(text)) for text in re.findall(r"-?0x[0-9a-f.]+p[+-]\d+", engine)}
    from elman.interop.c.arithmetic import EXPONENTIAL, SIGMOID, TANGENT

    written = set(re.findall(r"\d+\.\d{3,}(?:e-\d+)?(?=f)", EXPONENTIAL + SIGMOID + TANGENT))
    twice = np.float32(2.88539004)  # 2 log2 e
    assert twice == 2 * np.float32(1.44269502)
    assert {np.float32(text) for text in written} - {abs(one) for one in known} == {twice, np.float32(0.4999)}


# ---------------------------------------------------------------------------------------- what must be seen


def gates_turned(network: Network) -> Network:
    return _changed(network, lambda rows: np.roll(rows, len(rows) // 2, axis=0))


def matrices_transposed(network: Network) -> Network:
    return _changed(network, lambda rows: rows.T if rows.shape[0] == rows.shape[1] else rows[:, ::-1])


def biases_swapped(network: Network) -> Network:
    made = Network.from_spec(network.spec, network.parameters.flat)
    views = made.parameters.views
    views["layers.0.b"][:], views["layers.0.d"][:] = views["layers.0.d"].copy(), views["layers.0.b"].copy()
    return made


def time_reversed(network: Network) -> SimpleNamespace:
    return SimpleNamespace(run=lambda x, state=None: network.run(x[::-1], state))


def reset_before(network: Network) -> SimpleNamespace:
    """The GRU of the paper's third version: r stands before the product, W (r h)."""
    return SimpleNamespace(run=lambda x, state=None: _reset_before(network, x, state))


def _reset_before(network: Network, x, state):
    views, after = network.parameters.views, []
    rows = np.eye(network.spec.input_size, dtype=np.float32)[x] if x.ndim == 2 else x
    for k, (h,) in enumerate(state or network.init_state(rows.shape[1])):
        U, W, b, d = (views[f"layers.{k}.{name}"] for name in "UWbd")
        a, outputs = rows @ U.T + b, []
        for a_t in a:
            u = h @ W.T + d
            half = 2 * h.shape[1]
            r, z = np.split(1 / (1 + np.exp(-a_t[:, :half] - u[:, :half])), 2, axis=1)
            n = np.tanh(a_t[:, half:] + (r * h) @ W[half:].T + d[half:])
            h = n + z * (h - n)
            outputs.append(h)
        rows = np.stack(outputs)
        after.append((h,))
    return rows @ views["head.V"].T + views["head.c"], tuple(after)


def _changed(network: Network, change) -> Network:
    made = Network.from_spec(network.spec, network.parameters.flat)
    for name, values in made.parameters.views.items():
        if name.endswith((".U", ".W")):
            values[:] = change(values.copy())
    return made


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize(
    "fault", [gates_turned, matrices_transposed, biases_swapped, time_reversed, reset_before]
)
def test_a_network_with_a_fault_would_be_seen(tmp_path, seed, cell, fault):
    if cell == "lstm" and fault in (biases_swapped, reset_before):
        pytest.skip("of a GRU alone")
    random = np.random.default_rng(seed)
    network = Network(cell, input_size=3, hidden_size=(4, 5), output_size=2)
    network.parameters.flat[:] = 0.5 * random.standard_normal(len(network.parameters))
    of = land(tmp_path, [network])
    assert worst(of, seed) <= 1
    assert worst(of, seed, fault) > 100


C_FAULTS = {
    "z turned": ("gru", "FUSED(z, h[i] - n, n)", "FUSED(1.0f - z, h[i] - n, n)"),
    "gates in another order": ("lstm", "forget = sigmoid(a[units + i]", "forget = sigmoid(a[2 * units + i]"),
    "the state after, read too early": ("lstm", "out * tangent(s1)", "out * tangent(s[i])"),
    "a column left out": ("elman", "j < inputs; j++", "j + 1 < inputs; j++"),
    "a column twice": ("elman", "column += 4 * count) {", "column += 3 * count) {"),
    "the layers in one": ("elman", "state->h1);", "state->h0);"),
}


@pytest.mark.parametrize("fault", C_FAULTS)
def test_a_fault_in_the_c_would_be_seen(tmp_path, seed, fault, monkeypatch):
    cell, right, wrong = C_FAULTS[fault]
    random = np.random.default_rng(seed)
    network = Network(cell, input_size=9, hidden_size=(5, 7), output_size=2)
    network.parameters.flat[:] = 0.5 * random.standard_normal(len(network.parameters))
    before = land(tmp_path, [network])
    assert worst(before, seed) <= 1
    plain = Path.write_text

    def spoiled(path, text, *arguments):
        assert path.suffix != ".c" or right in text
        return plain(path, text.replace(right, wrong), *arguments)

    monkeypatch.setattr(Path, "write_text", spoiled)
    assert worst(land(tmp_path, [network]), seed) > 100


FUNCTIONS = {  # of float64, and the documented error in units of the last place
    "exponential": (np.exp, 2.5, -87.0),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), 3, -87.0),
    "tangent": (np.tanh, 3, -np.inf),
}


@pytest.mark.parametrize("flags", [[], FUSED], ids=["apart", "fused"])
def test_the_functions_keep_their_bounds_and_end_well(tmp_path, seed, flags):
    loops = "\n".join(
        f"void all_{name}(float *x, int n)\n{{\n    int i;\n"
        f"    for (i = 0; i < n; i++)\n        x[i] = {name}(x[i]);\n}}\n"
        for name in FUNCTIONS
    )
    (tmp_path / "functions.c").write_text(f"#include <stdint.h>\n{with_pieces(loops)}", "utf-8")
    library = compiled(tmp_path, ["functions"], flags=(*FLAGS, *flags))
    random = np.random.default_rng(seed)
    wide = np.concatenate([random.normal(0, scale, 50_000) for scale in (1e-3, 0.5, 3, 40)])
    for name, (exact, bound, least) in FUNCTIONS.items():
        x = wide[(wide > least) & (wide < 88)].astype(np.float32)
        y, true = x.copy(), exact(x.astype(np.float64))
        getattr(library, f"all_{name}")(ctypes.c_void_p(y.ctypes.data), len(y))
        units = np.abs(y - true) / np.spacing(np.abs(true).astype(np.float32))
        assert units.max() <= bound, name
    ends = np.array([np.inf, 3e38, 100, 0, -0.0, -200, -3e38, -np.inf, np.nan], np.float32)
    for name, (exact, _, _) in FUNCTIONS.items():
        y = ends.copy()
        getattr(library, f"all_{name}")(ctypes.c_void_p(y.ctypes.data), len(y))
        with np.errstate(over="ignore"):
            wanted = exact(ends.astype(np.float64)).astype(np.float32)
        assert np.allclose(y, wanted, rtol=0, atol=1e-37, equal_nan=True), name
