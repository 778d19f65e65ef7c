"""What happens in a run beside the equations: rows that have ended or start anew, and units held back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elman.cells import States
from elman.numerics import Array

Held = float | States  # zoneout: the share that a unit keeps of its old state; or 0 and 1, "T B H" per state


@dataclass(frozen=True)
class Course:
    """The course of a run; the one without anything is the plain loop.

    live:    "T": how many rows still run at step t; they lie longest first, and rows live[t].. have ended.
    reset:   "T B": the row begins again at step t, from `anew`, "B H" per state.
    mask:    "B H": recurrent dropout: what W reads of h, one mask for all steps.
    zoneout: how much of its old state each unit keeps.
    """

    live: Array | None = None
    reset: Array | None = None
    anew: States = ()
    mask: Array | None = None
    zoneout: Held = 0.0

    def restarted(self, t: int, before: States) -> States | None:
        """Return the states before step t where a row begins again; None where none does."""
        if self.reset is None:
            return None
        rows = self.reset[t, : len(before[0])]
        if not rows.any():
            return None
        return tuple(np.where(rows[:, None], a[: len(b)], b) for b, a in zip(before, self.anew, strict=True))

    def read(self, h: Array) -> Array:
        """Return what W reads of h."""
        return h if self.mask is None else h * self.mask[: len(h)]

    def held(self, t: int, k: int, rows: int) -> Array | float:
        """Return how much of state k the units keep at step t."""
        return self.zoneout if isinstance(self.zoneout, float) else self.zoneout[k][t, :rows]

    def hold(self, t: int, before: States, after: States) -> None:
        """Mix the old states into the new: zoneout."""
        for k, (old, new) in enumerate(zip(before, after, strict=True)):
            new += self.held(t, k, len(new)) * (old - new)

    def unhold(self, t: int, before: States, after: States, dafter: States) -> tuple[States, States, States]:
        """Return (what the cell had made, its gradient, what goes straight to the states before).

        A unit whose new state was not used at all has no gradient: what stands for it is of no consequence.
        """
        made, dmade, straight = [], [], []
        for k, (old, new, dnew) in enumerate(zip(before, after, dafter, strict=True)):
            share = self.held(t, k, len(new))
            made.append((new - share * old) / (1 - share) if isinstance(share, float) else new)
            straight.append(share * dnew)
            dmade.append(dnew - straight[-1])
        return tuple(made), tuple(dmade), tuple(straight)


PLAIN = Course()
