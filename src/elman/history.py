"""How a run of training went, small enough for the record of its model: losses, validations, samples."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

MOST, SAMPLES = 256, 12  # means of the loss and validations, and samples, that are kept
DIGITS = 5  # of a loss: a curve shows fewer


@dataclass
class History:
    """A run told in a few kilobytes, however long it was; made of steps alone, so the same when resumed.

    every       steps in each mean of `loss`, and begun: the sum over those that make no whole mean yet, and
                their number.
    validation  (step, loss);  samples: (step, what the network wrote then).
    Units: losses as the head has them (softmax: nats a symbol).

    >>> history = History()
    >>> for step in range(1, 600):
    ...     history.follow(loss=1 / step)
    >>> history.every, len(history.loss), history.loss[0]
    (4, 149, 0.52083)
    """

    every: int = 1
    loss: list[float] = field(default_factory=list)
    begun: tuple[float, int] = (0.0, 0)
    validation: list[tuple[int, float]] = field(default_factory=list)
    samples: list[tuple[int, str]] = field(default_factory=list)

    def follow(self, loss: float) -> None:
        """Take in a step; where there would be too many means, each is of twice as many from then on."""
        total, count = self.begun[0] + loss, self.begun[1] + 1
        self.begun = (total, count)
        if count < self.every:
            return
        self.begun = (0.0, 0)
        self.loss.append(_short(total / count))
        if len(self.loss) == MOST:
            pairs = zip(self.loss[::2], self.loss[1::2], strict=True)
            self.loss = [_short((one + other) / 2) for one, other in pairs]
            self.every *= 2

    def judge(self, step: int, loss: float, text: str | None) -> None:
        """Take in a validation, and what the network wrote then; of too many every second one goes."""
        self.validation.append((step, _short(loss)))
        if len(self.validation) > MOST:
            del self.validation[1:-1:2]
        if text is not None:
            self.samples.append((step, text.encode("utf-8", "replace").decode()))
            if len(self.samples) > SAMPLES:
                del self.samples[1:-1:2]

    def facts(self) -> dict[str, Any]:
        """Return it as plain data, for the record of a model.

        >>> History(validation=[(500, 1.75)]).facts()["validation"]
        [[500, 1.75]]
        """
        lists = {name: [*map(list, getattr(self, name))] for name in ("validation", "samples")}
        return asdict(self) | lists | {"begun": list(self.begun)}


def _short(loss: float) -> float:
    return float(f"{loss:.{DIGITS}g}")
