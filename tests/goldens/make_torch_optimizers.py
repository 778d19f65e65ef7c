"""Ask PyTorch where its optimizers go, and keep the answers: python make_torch_optimizers.py (needs torch).

Starts, gradients and learning rates are multiples of powers of two: exact, and short as text. Each step has a
learning rate of its own, the gradients differ by a factor of a million, and an ε of 1/16 shows where it
stands. Nothing of elman is imported.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

PATH = Path(__file__).with_name("torch_optimizers.json")
STEPS, SIZE = 20, 5
KEPT = (1, 2, 3, 10, 20)
TORCH = {
    "sgd": ("SGD", {"momentum": "momentum"}),
    "rmsprop": ("RMSprop", {"decay": "alpha", "epsilon": "eps"}),
    "adagrad": ("Adagrad", {"epsilon": "eps"}),
    "adam": ("Adam", {"beta1": "betas", "beta2": "betas", "epsilon": "eps"}),
    "adamw": (
        "AdamW",
        {"beta1": "betas", "beta2": "betas", "epsilon": "eps", "weight_decay": "weight_decay"},
    ),
}
RUNS: list[tuple[str, dict[str, float]]] = [
    ("sgd", {"momentum": 0.0}),
    ("sgd", {"momentum": 0.9}),
    ("rmsprop", {"decay": 0.95, "epsilon": 1e-8}),
    ("rmsprop", {"decay": 0.5, "epsilon": 0.0625}),
    ("adagrad", {"epsilon": 1e-8}),
    ("adagrad", {"epsilon": 0.0625}),
    ("adam", {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8}),
    ("adam", {"beta1": 0.5, "beta2": 0.999, "epsilon": 0.0625}),
    ("adam", {"beta1": 0.0, "beta2": 0.9, "epsilon": 1e-8}),
    ("adamw", {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8, "weight_decay": 0.25}),
    ("adamw", {"beta1": 0.5, "beta2": 0.999, "epsilon": 0.0625, "weight_decay": 0.0}),
]


def options(name: str, ours: dict[str, float]) -> dict[str, Any]:
    """Return our options in PyTorch's words."""
    theirs: dict[str, Any] = {}
    for word, value in ours.items():
        theirs[TORCH[name][1][word]] = value
    if "betas" in theirs:
        theirs["betas"] = (ours["beta1"], ours["beta2"])
    return theirs


def answers(name: str, ours: dict[str, float], given: dict[str, Any]) -> list[list[float]]:
    """Return x after each step that is kept."""
    import torch

    x = torch.tensor(given["x"], dtype=torch.float64, requires_grad=True)
    optimizer = getattr(torch.optim, TORCH[name][0])([x], lr=1.0, **options(name, ours))
    after = []
    for gradient, rate in zip(given["gradients"], given["rates"], strict=True):
        x.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        after.append(x.detach().tolist())
    return [after[step - 1] for step in KEPT]


def main() -> None:
    """Write the file."""
    import torch

    generator = np.random.default_rng(13)
    sizes = 2.0 ** np.array([-14, -6, 0, 3, 6])
    given = {
        "x": (generator.integers(-128, 129, SIZE) / 64).tolist(),
        "gradients": (generator.integers(-64, 65, (STEPS, SIZE)) / 64 * sizes).tolist(),
        "rates": (generator.integers(1, 65, STEPS) / 1024).tolist(),
    }
    runs = [{"optimizer": name, "options": ours, "x": answers(name, ours, given)} for name, ours in RUNS]
    form = {"torch": torch.__version__.split("+")[0], "kept": KEPT, "given": given, "runs": runs}
    PATH.write_text(json.dumps(form, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
