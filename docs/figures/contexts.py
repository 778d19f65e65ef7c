"""What a symbol costs a table that counts, by the length of the context."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from elman.data import corpus_from_text, split_stream
from elman.data.shakespeare import text

TRAINED = 1.67  # nats: README, the median of three seeds


def runs(symbols: np.ndarray, length: int, count: int) -> np.ndarray:
    """Return every run of so many symbols as one number."""
    stop = len(symbols) - length + 1
    powers = (symbols[j : stop + j] * count ** (length - 1 - j) for j in range(length))
    return sum(powers, np.zeros(stop, np.int64))


def counted(seen: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return how often each wanted run was seen."""
    names, counts = np.unique(seen, return_counts=True)
    place = np.searchsorted(names, wanted).clip(max=len(names) - 1)
    return np.where(names[place] == wanted, counts[place], 0)


def nats(read: np.ndarray, judged: np.ndarray, k: int, count: int) -> float:
    """Return what a symbol costs a table with k symbols of context."""
    both = runs(judged, k + 1, count)
    before = counted(runs(read[:-1], k, count), runs(judged[:-1], k, count)[: len(both)])
    p = (counted(runs(read, k + 1, count), both) + 0.1) / (before + 0.1 * count)
    return float(-np.log(p).mean())


def draw() -> Figure:
    """Draw the costs in the text that was counted, and in the last tenth."""
    corpus = corpus_from_text(text())
    symbols, count, lengths = corpus.symbols.astype(np.int64), corpus.vocabulary.size, range(8)
    read, held_out = split_stream(symbols, 0.1)
    figure, ax = plt.subplots()
    ax.plot(lengths, [nats(read, held_out, k, count) for k in lengths], "o-", label="table, on new text")
    ax.plot(lengths, [nats(read, read, k, count) for k in lengths], "o--", label="table, on what it counted")
    ax.axhline(TRAINED, color="C2", label="recurrent network, on new text")
    ax.set(xlabel="symbols of context", ylabel="nats per symbol", ylim=(0, None))
    ax.legend()
    return figure
