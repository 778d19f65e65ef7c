"""Write the model files of format version 1 that every later elman must read: python make_models.py

One for every cell with every head, each with other options, and a checkpoint of every cell.  The record of
each holds what it reads and what the compiled engine answers, in numbers that JSON gives back exactly.  They
were written once and are kept for ever: the program refuses to write one again.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

import elman
from elman.data import Sequences, Streams, Vocabulary

FOLDER = Path(__file__).with_name("models_v1")
CELLS = {
    "elman": ("elman", "tanh"),
    "relu": ("elman", "relu"),
    "gru": ("gru", "tanh"),
    "lstm": ("lstm", "tanh"),
}
HEADS = ("softmax", "sigmoid", "squared", "absolute", "huber", "gaussian", "quantile")
VOCABULARIES = (
    Vocabulary("chars", ("<unk>", "a", "ß", "時", "😀")),
    Vocabulary("words", ("<unk>", "\n", "Zürich", "時間", '"\\')),
    Vocabulary("bytes", ()),
    Vocabulary("bpe", (), ((195, 159), (97, 98), (257, 99))),
)
SHAPES: tuple[dict[str, Any], ...] = (  # of networks that read numbers; what a readout needs is in it
    {},
    {"hidden_size": (3, 2), "readout": "last", "layer_norm": True},
    {"bidirectional": True, "readout": "concat"},
    {"dtype": "float64", "learn_initial_state": True, "readout": "mean"},
    {"readout": "flatten", "steps": 6, "zoneout": 0.1},
    {"readout": "max", "num_layers": 2, "dropout": 0.2, "input_dropout": 0.1},
    {"bidirectional": True, "recurrent_dropout": 0.1, "output_dropout": 0.1},
)
TEXTS: tuple[dict[str, Any], ...] = (  # of networks that read symbols, one for each vocabulary
    {"num_layers": 2},
    {"embedding_size": 4, "tied": True},
    {"hidden_size": 1, "zoneout": 0.1},
    {"hidden_size": 1, "learn_initial_state": True},
)
OPTIMIZERS = ("adam", "adagrad", "rmsprop", "sgd")  # of the checkpoints
STEPS = 6
SMALL = 2  # steps of what writes hundreds of symbols


def main() -> None:
    """Write them all."""
    FOLDER.mkdir(exist_ok=True)
    for k, cell in enumerate(CELLS):
        _text(f"{cell}-softmax", cell, k, training=False)
        _text(f"{cell}-checkpoint", cell, k, training=True)
        for n, head in enumerate(HEADS[1:], 1):
            _numbers(f"{cell}-{head}", cell, head, SHAPES[(n + 2 * k) % len(SHAPES)])
    _both("gru-both")


def _text(name: str, cell: str, which: int, *, training: bool) -> None:
    """A model of a text, after a few steps of training."""
    vocabulary, (kind, activation) = VOCABULARIES[which], CELLS[cell]
    size = vocabulary.size
    options = {"hidden_size": 4} | TEXTS[which]
    network = elman.Network(kind, activation=activation, input_size=size, output_size=size, seed=3, **options)
    symbols = np.random.default_rng(which).integers(0, size, 90)
    losses = iter((2.5, 1.5, 1.75))
    given = {"validation": lambda _: next(losses), "validate_every": 4, "steps": 12, "learning_rate": 0.05}
    data = Streams(symbols, batch_size=3, seq_length=5)
    run = elman.train(network, data, optimizer=OPTIMIZERS[which], **given)
    state = list(islice(run, 9))[-1].training
    state.seconds = 1.25
    _write(name, network, symbols[: STEPS if size < 256 else SMALL], vocabulary, state if training else None)


def _numbers(name: str, cell: str, head: str, shape: dict[str, Any]) -> None:
    """A model of sequences of numbers."""
    kind, activation = CELLS[cell]
    options: dict[str, Any] = {"hidden_size": 3, "head": head} | shape
    if head == "quantile":
        options["quantiles"] = (0.1, 0.5, 0.9)
    network = elman.Network(kind, activation=activation, input_size=2, output_size=2, seed=4, **options)
    generator = np.random.default_rng(len(name))
    sequences = generator.normal(size=(8, STEPS, 2))
    whole = network.spec.readout != "every"
    targets = generator.normal(size=(8, 2) if whole else (8, STEPS, 2))
    if head == "sigmoid":
        targets = np.float64(targets > 0)
    data = Sequences(list(sequences), list(targets), batch_size=4, per_sequence=whole)
    for _ in elman.train(network, data, steps=6, learning_rate=0.05):
        pass
    _write(name, network, sequences[0].astype(np.float32))


def _both(name: str) -> None:
    """A model that reads numbers beside symbols."""
    sizes = {"input_size": 3, "embedding_size": 2, "feature_size": 2, "hidden_size": 3, "output_size": 2}
    network = elman.Network("gru", initialization="standard_normal", seed=5, **sizes)
    numbers = np.random.default_rng(5).normal(size=(3, 2)).astype(np.float32)
    _write(name, network, (np.array([2, 0, 1]), numbers))


def _write(name: str, network: elman.Network, x: Any, vocabulary: Any = None, training: Any = None) -> None:
    path = FOLDER / f"{name}.safetensors"
    if path.exists():
        raise SystemExit(f"{path.name} is there; a golden file is never written again")
    engine = elman.Network.from_spec(network.spec, network.parameters.flat, engine="native")
    y, _ = engine.run(x)
    right = elman.Network.from_spec(network.spec, network.parameters.flat, engine="reference").run(x)[0]
    np.testing.assert_allclose(y, right, rtol=0, atol=2e-6)
    record = {"elman": elman.__version__, "x": _plain(x), "y": np.float64(y).tolist()}
    elman.save(path, network, vocabulary, record, training)


def _plain(x: Any) -> Any:
    return [part.tolist() for part in x] if isinstance(x, tuple) else np.asarray(x).tolist()


if __name__ == "__main__":
    main()
