"""Why do gradients vanish, and why do gates help?  python vanishing_gradients.py [picture.png]

The adding problem: of 50 numbers two are marked, their sum is to be said at the end. A network that learns
it carries the first over many steps, and the gradient back: how far is measured, before and after training.
"""

import sys
from collections.abc import Iterator

import numpy as np
from matplotlib import pyplot

import elman
from elman import Batch, inspection
from elman.inspection import plots

STEPS, LAGS = 50, 40
CELLS = {"elman": "tanh", "gru": "GRU", "lstm": "LSTM"}


class Sums:
    """Sequences drawn anew at every step of training: numbers, marks, and the sum of the marked ones."""

    steps_per_epoch = 100

    def batches(self, seed: int = 0, step: int = 0) -> Iterator[Batch]:
        """Yield x "T B 2" and targets "B 1"."""
        while True:
            random = np.random.default_rng([seed, step])
            numbers, marks = random.random((STEPS, 50)), np.zeros((STEPS, 50))
            np.put_along_axis(marks, random.random((STEPS, 50)).argsort(axis=0)[:2], 1, axis=0)
            yield Batch(np.stack([numbers, marks], -1), (numbers * marks).sum(0)[:, None], per_sequence=True)
            step += 1


tests = next(Sums().batches(seed=1))
axes = pyplot.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")[1]
print(f"always to say 1 costs {np.square(tests.targets - 1).mean():.4f}")
print(f"cell   half-life of the gradient in steps (inf: above {LAGS}): before, after    squared error")
for cell, name in CELLS.items():
    shape = {"input_size": 2, "hidden_size": 32, "output_size": 1, "readout": "last"}
    network = elman.Network(cell, **shape, head="squared", seed=1, initialization="uniform")
    before = inspection.gradient_by_lag(network, tests.x[:, 0], lags=LAGS, starts=8)
    for _ in elman.train(network, Sums(), steps=800, learning_rate=1e-2):
        pass
    after = inspection.gradient_by_lag(network, tests.x[:, 0], lags=LAGS, starts=8)
    error = np.square(network.run(tests.x)[0] - tests.targets).mean()
    print(f"{name:6s} {before.half_life:51.1f} {after.half_life:8.1f} {error:16.4f}")
    for ax, found in zip(axes, (before, after), strict=True):
        plots.plot_gradient_by_lag(found, ax=ax, label=name)
axes[0].set_title("before training")
axes[1].set(title="after 800 steps", ylabel="")
axes[0].figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "vanishing_gradients.png")
