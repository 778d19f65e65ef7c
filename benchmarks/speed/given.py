"""What all rivals are given: the parameters to start from, and Tiny Shakespeare, 65 characters."""

from __future__ import annotations

from typing import Any

import numpy as np
from harness import Array, Case
from numpy.typing import NDArray

from elman import Network
from elman.data import Streams, shakespeare

BATCHES = 40  # different ones that a run goes round


def parameters(case: Case) -> Array:
    """Return those of a new network, flat."""
    sizes = {"input_size": case.vocabulary, "output_size": case.vocabulary}
    return Network(case.cell, hidden_size=case.hidden_size, seed=0, **sizes).parameters.flat


def symbols() -> NDArray[np.intp]:
    """Return the text as symbols."""
    characters = np.frombuffer(shakespeare.text().encode("ascii"), np.uint8)
    return np.unique(characters, return_inverse=True)[1]


def batches(case: Case) -> list[tuple[Array, Any]]:
    """Return its first batches."""
    stream = Streams(symbols(), case.batch_size, case.seq_length).batches()
    return [(batch.x, batch.targets) for batch, _ in zip(stream, range(BATCHES), strict=False)]
