"""Keras both ways, live, with any backend: 8 networks a direction in every run, 300 with --full."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_cases import FAULTS, drawn_network, same

from elman import Network, engines
from elman.cells import find
from elman.errors import EngineError, NumericError, OptionError
from elman.interop import keras as land
from elman.interop.checking import BOUNDS, compare, difference, random_input
from elman.interop.keras.plan import plan_of
from elman.interop.keras.running import plain, runner
from elman.interop.keras.weights import arrays_of
from elman.persistence import Model

# Keras 3.15 makes arrays of PyTorch's tensors in a way that NumPy 2 tells it to change.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
PAGE = Path(__file__).parents[2] / "docs/lands/keras.md"


@pytest.fixture(scope="module")
def keras() -> Any:
    pytest.importorskip("keras", reason="Keras is not installed", exc_type=ImportError)
    return land.live.load()


@pytest.fixture
def count(request: pytest.FixtureRequest) -> int:
    return 300 if request.config.getoption("--full") else 8


def drawn(seed: int) -> Network:
    return drawn_network(seed, dtype="float32")


def run_of(model: Any, network: Network) -> Any:
    spec = network.spec
    return runner(model, plan_of(spec), len(find(spec.cell, spec.activation).states))


def test_what_is_exported_gives_the_same_numbers(keras, count):
    """Whole runs and single steps from random states, state too."""
    for seed in range(count):
        network = drawn(seed)
        compare(network, run_of(land.to_keras(network, states=True), network), f"network {seed}")
        x = random_input(network, np.random.default_rng(seed), 7, 1 + seed % 5)
        answer = plain(land.to_keras(network), plan_of(network.spec), x)
        assert difference(network.run(x)[0], answer) <= BOUNDS[network.spec.dtype]


def test_a_file_is_loaded_by_keras_and_comes_back(keras, tmp_path, count):
    """Loaded and saved again by Keras itself: the same parameters; as it was written: the same bytes."""
    for seed in range(count):
        network, path = drawn(seed), tmp_path / "model.keras"
        checked = land.export(Model(network), path)
        assert f"Keras {keras.__version__}" in checked.what
        assert same(land.read(path)[0], network)
        loaded, again = keras.models.load_model(path), tmp_path / "again.keras"
        loaded.save(again)
        for back in (land.from_keras(again), land.from_keras(loaded)):
            assert plan_of(back.spec) == plan_of(network.spec)
            apart = network.parameters.flat if not network.spec.tied else None
            assert apart is None or back.parameters.flat.tobytes() == apart.tobytes()
        assert land.check(land.from_keras(again), again).largest <= checked.bound


def test_float64_keeps_its_weights_where_keras_multiplies_in_float32(keras, tmp_path):
    """Keras 3 multiplies float64 in float32, but with TensorFlow; jax refuses such layers."""
    for seed in range(8):
        network, path = drawn_network(seed, dtype="float64", tied=False), tmp_path / "model.keras"
        checked = land.export(Model(network), path)
        assert checked.bound == 1e-12
        assert same(land.read(path)[0], network)
        if keras.backend.backend() == "jax":
            with pytest.raises(OptionError, match="dtype is float64"):
                land.to_keras(network)
            continue
        loaded, x = keras.models.load_model(path), random_input(network, np.random.default_rng(seed), 7, 3)
        back = land.from_keras(loaded)
        assert back.parameters.flat.tobytes() == network.parameters.flat.tobytes()
        assert difference(network.run(x)[0], plain(loaded, plan_of(network.spec), x)) <= 2e-6


def drawn_model(keras: Any, seed: int) -> tuple[Any, bool]:
    """A model as users have them, weights random; and does it read symbols?"""
    layers, draw = keras.layers, np.random.default_rng(seed)
    reads, symbols, outputs = (int(n) for n in draw.choice(np.arange(2, 9), 3, replace=False))
    kind, activation = [("SimpleRNN", "tanh"), ("SimpleRNN", "relu"), ("GRU", "tanh"), ("LSTM", "tanh")][
        seed % 4
    ]
    both, embedded, every = (bool(draw.integers(2)) for _ in range(3))
    stack = [keras.Input((None,), dtype="int32") if embedded else keras.Input((None, reads))]
    if embedded:
        stack.append(layers.Embedding(symbols, reads))
    depth = int(draw.integers(1, 4))
    for k in range(depth):
        options = {"activation": activation, "use_bias": bool(draw.integers(4))}
        layer = getattr(layers, kind)(
            int(draw.integers(1, 9)), return_sequences=every or k < depth - 1, **options
        )
        stack.append(layers.Bidirectional(layer) if both else layer)
        if k < depth - 1 and seed % 3 == 0:
            stack.append(layers.Dropout(0.5))
    if seed % 5:
        end = ["linear", "softmax", "sigmoid"][seed % 3]
        stack.append(layers.Dense(outputs, activation=end, use_bias=bool(seed % 2)))
    model = keras.Sequential(stack)
    if seed % 2:
        x = keras.Input(model.input_shape[1:], dtype=model.inputs[0].dtype)
        model = keras.Model(x, _applied(stack[1:], x))
    spread = 0.2 if activation == "relu" else 0.4
    for layer in model.layers:
        layer.set_weights([draw.normal(0, spread, w.shape) for w in layer.weights])
    return model, embedded


def _applied(stack: list[Any], x: Any) -> Any:
    for layer in stack:
        x = layer(x)
    return x


def test_models_of_keras_come_in_with_the_same_numbers(keras, tmp_path, count):
    for seed in range(count):
        model, embedded = drawn_model(keras, seed)
        path, draw = tmp_path / "model.keras", np.random.default_rng(seed)
        model.save(path)
        network = land.from_keras(path)
        assert same(land.from_keras(model), network)
        spec = network.spec
        x = random_input(network, draw, 6, 3) if embedded else draw.normal(size=(6, 3, spec.input_size))
        y, _ = network.run(x)
        y = y.swapaxes(0, 1) if spec.readout == "every" else y
        if spec.head in ("softmax", "sigmoid"):
            y = keras.ops.convert_to_numpy(getattr(keras.ops, spec.head)(y))
        answer = model(np.asarray(x, "int32" if embedded else spec.dtype).swapaxes(0, 1))
        assert difference(y, keras.ops.convert_to_numpy(answer)) <= BOUNDS[spec.dtype], seed


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(keras, fault):
    change, options, seed = FAULTS[fault]
    network = drawn_network(seed, **{"dtype": "float32", "head": "squared", **options})
    plan = plan_of(network.spec)
    model = land.live.build(plan, change(arrays_of(network, plan)), "head", states=True)
    with pytest.raises(NumericError, match="not the same network"):
        compare(network, run_of(model, network), fault)


def test_reset_before_the_product_is_refused(keras):
    for reset_after, refused in ((True, False), (False, True)):
        layer = keras.layers.GRU(4, reset_after=reset_after)
        model = keras.Sequential([keras.Input((None, 3)), layer])
        if not refused:
            assert land.from_keras(model).spec.cell == "gru"
            continue
        with pytest.raises(OptionError, match=r"reset_after is False, expected True: r before the product"):
            land.from_keras(model)


def test_masked_symbols_are_lengths(keras):
    """Embedding(mask_zero=True) over rows that end in zeros is a run with lengths."""
    layers, draw = keras.layers, np.random.default_rng(0)
    for both in (False, True):
        layer = layers.LSTM(4)
        stack = [layers.Embedding(6, 3, mask_zero=True), layers.Bidirectional(layer) if both else layer]
        model = keras.Sequential([keras.Input((None,), dtype="int32"), *stack, layers.Dense(2)])
        lengths = np.array([5, 2, 7])
        x = np.where(np.arange(7) < lengths[:, None], draw.integers(1, 6, (3, 7)), 0)
        y, _ = land.from_keras(model).run(x.T, lengths=lengths)
        assert difference(y, keras.ops.convert_to_numpy(model(x))) <= 2e-6


def refused_models(keras: Any) -> dict[str, Any]:
    layers = keras.layers

    def stacked(*stack: Any) -> Any:
        return keras.Sequential([keras.Input((None, 3)), *stack])

    own = type("Own", (layers.LSTM,), {})
    return {
        "class 'Lambda'": stacked(layers.LSTM(4), layers.Lambda(lambda x: x)),
        "class 'Own'": stacked(own(4)),
        "class 'Conv1D'": stacked(layers.Conv1D(3, 2), layers.LSTM(4)),
        "class 'LayerNormalization'": stacked(layers.LSTM(4), layers.LayerNormalization()),
        "class 'Sequential'": stacked(keras.Sequential([layers.LSTM(4)])),
        "recurrent_activation is 'hard_sigmoid'": stacked(
            layers.LSTM(4, recurrent_activation="hard_sigmoid")
        ),
        "activation is 'relu'": stacked(layers.GRU(4, activation="relu")),
        "activation is 'selu'": stacked(layers.SimpleRNN(4, activation="selu")),
        "go_backwards is True": stacked(layers.LSTM(4, go_backwards=True)),
        "merge_mode is 'sum'": stacked(layers.Bidirectional(layers.LSTM(4), merge_mode="sum")),
        "is not of the kind": stacked(layers.LSTM(4, return_sequences=True), layers.GRU(4)),
        "dropout is 0.5; networks": stacked(
            layers.LSTM(4, return_sequences=True), layers.LSTM(4, dropout=0.5)
        ),
        "activation is 'relu', use_bias": stacked(layers.LSTM(4), layers.Dense(2, activation="relu")),
        "is behind layer": stacked(layers.LSTM(4), layers.Dense(3), layers.Dense(2)),
        "noise_shape": stacked(layers.LSTM(4), layers.Dropout(0.5, noise_shape=(None, 4)), layers.Dense(2)),
        "compute in": stacked(layers.LSTM(4, dtype="mixed_float16"), layers.Dense(2)),
        "has no SimpleRNN": stacked(layers.Dense(2)),
    }


def test_models_that_no_network_is_are_refused_by_name(keras):
    for named, model in refused_models(keras).items():
        with pytest.raises(OptionError) as caught:
            land.from_keras(model)
        assert named in str(caught.value)
        assert "\n" not in str(caught.value)


def test_what_is_no_model_is_refused(keras):
    with pytest.raises(OptionError, match=r"LSTM came; expected a keras\.Model"):
        land.from_keras(keras.layers.LSTM(4))
    with pytest.raises(OptionError, match="was never built"):
        land.from_keras(keras.Sequential([keras.layers.LSTM(4)]))


def test_a_shared_layer_and_a_branch_are_refused(keras):
    x, layer = keras.Input((None, 3)), keras.layers.SimpleRNN(3, return_sequences=True)
    twice = keras.Model(x, layer(layer(x)))
    branches = keras.Model(
        x, keras.layers.Concatenate()([layer(x), keras.layers.GRU(2, return_sequences=True)(x)])
    )
    outputs = keras.Model(x, [keras.layers.LSTM(2)(x), keras.layers.LSTM(2)(x)])
    for model in (twice, branches, outputs):
        with pytest.raises(OptionError):
            land.from_keras(model)


def test_the_engine_is_the_one_asked_for(keras):
    model = land.to_keras(drawn_network(2, dtype="float32"))
    assert land.from_keras(model, engine="reference").machine.engine is engines.find("reference", "float32")
    with pytest.raises((OptionError, EngineError)):
        land.from_keras(model, engine="no such")


@pytest.mark.skipif(not PAGE.exists(), reason="the page is not written")
def test_the_page_of_keras_runs(keras, tmp_path, monkeypatch):
    from test_readme import run_page

    monkeypatch.chdir(tmp_path)
    run_page(PAGE.read_text("utf-8"), PAGE.name)
