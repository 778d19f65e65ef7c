"""Three hundred steps on the bundled text: the run of chapter 4."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

import elman
from elman.data import Streams, corpus_from_text, split_stream
from elman.data.shakespeare import text


def draw() -> Figure:
    """Train, and draw loss, gradient norm and learning rate by step."""
    corpus = corpus_from_text(text())
    size = corpus.vocabulary.size
    network = elman.Network("elman", input_size=size, hidden_size=64, output_size=size, seed=1)
    read, _ = split_stream(corpus.symbols, 0.1)
    run = list(elman.train(network, Streams(read, batch_size=32, seq_length=50), steps=300))
    steps = [progress.step for progress in run]
    figure, (loss, norm, rate) = plt.subplots(1, 3, figsize=(7.4, 2.5))
    loss.plot(steps, [progress.loss for progress in run])
    loss.set(title="loss, nats per symbol", xlabel="step")
    norm.plot(steps, [progress.gradient_norm for progress in run], color="C1")
    norm.axhline(1, color="C1", linestyle="--", linewidth=1)
    norm.set(title="norm of the gradient", xlabel="step", yscale="log")
    rate.plot(steps, [progress.learning_rate for progress in run], color="C2")
    rate.set(title="learning rate", xlabel="step", ylim=(0, None))
    return figure
