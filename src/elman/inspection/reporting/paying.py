"""What each symbol of a text cost, for a terminal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elman.inspection.surprise import surprisal
from elman.persistence import Model

from .lettering import cost_classes
from .naming import readable
from .passage import read_passage


@dataclass(frozen=True)
class Paid:
    """A symbol: what it shows, which cannot move the cursor (a line end is kept), its bits, and their class.

    known: was it predicted? The first symbol of a text is not.
    """

    shown: str
    bits: float
    level: int
    known: bool


def paid_text(model: Model, text: str | bytes, length: int) -> list[Paid]:
    """Return what each symbol of a text cost, `length` of them at most.

    Raises: as `report`; ShapeError for a model that does not predict the next symbol of a text.

    >>> from elman import Model, Network, Vocabulary
    >>> network = Network(input_size=3, hidden_size=4, output_size=3)
    >>> network.parameters.flat[:] = 0
    >>> paid_text(Model(network, Vocabulary("chars", ("<unk>", "a", "b"))), "ab", 9)[1]
    Paid(shown='b', bits=1.5849..., level=1, known=True)
    """
    passage = read_passage(model, text, None, length)
    reset = None if passage.reset is None else passage.reset[:-1]
    told = surprisal(model.network, passage.x[:-1], passage.x[1:], reset=reset)
    bits = np.concatenate([[np.nan], told.bits])
    return [
        Paid(_safe(piece), float(np.nan_to_num(cost)), int(level), bool(np.isfinite(cost)))
        for piece, cost, level in zip(passage.shown, bits, cost_classes(bits), strict=True)
        if piece or np.isfinite(cost)
    ]


def _safe(piece: str) -> str:
    return readable(piece.removesuffix("\n")) + "\n" * piece.endswith("\n")
