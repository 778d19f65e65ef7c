"""A unit that follows quotation marks, along a text: chapter 7."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import elman
from elman.data import Streams, corpus_from_text
from elman.inspection import correlations, trace

SHOWN = slice(343, 433)  # characters


def sentences(seed: int, count: int) -> str:
    """Return sentences, half of them within quotation marks."""
    generator = np.random.default_rng(seed)
    words = ["go", "we", "no", "sun", "sea", "red", "yes", "old"]

    def phrase() -> str:
        return " ".join(generator.choice(words, generator.integers(1, 6)))

    return " ".join(f'"{phrase()}"' if generator.random() < 0.5 else f"{phrase()}." for _ in range(count))


def draw() -> Figure:
    """Train, find the unit, and draw its state under each character."""
    corpus, new = corpus_from_text(sentences(0, 5000)), sentences(7, 300)
    size = corpus.vocabulary.size
    network = elman.Network("gru", input_size=size, hidden_size=32, output_size=size, seed=1)
    network.parameters["layers.0.b"][32:64] = 3
    for _ in elman.train(network, Streams(corpus.symbols, batch_size=32, seq_length=64), steps=600):
        pass
    seen = trace(network, corpus.vocabulary.encode(new))
    within = np.cumsum(np.array(list(new)) == '"') % 2
    r = correlations(seen, within)["layers.0.h"][:, 0]
    unit = int(np.abs(r).argmax())
    state, steps = (
        seen.states["layers.0.h"][SHOWN, unit] * np.sign(r[unit]),
        np.arange(SHOWN.stop - SHOWN.start),
    )
    figure, ax = plt.subplots(figsize=(8, 2.4))
    ax.bar(steps, within[SHOWN] * 2, bottom=-1, width=1, color="C1", alpha=0.2, linewidth=0)
    ax.step(steps, state, where="mid")
    ax.set_xticks(steps, list(new[SHOWN]), fontfamily="monospace", fontsize=8)
    ax.tick_params(axis="x", length=0)
    ax.set(
        ylabel=f"state of unit {unit}" + (", sign turned" if r[unit] < 0 else ""),
        ylim=(-1, 1),
        xlim=(-0.5, len(steps) - 0.5),
    )
    ax.grid(visible=False, axis="x")
    return figure
