"""Write the model file of format version 1 that every later elman must read: python make_model.py

A checkpoint, so that every part of the format is in it; its record holds what the network answers. It was
written once and is kept for ever: the program refuses to write it again.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import elman
from elman.data import Streams, corpus_from_text

PATH = Path(__file__).with_name("model_v1.safetensors")
SAID = "niemand mißt"
TEXT = "Zeit, die niemand mißt: fließt sie?\n" * 4


def main() -> None:
    """Train a little, ask the network, write the file."""
    if PATH.exists():
        raise SystemExit(f"{PATH.name} is there; a golden file is never written again")
    corpus = corpus_from_text(TEXT)
    size = corpus.vocabulary.size
    network = elman.Network(input_size=size, hidden_size=5, output_size=size, num_layers=2, seed=9)
    data = Streams(corpus.symbols, batch_size=3, seq_length=8)
    losses = iter([3.5, 2.5, 2.75])
    run = elman.train(network, data, steps=30, validation=lambda _: next(losses), validate_every=10, seed=5)
    training = [progress.training for progress in run][-1]
    training.seconds = 1.25
    x = corpus.vocabulary.encode(SAID)
    y, _ = network.run(x)
    record = {"said": SAID, "symbols": x.tolist(), "logits": np.float64(y).tolist(), "elman": "0.1.0"}
    elman.save(PATH, network, corpus.vocabulary, record, training)


if __name__ == "__main__":
    main()
